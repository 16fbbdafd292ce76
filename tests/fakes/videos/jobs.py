"""The jobs of a fake server, and the one GPU that does them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.videos.forms import Asked
from tests.fakes.videos.movies import movie

STEPS = 4


@dataclass
class Job:
    """One video. `done` of STEPS are finished; `error` (code and message) once it has failed."""

    id: str
    asked: Asked
    created: float = field(default_factory=time.time)
    began: float | None = None
    done: int = 0
    file: bytes | None = None
    error: tuple[Any, str] | None = None
    cancelled: bool = False
    forgotten: bool = False
    early_looks: int = 0

    @property
    def state(self) -> str:
        if self.error is not None:
            return "failed"
        if self.file is not None:
            return "completed"
        return "queued" if self.began is None else "in_progress"

    @property
    def ended(self) -> bool:
        return self.error is not None or self.file is not None


class Gpu:
    """Does one job after the other, and counts what it begins and ends, by the job's prompt."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.step_s = 0.01
        self.held = False
        """Jobs begin and then stand still while it is true."""
        self.failures: dict[str, tuple[Any, str]] = {}
        """The error (code, message) that jobs with this prompt end with."""
        self.begun: Counter[str] = Counter()
        self.finished: Counter[str] = Counter()
        self.busy: Job | None = None
        self._changed = changed
        self._line: asyncio.Queue[Job] = asyncio.Queue()

    @property
    def waiting(self) -> int:
        return self._line.qsize() + (self.busy is not None)

    def take(self, job: Job) -> None:
        self._line.put_nowait(job)

    def forget(self) -> None:
        """The process has ended: what waited is lost."""
        self._line = asyncio.Queue()

    async def work(self) -> None:
        while True:
            job = await self._line.get()
            if job.cancelled:
                continue
            self.busy = job
            try:
                await self._do(job)
            finally:
                self.busy = None
                self._changed()

    async def _do(self, job: Job) -> None:
        job.began = time.time()
        self.begun[job.asked.prompt] += 1
        self._changed()
        for _ in range(STEPS):
            await self._step()
            if job.cancelled:
                return
            job.done += 1
            self._changed()
        self.finished[job.asked.prompt] += 1
        if failure := self.failures.get(job.asked.prompt):
            job.error = failure
            return
        asked = job.asked
        job.file = await asyncio.to_thread(movie, asked.width, asked.height, asked.num_frames, asked.fps)

    async def _step(self) -> None:
        await asyncio.sleep(self.step_s)
        await until(lambda: not self.held)


async def until(condition: Callable[[], object]) -> None:
    """What is waited for may be set by a test's thread."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.005)
