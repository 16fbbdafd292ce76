"""Under water: light that falls in shafts from the surface, far blue depth, a reef with coral and weeds that sway."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger, Painter, Plate
from reelwright.engines.sketch.cast.actor import Actor, Cels
from reelwright.engines.sketch.cast.figure import Look
from reelwright.engines.sketch.cast.lit import Lit, lit
from reelwright.engines.sketch.cast.marine import FIGURES
from reelwright.engines.sketch.cast.pen import Pen, shade
from reelwright.engines.sketch.effects import Bubbles
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Tile, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear, ramp
from reelwright.engines.sketch.scenery import scenery

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

_CORALS = ("#e86a7a", "#f0a04a", "#b86ad0", "#f2d06a", "#e0508a", "#5fc8b0")


def sea_light(light: Light) -> Light:
    """The light below: blue-green from above."""
    dim = 0.34 if light.night else 0.8 if light.name in ("dusk", "dawn", "sunset") else 1.0
    return replace(
        light,
        name="day" if not light.night else "night",
        beam=(linear("#bfeef0") * np.float32(0.85 * dim)).astype(np.float32),
        ambient=(linear("#6fc0d8") * np.float32(0.75 * dim)).astype(np.float32),
        haze=(linear("#1f7fa8") * np.float32(dim)).astype(np.float32),
        direction=np.array([0.1, 0.95, 0.1], np.float32),
        dim=1.0,
    )


class Depth:
    """The water itself: brightest at the surface, shafts of light that waver, and a net of light on the sea bed."""

    def __init__(self, view: View, seed: int, light: Light) -> None:
        self._view = view
        self._level = np.float32(float(light.ambient.max()) / 0.55)
        rng = generator(seed, "depth")
        self._rays = Tile(fractal(rng, 128, 1.1, 3.0, 16.0))
        y = np.linspace(0, 1, view.height, dtype=np.float32)
        stops = ((0.0, "#9fe8ee"), (0.14, "#4fbcd6"), (0.42, "#1f86b4"), (0.75, "#0f5a90"), (1.0, "#0a3f70"))
        self._back = ramp(stops, y) * self._level
        self._small = (max(8, view.height // 4), max(8, view.width // 4))
        self._enlarge = Enlarger(self._small, view.height, view.width)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        h, w = self._small
        canvas.rgb[:] = self._back[:, :, None]
        y = np.linspace(0, 1, h, dtype=np.float32)[:, None]
        x = (np.arange(w, dtype=np.float32)[None,
            :] * 4 - np.float32(self._view.centre + pose.dx * 0.2)) / np.float32(self._view.unit)
        slant = x / (1 + y * np.float32(0.75)) - y * np.float32(0.18)
        ray = self._rays.at(slant * 70 + np.float32(t * 1.2), np.zeros_like(slant) + np.float32(t * 2.4))
        light = smoothstep(0.3, 1.9, ray) * (1 - y) ** 1.3 * np.float32(0.55) * self._level
        for top, part in self._enlarge.parts(canvas, light[None].astype(np.float32)):
            canvas.rgb[:, top : top + part.shape[1]] += part * np.array([0.70, 0.98, 1.0], np.float32)[:, None, None]


def _bed(view: View, light: Light, seed: int, row: float, near: float, veil: float, rich: bool) -> Plate:
    rng = generator(seed, f"reef-{near}")

    def draw(pen: Pen, low: float, high: float) -> None:
        hills = [(low + (high - low) * n / 12, 0.05 * math.sin(n * 1.7 + near * 9) + rng.uniform(0.0,
            0.06)) for n in range(13)]
        pen.smooth([(low - 0.2, -0.6), (low - 0.1, 0.0), *hills, (high + 0.1, 0.0), (high + 0.2, -0.6)],
            "#8a8f7a" if rich else "#54727a")
        count = int((high - low) * (11 if rich else 8))
        for _ in range(count):
            x = float(rng.uniform(low, high))
            if rich and abs(x) < 0.18 and rng.random() < 0.7:
                continue
            y = float(rng.uniform(-0.06, 0.03))
            _coral(pen, rng, x, y, float(rng.uniform(0.05, 0.15)) * (1.15 if rich else 0.8),
                _CORALS[int(rng.integers(6))])

    return scenery(view, light, draw, row=row, below=0.45, above=0.4, nearness=near, veil=veil, volume=0.6)


def _coral(pen: Pen, rng: np.random.Generator, x: float, y: float, size: float, colour: str) -> None:
    match int(rng.integers(4)):
        case 0:
            for n in range(7):
                a = math.pi * (0.12 + 0.76 * n / 6)
                tip = (x + math.cos(a) * size * 1.1, y + math.sin(a) * size * 1.35)
                pen.limb([(x, y, size * 0.11), ((x + tip[0]) / 2 + 0.1 * size * math.sin(n * 3), (y + tip[1]) / 2,
                    size * 0.085), (*tip, size * 0.06)], shade(colour, 0.8 + 0.05 * n))
        case 1:
            for n in range(5):
                pen.oval(x + (n - 2) * size * 0.36, y + size * (0.25 + 0.16 * (n % 2)), size * 0.34, size * 0.36,
                    shade(colour, 0.78 + 0.08 * n))
        case 2:
            pen.smooth([(x - size * 0.1, y - 0.02), (x - size * 0.9, y + size * 0.8),
                (x - size * 0.4, y + size * 1.35), (x + size * 0.4, y + size * 1.35),
                (x + size * 0.9, y + size * 0.8), (x + size * 0.1, y - 0.02)], colour)
            for n in range(7):
                a = math.pi * (0.16 + 0.68 * n / 6)
                pen.line([(x, y), (x + math.cos(a) * size * 1.15, y + math.sin(a) * size * 1.25)], size * 0.045,
                    shade(colour, 0.62))
        case _:
            for n in range(4):
                px, tall = x + (n - 1.5) * size * 0.35, size * (0.7 + 0.3 * ((n * 7) % 3))
                pen.limb([(px, y, size * 0.15), (px + size * 0.04, y + tall, size * 0.17)], shade(colour, 0.85))
                pen.oval(px + size * 0.04, y + tall + size * 0.06, size * 0.11, size * 0.05, shade(colour, 0.45))


def _weed(pen: Pen, phase: float, look: Look) -> None:
    a = 2 * math.pi * phase
    for n in range(5):
        tall, x0 = 0.55 + 0.11 * ((n * 3 + look.kind) % 5), (n - 2) * 0.09
        spine = [(x0 + 0.10 * (k / 8) * math.sin(a - k * 0.55 + n), tall * k / 8) for k in range(9)]
        pen.limb([(x, y, 0.030 * (1.05 - k / 9)) for k, (x, y) in enumerate(spine)], shade("#3f9a5a", 0.6 + 0.1 * n))


def underwater(view: View, light: Light, seed: int, fishes: bool) -> tuple[list[Painter], list[Painter]]:
    """What lies behind the swimmers, and what before them; `fishes`: a small shoal belongs to it."""
    u = view.unit
    behind: list[Painter] = [Depth(view, seed, light), _bed(view, light, seed, view.height - 0.20 * u, 0.2, 0.62,
        False)]
    rng = generator(seed, "shoal")
    if fishes:
        behind += [_small_fish(view, light, rng, n) for n in range(9)]
    behind.append(_bed(view, light, seed, view.height - 0.085 * u, 0.55, 0.16, True))
    front = [_weeds(view, light, x, n) for n, x in enumerate((0.05, 0.16, 0.86, 0.96))]
    return behind, [*front, Bubbles(view, seed, 26)]


def _weeds(view: View, light: Light, share: float, number: int) -> Painter:
    u = view.unit
    scale = u * (0.52, 0.36, 0.42, 0.58)[number % 4]

    def draw(phase: float) -> Lit:
        pen = Pen((-0.42, -0.02, 0.42, 1.15), scale)
        _weed(pen, phase, Look(kind=number))
        return lit(pen.stamp(), light, 0.05, 0.0)

    x, y = share * view.width, view.height + 0.02 * u
    return Actor(view, Cels(draw, 12), lambda t: (x, y), 0.9, rate=view.whole(0.3), start=number * 0.23)


def _small_fish(view: View, light: Light, rng: np.random.Generator, number: int) -> Painter:
    fish, scale = FIGURES["fish"], view.unit * float(rng.uniform(0.035, 0.06))
    look = Look(kind=number % 4)

    def draw(phase: float) -> Lit:
        pen = Pen(fish.box, scale)
        fish.draw(pen, phase, look)
        return lit(pen.stamp(), light, 0.5, 0.0)

    x0, y0 = float(rng.uniform(0, 1)) * view.width, float(rng.uniform(0.22, 0.62)) * view.height
    reach = view.width + 0.3 * view.unit
    speed = reach * view.whole(0.05) if view.loop else 0.05 * view.unit * float(rng.uniform(0.8, 1.3))

    def at(t: float) -> tuple[float, float]:
        return (x0 + speed * t) % reach - 0.15 * view.unit, y0 + 0.006 * view.unit * math.sin(t * 1.3 + number)

    return Actor(view, Cels(draw, 8), at, 0.3, rate=view.whole(1.6), start=number * 0.17)
