"""What a test needs to drive the engine: a report that records, jobs, and the engine before the fake."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reelwright.engines.engine import Made, RenderJob
from reelwright.engines.huggingface.engine import HuggingFaceEngine
from reelwright.errors import Cancelled, EngineError
from reelwright.video import Image, Task, VideoSpec
from tests.fakes.huggingface import FakeHuggingFace, rewriting

TEXT_MODEL = "Wan-AI/Wan2.2-TI2V-5B"
IMAGE_MODEL = "Wan-AI/Wan2.2-I2V-A14B"
PICTURE_MODEL = "black-forest-labs/FLUX.1-schnell"
QUICK = {"poll_seconds": 0.01, "first_wait_seconds": 0.02, "idle_seconds": 0.3, "connect_seconds": 1.0}


class Recorder:
    """A `Report` that keeps what it is told; `cancel` works like the real one's."""

    def __init__(self, on_checkpoint: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        self.checkpoints: list[Mapping[str, Any]] = []
        self._on_checkpoint = on_checkpoint
        self._cancelled = threading.Event()

    def progress(self, done: int, total: int) -> None:
        self.wait(0)

    def preview(self, data: bytes, media_type: str) -> None:
        self.wait(0)

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        self.checkpoints.append(dict(state))
        if self._on_checkpoint:
            self._on_checkpoint(state)
        self.wait(0)

    def stage(self, name: str | None) -> None:
        pass

    def moved(self) -> None:
        pass

    def wait(self, seconds: float) -> None:
        if self._cancelled.wait(max(0.0, seconds)):
            raise Cancelled("The job was cancelled")

    def cancel(self) -> None:
        self._cancelled.set()

    @property
    def phases(self) -> list[str]:
        return [state["phase"] for state in self.checkpoints]


class Stage:
    """An engine before a fake, and jobs for it."""

    def __init__(self, fake: FakeHuggingFace, folder: Path) -> None:
        self.fake = fake
        self._folder = folder
        self._jobs = 0

    def engine(self, **options: Any) -> HuggingFaceEngine:
        engine = HuggingFaceEngine(transport=rewriting(self.fake.port), **(QUICK | options))
        engine.load()
        return engine

    def only(self, provider: str, model: str = TEXT_MODEL, **options: Any) -> HuggingFaceEngine:
        """An engine with one route."""
        kind = "image_to_video" if model == IMAGE_MODEL else "text_to_video"
        return self.engine(**{kind: [[provider, model]]}, **options)

    def job(
        self,
        *,
        model: str = TEXT_MODEL,
        seconds: float = 10.0,
        image: Path | None = None,
        checkpoint: Mapping[str, Any] | None = None,
        scratch: Path | None = None,
        **fields: Any,
    ) -> RenderJob:
        self._jobs += 1
        scratch = scratch or self._folder / f"job-{self._jobs}"
        scratch.mkdir(exist_ok=True)
        values = {"width": 512, "height": 512, "num_frames": 24, "fps": 12, "seed": 7} | fields
        described = Image(sha256="0" * 64, media_type="image/png", width=64, height=64) if image else None
        spec = VideoSpec(
            prompt="A red fox in the snow",
            engine="huggingface",
            model=model,
            task=Task.IMAGE_TO_VIDEO if image else Task.TEXT_TO_VIDEO,
            image=described,
            **values,
        )
        return RenderJob(
            video_id=f"video_{self._jobs}",
            attempt=1,
            spec=spec,
            scratch=scratch,
            image_path=image,
            checkpoint=checkpoint,
            seconds_left=seconds,
        )

    def make(self, engine: HuggingFaceEngine, **fields: Any) -> Made:
        return engine.generate(self.job(**fields), Recorder())

    def fail(self, engine: HuggingFaceEngine, **fields: Any) -> EngineError:
        """The error that a job ends with."""
        try:
            made = self.make(engine, **fields)
        except EngineError as error:
            return error
        raise AssertionError(f"the job did not fail but made {made}")


class Running:
    """A job in a thread of its own, as in the engine's child."""

    def __init__(self, engine: HuggingFaceEngine, job: RenderJob, report: Recorder) -> None:
        self.outcome: Made | BaseException | None = None
        self._work = lambda: engine.generate(job, report)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.outcome = self._work()
        except BaseException as error:  # noqa: BLE001 - kept for the test to judge
            self.outcome = error

    def join(self, seconds: float = 60.0) -> Made | BaseException:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the job does not end"
        assert self.outcome is not None
        return self.outcome
