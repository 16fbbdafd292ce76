"""Which processes of this machine have died: each holds a lock on a file of its own, and the kernel ends the lock with
it.

    <data directory>/processes/<worker id>

So a process that starts where one was killed need not wait until the database calls that one dead.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import IO


class Presence:
    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "processes"
        self._file: IO[str] | None = None

    def show(self, worker_id: str) -> None:
        """Show that the process with that id lives on this machine, under no other id. Does nothing where the file
        system has no locks."""
        self.hide()
        self._folder.mkdir(parents=True, exist_ok=True)
        file = (self._folder / worker_id).open("w")
        if _lock(file):
            self._file = file
        else:
            file.close()

    def hide(self) -> None:
        if self._file is not None:
            Path(self._file.name).unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def dead(self) -> Sequence[str]:
        """The ids of processes of this machine that have died without `hide`. Each is returned once."""
        found = []
        for path in self._folder.glob("*"):
            with contextlib.suppress(FileNotFoundError), path.open("r+") as file:
                if _lock(file):
                    path.unlink(missing_ok=True)
                    found.append(path.name)
        return found


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
