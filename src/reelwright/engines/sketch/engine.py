"""The engine: reads the prompt, sets up the painters, and draws the frames on two threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.media.clip import Clip
from reelwright.media.sound import Sound

if TYPE_CHECKING:
    from reelwright.engines.sketch.dissolve import Shown


class SketchEngine:
    """Draws a moving scene from the prompt's words; no AI. Equal requests give equal frames, whatever `threads` is.

    `threads` is how many frames are drawn side by side.
    """

    def __init__(self, *, threads: int = 2) -> None:
        self._threads = max(1, threads)

    def load(self) -> Mapping[str, Any]:
        import numpy as np
        import PIL

        return {"numpy": np.__version__, "pillow": PIL.__version__, "device": "cpu"}

    def state(self) -> Mapping[str, Any]:
        return {}

    def generate(self, job: RenderJob, report: Report) -> Made:
        from reelwright.engines.sketch.film import film_of

        film = film_of(job.spec, job.image_path, job.last_image_path)
        _shoot(film, job, report, self._threads)
        spec = job.spec
        sound = _sound(job) if spec.generate_audio else None
        clip = Clip(fps=spec.fps, num_frames=spec.num_frames, frames=job.frames, sound=sound)
        return Made(clip=clip, facts={**film.facts, **self.load()})


def _sound(job: RenderJob) -> Sound:
    from reelwright.engines.sketch.prompt import read
    from reelwright.engines.sketch.soundscape import RATE, soundscape

    spec = job.spec
    samples = soundscape(read(spec.prompt), spec.seconds, spec.seed)
    return Sound.write(job.sound, samples, RATE)


def _shoot(film: Shown, job: RenderJob, report: Report, threads: int) -> None:
    """Draw every frame; report them in order. A cancelled report ends the drawing and passes through."""
    from reelwright.engines.sketch.canvas import Canvas

    frames = job.frames.array()
    total, height, width = frames.shape[:3]
    fps = job.spec.fps
    own = threading.local()

    def draw(number: int) -> None:
        if not hasattr(own, "canvas"):
            own.canvas = Canvas(height, width)
        film.draw(own.canvas, number / fps, number, frames[number])

    waiting: deque[Future[None]] = deque()
    done = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="sketch")
    try:
        for number in range(total):
            waiting.append(pool.submit(draw, number))
            if len(waiting) > 2 * threads:
                waiting.popleft().result()
                done += 1
                report.progress(done, total)
        for future in waiting:
            future.result()
            done += 1
            report.progress(done, total)
    finally:
        pool.shutdown(cancel_futures=True)
