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
from reelwright.engines.sketch.composition import painters_of
from reelwright.engines.sketch.dissolve import Dissolve, Shown
from reelwright.engines.sketch.flow import Flow
from reelwright.engines.sketch.grade import Grade
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.parallax import Parallax, Still
from reelwright.engines.sketch.prompt import Scene, read
from reelwright.engines.sketch.scenes import view_of
from reelwright.engines.sketch.style import Pass, style_of
from reelwright.video import VideoSpec

_CLOSING = 0.4
"""The share of a loop in which it passes over into its beginning."""


class Film:
    """Everything that a frame needs, prepared once; drawing a frame changes nothing here."""

    def __init__(
        self, painters: list[Painter], view: View, grade: Grade, facts: Mapping[str, Any], style: Pass | None = None
    ) -> None:
        self._painters, self._view, self._grade, self._style = painters, view, grade, style
        self.facts: Mapping[str, Any] = facts

    def draw(self, canvas: Canvas, t: float, number: int, frame: NDArray[np.uint8]) -> None:
        """Draw the picture at `t` seconds into `frame` (h, w, 3); `number` picks the grain."""
        self._paint(canvas, t)
        if self._view.loop:
            self._close(canvas, t)
        self._grade.develop(canvas, number, frame)
        if self._style is not None:
            self._style(frame)

    def _paint(self, canvas: Canvas, t: float) -> None:
        pose = self._view.pose(t)
        for painter in self._painters:
            painter.paint(canvas, t * self._view.rate, pose)

    def _close(self, canvas: Canvas, t: float) -> None:
        """Towards the end of a loop, pass over into what comes before its beginning.

        Figures and the camera end where they began by themselves, so that only water, clouds and the like are mixed.
        """
        seconds = self._view.seconds
        share = (t / seconds - 1 + _CLOSING) / _CLOSING
        if share <= 0:
            return
        share = share * share * (3 - 2 * share)
        now = canvas.rgb.copy()
        self._paint(canvas, t - seconds)
        canvas.rgb *= np.float32(share)
        now *= np.float32(1 - share)
        canvas.rgb += now


def film_of(spec: VideoSpec, image: Path | None, last_image: Path | None = None) -> Shown:
    """The film of a request; with an input image, a camera move over it. With a last image it passes over into that.

    Of a video that goes on from another one the image is the first frame exactly; after it comes the prompt's scene.
    """
    scene = read(spec.prompt)
    motion = 1.0 if spec.motion_bucket_id is None else min(max(spec.motion_bucket_id, 0), 255) / 127
    scene = replace(scene, camera=replace(scene.camera, speed=scene.camera.speed * motion))
    loop = bool(spec.params.get("loop")) and image is None and last_image is None
    view = view_of(scene, spec.width, spec.height, spec.num_frames / spec.fps, loop)
    size, last = (spec.height, spec.width), (spec.num_frames - 1) / spec.fps
    goes_on = spec.extends is not None
    film: Shown
    if image is None:
        film = _scene_film(scene, view, spec)
    else:
        exact = goes_on or last_image is not None
        facts = {"scene": "image", "camera": scene.camera.move}
        still = Still.FIRST if exact else Still.NEVER
        film = _picture_film(Parallax(image, view, motion, still, last), view, spec, facts, exact=exact)
        if goes_on and scene.kind in ("landscape", "space"):
            film = Dissolve(film, _scene_film(scene, view, spec), 0.06 * last, 0.8 * last, size, spec.seed)
    if last_image is not None:
        parallax = Parallax(last_image, view, motion, Still.LAST, last)
        ending = _picture_film(parallax, view, spec, {"scene": "last image"}, exact=True)
        film = Dissolve(film, ending, 0.25 * last, 0.9 * last, size, spec.seed + 1)
    return film


def _picture_film(parallax: Parallax, view: View, spec: VideoSpec, facts: Mapping[str, Any], *, exact: bool) -> Film:
    grade = Grade(spec.height, spec.width, spec.seed, plain=True, bloom=0.0 if exact else 0.02)
    return Film([parallax], view, grade, facts)


def _scene_film(scene: Scene, view: View, spec: VideoSpec) -> Film:
    seed = spec.seed
    grade = Grade(spec.height, spec.width, seed)
    style = style_of(scene.style, spec.height, spec.width, seed)
    facts = scene.facts() | ({"loop": True} if view.loop else {})
    if scene.kind in ("landscape", "space"):
        return Film(painters_of(scene, view, seed), view, grade, facts, style)
    flow = Flow(spec.prompt, view, seed, tuple(linear(c) for c in scene.colours))
    return Film([flow], view, grade, {**facts, "structure": flow.kind}, style)
