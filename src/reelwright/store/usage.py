"""The table `usage`: what each key has asked for and been given, a row a key and day (UTC); and the daily limits.

A job counts on the day on which it was submitted. What it asks for is counted in the transaction that stores it, and
taken back in the one that ends it as failed or cancelled: so a daily limit is exact, on however many processes. The
row of the key and day is also what lines up submissions of one key, for the limits that are counted elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import tables
from reelwright.store.keys import KeyLimits, OverLimit
from reelwright.store.prepared import run
from reelwright.store.transactions import Transactions
from reelwright.store.upload_rows import STORED_BYTES
from reelwright.video import Status, Video

usage = sa.Table(
    "usage",
    tables,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("jobs", sa.BigInteger, nullable=False),
    sa.Column("completed", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("asked_ms", sa.BigInteger, nullable=False),
    sa.Column("asked_pixels", sa.BigInteger, nullable=False),
    sa.Column("made_ms", sa.BigInteger, nullable=False),
    sa.Column("engine_ms", sa.BigInteger, nullable=False),
    sa.Column("cost_micros", sa.BigInteger, nullable=False),
)

COST = "cost_usd"
"""The name in `made_with` under which an engine says what its provider charged for a video, in dollars."""

_NO_BOUND = 2**62
_RESERVE = """
INSERT INTO usage (key, day, jobs, completed, failed, asked_ms, asked_pixels, made_ms, engine_ms, cost_micros)
SELECT {key}, {day}, 1, 0, 0, {ms}, {pixels}, 0, 0, 0 WHERE {ms} <= {most_ms} AND {pixels} <= {most_pixels}
ON CONFLICT (key, day) DO UPDATE SET jobs = usage.jobs + 1,
    asked_ms = usage.asked_ms + excluded.asked_ms, asked_pixels = usage.asked_pixels + excluded.asked_pixels
WHERE usage.asked_ms + {ms} <= {most_ms} AND usage.asked_pixels + {pixels} <= {most_pixels}
RETURNING asked_ms, asked_pixels
"""
_ADD = """
INSERT INTO usage (key, day, jobs, completed, failed, asked_ms, asked_pixels, made_ms, engine_ms, cost_micros)
VALUES ({key}, {day}, 1, {completed}, {failed}, 0, 0, {made_ms}, {engine_ms}, {cost_micros})
ON CONFLICT (key, day) DO UPDATE SET completed = usage.completed + excluded.completed,
    failed = usage.failed + excluded.failed, made_ms = usage.made_ms + excluded.made_ms,
    engine_ms = usage.engine_ms + excluded.engine_ms, cost_micros = usage.cost_micros + excluded.cost_micros,
    asked_ms = CASE WHEN usage.asked_ms > {back_ms} THEN usage.asked_ms - {back_ms} ELSE 0 END,
    asked_pixels = CASE WHEN usage.asked_pixels > {back_pixels} THEN usage.asked_pixels - {back_pixels} ELSE 0 END
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one key used on one day (`2026-11-29`). `seconds`: of finished video; `engine_seconds`: in engines, for
    them. `cost_usd`: as providers have told it, 0 where none has."""

    key: str
    day: str
    jobs: int
    completed: int
    failed: int
    seconds: float
    engine_seconds: float
    cost_usd: float


_TAKEN = {
    "waiting": "(SELECT count(*) FROM (SELECT 1 FROM videos WHERE key = {key} AND completed_at IS NULL"
    " AND worker IS NULL LIMIT {most}) few)",  # not counted beyond as many as there may be
    "running": "(SELECT count(*) FROM videos WHERE key = {key} AND completed_at IS NULL AND worker IS NOT NULL)",
    "stored_bytes": STORED_BYTES,
}
"""What a key has of the limits that are no daily ones, in SQL. As text: to build and find again SQLAlchemy's own
statements takes longer than to run them, and each submission asks for this."""


class Usage:
    """`reserve`, `completed` and `failed` are for the transactions of `Records`."""

    def __init__(self, database: Transactions) -> None:
        self._database = database
        named = ":{}" if database.sqlite else "%({})s"
        words = ("key", "day", "ms", "pixels", "most_ms", "most_pixels", "completed", "failed", "made_ms", "engine_ms")
        told = {name: named.format(name) for name in (*words, "cost_micros", "back_ms", "back_pixels")}
        self._reserve, self._add = _RESERVE.format(**told), _ADD.format(**told)
        self._taken_sql = {
            name: sql.format(key=named.format("key"), most=named.format("most")) for name, sql in _TAKEN.items()
        }

    def reserve(
        self,
        connection: sa.Connection,
        video: Video,
        limits: KeyLimits,
        before: str = "",
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> Mapping[str, int]:
        """Count a new job, if its key may have it. Returns how much is left then, by the limits that it has.

        One that comes with a duplicate's file asks nothing of an engine, and only room. `before`, `more`: what is
        written by the same statement (`Audit.beside`). Raises `OverLimit`.
        """
        made = video.status is Status.COMPLETED
        seconds, pixels = limits.video_seconds_per_day, limits.pixel_frames_per_day
        values = {
            "key": video.key,
            "day": day_of(video.created_at),
            "ms": 0 if made else _asked_ms(video),
            "pixels": 0 if made else video.spec.pixel_frames,
            "most_ms": _NO_BOUND if seconds is None else seconds * 1000,
            "most_pixels": _NO_BOUND if pixels is None else pixels,
        }
        rows, _ = run(connection, before + self._reserve, {**values, **more})
        if not rows:
            raise self._over_the_day(connection, values, limits)
        left: dict[str, int] = {}
        if seconds is not None:
            left["video_seconds_per_day"] = (seconds * 1000 - rows[0][0]) // 1000
        if pixels is not None:
            left["pixel_frames_per_day"] = pixels - rows[0][1]
        counted = [name for name in _TAKEN if name != "waiting" or video.status is Status.QUEUED]
        taken = self._taken(connection, video.key, limits, counted)
        if limits.waiting is not None and "waiting" in taken:
            left["waiting"] = _room("waiting", limits.waiting, taken["waiting"]) - 1
        if limits.running is not None:
            left["running"] = max(0, limits.running - taken["running"])
        if limits.stored_bytes is not None:
            left["stored_bytes"] = _room("stored_bytes", limits.stored_bytes, taken["stored_bytes"])
        return left

    def _taken(
        self, connection: sa.Connection, key: str, limits: KeyLimits, names: Collection[str]
    ) -> Mapping[str, int]:
        """What the key has of those of these limits that there are, by one statement."""
        asked = [name for name in names if getattr(limits, name) is not None]
        if not asked:
            return {}
        query = f"SELECT {', '.join(self._taken_sql[name] for name in asked)}"
        ((row,), _) = run(connection, query, {"key": key, "most": limits.waiting})
        return {name: int(value) for name, value in zip(asked, row, strict=True)}

    def _over_the_day(self, connection: sa.Connection, asked: Mapping[str, Any], limits: KeyLimits) -> OverLimit:
        """The error that names the daily limit that was exceeded."""
        query = sa.select(usage.c.asked_ms, usage.c.asked_pixels)
        row = connection.execute(query.where(usage.c.key == asked["key"], usage.c.day == asked["day"])).first()
        ms, pixels = row if row else (0, 0)
        if limits.video_seconds_per_day is not None and ms + asked["ms"] > asked["most_ms"]:
            return OverLimit("video_seconds_per_day", limits.video_seconds_per_day, -(-ms // 1000))
        return OverLimit("pixel_frames_per_day", asked["most_pixels"], pixels)

    def completed(self, connection: sa.Connection, video: Video) -> None:
        """Count a video that has just been completed."""
        assert video.file is not None
        made_with, source = video.made_with, video.spec.extends
        seconds = video.file.num_frames / video.file.fps - (source.num_frames / source.fps if source else 0.0)
        self._count(
            connection,
            video,
            completed=1,
            made_ms=max(0, round(seconds * 1000)),
            engine_ms=round(float(made_with.get("render_s", 0)) * 1000),
            cost_micros=round(float(made_with.get(COST, 0)) * 1e6),
        )

    def failed(self, connection: sa.Connection, video: Video) -> None:
        """Count a video that has just failed, and give its key back what was reserved for it."""
        back = {"back_ms": _asked_ms(video), "back_pixels": video.spec.pixel_frames}
        self._count(connection, video, failed=1, **back)

    def _count(self, connection: sa.Connection, video: Video, **values: int) -> None:
        nothing = dict.fromkeys(
            ("completed", "failed", "made_ms", "engine_ms", "cost_micros", "back_ms", "back_pixels"), 0
        )
        row = {**nothing, **values, "key": video.key, "day": day_of(video.created_at)}
        run(connection, self._add, row)

    def rows(self, first: str, last: str, key: str | None) -> Sequence[Used]:
        """What was used from the first day to the last one, by one key or, with None, by each key; in the order of
        days."""
        query = sa.select(usage).where(usage.c.day >= first, usage.c.day <= last).order_by(usage.c.day, usage.c.key)
        if key is not None:
            query = query.where(usage.c.key == key)
        with self._database.connect() as connection:
            return [_used(row) for row in connection.execute(query).mappings()]

    def left(self, key: str, limits: KeyLimits, now: datetime) -> Mapping[str, int]:
        """How much is left to a key at this moment, by the limits that it has, but the number of its requests."""
        query = sa.select(usage.c.asked_ms, usage.c.asked_pixels)
        with self._database.connect() as connection:
            row = connection.execute(query.where(usage.c.key == key, usage.c.day == day_of(now))).first()
            ms, pixels = row if row else (0, 0)
            used: dict[str, int] = {
                "video_seconds_per_day": -(-ms // 1000),
                "pixel_frames_per_day": pixels,
                **self._taken(connection, key, limits, _TAKEN),
            }
        return {
            name: max(0, most - taken) for name, taken in used.items() if (most := getattr(limits, name)) is not None
        }


def day_of(moment: datetime) -> str:
    """The day (UTC) in the form of the rows: `2026-11-29`."""
    return moment.strftime("%Y-%m-%d")


def _asked_ms(video: Video) -> int:
    return round(video.spec.seconds * 1000)


def _room(limit: str, most: int, used: int) -> int:
    if used >= most:
        raise OverLimit(limit, most, used)
    return most - used


def _used(row: Any) -> Used:
    return Used(
        key=row["key"],
        day=row["day"],
        jobs=row["jobs"],
        completed=row["completed"],
        failed=row["failed"],
        seconds=row["made_ms"] / 1000,
        engine_seconds=row["engine_ms"] / 1000,
        cost_usd=row["cost_micros"] / 1e6,
    )
