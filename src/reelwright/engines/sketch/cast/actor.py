"""Actors: lit figures that move through the picture on a path, with their cycle of phases, shadow and reflection."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Plate
from reelwright.engines.sketch.cast.lit import Lit
from reelwright.engines.sketch.noise import Plane

Path = Callable[[float], tuple[float, float]]
"""Where its foot is at a time, in frame pixels for the camera at rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What an actor stands on: `shade` is the strength of its shadow (0 none), `mirror` of its reflection (0 none),
    `shadow` the shadow's half width and half height in pixels."""

    shade: float = 0.0
    mirror: float = 0.0
    shadow: tuple[float, float] = (0.0, 0.0)


class Cels:
    """The pictures of a figure's cycle, each drawn and lit when it is first needed; several actors may share them."""

    def __init__(self, draw: Callable[[float], Lit], phases: int) -> None:
        """`draw` makes the picture of a phase, 0 to 1."""
        self._draw, self._phases = draw, phases
        self._drawn: dict[int, tuple[Plate, float, float]] = {}

    def at(self, turn: float) -> tuple[Plate, float, float]:
        """The picture at a place of the cycle (0 to 1), and its corner: pixels right of and above the foot."""
        number = int(turn * self._phases + 1e-6) % self._phases
        kept = self._drawn.get(number)
        if kept is None:
            figure = self._draw(number / self._phases)
            plate = Plate(figure.layers[:3], figure.layers[3], 0, 0, 0.0, (0.0, 0.0))
            kept = self._drawn[number] = (plate, figure.left, figure.top)
        return kept


class Actor:
    """Paints a figure that goes through its cycle `rate` times a second, from `start` (0 to 1) on."""

    def __init__(
        self,
        view: View,
        cels: Cels,
        path: Path,
        nearness: float,
        *,
        rate: float = 0.0,
        start: float = 0.0,
        ground: Ground | None = None,
    ) -> None:
        self._view, self._cels, self._path, self._nearness = view, cels, path, nearness
        self._rate, self._start = rate, start
        self._ground = ground or Ground()
        self._shadow = _shadow(self._ground) if self._ground.shade > 0 else None

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        plate, left, top = self._cels.at((self._start + self._rate * t) % 1.0)
        zoom, dx, dy = pose.at(self._nearness)
        x, y = self._path(t)
        cx, cy = self._view.centre, self._view.horizon
        x, y = cx + (x - cx) * zoom + dx, cy + (y - cy) * zoom + dy
        if self._shadow is not None:
            w, h = self._ground.shadow
            self._shadow.show(canvas, zoom, x - w * zoom, y - h * zoom)
        if self._ground.mirror > 0:
            below = plate.layers.shape[1] - top
            self._reflect(canvas, plate.layers, t, zoom, x + left * zoom, y - below * zoom)
        plate.show(canvas, zoom, x + left * zoom, y - top * zoom)

    def _reflect(self, canvas: Canvas, layers: Plane, t: float, zoom: float, x: float, y: float) -> None:
        """The figure upside down on the water, broken by ripples."""
        h, w = layers.shape[1:]
        rows = np.arange(h, dtype=np.float32)
        u = np.float32(self._view.unit)
        depth = rows / u
        sway = np.sin(rows * (np.float32(300) / (u * (np.float32(0.4) + depth))) + np.float32(5.5 * t)) * (
            u * (np.float32(0.0022) + depth * np.float32(0.035))
        )
        columns = np.arange(w)[None, :] + np.round(sway).astype(np.intp)[:, None]
        inside = (columns >= 0) & (columns < w)
        flipped = layers[:, ::-1]
        moved = np.take_along_axis(flipped, np.broadcast_to(np.clip(columns, 0, w - 1), (4, h, w)), 2)
        fade = np.float32(self._ground.mirror) * np.exp(-depth * np.float32(2.2))[:, None] * inside
        broken = moved * fade
        broken[:3] *= np.float32(0.72)
        Plate(broken[:3], broken[3], 0, 0, 0.0, (0.0, 0.0)).show(canvas, zoom, x, y)


def _shadow(ground: Ground) -> Plate:
    """A soft dark ellipse."""
    rx, ry = ground.shadow
    w, h = max(3, math.ceil(2 * rx)), max(3, math.ceil(2 * ry))
    ys = (np.arange(h, dtype=np.float32)[:, None] + 0.5) / h * 2 - 1
    xs = (np.arange(w, dtype=np.float32)[None, :] + 0.5) / w * 2 - 1
    distance = np.sqrt(xs * xs + ys * ys)
    alpha = np.clip((1 - distance) * 1.7, 0, 1) ** 1.3 * np.float32(ground.shade)
    return Plate(np.zeros((3, h, w), np.float32), alpha.astype(np.float32), 0, 0, 0.0, (0.0, 0.0))
