"""Where files live: finished videos and their posters, input images, and what a running job needs.

    <data directory>/
      videos/<id>.mp4, <id>.jpg, <id>.…    finished, its poster, what was made of it on request; each written as
                                           `.part`, fsynced, then renamed into place
      images/<sha256>                      input images, named by their content
      checkpoints/<id>/<attempt>-<name>    what a killed job goes on from, wherever it goes on; kept as videos are
      work/<id>/                           a running job's own folder on this machine; may be lost
      work/<id>.clip                       what an engine has encoded or fetched, until it is moved to videos
                                           these three are removed when the job ends
      database-id                          which database knows these files
      uploads/                             what clients have sent beforehand: see uploads.py

All names are made here from ids and digests; nothing a client sent becomes part of a path.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

from reelwright.errors import Busy, Code, ConfigurationError
from reelwright.ids import is_video_id

T = TypeVar("T")

DATABASE_ID = "database-id"

CLIP = ".clip"
"""What an encoded clip beside a job's folder has after that folder's name."""


class Files:
    """Files below one data directory on a local disk."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir.absolute()
        self._videos = self._root / "videos"
        self._images = self._root / "images"
        self._checkpoints = self._root / "checkpoints"
        self._work = self._root / "work"

    def prepare(self) -> None:
        """Create the folders and remove what a killed process left half-written. Raises `ConfigurationError`."""
        try:
            for folder in (self._videos, self._images, self._checkpoints, self._work):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self._root, error) from None
        for folder in (self._videos, self._images):
            for part in folder.glob("*.part"):
                part.unlink(missing_ok=True)

    def database_id(self) -> str | None:
        """The database whose files these are; None when nobody has said so yet."""
        try:
            return (self._root / DATABASE_ID).read_text().strip()
        except FileNotFoundError:
            return None

    def keep_database_id(self, database_id: str) -> None:
        self.publish(self._root / DATABASE_ID, lambda part: _write(part, database_id.encode() + b"\n"))

    def videos(self) -> frozenset[str]:
        """The ids of all videos that have a file."""
        return frozenset(path.stem for path in self._videos.glob("*.mp4") if is_video_id(path.stem))

    def check_writable(self) -> None:
        """Raises OSError when a small file cannot be written and fsynced."""
        probe = self._work / ".ready"
        with probe.open("wb") as file:
            file.write(b"ready")
            file.flush()
            os.fsync(file.fileno())
        probe.unlink()

    def video(self, video_id: str) -> Path:
        """Where the finished video is, or will be."""
        return self._videos / f"{_checked(video_id)}.mp4"

    def poster(self, video_id: str) -> Path:
        return self._videos / f"{_checked(video_id)}.jpg"

    def derived(self, video_id: str, ending: str) -> Path:
        """Where something made from the finished video is, or will be: `<id>.<ending>`."""
        return self._videos / f"{_checked(video_id)}.{ending}"

    def image(self, sha256: str) -> Path:
        return self._images / sha256

    def scratch(self, video_id: str) -> Path:
        """The job's own folder; the engine makes it when it needs it, and leaves its encoded clip beside it."""
        return self._work / _checked(video_id)

    def discard_video(self, video_id: str) -> None:
        """Remove the finished file and all that was derived from it."""
        for path in self._videos.glob(f"{_checked(video_id)}.*"):
            path.unlink(missing_ok=True)

    def share_video(self, video_id: str, other: str) -> None:
        """The finished file of one video, and its poster, are also those of another one from now on.

        As hard links, or as copies where the file system has none. Raises FileNotFoundError when there is no such file,
        `Busy` when the disk is full.
        """
        poster = self.poster(video_id)
        if poster.exists():
            self.publish(self.poster(other), lambda part: _link(poster, part), last=False)
        self.publish(self.video(other), lambda part: _link(self.video(video_id), part))

    def keep_checkpoint(self, video_id: str, attempt: int, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make the file durable that a checkpoint's `state` names in the scratch folder (`file`), if it names one.

        Returns the state with the file's name here (`stored`). Raises OSError, or `Busy` when the disk is full.
        """
        if "file" not in state:
            return state
        source = self.scratch(video_id) / Path(state["file"]).name
        target = self._checkpoints / _checked(video_id) / f"{attempt}-{source.name}"
        target.parent.mkdir(exist_ok=True)
        self.publish(target, lambda part: shutil.copyfile(source, part))
        return {**state, "stored": target.name}

    def fetch_checkpoint(self, video_id: str, state: Mapping[str, Any]) -> None:
        """Put a kept checkpoint's file back into the scratch folder. One that is gone is for the engine to miss."""
        if "stored" not in state:
            return
        target = self.scratch(video_id) / Path(state["file"]).name
        target.parent.mkdir(exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(self._checkpoints / _checked(video_id) / state["stored"], part)
            part.replace(target)

    def forget_older_checkpoints(self, video_id: str, state: Mapping[str, Any]) -> None:
        """Remove the files of all checkpoints but this one, which counts now."""
        if "stored" in state:
            for path in (self._checkpoints / _checked(video_id)).glob("*"):
                if path.name != state["stored"]:
                    path.unlink(missing_ok=True)

    def forget_checkpoint(self, video_id: str, state: Mapping[str, Any]) -> None:
        """Remove the file of this one: the job has ended while it was kept."""
        folder = self._checkpoints / _checked(video_id)
        (folder / state["stored"]).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()

    def discard_scratch(self, video_id: str) -> None:
        """The job has ended: remove its clip, its folder and its checkpoints."""
        scratch = self.scratch(video_id)
        scratch.with_name(scratch.name + CLIP).unlink(missing_ok=True)
        for folder in (scratch, self._checkpoints / scratch.name):
            if folder.exists():
                shutil.rmtree(folder, ignore_errors=True)

    def remove_stale_scratch(self, running: frozenset[str]) -> None:
        """Remove the clips, folders and checkpoints of jobs that are no longer running."""
        for path in (*self._work.iterdir(), *self._checkpoints.iterdir()):
            video_id = path.name.removesuffix(CLIP)
            if is_video_id(video_id) and video_id not in running:
                self.discard_scratch(video_id)

    def sizes(self) -> Mapping[str, int]:
        """The bytes that each video's files take: its own and all that was made from it.

        Videos that share a file take an equal part of it each.
        """
        sizes: dict[str, int] = {}
        for name, found in _look(self._videos):
            video_id = name.partition(".")[0]
            sizes[video_id] = sizes.get(video_id, 0) + found.st_size // max(1, found.st_nlink)
        return sizes

    def remove_orphans(self, videos: frozenset[str], images: frozenset[str], older_than_s: float) -> int:
        """Remove the files of other videos and other input images than those, and what was left half-written.

        What is younger stays: its row may be on its way. Returns how many were removed.
        """
        horizon = time.time() - older_than_s

        def young(found: os.stat_result) -> bool:
            # A shared file is as old as the first of its names; its inode is as old as the last one.
            return (found.st_mtime if found.st_nlink == 1 else found.st_ctime) >= horizon

        orphans = [
            folder / name
            for folder, known in ((self._videos, videos), (self._images, images))
            for name, found in _look(folder)
            if (name.partition(".")[0] not in known or name.endswith(".part")) and not young(found)
        ]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)

    def publish(self, target: Path, write: Callable[[Path], T], *, safe: bool = False, last: bool = True) -> T:
        """`write` fills a `.part` file; it is fsynced and renamed to `target`, or nothing is left.

        Returns what `write` returned. `safe`: its bytes are on the disk already. `last`: no other file follows into
        this folder, whose own fsync would make this one's name last, too. Raises `Busy` (`storage_full`) when the disk
        is full.
        """
        part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        try:
            result = write(part)
            if not safe:
                with part.open("rb") as file:
                    os.fsync(file.fileno())
            part.replace(target)
            if last:
                _fsync_folder(target.parent)
            return result
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Busy("The disk for videos is full", code=Code.STORAGE_FULL, retry_after=60) from None
            raise
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def keep_image(self, data: bytes) -> str:
        """Store an input image under its digest (hex SHA-256), which is returned."""
        digest = hashlib.sha256(data).hexdigest()
        target = self.image(digest)
        try:
            os.utime(target)  # young again: whoever clears up leaves it until its new row is there
        except FileNotFoundError:
            self.publish(target, lambda part: _write(part, data))
        return digest


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_safe(path: Path, digest: str | None = None) -> str:
    """The file's bytes are on the disk when this returns (fsync). Returns their SHA-256, hex: `digest`, if known."""
    digest = digest or sha256_of(path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return digest


class DirectoryLock:
    """One server a data directory. The lock is the kernel's: it ends with the process, however that ends."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "server.lock"
        self._file: IO[str] | None = None

    def acquire(self, holder: str) -> None:
        """Take the lock and write who holds it. Raises `ConfigurationError` that names the present holder."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+")
        except OSError as error:
            raise _unwritable(self._path.parent, error) from None
        try:
            _lock(file)
        except BlockingIOError:
            file.seek(0)
            present = file.read().strip() or "another process"
            file.close()
            raise ConfigurationError(
                f"The data directory {self._path.parent} is in use by {present}. "
                "Stop that server, or set REELWRIGHT_DATA_DIR to another folder."
            ) from None
        except OSError as error:
            file.close()
            raise ConfigurationError(
                f"The file system of {self._path.parent} has no locks ({error.strerror}), so two servers could write "
                "the same files. Set REELWRIGHT_DATA_DIR to a folder on a local disk."
            ) from None
        file.truncate(0)
        file.write(holder)
        file.flush()
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _lock(file: IO[str]) -> None:
    """Take the file's lock: flock(2), or where a file system has none, fcntl(2)'s, which SQLite uses, too.

    Raises BlockingIOError when another process has it, another OSError where there are no locks at all.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL, errno.EBADF):
            raise
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except PermissionError as taken:  # POSIX lets fcntl(2) say EACCES for EAGAIN
            raise BlockingIOError(taken.errno, taken.strerror) from None


def _unwritable(data_dir: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"The data directory {data_dir} cannot be written ({error.strerror}). Set REELWRIGHT_DATA_DIR."
    )


def _checked(video_id: str) -> str:
    if not is_video_id(video_id):
        raise ValueError("not a video id")
    return video_id


def _look(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The files of a folder by name; one that goes meanwhile is left out."""
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                yield entry.name, entry.stat(follow_symlinks=False)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        shutil.copyfile(source, target)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems write a folder's names at once
            raise
    finally:
        os.close(descriptor)
