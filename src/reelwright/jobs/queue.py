"""The queue as the API sees it: submit, look, wait, cancel."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from reelwright import ids
from reelwright.clock import Clock
from reelwright.errors import BadRequest, Busy, Cancelled, Code, NotFound
from reelwright.jobs.callers import Caller, refusal
from reelwright.jobs.events import Live
from reelwright.jobs.feed import Feed
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.running import Lease
from reelwright.jobs.scheduler import Scheduler
from reelwright.jobs.threads import Threads
from reelwright.jobs.traces import Traces
from reelwright.jobs.twins import Twins, shared
from reelwright.jobs.video_job import VideoJob
from reelwright.jobs.webhooks import Webhooks
from reelwright.store.annotations import Annotations, TooMuchMetadata
from reelwright.store.audit import SERVER, Action, Entry, Who
from reelwright.store.deliveries import Delivery
from reelwright.store.files import Files
from reelwright.store.records import IdempotencyConflict, IdempotencyKey, InsertResult, QueueFull, Records
from reelwright.store.resumable import Resumable
from reelwright.store.search import EVERYTHING, Sought
from reelwright.store.usage import OverLimit
from reelwright.video import Failure, Status, Video, VideoSpec, Webhook

STOPPING_S = 10.0
"""When to come back to a server that is stopping: it may be back by then."""

_NO_BOUND = 2**31 - 1

CANCELLED = Failure(code=Code.CANCELLED, message="The job was cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """How a request is submitted; what it asks for is the request itself.

    `detached`: the client was promised the video and does not wait, so a client that hangs up cancels nothing.
    `idempotency_key`: a repeated submission with the same key gets the first one's video. `priority` is added to the
    job's fair tag: a lower one begins sooner. `asked`: what the client sent, for a dialect that shows it again.
    `resumes`: the id of a failed video from whose checkpoint the new one goes on. `source`: what the video extends: the
    key of a finished file in the store, or the path of a file that was sent.
    """

    detached: bool
    idempotency_key: IdempotencyKey | None = None
    priority: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    remixed_from: str | None = None
    webhook: Webhook | None = None
    asked: Mapping[str, Any] | None = None
    resumes: str | None = None
    source: str | Path | None = None


class Queue:
    """All that a dialect may do with jobs. Nothing is acknowledged before it is in the database."""

    def __init__(
        self,
        *,
        records: Records,
        annotations: Annotations,
        job: VideoJob,
        scheduler: Scheduler,
        live: Live,
        feed: Feed,
        clock: Clock,
        threads: Threads,
        max_queued: int,
        keep_days: float,
        files: Files,
        resumable: Resumable,
        integrity: Integrity,
        webhooks: Webhooks,
        traces: Traces,
        twins: Twins,
        on_end: Callable[[Video], None],
    ) -> None:
        """`on_end` is told each video whose end is recorded here."""
        self._records = records
        self._annotations = annotations
        self._job = job
        self._scheduler = scheduler
        self._live = live
        self._feed = feed
        self._clock = clock
        self._threads = threads
        self._max_queued = max_queued
        self._keep = timedelta(days=keep_days)
        self._files = files
        self._resumable = resumable
        self._integrity = integrity
        self._webhooks = webhooks
        self._traces = traces
        self._twins = twins
        self._on_end = on_end
        self._log = structlog.get_logger("reelwright.jobs")

    async def submit(self, spec: VideoSpec, caller: Caller, options: SubmitOptions) -> Video:
        """Store the job and start or queue it, or answer with the video that its key has led to already.

        A deterministic request that was made before gets a video of its own with the file of its twin. Raises `Busy`
        when the queue is full, the caller's key may have no more or the database does not answer, `BadRequest` when the
        idempotency key came before with another body.
        """
        with self._traces.submission(spec) as submission:
            while True:
                video, fresh = await self._place(spec, caller, options, submission.traceparent)
                if fresh or await self._is_sound(video):
                    break
            self._traces.submitted(submission, video)
        if options.detached:
            await self._feed.promise(video, fresh)
        return video

    async def _place(
        self, spec: VideoSpec, caller: Caller, options: SubmitOptions, trace: str | None
    ) -> tuple[Video, bool]:
        """The new video, stored and perhaps begun, or the earlier one that its key leads to; and whether it is new."""
        now = self._clock.now()
        video = Video(
            id=ids.video_id(int(now.timestamp() * 1000)),
            owner=caller.owner,
            key=caller.key,
            most_running=caller.limits.running,
            status=Status.QUEUED,
            spec=spec,
            created_at=now,
            expires_at=now + self._keep,
            remixed_from=options.remixed_from,
            metadata=options.metadata,
            trace=trace,
            asked=options.asked,
            resumed_from=options.resumes,
        )
        if (made := await self._with_the_file_of_a_twin(video)) is not None:
            return await self._place_made(made, caller, options)
        saved = await self._take_checkpoint(options.resumes, video.id) if options.resumes else None
        source = options.source
        if options.resumes and video.spec.extends:
            source = self._files.source_key(options.resumes)
        if source is not None:
            await self._keep_source(video.id, source)
        reserved, stored = self._scheduler.reserve(video), False
        try:
            with contextlib.ExitStack() as unless_begun:
                if reserved.slot:
                    unless_begun.enter_context(reserved.slot)
                placed, due = await self._store(reserved.video, caller, options, saved or reserved.opening)
                stored = placed.fair_tag is not None
                if stored:
                    unless_begun.pop_all()
        finally:
            if not stored:
                self._scheduler.forget(video.id)
            if source is not None and not stored:
                await self._threads.read(self._files.forget_source, video.id)
        if placed.fair_tag is None:
            return await self.get(placed.video_id, None), False
        begun = reserved.slot is not None
        opened = saved is None and reserved.opening is not None
        lease = Lease(video=reserved.video, stored=begun, checkpoint=saved, opened=opened, due=due)
        return self._scheduler.add(lease, reserved.slot, placed.fair_tag), True

    async def _take_checkpoint(self, video_id: str, new_id: str) -> Mapping[str, Any]:
        """What that video had saved last; its file is also the new one's from now on. Raises `BadRequest`, `Busy`.

        If the new one is not stored after all, the janitor removes the file.
        """
        state = await self._threads.read(self._resumable.checkpoint, video_id)
        try:
            if state is not None and "stored" in state:
                await self._threads.process(self._files.share_checkpoint, video_id, state, new_id)
                return state
        except FileNotFoundError:
            pass
        raise BadRequest(
            "The video cannot be resumed: nothing of its work is kept. One that failed by time or by its engine can be "
            "for 24 hours, if it had saved a checkpoint. Create it anew.",
            code=Code.CONFLICT,
            field="video_id",
        )

    async def _keep_source(self, video_id: str, source: str | Path) -> None:
        """What the video goes on from is its own from now on. Raises `NotFound` when it was deleted a moment ago."""
        try:
            await self._threads.read(self._files.keep_source, video_id, source)
        except FileNotFoundError:
            raise NotFound("The file of this video is gone", field="id") from None
        if isinstance(source, str):
            self._integrity.trust(source)  # a new link changes what its file looks like

    async def _with_the_file_of_a_twin(self, video: Video) -> Video | None:
        """The new video as completed, when its twin has been made already; its file is in place then."""
        fingerprint = self._twins.fingerprint(video.spec)
        while fingerprint and (twin := await self._threads.read(self._records.twin, video.owner, fingerprint)):
            if twin.file is not None and await self._integrity.holds(twin):
                with contextlib.suppress(FileNotFoundError):  # it was deleted a moment ago
                    key = await self._threads.read(self._files.share_video, twin.file.key, video.id, 1)
                    for one in (twin.file.key, key):
                        self._integrity.trust(one)
                    return dataclasses.replace(
                        video,
                        status=Status.COMPLETED,
                        started_at=video.created_at,
                        completed_at=video.created_at,
                        progress=100,
                        attempt=1,
                        file=dataclasses.replace(twin.file, key=key),
                        made_with=shared(twin.made_with),
                    )
            await self._threads.write(self._records.disown, twin.id)
        return None

    async def _place_made(self, video: Video, caller: Caller, options: SubmitOptions) -> tuple[Video, bool]:
        """Store a video that is completed already."""
        placed: InsertResult | None = None
        try:
            placed, due = await self._store(video, caller, options, None)
        finally:
            if placed is None or placed.fair_tag is None:
                await self._threads.read(self._files.discard_video, video.id)
        if placed.fair_tag is None:
            return await self.get(placed.video_id, None), False
        self._live.publish(video)
        self._on_end(video)
        self._webhooks.send_later(due)
        return video, True

    async def _store(
        self, video: Video, caller: Caller, options: SubmitOptions, opening: Mapping[str, Any] | None
    ) -> tuple[InsertResult, Sequence[Delivery]]:
        """The row, and what is to be told about its beginning. Raises `Busy` and `BadRequest`."""

        def insert() -> tuple[InsertResult, Sequence[Delivery]]:
            placed = self._records.insert(
                video,
                _NO_BOUND if video.status is Status.COMPLETED else self._max_queued,
                options.priority,
                options.idempotency_key,
                self._twins.fingerprint(video.spec),
                options.webhook,
                opening,
                self._scheduler.name if video.status is Status.IN_PROGRESS else None,
                options.detached,
                caller.limits,
                caller.entry(Action.CREATED, video.id, video.created_at),
            )
            news = placed.fair_tag is not None and options.webhook and video.status is not Status.QUEUED
            return placed, self._webhooks.record_deliveries(video) if news else ()

        try:
            placed, due = await self._threads.write(insert)
            caller.left.update(placed.left)
            return placed, due
        except OverLimit as over:
            caller.left[over.limit] = max(0, over.most - over.used)
            raise refusal(over, self._clock.now()) from None
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

    async def get(self, video_id: str, owner: str | None) -> Video:
        """The video; `owner` None may see all. What is not there and what is not yours raise the same `NotFound`."""
        video = await self._feed.look(video_id, owner) if ids.is_video_id(video_id) else None
        if video is None:
            raise NotFound("There is no video with this id", field="id")
        return video

    async def wait(self, video: Video) -> Video:
        """The video in its terminal state."""
        async with self._feed.following(video) as now:
            end = self._live.end(video.id)
            return await end if end else now

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
        async with self._feed.following(video) as now:
            end = self._live.end(video.id)
            if end is None:
                return now
            hang_up = asyncio.create_task(gone())
            first: set[asyncio.Future[Any]] = {end, hang_up}
            try:
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
                if end.done():
                    return end.result()
                if await self._feed.wanted_by_others(video.id):
                    raise Cancelled("The client hung up")
                return await self.cancel(video, Caller(owner=video.owner, key=video.key))
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
        sought: Sought = EVERYTHING,
    ) -> tuple[Sequence[Video], bool]:
        """At most `limit` videos in the order of their creation beyond `after`, and whether there are more."""

        def read() -> Sequence[Video]:
            return self._records.page(
                owner=owner,
                after=after,
                limit=limit + 1,
                newest_first=newest_first,
                sought=sought,
            )

        found = await self._threads.read(read)
        return await self._feed.as_they_are(found[:limit]), len(found) > limit

    async def annotate(self, video: Video, changes: Mapping[str, str | None], most: int) -> Video:
        """The ended video with these entries of its metadata set, or removed where they are None; `most` it may have.

        Raises `BadRequest` for more, and before its end (`conflict`): until then it is what the client has asked for.
        """
        try:
            changed = await self._threads.write(self._annotations.change, video.id, changes, most)
        except TooMuchMetadata:
            raise BadRequest(
                f"Invalid metadata: with these entries there were more than {most}. Remove some (send null).",
                field="metadata",
            ) from None
        if changed is None:
            raise BadRequest(
                "The video is still being made. Its metadata can be changed when it has ended.",
                code=Code.CONFLICT,
                field="video_id",
            )
        self._live.remember(changed)
        return changed

    async def cancel(self, video: Video, by: Caller | None = None) -> Video:
        """End the job, wherever it is. Of several cancels, or a cancel and the finish, the first one counts.

        `by`: who asks; None: this server itself.
        """
        if video.status.terminal:
            return video
        ended, now, due = await self._threads.write(self._end, video.id, by)
        if now is None:
            raise NotFound("There is no video with this id", field="id")
        self._live.publish(now)
        self._scheduler.forget(video.id)
        self._webhooks.send_later(due)
        if ended:
            self._on_end(now)
            self._job.cancel(video.id)
            self._log.info("cancelled", video=video.id)
        return now

    def _end(self, video_id: str, by: Caller | None) -> tuple[bool, Video | None, Sequence[Delivery]]:
        """In a thread: whether this ended it, the video as it is now, and what is to be told about it."""
        entry = self._entry(Action.CANCELLED, video_id, by)
        ended = self._records.fail(video_id, None, CANCELLED, self._clock.now(), entry=entry)
        now = ended or self._records.get(video_id)
        return ended is not None, now, self._webhooks.record_deliveries(now) if now and now.status.terminal else ()

    async def delete(self, video: Video, by: Caller | None = None) -> None:
        """Remove the video for good; a job that runs or waits is cancelled first. `by`: see `cancel`."""
        await self.cancel(video, by)
        if await self._threads.write(self._records.delete, video.id, self._entry(Action.DELETED, video.id, by)):
            self._live.forget(video.id)
            await self._job.discard(video.id, resumable=video.resumable)

    def _entry(self, action: Action, video_id: str, by: Caller | None) -> Entry:
        return (by.who if by else Who(key=SERVER)).did(action, video_id, self._clock.now())
