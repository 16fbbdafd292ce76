"""Lightning: flashes of several strokes each, and branching bolts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas
from reelwright.engines.sketch.noise import Plane, generator
from reelwright.engines.sketch.palette import linear


class Lightning:
    """Flashes of several strokes each, with a branching bolt; a pure function of the seed and the time."""

    def __init__(self, view: View, seed: int) -> None:
        rng = generator(seed, "lightning")
        self._view = view
        self._events: list[tuple[float, float, list[tuple[float, float]]]] = []
        at = 0.35
        while at < view.seconds + 0.5:
            strokes, start = [], at
            for n in range(int(rng.integers(3, 5))):
                strokes.append((start, 1.0 if n == 0 else float(rng.uniform(0.45, 1.0))))
                start += float(rng.uniform(0.07, 0.16))
            self._events.append((at, float(rng.uniform(0.22, 0.8)) * view.width, strokes))
            at += float(rng.uniform(1.0, 2.3))
        self._bolts = [_bolt(view, generator(seed, f"bolt-{n}"), e[1]) for n, e in enumerate(self._events[:3])]

    def flash(self, t: float) -> tuple[float, float]:
        """(strength, column): each stroke decays with a time constant of 60 ms, over a dim afterglow."""
        strength, column = 0.0, 0.0
        for at, x, strokes in self._events:
            level = 0.0
            for start, peak in strokes:
                age = t - start
                if age >= 0:
                    level += peak * (0.85 * float(np.exp(-age / 0.06)) + 0.15 * float(np.exp(-age / 0.25)))
            if at <= t and level > strength:
                strength, column = level, x
        return (strength, column) if strength > 0.002 else (0.0, 0.0)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        strength, column = self.flash(t)
        if strength < 0.02:
            return
        number = next(n for n, event in enumerate(self._events) if event[1] == column) % len(self._bolts)
        core, left = self._bolts[number]
        _, dx, _ = pose.at(0.1)
        left += round(column - self._events[number][1] + dx)
        h = min(core.shape[0], canvas.height)
        x0, x1 = max(0, left), min(canvas.width, left + core.shape[1])
        if x1 <= x0:
            return
        part = core[:h, x0 - left : x1 - left] * np.float32(strength)
        for c, tint in enumerate(linear("#c9d4ff")):
            canvas.rgb[c, :h, x0:x1] += part * np.float32(14 * tint)


def _bolt(view: View, rng: np.random.Generator, column: float) -> tuple[Plane, int]:
    """A bolt's brightness (rows, width) from the cloud base to the horizon, and its left edge in the frame."""
    scale = 2
    half = int(view.unit * 0.42)
    h, w = max(8, int(view.horizon)), 2 * half
    picture = Image.new("L", (w * scale, h * scale), 0)
    draw = ImageDraw.Draw(picture)
    width = max(1.0, view.unit / 512 * 2.0) * scale
    top = (half + rng.uniform(-0.06, 0.06) * view.unit, h * 0.08)
    end = (half + rng.uniform(-0.14, 0.14) * view.unit, h * 1.0)
    _branch(draw, rng, top, end, width, 255, scale, 0)
    small = np.asarray(picture.resize((w, h), Image.Resampling.BOX), np.float32) / 255
    fade = np.minimum(np.arange(h, dtype=np.float32) / (0.22 * h), 1)[:, None]
    return (small**1.4 * fade).astype(np.float32), int(column) - half


def _branch(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
    level: int,
    scale: int,
    depth: int,
) -> None:
    """Midpoint displacement; side branches lean down and thin out."""
    points = [np.array(start), np.array(end)]
    reach = float(np.hypot(*(points[1] - points[0])))
    swing = 0.13 * reach
    for _ in range(7):
        finer = [points[0]]
        for a, b in pairwise(points):
            across = np.array([-(b - a)[1], (b - a)[0]])
            across = across / (np.hypot(*across) + 1e-9)
            finer += [(a + b) / 2 + across * rng.normal(0, swing), b]
        points, swing = finer, swing * 0.52
    draw.line([(p[0] * scale, p[1] * scale) for p in points], fill=level, width=max(1, round(width)), joint="curve")
    if depth >= 3:
        return
    for _ in range(int(rng.integers(3, 6)) if depth == 0 else int(rng.integers(1, 3))):
        at = points[int(rng.uniform(0.1, 0.75) * len(points))]
        angle = rng.choice([-1, 1]) * rng.uniform(0.35, 0.95)
        length = reach * rng.uniform(0.16, 0.42)
        tip = (at[0] + np.sin(angle) * length, at[1] + np.cos(angle) * length)
        _branch(draw, rng, (at[0], at[1]), tip, width * 0.55, int(level * 0.6), scale, depth + 1)
