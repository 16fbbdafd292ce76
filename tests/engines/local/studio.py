"""What an engine is asked for, and a report that ends its run."""

from __future__ import annotations

from typing import Any

from reelwright.testing import Recorder
from reelwright.video import Image, Task, VideoSpec


class Stopping(Recorder):
    """`cancel_at`: cancels at that unit of progress. `break_at`: breaks off the run there with an error of no kind that
    the engine knows. `cancel_at_look`: cancels at that look for a cancel between two blocks; `looks` counts them."""

    def __init__(
        self, *, cancel_at: int | None = None, break_at: int | None = None, cancel_at_look: int | None = None
    ) -> None:
        super().__init__()
        self._cancel_at = cancel_at
        self._break_at = break_at
        self._cancel_at_look = cancel_at_look
        self.looks = 0

    def progress(self, done: int, total: int) -> None:
        if self._cancel_at is not None and done >= self._cancel_at:
            self.cancel()
        super().progress(done, total)
        if self._break_at is not None and done >= self._break_at:
            raise ConnectionResetError("the other side is gone")

    def moved(self) -> None:
        self.looks += 1
        if self.looks == self._cancel_at_look:
            self.cancel()
        super().moved()


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
