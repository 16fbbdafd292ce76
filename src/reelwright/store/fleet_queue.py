"""The queue of a fleet, on Postgres: which videos wait, which process makes which video, and which processes live.

Each process of the fleet has a row in `workers`, and writes the time into it once a second (a beat). A video that it
has claimed has its id in the column `worker`. When a process stops beating, any other one removes its row (a reap) and
so frees its videos. The number of a video's attempt is a fencing token: once another process has begun the next
attempt, nothing that the earlier process writes is accepted, in case it was wrongly taken for dead. All times are of
the database's clock.

`line` in the tables is the name of an engine, since each engine has a queue of its own. Sync code; every method is one
transaction, and nearly every one is one statement.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reelwright.store.channels import NEWS, WORK
from reelwright.store.database import tables
from reelwright.store.transactions import Transactions
from reelwright.store.video_rows import SHAPE, Claimed, claimed

workers = sa.Table(
    "workers",
    tables,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("engines", sa.Text, nullable=False),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("session", sa.BigInteger),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("beat_at", sa.Float, nullable=False),
    sa.Column("steady_since", sa.Float, nullable=False),
    sa.Column("draining", sa.Boolean, nullable=False),
    sa.Column("running", sa.Text, nullable=False),
)
paused = sa.Table("paused", tables, sa.Column("line", sa.Text, primary_key=True))

TTL_S = 15.0
"""A process whose last beat is older, in seconds, is dead in any case."""
LATE_S = 3.0
"""A process whose last beat is older is dead if its connection's advisory lock is gone, too."""
BREAK_S = 4.0
"""After a longer break between two of its own beats a process must beat steadily for `TTL_S` before it may reap."""

LOCK = 0x6B657973
"""The first half of the number of an advisory lock for an API key: the letters `keys`. The second half is a hash."""

NOW = "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A process of the fleet. `engines`: the models that it can render with, by engine; empty: it only serves the API.

    `address`: the machine's name and the process's number. `session`: the number of the advisory lock that its
    connection to Postgres holds, None when it has none.
    """

    id: str
    engines: Mapping[str, Sequence[str]]
    slots: int
    version: str
    address: str
    session: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAttempt:
    """An attempt that belongs to a process, as the rows say. `watched`: a client follows the video through another
    process."""

    video_id: str
    attempt: int
    watched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The answer to a beat: `draining`, if the process is to claim nothing more, and the attempts that it holds."""

    draining: bool
    held: Sequence[HeldAttempt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many jobs of one engine wait and run. `oldest_s`: how long the oldest waiting one has waited, in seconds."""

    waiting: int = 0
    running: int = 0
    oldest_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStatus:
    """A process of the fleet as an operator sees it. Ages are in seconds; `running`: attempt and percent, by video."""

    member: Member
    age_s: float
    beat_age_s: float
    draining: bool
    running: Mapping[str, tuple[int, int]]


_CLAIM = f"""
WITH busy AS MATERIALIZED (
    SELECT key FROM videos WHERE worker IS NOT NULL AND completed_at IS NULL AND most_running IS NOT NULL
    GROUP BY key HAVING count(*) >= min(most_running)
), next AS MATERIALIZED (
    SELECT head.id FROM unnest(CAST(:models AS text[])) AS offered(model)
    CROSS JOIN LATERAL (
        SELECT v.id, v.turn FROM videos v
        WHERE v.engine = :engine AND v.model = offered.model AND v.worker IS NULL AND v.completed_at IS NULL
            AND v.shape <= :shape AND (v.most_running IS NULL OR v.key NOT IN (SELECT key FROM busy))
            AND (v.fingerprint IS NULL OR NOT EXISTS (
                SELECT 1 FROM videos duplicate WHERE duplicate.fingerprint = v.fingerprint AND duplicate.owner = v.owner
                    AND duplicate.worker IS NOT NULL AND duplicate.completed_at IS NULL))
        ORDER BY v.turn, v.id LIMIT 1 FOR UPDATE OF v SKIP LOCKED
    ) head
    ORDER BY head.turn, head.id LIMIT 1
), mine AS (
    UPDATE videos SET status = 'in_progress', worker = :me, attempt = attempt + 1,
        started_at = coalesce(started_at, greatest(:now, created_at))
    WHERE id IN (SELECT id FROM next)
        AND EXISTS (SELECT 1 FROM workers WHERE id = :me AND NOT draining)
        AND NOT EXISTS (SELECT 1 FROM paused WHERE line = :engine)
    RETURNING *
), served AS (
    UPDATE lines SET turn = mine.turn - mine.priority FROM mine
    WHERE lines.line = mine.engine AND lines.owner = '*' AND lines.turn < mine.turn - mine.priority
)
SELECT mine.*, pg_notify('{NEWS}', id || ' in_progress') FROM mine
"""
"""The LATERAL takes the first row of each model from the index; `model = ANY(…)` would sort the whole queue."""

_ROOM = """
SELECT count(*) <= min(most_running) AS room FROM videos
WHERE worker IS NOT NULL AND completed_at IS NULL AND key = :key
"""
"""Whether the claimed job is within its key's limit of running jobs. Asked while the key is locked, since two processes
may claim at the same moment."""

_LOCK_KEY = "SELECT pg_advisory_xact_lock(:lock, hashtext(:key))"

_CLAIM_DUPLICATES = f"""
UPDATE videos SET status = 'in_progress', worker = :me, attempt = attempt + 1,
    started_at = coalesce(started_at, greatest(:now, created_at))
WHERE id IN (
    SELECT duplicate.id FROM videos leader
        JOIN videos duplicate ON duplicate.fingerprint = leader.fingerprint AND duplicate.owner = leader.owner
    WHERE leader.id = ANY(CAST(:made AS text[])) AND leader.worker = :me AND leader.completed_at IS NULL
        AND duplicate.worker IS NULL AND duplicate.completed_at IS NULL AND duplicate.shape <= :shape
    FOR UPDATE OF duplicate SKIP LOCKED)
RETURNING *, pg_notify('{NEWS}', id || ' in_progress')
"""

_BEAT = f"""
WITH beat AS (
    UPDATE workers SET running = :running, session = :session,
        steady_since = CASE WHEN beat_at < {NOW} - {BREAK_S} THEN {NOW} ELSE steady_since END, beat_at = {NOW}
    WHERE id = :me RETURNING draining
)
SELECT (SELECT draining FROM beat) AS draining, v.id, v.attempt,
    EXISTS (SELECT 1 FROM watching w WHERE w.video_id = v.id AND w.process <> :me AND w.until > {NOW}) AS watched
FROM (SELECT 1) one LEFT JOIN videos v ON v.worker = :me AND v.completed_at IS NULL
"""

_BURY = f"""
DELETE FROM workers WHERE id IN (
    SELECT w.id FROM workers w
    WHERE (w.beat_at < {NOW} - {TTL_S} OR (w.beat_at < {NOW} - {LATE_S} AND w.session IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (CAST(l.classid AS bigint) << 32) + CAST(l.objid AS bigint) = w.session)))
        AND EXISTS (SELECT 1 FROM workers me WHERE me.id = :me
            AND me.beat_at > {NOW} - {LATE_S} AND me.steady_since < {NOW} - {TTL_S})
    FOR UPDATE SKIP LOCKED)
RETURNING id
"""
"""After an outage of the database all beats are old, and the first process that is back would take all others for dead.
So a process may reap only after it has beaten without a break for `TTL_S`. The statement itself checks that by the
database's clock, so it also holds when the statement arrives late."""

_FREE = f"""
UPDATE videos SET worker = NULL
WHERE worker IS NOT NULL AND completed_at IS NULL AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = videos.worker)
RETURNING id, pg_notify('{WORK}', engine)
"""

_RELEASE = f"""
UPDATE videos SET worker = NULL WHERE worker = :me AND completed_at IS NULL AND id = :id AND attempt = :attempt
RETURNING pg_notify('{WORK}', engine)
"""
_GIVE_BACK = f"""
UPDATE videos SET worker = NULL, attempt = attempt - 1
WHERE worker = :me AND completed_at IS NULL AND id = :id AND attempt = :attempt
RETURNING pg_notify('{WORK}', engine)
"""
_LEAVE = f"""
UPDATE videos SET worker = NULL WHERE worker = :me AND completed_at IS NULL RETURNING pg_notify('{WORK}', engine)
"""

_BACKLOG = f"""
SELECT engine, count(*) FILTER (WHERE worker IS NULL) AS waiting, count(worker) AS running,
    coalesce({NOW} - min(created_at) FILTER (WHERE worker IS NULL), 0) AS oldest_s
FROM videos WHERE completed_at IS NULL GROUP BY engine
"""


class _NoRoom(Exception):
    """Rolls a claim back: its API key has as many jobs running as it may."""


class FleetQueue:
    """The rows of a fleet's jobs and processes, for one process of it."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    def register(self, member: Member) -> None:
        """Add this process to the fleet."""
        row = {
            "id": member.id,
            "engines": json.dumps(member.engines),
            "slots": member.slots,
            "version": member.version,
            "address": member.address,
            "session": member.session,
        }
        values = f":id, :engines, :slots, :version, :address, :session, {NOW}, {NOW}, {NOW}, false, '{{}}'"
        with self._database.begin() as connection:
            connection.execute(sa.text(f"INSERT INTO workers VALUES ({values})"), row)
            for engine in member.engines:
                served = "INSERT INTO lines (line, owner, turn) VALUES (:line, '*', 0) ON CONFLICT DO NOTHING"
                connection.execute(sa.text(served), {"line": engine})

    def claim(self, me: str, engine: str, models: Sequence[str], now: datetime) -> Claimed | None:
        """Claim the first waiting video of that engine that one of these models can make.

        None when there is none, the engine's queue is paused, this process is to drain or was removed as dead, or all
        waiting videos are of API keys that have as many jobs running as they may.

        A duplicate of a video that is being made stays in the line: its maker takes it (`claim_duplicates`), or its
        file.
        """
        values = {"me": me, "engine": engine, "models": list(models), "shape": SHAPE, "now": now.timestamp()}
        with contextlib.suppress(_NoRoom), self._database.begin() as connection:
            row = self._database.prepared(_CLAIM).first(connection, **values)
            if row is None:
                return None
            if row["most_running"] is not None and not self._has_room(connection, row["key"]):
                raise _NoRoom
            return claimed(row)
        return None

    def _has_room(self, connection: sa.Connection, key: str) -> bool:
        """Whether the API key has no more jobs running than it may. Locks the key until the commit."""
        self._database.prepared(_LOCK_KEY).all(connection, lock=LOCK, key=key)
        return bool(self._database.prepared(_ROOM).all(connection, key=key)[0]["room"])

    def claim_duplicates(self, me: str, made: Sequence[str], now: datetime) -> Sequence[Claimed]:
        """Claim the waiting duplicates of the videos `made` by this process."""
        found = self._rows(_CLAIM_DUPLICATES, {"me": me, "made": list(made), "shape": SHAPE, "now": now.timestamp()})
        return [claimed(row) for row in found]

    def beat(self, me: str, session: int | None, running: Mapping[str, tuple[int, int]]) -> Beat | None:
        """Write that this process lives, and how far its jobs are: (attempt, percent) by video.

        None when its row is gone, because it was taken for dead.
        """
        values = {"me": me, "session": session, "running": json.dumps(running, separators=(",", ":"))}
        found = self._rows(_BEAT, values)
        if found[0]["draining"] is None:
            return None
        held = [
            HeldAttempt(video_id=row["id"], attempt=row["attempt"], watched=row["watched"])
            for row in found
            if row["id"] is not None
        ]
        return Beat(draining=found[0]["draining"], held=held)

    def reap(self, me: str) -> tuple[Sequence[str], Sequence[str]]:
        """Remove dead processes, and free the videos that they held. Returns the ids of both.

        If its answer does not come, it must not be repeated at once: see `_BURY`.
        """
        with self._database.begin() as connection:
            dead = list(connection.execute(sa.text(_BURY), {"me": me}).scalars())
            freed = list(connection.execute(sa.text(_FREE)).scalars())
        return dead, freed

    def bury(self, dead: Sequence[str]) -> Sequence[str]:
        """Remove processes that have certainly ended. Returns the ids of the videos that they held, which are free
        now."""
        with self._database.begin() as connection:
            connection.execute(
                sa.text("DELETE FROM workers WHERE id = ANY(CAST(:dead AS text[]))"), {"dead": list(dead)}
            )
            return list(connection.execute(sa.text(_FREE)).scalars())

    def adopt(self, me: str, video_id: str, attempt: int) -> bool:
        """Take back a video that this process made before it was wrongly taken for dead.

        False when another attempt has begun, or the video has ended.
        """
        again = (
            "UPDATE videos SET worker = :me WHERE id = :id AND attempt = :attempt AND worker IS NULL"
            " AND completed_at IS NULL RETURNING id"
        )
        return bool(self._rows(again, {"me": me, "id": video_id, "attempt": attempt}))

    def release(self, me: str, video_id: str, attempt: int) -> None:
        """Free a video that this process makes no more; the attempt counts."""
        self._rows(_RELEASE, {"me": me, "id": video_id, "attempt": attempt})

    def give_back(self, me: str, video_id: str, attempt: int) -> None:
        """Free a video that this process has not begun to make; the attempt does not count."""
        self._rows(_GIVE_BACK, {"me": me, "id": video_id, "attempt": attempt})

    def leave(self, me: str) -> None:
        """Remove this process, which ends, and free the videos that it holds."""
        with self._database.begin() as connection:
            connection.execute(sa.text(_LEAVE), {"me": me})
            connection.execute(sa.text("DELETE FROM workers WHERE id = :me"), {"me": me})

    def backlog(self) -> Mapping[str, Backlog]:
        """How many jobs wait and run, by engine."""
        return {
            row["engine"]: Backlog(waiting=row["waiting"], running=row["running"], oldest_s=max(0.0, row["oldest_s"]))
            for row in self._rows(_BACKLOG, {})
        }

    def members(self) -> Sequence[MemberStatus]:
        """All processes, the oldest first."""
        ages = f"{NOW} - started_at AS age_s, {NOW} - beat_at AS beat_age_s"
        found = self._rows(f"SELECT *, {ages} FROM workers ORDER BY started_at, id", {})
        return [
            MemberStatus(
                member=Member(
                    id=row["id"],
                    engines=json.loads(row["engines"]),
                    slots=row["slots"],
                    version=row["version"],
                    address=row["address"],
                    session=row["session"],
                ),
                age_s=row["age_s"],
                beat_age_s=row["beat_age_s"],
                draining=row["draining"],
                running=json.loads(row["running"]),
            )
            for row in found
        ]

    def _rows(self, statement: str, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        with self._database.statement() as connection:
            return self._database.prepared(statement).all(connection, **values)
