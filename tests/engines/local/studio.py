"""Asking an engine for a clip as the server does: a request, a frame buffer, a report that notes what it hears."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelwright.engines.engine import Engine, Made, RenderJob
from reelwright.errors import Cancelled
from reelwright.media.clip import FrameBuffer
from reelwright.tracing import NO_SPAN, Span
from reelwright.video import Image, Task, VideoSpec


@dataclass
class Recorder:
    """A report. `cancel_at`: raises Cancelled from that unit of progress on. `break_at`: breaks off the run
    there with an error of no kind that the engine knows. `cancel_at_look`: raises Cancelled from that look for a
    cancel between two blocks on."""

    cancel_at: int | None = None
    break_at: int | None = None
    cancel_at_look: int | None = None
    looks: int = 0
    stages: list[str | None] = field(default_factory=list)
    progressed: list[tuple[int, int]] = field(default_factory=list)
    previews: list[bytes] = field(default_factory=list)
    checkpoints: list[dict[str, Any]] = field(default_factory=list)

    def progress(self, done: int, total: int) -> None:
        self.progressed.append((done, total))
        if self.break_at is not None and done >= self.break_at:
            raise ConnectionResetError("the other side is gone")
        if self.cancel_at is not None and done >= self.cancel_at:
            raise Cancelled("Cancelled.")

    def stage(self, name: str | None) -> None:
        self.stages.append(name)

    def moved(self) -> None:
        self.looks += 1
        if self.cancel_at_look is not None and self.looks >= self.cancel_at_look:
            raise Cancelled("Cancelled.")

    def preview(self, data: bytes, media_type: str) -> None:
        assert media_type == "image/webp"
        self.previews.append(data)

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        self.checkpoints.append(dict(state))

    def wait(self, seconds: float) -> None:
        pass


def a_request(model: str, **changes: Any) -> VideoSpec:
    values: dict[str, Any] = {
        "prompt": "a red fox in the snow",
        "engine": "local",
        "model": model,
        "task": Task.TEXT_TO_VIDEO,
        "width": 64,
        "height": 64,
        "num_frames": 8,
        "fps": 12,
        "seed": 5,
        "num_inference_steps": 6,
    }
    return VideoSpec(**(values | changes))


def an_image_request(model: str, **changes: Any) -> VideoSpec:
    image = Image(sha256="0" * 64, media_type="image/png", width=96, height=64)
    return a_request(model, task=Task.IMAGE_TO_VIDEO, image=image, **changes)


@dataclass
class Take:
    """One finished run: its frames (copied), their hash, and what the engine said of it."""

    made: Made
    frames: NDArray[np.uint8]

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.frames.tobytes()).hexdigest()

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.made.facts


def take(
    engine: Engine,
    spec: VideoSpec,
    scratch: Path,
    report: Recorder | None = None,
    *,
    checkpoint: Mapping[str, Any] | None = None,
    image_path: Path | None = None,
    last_image_path: Path | None = None,
    video_id: str = "video_1",
    span: Span = NO_SPAN,
) -> Take:
    """Have `engine` make the clip; its frames as they lie in the shared buffer."""
    buffer = FrameBuffer.create(spec.num_frames, spec.height, spec.width)
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        made = engine.generate(
            RenderJob(
                video_id=video_id,
                attempt=1,
                spec=spec,
                frames=buffer,
                scratch=scratch,
                image_path=image_path,
                last_image_path=last_image_path,
                checkpoint=checkpoint,
                seconds_left=600.0,
                span=span,
            ),
            report or Recorder(),
        )
        assert made.clip.frames is buffer
        return Take(made=made, frames=buffer.array().copy())
    finally:
        buffer.close()
