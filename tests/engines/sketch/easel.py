"""What the sketch tests share: the gallery of prompts, and drawing a small clip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelwright.engines.engine import Made, RenderJob
from reelwright.engines.sketch.engine import SketchEngine
from reelwright.media.clip import FrameBuffer
from reelwright.testing import Recorder
from reelwright.video import Task, VideoSpec

GALLERY = (
    "A beautiful sunset over the ocean with waves crashing",
    "A stormy night sea with lightning",
    "Snow falling on a pine forest at dusk",
    "A city skyline at night in the rain",
    "Sunrise over misty mountains, camera slowly zooming in",
    "A starry sky with aurora over a frozen lake",
    "A desert at noon with a hot wind",
    "A field of flowers under drifting clouds, pan left",
    "Campfire sparks at night",
    "The planet Mars seen from space",
    "an endless improvisation",
)


class Unhurried(Recorder):
    def wait(self, seconds: float) -> None:
        assert not seconds, "the sketch engine never waits"
        super().wait(seconds)


def job(
    prompt: str,
    width: int = 128,
    height: int = 128,
    num_frames: int = 6,
    fps: int = 12,
    seed: int = 7,
    image: Path | None = None,
    motion: int | None = None,
    params: Mapping[str, Any] | None = None,
) -> RenderJob:
    spec = VideoSpec(
        prompt=prompt,
        engine="sketch",
        model="sketch",
        task=Task.IMAGE_TO_VIDEO if image else Task.TEXT_TO_VIDEO,
        width=width,
        height=height,
        num_frames=num_frames,
        fps=fps,
        seed=seed,
        motion_bucket_id=motion,
        params=params or {},
    )
    return RenderJob(
        video_id="video_01",
        attempt=1,
        spec=spec,
        frames=FrameBuffer.create(num_frames, height, width),
        scratch=Path(),
        image_path=image,
        seconds_left=60,
    )


def drawn(task: RenderJob, threads: int = 2) -> tuple[NDArray[np.uint8], Made, Recorder]:
    """The frames, what `generate` returned, and the report."""
    report = Unhurried()
    made = SketchEngine(threads=threads).generate(task, report)
    assert (report.previews, report.checkpoints) == ([], [])
    return task.frames.array().copy(), made, report


def frames_of(prompt: str, **options: object) -> NDArray[np.uint8]:
    return drawn(job(prompt, **options))[0]  # type: ignore[arg-type]
