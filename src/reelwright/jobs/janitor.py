"""The janitor: removes what is no longer kept, so that the disk does not fill up.

    expired videos             when their `expires_at` is over
    the store's size budget    the least recently used videos first; one that was read lately stays
    idempotency keys           after 24 hours
    ended webhook deliveries   after 30 days
    entries of the audit       after the time that is set for them
    uploaded files             after 24 hours
    checkpoints of failures    after 24 hours; until then such a video can be resumed
    orphans                    files without a video, files of an attempt that does not count, input images without a
                               video, checkpoints of jobs that have ended, half-written files

Where several processes work on one database, only one of them sweeps at a time.

A file that is being sent can be removed: its reader holds it open, and reads it to the end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog

from reelwright.clock import Clock
from reelwright.errors import NotFound
from reelwright.jobs.callers import Caller
from reelwright.jobs.queue import Queue
from reelwright.jobs.threads import Threads
from reelwright.jobs.trail import Trail
from reelwright.jobs.uploading import Uploading
from reelwright.jobs.webhooks import Webhooks
from reelwright.loop import Loop
from reelwright.store.audit import Audit
from reelwright.store.chores import Chores
from reelwright.store.files import Files
from reelwright.store.records import Records
from reelwright.store.resumable import Resumable

READ_LATELY = timedelta(minutes=10)
KEYS_KEPT = timedelta(hours=24)
CHECKPOINTS_KEPT = timedelta(hours=24)
"""How long a video that has failed can be resumed."""
LISTED_EACH_S = 3600.0
"""Seconds between two listings of a bucket, which cost one request for each thousand names."""


class Reads:
    """When each video was read last through this process. Each sweep writes the new times into the rows, for one video
    at most once in ten minutes. The audit is told of each read, too."""

    def __init__(self, clock: Clock, trail: Trail) -> None:
        self._clock = clock
        self._trail = trail
        self._new: dict[str, datetime] = {}
        self._written: dict[str, datetime] = {}

    def note(self, video_id: str, caller: Caller) -> None:
        """The caller reads the file of that video now."""
        now = self._clock.now()
        self._trail.read(caller, video_id)
        if now - self._written.get(video_id, datetime.min.replace(tzinfo=UTC)) >= READ_LATELY / 2:
            self._new[video_id] = now

    def unwritten(self) -> Mapping[str, datetime]:
        """The times that are in no row yet, by video; the caller writes them, so they are returned only once."""
        new, self._new = self._new, {}
        horizon = self._clock.now() - READ_LATELY
        self._written = {video_id: at for video_id, at in {**self._written, **new}.items() if at > horizon}
        return new


class Janitor:
    """Sweeps every `period_s` seconds. `budget_bytes`: the size that the store is brought back to; None: it may grow
    without a bound. `audit_days`: how long entries of the audit are kept."""

    def __init__(
        self,
        *,
        records: Records,
        chores: Chores,
        audit: Audit,
        resumable: Resumable,
        files: Files,
        uploads: Uploading,
        queue: Queue,
        webhooks: Webhooks,
        reads: Reads,
        clock: Clock,
        threads: Threads,
        budget_bytes: int | None,
        audit_days: float,
        period_s: float,
    ) -> None:
        self._records = records
        self._chores = chores
        self._audit = audit
        self._resumable = resumable
        self._files = files
        self._uploads = uploads
        self._queue = queue
        self._webhooks = webhooks
        self._reads = reads
        self._clock = clock
        self._threads = threads
        self._budget = budget_bytes
        self._audit_kept = timedelta(days=audit_days)
        self._period_s = period_s
        self._next_list = 0.0
        self._loop = Loop("janitor", self._round, period_s)
        self._log = structlog.get_logger("reelwright.jobs")

    async def run(self) -> None:
        """Sweep until the task is cancelled."""
        await self._loop.run()

    async def _round(self) -> None:
        """Sweep, unless another process has swept in this period; then only note what was read through this one."""
        if await self._threads.write(self._chores.take, "sweep", self._period_s * 0.9):
            await self.sweep()
        else:
            await self._write_reads()

    async def sweep(self) -> int:
        """Remove all that is no longer kept. Returns how many videos were removed. Raises `Busy`, OSError."""
        await self._write_reads()
        now = self._clock.now()
        doomed = list(await self._threads.read(self._records.expired, now))
        doomed += await self._over_budget(now, set(doomed))
        for video_id in doomed:
            with contextlib.suppress(NotFound):  # deleted meanwhile by its owner, or by another process
                await self._queue.delete(await self._queue.get(video_id, None))
        await self._threads.write(self._records.forget_keys, now - KEYS_KEPT)
        await self._threads.write(self._resumable.forget, now - CHECKPOINTS_KEPT)
        await self._webhooks.tidy()
        await self._threads.write(self._chores.tidy)
        await self._threads.write(self._audit.forget, now - self._audit_kept)
        orphans = uploads = 0
        if not self._files.remote or await self._listing():
            keys = await self._threads.read(self._records.keys)
            orphans = await self._threads.read(self._remove_orphans, keys)
            uploads = await self._uploads.sweep(now)
        if doomed or orphans or uploads:
            self._log.info("swept", videos=len(doomed), orphans=orphans, uploads=uploads)
        return len(doomed)

    async def _write_reads(self) -> None:
        if reads := self._reads.unwritten():
            await self._threads.write(self._records.note_reads, reads)

    async def _listing(self) -> bool:
        """Whether the bucket is to be listed in this sweep."""
        if self._clock.monotonic() < self._next_list:
            return False
        self._next_list = self._clock.monotonic() + LISTED_EACH_S
        return await self._threads.write(self._chores.take, "list", LISTED_EACH_S * 0.9)

    async def _over_budget(self, now: datetime, doomed: set[str]) -> list[str]:
        """The ids of the least recently used videos whose removal brings the store back to its budget.

        A video that was read or made within the last minutes stays even above the budget: a client may be about to
        fetch it. `doomed`: videos that are removed anyway.
        """
        if self._budget is None:
            return []
        finished = await self._threads.read(self._records.finished)
        sizes = await self._threads.read(self._files.sizes)
        used = {video_id: last for video_id, (last, _) in finished.items() if video_id not in doomed}
        takes = {video_id: sizes.get(video_id, finished[video_id][1]) for video_id in used}
        excess = sum(takes.values()) - self._budget
        removed: list[str] = []
        for video_id in sorted(used, key=used.__getitem__):
            if excess <= 0 or now - used[video_id] < READ_LATELY:
                break
            removed.append(video_id)
            excess -= takes[video_id]
        return removed

    def _remove_orphans(self, keys: Mapping[str, str | None]) -> int:
        return self._files.remove_orphans(keys, self._records.images(), self._resumable.ids())
