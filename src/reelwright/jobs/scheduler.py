"""Decides which waiting job begins in which free slot.

`LocalScheduler` serves a process that is alone with its database (SQLite): its queue is in memory, rebuilt from the
rows at the start, and nothing polls. In a fleet (Postgres) `fleet.py` does the same by claiming rows.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from reelwright import ids
from reelwright.clock import Clock
from reelwright.jobs.duplicates import Duplicates
from reelwright.jobs.events import LiveVideos
from reelwright.jobs.running import Lease
from reelwright.jobs.threads import Threads
from reelwright.jobs.video_job import VideoJob
from reelwright.jobs.webhooks import Webhooks
from reelwright.jobs.worker import Slot, Worker
from reelwright.store.fleet_queue import Backlog
from reelwright.store.records import Records
from reelwright.video import Status, Video


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A new video as it is to be stored: queued, or begun in a `slot` that is reserved for it.

    `initial_checkpoint`: of its model's card, stored together with a video that begins at once. Whoever stores the
    video hands the slot to `add`, or gives it back.
    """

    video: Video
    slot: Slot | None = None
    initial_checkpoint: Mapping[str, Any] | None = None


class Scheduler(Protocol):
    @property
    def name(self) -> str:
        """The id of this process in the rows of the videos that it makes."""
        ...

    def reserve(self, video: Video) -> Reserved:
        """Reserve a free slot for a new video, if no waiting job comes before it."""
        ...

    def add(self, lease: Lease, slot: Slot | None, fair_tag: int) -> Video:
        """Take over a new video that was stored, with its reserved slot. Returns it as it is now."""
        ...

    def forget(self, video_id: str) -> None:
        """Drop what is kept of a video that has ended, or was not stored after `reserve`."""
        ...

    def moved(self, video_id: str, fair_tag: int) -> None:
        """Give a waiting video another fair tag, which its row has already."""
        ...

    def pause(self, engines: frozenset[str]) -> None:
        """From now on begin no jobs of these engines. Jobs of all other engines begin."""
        ...

    def backlog(self) -> Mapping[str, Backlog]:
        """How many jobs wait and run, by engine; in a fleet, of all processes, as it was at most two seconds ago."""
        ...

    async def start(self) -> None:
        """Take up the jobs that an earlier process has left."""
        ...

    async def run(self) -> None:
        """Do what is to be done in the background, until the task is cancelled."""
        ...

    def stop(self) -> None:
        """Begin no job any more."""
        ...

    async def leave(self) -> None:
        """Give up all that this process holds. No job is under way any more."""
        ...


class LocalScheduler:
    def __init__(
        self,
        *,
        records: Records,
        job: VideoJob,
        worker: Worker,
        live: LiveVideos,
        threads: Threads,
        webhooks: Webhooks,
        duplicates: Duplicates,
        clock: Clock,
        initial_checkpoints: Mapping[tuple[str, str], Mapping[str, Any]],
    ) -> None:
        """`initial_checkpoints`: the initial checkpoints of the (engine, model) pairs that have one."""
        self._records = records
        self._job = job
        self._worker = worker
        self._live = live
        self._threads = threads
        self._webhooks = webhooks
        self._duplicates = duplicates
        self._clock = clock
        self._initial_checkpoints = initial_checkpoints
        self._requeued: dict[str, Lease] = {}
        """The leases of queued videos that this process had begun: followers whose leaders made no file."""
        self._reserved: dict[str, str] = {}
        """The API keys of the videos that have a slot but are not stored yet, by the videos' ids."""
        self._stopping = False
        self._paused: frozenset[str] = frozenset()
        self._log = structlog.get_logger("reelwright.jobs")
        worker.watch(self._dispatch, lambda engine: self._stopping or live.waiting(engine))
        job.on_requeue = self._requeue
        job.on_over = self._over

    name = ids.LOCAL_WORKER

    def reserve(self, video: Video) -> Reserved:
        engine = video.spec.engine
        others_first = self._live.waiting(engine) or self._leader(video) is not None
        busy = video.most_running is not None and self._by_key()[video.key] >= video.most_running
        slot = None if others_first or busy or engine in self._paused else self._worker.take(engine)
        if slot is None:
            return Reserved(video=video)
        self._reserved[video.id] = video.key
        begun = dataclasses.replace(video, status=Status.IN_PROGRESS, attempt=1, started_at=video.created_at)
        initial_checkpoint = self._initial_checkpoints.get((engine, video.spec.model)) if slot.ready else None
        return Reserved(video=begun, slot=slot, initial_checkpoint=initial_checkpoint)

    def add(self, lease: Lease, slot: Slot | None, fair_tag: int) -> Video:
        """As in `Scheduler`. The job begins in its slot, or follows a duplicate, or is queued."""
        video = lease.video
        self._reserved.pop(video.id, None)
        self._live.publish(video, fair_tag)
        present = self._live.get(video.id)
        if present is None or present.status.terminal:  # a client found it in a list, and has cancelled or deleted it
            self._webhooks.send_later(lease.due)
            with slot or contextlib.nullcontext():
                return present or video
        self._duplicates.add(video)
        if slot:
            self._start(lease, slot)
        elif (leader := self._leader(video)) is not None:
            self._job.follow(lease, leader)
        else:
            self._dispatch(video.spec.engine)
        return self._live.get(video.id) or video

    def forget(self, video_id: str) -> None:
        self._requeued.pop(video_id, None)
        if self._reserved.pop(video_id, None) is not None:
            self._dispatch_all()

    def moved(self, video_id: str, fair_tag: int) -> None:
        self._live.move(video_id, fair_tag)

    def pause(self, engines: frozenset[str]) -> None:
        self._paused = engines
        self._dispatch_all()

    def backlog(self) -> Mapping[str, Backlog]:
        active = self._live.active()
        total = Counter(video.spec.engine for video in active)
        waiting: dict[str, list[datetime]] = {}
        for video in active:
            if video.status is Status.QUEUED:
                waiting.setdefault(video.spec.engine, []).append(video.created_at)
        return {engine: self._line(total[engine], waiting.get(engine, ())) for engine in total}

    def _line(self, total: int, waiting: Sequence[datetime]) -> Backlog:
        """The backlog of one engine with `total` active jobs. `waiting`: when each waiting one came, the oldest
        first."""
        oldest_s = (self._clock.now() - waiting[0]).total_seconds() if waiting else 0.0
        return Backlog(waiting=len(waiting), running=total - len(waiting), oldest_s=max(0.0, oldest_s))

    async def start(self) -> None:
        """Queue all videos that have not ended, in the order of their fair tags.

        Also those that an earlier process had begun: their slots ended with that process.
        """
        await self._threads.write(self._records.free)
        self._recover(await self._threads.read(self._records.active))

    def _recover(self, unfinished: Sequence[tuple[int, Video]]) -> None:
        for fair_tag, video in unfinished:
            self._live.publish(video, fair_tag, interrupted=video.status is Status.IN_PROGRESS)
            self._live.mark_promised(video.id)
            self._duplicates.add(video)
            if not self._worker.offers(video.spec.engine):
                self._job.refuse(video, f"The engine {video.spec.engine} is not available on this server")
        for engine in {video.spec.engine for _, video in unfinished}:
            if self._worker.offers(engine):
                self._dispatch(engine)
        if unfinished:
            interrupted = sum(video.status is Status.IN_PROGRESS for _, video in unfinished)
            self._log.info("recovered", waiting=len(unfinished), interrupted=interrupted)

    async def run(self) -> None:
        """Nothing: jobs begin when a video is added, a slot becomes free, or a pause ends."""

    def stop(self) -> None:
        self._stopping = True

    async def leave(self) -> None:
        """Nothing: the next start frees the rows that this process holds."""

    def _leader(self, video: Video) -> str | None:
        """The id of a duplicate whose job renders here and can be followed; None when there is none."""
        return next(filter(self._job.can_follow, self._duplicates.of(video)), None)

    def _start(self, lease: Lease, slot: Slot) -> None:
        """Begin the job in that slot, and let its waiting duplicates follow it. If a duplicate renders already, follow
        that one instead, and give the slot back."""
        leader = self._leader(lease.video)
        if leader is not None:
            with slot:
                self._job.follow(lease, leader)
            return
        self._job.start(lease, slot)
        for duplicate_id in self._duplicates.of(lease.video):
            duplicate = self._live.get(duplicate_id)
            if duplicate is not None and not duplicate.status.terminal and not self._job.has(duplicate_id):
                self._job.follow(self._out_of_line(duplicate), lease.video.id)

    def _requeue(self, lease: Lease) -> None:
        """Queue a follower again whose leader made no file: it is rendered itself, or follows another duplicate."""
        video = lease.video
        self._requeued[video.id] = lease
        self._live.requeue(video.id)
        if (leader := self._leader(video)) is not None:
            self._job.follow(self._out_of_line(video), leader)
        else:
            self._dispatch(video.spec.engine)

    def _out_of_line(self, video: Video) -> Lease:
        """The lease of a queued video that is about to begin; its earlier one, if it was requeued."""
        lease = self._requeued.pop(video.id, None)
        if lease is None:
            return Lease(video=video)
        self._live.publish(lease.video)
        return lease

    def _first(self, engine: str) -> str | None:
        """The first queued video that may begin: its job is not under way, and its API key has not as many jobs under
        way as it may. One that can follow a duplicate needs no slot, so the limit does not hold it back."""
        under_way = self._by_key()

        def must_wait(video_id: str) -> bool:
            if self._job.has(video_id):
                return True
            video = self._live.without_position(video_id)
            if video is None or video.most_running is None or under_way[video.key] < video.most_running:
                return False
            return self._leader(video) is None

        return self._live.first_in_line(engine, must_wait)

    def _by_key(self) -> Counter[str]:
        """How many jobs of each API key are under way, or have a slot reserved."""
        return Counter([*(video.key for video in self._job.videos()), *self._reserved.values()])

    def _over(self, video: Video) -> None:
        """A job is under way no more. If its API key has a limit, another job of that key may begin, on any engine."""
        if video.most_running is not None:
            self._dispatch_all()

    def _dispatch_all(self) -> None:
        for engine in {waiting.spec.engine for waiting in self._live.active()}:
            if self._worker.offers(engine):
                self._dispatch(engine)

    def _dispatch(self, engine: str) -> None:
        """Begin waiting jobs in the order of the queue, as many as there are free slots. Jobs begin nowhere else.

        Called whenever a job is queued, a slot becomes free, or a limit or pause no longer holds.
        """
        if engine in self._paused:
            return
        while not self._stopping and (video_id := self._first(engine)) is not None:
            video = self._live.get(video_id)
            if video is None:
                return
            leader = self._leader(video)
            slot = None if leader else self._worker.take(engine)
            if not (leader or slot):
                return
            if slot:
                self._start(self._out_of_line(video), slot)
            elif leader:
                self._job.follow(self._out_of_line(video), leader)
