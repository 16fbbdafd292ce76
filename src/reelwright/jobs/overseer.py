"""What a key with the scope `admin` sees and does: the queues of all engines with all owners' jobs, the disk, the
processes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from reelwright.clock import Clock
from reelwright.errors import BadRequest, Code, NotFound
from reelwright.jobs.callers import Caller
from reelwright.jobs.feed import Feed
from reelwright.jobs.queue import Queue
from reelwright.jobs.scheduler import Scheduler
from reelwright.jobs.threads import Threads
from reelwright.store.audit import Action
from reelwright.store.fleet_queue import Backlog, MemberStatus
from reelwright.store.store import Store
from reelwright.video import Video

MOST_JOBS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """`jobs`: at most `MOST_JOBS`, the running ones first, then the waiting ones in their order. `members`: the
    processes of a fleet; none where one is alone. `stored`: finished videos; `stored_bytes`: their files. `free_bytes`:
    free space on the disk of the data directory."""

    jobs: Sequence[Video]
    backlog: Mapping[str, Backlog]
    paused: frozenset[str]
    members: Sequence[MemberStatus]
    stored: int
    stored_bytes: int
    free_bytes: int


class Overseer:
    def __init__(
        self, *, store: Store, queue: Queue, scheduler: Scheduler, feed: Feed, threads: Threads, clock: Clock
    ) -> None:
        self._store = store
        self._rows = store.oversight
        self._queue = queue
        self._scheduler = scheduler
        self._feed = feed
        self._threads = threads
        self._clock = clock

    async def look(self) -> Overview:
        """The present state of everything. Raises `Busy`."""
        jobs = await self._feed.as_they_are(await self._threads.read(self._rows.jobs, MOST_JOBS))
        stored, size = await self._threads.read(self._store.records.stored)
        return Overview(
            jobs=[video for video in jobs if not video.status.terminal],
            backlog=self._scheduler.backlog(),
            paused=await self._threads.read(self._rows.paused),
            members=await self._threads.read(self._store.fleet_queue.members) if self._store.shared else (),
            stored=stored,
            stored_bytes=size,
            free_bytes=(await self._threads.read(shutil.disk_usage, self._store.folder)).free,
        )

    async def to_front(self, video_id: str, by: Caller) -> Video:
        """Put a waiting video first in the queue of its engine.

        Raises `NotFound`, `BadRequest` when it does not wait any more, `Busy`.
        """
        video = await self._queue.get(video_id, None)
        entry = by.entry(Action.MOVED, video_id, self._clock.now())
        fair_tag = await self._threads.write(self._rows.to_front, video_id, entry)
        if fair_tag is None:
            raise BadRequest(f"The video {video_id} does not wait in a line any more.", code=Code.CONFLICT, field="id")
        self._scheduler.moved(video_id, fair_tag)
        return await self._queue.get(video.id, None)

    async def cancel(self, video_id: str, by: Caller) -> Video:
        """Cancel the job of any owner's video. Raises `NotFound`, `Busy`."""
        return await self._queue.cancel(await self._queue.get(video_id, None), by)

    async def pause(self, engine: str, by: Caller, *, paused: bool) -> None:
        """Pause the queue of an engine in all processes, or resume it; jobs that run go on. Raises `Busy`."""
        change, action = (self._rows.pause, Action.PAUSED) if paused else (self._rows.resume, Action.RESUMED)
        await self._threads.write(change, engine, by.entry(action, engine, self._clock.now()))
        await self.look_for_pauses()

    async def drain(self, worker_id: str, by: Caller, *, draining: bool) -> None:
        """That process of the fleet begins no more jobs, or begins them again. Raises `NotFound`, `Busy`."""
        entry = by.entry(Action.DRAINED if draining else Action.UNDRAINED, worker_id, self._clock.now())
        if not await self._threads.write(partial(self._rows.drain, worker_id, entry, draining=draining)):
            raise NotFound("There is no process with this id; GET /v1/admin/line lists them.", field="id")

    async def look_for_pauses(self) -> None:
        """Tell the scheduler which queues are paused in the database. Raises `Busy`."""
        self._scheduler.pause(await self._threads.read(self._rows.paused))
