"""A clip: what an engine leaves. Either frames in shared memory, or one encoded file; nobody downstream asks which.

Frames cross the process boundary without a copy: an anonymous file (`memfd_create`, or an unlinked temporary file where
the system has none) that both processes map. It is not bounded by the size of /dev/shm, which containers set to 64 MB,
and the kernel frees it when the last process that holds it ends, whatever killed it.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.media.probe import Probe
from reelwright.media.sound import Sound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SLACK_BYTES = 64
"""Mapped behind the last frame: swscale's vector code reads that far beyond a row's end (FFmpeg's own padding), and the
last row of a buffer that fills its last page would have nothing behind it (a segmentation fault)."""


class FrameBuffer:
    """Room for `num_frames` frames of `height` × `width` sRGB pixels, 8 bits a channel, shared between processes.

    The pages are taken when they are first written. Close it on both sides when done; a closed buffer's arrays must not
    be used any more.
    """

    def __init__(self, fd: int, num_frames: int, height: int, width: int) -> None:
        """Takes over `fd`, an open file as `create` makes one: num_frames × height × width × 3 bytes and the slack."""
        self.fd = fd
        self.num_frames = num_frames
        self.height = height
        self.width = width
        self._map: mmap.mmap | None = None

    @classmethod
    def create(cls, num_frames: int, height: int, width: int) -> FrameBuffer:
        """Raises OSError where there is neither anonymous memory nor room for a temporary file."""
        size = num_frames * height * width * 3 + SLACK_BYTES
        fd = _anonymous_memory()
        if fd is None:
            fd = _unlinked_file(size)
        else:
            os.ftruncate(fd, size)
        return cls(fd, num_frames, height, width)

    def array(self) -> NDArray[np.uint8]:
        """The frames as a writable array of shape (num_frames, height, width, 3)."""
        import numpy as np

        count = self.num_frames * self.height * self.width * 3
        if self._map is None:
            self._map = mmap.mmap(self.fd, count + SLACK_BYTES)
        return np.frombuffer(self._map, np.uint8, count).reshape(self.num_frames, self.height, self.width, 3)

    def close(self) -> None:
        # The mapping itself goes when the last array over it does; closing it here would raise while one is alive.
        self._map = None
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


NO_FRAMES = FrameBuffer(-1, 0, 0, 0)
"""Room for none: where the buffer is in another process, or the clip is a file."""


def _anonymous_memory() -> int | None:
    """A file descriptor of anonymous memory; None where the system has none or a sandbox forbids it (old kernels, some
    seccomp profiles, macOS)."""
    if sys.platform != "linux":
        return None
    try:
        return os.memfd_create("reelwright-frames", os.MFD_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EACCES):
            raise
        return None


def _unlinked_file(size: int) -> int:
    """A file descriptor of a temporary file without a name. Its bytes are allocated now, so that a full disk raises
    OSError here; otherwise the first write into a page would end the process with SIGBUS."""
    with tempfile.TemporaryFile() as file:
        if sys.platform == "linux":
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
        return os.dup(file.fileno())


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Exactly one of `frames` (the first `num_frames` of the buffer count) and `path` (an encoded video) is set.

    `probe` is what decoding the file at `path` showed, when the engine has looked already; `sha256` is its hash (hex)
    when the engine has also made it safe on the disk (fsync). `sound` goes with `frames`, or that of the file
    `sound_of`; a file has its own.
    """

    fps: float
    num_frames: int
    frames: FrameBuffer | None = None
    path: Path | None = None
    probe: Probe | None = None
    sha256: str | None = None
    sound_of: Path | None = None
    sound: Sound | None = None
