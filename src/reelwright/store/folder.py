"""Objects as files below a folder on a local or network disk.

A name (`videos/video_….mp4`) is the path below the folder. A file is written under a name that ends in `.part`,
fsynced, and renamed; then its folder is fsynced. So a file under its own name is always whole, also after a power cut.
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
"""A `.part` file that is older was left by a process that has died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object that exists: `size` in bytes, `changed` in seconds since the epoch; `names`: how many hard links it
    has."""

    name: str
    size: int
    changed: float
    names: int = 1


class Objects(Protocol):
    """The storage of whole files by name: a folder, or a bucket of S3 that all machines of a fleet share.

    A name never gets other bytes. All methods block; all may raise OSError (FileNotFoundError: there is no such object)
    or `Busy` (the disk is full, or the bucket does not answer).
    """

    remote: bool
    """Whether an object has to be fetched before it is read."""

    def prepare(self, *, alone: bool) -> None:
        """Create the folders, and remove what a killed process left half-written. `alone`: no other process works on
        it.

        Raises `ConfigurationError` when the storage cannot be used.
        """

    def check_writable(self) -> None:
        """Store and remove a small object. Raises OSError or `Busy` when that fails."""

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
        """Store an object: `write` fills a file, which then exists under `name` as a whole, or not at all.

        Returns what `write` returned. `media_type`, `file_name`: what a browser is told that fetches it from the
        bucket. `safe`: `write` has fsynced the file. `last=False`: skip the fsync of the folder, because another object
        follows in the same folder whose fsync does it. `until`: if given, a bucket that is away is waited for, for
        minutes, but no longer once this is set.
        """

    def create(self, name: str, data: bytes) -> bytes:
        """Store a small object unless it exists. Returns the stored bytes: of several callers those of the first
        one."""

    def read(self, name: str, most: int | None = None) -> bytes:
        """The first `most` bytes of the object, or all of them."""

    def path(self, name: str) -> Path:
        """The path that `fetch` returns. Does not check whether anything is there."""

    def fetch(self, name: str) -> Path:
        """The path of the object's bytes on this machine; they are fetched if need be."""

    def drop(self, name: str) -> bool:
        """Remove a damaged copy that was fetched. False when this machine has the object itself, not a copy."""

    def save(self, name: str, target: Path) -> None:
        """Write the object's bytes into a file on this machine."""

    def size(self, name: str) -> int:
        """The size of the stored object in bytes."""

    def renew(self, name: str) -> bool:
        """Make an existing object young again, so that the janitor leaves it. False when there is none."""

    def copy(self, name: str, other: str, *, last: bool = True) -> None:
        """Give the same bytes another name, without sending them through this process. `last`: see `put`."""

    def look(self, folder: str, begin: str = "") -> Iterator[Found]:
        """All objects below that folder whose names in it begin with `begin`."""

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects. One that does not exist is no error."""

    def address(self, name: str, method: str, seconds: int) -> str | None:
        """A signed address for that HTTP `method`, valid for so many seconds; None when only this server can read
        it."""


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
                    # A new hard link leaves the mtime and sets the ctime: the object is as young as its newest name.
                    changed = found.st_mtime if found.st_nlink == 1 else found.st_ctime
                    yield Found(name=name, size=found.st_size, changed=changed, names=max(1, found.st_nlink))

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            path = self._root / name
            path.unlink(missing_ok=True)
            if path.parent.parent != self._root:  # a folder for one video: it is removed with its last file
                with contextlib.suppress(OSError):
                    path.parent.rmdir()

    def address(self, name: str, method: str, seconds: int) -> str | None:
        return None


class FileIdentity:
    """Remembers which file (device and inode) is at a path, to notice when it is moved or replaced while the server has
    it open: what is written to it after that is lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None

    def note(self) -> None:
        """Remember which file is there now. Raises OSError."""
        self._seen = self._identity()

    def check(self) -> None:
        """Raises FileNotFoundError when the file is gone, or another one is in its place."""
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
    """For a block that writes the file `part` and moves it to its place: if the block fails, `part` is removed.

    Raises `Busy` in place of the OSError of a full disk (`storage_full`) or of a folder that is gone.
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
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems cannot fsync a folder
            raise
    finally:
        os.close(descriptor)
