"""A campfire: flames, logs, embers, sparks and the glow on what stands about."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger, Plate
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.sky import splat

WARM = linear("#ff8a35") * np.float32(1.0)


def flicker(t: float) -> float:
    """The fire's strength about 1: a few unequal waves make no visible period."""
    return float(
        1
        + 0.09 * np.sin(t * 11.3)
        + 0.07 * np.sin(t * 17.9 + 1.3)
        + 0.06 * np.sin(t * 5.1 + 0.4)
        + 0.03 * np.sin(t * 29)
    )


class Flames:
    """Tongues of fire over (x, foot), `size` pixels high. Blackbody colours over a turbulent field."""

    def __init__(self, view: View, seed: int, x: float, foot: float, size: float, nearness: float) -> None:
        rng = generator(seed, "flames")
        self._tile = Tile(fractal(rng, 256, 1.35, 3.0, 70.0))
        self._broad = Tile(fractal(rng, 256, 1.9, 2.0, 20.0))
        self._x, self._foot, self._size, self._nearness, self._view = x, foot, size, nearness, view
        self._w, self._h = max(8, int(size * 1.1) // 2 * 2), max(8, int(size * 1.55) // 2 * 2)
        self._small = (max(4, self._h // 2), max(4, self._w // 2))
        self._enlarge = Enlarger(self._small, self._h, self._w)
        heat = np.linspace(0, 1, 512, dtype=np.float32)
        self._colours = np.stack(
            [
                np.interp(heat, [0, 0.18, 0.45, 0.75, 1], values).astype(np.float32)
                for values in ([0, 0.55, 3.2, 7.5, 12.0], [0, 0.06, 0.85, 3.6, 8.0], [0, 0.004, 0.06, 0.55, 2.6])
            ]
        )

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        h, w = self._small
        up = (1 - (np.arange(h, dtype=np.float32)[:, None] + 0.5) / h) * np.float32(1.5)
        x = ((np.arange(w, dtype=np.float32)[None, :] + 0.5) / w - np.float32(0.5)) * np.float32(1.1)
        rise = np.float32(t * 1.55)
        sway = self._broad.at(x * 30 + 20, (up - rise * 0.55) * 42) * (np.float32(0.02) + up * np.float32(0.12))
        lean = np.float32(0.035 * np.sin(t * 2.1)) * up
        xs = x + sway + lean
        tongue = self._broad.at(xs * 95 + 60, (up * 0.55 - rise) * 40)
        fine = self._tile.at(xs * 120, (up * 0.8 - rise * 1.25) * 62)
        width = np.float32(0.30) * np.clip(1.25 - up, 0, 1) ** np.float32(0.7) * np.minimum(up * 7 + 0.55, 1)
        body = 1 - (xs / np.maximum(width, 1e-3)) ** 2
        reach = 1 - up / np.float32(1.18) + tongue * np.float32(0.30)
        heat = np.minimum(body, reach * np.float32(1.25)) + fine * np.float32(0.17) * (np.float32(0.3) + up)
        heat = smoothstep(-0.05, 1.15, heat) * np.clip(1.45 - up * 0.62, 0, 1)
        heat *= np.float32(flicker(t))
        index = np.clip(heat * 511, 0, 511).astype(np.intp)
        planes = canvas.spare("flames", 3, h, w)
        for c in range(3):
            np.take(self._colours[c], index, out=planes[c], mode="clip")
        large = self._enlarge(canvas, planes)
        _add(canvas, large, self._view, pose, self._nearness, self._x - self._w / 2, self._foot - self._h)


def _add(canvas: Canvas, light: Plane, view: View, pose: Pose, nearness: float, left: float, top: float) -> None:
    """Add a small picture's light at a corner, as far as it lies in the frame."""
    _, dx, dy = pose.at(nearness)
    h, w = light.shape[1:]
    x0, y0 = round(left + dx), round(top + dy)
    x1, y1 = min(canvas.width, x0 + w), min(canvas.height, y0 + h)
    sx, sy = max(0, -x0), max(0, -y0)
    if x1 > x0 + sx and y1 > y0 + sy:
        canvas.rgb[:, y0 + sy : y1, x0 + sx : x1] += light[:, sy : y1 - y0, sx : x1 - x0]


class Glow:
    """The fire's light on the ground and in the smoke, flickering."""

    def __init__(self, view: View, x: float, foot: float, size: float, nearness: float, ground_row: float) -> None:
        u = view.unit
        ys = np.arange(view.height, dtype=np.float32)[:, None]
        xs = np.arange(view.width, dtype=np.float32)[None, :]
        air = np.exp(-np.hypot(xs - x, (ys - foot + 0.45 * size) * 0.8) / np.float32(0.20 * u)) * np.float32(0.085)
        flat = np.hypot((xs - x) * 0.62, (ys - foot) * 2.3) / np.float32(u)
        ground = np.exp(-flat * 5.5) * np.float32(1.15) * smoothstep(ground_row - 0.01 * u, ground_row + 0.12 * u, ys)
        texture = fractal(generator(11, "soil"), 256, 0.9, 3.0)
        wrap = texture[np.ix_((np.arange(view.height) * 3) % 256, np.arange(view.width) % 256)]
        ground = ground * np.clip(0.42 + 0.2 * wrap, 0.08, 1.2)
        self._light = (air + ground * np.float32(0.95)).astype(np.float32)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        for c in range(3):
            canvas.rgb[c] += self._light * np.float32(WARM[c] * flicker(t))


def logs_plate(view: View, seed: int, x: float, foot: float, size: float, nearness: float) -> Plate:
    """Crossed logs and stones with glowing embers between them."""
    rng = generator(seed, "logs")
    w, h = int(size * 1.7), int(size * 0.62)
    scale = 2
    body, heat = Image.new("L", (w * scale, h * scale)), Image.new("L", (w * scale, h * scale))
    ink, ember = ImageDraw.Draw(body), ImageDraw.Draw(heat)
    cx, base = w / 2, h * 0.66
    for _ in range(60):
        ex, ey = cx + rng.normal(0, w * 0.13), base + rng.normal(0, h * 0.06)
        r = rng.uniform(0.006, 0.02) * size
        ember.ellipse(
            [(ex - r) * scale, (ey - r * 0.6) * scale, (ex + r) * scale, (ey + r * 0.6) * scale],
            fill=int(rng.uniform(90, 255)),
        )
    for angle in (-24, 21, -8, 33):
        a = np.deg2rad(angle + rng.normal(0, 3))
        reach, thick = w * rng.uniform(0.26, 0.36), max(2.0, size * rng.uniform(0.035, 0.05))
        dx, dy = np.cos(a) * reach, np.sin(a) * reach * 0.6
        ends = [((cx - dx) * scale, (base - dy) * scale), ((cx + dx) * scale, (base + dy) * scale)]
        ink.line(ends, fill=255, width=int(thick * 2 * scale))
        for ex, ey in ends:
            ink.ellipse([ex - thick * scale, ey - thick * scale, ex + thick * scale, ey + thick * scale], fill=255)
        ember.line(
            [
                (ends[0][0] * 0.35 + ends[1][0] * 0.65, ends[0][1] * 0.35 + ends[1][1] * 0.65),
                (ends[0][0] * 0.62 + ends[1][0] * 0.38, ends[0][1] * 0.62 + ends[1][1] * 0.38),
            ],
            fill=int(rng.uniform(60, 120)),
            width=int(thick * 0.8 * scale),
        )
    for n in range(11):
        a = np.pi * 2 * n / 11 + rng.normal(0, 0.1)
        sx, sy, r = cx + np.cos(a) * w * 0.42, base + h * 0.06 + np.sin(a) * h * 0.21, size * rng.uniform(0.045, 0.075)
        ink.ellipse([(sx - r) * scale, (sy - r * 0.72) * scale, (sx + r) * scale, (sy + r * 0.72) * scale], fill=235)
    cover = np.asarray(body.resize((w, h), Image.Resampling.BOX), np.float32) / 255
    glow = np.asarray(heat.resize((w, h), Image.Resampling.BOX), np.float32) / 255
    grain = fractal(rng, 256, 1.0, 6.0)[np.ix_(np.arange(h) * 2 % 256, np.arange(w) % 256)]
    ys, xs = np.arange(h, dtype=np.float32)[:, None], np.arange(w, dtype=np.float32)[None, :]
    warm = np.exp(-np.hypot(xs - cx, (ys - base) * 1.8) / np.float32(0.24 * size))
    edge = np.clip(cover - np.roll(cover, 2, 0), 0, 1)
    rgb = np.empty((3, h, w), np.float32)
    for c in range(3):
        tone = (0.006 + warm * WARM[c] * (0.055 + 0.03 * grain) + edge * warm * WARM[c] * 0.9).clip(0)
        rgb[c] = tone * cover + glow**1.5 * WARM[c] * (5.0, 3.0, 1.0)[c]
    alpha = np.maximum(cover, np.minimum(glow, 1)).astype(np.float32)
    return Plate(rgb, alpha, int(x - w / 2), int(foot - base), nearness, (view.centre, view.horizon))


class Sparks:
    """Glowing specks that whirl up from (x, foot); each lives a few seconds on a closed path and starts again."""

    def __init__(self, view: View, seed: int, x: float, foot: float, size: float, wind: float, nearness: float) -> None:
        rng = generator(seed, "sparks")
        n = 210
        self._view, self._x, self._foot, self._size, self._wind, self._near = view, x, foot, size, wind, nearness
        self._life = rng.uniform(1.4, 3.6, n)
        self._born = rng.uniform(0, 1, n)
        self._start = rng.normal(0, 0.11, n) * size
        self._speed = rng.uniform(0.45, 1.15, n) * size
        self._swirl = rng.uniform(0.02, 0.14, (3, n)) * size * np.array([[1.0], [0.5], [0.28]])
        self._rate = rng.uniform(0.6, 1.4, (3, n)) * np.array([[2.0], [4.3], [8.5]])
        self._phase = rng.uniform(0, 6.28, (3, n))
        self._heat = rng.uniform(0.35, 1.0, n)
        self._spread = rng.normal(0, 0.16, n) * size

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        u = self._view.unit
        total = np.zeros((canvas.height, canvas.width), np.float32)
        # A spark moves while the shutter is open: a short comet of dots.
        for lag, share in ((0.0, 1.0), (0.012, 0.7), (0.024, 0.45), (0.036, 0.25)):
            age = ((t - lag) / self._life + self._born) % 1.0
            seconds = age * self._life
            swirl = (self._swirl * np.sin(self._rate * seconds + self._phase)).sum(0) * np.minimum(seconds * 1.2, 1)
            x = (
                self._x
                + self._start * (1 - 0.3 * age)
                + swirl
                + self._spread * age**1.3
                + self._wind * u * 0.12 * seconds**1.4
            )
            y = self._foot - 0.25 * self._size - self._speed * seconds * (1 - 0.12 * age)
            glow = self._heat * np.minimum(age * 12, 1) * (1 - age) ** 1.2
            glow = glow * (0.75 + 0.25 * np.sin(seconds * 23 + self._phase[0]))
            total += splat(
                canvas.height, canvas.width, x + pose.at(self._near)[1], y, glow * share * 4.2, max(0.55, u / 800), 2
            )
        for c, tint in enumerate((1.0, 0.42, 0.10)):
            canvas.rgb[c] += total * np.float32(tint)
