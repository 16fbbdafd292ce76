"""The janitor: removes what has had its time, so that the disk does not fill up.

    expired videos             their `expires_at` is over
    the store's size budget    least recently used first; what was read lately stays
    old idempotency keys       after 24 hours
    ended webhook deliveries   after 30 days
    orphaned parts             files whose video is gone

A file that is being sent is safe in any case: its reader holds it open, and the name's removal does not touch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from reelwright.clock import Clock
from reelwright.jobs.durable import Durable
from reelwright.jobs.queue import Queue
from reelwright.jobs.webhooks import Webhooks
from reelwright.store.files import Files
from reelwright.store.records import Records

T = TypeVar("T")

READ_LATELY = timedelta(minutes=10)
KEYS_KEPT = timedelta(hours=24)


class Reads:
    """When each video was read last, in memory: enough to know what is in use."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, datetime] = {}

    def note(self, video_id: str) -> None:
        self._last[video_id] = self._clock.now()

    def last(self, video_id: str) -> datetime | None:
        return self._last.get(video_id)

    def forget(self, video_id: str) -> None:
        self._last.pop(video_id, None)


class Janitor:
    """Sweeps every `period_s`. `budget_bytes` None: the store may grow without a bound."""

    def __init__(
        self,
        *,
        records: Records,
        files: Files,
        queue: Queue,
        webhooks: Webhooks,
        durable: Durable,
        reads: Reads,
        clock: Clock,
        threads: Executor,
        budget_bytes: int | None,
        period_s: float,
    ) -> None:
        self._records = records
        self._files = files
        self._queue = queue
        self._webhooks = webhooks
        self._durable = durable
        self._reads = reads
        self._clock = clock
        self._threads = threads
        self._budget = budget_bytes
        self._period_s = period_s
        self._log = structlog.get_logger("reelwright.jobs")

    async def run(self) -> None:
        """Sweep for ever; a sweep that fails is told and tried again at the next turn."""
        while True:
            try:
                await self.sweep()
            except Exception:  # noqa: BLE001 - a loop that must not end: recorded
                self._log.exception("sweep failed")
            await asyncio.sleep(self._period_s)

    async def sweep(self) -> int:
        """One round. Returns how many videos were removed."""
        now = self._clock.now()
        doomed = list(await self._thread(self._records.expired, now))
        doomed += await self._over_budget(now, set(doomed))
        for video_id in doomed:
            await self._queue.delete(await self._queue.get(video_id, None))
            self._reads.forget(video_id)
        await self._thread(self._records.forget_keys, now - KEYS_KEPT)
        await self._webhooks.tidy(self._durable)
        orphans = await self._thread(self._remove_orphans)
        if doomed or orphans:
            self._log.info("swept", videos=len(doomed), orphans=orphans)
        return len(doomed)

    async def _over_budget(self, now: datetime, doomed: set[str]) -> list[str]:
        """The least recently used videos whose removal brings the store back under its budget."""
        if self._budget is None:
            return []
        kept = [
            (video_id, size) for video_id, size in await self._thread(self._records.sizes) if video_id not in doomed
        ]
        excess = sum(size for _, size in kept) - self._budget
        removed: list[str] = []
        unread = datetime.min.replace(tzinfo=now.tzinfo)
        # The sort is stable: among the never read, the oldest goes first.
        for video_id, size in sorted(kept, key=lambda entry: self._reads.last(entry[0]) or unread):
            read = self._reads.last(video_id)
            if excess <= 0 or (read is not None and now - read < READ_LATELY):
                break
            removed.append(video_id)
            excess -= size
        return removed

    def _remove_orphans(self) -> int:
        known = self._records.ids()
        return self._files.remove_orphans(known, older_than_s=READ_LATELY.total_seconds())

    async def _thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
