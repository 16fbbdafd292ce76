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
from reelwright.engines.sketch.dissolve import Dissolve, Shown
from reelwright.engines.sketch.flow import Flow
from reelwright.engines.sketch.grade import Grade
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.parallax import Parallax, Still
from reelwright.engines.sketch.prompt import Scene, read
from reelwright.engines.sketch.scenes import Landscape, space, view_of
from reelwright.video import Request


class Film:
    """Everything that a frame needs, prepared once; drawing a frame changes nothing here."""

    def __init__(self, painters: list[Painter], view: View, grade: Grade, facts: Mapping[str, Any]) -> None:
        self._painters, self._view, self._grade = painters, view, grade
        self.facts: Mapping[str, Any] = facts

    def draw(self, canvas: Canvas, t: float, number: int, frame: NDArray[np.uint8]) -> None:
        """Draw the picture at `t` seconds into `frame` (h, w, 3); `number` picks the grain."""
        pose = self._view.pose(t)
        for painter in self._painters:
            painter.paint(canvas, t, pose)
        self._grade.develop(canvas, number, frame)


def film_of(request: Request, image: Path | None, last_image: Path | None = None) -> Shown:
    """The film of a request; with an input image, a camera move over it. With a last image it passes over into that.

    Of a video that goes on from another one the image is the first frame exactly; after it comes the prompt's scene.
    """
    scene = read(request.prompt)
    motion = 1.0 if request.motion_bucket_id is None else min(max(request.motion_bucket_id, 0), 255) / 127
    scene = replace(scene, camera=replace(scene.camera, speed=scene.camera.speed * motion))
    view = view_of(scene, request.width, request.height, request.num_frames / request.fps)
    size, last = (request.height, request.width), (request.num_frames - 1) / request.fps
    goes_on = request.extends is not None
    film: Shown
    if image is None:
        film = _scene_film(scene, view, request)
    else:
        exact = goes_on or last_image is not None
        facts = {"scene": "image", "camera": scene.camera.move}
        still = Still.FIRST if exact else Still.NEVER
        film = _picture_film(Parallax(image, view, motion, still, last), view, request, facts, exact=exact)
        if goes_on and scene.kind in ("landscape", "space"):
            film = Dissolve(film, _scene_film(scene, view, request), 0.06 * last, 0.8 * last, size, request.seed)
    if last_image is not None:
        parallax = Parallax(last_image, view, motion, Still.LAST, last)
        ending = _picture_film(parallax, view, request, {"scene": "last image"}, exact=True)
        film = Dissolve(film, ending, 0.25 * last, 0.9 * last, size, request.seed + 1)
    return film


def _picture_film(parallax: Parallax, view: View, request: Request, facts: Mapping[str, Any], *, exact: bool) -> Film:
    grade = Grade(request.height, request.width, request.seed, plain=True, bloom=0.0 if exact else 0.02)
    return Film([parallax], view, grade, facts)


def _scene_film(scene: Scene, view: View, request: Request) -> Film:
    seed = request.seed
    grade = Grade(request.height, request.width, seed)
    if scene.kind == "landscape":
        return Film(Landscape(scene, view, seed).painters(), view, grade, scene.facts())
    if scene.kind == "space":
        return Film(space(scene, view, seed), view, grade, scene.facts())
    flow = Flow(request.prompt, view, seed, tuple(linear(c) for c in scene.colours))
    return Film([flow], view, grade, {**scene.facts(), "structure": flow.kind})
