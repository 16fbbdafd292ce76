"""How long the sketch engine draws each scene of its gallery, beside a baseline that only fills the same frames.

    python benchmarks/sketch.py [--rounds 3] [--size 512x512] [--frames 24]

The baseline paints a moving gradient frame by frame, the least that any NumPy renderer does. Rounds take turns, so that
a busy machine hits all alike; medians are shown.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from reelwright.engines.engine import RenderJob
from reelwright.engines.sketch.engine import SketchEngine
from reelwright.media.clip import FrameBuffer
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
    "two sailboats at sunset",
    "a woman walking on a neon street in the rain at night",
    "colorful fish in a coral reef",
    "cherry trees with falling petals",
    "a crowd of people",
    "a castle, watercolor",
)


class Silent:
    """A report that listens to nothing."""

    def progress(self, done: int, total: int) -> None: ...
    def preview(self, data: bytes, media_type: str) -> None: ...
    def checkpoint(self, state: object) -> None: ...
    def stage(self, name: str | None) -> None: ...

    def moved(self) -> None: ...

    def wait(self, seconds: float) -> None: ...


def draw(prompt: str, width: int, height: int, num_frames: int) -> float:
    """Seconds from the request to the last frame, preparation included."""
    spec = VideoSpec(
        prompt=prompt,
        engine="sketch",
        model="sketch",
        task=Task.TEXT_TO_VIDEO,
        width=width,
        height=height,
        num_frames=num_frames,
        fps=12,
        seed=7,
    )
    task = RenderJob(
        video_id="video_01",
        attempt=1,
        spec=spec,
        frames=FrameBuffer.create(num_frames, height, width),
        scratch=Path(),
        seconds_left=600,
    )
    start = time.perf_counter()
    SketchEngine().generate(task, Silent())
    return time.perf_counter() - start


def fill(width: int, height: int, num_frames: int) -> float:
    frames = FrameBuffer.create(num_frames, height, width).array()
    start = time.perf_counter()
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for number, frame in enumerate(frames):
        for channel in range(3):
            frame[:, :, channel] = np.sin(x / 60 + y / (50 + 10 * channel) + number * 0.1) * 90 + 128
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--frames", type=int, default=24)
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    draw(GALLERY[0], 64, 64, 1)
    times: dict[str, list[float]] = {prompt: [] for prompt in GALLERY}
    baseline: list[float] = []
    for _ in range(options.rounds):
        baseline.append(fill(width, height, options.frames))
        for prompt in GALLERY:
            times[prompt].append(draw(prompt, width, height, options.frames))
    base = statistics.median(baseline)
    print(f"{options.frames} frames of {width} × {height}; the gradient alone takes {base:.2f} s")
    for prompt, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{median:6.2f} s  {median / base:5.1f} ×  {prompt}")


if __name__ == "__main__":
    main()
