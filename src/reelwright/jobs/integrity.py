"""Whether a finished file is still what was recorded: its SHA-256 is compared before it is served.

A file that was found sound is not read again for an hour, as long as the file system's own marks of it (inode, size,
times) stay the same. So a download costs one more look at the directory, and the first one costs one reading.
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
from reelwright.video import Video

TRUSTED_S = 3600.0
REMEMBERED = 10_000


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


class Integrity:
    """Compares finished files with their records and remembers which ones were sound."""

    def __init__(self, files: Files, clock: Clock) -> None:
        self._files = files
        self._clock = clock
        self._sound: OrderedDict[str, tuple[_Marks, float]] = OrderedDict()
        self._log = structlog.get_logger("reelwright.jobs")

    async def path(self, video: Video) -> Path:
        """Where the finished file is, once it is known to be sound.

        Raises `EngineError` (`corrupt`) when its bytes are not the recorded ones, `NotFound` when it is gone.
        """
        assert video.file is not None
        path = self._files.video(video.id)
        try:
            # Of what was looked at before, the name is at hand: a thread would take longer to wake.
            known = video.id in self._sound
            marks = _Marks.of(path) if known else await asyncio.to_thread(_Marks.of, path)
            if not self._trusts(video.id, marks):
                if await asyncio.to_thread(sha256_of, path) != video.file.sha256:
                    self._log.error("corrupt", video=video.id)
                    raise EngineError("The stored video is damaged. Make it anew.", code=Code.CORRUPT)
                self._remember(video.id, marks)
        except FileNotFoundError:
            raise NotFound("The file of this video is gone", field="id") from None
        return path

    def trust(self, video_id: str) -> None:
        """The file in place is what was just written and hashed: it need not be read once more."""
        with contextlib.suppress(FileNotFoundError):
            self._remember(video_id, _Marks.of(self._files.video(video_id)))

    async def holds(self, video: Video) -> bool:
        """Whether the finished file is there and sound."""
        try:
            await self.path(video)
        except (EngineError, NotFound):
            return False
        return True

    def _trusts(self, video_id: str, marks: _Marks) -> bool:
        known, since = self._sound.get(video_id, (None, 0.0))
        return known == marks and self._clock.monotonic() - since < TRUSTED_S

    def _remember(self, video_id: str, marks: _Marks) -> None:
        self._sound[video_id] = marks, self._clock.monotonic()
        self._sound.move_to_end(video_id)
        if len(self._sound) > REMEMBERED:
            self._sound.popitem(last=False)
