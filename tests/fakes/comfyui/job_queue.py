"""The queue and the history: both in memory only."""

from __future__ import annotations

import copy
import heapq
import threading
from collections.abc import Callable
from typing import Any

Item = tuple[float, str, dict[str, Any], dict[str, Any], list[str]]
"""Number, id, graph, extra data, outputs. Two that share a number and an id compare their graphs, which raises."""

MOST_HISTORY = 10_000


class JobQueue:
    """What waits, what runs, and what has ended."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.RLock()
        self.filled = threading.Condition(self._lock)
        self.running: Item | None = None
        self.interrupted = False
        self._heap: list[Item] = []
        self._history: dict[str, dict[str, Any]] = {}

    def put(self, item: Item) -> None:
        """Raises TypeError for a poisonous twin, which stays in the heap all the same."""
        with self.filled:
            try:
                heapq.heappush(self._heap, item)
            finally:
                self._changed()
                self.filled.notify_all()

    def take(self, until: Callable[[], bool]) -> Item | None:
        """The next item, or None when `until` came true. Raises TypeError when it meets a twin."""
        with self.filled:
            while not self._heap or until():
                if until():
                    return None
                self.filled.wait(0.02)
            self.running = heapq.heappop(self._heap)
            self.interrupted = False
            self._changed()
            return self.running

    def done(self, entry: dict[str, Any]) -> None:
        with self._lock:
            assert self.running is not None
            if len(self._history) > MOST_HISTORY:
                self._history.pop(next(iter(self._history)))
            self._history[self.running[1]] = {"prompt": list(self.running), **entry}
            self.running = None
            self._changed()

    @property
    def waiting(self) -> bool:
        return bool(self._heap)

    @property
    def remaining(self) -> int:
        with self._lock:
            return len(self._heap) + (self.running is not None)

    def look(self) -> tuple[list[Item], list[Item]]:
        """What runs and what waits, the latter in the heap's order."""
        with self._lock:
            return [self.running] if self.running else [], list(self._heap)

    def history(self, job: str) -> dict[str, Any]:
        with self._lock:
            return {job: copy.deepcopy(self._history[job])} if job in self._history else {}

    def all_history(self) -> dict[str, Any]:
        with self._lock:
            return copy.deepcopy(self._history)

    def delete(self, job: str) -> bool:
        """One entry of this id."""
        with self._lock:
            for place, item in enumerate(self._heap):
                if item[1] == job:
                    self._heap.pop(place)
                    heapq.heapify(self._heap)
                    self._changed()
                    return True
        return False

    def clear(self) -> list[str]:
        with self._lock:
            ids = [item[1] for item in self._heap]
            self._heap = []
            self._changed()
            return ids

    def forget(self, jobs: list[str] | None = None) -> None:
        """Of the history; all of it by default."""
        with self._lock:
            for job in list(self._history) if jobs is None else jobs:
                self._history.pop(job, None)

    def interrupt(self, job: str | None = None) -> str | None:
        """Stops what runs, if it is `job` or whoever it is; its id."""
        with self._lock:
            running = self.running[1] if self.running else None
            if job is None or running == job:
                self.interrupted = True
                return running
            return None
