"""The `videos` table: one row a video. Every change of state is one guarded statement.

Sync code over SQLAlchemy Core; the same statements run on SQLite and Postgres. Callers in async code use a thread.
A row ends in exactly one terminal state, once: whoever comes second changes nothing and is told so.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reelwright.video import Failure, MadeFile, Request, Status, Video

_metadata = sa.MetaData()

videos = sa.Table(
    "videos",
    _metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("engine", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("completed_at", sa.Float),
    sa.Column("expires_at", sa.Float),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("turn", sa.Integer, nullable=False, default=0),
    sa.Column("checkpoint", sa.Text),
    sa.Column("file", sa.Text),
    sa.Column("failure", sa.Text),
    sa.Column("made_with", sa.Text, nullable=False, default="{}"),
    sa.Column("remixed_from", sa.Text),
    sa.Index("videos_by_owner", "owner", "id"),
    sa.Index("videos_by_status", "status"),
)

_ACTIVE = (Status.QUEUED.value, Status.IN_PROGRESS.value)


class Records:
    """The rows. Every method is one transaction; none retries, none waits longer than the database's busy time-out."""

    def __init__(self, database: sa.Engine) -> None:
        self._database = database

    def create_tables(self) -> None:
        _metadata.create_all(self._database)

    def insert(self, video: Video, max_queued: int) -> int | None:
        """Store a new queued video. Returns its turn in the queue (lower is sooner), or None when the queue is full.

        The turn is a start-time fair queueing tag (Goyal, Vin, Cheng 1996) with every job of weight 1: one more than
        the owner's last waiting job, and never less than the tag of the job that started last. So an owner with a
        thousand jobs delays another owner's first job by one job, not by a thousand.
        """
        active = videos.c.status.in_(_ACTIVE)
        own = sa.select(sa.func.max(videos.c.turn) + 1).where(active, videos.c.owner == video.owner).scalar_subquery()
        now_served = (
            sa.select(sa.func.max(videos.c.turn)).where(videos.c.status == Status.IN_PROGRESS.value).scalar_subquery()
        )
        greatest = sa.func.max if self._database.dialect.name == "sqlite" else sa.func.greatest
        waiting = (
            sa.select(sa.func.count())
            .select_from(videos)
            .where(videos.c.status == Status.QUEUED.value)
            .scalar_subquery()
        )
        row = sa.select(
            sa.literal(video.id),
            sa.literal(video.owner),
            sa.literal(video.status.value),
            sa.literal(video.request.engine),
            sa.literal(json.dumps(video.request.to_json())),
            sa.literal(video.created_at.timestamp()),
            sa.literal(video.expires_at.timestamp() if video.expires_at else None),
            sa.literal(0),
            greatest(sa.func.coalesce(own, 0), sa.func.coalesce(now_served, 0)),
            sa.literal("{}"),
            sa.literal(video.remixed_from),
        ).where(waiting < max_queued)
        names = ["id", "owner", "status", "engine", "request", "created_at", "expires_at", "attempt", "turn"]
        statement = sa.insert(videos).from_select([*names, "made_with", "remixed_from"], row).returning(videos.c.turn)
        with self._database.begin() as connection:
            turn: int | None = connection.execute(statement).scalar()
        return turn

    def get(self, video_id: str) -> Video | None:
        with self._database.connect() as connection:
            row = connection.execute(sa.select(videos).where(videos.c.id == video_id)).mappings().first()
        return _video(row) if row else None

    def claim(self, video_id: str, now: datetime) -> tuple[Video, Mapping[str, Any] | None] | None:
        """Begin an attempt: raises the fencing number. Returns the video and its checkpoint, None if it has ended."""
        statement = (
            sa.update(videos)
            .where(videos.c.id == video_id, videos.c.status.in_(_ACTIVE))
            .values(
                status=Status.IN_PROGRESS.value,
                attempt=videos.c.attempt + 1,
                started_at=sa.func.coalesce(videos.c.started_at, now.timestamp()),
            )
            .returning(videos)
        )
        with self._database.begin() as connection:
            row = connection.execute(statement).mappings().first()
        if row is None:
            return None
        return _video(row), json.loads(row["checkpoint"]) if row["checkpoint"] else None

    def save_checkpoint(self, video_id: str, attempt: int, state: Mapping[str, Any]) -> bool:
        """Keep what a later attempt needs. False when this attempt is no longer the one that counts."""
        return self._update(video_id, attempt, checkpoint=json.dumps(state))

    def complete(
        self, video_id: str, attempt: int, file: MadeFile, made_with: Mapping[str, Any], now: datetime
    ) -> bool:
        """The terminal state of success. False when the video has ended already or a later attempt has taken over."""
        return self._update(
            video_id,
            attempt,
            status=Status.COMPLETED.value,
            file=json.dumps(dataclasses.asdict(file)),
            made_with=json.dumps(made_with),
            completed_at=now.timestamp(),
            checkpoint=None,
        )

    def fail(self, video_id: str, attempt: int | None, failure: Failure, now: datetime) -> bool:
        """The terminal state of failure; `attempt` None (a cancel) ends any attempt. False if it has ended already."""
        return self._update(
            video_id,
            attempt,
            status=Status.FAILED.value,
            failure=json.dumps(dataclasses.asdict(failure)),
            completed_at=now.timestamp(),
            checkpoint=None,
        )

    def _update(self, video_id: str, attempt: int | None, **values: Any) -> bool:
        guard = [videos.c.id == video_id, videos.c.status.in_(_ACTIVE)]
        if attempt is not None:
            guard.append(videos.c.attempt == attempt)
        with self._database.begin() as connection:
            return connection.execute(sa.update(videos).where(*guard).values(**values)).rowcount == 1

    def active(self) -> Sequence[Video]:
        """All videos that are queued or in progress, by their turn."""
        query = sa.select(videos).where(videos.c.status.in_(_ACTIVE)).order_by(videos.c.turn, videos.c.id)
        with self._database.connect() as connection:
            return [_video(row) for row in connection.execute(query).mappings()]


def _video(row: Any) -> Video:
    request = Request.from_json(json.loads(row["request"]))
    status = Status(row["status"])
    return Video(
        id=row["id"],
        owner=row["owner"],
        status=status,
        request=request,
        created_at=_time(row["created_at"]) or datetime.now(UTC),
        started_at=_time(row["started_at"]),
        completed_at=_time(row["completed_at"]),
        expires_at=_time(row["expires_at"]),
        progress=100 if status is Status.COMPLETED else 0,
        attempt=row["attempt"],
        file=MadeFile(**json.loads(row["file"])) if row["file"] else None,
        failure=Failure(**json.loads(row["failure"])) if row["failure"] else None,
        made_with=json.loads(row["made_with"]),
        remixed_from=row["remixed_from"],
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
