"""What the API does with jobs: submit, get, list, wait, cancel, delete."""

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
from reelwright.jobs.duplicates import Duplicates, shared
from reelwright.jobs.events import LiveVideos
from reelwright.jobs.feed import Feed
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.running import Lease
from reelwright.jobs.scheduler import Scheduler
from reelwright.jobs.threads import Threads
from reelwright.jobs.traces import Traces
from reelwright.jobs.video_job import VideoJob
from reelwright.jobs.webhooks import Webhooks
from reelwright.store.annotations import Annotations, TooMuchMetadata
from reelwright.store.audit import SERVER, Action, Entry, Who
from reelwright.store.deliveries import Delivery
from reelwright.store.files import Files
from reelwright.store.keys import OverLimit
from reelwright.store.records import IdempotencyConflict, IdempotencyKey, InsertResult, QueueFull, Records
from reelwright.store.resumable import Resumable
from reelwright.store.search import NO_FILTER, VideoFilter
from reelwright.video import Failure, Status, Video, VideoSpec, Webhook

STOPPING_S = 10.0
"""After how many seconds a client should come back to a server that is stopping; it may have restarted by then."""

_NO_BOUND = 2**31 - 1
"""In place of `max_queued`, for a video that does not wait."""

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
    """The jobs, for the dialects. A method returns when the database has stored what it did."""

    def __init__(
        self,
        *,
        records: Records,
        annotations: Annotations,
        job: VideoJob,
        scheduler: Scheduler,
        live: LiveVideos,
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
        duplicates: Duplicates,
        on_end: Callable[[Video], None],
    ) -> None:
        """`keep_days`: how long a video is kept. `on_end` is called with each video whose end is recorded here."""
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
        self._duplicates = duplicates
        self._on_end = on_end
        self._log = structlog.get_logger("reelwright.jobs")

    async def submit(self, spec: VideoSpec, caller: Caller, options: SubmitOptions) -> Video:
        """Store the job and start or queue it, or answer with the video that its key has led to already.

        A deterministic request that was made before gets a video of its own with the file of its duplicate. Raises
        `Busy` when the queue is full, the caller's key may have no more or the database does not answer, `BadRequest`
        when the idempotency key came before with another body.
        """
        with self._traces.submission(spec) as submission:
            while True:
                video, fresh = await self._submit(spec, caller, options, submission.traceparent)
                if fresh or await self._can_repeat(video):
                    break
            self._traces.submitted(submission, video)
        if options.detached:
            await self._feed.promise(video, fresh)
        return video

    async def _submit(
        self, spec: VideoSpec, caller: Caller, options: SubmitOptions, trace: str | None
    ) -> tuple[Video, bool]:
        """Returns the new video, stored and perhaps begun, and True; or the earlier video of the idempotency key, and
        False. `trace`: the W3C `traceparent` of the submission."""
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
        if (made := await self._with_file_of_duplicate(video)) is not None:
            return await self._store_completed(made, caller, options)
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
                placed, due = await self._store(reserved.video, caller, options, saved or reserved.initial_checkpoint)
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
        initial_stored = saved is None and reserved.initial_checkpoint is not None
        lease = Lease(
            video=reserved.video, claimed=begun, checkpoint=saved, initial_checkpoint_stored=initial_stored, due=due
        )
        return self._scheduler.add(lease, reserved.slot, placed.fair_tag), True

    async def _take_checkpoint(self, video_id: str, new_id: str) -> Mapping[str, Any]:
        """The last checkpoint of the failed video; its file is shared with the new one. Raises `BadRequest`, `Busy`.

        If the new video is not stored after all, the janitor removes its share.
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
        """Give the new video its own copy of the file that it extends, or its own hard link to it.

        Raises `NotFound` when that file was deleted a moment ago, `Busy`.
        """
        try:
            await self._threads.read(self._files.keep_source, video_id, source)
        except FileNotFoundError:
            raise NotFound("The file of this video is gone", field="id") from None
        if isinstance(source, str):
            self._integrity.mark_verified(source)  # a new hard link changes the file's ctime

    async def _with_file_of_duplicate(self, video: Video) -> Video | None:
        """The new video as completed, with a duplicate's file in place; None when no intact duplicate exists."""
        fingerprint = self._duplicates.fingerprint(video.spec)
        while fingerprint and (
            duplicate := await self._threads.read(self._records.completed_duplicate, video.owner, fingerprint)
        ):
            if duplicate.file is not None and await self._integrity.is_intact(duplicate):
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    key = await self._threads.read(self._files.share_video, duplicate.file.key, video.id, 1)
                    for one in (duplicate.file.key, key):
                        self._integrity.mark_verified(one)
                    return dataclasses.replace(
                        video,
                        status=Status.COMPLETED,
                        started_at=video.created_at,
                        completed_at=video.created_at,
                        progress=100,
                        attempt=1,
                        file=dataclasses.replace(duplicate.file, key=key),
                        made_with=shared(duplicate.made_with),
                    )
            await self._threads.write(self._records.stop_sharing, duplicate.id)
        return None

    async def _store_completed(self, video: Video, caller: Caller, options: SubmitOptions) -> tuple[Video, bool]:
        """Store a video that is completed already. Returns as `_submit`."""
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
        self, video: Video, caller: Caller, options: SubmitOptions, initial_checkpoint: Mapping[str, Any] | None
    ) -> tuple[InsertResult, Sequence[Delivery]]:
        """Store the row. Returns it with the webhook deliveries about its beginning, for `send_later`.

        Raises `Busy` and `BadRequest`.
        """

        def insert() -> tuple[InsertResult, Sequence[Delivery]]:
            placed = self._records.insert(
                video,
                _NO_BOUND if video.status is Status.COMPLETED else self._max_queued,
                options.priority,
                options.idempotency_key,
                self._duplicates.fingerprint(video.spec),
                options.webhook,
                initial_checkpoint,
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

    async def _can_repeat(self, video: Video) -> bool:
        """Whether a repeated idempotency key can be answered with its video. A damaged one is made anew."""
        if video.status is Status.COMPLETED and not await self._integrity.is_intact(video):
            await self._threads.write(self._records.stop_sharing, video.id)
            return False
        return True

    async def get(self, video_id: str, owner: str | None) -> Video:
        """The video, if it is this owner's; None stands for all owners.

        Raises the same `NotFound` for an id that does not exist and for another owner's video.
        """
        video = await self._feed.look(video_id, owner) if ids.is_video_id(video_id) else None
        if video is None:
            raise NotFound("There is no video with this id", field="id")
        return video

    async def wait(self, video: Video) -> Video:
        """The video in its terminal state."""
        async with self._feed.following(video) as now:
            end = self._live.completion(video.id)
            return await end if end else now

    async def wait_for(self, video: Video, seconds: float) -> Video:
        """The video in its terminal state; or as it is when the seconds are over, or the server stops."""
        waiting, closing = asyncio.create_task(self.wait(video)), asyncio.create_task(self._live.closing())
        try:
            await asyncio.wait({waiting, closing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else await self.get(video.id, None)
        finally:
            waiting.cancel()
            closing.cancel()

    async def wait_while(self, video: Video, gone: Callable[[], Coroutine[Any, Any, None]]) -> Video:
        """The video in its terminal state. If `gone` returns first (the client hung up), the job is cancelled.

        It is not cancelled where another client waits for the video, or was promised it; then `Cancelled` is raised.
        Raises `Busy` when the server stops.
        """
        async with self._feed.following(video) as now:
            end = self._live.completion(video.id)
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
                # The server stops, and the time for running jobs is over; the next start goes on with the job.
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
        filter_by: VideoFilter = NO_FILTER,
    ) -> tuple[Sequence[Video], bool]:
        """At most `limit` videos after the id `after`, in the order of their creation, and whether there are more."""

        def read() -> Sequence[Video]:
            return self._records.page(
                owner=owner,
                after=after,
                limit=limit + 1,
                newest_first=newest_first,
                filter_by=filter_by,
            )

        found = await self._threads.read(read)
        return await self._feed.as_they_are(found[:limit]), len(found) > limit

    async def annotate(self, video: Video, changes: Mapping[str, str | None], most: int) -> Video:
        """Set these entries of an ended video's metadata; a None removes the entry. It may have `most` entries.

        Raises `BadRequest` when it would have more, and while the video is being made (code `conflict`).
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
        self._live.cache(changed)
        return changed

    async def cancel(self, video: Video, by: Caller | None = None) -> Video:
        """End the job as cancelled, in whatever process it is. Returns the video as it is then.

        Of several cancels, or a cancel and the finish, the first one in the database counts. `by`: who asks; None: this
        server itself. Raises `NotFound`, `Busy`.
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
        """In a thread. Returns whether this call ended the video, the video as it is now, and the webhook
        deliveries."""
        entry = self._entry(Action.CANCELLED, video_id, by)
        ended = self._records.fail(video_id, None, CANCELLED, self._clock.now(), entry=entry)
        now = ended or self._records.get(video_id)
        return ended is not None, now, self._webhooks.record_deliveries(now) if now and now.status.terminal else ()

    async def delete(self, video: Video, by: Caller | None = None) -> None:
        """Remove the video and its files; a job that runs or waits is cancelled first. `by`, and errors: see
        `cancel`."""
        await self.cancel(video, by)
        if await self._threads.write(self._records.delete, video.id, self._entry(Action.DELETED, video.id, by)):
            self._live.mark_deleted(video.id)
            await self._job.discard(video.id, resumable=video.resumable)

    def _entry(self, action: Action, video_id: str, by: Caller | None) -> Entry:
        return (by.who if by else Who(key=SERVER)).did(action, video_id, self._clock.now())
