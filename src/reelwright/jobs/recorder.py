"""Records what becomes of a job: its claim, and its outcome, once. Then tells all who wait.

Every change is a guarded statement on the video's row (`store/records.py`), so of several that want to end a video (a
finish, a cancel, an attempt in another process) exactly one does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from reelwright import ids
from reelwright.clock import Clock
from reelwright.errors import Busy
from reelwright.jobs.events import LiveVideos
from reelwright.jobs.outcome import Ended, Failed, Finished, Outcome
from reelwright.jobs.running import Lease, Running
from reelwright.jobs.threads import Threads
from reelwright.jobs.webhooks import Webhooks
from reelwright.store.deliveries import Delivery
from reelwright.store.files import Files
from reelwright.store.records import Records
from reelwright.video import Video


class Recorder:
    def __init__(
        self,
        *,
        records: Records,
        files: Files,
        live: LiveVideos,
        webhooks: Webhooks,
        threads: Threads,
        clock: Clock,
        on_end: Callable[[Video], None],
    ) -> None:
        """`on_end` is called with each video whose end is recorded here."""
        self._records = records
        self._files = files
        self._live = live
        self._webhooks = webhooks
        self._threads = threads
        self._clock = clock
        self._on_end = on_end
        self._log = structlog.get_logger("reelwright.jobs")

    async def claim(self, video_id: str) -> Lease | None:
        """Begin a new attempt of a queued video in its row. None when the video has ended meanwhile."""
        return await self._threads.write_retrying(self._claim, video_id)

    def _claim(self, video_id: str) -> Lease | None:
        claimed = self._records.claim(video_id, ids.LOCAL_WORKER, self._clock.now())
        if claimed is None:
            return None
        video, checkpoint = claimed
        due = self._webhooks.record_deliveries(video)
        return Lease(video=video, claimed=True, checkpoint=checkpoint, due=due)

    async def record(self, running: Running, outcome: Outcome) -> None:
        """Store the outcome of a job, tell it to all who wait, and remove the files that nothing needs any more."""
        video_id = running.video.id
        video, ended_here, due = await self._threads.write_retrying(self._store, running, outcome)
        if video is not None and not video.status.terminal:
            # Another process has begun a new attempt: it needs all that is stored of this video.
            await self.remove(self._files.discard_scratch, video_id, running.video.attempt)
            return
        if video is None or video.failure:
            await self.remove(self._files.discard_video, video_id)
        if video is not None:
            self._live.publish(video)  # without effect when a cancel has published this end already
            if ended_here:
                self._on_end(video)
                self._log_end(video)
        self._webhooks.send_later(due)
        if not isinstance(outcome, Finished):
            await self.remove(self._files.discard_scratch, video_id, running.video.attempt)
        has_inputs = running.has_stored_checkpoint or running.video.spec.extends
        if has_inputs and not (video is not None and video.resumable):
            await self.remove(self._files.forget_inputs, video_id)

    def _store(self, running: Running, outcome: Outcome) -> tuple[Video | None, bool, Sequence[Delivery]]:
        """In a thread. Returns the video as it is now, whether this call has ended it, and the webhook deliveries about
        its end."""
        video_id, now, ended = running.video.id, self._clock.now(), None
        match outcome:
            case Finished(attempt=attempt, file=file, made_with=made_with):
                ended = self._records.complete(video_id, attempt, file, made_with, now)
            case Failed(attempt=attempt, failure=failure):
                resumable = running.has_stored_checkpoint and outcome.keeps_checkpoint
                ended = self._records.fail(video_id, attempt, failure, now, resumable=resumable)
            case Ended():
                pass
        video = ended or self._records.get(video_id)
        terminal = video is not None and video.status.terminal
        return video, ended is not None, self._webhooks.record_deliveries(video) if video and terminal else ()

    async def remove(self, discard: Callable[..., None], video_id: str, *which: int) -> None:
        """Remove files with one of the store's methods. A failure is logged only: the janitor finds what is left."""
        try:
            await self._threads.read(discard, video_id, *which)
        except (OSError, Busy) as error:
            self._log.warning("files not removed", video=video_id, reason=getattr(error, "strerror", str(error)))

    def _log_end(self, video: Video) -> None:
        if video.failure:
            self._log.warning("failed", video=video.id, code=video.failure.code, reason=video.failure.message)
        elif video.file:
            self._log.info(
                "finished", video=video.id, seconds=round(video.generation_seconds or 0, 2), bytes=video.file.size
            )
