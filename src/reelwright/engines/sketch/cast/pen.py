"""A pen for flat, smooth shapes: what a figure is drawn with, in units of its own, before any light falls on it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from reelwright.engines.sketch.noise import Plane

_FINE = 3
"""Drawn at three times the size and averaged: soft edges."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A drawn figure without light: `albedo` (3, h, w) in linear light, premultiplied by `alpha` (h, w), and `glow`
    (3, h, w), the light that it sends out itself. `left` and `top` are where its corner lies from its foot, in pixels
    (`top` counts upwards)."""

    albedo: Plane
    alpha: Plane
    glow: Plane | None
    left: float
    top: float


class Pen:
    """Draws into the box from (left, bottom) to (right, top), `scale` pixels a unit; x runs right and y up.

    Colours are "#rrggbb". The figure's foot is the origin. All that is drawn is turned about it by `turn` radians,
    anticlockwise.
    """

    def __init__(self, box: tuple[float, float, float, float], scale: float, turn: float = 0.0) -> None:
        left, bottom, right, top = box
        self._cos, self._sin = math.cos(turn), math.sin(turn)
        edge = 3 / scale
        self._left, self._top, self._scale = left - edge, top + edge, scale * _FINE
        self._size = (
            max(2, math.ceil((right - left + 2 * edge) * scale)),
            max(2, math.ceil((top - bottom + 2 * edge) * scale)),
        )
        large = (self._size[0] * _FINE, self._size[1] * _FINE)
        self._paint = Image.new("RGBA", large)
        self._ink = ImageDraw.Draw(self._paint)
        self._light: Image.Image | None = None

    def polygon(self, points: Sequence[Point], colour: str) -> None:
        self._ink.polygon(self._places(points), fill=_rgba(colour))

    def smooth(self, points: Sequence[Point], colour: str) -> None:
        """A closed shape through `points`, rounded (Catmull and Rom, "A class of local interpolating splines")."""
        self._ink.polygon(self._places(_rounded(points)), fill=_rgba(colour))

    def oval(self, x: float, y: float, rx: float, ry: float, colour: str, turn: float = 0.0) -> None:
        """An ellipse about (x, y); `turn` in radians, anticlockwise."""
        self._ink.polygon(self._places(ellipse(x, y, rx, ry, turn)), fill=_rgba(colour))

    def box(self, left: float, bottom: float, right: float, top: float, colour: str) -> None:
        self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], colour)

    def limb(self, joints: Sequence[tuple[float, float, float]], colour: str) -> None:
        """A rounded, tapering stroke through joints (x, y, radius)."""
        fill = _rgba(colour)
        for (ax, ay, ar), (bx, by, br) in itertools.pairwise(joints):
            span = math.hypot(bx - ax, by - ay) or 1e-6
            nx, ny = -(by - ay) / span, (bx - ax) / span
            quad = [
                (ax + nx * ar, ay + ny * ar), (bx + nx * br, by + ny * br),
                (bx - nx * br, by - ny * br), (ax - nx * ar, ay - ny * ar),
            ]  # fmt: skip
            self._ink.polygon(self._places(quad), fill=fill)
        for x, y, r in joints:
            self._ink.polygon(self._places(ellipse(x, y, r, r, 0.0, 20)), fill=fill)

    def line(self, points: Sequence[Point], width: float, colour: str) -> None:
        self.limb([(x, y, width / 2) for x, y in points], colour)

    def glow(self, points: Sequence[Point], colour: str) -> None:
        """A shape that sends out light: a lamp, a window at night, a flame."""
        if self._light is None:
            self._light = Image.new("RGB", self._paint.size)
        ImageDraw.Draw(self._light).polygon(self._places(points), fill=_rgba(colour)[:3])

    def part(self, box: tuple[float, float, float, float], share: float, turn: float = 0.0) -> Pen:
        """A pen for something whose unit is `share` of this one's, to be laid over this picture with `paste`."""
        return Pen(box, self._scale / _FINE * share, turn)

    def paste(self, other: Pen, x: float, y: float) -> None:
        """Lay what another pen has drawn over this one's picture, its foot at (x, y)."""
        left = round((x - self._left) * self._scale + other._left * other._scale)
        top = round((self._top - y) * self._scale - other._top * other._scale)
        self._paint.paste(other._paint, (left, top), other._paint.getchannel("A"))

    def stamp(self) -> Stamp:
        alpha = np.asarray(self._paint.getchannel("A").resize(self._size, Image.Resampling.BOX), np.float32) / 255
        colour = np.asarray(self._paint.convert("RGB").resize(self._size, Image.Resampling.BOX), np.float32) / 255
        # The averages hold the empty surroundings, too: undone before the colours become linear light.
        bare = np.minimum(colour / np.maximum(alpha, 1e-3)[..., None], 1) ** np.float32(2.2)
        albedo = np.moveaxis(bare * alpha[..., None], 2, 0)
        glow = None
        if self._light is not None:
            small = np.asarray(self._light.resize(self._size, Image.Resampling.BOX), np.float32) / 255
            glow = np.ascontiguousarray(np.moveaxis(small ** np.float32(2.2), 2, 0))
        scale = self._scale / _FINE
        return Stamp(
            albedo=np.ascontiguousarray(albedo), alpha=alpha, glow=glow, left=self._left * scale, top=self._top * scale
        )

    def _places(self, points: Sequence[Point] | NDArray[np.float64]) -> list[float]:
        """Where points lie in the picture: x, y, x, y …"""
        s, left, top = self._scale, self._left, self._top
        c, n = self._cos, self._sin
        if isinstance(points, np.ndarray):
            x, y = points.T
            return np.stack(((x * c - y * n - left) * s, (top - x * n - y * c) * s), 1).ravel().tolist()
        return [place for x, y in points for place in ((x * c - y * n - left) * s, (top - x * n - y * c) * s)]


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0, steps: int = 40) -> list[Point]:
    c, s = math.cos(turn), math.sin(turn)
    return [(x + px * rx * c - py * ry * s, y + px * rx * s + py * ry * c) for px, py in circle(steps)]


@cache
def circle(steps: int) -> Sequence[Point]:
    """So many points of the circle of radius 1, anticlockwise from (1, 0)."""
    return [(math.cos(angle), math.sin(angle)) for angle in (2 * math.pi * n / steps for n in range(steps))]


def curve(points: Sequence[Point]) -> list[Point]:
    """A smooth line through `points`, from the first to the last."""
    return [(float(x), float(y)) for x, y in _smooth([points[0], *points, points[-1]])] + [points[-1]]


def _rounded(points: Sequence[Point]) -> NDArray[np.float64]:
    """A smooth closed line through `points`."""
    return _smooth([*points[-1:], *points, *points[:2]])


def _smooth(points: Sequence[Point]) -> NDArray[np.float64]:
    """A smooth line from the second point to the last but one, without its end, as (number, 2)."""
    given = np.array(points, np.float64)
    fours = np.stack([given[n : len(given) - 3 + n] for n in range(4)], 1)
    line: NDArray[np.float64] = _CATMULL_ROM @ fours
    return line.reshape(-1, 2)


def _catmull_rom(steps: int) -> NDArray[np.float64]:
    """The weights of four points for so many places between the second and the third: (steps, 4)."""
    t = np.arange(steps) / steps
    return 0.5 * np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], 1)


_CATMULL_ROM = _catmull_rom(7)


def shade(colour: str, level: float) -> str:
    """`colour` darker (below 1) or lighter (above 1, towards white)."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    if level <= 1:
        mixed = [round(v * level) for v in parts]
    else:
        mixed = [round(v + (255 - v) * min(level - 1, 1)) for v in parts]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def _rgba(colour: str) -> tuple[int, int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16), 255
