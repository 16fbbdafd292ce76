"""Which waiting job begins in which free slot.

`Scheduler` is what the queue needs of it. `LocalScheduler` is for a process that is alone with its database (SQLite):
the line is in memory, rebuilt from the rows at start, and nothing polls. Among many processes it is `fleet.py`.
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
from reelwright.jobs.events import Live
from reelwright.jobs.running import Lease
from reelwright.jobs.threads import Threads
from reelwright.jobs.twins import Twins
from reelwright.jobs.video_job import VideoJob
from reelwright.jobs.webhooks import Webhooks
from reelwright.jobs.worker import Slot, Worker
from reelwright.store.line import Backlog
from reelwright.store.records import Records
from reelwright.video import Status, Video


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A new video as it is to be stored. With a `slot` it begins at once, with the card's `opening` as its checkpoint,
    if it has one; then whoever stores it gives the slot on, or back."""

    video: Video
    slot: Slot | None = None
    opening: Mapping[str, Any] | None = None


class Scheduler(Protocol):
    @property
    def name(self) -> str:
        """What this process is called in the rows of the videos that it holds."""
        ...

    def reserve(self, video: Video) -> Reserved:
        """The new video with a free slot, if it may begin before all that wait."""
        ...

    def add(self, lease: Lease, slot: Slot | None, fair_tag: int) -> Video:
        """The new video was stored. Returns it as it is now."""
        ...

    def forget(self, video_id: str) -> None:
        """That video has ended, or was not stored."""
        ...

    def moved(self, video_id: str, fair_tag: int) -> None:
        """A video that waits has another fair tag."""
        ...

    def pause(self, engines: frozenset[str]) -> None:
        """The jobs of these engines are not begun; those of all others are."""
        ...

    def backlog(self) -> Mapping[str, Backlog]:
        """What waits and runs, by engine; where there are many processes, as it was a moment ago."""
        ...

    async def start(self) -> None:
        """Begin what an earlier process has left."""
        ...

    async def run(self) -> None:
        """What is to be done for ever."""
        ...

    def stop(self) -> None:
        """No job is begun any more."""
        ...

    async def leave(self) -> None:
        """No job is under way any more."""
        ...


class LocalScheduler:
    def __init__(
        self,
        *,
        records: Records,
        job: VideoJob,
        worker: Worker,
        live: Live,
        threads: Threads,
        webhooks: Webhooks,
        twins: Twins,
        clock: Clock,
        openings: Mapping[tuple[str, str], Mapping[str, Any]],
    ) -> None:
        """`openings`: the first checkpoints of the (engine, model) pairs that have one."""
        self._records = records
        self._job = job
        self._worker = worker
        self._live = live
        self._threads = threads
        self._webhooks = webhooks
        self._twins = twins
        self._clock = clock
        self._openings = openings
        self._begun: dict[str, Lease] = {}
        """Of those in line: what this process has begun already, and what came to nothing."""
        self._reserved: dict[str, str] = {}
        """The keys of the videos that have a slot and are about to be stored, by the videos' ids."""
        self._stopping = False
        self._paused: frozenset[str] = frozenset()
        self._log = structlog.get_logger("reelwright.jobs")
        worker.watch(self._dispatch, lambda engine: self._stopping or live.waiting(engine))
        job.on_vain = self._line_up_again
        job.on_gone = self._gone

    name = ids.LOCAL_WORKER

    def reserve(self, video: Video) -> Reserved:
        engine = video.spec.engine
        served = self._live.waiting(engine) or self._leader(video) is not None
        busy = video.most_running is not None and self._by_key()[video.key] >= video.most_running
        slot = None if served or busy or engine in self._paused else self._worker.take(engine)
        if slot is None:
            return Reserved(video=video)
        self._reserved[video.id] = video.key
        begun = dataclasses.replace(video, status=Status.IN_PROGRESS, attempt=1, started_at=video.created_at)
        opening = self._openings.get((engine, video.spec.model)) if slot.ready else None
        return Reserved(video=begun, slot=slot, opening=opening)

    def add(self, lease: Lease, slot: Slot | None, fair_tag: int) -> Video:
        """It is made in its slot, or with a twin, or is in line."""
        video = lease.video
        self._reserved.pop(video.id, None)
        self._live.publish(video, fair_tag)
        present = self._live.get(video.id)
        if present is None or present.status.terminal:  # somebody found it in a list, and cancelled or deleted it
            self._webhooks.send_later(lease.due)
            with slot or contextlib.nullcontext():
                return present or video
        self._twins.add(video)
        if slot:
            self._start(lease, slot)
        elif (leader := self._leader(video)) is not None:
            self._job.follow(lease, leader)
        else:
            self._dispatch(video.spec.engine)
        return self._live.get(video.id) or video

    def forget(self, video_id: str) -> None:
        self._begun.pop(video_id, None)
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
        """`waiting`: since when each of them waits, in the order of their submission."""
        oldest_s = (self._clock.now() - waiting[0]).total_seconds() if waiting else 0.0
        return Backlog(waiting=len(waiting), running=total - len(waiting), oldest_s=max(0.0, oldest_s))

    async def start(self) -> None:
        """The videos that have not ended, with their fair tags and in their order, are in line.

        Those that an earlier process had begun are among them: their slots ended with that process.
        """
        await self._threads.write(self._records.free)
        self._recover(await self._threads.read(self._records.active))

    def _recover(self, unfinished: Sequence[tuple[int, Video]]) -> None:
        for fair_tag, video in unfinished:
            self._live.publish(video, fair_tag, interrupted=video.status is Status.IN_PROGRESS)
            self._live.keep(video.id)
            self._twins.add(video)
            if not self._worker.offers(video.spec.engine):
                self._job.refuse(video, f"The engine {video.spec.engine} is not available on this server")
        for engine in {video.spec.engine for _, video in unfinished}:
            if self._worker.offers(engine):
                self._dispatch(engine)
        if unfinished:
            interrupted = sum(video.status is Status.IN_PROGRESS for _, video in unfinished)
            self._log.info("recovered", waiting=len(unfinished), interrupted=interrupted)

    async def run(self) -> None:
        """Nothing: whatever comes or goes in the line begins what may begin."""

    def stop(self) -> None:
        self._stopping = True

    async def leave(self) -> None:
        """Nothing: the next start frees what this process holds."""

    def _leader(self, video: Video) -> str | None:
        """The twin whose file is being made, and may be that of this video, too."""
        return next(filter(self._job.can_follow, self._twins.of(video)), None)

    def _start(self, lease: Lease, slot: Slot) -> None:
        """Begin the job in that slot, unless a twin's has begun; what it makes is for those of its twins that wait."""
        leader = self._leader(lease.video)
        if leader is not None:
            with slot:
                self._job.follow(lease, leader)
            return
        self._job.start(lease, slot)
        for twin_id in self._twins.of(lease.video):
            twin = self._live.get(twin_id)
            if twin is not None and not twin.status.terminal and not self._job.has(twin_id):
                self._job.follow(self._out_of_line(twin), lease.video.id)

    def _line_up_again(self, lease: Lease) -> None:
        """The file that it waited for was not made: it is rendered itself when it comes first, or another twin is."""
        video = lease.video
        self._begun[video.id] = lease
        self._live.line_up_again(video.id)
        if (leader := self._leader(video)) is not None:
            self._job.follow(self._out_of_line(video), leader)
        else:
            self._dispatch(video.spec.engine)

    def _out_of_line(self, video: Video) -> Lease:
        """The right to make a video that was in line: it may have been begun before."""
        lease = self._begun.pop(video.id, None)
        if lease is None:
            return Lease(video=video)
        self._live.publish(lease.video)
        return lease

    def _first(self, engine: str) -> str | None:
        """The video that is first in line, without those under way and those whose keys have their full share."""
        under_way = self._by_key()

        def must_wait(video_id: str) -> bool:
            if self._job.has(video_id):
                return True
            video = self._live.unplaced(video_id)
            if video is None or video.most_running is None or under_way[video.key] < video.most_running:
                return False
            return self._leader(video) is None

        return self._live.first(engine, must_wait)

    def _by_key(self) -> Counter[str]:
        """How many videos of each API key are under way, or about to be."""
        return Counter([*(video.key for video in self._job.videos()), *self._reserved.values()])

    def _gone(self, video: Video) -> None:
        """A job is under way no more: another one of its key may begin, with whatever engine."""
        if video.most_running is not None:
            self._dispatch_all()

    def _dispatch_all(self) -> None:
        for engine in {waiting.spec.engine for waiting in self._live.active()}:
            if self._worker.offers(engine):
                self._dispatch(engine)

    def _dispatch(self, engine: str) -> None:
        """The one place where waiting jobs begin: as many as there are free slots, in the order of the line.

        Called whenever a job has come into the line, and whenever a slot is given back.
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
