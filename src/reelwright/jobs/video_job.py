"""The job that makes one video: an attempt (render → finish), and the one place where its outcome is recorded.

    attempt   claim the row → adopt a finished file, or render in an engine child → encode, probe, poster, rename
    record    the terminal state, once, by a guarded statement → tell everybody who waits

After a crash the whole is begun again: a clip in shared memory does not outlive its process, so there is nothing to
resume between render and finish. What survives is the engine's own checkpoint and the file that is already in place.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
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
from reelwright.jobs.outcome import Ended, Failed, Finished, Outcome
from reelwright.jobs.webhooks import Webhooks
from reelwright.jobs.worker import Worker
from reelwright.media import encode, probe, stills
from reelwright.media.clip import Clip
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
    """Where blocking work runs: short database transactions, and long encodes."""

    database: Executor
    media: Executor


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
        self._running: dict[str, asyncio.Task[Outcome]] = {}
        self._open: set[str] = set()
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

    async def run(self, video_id: str) -> None:
        """One attempt, from claim to record. Raises when the outcome cannot be recorded, or when cancelled itself."""
        self._open.add(video_id)
        self._quiet.clear()
        try:
            outcome = await self._outcome(video_id)
            if not self._abandoned:
                await self._record(video_id, outcome)
        finally:
            self._open.discard(video_id)
            if not self._open:
                self._quiet.set()

    def abandon(self) -> None:
        """The server stops and gives its unfinished jobs back: from now on nothing is recorded here."""
        self._abandoned = True

    async def _outcome(self, video_id: str) -> Outcome:
        task = asyncio.create_task(self._attempt(video_id))
        self._running[video_id] = task
        try:
            # Waited for, not awaited: `cancel` ends the attempt, not the workflow that waits for its outcome.
            await asyncio.wait({task})
            return Ended() if task.cancelled() else task.result()
        finally:
            del self._running[video_id]
            task.cancel()

    async def _record(self, video_id: str, outcome: Outcome) -> None:
        """Write the outcome down, once, and tell it."""
        video = await self._database(self._settle, video_id, outcome)
        if video is None:
            return
        self._live.publish(video)
        await self._webhooks.announce(video)
        if video.failure:
            self._log.warning("failed", video=video_id, code=video.failure.code, reason=video.failure.message)
        elif video.file:
            self._log.info(
                "finished", video=video_id, seconds=round(video.generation_seconds or 0, 2), bytes=video.file.size
            )

    def _settle(self, video_id: str, outcome: Outcome) -> Video | None:
        """In a thread: the row's end, and no files left that it does not have. Returns the video as it is now."""
        now = self._clock.now()
        match outcome:
            case Finished(attempt=attempt, file=file, made_with=made_with):
                self._records.complete(video_id, attempt, file, made_with, now)
            case Failed(attempt=attempt, failure=failure):
                self._records.fail(video_id, attempt, failure, now)
            case Ended():
                pass
        self._files.discard_scratch(video_id)
        video = self._records.get(video_id)
        if video is None or video.failure:
            self._files.discard_video(video_id)
        return video

    def cancel(self, video_id: str) -> bool:
        """End the attempt that is under way here; False when there is none. The caller has ended the row already."""
        if task := self._running.get(video_id):
            task.cancel()
        return video_id in self._open  # also while its outcome is being recorded

    async def _attempt(self, video_id: str) -> Outcome:
        video = self._live.get(video_id) or await self._database(self._records.get, video_id)
        if video is None or video.status.terminal:
            return Ended()
        attempt = video.attempt
        try:
            async with self._worker.slot(video.request.engine) as render:
                claimed = await self._database(self._records.claim, video_id, self._clock.now())
                if claimed is None:
                    return Ended()
                video, checkpoint = claimed
                attempt = video.attempt
                self._live.publish(video)
                await self._webhooks.announce(video)
                if attempt > MAX_ATTEMPTS:
                    raise EngineError(f"Gave up after {MAX_ATTEMPTS} interrupted attempts")
                if adopted := await self._adopt(video):
                    return adopted
                self._log.info("rendering", video=video.id, engine=video.request.engine, model=video.request.model)
                begun = time.monotonic()
                clip, facts = await render(await self._assignment(video, checkpoint), self._watch(video))
            return await self._finished(video, clip, {**facts, "render_s": round(time.monotonic() - begun, 3)})
        except Cancelled:
            return Ended()
        except (EngineError, Busy) as error:
            failure = Failure(
                code=error.code, message=error.message, details=error.details, retry_after=error.retry_after
            )
            return Failed(attempt=attempt, failure=failure)
        except Exception:  # noqa: BLE001 - the runner's edge: recorded, and told without its text
            self._log.exception("attempt broke", video=video_id)
            failure = Failure(code=Code.INTERNAL, message="The server failed while it made this video")
            return Failed(attempt=attempt, failure=failure)

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
        return Finished(attempt=video.attempt, file=file, made_with={"adopted": True})

    async def _assignment(self, video: Video, checkpoint: Mapping[str, Any] | None) -> Job:
        image = video.request.image
        return Job(
            video_id=video.id,
            attempt=video.attempt,
            request=video.request,
            scratch=await self._database(self._files.scratch, video.id),
            image_path=self._files.image(image.sha256) if image else None,
            checkpoint=checkpoint,
            seconds_left=self._timeout_s,
        )

    async def _finished(self, video: Video, clip: Clip, made_with: Mapping[str, Any]) -> Outcome:
        begun, stop = time.monotonic(), threading.Event()
        finishing = asyncio.create_task(self._media(self._finish, video, clip, stop))
        try:
            file = await asyncio.shield(finishing)
        finally:
            # A cancelled encode ends at its next frame. Only then is it certain that it leaves no file behind.
            stop.set()
            await asyncio.gather(finishing, return_exceptions=True)
            if clip.frames:
                clip.frames.close()
        finish_s = round(time.monotonic() - begun, 3)
        return Finished(attempt=video.attempt, file=file, made_with={**made_with, "finish_s": finish_s})

    def _watch(self, video: Video) -> Watch:
        async def save(state: Mapping[str, Any]) -> None:
            if not await self._database(self._records.save_checkpoint, video.id, video.attempt, state):
                self.cancel(video.id)  # another attempt counts now, or the video was cancelled

        return Watch(
            progress=lambda done, total: self._live.progress(video.id, 99 * done // max(1, total)),
            preview=lambda data, media_type: self._live.preview(video.id, data, media_type),
            checkpoint=save,
        )

    def _finish(self, video: Video, clip: Clip, stop: threading.Event) -> MadeFile:
        """In a thread: write the file beside its place, probe it, rename it; then the poster."""
        target = self._files.video(video.id)

        def write(part: Path) -> MadeFile:
            if clip.path:
                clip.path.replace(part)
            else:
                about = encode.describe(video.request, generative_ai=video.request.engine in self._generative)
                encode.encode_mp4(clip, part, metadata=about, cancelled=stop.is_set)
            return _measure(part, target.name, clip.probe)

        file = self._files.publish(target, write)
        # From the frames a poster costs 2 ms. A file would be decoded once more: its poster waits until it is wanted.
        if clip.frames:
            self._files.publish(self._files.poster(video.id), lambda part: stills.poster(clip, part))
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

    async def _media(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads.media, function, *arguments)


def _measure(path: Path, key: str, seen: probe.Probe | None = None) -> MadeFile:
    """The file's facts; `seen` is what decoding it showed, when an engine's child has done that already."""
    seen = seen or probe.probe(path)
    return MadeFile(
        key=key,
        size=seen.size,
        sha256=sha256_of(path),
        width=seen.width,
        height=seen.height,
        num_frames=seen.num_frames,
        fps=seen.fps,
        codec=seen.codec,
    )
