"""The queue as the API sees it: submit, look, wait, cancel."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from reelwright import ids
from reelwright.clock import Clock
from reelwright.errors import BadRequest, Busy, Cancelled, Code, NotFound
from reelwright.jobs.events import Live
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.running import Lease
from reelwright.jobs.threads import Threads
from reelwright.jobs.traces import Traces
from reelwright.jobs.twins import Twins, shared
from reelwright.jobs.video_job import VideoJob
from reelwright.jobs.webhooks import Webhooks
from reelwright.jobs.worker import Slot, Worker
from reelwright.store.deliveries import Delivery
from reelwright.store.files import Files
from reelwright.store.records import IdempotencyConflict, Once, Placed, QueueFull, Records
from reelwright.video import Failure, Request, Status, Video, Webhook

STOPPING_S = 10.0
"""When to come back to a server that is stopping: it may be back by then."""

_NO_BOUND = 2**31 - 1

CANCELLED = Failure(code=Code.CANCELLED, message="The job was cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a request is submitted, beside what it asks for.

    `detached`: the client was promised the video and does not wait, so nobody's hanging up cancels it. `priority`
    shifts the turn: lower comes sooner. `asked`: what the client sent, for a dialect that shows it again.
    """

    detached: bool
    once: Once | None = None
    priority: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    remixed_from: str | None = None
    webhook: Webhook | None = None
    asked: Mapping[str, Any] | None = None


class Queue:
    """All that a dialect may do with jobs. Nothing is acknowledged before it is in the database."""

    def __init__(
        self,
        *,
        records: Records,
        job: VideoJob,
        worker: Worker,
        live: Live,
        clock: Clock,
        threads: Threads,
        max_queued: int,
        keep_days: float,
        files: Files,
        integrity: Integrity,
        webhooks: Webhooks,
        traces: Traces,
        twins: Twins,
        openings: Mapping[tuple[str, str], Mapping[str, Any]],
    ) -> None:
        """`openings`: the first checkpoints of the (engine, model) pairs that have one."""
        self._records = records
        self._job = job
        self._worker = worker
        self._live = live
        self._clock = clock
        self._threads = threads
        self._max_queued = max_queued
        self._keep = timedelta(days=keep_days)
        self._files = files
        self._integrity = integrity
        self._webhooks = webhooks
        self._traces = traces
        self._twins = twins
        self._openings = openings
        self._begun: dict[str, Lease] = {}
        """Of those in line: what this process has begun already, and what came to nothing."""
        self._stopping = False
        self._log = structlog.get_logger("reelwright.jobs")
        worker.watch(self._dispatch)
        job.on_vain = self._line_up_again

    async def submit(self, request: Request, owner: str, order: Order) -> Video:
        """Store the job and start or queue it, or answer with the video that its key has led to already.

        A deterministic request that was made before gets a video of its own with the file of its twin. Raises `Busy`
        when the queue is full or the database does not answer, `BadRequest` when the idempotency key came before with
        another body.
        """
        with self._traces.submission(request) as submission:
            while True:
                video, fresh = await self._place(request, owner, order, submission.traceparent)
                if fresh or await self._is_sound(video):
                    break
            self._traces.submitted(submission, video)
        if order.detached:
            self._live.keep(video.id)
        return video

    async def _place(self, request: Request, owner: str, order: Order, trace: str | None) -> tuple[Video, bool]:
        """The new video, stored and perhaps begun, or the earlier one that its key leads to; and whether it is new."""
        now = self._clock.now()
        video = Video(
            id=ids.video_id(int(now.timestamp() * 1000)),
            owner=owner,
            status=Status.QUEUED,
            request=request,
            created_at=now,
            expires_at=now + self._keep,
            remixed_from=order.remixed_from,
            metadata=order.metadata,
            trace=trace,
            asked=order.asked,
        )
        if (made := await self._with_the_file_of_a_twin(video)) is not None:
            return await self._place_made(made, order)
        served = self._live.waiting(request.engine) or self._leader(video) is not None
        slot = None if served else self._worker.take(request.engine)
        opening = self._openings.get((request.engine, request.model)) if slot and slot.ready else None
        with contextlib.ExitStack() as unless_begun:
            if slot:
                video = dataclasses.replace(video, status=Status.IN_PROGRESS, attempt=1, started_at=now)
                unless_begun.enter_context(slot)
            placed, due = await self._store(video, order, opening)
            if placed.turn is not None:
                unless_begun.pop_all()
        if placed.turn is None:
            return await self.get(placed.video_id, None), False
        self._live.publish(video, placed.turn)
        return self._begin(Lease(video=video, stored=slot is not None, opened=opening is not None, due=due), slot), True

    def _begin(self, lease: Lease, slot: Slot | None) -> Video:
        """A new video is made in its slot, or with a twin, or is in line. Returns it as it is now."""
        video = lease.video
        present = self._live.get(video.id)
        if present is None or present.status.terminal:  # somebody found it in a list, and cancelled or deleted it
            self._webhooks.pass_on(lease.due)
            with slot or contextlib.nullcontext():
                return present or video
        self._twins.add(video)
        if slot:
            self._start(lease, slot)
        elif (leader := self._leader(video)) is not None:
            self._job.follow(lease, leader)
        else:
            self._dispatch(video.request.engine)
        return video

    async def _with_the_file_of_a_twin(self, video: Video) -> Video | None:
        """The new video as completed, when its twin has been made already; its file is in place then."""
        fingerprint = self._twins.fingerprint(video.request)
        while fingerprint and (twin := await self._threads.read(self._records.twin, video.owner, fingerprint)):
            if twin.file is not None and await self._integrity.holds(twin):
                with contextlib.suppress(FileNotFoundError):  # it was deleted a moment ago
                    await self._threads.read(self._files.share_video, twin.id, video.id)
                    for one in (twin.id, video.id):
                        self._integrity.trust(one)
                    return dataclasses.replace(
                        video,
                        status=Status.COMPLETED,
                        started_at=video.created_at,
                        completed_at=video.created_at,
                        progress=100,
                        attempt=1,
                        file=dataclasses.replace(twin.file, key=self._files.video(video.id).name),
                        made_with=shared(twin.made_with),
                    )
            await self._threads.write(self._records.disown, twin.id)
        return None

    async def _place_made(self, video: Video, order: Order) -> tuple[Video, bool]:
        """Store a video that is completed already."""
        placed: Placed | None = None
        try:
            placed, due = await self._store(video, order, None)
        finally:
            if placed is None or placed.turn is None:
                await self._threads.read(self._files.discard_video, video.id)
        if placed.turn is None:
            return await self.get(placed.video_id, None), False
        self._live.publish(video)
        self._webhooks.pass_on(due)
        return video, True

    async def _store(
        self, video: Video, order: Order, opening: Mapping[str, Any] | None
    ) -> tuple[Placed, Sequence[Delivery]]:
        """The row, and what is to be told about its beginning. Raises `Busy` and `BadRequest`."""

        def insert() -> tuple[Placed, Sequence[Delivery]]:
            placed = self._records.insert(
                video,
                _NO_BOUND if video.status is Status.COMPLETED else self._max_queued,
                order.priority,
                order.once,
                self._twins.fingerprint(video.request),
                order.webhook,
                opening,
            )
            news = placed.turn is not None and order.webhook and video.status is not Status.QUEUED
            return placed, self._webhooks.write_down(video) if news else ()

        try:
            return await self._threads.write(insert)
        except QueueFull:
            message = f"The queue is full ({self._max_queued:,} jobs wait)"
            raise Busy(message, code=Code.QUEUE_FULL, retry_after=30) from None
        except IdempotencyConflict:
            raise BadRequest(
                "This Idempotency-Key came before with another body. Send a new key for a new request.",
                code=Code.IDEMPOTENCY_CONFLICT,
                field="Idempotency-Key",
            ) from None

    async def _is_sound(self, video: Video) -> bool:
        """Whether a repeated key can be answered with its video: a damaged one is made anew."""
        if video.status is Status.COMPLETED and not await self._integrity.holds(video):
            await self._threads.write(self._records.disown, video.id)
            return False
        return True

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
        """The file that it waited for was not made: it is rendered itself when its turn comes, or another twin is."""
        video = lease.video
        self._begun[video.id] = lease
        self._live.line_up_again(video.id)
        if (leader := self._leader(video)) is not None:
            self._job.follow(self._out_of_line(video), leader)
        else:
            self._dispatch(video.request.engine)

    def _out_of_line(self, video: Video) -> Lease:
        """The right to make a video that was in line: it may have been begun before."""
        lease = self._begun.pop(video.id, None)
        if lease is None:
            return Lease(video=video)
        self._live.publish(lease.video)
        return lease

    def _dispatch(self, engine: str) -> None:
        """The one place where waiting jobs begin: as many as there are free slots, in the order of the line.

        Called whenever a job has come into the line, and whenever a slot is given back.
        """
        while not self._stopping and (video_id := self._live.first(engine, self._job.has)) is not None:
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

    async def get(self, video_id: str, owner: str | None) -> Video:
        """The video; `owner` None may see all. What is not there and what is not yours raise the same `NotFound`."""
        video = self._live.get(video_id)
        if video is None and ids.is_video_id(video_id):
            video = await self._threads.read(self._records.get, video_id)
            if video is not None:
                self._live.remember(video)
        if video is None or owner not in (None, video.owner):
            raise NotFound("There is no video with this id", field="id")
        return video

    async def wait(self, video: Video) -> Video:
        """The video in its terminal state."""
        end = self._live.end(video.id)
        return await end if end else await self.get(video.id, None)

    async def wait_for(self, video: Video, seconds: float) -> Video:
        """The video in its terminal state, or as it is after that many seconds, or when the server stops."""
        waiting, closing = asyncio.create_task(self.wait(video)), asyncio.create_task(self._live.closing())
        try:
            await asyncio.wait({waiting, closing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else await self.get(video.id, None)
        finally:
            waiting.cancel()
            closing.cancel()

    async def wait_while(self, video: Video, gone: Callable[[], Coroutine[Any, Any, None]]) -> Video:
        """The video in its terminal state. When `gone` ends first (the client hung up), the job is cancelled, unless

        somebody else waits for the same video or was promised it; then `Cancelled` is raised.
        """
        end = self._live.end(video.id)
        if end is None:
            return await self.get(video.id, None)
        hang_up = asyncio.create_task(gone())
        first: set[asyncio.Future[Any]] = {end, hang_up}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                return end.result()
            if self._live.wanted_by_others(video.id):
                raise Cancelled("The client hung up")
            return await self.cancel(video)
        except asyncio.CancelledError:
            # The server stops and has drained long enough; the job goes on at its next start.
            raise Busy("The server is stopping", retry_after=STOPPING_S) from None
        finally:
            end.cancel()
            hang_up.cancel()

    async def page(
        self,
        owner: str | None,
        *,
        after: str | None,
        limit: int,
        newest_first: bool,
        status: Status | None,
        metadata: Mapping[str, str],
    ) -> tuple[Sequence[Video], bool]:
        """At most `limit` videos in the order of their creation beyond `after`, and whether there are more."""

        def read() -> Sequence[Video]:
            return self._records.page(
                owner=owner,
                after=after,
                limit=limit + 1,
                newest_first=newest_first,
                status=status,
                metadata=metadata,
            )

        found = await self._threads.read(read)
        return [self._live.get(video.id) or video for video in found[:limit]], len(found) > limit

    async def cancel(self, video: Video) -> Video:
        """End the job, wherever it is. Of several cancels, or a cancel and the finish, the first one counts."""
        if video.status.terminal:
            return video
        ended, now, due = await self._threads.write(self._end, video.id)
        if now is None:
            raise NotFound("There is no video with this id", field="id")
        self._live.publish(now)
        self._begun.pop(video.id, None)
        self._webhooks.pass_on(due)
        if ended:
            self._job.cancel(video.id)
            self._log.info("cancelled", video=video.id)
        return now

    def _end(self, video_id: str) -> tuple[bool, Video | None, Sequence[Delivery]]:
        """In a thread: whether this ended it, the video as it is now, and what is to be told about it."""
        ended = self._records.fail(video_id, None, CANCELLED, self._clock.now())
        now = ended or self._records.get(video_id)
        return ended is not None, now, self._webhooks.write_down(now) if now and now.status.terminal else ()

    async def delete(self, video: Video) -> None:
        """Remove the video for good; a job that runs or waits is cancelled first."""
        await self.cancel(video)
        if await self._threads.write(self._records.delete, video.id):
            self._live.forget(video.id)
            await self._job.discard(video.id)

    def recover(self, unfinished: Sequence[tuple[int, Video]]) -> None:
        """At start: the videos that have not ended, with their turns and in their order, are in line.

        Those that an earlier process had begun are among them: their slots ended with that process.
        """
        for turn, video in unfinished:
            self._live.publish(video, turn, interrupted=video.status is Status.IN_PROGRESS)
            self._live.keep(video.id)
            self._twins.add(video)
            if not self._worker.offers(video.request.engine):
                self._job.refuse(video, f"The engine {video.request.engine} is not available on this server")
        for engine in {video.request.engine for _, video in unfinished}:
            if self._worker.offers(engine):
                self._dispatch(engine)
        if unfinished:
            interrupted = sum(video.status is Status.IN_PROGRESS for _, video in unfinished)
            self._log.info("recovered", waiting=len(unfinished), interrupted=interrupted)

    def stop(self) -> None:
        """The server is about to stop: no job is begun any more, those who wait are for the next start."""
        self._stopping = True
