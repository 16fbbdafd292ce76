"""A street at eye level: a row of house fronts with shops, a pavement with lamps and trees, and the road before it."""

from __future__ import annotations

import numpy as np

from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.canvas import Painter, Plate
from reelwright.engines.sketch.cast.pen import Pen, ellipse, shade
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import generator
from reelwright.engines.sketch.scenery import scenery

_WALLS = ("#c8836a", "#d8c09a", "#8fa3ae", "#b8a088", "#d8a878", "#9a8aa0", "#b0584a", "#7f9a8a")
_AWNINGS = ("#c8382e", "#2f7f6a", "#e0a82e", "#2f5f9a", "#8a3f7a")
_WARM = "#ffcf86"


def street(view: View, light: Light, seed: int, neon: bool) -> list[Painter]:
    u = view.unit
    kerb = view.height - 0.175 * u
    return [
        _fronts(view, light, seed, kerb - 0.075 * u, neon),
        _pavement(view, light, kerb),
        _lamps(view, light, kerb - 0.02 * u),
    ]


def _fronts(view: View, light: Light, seed: int, row: float, neon: bool) -> Plate:
    rng = generator(seed, "street")
    tall = row / view.unit + 0.02

    def draw(pen: Pen, low: float, high: float) -> None:
        x = low - float(rng.uniform(0.05, 0.2))
        while x < high:
            wide = float(rng.uniform(0.24, 0.40))
            height = tall * float(rng.uniform(0.58, 0.95))
            _house(pen, rng, x, wide, height, neon)
            x += wide

    return scenery(view, light, draw, row=row, below=0.02, above=tall, nearness=0.45, veil=0.06, glare=2.0)


def _house(pen: Pen, rng: np.random.Generator, x: float, wide: float, height: float, neon: bool) -> None:
    wall = shade(_WALLS[int(rng.integers(len(_WALLS)))], 0.62 if neon else 1.0)
    pen.box(x, 0.0, x + wide, height, wall)
    pen.box(x - 0.006, height - 0.022, x + wide + 0.006, height, shade(wall, 0.78))
    pen.box(x, 0.195, x + wide, 0.21, shade(wall, 0.72))
    pen.box(x + wide - 0.012, 0.0, x + wide, height, shade(wall, 0.84))
    columns = max(2, int(wide / 0.10))
    step = wide / columns
    y = 0.245
    while y < height - 0.10:
        for n in range(columns):
            left = x + step * (n + 0.5) - 0.024
            _window(pen, rng, left, y, wall)
        y += 0.125
    _shop(pen, rng, x, wide, wall, neon)


def _window(pen: Pen, rng: np.random.Generator, left: float, y: float, wall: str) -> None:
    pen.box(left - 0.006, y - 0.008, left + 0.054, y + 0.078, shade(wall, 1.35))
    pane = [(left, y), (left + 0.048, y), (left + 0.048, y + 0.072), (left, y + 0.072)]
    pen.polygon(pane, "#4f6678")
    pen.polygon([(left, y + 0.03), (left + 0.03, y + 0.072), (left, y + 0.072)], "#7f98a8")
    if rng.random() < 0.45:
        pen.glow(pane, shade(_WARM, float(rng.uniform(0.45, 1.0))))
    pen.box(left + 0.022, y, left + 0.026, y + 0.072, shade(wall, 1.35))
    pen.box(left - 0.010, y - 0.014, left + 0.058, y - 0.004, shade(wall, 0.7))


def _shop(pen: Pen, rng: np.random.Generator, x: float, wide: float, wall: str, neon: bool) -> None:
    left, right = x + 0.020, x + wide - 0.020
    door = left + (right - left) * float(rng.uniform(0.15, 0.75))
    glass = [(left, 0.028), (right, 0.028), (right, 0.135), (left, 0.135)]
    pen.polygon(glass, "#3f5460")
    pen.glow(glass, shade("#ffc878", 0.75))
    for n in range(4):
        sx = left + (right - left) * (n + 0.5) / 4
        pen.box(sx - 0.014, 0.030, sx + 0.012, 0.055 + 0.014 * (n % 3), shade("#8a6a4a", 0.7 + 0.1 * n))
    pen.box(door, 0.0, door + 0.052, 0.135, shade(wall, 0.45))
    pane = [(door + 0.010, 0.035), (door + 0.042, 0.035), (door + 0.042, 0.125), (door + 0.010, 0.125)]
    pen.polygon(pane, "#5f7888")
    pen.glow(pane, shade("#ffc878", 0.8))
    tint = _AWNINGS[int(rng.integers(len(_AWNINGS)))]
    if neon:
        sign = ("#ff3fb0", "#3fe0ff", "#ffd23f", "#8a5aff")[int(rng.integers(4))]
        board = [(left, 0.148), (right, 0.148), (right, 0.184), (left, 0.184)]
        pen.polygon(board, shade(sign, 0.35))
        for n in range(int((right - left) / 0.030)):
            bar = [
                (left + 0.010 + n * 0.030, 0.155),
                (left + 0.028 + n * 0.030, 0.155),
                (left + 0.028 + n * 0.030, 0.177),
                (left + 0.010 + n * 0.030, 0.177),
            ]
            pen.glow(bar, sign)
        side = x + wide * float(rng.uniform(0.1, 0.8))
        tower = [(side, 0.26), (side + 0.038, 0.26), (side + 0.038, 0.48), (side, 0.48)]
        pen.polygon(tower, "#241a34")
        for n in range(5):
            pen.glow(
                [
                    (side + 0.007, 0.27 + n * 0.042),
                    (side + 0.031, 0.27 + n * 0.042),
                    (side + 0.031, 0.30 + n * 0.042),
                    (side + 0.007, 0.30 + n * 0.042),
                ],
                sign,
            )
        return
    stripes = max(4, int((right - left) / 0.034))
    for n in range(stripes):
        a, b = (
            left - 0.008 + (right - left + 0.016) * n / stripes,
            left - 0.008 + (right - left + 0.016) * (n + 1) / stripes,
        )
        pen.polygon(
            [(a, 0.182), (b, 0.182), (b + 0.004, 0.135), (a + 0.004 - 0.004, 0.135)], tint if n % 2 else "#f4efe4"
        )


def _pavement(view: View, light: Light, kerb: float) -> Plate:
    deep = (view.height - kerb) / view.unit

    def draw(pen: Pen, low: float, high: float) -> None:
        pen.box(low - 0.1, 0.0, high + 0.1, 0.082, "#a8a29a")
        for n in range(int((low - 0.1) / 0.09), int((high + 0.1) / 0.09) + 1):
            pen.polygon(
                [(n * 0.09 * 1.06, 0.0), (n * 0.09 * 1.06 + 0.003, 0.0), (n * 0.09 + 0.002, 0.082), (n * 0.09, 0.082)],
                "#8a857e",
            )
        pen.box(low - 0.1, 0.038, high + 0.1, 0.041, "#8f8a83")
        pen.box(low - 0.1, -0.016, high + 0.1, 0.0, "#c4beb4")
        pen.box(low - 0.1, -deep - 0.1, high + 0.1, -0.016, "#47484e")
        pen.box(low - 0.1, -0.030, high + 0.1, -0.022, "#3a3b40")
        for n in range(int((low - 0.2) / 0.26), int((high + 0.3) / 0.26) + 1):
            pen.polygon(
                [(n * 0.26, -0.100), (n * 0.26 + 0.13, -0.100), (n * 0.26 + 0.125, -0.088), (n * 0.26 - 0.002, -0.088)],
                "#d8d2c0",
            )

    return scenery(view, light, draw, row=kerb, below=deep + 0.05, above=0.09, nearness=0.6)


def _lamps(view: View, light: Light, row: float) -> Plate:
    def draw(pen: Pen, low: float, high: float) -> None:
        for n in range(int(low / 0.62) - 1, int(high / 0.62) + 2):
            x = n * 0.62 + 0.27
            pen.line([(x, 0.0), (x, 0.40), (x + 0.012, 0.43), (x + 0.05, 0.435)], 0.012, "#2f3338")
            pen.box(x - 0.014, -0.004, x + 0.014, 0.05, "#2f3338")
            lamp = [(x + 0.035, 0.43), (x + 0.085, 0.43), (x + 0.075, 0.412), (x + 0.045, 0.412)]
            pen.polygon(lamp, "#f2e6c4")
            pen.glow(ellipse(x + 0.06, 0.418, 0.026, 0.014), "#ffe0a0")

    return scenery(view, light, draw, row=row, below=0.02, above=0.46, nearness=0.6, glare=3.0)
