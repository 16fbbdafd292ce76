"""The job that makes one video: an attempt (render → finish), and the one place where its outcome is recorded.

    attempt   claim the row → adopt a finished file, or render in an engine child → encode, probe, poster, rename
    record    the terminal state, once, by a guarded statement → tell everybody who waits

A job that finds a free slot when it is submitted is claimed by the statement that stores it, and begins at once; its
workflow comes after it and waits for its end.

After a crash the whole is begun again: a clip in shared memory does not outlive its process, so there is nothing to
resume between render and finish. What survives is the engine's own checkpoint and the file that is already in place.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog

from reelwright.clock import Clock
from reelwright.engines.child import Job, Watch
from reelwright.errors import Busy, Cancelled, Code, EngineError
from reelwright.jobs.events import Live
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.outcome import Ended, Failed, Finished, Outcome
from reelwright.jobs.traces import Traces
from reelwright.jobs.webhooks import Webhooks
from reelwright.jobs.worker import Seat, Worker
from reelwright.media import encode, probe, stills
from reelwright.media.clip import Clip
from reelwright.store.deliveries import Delivery
from reelwright.store.files import Files, sha256_of
from reelwright.store.records import Records
from reelwright.video import Failure, MadeFile, Video

T = TypeVar("T")

RETRY_S = 1.0
_LASTING = ("I/O error", "malformed", "no such")
"""What SQLite says of a database that does not get better by waiting."""

MAX_ATTEMPTS = 20
"""A job that was interrupted this often takes its server down with it, by all appearances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """Where blocking work runs: changes of the database, reads and small file work beside them, long encodes."""

    database: Executor
    beside: Executor
    media: Executor


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A video whose row says that this process renders it, the slot for it, and what is to be told about that."""

    video: Video
    seat: Seat
    checkpoint: Mapping[str, Any] | None = None
    opened: bool = False
    """The row was stored with the card's opening as its checkpoint."""
    due: Sequence[Delivery] = ()


class VideoJob:
    """Makes videos. `run` is the body of the durable workflow, on the server's own loop."""

    def __init__(
        self,
        *,
        records: Records,
        files: Files,
        worker: Worker,
        live: Live,
        clock: Clock,
        threads: Threads,
        timeout_s: float,
        generative: frozenset[str],
        webhooks: Webhooks,
        integrity: Integrity,
        traces: Traces,
    ) -> None:
        """`generative`: the engines that are generative AI; their files say so."""
        self._records = records
        self._files = files
        self._worker = worker
        self._live = live
        self._clock = clock
        self._threads = threads
        self._timeout_s = timeout_s
        self._generative = generative
        self._webhooks = webhooks
        self._integrity = integrity
        self._traces = traces
        self._running: dict[str, asyncio.Task[Outcome]] = {}
        self._open: dict[str, asyncio.Task[None]] = {}
        self._abandoned = False
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._log = structlog.get_logger("reelwright.jobs")

    @property
    def running(self) -> int:
        """How many jobs are under way in this process, from their claim to their record."""
        return len(self._open)

    async def quiet(self) -> None:
        """Returns when no attempt is under way and every outcome is recorded."""
        await self._quiet.wait()

    def begin(self, claim: Claim) -> None:
        """Begin the attempt that the video was stored with. Its workflow finds it under way.

        It is told at once: as long as it looked queued, others would line up behind it.
        """
        self._live.publish(claim.video)
        self._start(claim.video.id, claim)

    def take(self, video_id: str) -> None:
        """Begin an attempt at a queued video, if none is under way. Its workflow finds it under way, or ended."""
        if video_id not in self._open and not self._abandoned:
            self._start(video_id, None)

    def has(self, video_id: str) -> bool:
        """Whether an attempt is under way here, or waits for a slot."""
        return video_id in self._open

    async def run(self, video_id: str) -> None:
        """The workflow: one attempt, from claim to record, or the end of the one that is under way.

        Raises when the outcome cannot be recorded. Does not return once the server stops: the workflow belongs to the
        next start, and an end would take it from there.
        """
        ended = self._live.get(video_id)
        if ended is not None and ended.status.terminal and video_id not in self._open:
            return
        if not self._abandoned:
            task = self._open.get(video_id) or self._start(video_id, None)
            # Waited for, not awaited: the attempt is ended by `cancel`, not with the workflow that waits for it.
            await asyncio.wait({task})
        if self._abandoned:
            await asyncio.get_running_loop().create_future()
        task.result()

    def _start(self, video_id: str, claim: Claim | None) -> asyncio.Task[None]:
        task = self._open[video_id] = asyncio.create_task(self._run(video_id, claim))
        self._quiet.clear()
        return task

    async def _run(self, video_id: str, claim: Claim | None) -> None:
        recorded: Outcome | None = None
        try:
            outcome = await self._outcome(video_id, claim)
            if not self._abandoned:
                with self._traces.stage(video_id, "record"):
                    await self._record(video_id, outcome)
                recorded = outcome
        except Exception:
            self._log.exception("outcome not recorded", video=video_id)
            raise
        finally:
            self._traces.ended(video_id, recorded)
            if claim:
                claim.seat.release()  # also that of an attempt that was cancelled before its first step
            del self._open[video_id]
            if not self._open:
                self._quiet.set()

    def abandon(self) -> None:
        """The server stops and gives its unfinished jobs back: from now on nothing is recorded here."""
        self._abandoned = True

    async def _outcome(self, video_id: str, claim: Claim | None) -> Outcome:
        task = asyncio.create_task(self._attempt(video_id, claim))
        self._running[video_id] = task
        try:
            # Waited for, not awaited: `cancel` ends the attempt, and what became of it is still to be recorded.
            await asyncio.wait({task})
            return Ended() if task.cancelled() else task.result()
        finally:
            del self._running[video_id]
            task.cancel()

    async def _record(self, video_id: str, outcome: Outcome) -> None:
        """Write the outcome down, once, and tell it."""
        video, due = await self._database(self._settle, video_id, outcome)
        if video is None or video.failure:
            await self._remove(self._files.discard_video, video_id)
        news = not isinstance(outcome, Ended) or self._live.get(video_id) is not None
        if video is not None and news:
            self._tell(video, due)
        else:  # it ended long ago; only a webhook may not have been told
            self._webhooks.pass_on(due)
        if not isinstance(outcome, Finished):
            await self._remove(self._files.discard_scratch, video_id)

    async def _remove(self, discard: Callable[[str], None], video_id: str) -> None:
        """A file that cannot be removed keeps nobody from hearing of the end."""
        try:
            await self._beside(discard, video_id)
        except OSError as error:
            self._log.warning("files not removed", video=video_id, reason=error.strerror)

    def _tell(self, video: Video, due: Sequence[Delivery]) -> None:
        self._live.publish(video)
        self._webhooks.pass_on(due)
        if video.failure:
            self._log.warning("failed", video=video.id, code=video.failure.code, reason=video.failure.message)
        elif video.file:
            self._log.info(
                "finished", video=video.id, seconds=round(video.generation_seconds or 0, 2), bytes=video.file.size
            )

    def _settle(self, video_id: str, outcome: Outcome) -> tuple[Video | None, Sequence[Delivery]]:
        """In a thread: the row's end. Returns the video as it is now, and what is to be told about it."""
        now, video = self._clock.now(), None
        match outcome:
            case Finished(attempt=attempt, file=file, made_with=made_with):
                video = self._records.complete(video_id, attempt, file, made_with, now)
            case Failed(attempt=attempt, failure=failure):
                video = self._records.fail(video_id, attempt, failure, now)
            case Ended():
                pass
        video = video or self._records.get(video_id)
        return video, self._webhooks.write_down(video) if video else ()

    def cancel(self, video_id: str) -> bool:
        """End the attempt that is under way here; False when there is none. The caller has ended the row already."""
        if task := self._running.get(video_id):
            task.cancel()
        return self.has(video_id)  # also while its outcome is being recorded

    async def _attempt(self, video_id: str, claim: Claim | None) -> Outcome:
        video = claim.video if claim else self._live.get(video_id) or await self._database(self._records.get, video_id)
        now = self._live.get(video_id)
        if video is None or video.status.terminal or (now and now.status.terminal):
            return Ended()
        try:
            if claim is None:
                claim = await self._claim(video)
                if claim is None:
                    return Ended()
                self._live.publish(claim.video)
            video = claim.video
            with claim.seat:
                self._traces.begun(video)
                self._webhooks.pass_on(claim.due)
                if video.attempt > MAX_ATTEMPTS:
                    raise EngineError(f"Gave up after {MAX_ATTEMPTS} interrupted attempts")
                if adopted := await self._adopt(video):
                    return adopted
                self._log.info("rendering", video=video.id, engine=video.request.engine, model=video.request.model)
                begun = time.monotonic()
                if claim.checkpoint:
                    await self._media(self._files.fetch_checkpoint, video.id, claim.checkpoint)
                with self._traces.stage(video_id, "render") as rendering:
                    clip, facts = await claim.seat.render(
                        self._assignment(claim, rendering.traceparent), self._watch(video)
                    )
            with self._traces.stage(video_id, "finish"):
                return await self._finished(video, clip, {**facts, "render_s": round(time.monotonic() - begun, 3)})
        except Cancelled:
            return Ended()
        except (EngineError, Busy) as error:
            failure = Failure(
                code=error.code,
                message=error.message,
                details=error.details,
                retry_after=error.retry_after,
                field=error.field,
            )
            return Failed(attempt=video.attempt, failure=failure)
        except Exception:  # noqa: BLE001 - the runner's edge: recorded, and told without its text
            self._log.exception("attempt broke", video=video_id)
            failure = Failure(code=Code.INTERNAL, message="The server failed while it made this video")
            return Failed(attempt=video.attempt, failure=failure)

    async def _claim(self, video: Video) -> Claim | None:
        """A slot and the row, which is then in progress; None when the video has ended meanwhile."""
        seat = await self._worker.seat(video.request.engine)
        with contextlib.ExitStack() as unless_claimed:
            unless_claimed.enter_context(seat)
            claim = await self._database(self._claim_row, video.id, seat)
            if claim is not None:
                unless_claimed.pop_all()
            return claim

    def _claim_row(self, video_id: str, seat: Seat) -> Claim | None:
        claimed = self._records.claim(video_id, self._clock.now())
        if claimed is None:
            return None
        video, checkpoint = claimed
        return Claim(video=video, seat=seat, checkpoint=checkpoint, due=self._webhooks.write_down(video))

    async def _adopt(self, video: Video) -> Outcome | None:
        """The file that an interrupted attempt had already put in place, if it is whole."""
        path = self._files.video(video.id)
        if video.attempt == 1 or not await self._media(path.exists):
            return None
        try:
            file = await self._media(_measure, path, path.name)
        except EngineError:
            return None
        self._log.info("adopted", video=video.id)
        await self._remove(self._files.discard_scratch, video.id)
        return Finished(attempt=video.attempt, file=file, made_with={"adopted": True})

    def _assignment(self, claim: Claim, trace: str | None) -> Job:
        video = claim.video
        image = video.request.image
        return Job(
            video_id=video.id,
            attempt=video.attempt,
            request=video.request,
            scratch=self._files.scratch(video.id),
            image_path=self._files.image(image.sha256) if image else None,
            checkpoint=claim.checkpoint,
            seconds_left=self._timeout_s,
            opened=claim.opened,
            trace=trace,
        )

    async def _finished(self, video: Video, clip: Clip, made_with: Mapping[str, Any]) -> Outcome:
        begun, stop = time.monotonic(), threading.Event()
        finishing = asyncio.get_running_loop().run_in_executor(self._threads.media, self._finish, video, clip, stop)
        try:
            file = await asyncio.shield(finishing)
            self._integrity.trust(video.id)  # it was hashed a moment ago
        finally:
            # A cancelled encode ends at its next frame. Only then is it certain that it leaves no file behind.
            stop.set()
            if not finishing.done():
                await asyncio.wait({finishing})
            if not finishing.cancelled():
                finishing.exception()  # after a cancel nobody else asks how it ended
            if clip.frames:
                clip.frames.close()
        finish_s = round(time.monotonic() - begun, 3)
        return Finished(attempt=video.attempt, file=file, made_with={**made_with, "finish_s": finish_s})

    def _watch(self, video: Video) -> Watch:
        async def save(state: Mapping[str, Any]) -> None:
            if not await self._save(video, state):
                self.cancel(video.id)  # another attempt counts now, or the video was cancelled

        return Watch(
            progress=lambda done, total: self._live.progress(video.id, 99 * done // max(1, total)),
            preview=lambda data, media_type: self._live.preview(video.id, data, media_type),
            checkpoint=save,
        )

    async def _save(self, video: Video, state: Mapping[str, Any]) -> bool:
        """First the checkpoint's file, if it has one, then the row that names it. False: the row is not ours any more.

        A file that cannot be kept costs the job nothing but this checkpoint: the one before counts on.
        """
        if "file" not in state:
            return await self._database(self._records.save_checkpoint, video.id, video.attempt, state)
        try:
            kept = await self._media(self._files.keep_checkpoint, video.id, video.attempt, state)
        except (OSError, Busy) as error:
            self._log.warning("checkpoint not kept", video=video.id, reason=str(error))
            return True
        saved = await self._database(self._records.save_checkpoint, video.id, video.attempt, kept)
        forget = self._files.forget_older_checkpoints if saved else self._files.forget_checkpoint
        await self._beside(forget, video.id, kept)
        return saved

    def _finish(self, video: Video, clip: Clip, stop: threading.Event) -> MadeFile:
        """In a thread: write the poster; then the file beside its place, probe it, rename it; then clear up."""
        target = self._files.video(video.id)

        def write(part: Path) -> MadeFile:
            if clip.path:
                clip.path.replace(part)
            else:
                about = encode.describe(video.request, generative_ai=video.request.engine in self._generative)
                encode.encode_mp4(clip, part, metadata=about, cancelled=stop.is_set)
            return _measure(part, target.name, clip)

        # From the frames a poster costs 2 ms. A file would be decoded once more: its poster waits until it is wanted.
        if clip.frames:
            self._files.publish(self._files.poster(video.id), lambda part: stills.poster(clip, part), last=False)
        file = self._files.publish(target, write, safe=clip.sha256 is not None)
        self._files.discard_scratch(video.id)  # after a crash from now on the file is adopted
        return file

    async def _database(self, function: Callable[..., T], *arguments: Any) -> T:
        """A database that is locked, full or away for a while is waited for: no accepted job is lost to it."""
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads.database, function, *arguments)
            except sa.exc.OperationalError as error:
                reason = str(error.orig)
                if any(word in reason for word in _LASTING):
                    raise
                self._log.warning("database busy", reason=reason)
                await asyncio.sleep(RETRY_S)

    async def _beside(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads.beside, function, *arguments)

    async def _media(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads.media, function, *arguments)


def _measure(path: Path, key: str, clip: Clip | None = None) -> MadeFile:
    """The file's facts; what an engine's child has found out already is not done again."""
    seen = (clip and clip.probe) or probe.probe(path)
    return MadeFile(
        key=key,
        size=seen.size,
        sha256=(clip and clip.sha256) or sha256_of(path),
        width=seen.width,
        height=seen.height,
        num_frames=seen.num_frames,
        fps=seen.fps,
        codec=seen.codec,
    )
