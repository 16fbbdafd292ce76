"""The janitor: removes what has had its time, so that the disk does not fill up.

    expired videos             their `expires_at` is over
    the store's size budget    least recently used first; what was read lately stays
    old idempotency keys       after 24 hours
    ended webhook deliveries   after 30 days
    entries of the audit       when their time is over
    uploaded files             after 24 hours
    checkpoints of failures    after 24 hours; until then such a video can be resumed
    orphans                    files of no video or of an attempt that does not count, input images of no video,
                               checkpoints of jobs that have ended, half-written files

Of several processes on one database one sweeps at a time.

A file that is being sent is safe in any case: its reader holds it open, and the name's removal does not touch it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog

from reelwright.clock import Clock
from reelwright.errors import Busy, NotFound
from reelwright.jobs.callers import Caller
from reelwright.jobs.queue import Queue
from reelwright.jobs.threads import Threads
from reelwright.jobs.trail import Trail
from reelwright.jobs.webhooks import Webhooks
from reelwright.store.audit import Audit
from reelwright.store.chores import Chores
from reelwright.store.files import Files
from reelwright.store.records import Records
from reelwright.store.resumable import Resumable
from reelwright.store.uploads import Uploads

READ_LATELY = timedelta(minutes=10)
KEYS_KEPT = timedelta(hours=24)
CHECKPOINTS_KEPT = timedelta(hours=24)
"""So long a video that has failed can be resumed."""
LISTED_EACH_S = 3600.0
"""A bucket is listed so often: each thousand names are one request."""


class Reads:
    """When each video was read last by this process: written into the rows with each sweep, a video each ten
    minutes. The audit is told of them, too."""

    def __init__(self, clock: Clock, trail: Trail) -> None:
        self._clock = clock
        self._trail = trail
        self._new: dict[str, datetime] = {}
        self._written: dict[str, datetime] = {}

    def note(self, video_id: str, caller: Caller) -> None:
        now = self._clock.now()
        self._trail.read(caller, video_id)
        if now - self._written.get(video_id, datetime.min.replace(tzinfo=UTC)) >= READ_LATELY / 2:
            self._new[video_id] = now

    def unwritten(self) -> Mapping[str, datetime]:
        """What was read and is in no row yet; it counts as written from now on."""
        new, self._new = self._new, {}
        horizon = self._clock.now() - READ_LATELY
        self._written = {video_id: at for video_id, at in {**self._written, **new}.items() if at > horizon}
        return new


class Janitor:
    """Sweeps every `period_s`. `budget_bytes` None: the store may grow without a bound. `audit_days`: so long
    entries of the audit stay."""

    def __init__(
        self,
        *,
        records: Records,
        chores: Chores,
        audit: Audit,
        resumable: Resumable,
        files: Files,
        uploads: Uploads,
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
        self._log = structlog.get_logger("reelwright.jobs")

    async def run(self) -> None:
        """Sweep for ever; a sweep that fails is told and tried again after the usual pause."""
        while True:
            try:
                if await self._threads.write(self._chores.take, "sweep", self._period_s * 0.9):
                    await self.sweep()
                else:
                    await self._write_reads()
            except Busy as error:
                self._log.warning("sweep put off", reason=error.message)
            except Exception:  # noqa: BLE001 - a loop that must not end: recorded
                self._log.exception("sweep failed")
            await asyncio.sleep(self._period_s)

    async def sweep(self) -> int:
        """One round. Returns how many videos were removed."""
        await self._write_reads()
        now = self._clock.now()
        doomed = list(await self._threads.read(self._records.expired, now))
        doomed += await self._over_budget(now, set(doomed))
        for video_id in doomed:
            with contextlib.suppress(NotFound):  # somebody else was faster
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
            uploads = await self._threads.read(self._uploads.sweep, now)
        if doomed or orphans or uploads:
            self._log.info("swept", videos=len(doomed), orphans=orphans, uploads=uploads)
        return len(doomed)

    async def _write_reads(self) -> None:
        if reads := self._reads.unwritten():
            await self._threads.write(self._records.note_reads, reads)

    async def _listing(self) -> bool:
        """Whether the bucket is to be listed now."""
        if self._clock.monotonic() < self._next_list:
            return False
        self._next_list = self._clock.monotonic() + LISTED_EACH_S
        return await self._threads.write(self._chores.take, "list", LISTED_EACH_S * 0.9)

    async def _over_budget(self, now: datetime, doomed: set[str]) -> list[str]:
        """The least recently read or made videos whose removal brings the store back under its budget.

        What was read or made within the last minutes stays, even above the budget: somebody is about to fetch it.
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
