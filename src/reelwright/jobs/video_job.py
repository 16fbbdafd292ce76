"""The job that makes one video: an attempt from the claim to the record of its outcome.

    claim     the row says that this attempt is under way (a job that began with its submission was stored so)
    adopt     take a finished file that an earlier attempt or a duplicate has left, if there is one (adopting.py)
    render    otherwise let an engine's process make the clip
    refine    interpolate and enlarge the clip, where that is asked for (refining.py)
    finish    encode, probe, poster, rename (finishing.py)
    record    store the outcome once, by a guarded statement, and tell all who wait (recorder.py)

One task does all of it. It holds an engine's slot only until the clip is rendered, so the next job renders while this
one is encoded. The job of a duplicate (`duplicates.py`) has no slot: it follows the job that renders the same, the
leader, and gets the leader's file.

After a crash an attempt begins from the start: a clip in shared memory is lost with its process. What remains is the
engine's own checkpoint, and a file that is already in place.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from reelwright.engines.child import RenderListener
from reelwright.engines.engine import RenderJob
from reelwright.errors import Busy, Cancelled, Code, EngineError
from reelwright.jobs.adopting import Adopting, patiently
from reelwright.jobs.checkpoints import Checkpoints
from reelwright.jobs.events import LiveVideos
from reelwright.jobs.finishing import Finishing
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.outcome import Ended, Failed, Finished, Outcome, Rendered
from reelwright.jobs.recorder import Recorder
from reelwright.jobs.refining import Refining
from reelwright.jobs.reporting import listener_for, report_part
from reelwright.jobs.running import Lease, Running
from reelwright.jobs.threads import Threads
from reelwright.jobs.traces import Traces
from reelwright.jobs.worker import Slot
from reelwright.store.files import Files
from reelwright.video import Failure, MadeFile, Video

T = TypeVar("T")

MAX_ATTEMPTS = 20
"""After so many interrupted attempts a job is given up: it probably takes the server down with it."""

LAST_S = 5.0
"""How long a server that stops waits for the outcomes that are being recorded, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What does the single steps of an attempt; see the modules of these names."""

    adopting: Adopting
    checkpoints: Checkpoints
    refining: Refining
    finishing: Finishing
    recorder: Recorder


class VideoJob:
    """Makes videos, each in a task of its own."""

    def __init__(
        self,
        *,
        steps: Steps,
        files: Files,
        live: LiveVideos,
        threads: Threads,
        integrity: Integrity,
        traces: Traces,
        send_webhooks: Callable[[Lease], None],
        silence_s: float,
        total_s: float | None,
    ) -> None:
        """`send_webhooks` sends the deliveries about the beginning of a job. A job fails after `silence_s` seconds
        without progress, or after `total_s` in all; None: there is no limit in all."""
        self._steps = steps
        self._files = files
        self._live = live
        self._threads = threads
        self._integrity = integrity
        self._traces = traces
        self._send_webhooks = send_webhooks
        self._silence_s = silence_s
        self._total_s = total_s
        self._running: dict[str, Running] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self.on_requeue: Callable[[Lease], None] = lambda lease: None
        """Called with the lease of a follower whose leader made no file: it is to be rendered itself."""
        self.on_over: Callable[[Video], None] = lambda video: None
        """Called when a job is under way no more, however it ended."""
        self._log = structlog.get_logger("reelwright.jobs")

    @property
    def running(self) -> int:
        """How many jobs are under way in this process; a job is until its outcome is recorded."""
        return len(self._running)

    def videos(self) -> list[Video]:
        """The videos of the jobs under way here, each with the number of its present attempt."""
        return [running.video for running in self._running.values()]

    def has(self, video_id: str) -> bool:
        """Whether a job for that video is under way here."""
        return video_id in self._running

    async def idle(self) -> None:
        """Returns when no job is under way and every outcome is recorded."""
        await self._idle.wait()

    def start(self, lease: Lease, slot: Slot) -> None:
        """Begin an attempt. The job owns the slot from now on, and gives it back."""
        self._begin(lease.video, lambda running: self._make(running, lease, slot)).renders = True

    def follow(self, lease: Lease, leader_id: str) -> None:
        """Begin an attempt that waits for the file of a duplicate's job. Only after `can_follow` has said yes."""
        leader = self._running[leader_id]
        leader.followers.add(lease.video.id)
        self._begin(lease.video, lambda running: self._follow(running, lease, leader))

    def can_follow(self, leader_id: str) -> bool:
        """Whether the job of that video renders in this process, and its file can be shared."""
        leader = self._running.get(leader_id)
        if leader is None or not leader.renders or leader.cancelled:
            return False
        return not leader.result.done() or leader.result.result() is not None

    def refuse(self, video: Video, reason: str) -> None:
        """End a video that cannot be made here as failed, with that message."""
        outcome = Failed(attempt=video.attempt, failure=Failure(code=Code.ENGINE_FAILED, message=reason))
        self._begin(video, lambda running: self._steps.recorder.record(running, outcome))

    def cancel(self, video_id: str) -> None:
        """End the attempt that is under way here, if there is one. The row has ended already.

        A job that others follow goes on for them.
        """
        if running := self._running.get(video_id):
            running.video_ended = True
            if not running.followers:
                running.cancel()

    async def discard(self, video_id: str, *, resumable: bool) -> None:
        """Remove the files of a deleted video; if its job is under way here, when that has ended.

        `resumable`: it had failed, and its checkpoints were kept.
        """
        if resumable:
            await self._steps.recorder.remove(self._files.forget_inputs, video_id)
        if running := self._running.get(video_id):
            running.deleted = True
        else:
            await self._steps.recorder.remove(self._files.discard_video, video_id)

    def _begin(self, video: Video, work: Callable[[Running], Coroutine[Any, Any, None]]) -> Running:
        running = self._running[video.id] = Running(video=video)
        running.task = asyncio.create_task(self._run(running, work(running)))
        self._idle.clear()
        return running

    async def _run(self, running: Running, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # noqa: BLE001 - the edge of a task that nobody waits for: recorded
            self._log.exception("outcome not recorded", video=running.video.id)
        finally:
            if running.deleted:
                await self._steps.recorder.remove(self._files.discard_video, running.video.id)
            del self._running[running.video.id]
            if not self._running:
                self._idle.set()
            self.on_over(running.video)
        if running.requeue and not self._stopping:
            self.on_requeue(running.requeue)

    async def stop(self, close_worker: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Interrupt all jobs, because the server stops. Their rows stay as they are, so the next start resumes them.

        `close_worker` ends the engines' processes. That comes first: to ask a process to cancel its job takes longer.
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

    # --- the leader: the job that renders ---

    async def _make(self, running: Running, lease: Lease, slot: Slot) -> None:
        recorded = None
        try:
            rendered: Rendered | Outcome = Ended()
            with slot:  # the one place where the slot is given back
                if not running.cancelled:
                    rendered = await self._outcome(running, self._render(running, lease, slot))
                if not isinstance(rendered, Rendered | Finished):
                    running.result.set_result(None)  # before the slot is free: the next job must not follow this one
            outcome: Outcome
            if isinstance(rendered, Rendered):
                outcome = await self._outcome(running, self._finish(running, rendered))
            else:
                outcome = rendered
            await self._share(running, outcome)
            recorded = await self._end(running, outcome)
        finally:
            if not running.result.done():
                running.result.set_result(None)
            self._traces.ended(running.video.id, recorded)

    async def _render(self, running: Running, lease: Lease, slot: Slot) -> Rendered | Outcome:
        claimed = await self._claimed(running, lease)
        if claimed is None:
            return Ended()
        lease, video = claimed, claimed.video
        if video.attempt > MAX_ATTEMPTS:
            raise EngineError(f"Gave up after {MAX_ATTEMPTS} interrupted attempts")
        if adopted := await patiently(self._steps.adopting.find, video):
            await self._steps.recorder.remove(self._files.discard_scratch, video.id, video.attempt)
            return adopted
        self._log.info("rendering", video=video.id, engine=video.spec.engine, model=video.spec.model)
        begun = time.monotonic()
        running.has_stored_checkpoint |= lease.checkpoint is not None and "stored" in lease.checkpoint
        pictures = await patiently(self._steps.checkpoints.fetch_inputs, lease)
        with self._traces.stage(video.id, "render") as rendering:
            job = self._render_job(lease, pictures, rendering.traceparent)
            clip, facts = await slot.render(job, self._listener(running))
        made_with = {**facts, "render_s": round(time.monotonic() - begun, 3)}
        if video.spec.refined:
            await self._steps.refining.take_place(clip)
        return Rendered(video=video, clip=clip, made_with=made_with)

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
            initial_checkpoint_stored=lease.initial_checkpoint_stored,
            trace=trace,
        )

    def _listener(self, running: Running) -> RenderListener:
        async def save(state: Mapping[str, Any]) -> None:
            running.has_stored_checkpoint |= "file" in state
            if not await self._steps.checkpoints.save(running.video, state):
                self.cancel(running.video.id)  # another attempt has begun, or the video has ended

        return listener_for(running, self._live, save)

    async def _finish(self, running: Running, rendered: Rendered) -> Finished:
        video, clip, facts = rendered.video, rendered.clip, rendered.made_with
        if video.spec.refined:
            with self._traces.stage(video.id, "refine"):
                report = report_part(self._live, running, 1)
                clip, refined_with = await self._steps.refining.refine(video.spec, clip, report)
            facts = {**facts, "refined": refined_with}
        begun, stop = time.monotonic(), threading.Event()
        finishing: asyncio.Future[MadeFile] | None = None
        with self._traces.stage(video.id, "finish"):
            try:
                base = await patiently(self._steps.checkpoints.fetch_source, video)
                put = self._threads.process(self._steps.finishing.put_in_place, video, clip, stop, base)
                finishing = asyncio.ensure_future(put)
                file = await asyncio.shield(finishing)
                self._integrity.mark_verified(file.key)  # it was hashed a moment ago
            finally:
                # A cancelled encode ends at its next frame. Only then is it certain that it leaves no file behind.
                stop.set()
                if finishing is not None and not finishing.done():
                    await asyncio.wait({finishing})
                if finishing is not None and not finishing.cancelled():
                    finishing.exception()  # after a cancel nobody awaits it: else asyncio would log its exception
                if clip.frames:
                    clip.frames.close()
        finish_s = round(time.monotonic() - begun, 3)
        return Finished(attempt=video.attempt, file=file, made_with={**facts, "finish_s": finish_s})

    async def _share(self, running: Running, outcome: Outcome) -> None:
        """Give the file to all followers. This comes before the video's end is recorded, since the file may be removed
        from then on."""
        if not isinstance(outcome, Finished):
            return
        try:
            for follower in list(running.followers):
                await self._share_with(running, outcome.file.key, follower)
            running.result.set_result(outcome)  # a follower that comes from now on shares the file itself
        except (OSError, Busy) as error:
            self._log.warning("file not shared", video=running.video.id, reason=str(error))
        if running.shared_keys:
            self._integrity.mark_verified(outcome.file.key)  # a new hard link changes the file's ctime

    async def _share_with(self, running: Running, key: str, follower_id: str) -> None:
        follower = self._running.get(follower_id)
        if follower is None or follower.cancelled:
            return
        shared = await self._steps.adopting.share(key, follower.video)
        if follower.cancelled:  # meanwhile: its own clean-up may have come before the file
            await self._steps.recorder.remove(self._files.discard_video, follower_id)
        elif shared:
            running.shared_keys[follower_id] = shared

    # --- a follower: the job that waits for the leader's file ---

    async def _follow(self, running: Running, lease: Lease, leader: Running) -> None:
        video_id, recorded = running.video.id, None
        try:
            outcome: Outcome | None = Ended()
            if not running.cancelled:
                outcome = await self._outcome(running, self._wait(running, lease, leader))
            if outcome is not None:
                recorded = await self._end(running, outcome)
        finally:
            leader.followers.discard(video_id)
            if leader.video_ended and not leader.followers:
                leader.cancel()
            self._traces.ended(video_id, recorded)

    async def _wait(self, running: Running, lease: Lease, leader: Running) -> Finished | Ended | None:
        """None when the leader has made no file that this video could have."""
        claimed = await self._claimed(running, lease)
        if claimed is None:
            return Ended()
        video = claimed.video
        self._live.copy_progress(video.id, leader.video.id)
        result = await asyncio.shield(leader.result)
        key = leader.shared_keys.get(video.id)
        if result is not None and key is None:
            key = await patiently(self._steps.adopting.share, result.file.key, video)
        if result is None or key is None:
            running.requeue = dataclasses.replace(claimed, due=())
            return None
        return self._steps.adopting.finished(video, key, result.file, result.made_with)

    # --- both ---

    async def _claimed(self, running: Running, lease: Lease) -> Lease | None:
        """Claim the row, if it is not claimed yet, and tell everybody that the job has begun. Returns the lease; None
        when the video has ended meanwhile."""
        if not lease.claimed:
            claimed = await self._steps.recorder.claim(lease.video.id)
            if claimed is None:
                return None
            lease = claimed
            self._live.publish(lease.video)
        running.video = lease.video
        self._traces.begun(lease.video)
        self._send_webhooks(lease)
        return lease

    async def _outcome(self, running: Running, part: Coroutine[Any, Any, T]) -> T | Failed | Ended:
        """Run one part of an attempt, which may be interrupted. A cancel and every error become outcomes."""
        running.cancellable = True
        try:
            return await part
        except (asyncio.CancelledError, Cancelled):
            return Ended()
        except (EngineError, Busy) as error:
            failure = error.to_failure()
        except Exception:  # noqa: BLE001 - the runner's edge: recorded, and told without its text
            self._log.exception("attempt broke", video=running.video.id)
            failure = Failure(code=Code.INTERNAL, message="The server failed while it made this video")
        finally:
            running.cancellable = False
        return Failed(attempt=running.video.attempt, failure=failure)

    async def _end(self, running: Running, outcome: Outcome) -> Outcome | None:
        """Record the outcome, and return it. When the server stops, nothing is recorded, and None is returned: the next
        start goes on with the job."""
        if self._stopping:
            return None
        with self._traces.stage(running.video.id, "record"):
            await self._steps.recorder.record(running, outcome)
        return outcome
