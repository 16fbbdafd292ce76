"""Objects as files below a folder of a local or a network disk: written as `.part`, fsynced, then renamed into place.

A name (`videos/video_….mp4`) is the path below the folder. What is there is whole, and after a power cut, too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from reelwright.errors import Busy, Code, ConfigurationError

T = TypeVar("T")

FOLDERS = ("videos", "images", "checkpoints", "uploads")

HALF_WRITTEN_S = 3600.0
"""Older than this, a `.part` file is nobody's work any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object that is there: `size` in bytes, `changed` in seconds since the epoch; `names` is how many share it."""

    name: str
    size: int
    changed: float
    names: int = 1


class Objects(Protocol):
    """Where whole files lie by name, for all machines that name the same place: a folder, or a bucket of S3.

    Nobody writes a name twice with other bytes. All methods block; all may raise OSError (FileNotFoundError: there is
    no such object) or `Busy` (the disk is full, or the bucket does not answer).
    """

    remote: bool
    """Whether reading an object means to fetch it first."""

    def prepare(self, *, alone: bool) -> None:
        """Make it ready; `alone`: no other process works on it. Raises `ConfigurationError` when it cannot be used."""

    def check_writable(self) -> None:
        """Write something small."""

    def put(
        self,
        name: str,
        write: Callable[[Path], T],
        *,
        media_type: str = "application/octet-stream",
        file_name: str = "",
        safe: bool = False,
        last: bool = True,
        until: threading.Event | None = None,
    ) -> T:
        """`write` fills a file on this machine, which is then there as a whole under `name`, or not at all.

        Returns what `write` returned. `media_type`, `file_name`: how a browser that fetches it from the bucket gets it.
        `safe`: its bytes are on this disk already. `last`: no other object follows whose own fsync of the folder would
        do for this one. `until`: a bucket that is away is waited for (minutes), but not when this is set.
        """

    def create(self, name: str, data: bytes) -> bytes:
        """Store a small object unless there is one. Returns the bytes of the one that is there: of many callers the
        first one's."""

    def read(self, name: str, most: int | None = None) -> bytes:
        """Its first `most` bytes, or all."""

    def path(self, name: str) -> Path:
        """Where its bytes are on this machine, once it has been fetched here. Looks at nothing."""

    def fetch(self, name: str) -> Path:
        """The same, and they are there."""

    def drop(self, name: str) -> bool:
        """Forget the bytes that were fetched: they are damaged. False when they are not a copy."""

    def save(self, name: str, target: Path) -> None:
        """Write its bytes into a file of this machine."""

    def size(self, name: str) -> int:
        """Of the object as the place has it."""

    def renew(self, name: str) -> bool:
        """Whether it is there; it is young again then, so that whoever clears up leaves it."""

    def copy(self, name: str, other: str, *, last: bool = True) -> None:
        """The same bytes under another name, without moving them."""

    def look(self, folder: str, begin: str = "") -> Iterator[Found]:
        """All below that folder whose names there begin like that."""

    def remove(self, names: Sequence[str]) -> None:
        """What is not there any more is fine."""

    def address(self, name: str, method: str, seconds: int) -> str | None:
        """Where a client may ask for it (`method`) itself for that long; None when only this server can."""


class Folder:
    """Objects below one folder."""

    remote = False

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def prepare(self, *, alone: bool) -> None:
        try:
            for name in FOLDERS:
                (self._root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self._root, error) from None
        horizon = time.time() - (0 if alone else HALF_WRITTEN_S)
        for folder in ("videos", "images"):
            for found in self.look(folder):
                if found.name.endswith(".part") and found.changed <= horizon:
                    self.path(found.name).unlink(missing_ok=True)

    def check_writable(self) -> None:
        for name in FOLDERS:
            (self._root / name).stat()
        write_probe(self._root / "videos")

    def put(
        self,
        name: str,
        write: Callable[[Path], T],
        *,
        media_type: str = "",
        file_name: str = "",
        safe: bool = False,
        last: bool = True,
        until: threading.Event | None = None,
    ) -> T:
        target = self._root / name
        if name.count("/") > 1:
            target.parent.mkdir(exist_ok=True)
        part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        with whole(part):
            result = write(part)
            if not safe:
                with part.open("rb") as file:
                    os.fsync(file.fileno())
            part.replace(target)
            if last:
                _fsync_folder(target.parent)
            return result

    def create(self, name: str, data: bytes) -> bytes:
        target = self._root / name
        part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        with whole(part):
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(part, target)
            except FileExistsError:
                pass
            except OSError:  # no hard links here
                if not target.exists():
                    part.replace(target)
            part.unlink(missing_ok=True)
            _fsync_folder(target.parent)
        return target.read_bytes()

    def read(self, name: str, most: int | None = None) -> bytes:
        with (self._root / name).open("rb") as file:
            return file.read(most)

    def path(self, name: str) -> Path:
        return self._root / name

    def fetch(self, name: str) -> Path:
        path = self._root / name
        path.stat()
        return path

    def drop(self, name: str) -> bool:
        return False

    def save(self, name: str, target: Path) -> None:
        shutil.copyfile(self._root / name, target)

    def size(self, name: str) -> int:
        return (self._root / name).stat().st_size

    def renew(self, name: str) -> bool:
        try:
            os.utime(self._root / name)
        except FileNotFoundError:
            return False
        return True

    def copy(self, name: str, other: str, *, last: bool = True) -> None:
        self.put(other, lambda part: _link(self._root / name, part), last=last)

    def look(self, folder: str, begin: str = "") -> Iterator[Found]:
        try:
            entries = os.scandir(self._root / folder)
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                if not entry.name.startswith(begin):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    name, found = f"{folder}/{entry.name}", entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        yield from self.look(name)
                        continue
                    # A shared file is as old as the first of its names; its inode is as old as the last one.
                    changed = found.st_mtime if found.st_nlink == 1 else found.st_ctime
                    yield Found(name=name, size=found.st_size, changed=changed, names=max(1, found.st_nlink))

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            path = self._root / name
            path.unlink(missing_ok=True)
            if path.parent.parent != self._root:  # a folder of its own: it goes with its last file
                with contextlib.suppress(OSError):
                    path.parent.rmdir()

    def address(self, name: str, method: str, seconds: int) -> str | None:
        return None


class Landmark:
    """A file that has to stay where it is while the server works: what is written to one that was moved is lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None

    def note(self) -> None:
        """It is where it should be now. Raises OSError."""
        self._seen = self._identity()

    def check(self) -> None:
        """Raises FileNotFoundError when it is gone, or another one is in its place."""
        if self._seen not in (None, self._identity()):
            raise FileNotFoundError(errno.ENOENT, "another file is in its place", str(self._path))

    def _identity(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_dev, found.st_ino


def write_probe(folder: Path) -> None:
    """Raises OSError when a small file cannot be written and fsynced there."""
    probe = folder / f".ready-{os.getpid()}.part"
    with probe.open("wb") as file:
        file.write(b"ready")
        file.flush()
        os.fsync(file.fileno())
    probe.unlink(missing_ok=True)


@contextlib.contextmanager
def whole(part: Path) -> Iterator[None]:
    """Within it `part` is written and moved to its place; when that fails nothing of it is left.

    Raises `Busy` when the disk is full (`storage_full`), or has gone.
    """
    try:
        yield
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno == errno.ENOENT and not part.parent.exists():
            raise Busy("The storage of the videos is gone. Ask whoever runs this server.") from None
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Busy("The disk for videos is full", code=Code.STORAGE_FULL, retry_after=60) from None
        raise
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def unwritable(data_dir: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"The data directory {data_dir} cannot be written ({error.strerror}). Set REELWRIGHT_DATA_DIR."
    )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        shutil.copyfile(source, target)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems write a folder's names at once
            raise
    finally:
        os.close(descriptor)
