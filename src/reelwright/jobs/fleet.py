"""The scheduler of a process that shares one Postgres with others, a fleet.

    claim    take the first waiting job that this process can make, whenever a slot is free (a notice wakes it)
    beat     once a second: write that this process lives and how far its jobs are; learn which jobs it still holds
    reap     every two seconds: free the jobs that dead processes hold
    tell     write the progress of those jobs that clients follow through other processes

Each of these may come late, or not at all, without harm: only the rows decide (`store/fleet_queue.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import structlog

from reelwright import ids
from reelwright.clock import Clock
from reelwright.errors import Busy
from reelwright.jobs.duplicates import Duplicates
from reelwright.jobs.events import LiveVideos
from reelwright.jobs.feed import SharedFeed
from reelwright.jobs.keyring import Keyring
from reelwright.jobs.running import Lease
from reelwright.jobs.scheduler import Reserved
from reelwright.jobs.threads import Threads
from reelwright.jobs.video_job import VideoJob
from reelwright.jobs.webhooks import Webhooks
from reelwright.jobs.worker import Slot, Worker
from reelwright.loop import Loop
from reelwright.store.channels import KEYS, NEWS, PROGRESS, WORK
from reelwright.store.fleet_queue import Backlog, Beat, FleetQueue, Member
from reelwright.store.following import Followers
from reelwright.store.presence import Presence
from reelwright.store.video_rows import Claimed
from reelwright.video import Status, Video

if TYPE_CHECKING:
    from reelwright.store.notices import Notices

T = TypeVar("T")

BEAT_S = 1.0
REAP_S = 2.0
LOOK_S = 5.0
"""Seconds between two claims while no notice comes, where notices arrive."""
DEAF_LOOK_S = 1.0
"""The same where no notices arrive."""
TELL_S = 0.2
"""Seconds between two notices of progress."""
PREVIEW_S = 1.0
"""Seconds between two previews of one video in the rows."""
MOST_TOLD = 150
"""Videos in one notice: Postgres allows 8,000 bytes."""


class Fleet:
    """A `Scheduler`, whose docstrings say what the public methods do."""

    def __init__(
        self,
        *,
        member: Member,
        queue: FleetQueue,
        following: Followers,
        notices: Notices,
        presence: Presence,
        job: VideoJob,
        worker: Worker,
        live: LiveVideos,
        feed: SharedFeed,
        keyring: Keyring,
        threads: Threads,
        webhooks: Webhooks,
        duplicates: Duplicates,
        clock: Clock,
    ) -> None:
        self._member = member
        self._session = member.session
        self._queue = queue
        self._following = following
        self._notices = notices
        self._presence = presence
        self._job = job
        self._worker = worker
        self._live = live
        self._feed = feed
        self._keyring = keyring
        self._threads = threads
        self._webhooks = webhooks
        self._duplicates = duplicates
        self._clock = clock
        self._own_threads = ThreadPoolExecutor(2, "fleet")
        """For beats and what belongs to them: they must not wait behind other calls."""
        self._claiming = Loop("claim", self._claim, lambda: self._look_s)
        self._look_s = LOOK_S
        self._heard = False
        self._draining = False
        self._stopping = False
        self._unknown: Mapping[str, int] = {}
        """Attempts that the rows said at the last beat to be held here, though no job for them was under way."""
        self._starting: set[str] = set()
        """Videos that are claimed, and whose jobs have not begun yet."""
        self._watched: set[str] = set()
        self._any_watched = asyncio.Event()
        self._backlog: Mapping[str, Backlog] = {}
        self._given_back: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("reelwright.fleet")
        worker.watch(lambda engine: self._claiming.wake(), self._is_wanted)
        job.on_requeue = self._give_back
        job.on_over = self._over

    @property
    def name(self) -> str:
        return self._member.id

    def reserve(self, video: Video) -> Reserved:
        return Reserved(video=video)

    def add(self, lease: Lease, slot: Slot | None, fair_tag: int) -> Video:
        self._claiming.wake()
        return lease.video

    def forget(self, video_id: str) -> None:
        """Nothing: nothing is reserved here, all waiting jobs are in the rows."""

    def moved(self, video_id: str, fair_tag: int) -> None:
        """Nothing: the fair tag is in the row."""

    def pause(self, engines: frozenset[str]) -> None:
        """Nothing: each claim reads which queues are paused."""

    def backlog(self) -> Mapping[str, Backlog]:
        return self._backlog

    async def start(self) -> None:
        if dead := await self._threads.read(self._presence.dead):
            freed = await self._threads.write(self._queue.bury, dead)
            self._log.info("recovered", processes=len(dead), interrupted=len(freed))
        await self._register(self._member)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._notices.listen(self._on_notice, self._on_state))
            for loop in (
                self._claiming,
                Loop("beat", self._beat, BEAT_S, at_once=False),
                Loop("reap", self._reap, lambda: REAP_S * random.uniform(0.8, 1.2), at_once=False),
                Loop("tell", self._tell, 0.0),
            ):
                loops.create_task(loop.run())

    def stop(self) -> None:
        self._stopping = True

    async def leave(self) -> None:
        self._presence.hide()
        with contextlib.suppress(Busy):  # the others find out by its missing beats
            await self._in_own_thread(self._queue.leave, self.name)
        self._own_threads.shutdown(wait=False, cancel_futures=True)

    # --- notices ---

    def _is_wanted(self, engine: str) -> bool:
        """Whether a free slot of that engine would be taken at once, by the backlog as it was last read."""
        return self._stopping or self._backlog.get(engine, Backlog()).waiting > 0

    def _on_notice(self, channel: str, text: str) -> None:
        match channel:
            case str() if channel == WORK:
                if text in self._member.engines:
                    self._claiming.wake()
            case str() if channel == NEWS:
                video_id, _, status = text.partition(" ")
                self._feed.news(video_id)
                if status == Status.FAILED and self._job.has(video_id):
                    self._job.cancel(video_id)
            case str() if channel == PROGRESS:
                self._feed.progress(text)
            case str() if channel == KEYS:
                self._keyring.wake()

    def _on_state(self, heard: bool) -> None:
        if heard or self._heard:
            self._feed.hears(heard)
            self._keyring.hears(heard)
            self._claiming.wake()
        self._heard = heard
        self._look_s = LOOK_S if heard else DEAF_LOOK_S

    # --- the loops ---

    async def _claim(self) -> None:
        """Claim waiting jobs as long as there are free slots."""
        for engine in self._member.engines:
            while self._takes_work and self._worker.has_room(engine) and await self._claim_one(engine):
                pass
        await self._claim_duplicates()

    @property
    def _takes_work(self) -> bool:
        return not (self._stopping or self._draining)

    async def _claim_one(self, engine: str) -> bool:
        models = self._member.engines[engine]
        lease = await self._threads.write(self._leased, engine, models)
        if lease is None:
            return False
        slot = None if self._stopping else self._worker.take(engine)
        if slot is None:
            self._give_back(lease)
            return False
        self._begin(lease)
        self._job.start(lease, slot)
        return True

    async def _claim_duplicates(self) -> None:
        """Claim the waiting duplicates of jobs under way here: they get their leaders' files."""
        made = [video.id for video in self._job.videos() if self._duplicates.fingerprint(video.spec)]
        if not (made and self._takes_work):
            return
        for lease in await self._threads.write(self._leased_duplicates, made):
            leader = next(filter(self._job.can_follow, self._duplicates.of(lease.video)), None)
            if leader is None:
                self._give_back(lease)
                continue
            self._begin(lease)
            self._job.follow(lease, leader)

    async def _beat(self) -> None:
        """Write that this process lives, and drop the jobs that it has lost."""
        running = {video.id: (video.attempt, self._percent(video)) for video in self._job.videos()}
        session = self._session if self._heard else None
        beat = await self._in_own_thread(self._queue.beat, self.name, session, running)
        if beat is None:
            await self._register_anew()
        else:
            if self._draining and not beat.draining:
                self._claiming.wake()  # claims waiting jobs at once, not after the pause
            self._draining = beat.draining
            await self._compare(beat, {video_id: attempt for video_id, (attempt, _) in running.items()})

    async def _compare(self, beat: Beat, running: Mapping[str, int]) -> None:
        """Compare the attempts that the rows say this process holds (`beat`) with the jobs under way before the beat
        (`running`). Cancel jobs that it no longer holds, and release attempts without a job."""
        held = {one.video_id: one.attempt for one in beat.held}
        now = {video.id: video.attempt for video in self._job.videos()}
        for video_id, attempt in running.items():
            if held.get(video_id) != attempt and now.get(video_id) == attempt:
                self._job.cancel(video_id)  # cancelled, or taken over by another process
        known = running.keys() | now.keys() | self._starting
        unknown = {video_id: attempt for video_id, attempt in held.items() if video_id not in known}
        for video_id, attempt in unknown.items():
            if self._unknown.get(video_id) == attempt:  # so at two beats in a row: the answer to a claim was lost
                await self._in_own_thread(self._queue.release, self.name, video_id, attempt)
        self._unknown = unknown
        self._watched = {one.video_id for one in beat.held if one.watched}
        if self._watched:
            self._any_watched.set()

    async def _reap(self) -> None:
        """Free the jobs of dead processes, and read the backlog."""
        dead, freed = await self._in_own_thread(self._queue.reap, self.name)
        if dead or freed:
            self._log.warning("dead processes removed", processes=len(dead), interrupted=len(freed))
        self._backlog = await self._in_own_thread(self._queue.backlog)

    async def _tell(self) -> None:
        """Write the progress of the followed jobs as long as there are any."""
        await self._any_watched.wait()
        told: dict[str, tuple[int, int, int]] = {}
        shown: dict[str, tuple[float, int, int]] = {}
        while watched := [video for video in self._job.videos() if video.id in self._watched]:
            news = {}
            for video in watched:
                preview = await self._preview(video.id, shown)
                state = (video.attempt, self._percent(video), preview)
                if told.get(video.id) != state:
                    news[video.id] = told[video.id] = state
            for start in range(0, len(news), MOST_TOLD):
                some = dict(list(news.items())[start : start + MOST_TOLD])
                await self._in_own_thread(self._following.tell, some)
            await asyncio.sleep(TELL_S)
        self._any_watched.clear()

    async def _preview(self, video_id: str, shown: dict[str, tuple[float, int, int]]) -> int:
        """Store the newest preview, one a second at most. Returns the number of the preview that is stored."""
        since, kept, number = shown.get(video_id, (-PREVIEW_S, 0, 0))
        event = self._live.last_preview(video_id)
        if event is None or event.preview is None or event.number == kept or time.monotonic() - since < PREVIEW_S:
            return number
        number = await self._in_own_thread(self._following.keep_preview, video_id, *event.preview)
        shown[video_id] = (time.monotonic(), event.number, number)
        return number

    # --- parts of the loops ---

    async def _register(self, member: Member) -> None:
        await self._threads.read(self._presence.show, member.id)
        await self._in_own_thread(self._queue.register, member)

    async def _register_anew(self) -> None:
        """Register under a new id: another process has declared this one dead, although it lives.

        It takes back those of its jobs that no other process has begun meanwhile, and cancels the others here.
        """
        member = dataclasses.replace(self._member, id=ids.worker_id(int(self._clock.now().timestamp() * 1000)))
        self._log.warning("declared dead", was=self.name, now=member.id)
        await self._register(member)
        self._member = member
        for video in self._job.videos():
            if not await self._in_own_thread(self._queue.adopt, member.id, video.id, video.attempt):
                self._job.cancel(video.id)

    def _leased(self, engine: str, models: Sequence[str]) -> Lease | None:
        """In a thread: claim the first waiting job of that engine that one of the models can make."""
        claimed = self._queue.claim(self.name, engine, models, self._clock.now())
        return self._lease(claimed) if claimed else None

    def _leased_duplicates(self, made: Sequence[str]) -> Sequence[Lease]:
        """In a thread: claim the waiting duplicates of the videos `made` here."""
        return [self._lease(claimed) for claimed in self._queue.claim_duplicates(self.name, made, self._clock.now())]

    def _lease(self, claimed: Claimed) -> Lease:
        video, checkpoint = claimed
        self._starting.add(video.id)
        return Lease(video=video, claimed=True, checkpoint=checkpoint, due=self._webhooks.record_deliveries(video))

    def _begin(self, lease: Lease) -> None:
        """Note that a claimed job is about to begin, and tell its state."""
        self._starting.discard(lease.video.id)
        self._duplicates.add(lease.video)
        self._live.publish(lease.video)

    def _give_back(self, lease: Lease) -> None:
        """Return a claimed job that cannot begin here after all; the attempt does not count."""
        self._starting.discard(lease.video.id)
        task = asyncio.create_task(self._released(lease.video))
        self._given_back.add(task)
        task.add_done_callback(self._given_back.discard)

    async def _released(self, video: Video) -> None:
        with contextlib.suppress(Busy):  # then two later beats find it unknown, and it is released (`_compare`)
            await self._in_own_thread(self._queue.give_back, self.name, video.id, video.attempt)
        self._claiming.wake()

    def _over(self, video: Video) -> None:
        """A job is under way no more: its slot is free."""
        self._duplicates.remove(video)
        self._feed.forget(video.id)
        self._claiming.wake()

    def _percent(self, video: Video) -> int:
        known = self._live.get(video.id)
        return known.progress if known else 0

    async def _in_own_thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._own_threads, function, *arguments)


def member_of(models: Mapping[str, Sequence[str]], slots: int, version: str, address: str, milliseconds: int) -> Member:
    """The row of this process, with a new id, and a number for its session's advisory lock.

    `milliseconds`: now, since the epoch.
    """
    return Member(
        id=ids.worker_id(milliseconds),
        engines=models,
        slots=slots,
        version=version,
        address=address,
        session=random.getrandbits(62),
    )
