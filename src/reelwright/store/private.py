"""The data directory is for the user that the server runs as: what others may read or write there is closed to them.

Prompts, videos and secrets are in it. What this release makes is closed from the beginning (umask 077); a folder of an
earlier release, of a backup or of a careless `mkdir` may be open.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from reelwright.store.database import FILE as DATABASE_FILE
from reelwright.store.files import DATABASE_ID, LOCK_FILE, STORE_ID
from reelwright.store.folder import FOLDERS
from reelwright.store.secret import FILE as SECRET_FILE

MADE = (
    *(f"{DATABASE_FILE}{end}" for end in ("", "-wal", "-shm")),
    *(DATABASE_ID, STORE_ID, LOCK_FILE, SECRET_FILE),
    *FOLDERS,
    *("work", "cache", "processes"),
)
"""All that the server makes in the data directory; what else lies there is somebody's own, and stays as it is."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def close_to_others(folder: Path) -> Sequence[str]:
    """Take the rights of group and others from the folder and from what the server made in it. Returns the paths that
    stay open, because they are another user's or the disk keeps no such rights.

    A folder that is closed closes what is below it: nobody looks there. No symbolic link is followed. Not to be called
    while this process has a file of it open: it would lose its locks. Raises OSError when the folder cannot be read.
    """
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        left = [path for name in MADE for path in _close(here, name, str(folder / name))]
        return left if _closed(here) else [*left, str(folder)]
    finally:
        os.close(here)


def _close(parent: int, name: str, path: str) -> Iterator[str]:
    """What stays open of it and, where it is an open folder, of what is below it. That first: a start that is killed
    halfway finds the rest."""
    with contextlib.suppress(FileNotFoundError):  # it is gone meanwhile
        told = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if not told.st_mode & _OTHERS or not (stat.S_ISDIR(told.st_mode) or stat.S_ISREG(told.st_mode)):
            return
        try:
            this = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise
            yield path
            return
        try:
            if stat.S_ISDIR(told.st_mode):
                with os.scandir(this) as entries:
                    names = [entry.name for entry in entries]
                for below in names:
                    yield from _close(this, below, f"{path}/{below}")
            if not _closed(this):
                yield path
        finally:
            os.close(this)


def _closed(this: int) -> bool:
    """Close an open file or folder. Whether it is closed then."""
    mode = stat.S_IMODE(os.fstat(this).st_mode)
    if not mode & _OTHERS:
        return True
    with contextlib.suppress(OSError):  # another user's (EPERM), or a disk that cannot (EROFS, ENOTSUP): told
        os.fchmod(this, mode & ~_OTHERS)
    return not os.fstat(this).st_mode & _OTHERS
