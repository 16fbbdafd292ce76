"""Checks that a finished file is still what was recorded: its SHA-256 is compared before it is served.

A verified file is not read again for an hour, as long as its inode, size and times stay the same. So the first download
reads the file once more, and each later one costs one stat.

A file in a bucket is fetched first, and then verified. Where clients fetch it from the bucket themselves, only its size
there is compared: the bucket verified the bytes when they were stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import structlog

from reelwright.clock import Clock
from reelwright.errors import Code, EngineError, NotFound
from reelwright.store.files import Files, sha256_of
from reelwright.video import MadeFile, Video

VERIFIED_S = 3600.0
"""After so many seconds a file is read again."""
MOST_VERIFIED = 10_000
"""Files of which a process knows that they are verified."""

ADDRESS_S = 3600
"""How many seconds a signed address is valid, with which a client fetches a file from the bucket."""


@dataclass(frozen=True, slots=True)
class _Stat:
    """What changes when a file is written to. The modification time can be set back by anybody; the ctime cannot."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> _Stat:
        found = os.stat(path)  # noqa: PTH116 - as precise, and twice as fast
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


_IN_BUCKET = _Stat(0, 0, 0, 0)
"""Stands for a file whose size was compared in its bucket."""


class Integrity:
    """Verifies finished files, and remembers which ones are verified."""

    def __init__(self, files: Files, clock: Clock, *, redirects: bool) -> None:
        """`redirects`: clients fetch files from the bucket themselves, by signed addresses."""
        self._files = files
        self._clock = clock
        self._redirects = redirects
        self._verified: OrderedDict[str, tuple[_Stat, float]] = OrderedDict()
        self._log = structlog.get_logger("reelwright.jobs")

    async def verified_path(self, video: Video) -> Path:
        """The path of the finished file on this machine, after it was verified; fetched from the bucket if need be.

        Raises `EngineError` (`corrupt`) when its bytes are not the recorded ones, `NotFound` when it is gone, `Busy`
        when the bucket does not answer.
        """
        assert video.file is not None
        key = video.file.key
        path = self._files.path(key)
        try:
            # The stat of a known file is made here: the kernel has it in memory, and to wake a thread takes longer.
            known = key in self._verified
            try:
                stat = _Stat.of(path) if known else await asyncio.to_thread(self._fetched, key)
            except FileNotFoundError:
                if not (known and self._files.remote):
                    raise
                stat = await asyncio.to_thread(self._fetched, key)  # the cache has removed it meanwhile
            if not self._is_verified(key, stat):
                self._note_verified(key, await asyncio.to_thread(self._compare, video.file, stat))
        except FileNotFoundError:
            raise NotFound("The file of this video is gone", field="id") from None
        return path

    async def address(self, video: Video, key: str, method: str) -> str | None:
        """A signed address with which the client may fetch the object under `key`, for an HTTP `method`; None when this
        server sends the files itself.

        Raises as `verified_path`.
        """
        if not self._redirects:
            return None
        await self._compare_size(video)
        return await asyncio.to_thread(self._files.address, key, method, ADDRESS_S)

    def mark_verified(self, key: str) -> None:
        """Note that the file was hashed a moment ago, or only has a new hard link: it need not be read again."""
        with contextlib.suppress(FileNotFoundError):
            self._note_verified(key, _Stat.of(self._files.path(key)))

    async def is_intact(self, video: Video) -> bool:
        """Whether the finished file is there with the recorded bytes. Raises `Busy` when the bucket does not answer."""
        try:
            await (self._compare_size(video) if self._redirects else self.verified_path(video))
        except (EngineError, NotFound):
            return False
        return True

    async def _compare_size(self, video: Video) -> None:
        """Compare the size of the object in the bucket with the record, without fetching it."""
        assert video.file is not None
        key = video.file.key
        if self._is_verified(key, _IN_BUCKET):
            return
        try:
            size = await asyncio.to_thread(self._files.size, key)
        except FileNotFoundError:
            raise NotFound("The file of this video is gone", field="id") from None
        if size != video.file.size:
            raise self._corrupt(key)
        self._note_verified(key, _IN_BUCKET)

    def _fetched(self, key: str) -> _Stat:
        return _Stat.of(self._files.fetch(key))

    def _compare(self, file: MadeFile, stat: _Stat) -> _Stat:
        """In a thread: compare the bytes of the file with the record. Returns its stat.

        A damaged copy of an object in the bucket is fetched once more.
        """
        path = self._files.path(file.key)
        if sha256_of(path) == file.sha256:
            return stat
        if self._files.drop(file.key):
            stat = self._fetched(file.key)
            if sha256_of(path) == file.sha256:
                return stat
        raise self._corrupt(file.key)

    def _corrupt(self, key: str) -> EngineError:
        self._log.error("corrupt", file=key)
        return EngineError("The stored video is damaged. Make it anew.", code=Code.CORRUPT)

    def _is_verified(self, key: str, stat: _Stat) -> bool:
        known, since = self._verified.get(key, (None, 0.0))
        return known == stat and self._clock.monotonic() - since < VERIFIED_S

    def _note_verified(self, key: str, stat: _Stat) -> None:
        self._verified[key] = stat, self._clock.monotonic()
        self._verified.move_to_end(key)
        if len(self._verified) > MOST_VERIFIED:
            self._verified.popitem(last=False)
