"""Firm ground and what lies on it: roads, rails, beach and bank, an island, groves, the moon; a sea of clouds."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger, Painter, Plate
from reelwright.engines.sketch.cast.figure import Look
from reelwright.engines.sketch.cast.pen import Pen, curve, shade
from reelwright.engines.sketch.cast.plants import palm, tree
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.plane import Ground
from reelwright.engines.sketch.scenery import scenery


def road(view: View, light: Light, lower: float, upper: float) -> Plate:
    """A road across the picture between two rows, with a dashed line and posts."""
    deep = (lower - upper) / view.unit

    def draw(pen: Pen, low: float, high: float) -> None:
        pen.box(low - 0.1, -0.02, high + 0.1, deep + 0.012, "#8a8272")
        pen.box(low - 0.1, 0.0, high + 0.1, deep, "#4a4a50")
        pen.box(low - 0.1, deep * 0.90, high + 0.1, deep * 0.94, "#d8d4c8")
        pen.box(low - 0.1, deep * 0.05, high + 0.1, deep * 0.10, "#d8d4c8")
        for n in range(int((low - 0.2) / 0.22), int((high + 0.3) / 0.22) + 1):
            pen.polygon(
                [
                    (n * 0.22, deep * 0.47),
                    (n * 0.22 + 0.11, deep * 0.47),
                    (n * 0.22 + 0.115, deep * 0.53),
                    (n * 0.22 + 0.005, deep * 0.53),
                ],
                "#e8c85a",
            )

    return scenery(view, light, draw, row=lower, below=0.03, above=deep + 0.03, nearness=0.75)


def long_road(view: View, light: Light) -> Plate:
    """A road that runs to the horizon."""
    deep = (view.height - view.horizon) / view.unit

    def draw(pen: Pen, low: float, high: float) -> None:
        pen.polygon([(-0.012, -0.02), (0.012, -0.02), (0.52, -deep - 0.05), (-0.52, -deep - 0.05)], "#a89a80")
        pen.polygon([(-0.009, -0.02), (0.009, -0.02), (0.46, -deep - 0.05), (-0.46, -deep - 0.05)], "#4a4a50")
        for side in (-1, 1):
            pen.polygon([(side * 0.0085, -0.02), (side * 0.42, -deep - 0.05), (side * 0.44, -deep - 0.05)], "#d8d4c8")
        s = 0.06
        while s < 1.0:
            e = s * 1.28
            pen.polygon(
                [(-0.012 * s, -deep * s), (0.012 * s, -deep * s), (0.014 * e, -deep * e), (-0.014 * e, -deep * e)],
                "#e8c85a",
            )
            s *= 1.62

    return scenery(
        view, light, draw, row=view.horizon + 0.02 * view.unit, below=deep + 0.05, above=0.02, nearness=0.5, veil=0.05
    )


def rails(view: View, light: Light, row: float) -> Plate:
    def draw(pen: Pen, low: float, high: float) -> None:
        pen.polygon([(low - 0.1, -0.075), (high + 0.1, -0.075), (high + 0.1, 0.0), (low - 0.1, 0.0)], "#7a7064")
        for n in range(int((low - 0.1) / 0.045), int((high + 0.1) / 0.045) + 1):
            pen.polygon(
                [
                    (n * 0.045 - 0.004, -0.034),
                    (n * 0.045 + 0.014, -0.034),
                    (n * 0.045 + 0.018, -0.004),
                    (n * 0.045, -0.004),
                ],
                "#4f3a2a",
            )
        for y in (-0.010, -0.030):
            pen.box(low - 0.1, y, high + 0.1, y + 0.006, "#b8bcc0")

    return scenery(view, light, draw, row=row, below=0.08, above=0.02, nearness=0.6)


def beach(view: View, light: Light) -> Plate:
    """Sand in front of the water, with a wet rim where the waves run out."""
    deep = 0.20

    def draw(pen: Pen, low: float, high: float) -> None:
        for drop, tone in ((0.0, "#f2efe6"), (0.010, "#a88a60"), (0.036, "#dcbf8c")):
            edge = [
                (low + (high - low) * n / 10, 0.10 - drop + 0.018 * math.sin(n * 1.25) + 0.05 * (n / 10 - 0.5))
                for n in range(11)
            ]
            pen.polygon(
                [(low - 0.2, -0.3), (low - 0.2, 0.08), *curve(edge), (high + 0.2, 0.14), (high + 0.2, -0.3)], tone
            )
        for n in range(70):
            x, y = low + (high - low) * ((n * 0.618) % 1), -0.15 + 0.20 * ((n * 0.381) % 1)
            pen.oval(x, y, 0.016, 0.0035, shade("#dcbf8c", 0.86 if n % 2 else 1.25))

    return scenery(view, light, draw, row=view.height - 0.13 * view.unit, below=deep, above=0.16, nearness=0.7)


def bank(view: View, light: Light, snow: bool) -> Plate:
    """Grass in front of a lake or river."""
    rng = generator(3, "bank")
    green = "#dfe8f2" if snow else "#5f7f3f"

    def draw(pen: Pen, low: float, high: float) -> None:
        edge = [(low + (high - low) * n / 9, 0.07 + 0.02 * math.sin(n * 1.6)) for n in range(10)]
        pen.polygon([(low - 0.2, -0.3), (low - 0.2, 0.07), *curve(edge), (high + 0.2, 0.07), (high + 0.2, -0.3)], green)
        for _ in range(int((high - low) * 260)):
            x, s = float(rng.uniform(low, high)), float(rng.uniform(0, 1))
            y = 0.075 - 0.2 * s + 0.02 * math.sin((x - low) / (high - low) * 9 * 1.6)
            tall, lean = 0.018 + 0.03 * s, float(rng.uniform(-0.01, 0.014))
            pen.polygon(
                [(x - 0.003, y), (x + lean, y + tall), (x + 0.003, y)], shade(green, float(rng.uniform(0.65, 1.15)))
            )

    return scenery(view, light, draw, row=view.height - 0.13 * view.unit, below=0.2, above=0.16, nearness=0.7)


def island(view: View, light: Light) -> Plate:
    def draw(pen: Pen, low: float, high: float) -> None:
        pen.smooth(
            [(-0.34, -0.03), (-0.26, 0.035), (-0.08, 0.075), (0.12, 0.07), (0.28, 0.03), (0.36, -0.03)], "#e0c590"
        )
        for n in range(22):
            x = -0.19 + 0.018 * n
            pen.oval(x, 0.075 + 0.022 * math.sin(n * 0.47), 0.035, 0.032, shade("#4f8a3f", 0.7 + 0.07 * (n % 5)))
        for x, size in ((-0.10, 0.34), (0.03, 0.42), (0.15, 0.30)):
            inner = Pen((-0.36, -0.03, 0.72, 1.16), view.unit * size)
            palm(inner, 0.1 + x, Look())
            pen.paste(inner, x, 0.07)

    return scenery(view, light, draw, row=view.horizon + 2, below=0.03, above=0.6, nearness=0.12, veil=0.12, volume=0.3)


def grove(view: View, light: Light, seed: int, dry: bool) -> Plate:
    """Broad trees along the far edge of a park; flat-topped ones on a savanna."""
    rng = generator(seed, "grove")
    tones = ("#7f8a3f", "#6f7a34", "#949a4a") if dry else ("#5f8f3f", "#4f7f3a", "#74a04a")
    paint = partial(tree, tones=tones)

    def draw(pen: Pen, low: float, high: float) -> None:
        count = 5 if dry else 11
        for n in range(count):
            x = low + (high - low) * (n + float(rng.uniform(0.2, 0.8))) / count
            size = float(rng.uniform(0.14, 0.26)) * (1.0 if dry else 1.15)
            if dry:
                _acacia(pen, rng, x, size, tones)
                continue
            inner = Pen((-0.52, -0.03, 0.52, 1.08), view.unit * size)
            paint(inner, 0.0, Look(kind=n))
            pen.paste(inner, x, -0.02 * (n % 2))

    return scenery(
        view,
        light,
        draw,
        row=view.horizon + 0.07 * view.unit,
        below=0.04,
        above=0.36,
        nearness=0.2,
        veil=0.26,
        volume=0.3,
    )


def jungle(view: View, light: Light, seed: int) -> list[Plate]:
    """Broad trees in two depths and palms at both sides, dense as in a rain forest."""
    tones = ("#3f7a34", "#4f8a3a", "#2f6a3a")
    paint = partial(tree, tones=tones)

    def row(pen: Pen, low: float, high: float, name: str, tall: float, gap: float) -> None:
        rng = generator(seed, f"jungle-{name}")
        count = round((high - low) / (0.42 * tall))
        for n in range(count):
            x = low + (high - low) * (n + float(rng.uniform(0.1, 0.9))) / count
            if abs(x) < gap:
                continue
            size = tall * float(rng.uniform(0.8, 1.2))
            inner = Pen((-0.52, -0.03, 0.72, 1.16), view.unit * size)
            (palm if n % 4 == 1 else paint)(inner, 0.0, Look(kind=n))
            pen.paste(inner, x, -0.05 * (n % 2) - 0.10 * tall)

    u, far, near = view.unit, 0.30, 0.62
    return [
        scenery(view, light, lambda pen, low, high: row(pen, low, high, "far", far, 0.0), row=view.horizon + 0.06 * u,
                below=0.1, above=0.36, nearness=0.15, veil=0.42, volume=0.3),
        scenery(view, light, lambda pen, low, high: row(pen, low, high, "near", near, 0.44),
                row=view.horizon + 0.20 * u, below=0.2, above=0.72, nearness=0.45, veil=0.06, volume=0.3),
    ]  # fmt: skip


def _acacia(pen: Pen, rng: np.random.Generator, x: float, size: float, tones: tuple[str, ...]) -> None:
    pen.limb([(x, -0.01, size * 0.05), (x + size * 0.05, size * 0.45, size * 0.035)], "#5a4632")
    for side in (-0.42, -0.15, 0.2, 0.45):
        pen.limb(
            [(x + size * 0.05, size * 0.42, size * 0.028), (x + size * side, size * 0.72, size * 0.012)], "#5a4632"
        )
    for n in range(16):
        dx = float(rng.uniform(-0.62, 0.62)) * size
        pen.oval(
            x + dx,
            size * (0.78 + 0.10 * float(rng.uniform(-0.5, 0.8))),
            size * 0.20,
            size * 0.085,
            shade(tones[n % 3], float(rng.uniform(0.75, 1.1))),
        )


def moon_ground(view: View, light: Light, seed: int, red: bool) -> list[Painter]:
    """Grey dust with craters under a black sky; reddish on Mars."""
    base = "#b8683f" if red else "#a8a8ac"
    painters: list[Painter] = []
    for n, (level, near, tone) in enumerate(((0.0, 0.10, 0.62), (0.10, 0.35, 0.82), (0.24, 0.7, 1.0))):
        rng = generator(seed, f"moon-{n}")

        def draw(
            pen: Pen, low: float, high: float, rng: np.random.Generator = rng, tone: float = tone, n: int = n
        ) -> None:
            ridge = [
                (low + (high - low) * k / 10, 0.05 * float(rng.uniform(-0.3, 1.0)) * (1.5 if n == 0 else 0.8))
                for k in range(11)
            ]
            pen.polygon(
                [(low - 0.2, -0.9), (low - 0.2, 0), *curve(ridge), (high + 0.2, 0), (high + 0.2, -0.9)],
                shade(base, tone),
            )
            for _ in range(int(12 + 10 * n)):
                x, y = float(rng.uniform(low, high)), -float(rng.uniform(0.03, 0.20 + 0.16 * n))
                r = float(rng.uniform(0.012, 0.05)) * (0.6 + 0.6 * n)
                pen.oval(x, y, r * 1.15, r * 0.36, shade(base, min(tone * 1.22, 1.3)))
                pen.oval(x + 0.004, y + 0.004, r, r * 0.30, shade(base, tone * 0.55))
                pen.oval(x + r * 0.15, y - r * 0.07, r * 0.8, r * 0.20, shade(base, tone * 0.78))

        painters.append(
            scenery(
                view,
                light,
                draw,
                row=view.horizon + level * view.unit,
                below=0.7,
                above=0.12,
                nearness=near,
                veil=0.0,
                volume=0.0,
            )
        )
    return painters


def earth_in_sky(view: View) -> Plate:
    r = 0.085 * view.unit
    pen = Pen((-1.02, -1.02, 1.02, 1.02), r)
    pen.oval(0, 0, 1, 1, "#2f6fc0")
    for shape in (
        ((-0.6, 0.5), (-0.1, 0.7), (0.1, 0.3), (-0.2, 0.0), (-0.5, 0.1)),
        ((0.2, -0.1), (0.6, 0.1), (0.7, -0.3), (0.35, -0.7)),
        ((-0.5, -0.3), (-0.2, -0.25), (-0.3, -0.7)),
    ):
        pen.smooth(list(shape), "#4f9a52")
    for y, w in ((0.35, 0.6), (-0.05, 0.75), (-0.45, 0.55)):
        pen.smooth(
            [
                (-w, y),
                (-w * 0.3, y + 0.09),
                (w * 0.4, y + 0.03),
                (w, y + 0.08),
                (w * 0.3, y - 0.05),
                (-w * 0.4, y - 0.03),
            ],
            "#f2f6fa",
        )
    stamp = pen.stamp()
    h, w2 = stamp.alpha.shape
    shadow = np.clip(1.25 - (np.linspace(-1, 1, w2)[None, :] + 0.4 * np.linspace(-1, 1, h)[:, None] + 0.6), 0.06, 1.1)
    rgb = (stamp.albedo * shadow).astype(np.float32)
    x, y = 0.74 * view.width, max(0.20 * view.height, r + 6)
    return Plate(rgb, stamp.alpha, round(x - r), round(y - r), 0.0, (view.centre, view.horizon))


class CloudSea:
    """A sea of clouds seen from above: billows in perspective, lit from the sun's side."""

    def __init__(self, view: View, light: Light, seed: int) -> None:
        rng = generator(seed, "cloud-sea")
        self._view = view
        self._ground = Ground(view, eye=2.2, shrink=2)
        shape = fractal(rng, 512, 1.55, 4.0)
        lit = (np.roll(shape, -7, 1) - np.roll(shape, 7, 1)) * np.float32(0.30) + (
            np.roll(shape, 6, 0) - np.roll(shape, -6, 0)
        ) * np.float32(0.42)
        self._tile = Tile((shape + 1j * lit).astype(np.complex64))
        hour = light.hour
        self._lit = (linear(hour.cloud_lit) * (0.55 if light.night else 0.92)).astype(np.float32)
        self._shade = (linear(hour.cloud_shade) * (0.5 if light.night else 0.8)).astype(np.float32)
        self._haze = light.haze

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        spot = self._ground.at(canvas, pose)
        if spot is None:
            return
        s = np.float32(t)
        found = self._tile.at(spot.x * 13 - s * 1.5, spot.z * 13 + s * 6)
        level = np.clip(np.float32(0.50) + found.imag * np.float32(1.15) + found.real * np.float32(0.22), 0, 1.15)
        veil = 1 - np.exp(-spot.step * np.float32(1.5))
        colour: Plane = np.empty((3, *level.shape), np.float32)
        for c in range(3):
            tone = self._shade[c] + level * (self._lit[c] - self._shade[c])
            colour[c] = tone + (self._haze[c] * np.float32(1.05) - tone) * veil
        enlarge = Enlarger((level.shape[0], level.shape[1]), canvas.height - spot.top, canvas.width)
        for row, part in enlarge.parts(canvas, colour):
            canvas.rgb[:, spot.top + row : spot.top + row + part.shape[1]] = part
