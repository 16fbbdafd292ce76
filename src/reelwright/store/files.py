"""The names of all that the store holds: finished videos and what was made from them, input images, checkpoints,
uploads. Also the folders in which running jobs work, which are on this machine's disk only.

    in the data directory, or in a bucket of S3:
      videos/<id>-<attempt>.mp4            finished: the row's `file.key` says which one counts
      videos/<id>-<attempt>.jpg, ….…       its poster, what was made of it on request
      videos/<id>-0.mp4                    the file that it extends, until it has ended
      images/<sha256>                      input images, named by their content
      checkpoints/<id>/<attempt>-<name>    the files of checkpoints, on any machine that goes on with the job
      uploads/                             files that clients have uploaded (uploads.py)
      database-id, store-id                the id of the database that knows these files, and the store's own id
    always in the data directory:
      work/<id>-<attempt>/                 the scratch folder of an attempt; may be lost
      work/<id>-<attempt>.clip             a clip that an engine has encoded or fetched, until it is stored
      cache/                               copies of objects in the bucket; may be lost

The first release wrote `<id>.mp4`, without an attempt. All names are made here from ids, attempts and digests;
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
LOCK_FILE = "server.lock"

CLIP = ".clip"
"""The suffix of an encoded clip, after the name of the attempt's scratch folder."""

VIDEO = ".mp4"

FORGOTTEN_S = 3600.0
"""An object without a row is removed only when it is older, in seconds: its row may be about to be stored."""


class Files:
    """Stores, finds and removes files by the ids of their videos. `remote`: they are in a bucket.

    A `key` is the name of a finished video's file below `videos/`, as the row holds it.
    """

    def __init__(self, data_dir: Path, objects: Objects | None = None) -> None:
        """`objects`: the storage; None: the data directory."""
        self._root = data_dir.absolute()
        self._work = self._root / "work"
        self.objects = objects or Folder(self._root)
        self.remote = self.objects.remote
        self._alone = True
        self._prepared_at = 0.0

    def prepare(self, *, alone: bool = True) -> None:
        """Create the folders and remove what a killed process left half-written. Raises `ConfigurationError`.

        `alone`: no other process works in the data directory; otherwise young files stay, since another process may be
        writing them.
        """
        self._alone = alone
        self._prepared_at = time.time()
        try:
            self._work.mkdir(parents=True, exist_ok=True)
            for part in self._work.glob(".ready-*") if alone else ():
                part.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self._root, error) from None
        self.objects.prepare(alone=alone)

    def spool(self) -> IO[bytes]:
        """An empty temporary file without a name; it is removed when it is closed. Raises OSError."""
        return tempfile.TemporaryFile(dir=self._work)

    def check_writable(self) -> None:
        """Raises OSError or `Busy` when a small file cannot be stored."""
        write_probe(self._work)
        self.objects.check_writable()

    def mark(self, name: str) -> str | None:
        """The id that is stored under `DATABASE_ID` or `STORE_ID`; None when there is none yet."""
        try:
            return self.objects.read(name).decode().strip()
        except FileNotFoundError:
            return None

    def keep_mark(self, name: str, value: str) -> str:
        """Store the id unless there is one. Returns the one that is stored."""
        return self.objects.create(name, value.encode() + b"\n").decode().strip()

    def videos(self) -> frozenset[str]:
        """The ids of all videos that have a file."""
        names = (found.name.rpartition("/")[2] for found in self.objects.look("videos"))
        return frozenset(_id_of(name) for name in names if name.endswith(VIDEO) and is_video_id(_id_of(name)))

    # --- finished videos ---

    @staticmethod
    def key(video_id: str, attempt: int) -> str:
        """The key of the file that an attempt makes."""
        return f"{_checked(video_id)}-{attempt}{VIDEO}"

    @staticmethod
    def derived_key(key: str, ending: str) -> str:
        """The key of a file that was made from the finished video: `jpg` for its poster, for one."""
        return f"{key.removesuffix(VIDEO)}.{ending}"

    @staticmethod
    def keys_of_earlier(video_id: str, attempt: int) -> list[str]:
        """The keys under which earlier attempts may have stored the file, the newest first."""
        numbered = [Files.key(video_id, number) for number in range(attempt - 1, 0, -1)]
        return [*numbered, f"{_checked(video_id)}{VIDEO}"]

    def path(self, key: str) -> Path:
        """The path that `fetch` returns. Does not check whether anything is there."""
        return self.objects.path(f"videos/{key}")

    def fetch(self, key: str) -> Path:
        """The path of the file on this machine; it is fetched from the bucket if need be.

        Raises FileNotFoundError, `Busy` when the bucket does not answer.
        """
        return self.objects.fetch(f"videos/{key}")

    def drop(self, key: str) -> bool:
        """Remove a damaged copy that was fetched. False when the file is not a copy."""
        return self.objects.drop(f"videos/{key}")

    def size(self, key: str) -> int:
        """The size of the stored file in bytes. Raises FileNotFoundError."""
        return self.objects.size(f"videos/{key}")

    def address(self, key: str, method: str, seconds: int) -> str | None:
        """A signed address in the bucket, valid for so many seconds; None when the files are in a folder."""
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
        """Store a file under its key as a whole, or not at all: `write` fills it. See `Objects.put`."""
        name = f"{_id_of(key)}.{key.partition('.')[2]}"
        return self.objects.put(
            f"videos/{key}", write, media_type=media_type, file_name=name, safe=safe, last=last, until=until
        )

    def share_video(self, key: str, video_id: str, attempt: int) -> str:
        """Give another video the finished file with that key, and its poster: as hard links, or as copies in the
        bucket.

        Returns the key of the other video's file. Raises FileNotFoundError when there is no such file, `Busy` when the
        disk is full or the bucket does not answer.
        """
        other = self.key(video_id, attempt)
        with contextlib.suppress(FileNotFoundError):  # a poster may be made later
            poster, its_poster = self.derived_key(key, "jpg"), self.derived_key(other, "jpg")
            self.objects.copy(f"videos/{poster}", f"videos/{its_poster}", last=False)
        self.objects.copy(f"videos/{key}", f"videos/{other}")
        return other

    # --- the source: the file that a video extends. It has its own copy, since the other video may be deleted ---

    @staticmethod
    def source_key(video_id: str) -> str:
        """The key of the file that a video extends: that of attempt 0. Attempts are counted from 1."""
        return Files.key(video_id, 0)

    def keep_source(self, video_id: str, source: str | Path) -> None:
        """Store the file that a video extends. `source`: the key of a finished file, or the path of one that was sent.

        Raises FileNotFoundError, `Busy`.
        """
        key = f"videos/{self.source_key(video_id)}"
        if isinstance(source, str):
            self.objects.copy(f"videos/{source}", key)
        else:
            self.objects.put(key, lambda part: _copy(source, part))

    def fetch_source(self, video_id: str, sha256: str) -> Path:
        """The path of the source on this machine. Raises FileNotFoundError when it is gone or damaged, `Busy`."""
        key = self.source_key(video_id)
        path = self.fetch(key)
        if sha256_of(path) != sha256:
            self.drop(key)
            raise FileNotFoundError(errno.ENOENT, "the stored video is damaged", key)
        return path

    def forget_source(self, video_id: str) -> None:
        """Remove the source: the video has ended, or was not stored."""
        self.objects.remove([f"videos/{self.source_key(video_id)}"])

    def discard_video(self, video_id: str) -> None:
        """Remove the finished files of all attempts and all that was derived from them."""
        found = self.objects.look("videos", _checked(video_id))
        self.objects.remove([one.name for one in found if not one.name.endswith(".part")])

    # --- input images ---

    def keep_image(self, data: bytes) -> str:
        """Store an input image under its digest (hex SHA-256), which is returned."""
        digest = hashlib.sha256(data).hexdigest()
        if not self.objects.renew(f"images/{digest}"):  # if renewed, the janitor leaves it until its new row is stored
            self.objects.put(f"images/{digest}", lambda part: _write(part, data))
        return digest

    def image(self, sha256: str) -> Path:
        """The path of a stored input image, where the files are in a folder."""
        return self.objects.path(f"images/{sha256}")

    def fetch_image(self, sha256: str, video_id: str, attempt: int) -> Path:
        """The path of a stored input image; one in a bucket is fetched into the attempt's scratch folder.

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

    # --- scratch folders of attempts, on this machine ---

    def scratch(self, video_id: str, attempt: int) -> Path:
        """The path of the attempt's scratch folder. The engine makes it when it needs it; its encoded clip gets the
        same path with the suffix `CLIP`."""
        return self._work / f"{_checked(video_id)}-{attempt}"

    def take_over_scratch(self, video_id: str, attempt: int) -> None:
        """Give the scratch folder of an earlier attempt on this machine to this attempt.

        It is renamed, so that a process that was wrongly taken for dead cannot write into it any more.
        """
        earlier = [self.scratch(video_id, number) for number in range(attempt - 1, 0, -1)]
        for scratch in (*earlier, self._work / video_id):  # the last one is the first release's name
            scratch.with_name(scratch.name + CLIP).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                scratch.rename(self.scratch(video_id, attempt))

    def discard_scratch(self, video_id: str, attempt: int) -> None:
        """Remove the clip and the scratch folder of an attempt that has ended."""
        scratch = self.scratch(video_id, attempt)
        scratch.with_name(scratch.name + CLIP).unlink(missing_ok=True)
        if scratch.exists():
            shutil.rmtree(scratch, ignore_errors=True)

    def remove_stale_scratch(self, running: frozenset[str], resumable: frozenset[str] = frozenset()) -> None:
        """At a start: remove the clips, scratch folders and checkpoints of all videos but the `running` ones; the
        `resumable` ones keep their checkpoints."""
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
        """Store the file of a checkpoint: the one in the scratch folder that `state` names (`file`), if it names one.

        Returns the state with the name of the stored file (`stored`). Raises OSError, `Busy`.
        """
        if "file" not in state:
            return state
        source = self.scratch(video_id, attempt) / Path(state["file"]).name
        stored = f"{attempt}-{source.name}"
        self.objects.put(f"checkpoints/{video_id}/{stored}", lambda part: _copy(source, part))
        return {**state, "stored": stored}

    def fetch_checkpoint(self, video_id: str, attempt: int, state: Mapping[str, Any]) -> None:
        """Write the file of a stored checkpoint into the scratch folder. If it is gone, the engine notices that."""
        if "stored" not in state:
            return
        target = self.scratch(video_id, attempt) / Path(state["file"]).name
        target.parent.mkdir(exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        with contextlib.suppress(FileNotFoundError):
            self.objects.save(f"checkpoints/{_checked(video_id)}/{state['stored']}", part)
            part.replace(target)

    def share_checkpoint(self, video_id: str, state: Mapping[str, Any], other_id: str) -> None:
        """Give the file of a stored checkpoint to another video, which goes on from it.

        Raises FileNotFoundError when it is gone, `Busy`.
        """
        name = f"checkpoints/{_checked(video_id)}/{state['stored']}"
        if not self.objects.renew(name):  # young, so that the janitor leaves it until the new row is stored
            raise FileNotFoundError(errno.ENOENT, "the checkpoint is gone", name)
        self.objects.copy(name, f"checkpoints/{_checked(other_id)}/{state['stored']}")

    def forget_older_checkpoints(self, video_id: str, state: Mapping[str, Any]) -> None:
        """Remove the files of all the video's checkpoints but this one."""
        if "stored" in state:
            self._forget(video_id, lambda name: name != state["stored"])

    def forget_checkpoint(self, video_id: str, state: Mapping[str, Any]) -> None:
        """Remove the file of this checkpoint: while it was stored the job has ended, or another attempt has begun."""
        self._forget(video_id, lambda name: name == state["stored"])

    def forget_inputs(self, video_id: str) -> None:
        """Remove the checkpoints and the source of a job that has ended."""
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
        """The bytes of each video's files, including all that was made from it. Videos that share a file have an equal
        part of it each.

        Empty where the files are in a bucket, since that would have to be listed.
        """
        sizes: dict[str, int] = {}
        for found in () if self.remote else self.objects.look("videos"):
            video_id = _id_of(found.name.rpartition("/")[2])
            sizes[video_id] = sizes.get(video_id, 0) + found.size // found.names
        return sizes

    def remove_orphans(
        self, keys: Mapping[str, str | None], images: frozenset[str], resumable: frozenset[str] = frozenset()
    ) -> int:
        """Remove all that belongs to no row, and the checkpoints of ended videos that are not `resumable`. Returns how
        many objects were removed.

        `keys`: the key of each video's file by the video's id: "" when it has ended without a file, None while it has
        not ended. An object without a row stays while it is young, since the row may be about to be stored. So does the
        file of a video that has ended without one: a duplicate's job may be about to link to it; not where this process
        works alone and the file is older than the process. `keys` must have been read before this is called.
        """
        horizon = time.time() - FORGOTTEN_S
        unlinked = max(horizon, self._prepared_at) if self._alone else horizon

        def orphaned(found: Found) -> bool:
            name = found.name.rpartition("/")[2]
            video_id = _id_of(name)
            if video_id in resumable and not name.endswith(".part"):
                return False  # its source is still needed
            key = keys.get(video_id, "")
            if name.endswith(".part") or video_id not in keys:
                return found.changed < horizon
            if key == "":
                return found.changed < unlinked
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
    """Fsync the file. Returns its SHA-256 (hex), which is `digest` where that is known already."""
    digest = digest or sha256_of(path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return digest


class DirectoryLock:
    """Keeps a second server out of the data directory. The kernel releases the lock when the process ends in any
    way."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK_FILE
        self._file: IO[str] | None = None

    def acquire(self, holder: str) -> None:
        """Take the lock, and write `holder` into its file. Raises `ConfigurationError` that names the present
        holder."""
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
    """The video's id in the name of a file: `<id>-<attempt>.<ending>`, or `<id>.<ending>` of the first release."""
    return name.partition(".")[0].partition("-")[0]


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
