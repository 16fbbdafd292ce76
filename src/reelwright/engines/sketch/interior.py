"""Indoors: a room with a window, a table before it, a stage with its lights."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Painter, Plate
from reelwright.engines.sketch.cast.pen import Pen, ellipse, shade
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, generator
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.scenery import scenery


def indoor_light(light: Light) -> Light:
    """The light of a lamp and of the window: warm, never dark."""
    dark = light.name in ("night", "dusk")
    return replace(
        light,
        beam=(linear("#ffd9a8") * np.float32(0.50 if dark else 0.85)).astype(np.float32),
        ambient=(linear("#e8cdb0") * np.float32(0.26 if dark else 0.55)).astype(np.float32),
        haze=(linear("#5a4a40") * np.float32(0.5)).astype(np.float32),
        direction=np.array([-0.55, 0.72, -0.2], np.float32),
        dim=1.0,
    )


def _sky_colours(light: Light) -> tuple[str, ...]:
    tones = light.sky(np.array([0.05, 0.3, 0.6, 0.9], np.float32))
    return tuple(
        "#{:02x}{:02x}{:02x}".format(*(int(255 * min(max(float(v), 0), 1) ** (1 / 2.2)) for v in tones[:, n]))
        for n in range(4)
    )


def _window(pen: Pen, light: Light, x: float, y: float, wide: float, tall: float, seed: int) -> None:
    """A window with the hour's sky behind it, hills, and curtains."""
    rng = generator(seed, "window")
    tones = _sky_colours(light)
    pen.box(x - 0.02, y - 0.02, x + wide + 0.02, y + tall + 0.02, "#f0e8da")
    steps = 12
    for n in range(steps):
        a, b = y + tall * n / steps, y + tall * (n + 1) / steps
        tone = tones[min(3, n * 4 // steps)]
        pen.box(x, a, x + wide, b + 0.002, tone)
        pen.glow([(x, a), (x + wide, a), (x + wide, b), (x, b)], shade(tone, 0.55))
    if light.name in ("night", "dusk"):
        for _ in range(24):
            sx, sy = x + float(rng.uniform(0, wide)), y + tall * float(rng.uniform(0.4, 1))
            pen.glow(ellipse(sx, sy, 0.0022, 0.0022, 0, 8), "#ffffff")
        pen.oval(x + wide * 0.72, y + tall * 0.74, 0.024, 0.024, "#f2f0e2")
        pen.glow(ellipse(x + wide * 0.72, y + tall * 0.74, 0.024, 0.024), "#f2f0e2")
    pen.smooth(
        [
            (x, y),
            (x, y + tall * 0.22),
            (x + wide * 0.3, y + tall * 0.30),
            (x + wide * 0.6, y + tall * 0.20),
            (x + wide, y + tall * 0.27),
            (x + wide, y),
        ],
        "#5f7f5a",
    )
    pen.box(x + wide / 2 - 0.006, y, x + wide / 2 + 0.006, y + tall, "#f0e8da")
    pen.box(x, y + tall * 0.55 - 0.006, x + wide, y + tall * 0.55 + 0.006, "#f0e8da")
    pen.box(x - 0.035, y - 0.035, x + wide + 0.035, y - 0.015, "#e0d4c0")
    for side in (0, 1):
        cx = x - 0.06 if side == 0 else x + wide - 0.045
        for n in range(5):
            pen.polygon(
                [
                    (cx + 0.021 * n, y - 0.10),
                    (cx + 0.021 * (n + 1), y - 0.10),
                    (cx + 0.021 * (n + 1), y + tall + 0.045),
                    (cx + 0.021 * n, y + tall + 0.045),
                ],
                shade("#c8785a", 0.85 + 0.12 * (n % 2)),
            )
    pen.line([(x - 0.09, y + tall + 0.045), (x + wide + 0.09, y + tall + 0.045)], 0.012, "#6a4a30")


def room(view: View, light: Light, seed: int) -> list[Painter]:
    inside = indoor_light(light)
    floor = view.height * 0.74

    def draw(pen: Pen, low: float, high: float) -> None:
        top = floor / view.unit + 0.05
        pen.box(low - 0.1, 0.0, high + 0.1, top, "#d8c4a8")
        for n in range(int((low - 0.1) / 0.075), int((high + 0.1) / 0.075) + 1):
            pen.box(n * 0.075, 0.0, n * 0.075 + 0.036, top, "#d3bea1")
        _window(pen, light, -0.44, 0.24, 0.40, 0.36, seed)
        pen.box(0.17, 0.36, 0.41, 0.53, "#6a4a30")
        pen.box(0.184, 0.374, 0.396, 0.516, "#e8dcc4")
        pen.smooth([(0.19, 0.385), (0.25, 0.45), (0.29, 0.41), (0.34, 0.47), (0.39, 0.385)], "#5f8a9a")
        pen.oval(0.35, 0.485, 0.014, 0.014, "#e0904a")
        pen.line([(0.46, 0.0), (0.46, 0.30)], 0.012, "#4a3a30")
        pen.polygon([(0.40, 0.29), (0.52, 0.29), (0.49, 0.41), (0.43, 0.41)], "#f2dca8")
        pen.glow([(0.40, 0.29), (0.52, 0.29), (0.49, 0.41), (0.43, 0.41)], "#ffd890")
        pen.box(low - 0.1, 0.0, high + 0.1, 0.030, "#efe6d6")
        deep = (view.height - floor) / view.unit + 0.05
        pen.box(low - 0.1, -deep, high + 0.1, 0.0, "#9a6a42")
        y, step = 0.0, 0.022
        while y > -deep:
            pen.box(low - 0.1, y - 0.0022, high + 0.1, y, "#7f5434")
            for n in range(-4, 5):
                x = n * 0.31 + (0.15 if int(step * 1000) % 2 else 0.0) * (1 - y * 3)
                pen.box(x, y - step, x + 0.003, y, "#7f5434")
            y -= step
            step *= 1.22
        pen.oval(0.0, -0.115, 0.46, 0.075, "#b8503f")
        pen.oval(0.0, -0.113, 0.40, 0.060, "#d8b07a")
        pen.oval(0.0, -0.112, 0.37, 0.053, "#a8483a")

    plate = scenery(
        view,
        inside,
        draw,
        row=floor,
        below=(view.height - floor) / view.unit + 0.05,
        above=floor / view.unit + 0.05,
        nearness=0.45,
        glare=0.9,
    )
    return [plate, _pool(view, inside, -0.24, 0.82)]


class Pool:
    """Soft light that falls in from one side."""

    def __init__(self, plane: Plane, colour: Plane) -> None:
        self._plane, self._colour = plane.astype(np.float32), colour

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        for c in range(3):
            canvas.rgb[c] *= np.float32(1) + self._plane * self._colour[c]


def _pool(view: View, light: Light, x: float, low: float) -> Pool:
    ys = np.arange(view.height, dtype=np.float32)[:, None] / view.height
    xs = (np.arange(view.width, dtype=np.float32)[None, :] - view.centre) / view.unit
    near = np.exp(-(((xs - x) / 0.5) ** 2) - ((ys - 0.45) / 0.5) ** 2) * 0.75 - 0.30
    return Pool(near, linear("#ffe2b8"))


def table(view: View, light: Light, seed: int) -> list[Painter]:
    """A wooden table top before an unsharp room, with a window's light or lamps behind."""
    inside = indoor_light(light)
    edge = view.height * 0.70
    dark = light.name in ("night", "dusk")
    rng = generator(seed, "table")
    high_edge = edge / view.unit + 0.05
    room = scenery(
        view,
        inside,
        lambda pen, low, high: _room_behind(pen, low, high, high_edge, light, rng),
        row=edge,
        below=0.05,
        above=high_edge,
        nearness=0.1,
        glare=0.9 if dark else 0.7,
    )
    deep = (view.height - edge) / view.unit + 0.04
    front = scenery(
        view,
        inside,
        lambda pen, low, high: _boards(pen, low, high, deep, rng),
        row=edge,
        below=deep,
        above=0.01,
        nearness=0.6,
    )
    return [_unsharp(room, 0.018 * view.unit), front, _pool(view, inside, 0.0, 0.8)]


def _room_behind(pen: Pen, low: float, high: float, top: float, light: Light, rng: np.random.Generator) -> None:
    """A wall with two windows by day, and lamps out of focus: many of them after dark."""
    dark = light.name in ("night", "dusk")
    pen.box(low - 0.1, -0.05, high + 0.1, top, "#4a352a" if dark else "#b89a78")
    if not dark:
        tones = _sky_colours(light)
        for n in range(2):
            _rear_window(pen, -0.46 + 0.52 * n, tones)
    for _ in range(46 if dark else 10):
        x, y, r = float(rng.uniform(low, high)), float(rng.uniform(0.02, top)), float(rng.uniform(0.012, 0.045))
        pen.glow(
            ellipse(x, y, r, r, 0, 24),
            shade(("#ffb45a", "#ff8a4a", "#ffd890")[int(rng.integers(3))], float(rng.uniform(0.10, 0.34))),
        )


def _rear_window(pen: Pen, x: float, tones: tuple[str, ...]) -> None:
    """A window out of focus with its left edge at `x`: the sky in bands, a hill, the bar in its middle."""
    for k in range(8):
        low, tone = 0.10 + 0.07 * k, tones[min(3, k // 2)]
        pen.box(x, low, x + 0.36, 0.172 + 0.07 * k, shade(tone, 1.1))
        pen.glow(
            [(x, low), (x + 0.36, low), (x + 0.36, 0.17 + 0.07 * k), (x, 0.17 + 0.07 * k)],
            shade(tone, 0.5),
        )
    pen.smooth(
        [(x, 0.10), (x, 0.24), (x + 0.12, 0.30), (x + 0.24, 0.22), (x + 0.36, 0.28), (x + 0.36, 0.10)], "#7f9a6a"
    )
    pen.box(x + 0.17, 0.10, x + 0.19, 0.66, "#d8c8ae")


def _boards(pen: Pen, low: float, high: float, deep: float, rng: np.random.Generator) -> None:
    """The boards of the table top, with their grain: the nearer, the wider."""
    pen.box(low - 0.1, -deep, high + 0.1, 0.0, "#8f5f3a")
    y, step, n = 0.0, 0.030, 0
    while y > -deep:
        tone = shade("#8f5f3a", (0.92, 1.08, 0.98, 1.14)[n % 4])
        pen.box(low - 0.1, y - step, high + 0.1, y, tone)
        for _ in range(26):
            gx, gy = float(rng.uniform(low, high)), y - step * float(rng.uniform(0.1, 0.9))
            pen.box(gx, gy, gx + float(rng.uniform(0.05, 0.25)), gy + 0.0016, shade(tone, 0.85))
        pen.box(low - 0.1, y - step - 0.0015, high + 0.1, y - step + 0.0015, "#5f3d24")
        y -= step
        step *= 1.32
        n += 1
    pen.box(low - 0.1, -0.004, high + 0.1, 0.004, "#b88a5a")


def _unsharp(plate: Plate, radius: float) -> Plate:
    """The plate out of focus: a box blur, three times, on both axes."""
    layers = plate.layers
    r = max(1, round(radius))
    for _ in range(3):
        for axis in (1, 2):
            padded = np.pad(
                layers, [(0, 0), (r, r) if axis == 1 else (0, 0), (r, r) if axis == 2 else (0, 0)], mode="edge"
            )
            total = np.cumsum(padded, axis=axis, dtype=np.float32)
            n = layers.shape[axis]
            total = np.concatenate([np.zeros_like(total.take([0], axis)), total], axis)
            layers = (total.take(range(2 * r + 1, 2 * r + 1 + n), axis) - total.take(range(n), axis)) / np.float32(
                2 * r + 1
            )
    return Plate(layers[:3], layers[3], plate.left, plate.top, plate.nearness, plate.anchor)


def stage_light(light: Light) -> Light:
    return replace(
        light,
        beam=(linear("#ffe2c0") * np.float32(1.0)).astype(np.float32),
        ambient=(linear("#a890c8") * np.float32(0.34)).astype(np.float32),
        haze=(linear("#2a1830") * np.float32(0.6)).astype(np.float32),
        direction=np.array([0.0, 0.9, -0.3], np.float32),
        dim=1.0,
    )


def stage(view: View, light: Light, seed: int) -> list[Painter]:
    inside = stage_light(light)
    floor = view.height * 0.76
    deep = (view.height - floor) / view.unit + 0.05

    def draw(pen: Pen, low: float, high: float) -> None:
        top = floor / view.unit + 0.05
        pen.box(low - 0.1, 0.0, high + 0.1, top, "#3a1a2a")
        folds = int((high - low) / 0.045)
        for n in range(folds + 2):
            x = low - 0.05 + n * 0.045
            pen.box(x, 0.0, x + 0.024, top, shade("#8a1f2e", 0.62 + 0.25 * abs(math.sin(n * 1.3))))
        for side in (-1, 1):
            edge = high if side > 0 else low
            for n in range(5):
                x = edge - side * 0.030 * n
                pen.polygon(
                    [(x, 0.0), (x - side * 0.032, 0.0), (x - side * (0.032 + 0.05), top), (x, top)],
                    shade("#a8283a", 0.75 + 0.2 * (n % 2)),
                )
        pen.box(low - 0.1, -deep, high + 0.1, 0.0, "#6a4428")
        for n in range(9):
            y = -0.010 * 1.5**n
            pen.box(low - 0.1, y - 0.002, high + 0.1, y, "#4f321e")

    plate = scenery(view, inside, draw, row=floor, below=deep, above=floor / view.unit + 0.05, nearness=0.45)
    return [plate, Spotlights(view, seed, floor + 0.09 * view.unit)]


class Spotlights:
    """Coloured cones of light from above that swing slowly, and their ovals on the floor."""

    def __init__(self, view: View, seed: int, floor: float) -> None:
        self._view, self._floor = view, floor
        tints = ("#ffd8a0", "#ff6ab0", "#6ab8ff")
        self._spots = [
            (linear(c), x, phase) for c, x, phase in zip(tints, (0.0, -0.34, 0.34), (0.0, 1.2, 4.1), strict=True)
        ]

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        view, u = self._view, self._view.unit
        ys = np.arange(canvas.height, dtype=np.float32)[:, None]
        xs = np.arange(canvas.width, dtype=np.float32)[None, :]
        turn = 2 * math.pi * view.whole(0.2)
        for tint, x, phase in self._spots:
            aim = view.centre + (x * 0.35 + (0.0 if x == 0 else 0.10 * math.sin(turn * t + phase))) * u
            lamp = view.centre + x * u
            s = np.clip(ys / np.float32(self._floor), 0, 1)
            middle = lamp + (aim - lamp) * s
            wide = (0.02 + 0.16 * s) * np.float32(u)
            cone = (
                np.clip(1 - np.abs(xs - middle) / wide, 0, 1)
                * (ys < self._floor)
                * (np.float32(0.18) - np.float32(0.11) * s)
            )
            oval = np.exp(
                -((((xs - aim) / (0.17 * u)) ** 2 + ((ys - self._floor) / (0.045 * u)) ** 2) ** 2)
            ) * np.float32(0.30)
            light = cone + oval * np.float32(0.8)
            for c in range(3):
                canvas.rgb[c] += light * tint[c] * np.float32(0.8)
