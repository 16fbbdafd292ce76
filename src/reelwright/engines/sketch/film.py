"""A film: the painters of one request, the camera, and the development of each frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.canvas import Canvas, Painter
from reelwright.engines.sketch.flow import Flow
from reelwright.engines.sketch.grade import Grade
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.parallax import Parallax
from reelwright.engines.sketch.prompt import read
from reelwright.engines.sketch.scenes import Landscape, space, view_of
from reelwright.video import Request


class Film:
    """Everything that a frame needs, prepared once; drawing a frame changes nothing here."""

    def __init__(self, painters: list[Painter], view: View, grade: Grade, facts: Mapping[str, Any]) -> None:
        self._painters, self._view, self._grade = painters, view, grade
        self.facts = facts

    def draw(self, canvas: Canvas, t: float, number: int, frame: NDArray[np.uint8]) -> None:
        """Draw the picture at `t` seconds into `frame` (h, w, 3); `number` picks the grain."""
        pose = self._view.pose(t)
        for painter in self._painters:
            painter.paint(canvas, t, pose)
        self._grade.develop(canvas, number, frame)


def film_of(request: Request, image: Path | None) -> Film:
    """The film of a request; with an input image, a camera move over it."""
    scene = read(request.prompt)
    motion = 1.0 if request.motion_bucket_id is None else min(max(request.motion_bucket_id, 0), 255) / 127
    scene = replace(scene, camera=replace(scene.camera, speed=scene.camera.speed * motion))
    view = view_of(scene, request.width, request.height, request.num_frames / request.fps)
    colours = tuple(linear(c) for c in scene.colours)
    seed = request.seed
    h, w = request.height, request.width
    if image is not None:
        facts = {"scene": "image", "camera": scene.camera.move}
        return Film([Parallax(image, view, motion)], view, Grade(h, w, seed, plain=True), facts)
    if scene.kind == "landscape":
        return Film(Landscape(scene, view, seed).painters(), view, Grade(h, w, seed), scene.facts())
    if scene.kind == "space":
        return Film(space(scene, view, seed), view, Grade(h, w, seed), scene.facts())
    flow = Flow(request.prompt, view, seed, colours)
    return Film([flow], view, Grade(h, w, seed), {**scene.facts(), "structure": flow.kind})
