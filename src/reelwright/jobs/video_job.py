"""The job that makes one video: an attempt (render → finish), and the one place where its outcome is recorded.

    claim     the row says that this attempt counts; a job that began when it was submitted was stored so
    render    adopt a file that an earlier attempt has finished, or let an engine's process make the clip
    refine    interpolate and enlarge the clip, where that is asked for (refining.py)
    finish    encode, probe, poster, rename
    record    the terminal state, once, by a guarded statement → tell everybody who waits

One task does all of it, and owns the slot until the clip is rendered: the next job begins while this one is encoded.
The job of a twin (`twins.py`) has no slot: it waits for the file of the one that is rendered, and records it as its
own.

After a crash the whole is begun again: a clip in shared memory does not outlive its process, so there is nothing to
resume between render and finish. What survives is the engine's own checkpoint and the file that is already in place.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import structlog

from reelwright import ids
from reelwright.clock import Clock
from reelwright.engines.child import Watch
from reelwright.engines.engine import RenderJob
from reelwright.errors import Busy, Cancelled, Code, EngineError, StorageBusy
from reelwright.jobs.checkpoints import Checkpoints
from reelwright.jobs.events import Live
from reelwright.jobs.finishing import Finishing, measure
from reelwright.jobs.hearing import half_told, hear
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.outcome import Ended, Failed, Finished, Outcome, Rendered
from reelwright.jobs.refining import Refining
from reelwright.jobs.running import Lease, Running
from reelwright.jobs.threads import Threads
from reelwright.jobs.traces import Traces
from reelwright.jobs.twins import Twins, shared
from reelwright.jobs.webhooks import Webhooks
from reelwright.jobs.worker import Slot
from reelwright.store.deliveries import Delivery
from reelwright.store.files import Files
from reelwright.store.objects import AGAIN_S, PATIENCE_S
from reelwright.store.records import Records
from reelwright.video import Failure, MadeFile, Video

T = TypeVar("T")

MAX_ATTEMPTS = 20
"""A job that was interrupted this often takes its server down with it, by all appearances."""

LAST_S = 5.0
"""A server that stops waits so long for outcomes that are being recorded."""


class VideoJob:
    """Makes videos, each in a task of its own."""

    def __init__(
        self,
        *,
        records: Records,
        files: Files,
        live: Live,
        clock: Clock,
        threads: Threads,
        silence_s: float,
        total_s: float | None,
        refining: Refining,
        finishing: Finishing,
        webhooks: Webhooks,
        integrity: Integrity,
        traces: Traces,
        twins: Twins,
        on_end: Callable[[Video], None],
    ) -> None:
        """`on_end` is told each video whose end is recorded here. A job is ended after `silence_s` without progress, or
        after `total_s` in all."""
        self._records = records
        self._files = files
        self._checkpoints = Checkpoints(records, files, threads)
        self._live = live
        self._clock = clock
        self._threads = threads
        self._silence_s = silence_s
        self._total_s = total_s
        self._refining = refining
        self._finishing = finishing
        self._webhooks = webhooks
        self._integrity = integrity
        self._traces = traces
        self._twins = twins
        self._on_end = on_end
        self._running: dict[str, Running] = {}
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._stopping = False
        self.on_vain: Callable[[Lease], None] = lambda lease: None
        """Told of a video that waited for a twin's file, when there is none: it is to be rendered itself."""
        self.on_gone: Callable[[Video], None] = lambda video: None
        """Told of each job that is under way no more, however it ended."""
        self._log = structlog.get_logger("reelwright.jobs")

    @property
    def running(self) -> int:
        """How many jobs are under way in this process, until their record is written."""
        return len(self._running)

    def videos(self) -> list[Video]:
        """Those that this process is at work on, each with the attempt that it makes."""
        return [running.video for running in self._running.values()]

    def has(self, video_id: str) -> bool:
        """Whether this process is at work on it."""
        return video_id in self._running

    async def quiet(self) -> None:
        """Returns when no job is under way and every outcome is recorded."""
        await self._quiet.wait()

    def start(self, lease: Lease, slot: Slot) -> None:
        """Begin an attempt. The slot is the job's from now on: it gives it back."""
        self._begin(lease.video, lambda running: self._make(running, lease, slot)).renders = True

    def follow(self, lease: Lease, leader_id: str) -> None:
        """Make the video of the file that the job of its twin is making. Ask `can_follow` before."""
        leader = self._running[leader_id]
        leader.followers.add(lease.video.id)
        self._begin(lease.video, lambda running: self._follow(running, lease, leader))

    def can_follow(self, leader_id: str) -> bool:
        """Whether this process makes a file for that video, and others may have it, too."""
        leader = self._running.get(leader_id)
        if leader is None or not leader.renders or leader.cancelled:
            return False
        return not leader.made.done() or leader.made.result() is not None

    def refuse(self, video: Video, reason: str) -> None:
        """End a video that cannot be made here."""
        failure = Failure(code=Code.ENGINE_FAILED, message=reason)
        self._begin(video, lambda _: self._record(video.id, Failed(attempt=video.attempt, failure=failure)))

    def cancel(self, video_id: str) -> None:
        """End the attempt that is under way here, if there is one. The caller has ended the row already.

        One that others follow goes on for them.
        """
        if running := self._running.get(video_id):
            running.unwanted = True
            if not running.followers:
                running.cancel()

    async def discard(self, video_id: str, *, resumable: bool) -> None:
        """Remove the files of a video that was deleted; of one that this process is at work on, when that has ended."""
        if resumable:
            await self._remove(self._files.forget_inputs, video_id)
        if running := self._running.get(video_id):
            running.deleted = True
        else:
            await self._remove(self._files.discard_video, video_id)

    def _begin(self, video: Video, work: Callable[[Running], Coroutine[Any, Any, None]]) -> Running:
        running = self._running[video.id] = Running(video=video)
        running.task = asyncio.create_task(self._run(running, work(running)))
        self._quiet.clear()
        return running

    async def _run(self, running: Running, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # noqa: BLE001 - the edge of a task that nobody waits for: recorded
            self._log.exception("outcome not recorded", video=running.video.id)
        finally:
            if running.deleted:
                await self._remove(self._files.discard_video, running.video.id)
            del self._running[running.video.id]
            if not self._running:
                self._quiet.set()
            self.on_gone(running.video)
        if running.in_vain and not self._stopping:
            self.on_vain(running.in_vain)

    async def stop(self, close_worker: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """The server stops. What is still under way is interrupted: its row stays as it is, for the next start.

        The engines' processes are ended first, with `close_worker`: a job that was asked to cancel would take longer.
        """
        self._stopping = True
        await close_worker()
        tasks = [running.task for running in self._running.values() if running.task]
        for running in self._running.values():
            running.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_S)
        for task in tasks:
            task.cancel()

    async def _make(self, running: Running, lease: Lease, slot: Slot) -> None:
        video_id, recorded = running.video.id, None
        try:
            rendered: Rendered | Outcome = Ended()
            with slot:  # the one place where it is given back
                if not running.cancelled:
                    rendered = await self._outcome(running, self._render(running, lease, slot))
                if not isinstance(rendered, Rendered | Finished):
                    running.made.set_result(None)  # whoever is begun in this slot does not wait for it
            outcome: Outcome
            if isinstance(rendered, Rendered):
                outcome = await self._outcome(running, self._finish(rendered))
            else:
                outcome = rendered
            await self._share(running, outcome)
            recorded = await self._end(video_id, outcome)
        finally:
            if not running.made.done():
                running.made.set_result(None)
            self._traces.ended(video_id, recorded)

    async def _share(self, running: Running, outcome: Outcome) -> None:
        """Give the file to those who follow, before the record of this video's end lets anybody remove it."""
        if not isinstance(outcome, Finished):
            return
        try:
            for follower in list(running.followers):
                await self._serve(running, outcome.file.key, follower)
            running.made.set_result(outcome)  # who comes now takes the file itself
        except (OSError, Busy) as error:
            self._log.warning("file not shared", video=running.video.id, reason=str(error))
        if running.served:
            self._integrity.trust(outcome.file.key)  # a new link changes what its file looks like

    async def _serve(self, running: Running, key: str, follower_id: str) -> None:
        """Give the file to one of them, unless it has ended, or ends meanwhile."""
        follower = self._running.get(follower_id)
        if follower is None or follower.cancelled:
            return
        shared = await self._shares(key, follower.video)
        if follower.cancelled:  # it may have cleared up before the file came
            await self._remove(self._files.discard_video, follower_id)
        elif shared:
            running.served[follower_id] = shared

    async def _follow(self, running: Running, lease: Lease, leader: Running) -> None:
        video_id, recorded = running.video.id, None
        try:
            outcome = Ended() if running.cancelled else await self._outcome(running, self._wait(running, lease, leader))
            if outcome is not None:
                recorded = await self._end(video_id, outcome)
        finally:
            leader.followers.discard(video_id)
            if leader.unwanted and not leader.followers:
                leader.cancel()
            self._traces.ended(video_id, recorded)

    async def _wait(self, running: Running, lease: Lease, leader: Running) -> Finished | Ended | None:
        claimed = await self._claimed(running, lease)
        if claimed is None:
            return Ended()
        lease = claimed
        self._live.catch_up(lease.video.id, leader.video.id)
        made = await asyncio.shield(leader.made)
        key = leader.served.get(lease.video.id)
        if made is not None and key is None:
            key = await self._patiently(self._shares, made.file.key, lease.video)
        if made is None or key is None:
            running.in_vain = dataclasses.replace(claimed, due=())
            return None
        return self._finished_as(lease.video, key, made.file, made.made_with)

    async def _shares(self, key: str, video: Video) -> str | None:
        """The key under which the video has the file of its twin now; None when there is none any more."""
        try:
            return await self._threads.read(self._files.share_video, key, video.id, max(1, video.attempt))
        except FileNotFoundError:
            return None

    def _finished_as(self, video: Video, key: str, file: MadeFile, made_with: Mapping[str, Any]) -> Finished:
        """With the file of a twin."""
        self._integrity.trust(key)
        return Finished(attempt=video.attempt, file=dataclasses.replace(file, key=key), made_with=shared(made_with))

    async def _patiently(self, ask: Callable[..., Coroutine[Any, Any, T]], *arguments: object) -> T:
        """Ask again, for minutes, while the bucket is away."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await ask(*arguments)
            except StorageBusy:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(AGAIN_S)

    async def _end(self, video_id: str, outcome: Outcome) -> Outcome | None:
        """Record the outcome; None when the server stops, and the next one is to go on."""
        if self._stopping:
            return None
        with self._traces.stage(video_id, "record"):
            await self._record(video_id, outcome)
        return outcome

    async def _outcome(self, running: Running, part: Coroutine[Any, Any, T]) -> T | Failed | Ended:
        """What a part of the attempt has led to; a cancel and all errors are outcomes, too."""
        running.cancellable = True
        try:
            return await part
        except (asyncio.CancelledError, Cancelled):
            return Ended()
        except (EngineError, Busy) as error:
            failure = Failure(
                code=error.code,
                message=error.message,
                details=error.details,
                retry_after=error.retry_after,
                field=error.field,
            )
        except Exception:  # noqa: BLE001 - the runner's edge: recorded, and told without its text
            self._log.exception("attempt broke", video=running.video.id)
            failure = Failure(code=Code.INTERNAL, message="The server failed while it made this video")
        finally:
            running.cancellable = False
        return Failed(attempt=running.video.attempt, failure=failure)

    async def _claimed(self, running: Running, lease: Lease) -> Lease | None:
        """The lease with the row's consent, and told; None when the video has ended meanwhile."""
        if not lease.stored:
            claimed = await self._threads.insist(self._claim, lease.video.id)
            if claimed is None:
                return None
            lease = claimed
            self._live.publish(lease.video)
        running.video = lease.video
        self._traces.begun(lease.video)
        self._webhooks.send_later(lease.due)
        return lease

    async def _render(self, running: Running, lease: Lease, slot: Slot) -> Rendered | Outcome:
        claimed = await self._claimed(running, lease)
        if claimed is None:
            return Ended()
        lease, video = claimed, claimed.video
        if video.attempt > MAX_ATTEMPTS:
            raise EngineError(f"Gave up after {MAX_ATTEMPTS} interrupted attempts")
        if adopted := await self._patiently(self._adopt, video):
            return adopted
        self._log.info("rendering", video=video.id, engine=video.spec.engine, model=video.spec.model)
        begun = time.monotonic()
        running.kept |= lease.checkpoint is not None and "stored" in lease.checkpoint
        pictures = await self._patiently(self._checkpoints.fetch_inputs, lease)
        with self._traces.stage(video.id, "render") as rendering:
            clip, facts = await slot.render(
                self._render_job(lease, pictures, rendering.traceparent), self._watch(video)
            )
        made_with = {**facts, "render_s": round(time.monotonic() - begun, 3)}
        if video.spec.refined:
            await self._refining.take_place(clip)
        return Rendered(video=video, clip=clip, made_with=made_with)

    def _claim(self, video_id: str) -> Lease | None:
        """In a thread: the row is in progress from now on, with a new attempt; None when the video has ended."""
        claimed = self._records.claim(video_id, ids.LOCAL_WORKER, self._clock.now())
        if claimed is None:
            return None
        video, checkpoint = claimed
        return Lease(video=video, stored=True, checkpoint=checkpoint, due=self._webhooks.record_deliveries(video))

    async def _adopt(self, video: Video) -> Outcome | None:
        """The file that an interrupted attempt had already put in place, if it is whole, or that of a twin."""
        file = await self._threads.process(self._left_by_earlier, video) if video.attempt > 1 else None
        if file is None:
            return await self._adopt_of_twin(video)
        self._log.info("adopted", video=video.id)
        await self._remove(self._files.discard_scratch, video.id, video.attempt)
        return Finished(attempt=video.attempt, file=file, made_with={"adopted": True})

    def _left_by_earlier(self, video: Video) -> MadeFile | None:
        """In a thread: the whole file of an earlier attempt. Its folder on this machine is this attempt's, too."""
        self._files.take_over_scratch(video.id, video.attempt)
        for key in self._files.keys_of_earlier(video.id, video.attempt):
            with contextlib.suppress(FileNotFoundError, EngineError):
                return measure(self._files.fetch(key), key)
        return None

    async def _adopt_of_twin(self, video: Video) -> Outcome | None:
        """A twin's file: it may have been completed after this video looked for one, and before it had its slot."""
        fingerprint = self._twins.fingerprint(video.spec)
        twin = await self._threads.read(self._records.twin, video.owner, fingerprint) if fingerprint else None
        if twin is None or twin.file is None or not await self._integrity.holds(twin):
            return None
        key = await self._shares(twin.file.key, video)
        return self._finished_as(video, key, twin.file, twin.made_with) if key else None

    async def _record(self, video_id: str, outcome: Outcome) -> None:
        """Write the outcome down, once, and tell it."""
        video, ours, due = await self._threads.insist(self._settle, video_id, outcome)
        running = self._running[video_id]
        if video is not None and not video.status.terminal:
            # Another attempt has begun elsewhere: what is stored of this video is for that one.
            await self._remove(self._files.discard_scratch, video_id, running.video.attempt)
            return
        if video is None or video.failure:
            await self._remove(self._files.discard_video, video_id)
        if video is not None:
            self._live.publish(video)  # of one that was cancelled, those who follow it know already
            if ours:
                self._on_end(video)
                self._log_end(video)
        self._webhooks.send_later(due)
        if not isinstance(outcome, Finished):
            await self._remove(self._files.discard_scratch, video_id, running.video.attempt)
        if (running.kept or running.video.spec.extends) and not (video is not None and video.resumable):
            await self._remove(self._files.forget_inputs, video_id)

    def _settle(self, video_id: str, outcome: Outcome) -> tuple[Video | None, bool, Sequence[Delivery]]:
        """In a thread: the row's end. Returns the video as it is now, whether this has ended it, and what is to be told
        about it."""
        now, video = self._clock.now(), None
        match outcome:
            case Finished(attempt=attempt, file=file, made_with=made_with):
                video = self._records.complete(video_id, attempt, file, made_with, now)
            case Failed(attempt=attempt, failure=failure):
                resumable = self._running[video_id].kept and outcome.spares_work
                video = self._records.fail(video_id, attempt, failure, now, resumable=resumable)
            case Ended():
                pass
        ours = video is not None
        video = video or self._records.get(video_id)
        return video, ours, self._webhooks.record_deliveries(video) if video and video.status.terminal else ()

    def _log_end(self, video: Video) -> None:
        if video.failure:
            self._log.warning("failed", video=video.id, code=video.failure.code, reason=video.failure.message)
        elif video.file:
            self._log.info(
                "finished", video=video.id, seconds=round(video.generation_seconds or 0, 2), bytes=video.file.size
            )

    async def _remove(self, discard: Callable[..., None], video_id: str, *which: int) -> None:
        """A file that cannot be removed keeps nobody from hearing of the end; the janitor finds it."""
        try:
            await self._threads.read(discard, video_id, *which)
        except (OSError, Busy) as error:
            self._log.warning("files not removed", video=video_id, reason=getattr(error, "strerror", str(error)))

    def _render_job(self, lease: Lease, pictures: tuple[Path | None, Path | None], trace: str | None) -> RenderJob:
        video = lease.video
        return RenderJob(
            video_id=video.id,
            attempt=video.attempt,
            spec=video.spec,
            scratch=self._files.scratch(video.id, video.attempt),
            image_path=pictures[0],
            last_image_path=pictures[1],
            checkpoint=lease.checkpoint,
            seconds_left=math.inf if self._total_s is None else self._total_s,
            silence_s=self._silence_s,
            opened=lease.opened,
            trace=trace,
        )

    async def _finish(self, rendered: Rendered) -> Finished:
        video, clip, facts = rendered.video, rendered.clip, rendered.made_with
        if video.spec.refined:
            with self._traces.stage(video.id, "refine"):
                tell = half_told(self._live, self._running[video.id], 1)
                clip, told = await self._refining.refine(video.spec, clip, tell)
            facts = {**facts, "refined": told}
        begun, stop = time.monotonic(), threading.Event()
        finishing: asyncio.Future[MadeFile] | None = None
        with self._traces.stage(video.id, "finish"):
            try:
                base = await self._patiently(self._checkpoints.fetch_source, video)
                put = self._threads.process(self._finishing.put_in_place, video, clip, stop, base)
                finishing = asyncio.ensure_future(put)
                file = await asyncio.shield(finishing)
                self._integrity.trust(file.key)  # it was hashed a moment ago
            finally:
                # A cancelled encode ends at its next frame. Only then is it certain that it leaves no file behind.
                stop.set()
                if finishing is not None and not finishing.done():
                    await asyncio.wait({finishing})
                if finishing is not None and not finishing.cancelled():
                    finishing.exception()  # after a cancel nobody else asks how it ended
                if clip.frames:
                    clip.frames.close()
        finish_s = round(time.monotonic() - begun, 3)
        return Finished(attempt=video.attempt, file=file, made_with={**facts, "finish_s": finish_s})

    def _watch(self, video: Video) -> Watch:
        running = self._running[video.id]

        async def save(state: Mapping[str, Any]) -> None:
            running.kept |= "file" in state
            if not await self._checkpoints.save(video, state):
                self.cancel(video.id)

        return hear(running, self._live, save)
