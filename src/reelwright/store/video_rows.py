"""The table `videos`, and the conversion of videos to rows and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reelwright.store.channels import WORK
from reelwright.store.database import tables
from reelwright.video import LATER_FIELDS, Failure, MadeFile, Status, Video, VideoSpec

videos = sa.Table(
    "videos",
    tables,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("engine", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("shape", sa.Integer, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("completed_at", sa.Float),
    sa.Column("expires_at", sa.Float),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("turn", sa.Integer, key="fair_tag", nullable=False, default=0),
    sa.Column("priority", sa.Integer, nullable=False, default=0),
    sa.Column("checkpoint", sa.Text),
    sa.Column("file", sa.Text),
    sa.Column("failure", sa.Text),
    sa.Column("made_with", sa.Text, nullable=False, default="{}"),
    sa.Column("remixed_from", sa.Text),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("fingerprint", sa.Text),
    sa.Column("bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("worker", sa.Text),
    sa.Column("detached", sa.Boolean, nullable=False),
    sa.Column("read_at", sa.Float),
    sa.Column("key", sa.Text, nullable=False, default=""),
    sa.Column("most_running", sa.Integer),
    sa.Index("videos_by_owner", "owner", "id"),
    sa.Index("videos_by_fingerprint", "fingerprint"),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    tables,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("video_id", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
)

TRACE, ASKED, RESUMED = "trace", "asked", "resumed_from"
"""Further entries of the JSON in the column `request`: the trace, what the client sent, and the resumed video's id."""

SHAPE = 2
"""The version of what a row's request and checkpoint look like. A program leaves alone what is newer than it knows.

1: the first one. 2: a request has one of `video.LATER_FIELDS`.
"""

active = videos.c.completed_at.is_(None)


Claimed = tuple[Video, Mapping[str, Any] | None]
"""A video whose next attempt has begun, and the checkpoint that it goes on from."""


def claimed(row: Mapping[str, Any]) -> Claimed:
    return video_of(row), json.loads(row["checkpoint"]) if row["checkpoint"] else None


def notice(channel: str, text: sa.ColumnElement[str]) -> sa.ColumnElement[Any]:
    """A notice that Postgres sends to all processes when the transaction is committed."""
    return sa.func.pg_notify(channel, text).label("notice")


def insertion(on_sqlite: bool) -> sa.UpdateBase:
    """Inserts a row unless the queue is full. Its parameters are the columns' keys and `max_queued`."""
    told = (
        "id",
        "owner",
        "status",
        "engine",
        "model",
        "shape",
        "request",
        "created_at",
        "started_at",
        "completed_at",
        "expires_at",
        "attempt",
        "fair_tag",
        "priority",
        "file",
        "checkpoint",
        "made_with",
        "remixed_from",
        "metadata",
        "fingerprint",
        "bytes",
        "worker",
        "detached",
        "key",
        "most_running",
    )
    most = sa.bindparam("max_queued", type_=sa.Integer)
    waits = videos.c.worker.is_(None) & active
    waiting = sa.select(sa.literal_column("1")).select_from(videos).where(waits).limit(most).subquery()
    room = sa.select(sa.func.count()).select_from(waiting).scalar_subquery() < most
    row = sa.select(*(sa.bindparam(name, type_=videos.c[name].type) for name in told)).where(room)
    insert = sa.insert(videos).from_select(list(told), row)
    if on_sqlite:
        return insert.returning(videos.c.id)
    work = sa.case((waits, notice(WORK, videos.c.engine).element), else_=None).label("notice")
    return insert.returning(videos.c.id, work)


def newest_duplicate() -> sa.Select[Any]:
    """The owner's newest completed video with that fingerprint."""
    return (
        sa.select(videos)
        .where(videos.c.fingerprint == sa.bindparam("fingerprint"), videos.c.owner == sa.bindparam("owner"))
        .where(videos.c.status == Status.COMPLETED.value)
        .order_by(videos.c.id.desc())
        .limit(1)
    )


def row_of(video: Video) -> dict[str, Any]:
    """The columns of a new video that do not depend on other rows."""
    spec = video.spec.to_json()
    beside = {
        name: value
        for name, value in ((TRACE, video.trace), (ASKED, video.asked), (RESUMED, video.resumed_from))
        if value
    }
    return {
        "id": video.id,
        "status": video.status.value,
        "engine": video.spec.engine,
        "model": video.spec.model,
        "shape": SHAPE if any(name in spec for name in LATER_FIELDS) else 1,
        "request": json.dumps({**spec, **beside}),
        "created_at": video.created_at.timestamp(),
        "started_at": video.started_at.timestamp() if video.started_at else None,
        "completed_at": video.completed_at.timestamp() if video.completed_at else None,
        "file": json.dumps(dataclasses.asdict(video.file)) if video.file else None,
        "expires_at": video.expires_at.timestamp() if video.expires_at else None,
        "attempt": video.attempt,
        "made_with": json.dumps(video.made_with),
        "remixed_from": video.remixed_from,
        "metadata": dict(video.metadata),
        "bytes": video.file.size if video.file else 0,
        "key": video.key,
        "most_running": video.most_running,
    }


def video_of(row: Any) -> Video:
    spec = json.loads(row["request"])
    trace, asked, resumed = (spec.pop(name, None) for name in (TRACE, ASKED, RESUMED))
    status = Status(row["status"])
    return Video(
        id=row["id"],
        owner=row["owner"],
        key=row["key"],
        most_running=row["most_running"],
        status=status,
        spec=VideoSpec.from_json(spec),
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
        metadata=row["metadata"],
        trace=trace,
        asked=asked,
        resumed_from=resumed,
        resumable=row["completed_at"] is not None and row["checkpoint"] is not None,
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
