"""Whether a finished file is still what was recorded: its SHA-256 is compared before it is served.

A file that was found sound is not read again for an hour, as long as the file system's own marks of it (inode, size,
times) stay the same. So a download costs one more look at the directory, and the first one costs one reading.

A file in a bucket is fetched before that; where clients fetch it from the bucket themselves, its size there is compared
(its bytes were compared by the bucket when they were stored).
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

TRUSTED_S = 3600.0
REMEMBERED = 10_000

ADDRESS_S = 3600
"""How long an address that lets a client fetch a file is good for."""


@dataclass(frozen=True, slots=True)
class _Marks:
    """What changes when a file is written to: a changed time alone could be set back, the inode's own cannot."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> _Marks:
        found = os.stat(path)  # noqa: PTH116 - as precise, and twice as fast
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


_IN_BUCKET = _Marks(0, 0, 0, 0)
"""The marks of a file that was only looked at in its bucket."""


class Integrity:
    """Compares finished files with their records and remembers which ones were sound."""

    def __init__(self, files: Files, clock: Clock, *, redirects: bool) -> None:
        """`redirects`: clients fetch the files from the bucket themselves."""
        self._files = files
        self._clock = clock
        self._redirects = redirects
        self._sound: OrderedDict[str, tuple[_Marks, float]] = OrderedDict()
        self._log = structlog.get_logger("reelwright.jobs")

    async def path(self, video: Video) -> Path:
        """Where the finished file is on this machine, once it is known to be sound.

        Raises `EngineError` (`corrupt`) when its bytes are not the recorded ones, `NotFound` when it is gone, `Busy`
        when the bucket does not answer.
        """
        assert video.file is not None
        key = video.file.key
        path = self._files.path(key)
        try:
            # Of what was looked at before, the name is at hand: a thread would take longer to wake.
            known = key in self._sound
            try:
                marks = _Marks.of(path) if known else await asyncio.to_thread(self._fetched, key)
            except FileNotFoundError:
                if not (known and self._files.remote):
                    raise
                marks = await asyncio.to_thread(self._fetched, key)  # it had to make room meanwhile
            if not self._trusts(key, marks):
                self._remember(key, await asyncio.to_thread(self._compare, video.file, marks))
        except FileNotFoundError:
            raise NotFound("The file of this video is gone", field="id") from None
        return path

    async def address(self, video: Video, key: str, method: str) -> str | None:
        """Where the client may fetch what has that key, by `method`; None when this server sends it.

        Raises as `path`.
        """
        if not self._redirects:
            return None
        await self._look(video)
        return await asyncio.to_thread(self._files.address, key, method, ADDRESS_S)

    def trust(self, key: str) -> None:
        """The file in place is what was just written and hashed: it need not be read once more."""
        with contextlib.suppress(FileNotFoundError):
            self._remember(key, _Marks.of(self._files.path(key)))

    async def holds(self, video: Video) -> bool:
        """Whether the finished file is there and sound. Raises `Busy` when the bucket does not answer."""
        try:
            await (self._look(video) if self._redirects else self.path(video))
        except (EngineError, NotFound):
            return False
        return True

    async def _look(self, video: Video) -> None:
        """Compare its size in the bucket, without fetching it."""
        assert video.file is not None
        key = video.file.key
        if self._trusts(key, _IN_BUCKET):
            return
        try:
            size = await asyncio.to_thread(self._files.size, key)
        except FileNotFoundError:
            raise NotFound("The file of this video is gone", field="id") from None
        if size != video.file.size:
            raise self._corrupt(key)
        self._remember(key, _IN_BUCKET)

    def _fetched(self, key: str) -> _Marks:
        return _Marks.of(self._files.fetch(key))

    def _compare(self, file: MadeFile, marks: _Marks) -> _Marks:
        """In a thread: the marks of the file whose bytes are the recorded ones; a damaged copy is fetched once more."""
        path = self._files.path(file.key)
        if sha256_of(path) == file.sha256:
            return marks
        if self._files.drop(file.key):
            marks = self._fetched(file.key)
            if sha256_of(path) == file.sha256:
                return marks
        raise self._corrupt(file.key)

    def _corrupt(self, key: str) -> EngineError:
        self._log.error("corrupt", file=key)
        return EngineError("The stored video is damaged. Make it anew.", code=Code.CORRUPT)

    def _trusts(self, key: str, marks: _Marks) -> bool:
        known, since = self._sound.get(key, (None, 0.0))
        return known == marks and self._clock.monotonic() - since < TRUSTED_S

    def _remember(self, key: str, marks: _Marks) -> None:
        self._sound[key] = marks, self._clock.monotonic()
        self._sound.move_to_end(key)
        if len(self._sound) > REMEMBERED:
            self._sound.popitem(last=False)
