"""Finds a finished file that a job can take instead of rendering: one that an earlier attempt has left in the store, or
that of a duplicate."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import structlog

from reelwright.errors import EngineError, StorageBusy
from reelwright.jobs.duplicates import Duplicates, shared
from reelwright.jobs.finishing import measure
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.outcome import Finished
from reelwright.jobs.threads import Threads
from reelwright.store.files import Files
from reelwright.store.objects import AGAIN_S, PATIENCE_S
from reelwright.store.records import Records
from reelwright.video import MadeFile, Video

T = TypeVar("T")


class Adopting:
    def __init__(
        self, *, records: Records, files: Files, threads: Threads, integrity: Integrity, duplicates: Duplicates
    ) -> None:
        self._records = records
        self._files = files
        self._threads = threads
        self._integrity = integrity
        self._duplicates = duplicates
        self._log = structlog.get_logger("reelwright.jobs")

    async def find(self, video: Video) -> Finished | None:
        """The outcome of a job that need not render, None when it has to. Raises `Busy`, OSError.

        A duplicate may have been completed after the submission looked for one and before this job had its slot.
        """
        if video.attempt > 1 and (file := await self._threads.process(self._left_by_earlier, video)):
            self._log.info("adopted", video=video.id)
            return Finished(attempt=video.attempt, file=file, made_with={"adopted": True})
        fingerprint = self._duplicates.fingerprint(video.spec)
        if fingerprint is None:
            return None
        duplicate = await self._threads.read(self._records.completed_duplicate, video.owner, fingerprint)
        if duplicate is None or duplicate.file is None or not await self._integrity.is_intact(duplicate):
            return None
        key = await self.share(duplicate.file.key, video)
        return self.finished(video, key, duplicate.file, duplicate.made_with) if key else None

    def _left_by_earlier(self, video: Video) -> MadeFile | None:
        """In a thread: the whole file of an earlier attempt, whose scratch folder on this machine is also taken
        over."""
        self._files.take_over_scratch(video.id, video.attempt)
        for key in self._files.keys_of_earlier(video.id, video.attempt):
            with contextlib.suppress(FileNotFoundError, EngineError):
                return measure(self._files.fetch(key), key)
        return None

    async def share(self, key: str, video: Video) -> str | None:
        """Give the video the file of a duplicate. Returns the file's key for this video; None when the file is gone."""
        try:
            return await self._threads.read(self._files.share_video, key, video.id, max(1, video.attempt))
        except FileNotFoundError:
            return None

    def finished(self, video: Video, key: str, file: MadeFile, made_with: Mapping[str, Any]) -> Finished:
        """The outcome of a video that has the file of a duplicate, under `key`."""
        self._integrity.mark_verified(key)
        return Finished(attempt=video.attempt, file=dataclasses.replace(file, key=key), made_with=shared(made_with))


async def patiently(ask: Callable[..., Coroutine[Any, Any, T]], *arguments: object) -> T:
    """Call a coroutine function, and again each `AGAIN_S` while the bucket is away, for `PATIENCE_S` at most.

    Raises what it raises, `StorageBusy` after that time.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await ask(*arguments)
        except StorageBusy:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(AGAIN_S)
