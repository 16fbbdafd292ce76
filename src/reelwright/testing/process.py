"""Runs an engine in a child process, as the server does."""

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
"""How long, in seconds, a job may take before it is ended."""


class EngineProcess:
    """Starts a process and loads the engine at the beginning of a `with` block, and ends the process at its end.

    The process gets the environment variables that a server would pass on, and can import what this process can import.
    `log` holds the lines that it has printed.

    Example:

        with EngineProcess(offer({})) as process:
            first = process.run(spec, tmp_path)
            again = process.run(spec, tmp_path)
        assert first.sha256 == again.sha256
    """

    def __init__(self, offer: Offer, environment: Mapping[str, str] | None = None) -> None:
        """`environment`: further variables. The `with` block raises `EngineError` at its beginning if the engine cannot
        be loaded."""
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
        """What the server has of the process: it sends jobs and receives reports."""
        assert self._child is not None, "use it in a `with` block"
        return self._child

    def run(self, spec: VideoSpec, folder: Path, heard: Recorder | None = None, **job: Any) -> Take:
        """Run a job to its end. `job`: further arguments of `job_for`. Raises `EngineError`."""
        return self._runner.run(self._run(spec, folder, heard or Recorder(), job))

    def run_together(self, jobs: Sequence[tuple[VideoSpec, Mapping[str, Any]]], folder: Path) -> list[Take]:
        """Run jobs at the same time. Each is a spec and further arguments of `job_for`. Raises `EngineError`."""

        async def all_of_them() -> list[Take]:
            return await asyncio.gather(*(self._run(spec, folder, Recorder(), job) for spec, job in jobs))

        return self._runner.run(all_of_them())

    def cancel(self, spec: VideoSpec, folder: Path, heard: Recorder | None = None, **job: Any) -> Take | None:
        """Start a job and cancel it at its first report. Returns None when it was cancelled, by the engine or by a kill
        of the process; the finished take, if the job was done before."""
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
