"""What an operator sees of all owners' jobs, and does to the queues. Sync code; every method is one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from reelwright.store.audit import Audit, Entry
from reelwright.store.channels import WORK
from reelwright.store.fleet_queue import paused, workers
from reelwright.store.transactions import Transactions
from reelwright.store.video_rows import active, video_of, videos
from reelwright.video import Video

# The priority changes by as much as the fair tag: their difference, the tag without priority, is what is noted as begun
# when the job begins, and that must stay fair.
_TO_FRONT = """
UPDATE videos SET priority = priority + ({first} - turn), turn = {first}
WHERE id = :this AND completed_at IS NULL AND worker IS NULL RETURNING turn
"""
_FIRST = """
(SELECT min(other.turn) - 1 FROM videos other
 WHERE other.engine = videos.engine AND other.completed_at IS NULL AND other.worker IS NULL)
"""


class Oversight:
    def __init__(self, database: Transactions, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def jobs(self, limit: int) -> Sequence[Video]:
        """At most `limit` videos that have not ended: the running ones first, then the waiting ones in their order."""
        order = (videos.c.worker.is_(None), videos.c.fair_tag, videos.c.id)
        query = sa.select(videos).where(active).order_by(*order).limit(limit)
        with self._database.connect() as connection:
            return [video_of(row) for row in connection.execute(query).mappings()]

    def to_front(self, video_id: str, entry: Entry) -> int | None:
        """Put a video first in the queue of its engine. Returns its new fair tag; None when it does not wait."""
        with self._database.begin() as connection:
            row = connection.execute(sa.text(_TO_FRONT.format(first=_FIRST)), {"this": video_id}).first()
            if row is None:
                return None
            self._audit.add(connection, entry)
        return int(row.turn)

    def drain(self, worker_id: str, entry: Entry, *, draining: bool) -> bool:
        """That process of a fleet begins no more jobs, or begins them again. False when there is no such process."""
        named = workers.c.id == worker_id
        update = sa.update(workers).where(named, workers.c.draining != draining).values(draining=draining)
        with self._database.begin() as connection:
            if connection.execute(update.returning(workers.c.id)).first() is not None:
                self._audit.add(connection, entry)
                return True
            return connection.execute(sa.select(workers.c.id).where(named)).first() is not None

    def pause(self, engine: str, entry: Entry) -> None:
        """Begin no jobs of that engine any more; jobs that run go on."""
        insert = "INSERT INTO paused VALUES (:line) ON CONFLICT DO NOTHING RETURNING line"
        with self._database.begin() as connection:
            if connection.execute(sa.text(insert), {"line": engine}).first() is not None:
                self._audit.add(connection, entry)

    def resume(self, engine: str, entry: Entry) -> bool:
        """Begin jobs of that engine again. False when it was not paused."""
        delete = sa.delete(paused).where(paused.c.line == engine).returning(paused.c.line)
        with self._database.begin() as connection:
            if connection.execute(delete).first() is None:
                return False
            self._audit.add(connection, entry)
            if not self._database.sqlite:
                connection.execute(sa.select(sa.func.pg_notify(WORK, engine)))
        return True

    def paused(self) -> frozenset[str]:
        """The engines whose queues are paused."""
        with self._database.connect() as connection:
            return frozenset(connection.execute(sa.select(paused.c.line)).scalars())
