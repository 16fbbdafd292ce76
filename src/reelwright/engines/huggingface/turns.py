"""Turns at short work: a few threads at a time, in the order of their coming.

Threads that share an interpreter and begin a piece of work together all end late, together. One after another, the
first ends as early as if it were alone, and the last no later.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 0.05
"""So long a thread waits for a turn before it goes without, and so long one that must wait itself keeps its turn: what
is slow (a drip from the network, a long video) delays others by no more than this."""


class Turns:
    """As many at a time as there are cores."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(os.cpu_count() or 1)

    @contextmanager
    def one(self) -> Iterator[Turn]:
        turn = Turn(self._free)
        try:
            yield turn
        finally:
            turn.end()


class Turn:
    def __init__(self, free: threading.Semaphore) -> None:
        self._free = free
        self._taken = free.acquire(timeout=PATIENCE_S)
        self._late = time.monotonic() + PATIENCE_S

    def spend(self) -> None:
        """Call it between two pieces of the work: a turn that takes long is over."""
        if self._taken and time.monotonic() > self._late:
            self.end()

    def end(self) -> None:
        """A second end changes nothing."""
        if self._taken:
            self._taken = False
            self._free.release()
