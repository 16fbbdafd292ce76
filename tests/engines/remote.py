"""What the tests of engines that ask other servers share: jobs, jobs that run in a thread, and what a report heard."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from reelwright.engines.engine import Engine, Made, RenderJob
from reelwright.errors import EngineError
from reelwright.testing import Recorder, job_for
from reelwright.video import Image, Task, VideoSpec

PROMPT = "A red fox in the snow"


class Stage:
    """Jobs for one engine, numbered from 1: `video_1`, …"""

    engine_name: ClassVar[str]
    usual: ClassVar[Mapping[str, Any]]
    """The fields of a job's spec, unless a test says otherwise."""
    seconds: ClassVar[float]
    """How long a job may take, unless a test says otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._jobs = 0

    def job(
        self,
        *,
        video_id: str | None = None,
        seconds: float | None = None,
        image: Path | None = None,
        checkpoint: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> RenderJob:
        self._jobs += 1
        spec = VideoSpec(
            engine=self.engine_name,
            task=Task.IMAGE_TO_VIDEO if image else Task.TEXT_TO_VIDEO,
            image=Image(sha256="0" * 64, media_type="image/png", width=64, height=64) if image else None,
            **({"prompt": PROMPT} | self.usual | fields),
        )
        return job_for(
            spec,
            self.folder,
            video_id=video_id or f"video_{self._jobs}",
            image_path=image,
            checkpoint=checkpoint,
            seconds_left=self.seconds if seconds is None else seconds,
        )

    def make(self, engine: Engine, report: Recorder | None = None, **fields: Any) -> Made:
        return engine.generate(self.job(**fields), report or Recorder())

    def fail(self, engine: Engine, **fields: Any) -> EngineError:
        """The error that a job ends with."""
        try:
            made = self.make(engine, **fields)
        except EngineError as error:
            return error
        raise AssertionError(f"the job did not fail but made {made}")


class Running:
    """A job in a thread of its own, as in the engine's child."""

    def __init__(self, engine: Engine, job: RenderJob, report: Recorder | None = None) -> None:
        self.job = job
        self.report = report or Recorder()
        self.outcome: Made | BaseException | None = None
        self._engine = engine
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.outcome = self._engine.generate(self.job, self.report)
        except BaseException as error:  # noqa: BLE001 - kept for the test to judge
            self.outcome = error

    def join(self, seconds: float = 60.0) -> Made | BaseException:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the job does not end"
        assert self.outcome is not None
        return self.outcome

    def made(self) -> Made:
        outcome = self.join()
        assert isinstance(outcome, Made), repr(outcome)
        return outcome


def join_threads(name: str) -> None:
    """Wait for the end of all threads of this name."""
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join()


def phases(report: Recorder) -> list[str]:
    """Of its checkpoints."""
    return [state["phase"] for state in report.checkpoints]


def parts(report: Recorder) -> list[float]:
    """Done / total, as told."""
    return [done / total for done, total in report.progressed]
