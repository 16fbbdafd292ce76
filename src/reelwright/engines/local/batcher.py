"""The one thread that owns the device: takes waiting tasks, puts compatible ones together, runs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from reelwright.engines.local.render_task import RenderTask
from reelwright.errors import Cancelled, EngineLost


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTiming:
    """`window`: seconds that the first of a batch waits for company; `idle`: seconds without work until `on_idle`."""

    window: float
    idle: float


class Batcher:
    """`run` runs the tasks of one batch to their end and raises nothing. `on_idle` is called in the same thread when
    there was no work for as long as `timing` says. `batch_size` tells how many tasks may share a run with this one."""

    def __init__(
        self,
        run: Callable[[list[RenderTask]], None],
        on_idle: Callable[[], None],
        batch_size: Callable[[RenderTask], int],
        timing: BatchTiming,
    ) -> None:
        self._run = run
        self._on_idle = on_idle
        self._batch_size = batch_size
        self._timing = timing
        self._waiting: list[RenderTask] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._loop, name="batcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def complete(self, task: RenderTask) -> None:
        """Have `task` run; returns when it is over. A cancelled one that still waits is taken out at once."""
        with self._changed:
            self._waiting.append(task)
            self._changed.notify_all()
        while not task.over.wait(0.05):
            if not self._thread.is_alive():
                raise EngineLost("The local engine has stopped working; a new one is started for the next job.")
            try:
                task.report.wait(0)
            except Cancelled as cancelled:
                self._withdraw(task, cancelled)

    def _withdraw(self, task: RenderTask, cancelled: Cancelled) -> None:
        with self._changed:
            if task in self._waiting:
                self._waiting.remove(task)
                self._changed.notify_all()
                task.fail(cancelled)
                return
        # It runs already: the next step meets the cancel, and until then the frames are in use.

    def _loop(self) -> None:
        while True:
            self._run(self._next())

    def _next(self) -> list[RenderTask]:
        with self._changed:
            while True:
                if not self._changed.wait_for(lambda: self._waiting, timeout=self._timing.idle):
                    self._on_idle()
                    self._changed.wait_for(lambda: self._waiting)
                first = self._waiting[0]
                batch_size = self._batch_size(first)
                if batch_size == 1 or self._gathered(first, batch_size):
                    batch = [task for task in self._waiting if _together(first, task)][:batch_size]
                    self._waiting = [task for task in self._waiting if task not in batch]
                    return batch

    def _gathered(self, first: RenderTask, batch_size: int) -> bool:
        """Wait until the batch is full or the window closes. False when `first` itself was cancelled meanwhile."""
        deadline = time.monotonic() + self._timing.window
        while first in self._waiting:
            left = deadline - time.monotonic()
            if left <= 0 or sum(_together(first, task) for task in self._waiting) >= batch_size:
                return True
            self._changed.wait(left)
        return False


def _together(first: RenderTask, other: RenderTask) -> bool:
    """A task that goes on from a checkpoint travels alone."""
    if first is other:
        return True
    fresh = first.snapshot is None and other.snapshot is None
    return fresh and first.plan.company() == other.plan.company()
