"""Bounds how many threads do short pieces of work at the same time, first come first served.

Why: when many threads of one interpreter work at the same time, all of them end at the time of the last one. One after
another, the first ends as early as if it were alone, and the last no later than before.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 0.05
"""The longest that a thread waits for a slot; then it runs without one. Also the longest that a slot is kept, so that
slow work (a slow download, a long video) delays others by no more than this."""


class CpuGate:
    """Has as many slots as the machine has cores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = os.cpu_count() or 1
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def slot(self) -> Iterator[CpuSlot]:
        """A slot for the `with` block, given back at its end or earlier (`CpuSlot.release_if_late`)."""
        slot = CpuSlot(self)
        try:
            yield slot
        finally:
            slot.end()

    def take(self) -> bool:
        """Wait for a slot. False: none became free in time, and the caller runs without one."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(PATIENCE_S):
            return True
        with self._lock:
            if mine.is_set():
                return True
            self._waiting.remove(mine)
            return False

    def give(self) -> None:
        """Give a slot to the thread that has waited longest. With a semaphore another one could take it before that one
        wakes."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


class CpuSlot:
    def __init__(self, gate: CpuGate) -> None:
        self._gate = gate
        self._taken = gate.take()
        self._late = time.monotonic() + PATIENCE_S

    def release_if_late(self) -> None:
        """Called between two pieces of the work: gives the slot back once it was kept for `PATIENCE_S`."""
        if self._taken and time.monotonic() > self._late:
            self.end()

    def end(self) -> None:
        """Give the slot back, if it was taken and is not back yet."""
        if self._taken:
            self._taken = False
            self._gate.give()
