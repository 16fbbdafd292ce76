"""This process as one of many that work on one Postgres: it claims jobs, shows that it lives, and removes the dead.

    claim    take the first waiting job that this process can make, whenever a slot is free (a notice wakes it)
    beat     once a second: I live, I have got so far; what do I hold, and what of it have I lost?
    reap     every two seconds: free what dead processes hold
    tell     how far those jobs are that somebody follows through another process

Each of them may come too late or not at all without harm: the rows decide (`store/line.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import structlog

from reelwright import ids
from reelwright.clock import Clock
from reelwright.errors import Busy
from reelwright.jobs.events import Live
from reelwright.jobs.feed import SharedFeed
from reelwright.jobs.keyring import Keyring
from reelwright.jobs.running import Lease
from reelwright.jobs.scheduler import Reserved
from reelwright.jobs.threads import RETRY_S, Threads
from reelwright.jobs.twins import Twins
from reelwright.jobs.video_job import VideoJob
from reelwright.jobs.webhooks import Webhooks
from reelwright.jobs.worker import Slot, Worker
from reelwright.store.following import Following
from reelwright.store.line import Backlog, Beat, Line, Member
from reelwright.store.notices import KEYS, NEWS, PROGRESS, WORK, Notices
from reelwright.store.presence import Presence
from reelwright.store.video_rows import Claimed
from reelwright.video import Status, Video

T = TypeVar("T")

BEAT_S = 1.0
REAP_S = 2.0
LOOK_S = 5.0
"""A worker with a free slot looks for work so often, whatever it hears."""
DEAF_LOOK_S = 1.0
TELL_S = 0.2
PREVIEW_S = 1.0
MOST_TOLD = 150
"""Videos in one notice: Postgres takes 8,000 bytes."""


class Fleet:
    """See `Scheduler` for the methods without a sentence of their own."""

    def __init__(
        self,
        *,
        member: Member,
        line: Line,
        following: Following,
        notices: Notices,
        presence: Presence,
        job: VideoJob,
        worker: Worker,
        live: Live,
        feed: SharedFeed,
        keyring: Keyring,
        threads: Threads,
        webhooks: Webhooks,
        twins: Twins,
        clock: Clock,
    ) -> None:
        self._member = member
        self._session = member.session
        self._line = line
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
        self._twins = twins
        self._clock = clock
        self._own = ThreadPoolExecutor(2, "fleet")
        """A beat waits behind nothing else."""
        self._wake = asyncio.Event()
        self._look_s = LOOK_S
        self._heard = False
        self._draining = False
        self._stopping = False
        self._unknown: Mapping[str, int] = {}
        """What the last beat said that this process holds, though it knew nothing of it."""
        self._starting: set[str] = set()
        """Claimed, and about to be under way."""
        self._watched: set[str] = set()
        self._any_watched = asyncio.Event()
        self._backlog: Mapping[str, Backlog] = {}
        self._given_back: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("reelwright.fleet")
        worker.watch(lambda engine: self._wake.set(), self._is_wanted)
        job.on_vain = self._give_back
        job.on_gone = self._gone

    @property
    def name(self) -> str:
        return self._member.id

    def reserve(self, video: Video) -> Reserved:
        return Reserved(video=video)

    def add(self, lease: Lease, slot: Slot | None, fair_tag: int) -> Video:
        self._wake.set()
        return lease.video

    def forget(self, video_id: str) -> None:
        """Nothing: this process holds nothing that is not under way."""

    def moved(self, video_id: str, fair_tag: int) -> None:
        """Nothing: the line is the rows."""

    def pause(self, engines: frozenset[str]) -> None:
        """Nothing: a claim looks for it."""

    def backlog(self) -> Mapping[str, Backlog]:
        return self._backlog

    async def start(self) -> None:
        if dead := await self._threads.read(self._presence.dead):
            freed = await self._threads.write(self._line.bury, dead)
            self._log.info("recovered", processes=len(dead), interrupted=len(freed))
        await self._register(self._member)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._notices.listen(self._on_notice, self._on_state))
            for work in (self._claim, self._beat, self._reap, self._tell):
                loops.create_task(self._for_ever(work))

    def stop(self) -> None:
        self._stopping = True

    async def leave(self) -> None:
        self._presence.hide()
        with contextlib.suppress(Busy):  # then it is called dead
            await self._alone(self._line.leave, self.name)
        self._own.shutdown(wait=False, cancel_futures=True)

    # --- what is heard ---

    def _is_wanted(self, engine: str) -> bool:
        """Whether a slot of that engine would be taken at once, by what was known a moment ago."""
        return self._stopping or self._backlog.get(engine, Backlog()).waiting > 0

    def _on_notice(self, channel: str, text: str) -> None:
        match channel:
            case str() if channel == WORK:
                if text in self._member.engines:
                    self._wake.set()
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
            self._wake.set()
        self._heard = heard
        self._look_s = LOOK_S if heard else DEAF_LOOK_S

    # --- the loops ---

    async def _for_ever(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Round after round of it, whatever the database does."""
        while True:
            try:
                await work()
            except Busy as error:
                self._log.debug("database busy", work=work.__name__, reason=error.message)
                await asyncio.sleep(RETRY_S)
            except Exception:  # noqa: BLE001 - a loop that must not end: recorded
                self._log.exception("fleet", work=work.__name__)
                await asyncio.sleep(RETRY_S)

    async def _claim(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._look_s):
                await self._wake.wait()
        self._wake.clear()
        for engine in self._member.engines:
            while self._takes_work and self._worker.has_room(engine) and await self._claim_one(engine):
                pass
        await self._claim_twins()

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

    async def _claim_twins(self) -> None:
        """Those that wait for the same as a job under way here get their file from it."""
        made = [video.id for video in self._job.videos() if self._twins.fingerprint(video.spec)]
        if not (made and self._takes_work):
            return
        for lease in await self._threads.write(self._leased_twins, made):
            leader = next(filter(self._job.can_follow, self._twins.of(lease.video)), None)
            if leader is None:
                self._give_back(lease)
                continue
            self._begin(lease)
            self._job.follow(lease, leader)

    async def _beat(self) -> None:
        await asyncio.sleep(BEAT_S)
        running = {video.id: (video.attempt, self._percent(video)) for video in self._job.videos()}
        session = self._session if self._heard else None
        beat = await self._alone(self._line.beat, self.name, session, running)
        if beat is None:
            await self._register_anew()
        else:
            self._draining = beat.draining
            await self._compare(beat, {video_id: attempt for video_id, (attempt, _) in running.items()})

    async def _compare(self, beat: Beat, running: Mapping[str, int]) -> None:
        """What this process holds, by the rows, with what was under way here when it asked."""
        held = {one.video_id: one.attempt for one in beat.held}
        now = {video.id: video.attempt for video in self._job.videos()}
        for video_id, attempt in running.items():
            if held.get(video_id) != attempt and now.get(video_id) == attempt:
                self._job.cancel(video_id)  # it was cancelled, or taken over
        known = running.keys() | now.keys() | self._starting
        unknown = {video_id: attempt for video_id, attempt in held.items() if video_id not in known}
        for video_id, attempt in unknown.items():
            if self._unknown.get(video_id) == attempt:  # a claim whose answer was lost
                await self._alone(self._line.release, self.name, video_id, attempt)
        self._unknown = unknown
        self._watched = {one.video_id for one in beat.held if one.watched}
        if self._watched:
            self._any_watched.set()

    async def _reap(self) -> None:
        await asyncio.sleep(REAP_S * random.uniform(0.8, 1.2))
        dead, freed = await self._alone(self._line.reap, self.name)
        if dead or freed:
            self._log.warning("processes are gone", processes=len(dead), interrupted=len(freed))
        self._backlog = await self._alone(self._line.backlog)

    async def _tell(self) -> None:
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
                await self._alone(self._following.tell, some)
            await asyncio.sleep(TELL_S)
        self._any_watched.clear()

    async def _preview(self, video_id: str, shown: dict[str, tuple[float, int, int]]) -> int:
        """The number of the video's last preview in the rows; a newer one is kept there, one a second at most."""
        since, kept, number = shown.get(video_id, (-PREVIEW_S, 0, 0))
        event = self._live.last_preview(video_id)
        if event is None or event.preview is None or event.number == kept or time.monotonic() - since < PREVIEW_S:
            return number
        number = await self._alone(self._following.keep_preview, video_id, *event.preview)
        shown[video_id] = (time.monotonic(), event.number, number)
        return number

    # --- the pieces ---

    async def _register(self, member: Member) -> None:
        await self._threads.read(self._presence.show, member.id)
        await self._alone(self._line.register, member)

    async def _register_anew(self) -> None:
        """This process was called dead, but lives. What nobody has begun anew meanwhile is still its own."""
        member = dataclasses.replace(self._member, id=ids.worker_id(int(self._clock.now().timestamp() * 1000)))
        self._log.warning("called dead", was=self.name, now=member.id)
        await self._register(member)
        self._member = member
        for video in self._job.videos():
            if not await self._alone(self._line.adopt, member.id, video.id, video.attempt):
                self._job.cancel(video.id)

    def _leased(self, engine: str, models: Sequence[str]) -> Lease | None:
        """In a thread: the first job in that line."""
        claimed = self._line.claim(self.name, engine, models, self._clock.now())
        return self._lease(claimed) if claimed else None

    def _leased_twins(self, made: Sequence[str]) -> Sequence[Lease]:
        """In a thread: those that wait and are twins of the videos under way here."""
        return [self._lease(claimed) for claimed in self._line.claim_twins(self.name, made, self._clock.now())]

    def _lease(self, claimed: Claimed) -> Lease:
        video, checkpoint = claimed
        self._starting.add(video.id)
        return Lease(video=video, stored=True, checkpoint=checkpoint, due=self._webhooks.record_deliveries(video))

    def _begin(self, lease: Lease) -> None:
        """It is under way from now on."""
        self._starting.discard(lease.video.id)
        self._twins.add(lease.video)
        self._live.publish(lease.video)

    def _give_back(self, lease: Lease) -> None:
        """A claimed job that is not made here, after all."""
        self._starting.discard(lease.video.id)
        task = asyncio.create_task(self._released(lease.video))
        self._given_back.add(task)
        task.add_done_callback(self._given_back.discard)

    async def _released(self, video: Video) -> None:
        with contextlib.suppress(Busy):  # then a beat finds that it is held and unknown
            await self._alone(self._line.give_back, self.name, video.id, video.attempt)
        self._wake.set()

    def _gone(self, video: Video) -> None:
        """A job is under way no more."""
        self._twins.remove(video)
        self._feed.forget(video.id)
        self._wake.set()

    def _percent(self, video: Video) -> int:
        known = self._live.get(video.id)
        return known.progress if known else 0

    async def _alone(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._own, function, *arguments)


def member_of(models: Mapping[str, Sequence[str]], slots: int, version: str, address: str, milliseconds: int) -> Member:
    """This process, under a name and with a lock that no other has."""
    return Member(
        id=ids.worker_id(milliseconds),
        engines=models,
        slots=slots,
        version=version,
        address=address,
        session=random.getrandbits(62),
    )
