"""The files that an attempt needs before it begins, and the checkpoints that it leaves for the next attempt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from reelwright.errors import Busy, Code, EngineError
from reelwright.jobs.running import Lease
from reelwright.jobs.threads import Threads
from reelwright.store.files import Files
from reelwright.store.records import Records
from reelwright.video import Image, Video


class Checkpoints:
    def __init__(self, records: Records, files: Files, threads: Threads) -> None:
        self._records = records
        self._files = files
        self._threads = threads
        self._log = structlog.get_logger("reelwright.jobs")

    async def save(self, video: Video, state: Mapping[str, Any]) -> bool:
        """Store a checkpoint: first its file, if it has one, then the row that names the file.

        False when the attempt does not count any more: another one has begun, or the video was cancelled. If the file
        cannot be stored, only this checkpoint is lost: the one before stays in the row.
        """
        if "file" not in state:
            return await self._threads.write_retrying(self._records.save_checkpoint, video.id, video.attempt, state)
        try:
            kept = await self._threads.process(self._files.keep_checkpoint, video.id, video.attempt, state)
        except (OSError, Busy) as error:
            self._log.warning("checkpoint not kept", video=video.id, reason=str(error))
            return True
        saved = await self._threads.write_retrying(self._records.save_checkpoint, video.id, video.attempt, kept)
        forget = self._files.forget_older_checkpoints if saved else self._files.forget_checkpoint
        try:
            await self._threads.read(forget, video.id, kept)
        except (OSError, Busy) as error:
            self._log.warning("checkpoint not removed", video=video.id, reason=str(error))
        return saved

    async def fetch_inputs(self, lease: Lease) -> tuple[Path | None, Path | None]:
        """Bring the checkpoint's file and the input images to this machine. Returns the paths of the first and the last
        image, None for one that the request has not.

        Raises `EngineError` when an image is gone, `Busy` when the bucket does not answer.
        """
        video, spec = lease.video, lease.video.spec
        if lease.checkpoint and "stored" in lease.checkpoint:
            await self._threads.process(self._files.fetch_checkpoint, video.id, video.attempt, lease.checkpoint)
        return await self._picture(video, spec.image), await self._picture(video, spec.last_image)

    async def fetch_source(self, video: Video) -> Path | None:
        """The path of the file that the video extends, on this machine; None when it extends none.

        Raises `EngineError` when the file is gone, `Busy`.
        """
        source = video.spec.extends
        if source is None:
            return None
        try:
            return await self._threads.process(self._files.fetch_source, video.id, source.sha256)
        except FileNotFoundError:
            message = "The stored copy of the video to go on from is gone. Extend it again."
            raise EngineError(message, code=Code.CORRUPT) from None

    async def _picture(self, video: Video, image: Image | None) -> Path | None:
        if image is None or not self._files.remote:
            return self._files.image(image.sha256) if image else None
        try:
            return await self._threads.process(self._files.fetch_image, image.sha256, video.id, video.attempt)
        except FileNotFoundError:
            raise EngineError("The stored input image is gone. Send it again.", code=Code.CORRUPT) from None
