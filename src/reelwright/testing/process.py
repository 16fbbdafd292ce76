"""An engine in a process of its own, as the server has it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from reelwright.engines.catalog import Offer
from reelwright.engines.child import EngineChild
from reelwright.engines.inherited import inherited
from reelwright.testing.recorder import Recorder
from reelwright.testing.takes import Take, job_for
from reelwright.video import VideoSpec

MOST_SECONDS = 600.0
"""A job of a test that takes longer is ended."""


class EngineProcess:
    """A `with` block starts the process and loads the engine, and ends the process.

    The process gets of the environment what the server would pass on, and finds the modules that this one finds.
    `log` holds the lines that it has printed.

    Example:

        with EngineProcess(offer({})) as process:
            first = process.run(spec, tmp_path)
            again = process.run(spec, tmp_path)
        assert first.sha256 == again.sha256
    """

    def __init__(self, offer: Offer, environment: Mapping[str, str] | None = None) -> None:
        """`environment`: on top of what is passed on. Raises `EngineError` on entry where the engine cannot load."""
        modules = os.pathsep.join(path for path in sys.path if path)
        self._environment = {**inherited(os.environ), "PYTHONPATH": modules, **(environment or {})}
        self._spec = offer.spec.of_child(0)
        self._runner = asyncio.Runner()
        self._child: EngineChild | None = None
        self.log: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._child = self._runner.run(EngineChild.start(self._spec, self._environment, self.log.append))
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._runner.run(self.child.kill())
        finally:
            self._runner.close()

    @property
    def child(self) -> EngineChild:
        """The server's end of the process."""
        assert self._child is not None, "use it in a `with` block"
        return self._child

    def run(self, spec: VideoSpec, folder: Path, heard: Recorder | None = None, **job: Any) -> Take:
        """One job to its end; `job` takes what `job_for` does. Raises `EngineError`."""
        return self._runner.run(self._run(spec, folder, heard or Recorder(), job))

    def run_together(self, jobs: Sequence[tuple[VideoSpec, Mapping[str, Any]]], folder: Path) -> list[Take]:
        """All of them side by side, each with what `job_for` takes. Raises `EngineError`."""

        async def all_of_them() -> list[Take]:
            return await asyncio.gather(*(self._run(spec, folder, Recorder(), job) for spec, job in jobs))

        return self._runner.run(all_of_them())

    def cancel(self, spec: VideoSpec, folder: Path, heard: Recorder | None = None, **job: Any) -> Take | None:
        """Start a job and cancel it at the first thing that it says. Returns None when it has ended, or its process was
        killed because it did not; what it made, if it was done before."""
        return self._runner.run(self._cancel(spec, folder, heard or Recorder(), job))

    async def _cancel(self, spec: VideoSpec, folder: Path, heard: Recorder, job: Mapping[str, Any]) -> Take | None:
        spoken = asyncio.Event()
        running = asyncio.create_task(self._run(spec, folder, heard, job, spoken.set))
        sign = asyncio.create_task(spoken.wait())
        await asyncio.wait({running, sign}, return_when=asyncio.FIRST_COMPLETED)
        sign.cancel()
        running.cancel()
        try:
            return await running
        except asyncio.CancelledError:
            return None

    async def _run(
        self,
        spec: VideoSpec,
        folder: Path,
        heard: Recorder,
        job: Mapping[str, Any],
        on_sign: Callable[[], None] = lambda: None,
    ) -> Take:
        made = job_for(spec, folder, **({"seconds_left": MOST_SECONDS} | dict(job)))
        clip, facts = await self.child.render(made, heard.listener(on_sign))
        return Take.of(clip, facts, heard)
