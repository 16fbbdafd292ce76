"""A film: the painters of one request, the camera, and the development of each frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.canvas import Canvas, Painter
from reelwright.engines.sketch.grade import Grade
from reelwright.engines.sketch.prompt import read
from reelwright.engines.sketch.scenes import landscape, view_of
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
    view = view_of(scene, request.width, request.height, request.num_frames / request.fps)
    painters = landscape(scene, view, request.seed)
    grade = Grade(request.height, request.width, request.seed)
    return Film(painters, view, grade, scene.facts())
