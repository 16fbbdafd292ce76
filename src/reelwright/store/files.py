"""What the store holds, and under which names: finished videos and what was made of them, input images, what a running
job needs on another machine. And, on this machine's disk only, the folders that running jobs work in.

    in the data directory, or in a bucket of S3:
      videos/<id>-<attempt>.mp4            finished: the row's `file.key` says which one counts
      videos/<id>-<attempt>.jpg, ….…       its poster, what was made of it on request
      videos/<id>-0.mp4                    what it goes on from, until it has ended
      images/<sha256>                      input images, named by their content
      checkpoints/<id>/<attempt>-<name>    what a killed job goes on from, wherever it goes on
      uploads/                             what clients have sent beforehand: see uploads.py
      database-id, store-id                which database knows these files, and which store this is
    always in the data directory:
      work/<id>-<attempt>/                 a running job's own folder; may be lost
      work/<id>-<attempt>.clip             what an engine has encoded or fetched, until it is stored
      cache/                               what was fetched from the bucket; may be lost

Files of before have the key `<id>.mp4`, without an attempt. All names are made here from ids, attempts and digests;
nothing a client sent becomes part of a path.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

from reelwright.errors import ConfigurationError
from reelwright.ids import is_video_id
from reelwright.store.folder import Folder, Found, Objects, unwritable, write_probe

T = TypeVar("T")

DATABASE_ID, STORE_ID = "database-id", "store-id"

CLIP = ".clip"
"""What an encoded clip beside a job's folder has after that folder's name."""

VIDEO = ".mp4"

FORGOTTEN_S = 3600.0
"""An object younger than this may belong to a row that is on its way."""


class Files:
    """The names of all that is stored. `remote`: reading an object may mean to fetch it from a bucket."""

    def __init__(self, data_dir: Path, objects: Objects | None = None) -> None:
        """`objects`: where they lie; None: in the data directory."""
        self._root = data_dir.absolute()
        self._work = self._root / "work"
        self.objects = objects or Folder(self._root)
        self.remote = self.objects.remote
        self._alone = True

    def prepare(self, *, alone: bool = True) -> None:
        """Create the folders and remove what a killed process left half-written. Raises `ConfigurationError`.

        `alone`: no other process works in the data directory; else what is young may be theirs, and stays.
        """
        self._alone = alone
        try:
            self._work.mkdir(parents=True, exist_ok=True)
            for part in self._work.glob(".ready-*") if alone else ():
                part.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self._root, error) from None
        self.objects.prepare(alone=alone)

    def spool(self) -> IO[bytes]:
        """An empty file without a name, gone when it is closed. Raises OSError."""
        return tempfile.TemporaryFile(dir=self._work)

    def check_writable(self) -> None:
        """Raises OSError or `Busy` when a small file cannot be stored."""
        write_probe(self._work)
        self.objects.check_writable()

    def mark(self, name: str) -> str | None:
        """The id that is kept under `DATABASE_ID` or `STORE_ID`; None when nobody has kept one yet."""
        try:
            return self.objects.read(name).decode().strip()
        except FileNotFoundError:
            return None

    def keep_mark(self, name: str, value: str) -> str:
        """Keep the id unless there is one. Returns the one that is kept."""
        return self.objects.create(name, value.encode() + b"\n").decode().strip()

    def videos(self) -> frozenset[str]:
        """The ids of all videos that have a file."""
        names = (found.name.rpartition("/")[2] for found in self.objects.look("videos"))
        return frozenset(_id_of(name) for name in names if name.endswith(VIDEO) and is_video_id(_id_of(name)))

    # --- finished videos: `key` is the name that the row has ---

    @staticmethod
    def key(video_id: str, attempt: int) -> str:
        """The key of the file that this attempt makes."""
        return f"{_checked(video_id)}-{attempt}{VIDEO}"

    @staticmethod
    def beside(key: str, ending: str) -> str:
        """The key of something made from the finished video, as `jpg` for its poster."""
        return f"{key.removesuffix(VIDEO)}.{ending}"

    @staticmethod
    def keys_of_earlier(video_id: str, attempt: int) -> list[str]:
        """The keys that a file of an earlier attempt may have, the newest first."""
        numbered = [Files.key(video_id, number) for number in range(attempt - 1, 0, -1)]
        return [*numbered, f"{_checked(video_id)}{VIDEO}"]

    def path(self, key: str) -> Path:
        """Where its bytes are on this machine, once they are fetched. Looks at nothing."""
        return self.objects.path(f"videos/{key}")

    def fetch(self, key: str) -> Path:
        """The same, and they are there. Raises FileNotFoundError, `Busy` when the bucket does not answer."""
        return self.objects.fetch(f"videos/{key}")

    def drop(self, key: str) -> bool:
        """Forget the bytes that were fetched; False when they are no copy, but the object itself."""
        return self.objects.drop(f"videos/{key}")

    def size(self, key: str) -> int:
        """As the store has it. Raises FileNotFoundError."""
        return self.objects.size(f"videos/{key}")

    def address(self, key: str, method: str, seconds: int) -> str | None:
        """Where a client may fetch it without this server for that long; None when the store has no such address."""
        return self.objects.address(f"videos/{key}", method, seconds)

    def publish(
        self,
        key: str,
        write: Callable[[Path], T],
        media_type: str,
        *,
        safe: bool = False,
        last: bool = True,
        until: threading.Event | None = None,
    ) -> T:
        """`write` fills a file, which is then there under its key, or nothing is. See `Objects.put`."""
        name = f"{_id_of(key)}.{key.partition('.')[2]}"
        return self.objects.put(
            f"videos/{key}", write, media_type=media_type, file_name=name, safe=safe, last=last, until=until
        )

    def share_video(self, key: str, video_id: str, attempt: int) -> str:
        """The finished file with that key, and its poster, are also those of another video from now on.

        Returns their key there. As hard links, where the store has them. Raises FileNotFoundError when there is no such
        file, `Busy` when the disk is full or the bucket does not answer.
        """
        other = self.key(video_id, attempt)
        with contextlib.suppress(FileNotFoundError):  # a poster may be made later
            self.objects.copy(f"videos/{self.beside(key, 'jpg')}", f"videos/{self.beside(other, 'jpg')}", last=False)
        self.objects.copy(f"videos/{key}", f"videos/{other}")
        return other

    # --- what a video goes on from: its own from its submission on, whatever becomes of the other one ---

    @staticmethod
    def source_key(video_id: str) -> str:
        """The key of the file that a video goes on from. Attempts are counted from 1."""
        return Files.key(video_id, 0)

    def keep_source(self, video_id: str, source: str | Path) -> None:
        """`source` is the key of a finished file, or one that was sent. Raises FileNotFoundError, `Busy`."""
        key = f"videos/{self.source_key(video_id)}"
        if isinstance(source, str):
            self.objects.copy(f"videos/{source}", key)
        else:
            self.objects.put(key, lambda part: _copy(source, part))

    def fetch_source(self, video_id: str, sha256: str) -> Path:
        """Where it is on this machine. Raises FileNotFoundError, also where it is damaged, and `Busy`."""
        key = self.source_key(video_id)
        path = self.fetch(key)
        if sha256_of(path) != sha256:
            self.drop(key)
            raise FileNotFoundError(errno.ENOENT, "the stored video is damaged", key)
        return path

    def forget_source(self, video_id: str) -> None:
        """The video has ended, or is not made."""
        self.objects.remove([f"videos/{self.source_key(video_id)}"])

    def discard_video(self, video_id: str) -> None:
        """Remove the finished files of all attempts and all that was derived from them."""
        found = self.objects.look("videos", _checked(video_id))
        self.objects.remove([one.name for one in found if not one.name.endswith(".part")])

    # --- input images ---

    def keep_image(self, data: bytes) -> str:
        """Store an input image under its digest (hex SHA-256), which is returned."""
        digest = hashlib.sha256(data).hexdigest()
        if not self.objects.renew(f"images/{digest}"):  # young again: it is left until its new row is there
            self.objects.put(f"images/{digest}", lambda part: _write(part, data))
        return digest

    def image(self, sha256: str) -> Path:
        """Where a stored input image is on this machine, if it need not be fetched."""
        return self.objects.path(f"images/{sha256}")

    def fetch_image(self, sha256: str, video_id: str, attempt: int) -> Path:
        """A stored input image for a job, in its folder where it has to be fetched.

        Raises FileNotFoundError, `Busy`.
        """
        if not self.remote:
            return self.image(sha256)
        target = self.scratch(video_id, attempt) / f"input-{sha256[:16]}"
        target.parent.mkdir(exist_ok=True)
        self.objects.save(f"images/{sha256}", target)
        if sha256_of(target) != sha256:
            raise FileNotFoundError(errno.ENOENT, "the stored image is damaged", sha256)
        return target

    # --- what a running job works in, on this machine ---

    def scratch(self, video_id: str, attempt: int) -> Path:
        """The attempt's own folder; the engine makes it when it needs it, and leaves its encoded clip beside it."""
        return self._work / f"{_checked(video_id)}-{attempt}"

    def take_over_scratch(self, video_id: str, attempt: int) -> None:
        """What an earlier attempt has left on this machine is this one's from now on.

        Renamed, so that a process that was only thought dead finds its folder no more.
        """
        earlier = [self.scratch(video_id, number) for number in range(attempt - 1, 0, -1)]
        for scratch in (*earlier, self._work / video_id):  # the last one is of before
            scratch.with_name(scratch.name + CLIP).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                scratch.rename(self.scratch(video_id, attempt))

    def discard_scratch(self, video_id: str, attempt: int) -> None:
        """The attempt has ended: remove its clip and its folder."""
        scratch = self.scratch(video_id, attempt)
        scratch.with_name(scratch.name + CLIP).unlink(missing_ok=True)
        if scratch.exists():
            shutil.rmtree(scratch, ignore_errors=True)

    def remove_stale_scratch(self, running: frozenset[str], resumable: frozenset[str] = frozenset()) -> None:
        """At a start: remove the clips and folders of jobs that are no longer running, and their checkpoints but those
        of `resumable` videos."""
        horizon = time.time() - (0 if self._alone else FORGOTTEN_S)
        for path in self._work.iterdir():
            if is_video_id(_id_of(path.name)) and _id_of(path.name) not in running:
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime <= horizon:
                        path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
        if self._alone and not self.remote:
            self.objects.remove([one.name for one in self._checkpoints_but_of(running | resumable)])

    # --- checkpoints ---

    def keep_checkpoint(self, video_id: str, attempt: int, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Store the file that a checkpoint's `state` names in the scratch folder (`file`), if it names one.

        Returns the state with the file's name in the store (`stored`). Raises OSError, or `Busy`.
        """
        if "file" not in state:
            return state
        source = self.scratch(video_id, attempt) / Path(state["file"]).name
        stored = f"{attempt}-{source.name}"
        self.objects.put(f"checkpoints/{video_id}/{stored}", lambda part: _copy(source, part))
        return {**state, "stored": stored}

    def fetch_checkpoint(self, video_id: str, attempt: int, state: Mapping[str, Any]) -> None:
        """Put a kept checkpoint's file back into the scratch folder. One that is gone is for the engine to miss."""
        if "stored" not in state:
            return
        target = self.scratch(video_id, attempt) / Path(state["file"]).name
        target.parent.mkdir(exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        with contextlib.suppress(FileNotFoundError):
            self.objects.save(f"checkpoints/{_checked(video_id)}/{state['stored']}", part)
            part.replace(target)

    def share_checkpoint(self, video_id: str, state: Mapping[str, Any], other_id: str) -> None:
        """The file of a kept checkpoint is also that of another video, which goes on from it.

        Raises FileNotFoundError when it is gone, `Busy`.
        """
        name = f"checkpoints/{_checked(video_id)}/{state['stored']}"
        if not self.objects.renew(name):  # young, so that it is left until the new row is there
            raise FileNotFoundError(errno.ENOENT, "the checkpoint is gone", name)
        self.objects.copy(name, f"checkpoints/{_checked(other_id)}/{state['stored']}")

    def forget_older_checkpoints(self, video_id: str, state: Mapping[str, Any]) -> None:
        """Remove the files of all checkpoints but this one, which counts now."""
        if "stored" in state:
            self._forget(video_id, lambda name: name != state["stored"])

    def forget_checkpoint(self, video_id: str, state: Mapping[str, Any]) -> None:
        """Remove the file of this one: the job has ended, or is another attempt's, while it was kept."""
        self._forget(video_id, lambda name: name == state["stored"])

    def forget_inputs(self, video_id: str) -> None:
        """The job has ended: nobody goes on from its checkpoints, nor from its source."""
        self._forget(video_id, lambda name: True)
        self.forget_source(video_id)

    def _forget(self, video_id: str, which: Callable[[str], bool]) -> None:
        found = self.objects.look(f"checkpoints/{_checked(video_id)}")
        self.objects.remove([one.name for one in found if which(one.name.rpartition("/")[2])])

    def _checkpoints_but_of(self, running: frozenset[str]) -> Iterator[Found]:
        for found in self.objects.look("checkpoints"):
            if found.name.split("/")[1] not in running:
                yield found

    # --- clearing up ---

    def sizes(self) -> Mapping[str, int]:
        """The bytes that each video's files take: its own and all that was made from it; nothing for a bucket, which
        would have to be listed for it.

        Videos that share a file take an equal part of it each.
        """
        sizes: dict[str, int] = {}
        for found in () if self.remote else self.objects.look("videos"):
            video_id = _id_of(found.name.rpartition("/")[2])
            sizes[video_id] = sizes.get(video_id, 0) + found.size // found.names
        return sizes

    def remove_orphans(
        self, keys: Mapping[str, str | None], images: frozenset[str], resumable: frozenset[str] = frozenset()
    ) -> int:
        """Remove what belongs to no row, and the checkpoints of videos that have ended and are not `resumable`. Returns
        how many objects were removed.

        `keys`: the key of each video's file, by its id; empty when the video has ended without one, None while it has
        not ended. What has no row at all stays while it is young, since its row may be on its way; so does the file of
        a video that has ended without one, since a twin's job may be about to link to it. Read the rows first.
        """
        horizon = time.time() - FORGOTTEN_S

        def orphaned(found: Found) -> bool:
            name = found.name.rpartition("/")[2]
            video_id = _id_of(name)
            if video_id in resumable and not name.endswith(".part"):
                return False  # what it goes on from is still wanted
            key = keys.get(video_id, "")
            if name.endswith(".part") or key == "":
                return found.changed < horizon
            return key is not None and name.partition(".")[0] != key.partition(".")[0]

        orphans = [found.name for found in self.objects.look("videos") if orphaned(found)]
        orphans += [
            found.name
            for found in self.objects.look("images")
            if found.name.rpartition("/")[2] not in images and found.changed < horizon
        ]
        running = frozenset(video_id for video_id, key in keys.items() if key is None)
        orphans += [found.name for found in self._checkpoints_but_of(running | resumable) if found.changed < horizon]
        self.objects.remove(orphans)
        return len(orphans)


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
            raise unwritable(self._path.parent, error) from None
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


def _checked(video_id: str) -> str:
    if not is_video_id(video_id):
        raise ValueError("not a video id")
    return video_id


def _id_of(name: str) -> str:
    """The video that a file's name begins with: `<id>-<attempt>.<ending>`, or of before `<id>.<ending>`."""
    return name.partition(".")[0].partition("-")[0]


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
