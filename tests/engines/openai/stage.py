"""What a test needs to drive the engine: jobs for it, and a report that records."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image as Pictures

from reelwright.engines.engine import Made, RenderJob
from reelwright.engines.openai import ending
from reelwright.engines.openai.engine import OpenAIEngine
from reelwright.engines.upstream.network import sliced
from reelwright.errors import EngineError
from reelwright.video import Image, Task, VideoSpec
from tests.engines.huggingface.stage import Recorder

PROMPT = "A red fox in the snow"
QUICK = {
    "poll_seconds": 0.01,
    "first_wait_seconds": 0.02,
    "idle_seconds": 1.0,
    "connect_seconds": 1.0,
    "lost_seconds": 0.05,
    "gone_seconds": 0.2,
    "file_seconds": 2.0,
}


class Audience(Recorder):
    """Keeps progress and previews, too."""

    def __init__(self, on_checkpoint: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        super().__init__(on_checkpoint)
        self._accepted = threading.Event()
        self.told: list[int] = []
        self.previews: list[tuple[bytes, str]] = []

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        super().checkpoint(state)
        if state["phase"] == "accepted":
            self._accepted.set()

    def until_accepted(self) -> None:
        assert self._accepted.wait(120), "no server took the job"

    def progress(self, done: int, total: int) -> None:
        super().progress(done, total)
        self.told.append(done * 100 // total)

    def preview(self, data: bytes, media_type: str) -> None:
        super().preview(data, media_type)
        self.previews.append((data, media_type))


class Stage:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._jobs = 0
        self._transports: list[httpx2.HTTPTransport] = []

    def close(self) -> None:
        """What the end of its process does to an engine's connections."""
        for transport in self._transports:
            transport.close()

    def wait_for_ends(self) -> None:
        """Until all that was to be cancelled has been told so."""
        for thread in threading.enumerate():
            if thread.name == ending.NAME:
                thread.join()

    def engine(self, *upstreams: Any, **options: Any) -> OpenAIEngine:
        transport = sliced(httpx2.HTTPTransport())
        self._transports.append(transport)
        engine = OpenAIEngine(transport=transport, upstreams=list(upstreams), **(QUICK | options))
        engine.load()
        return engine

    def picture(self) -> Path:
        path = self._folder / "picture.png"
        Pictures.new("RGB", (64, 64), (200, 90, 40)).save(path)
        return path

    def job(
        self,
        *,
        prompt: str = PROMPT,
        model: str = "upstream",
        seconds: float = 20.0,
        image: Path | None = None,
        checkpoint: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> RenderJob:
        self._jobs += 1
        scratch = self._folder / f"job-{self._jobs}"
        values = {"width": 64, "height": 64, "num_frames": 8, "fps": 8, "seed": 7} | fields
        described = Image(sha256="0" * 64, media_type="image/png", width=64, height=64) if image else None
        spec = VideoSpec(
            prompt=prompt,
            engine="openai",
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

    def make(self, engine: OpenAIEngine, report: Recorder | None = None, **fields: Any) -> Made:
        return engine.generate(self.job(**fields), report or Recorder())

    def fail(self, engine: OpenAIEngine, **fields: Any) -> EngineError:
        """The error that a job ends with."""
        try:
            made = self.make(engine, **fields)
        except EngineError as error:
            return error
        raise AssertionError(f"the job did not fail but made {made}")
