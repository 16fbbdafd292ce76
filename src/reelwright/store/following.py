"""What one process knows of the videos that others make, on Postgres: how far they are, their previews, who follows
them.

The tables `watching` and `previews` are UNLOGGED: after a crash of Postgres they are empty, which costs nobody
anything.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store.channels import PROGRESS
from reelwright.store.database import tables
from reelwright.store.fleet_queue import NOW
from reelwright.store.transactions import Transactions
from reelwright.store.video_rows import video_of
from reelwright.video import Status, Video

watching = sa.Table(
    "watching",
    tables,
    sa.Column("video_id", sa.Text, primary_key=True),
    sa.Column("process", sa.Text, primary_key=True),
    sa.Column("until", sa.Float, nullable=False),
)
previews = sa.Table(
    "previews",
    tables,
    sa.Column("video_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

WATCHED_S = 15.0
"""A process counts as following a video for so many seconds after it has said so last."""

_LOOK = """
SELECT v.*, w.running, p.number AS preview,
    CASE WHEN v.status = 'queued' THEN (
        SELECT count(*) FROM videos o WHERE o.engine = v.engine AND o.worker IS NULL AND o.completed_at IS NULL
            AND (o.turn, o.id) <= (v.turn, v.id)) END AS position
FROM videos v LEFT JOIN workers w ON w.id = v.worker AND v.completed_at IS NULL
    LEFT JOIN previews p ON p.video_id = v.id AND v.completed_at IS NULL
WHERE v.id = ANY(CAST(:ids AS text[])) AND v.owner = coalesce(:owner, v.owner)
"""
_WATCH = f"""
INSERT INTO watching (video_id, process, until)
SELECT one, :me, {NOW} + {WATCHED_S} FROM unnest(CAST(:ids AS text[])) AS watched(one)
ON CONFLICT (video_id, process) DO UPDATE SET until = excluded.until
"""
_UNWATCH = "DELETE FROM watching WHERE process = :me AND video_id = ANY(CAST(:ids AS text[]))"
_TELL = "SELECT pg_notify(:channel, :text)"
_WANTED = f"""
SELECT coalesce((SELECT detached FROM videos WHERE id = :id), false)
    OR EXISTS (SELECT 1 FROM watching WHERE video_id = :id AND process <> :me AND until > {NOW})
    AS wanted
"""
_KEEP_PREVIEW = """
INSERT INTO previews (video_id, number, media_type, data) VALUES (:id, 1, :media_type, :data)
ON CONFLICT (video_id) DO UPDATE
SET number = previews.number + 1, media_type = excluded.media_type, data = excluded.data
RETURNING number
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A video as it is, with its progress and position. `preview`: the number of its last preview, if it has one."""

    video: Video
    preview: int | None


class Followers:
    """Which process follows which videos. Every method is one statement."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    def look(self, ids: Sequence[str], owner: str | None = None) -> Sequence[Looked]:
        """Those of the videos that exist; with `owner` only this owner's."""
        with self._database.connect() as connection:
            rows = self._database.prepared(_LOOK).all(connection, ids=list(ids), owner=owner)
        return [_looked(row) for row in rows]

    def watch(self, me: str, ids: Sequence[str]) -> None:
        """Store that this process follows these videos, for the next `WATCHED_S` seconds."""
        self._change(_WATCH, me=me, ids=list(ids))

    def unwatch(self, me: str, ids: Sequence[str]) -> None:
        """Store that this process follows these videos no more."""
        self._change(_UNWATCH, me=me, ids=list(ids))

    def wanted(self, me: str, video_id: str) -> bool:
        """Whether that video was promised to a client, or another process follows it for one."""
        with self._database.connect() as connection:
            rows = self._database.prepared(_WANTED).all(connection, me=me, id=video_id)
        return bool(rows[0]["wanted"])

    def keep_preview(self, video_id: str, data: bytes, media_type: str) -> int:
        """Store the newest preview of a video. Returns its number."""
        rows = self._change(_KEEP_PREVIEW, id=video_id, media_type=media_type, data=data)
        return int(rows[0]["number"])

    def preview(self, video_id: str) -> tuple[int, bytes, str] | None:
        """The newest preview: its number, the picture and its media type."""
        query = sa.select(previews.c.number, previews.c.data, previews.c.media_type)
        with self._database.connect() as connection:
            row = connection.execute(query.where(previews.c.video_id == video_id)).first()
        return (int(row.number), bytes(row.data), str(row.media_type)) if row else None

    def tell(self, progress: Mapping[str, tuple[int, int, int]]) -> None:
        """Send a notice to all processes: (attempt, percent, number of the preview) by video."""
        text = json.dumps(progress, separators=(",", ":"))
        self._change(_TELL, channel=PROGRESS, text=text)

    def _change(self, statement: str, **values: Any) -> Sequence[Mapping[str, Any]]:
        with self._database.statement() as connection:
            return self._database.prepared(statement).all(connection, **values)


def _looked(row: Any) -> Looked:
    video = video_of(row)
    attempt, percent = json.loads(row["running"] or "{}").get(video.id, (0, 0))
    if video.status is Status.IN_PROGRESS and attempt == video.attempt:
        video = dataclasses.replace(video, progress=percent)
    return Looked(video=dataclasses.replace(video, position=row["position"]), preview=row["preview"])
