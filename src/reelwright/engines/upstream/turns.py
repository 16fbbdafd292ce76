"""Turns at short work: a few threads at a time, in the order of their coming.

Threads that share an interpreter and begin a piece of work together all end late, together. One after another, the
first ends as early as if it were alone, and the last no later.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 0.05
"""So long a thread waits for a turn before it goes without, and so long one that must wait itself keeps its turn: what
is slow (a drip from the network, a long video) delays others by no more than this."""


class Turns:
    """As many at a time as there are cores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = os.cpu_count() or 1
        self._line: deque[threading.Event] = deque()

    @contextmanager
    def one(self) -> Iterator[Turn]:
        turn = Turn(self)
        try:
            yield turn
        finally:
            turn.end()

    def take(self) -> bool:
        """Wait for a turn. False: it takes too long."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            mine = threading.Event()
            self._line.append(mine)
        if mine.wait(PATIENCE_S):
            return True
        with self._lock:
            if mine.is_set():
                return True
            self._line.remove(mine)
            return False

    def give(self) -> None:
        """To the first in line itself: a semaphore would let a newcomer have it before that one wakes."""
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._free += 1


class Turn:
    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._taken = turns.take()
        self._late = time.monotonic() + PATIENCE_S

    def spend(self) -> None:
        """Call it between two pieces of the work: a turn that takes long is over."""
        if self._taken and time.monotonic() > self._late:
            self.end()

    def end(self) -> None:
        """A second end changes nothing."""
        if self._taken:
            self._taken = False
            self._turns.give()
