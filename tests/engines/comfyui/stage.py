"""What a test needs to drive the engine: a report that records, jobs, and engines before fakes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reelwright.engines.comfyui.engine import ComfyUIEngine
from reelwright.engines.engine import Made, RenderJob
from reelwright.errors import Cancelled, EngineError
from reelwright.media.clip import FrameBuffer
from reelwright.video import Image, Task, VideoSpec
from tests.fakes.comfyui import ComfyUIProcess, FakeComfyUI
from tests.fakes.comfyui.graphs import Graph, from_picture, saved_by, wan

QUICK = {"poll_seconds": 0.05, "connect_seconds": 2.0, "idle_seconds": 2.0, "stall_seconds": 1.0}

_FRAMES = {"filename_prefix": "x"}
_VHS = {"frame_rate": 8, "loop_count": 0, "filename_prefix": "x", "pingpong": False, "save_output": True}
_WEBP = {"filename_prefix": "x", "fps": 8.0, "lossless": True, "quality": 80, "method": "default"}
WORKFLOWS: Mapping[str, Graph] = {
    "wan": wan(),
    "picture": from_picture(),
    "webm": saved_by("SaveWEBM", filename_prefix="x", codec="vp9", fps=8.0, crf=32.0),
    "webp": saved_by("SaveAnimatedWEBP", **_WEBP),
    "stills": saved_by("SaveImage", **_FRAMES),
    "vhs": saved_by("VHS_VideoCombine", format="video/h264-mp4", **_VHS),
    "gif": saved_by("VHS_VideoCombine", format="image/gif", **_VHS),
}


class Recorder:
    """A `Report` that keeps what it is told; `cancel` works like the real one's."""

    def __init__(self, on_checkpoint: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        self.checkpoints: list[Mapping[str, Any]] = []
        self.parts: list[float] = []
        """Done / total, as told."""
        self.previews: list[tuple[float, bytes, str]] = []
        """When (monotonic), the picture, its type."""
        self._on_checkpoint = on_checkpoint
        self._cancelled = threading.Event()

    def progress(self, done: int, total: int) -> None:
        self.parts.append(done / total)
        self.wait(0)

    def preview(self, data: bytes, media_type: str) -> None:
        self.previews.append((time.monotonic(), data, media_type))
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
    """Engines, and jobs for them. Every workflow of `WORKFLOWS` is a model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workflows = folder / "workflows"
        self.workflows.mkdir()
        for name, graph in WORKFLOWS.items():
            (self.workflows / f"{name}.json").write_text(json.dumps(graph))
        self._jobs = 0

    def engine(self, *fakes: FakeComfyUI | ComfyUIProcess, **options: Any) -> ComfyUIEngine:
        urls = {"urls": [fake.url for fake in fakes], "workflows": str(self.workflows)}
        engine = ComfyUIEngine(**(QUICK | urls | options))
        engine.load()
        return engine

    def job(
        self,
        *,
        model: str = "wan",
        video_id: str | None = None,
        seconds: float = 30.0,
        image: Path | None = None,
        checkpoint: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> RenderJob:
        """Small, and with a seed of its own, so that no job is another's twin in the cache."""
        self._jobs += 1
        video_id = video_id or f"video_{self._jobs}"
        values = {"width": 64, "height": 64, "num_frames": 5, "fps": 8, "seed": self._jobs} | fields
        described = Image(sha256="0" * 64, media_type="image/png", width=64, height=64) if image else None
        return RenderJob(
            video_id=video_id,
            attempt=1,
            spec=VideoSpec(
                prompt="A red fox in the snow",
                engine="comfyui",
                model=model,
                task=Task.IMAGE_TO_VIDEO if image else Task.TEXT_TO_VIDEO,
                image=described,
                **values,
            ),
            frames=FrameBuffer.create(values["num_frames"], values["height"], values["width"]),
            scratch=self.folder / video_id,
            image_path=image,
            checkpoint=checkpoint,
            seconds_left=seconds,
        )

    def make(self, engine: ComfyUIEngine, **fields: Any) -> Made:
        return engine.generate(self.job(**fields), Recorder())

    def fail(self, engine: ComfyUIEngine, **fields: Any) -> EngineError:
        """The error that a job ends with."""
        try:
            made = self.make(engine, **fields)
        except EngineError as error:
            return error
        raise AssertionError(f"the job did not fail but made {made}")


class Running:
    """A job in a thread of its own, as in the engine's child."""

    def __init__(self, engine: ComfyUIEngine, job: RenderJob, report: Recorder | None = None) -> None:
        self.job = job
        self.report = report or Recorder()
        self.outcome: Made | BaseException | None = None
        self._work = lambda: engine.generate(job, self.report)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.outcome = self._work()
        except BaseException as error:  # noqa: BLE001 - kept for the test to judge
            self.outcome = error

    def join(self, seconds: float = 30.0) -> Made | BaseException:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the job does not end"
        assert self.outcome is not None
        return self.outcome

    def made(self) -> Made:
        outcome = self.join()
        assert isinstance(outcome, Made), repr(outcome)
        return outcome
