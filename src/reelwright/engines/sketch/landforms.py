"""Land of its own kind: canyon, river, waterfall, volcano."""

from __future__ import annotations

import math

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Painter, Plate
from reelwright.engines.sketch.cast.pen import Pen, curve, ellipse, shade
from reelwright.engines.sketch.effects import Plume
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Tile, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.scenery import scenery
from reelwright.engines.sketch.sky import splat

_STRATA = ("#b8562e", "#c86a3a", "#a84a2c", "#d88a52", "#b0603a", "#9a4228", "#cf7844")


def canyon(view: View, light: Light, seed: int) -> list[Painter]:
    """Table mountains far off, then walls on both sides, all in layers of red rock, and a river at the bottom."""
    u = view.unit
    painters: list[Painter] = []
    for n, (level, tall, veil, near) in enumerate(
        ((0.02, 0.26, 0.55, 0.08), (0.09, 0.30, 0.34, 0.18), (0.20, 0.34, 0.16, 0.34))
    ):
        rng = generator(seed, f"mesa-{n}")

        def draw(
            pen: Pen, low: float, high: float, rng: np.random.Generator = rng, tall: float = tall, n: int = n
        ) -> None:
            x = low - 0.1
            while x < high:
                wide = float(rng.uniform(0.16, 0.5))
                gap = float(rng.uniform(0.03, 0.22))
                middle = x + wide / 2
                if n == 2 and abs(middle) < 0.34:
                    x += 0.14
                    continue
                height = tall * float(rng.uniform(0.35, 1.0)) * (0.55 if abs(middle) < 0.22 and n else 1.0)
                _butte(pen, rng, x, wide, height)
                x += wide + gap
            pen.smooth(
                [(low - 0.2, -0.9), (low - 0.2, 0.02), (0.0, 0.0), (high + 0.2, 0.02), (high + 0.2, -0.9)],
                shade("#c07a4a", 0.95 - 0.06 * n),
            )

        painters.append(
            scenery(
                view,
                light,
                draw,
                row=view.horizon + level * u,
                below=0.5,
                above=tall + 0.06,
                nearness=near,
                veil=veil,
                volume=0.25,
            )
        )
    painters.append(_river_plate(view, light, "#3f8a9a", view.horizon + 0.16 * u, 0.42))
    painters.append(
        scenery(
            view,
            light,
            lambda pen, low, high: _walls(pen, low, high, seed),
            row=float(view.height),
            below=0.05,
            above=0.72,
            nearness=0.8,
            volume=0.2,
        )
    )
    return painters


def _butte(pen: Pen, rng: np.random.Generator, x: float, wide: float, height: float) -> None:
    layers = 8
    for n in range(layers):
        low, high = height * n / layers, height * (n + 1) / layers + 0.004
        slope = wide * 0.16 * (1 - n / layers) ** 2
        jag = wide * 0.03 * float(rng.uniform(-1, 1))
        tone = _STRATA[n % len(_STRATA)]
        pen.polygon(
            [
                (x - slope + jag, low),
                (x + wide + slope + jag, low),
                (x + wide + slope * 0.8 - jag, high),
                (x - slope * 0.8 + jag, high),
            ],
            tone,
        )
        pen.polygon(
            [
                (x + wide * 0.66, low),
                (x + wide + slope + jag, low),
                (x + wide + slope * 0.8 - jag, high),
                (x + wide * 0.68, high),
            ],
            shade(tone, 0.72),
        )


def _walls(pen: Pen, low: float, high: float, seed: int) -> None:
    for side in (-1, 1):
        rng = generator(seed, f"wall{side}")
        edge = high if side > 0 else low
        for n in range(11):
            y0, y1 = 0.70 * (1 - n / 11), 0.70 * (1 - (n + 1) / 11) - 0.004
            reach = abs(edge) * (0.16 + 0.030 * n + 0.03 * float(rng.uniform(-1, 1)))
            tone = shade(_STRATA[(n * 3 + (side > 0)) % 7], 0.86)
            pen.polygon(
                [
                    (edge + side * 0.1, y0),
                    (edge - side * reach, y0),
                    (edge - side * (reach + 0.02), y1),
                    (edge + side * 0.1, y1),
                ],
                tone,
            )
            pen.polygon(
                [
                    (edge - side * reach * 0.8, y0),
                    (edge - side * reach, y0),
                    (edge - side * (reach + 0.02), y1),
                    (edge - side * reach * 0.82, y1),
                ],
                shade(tone, 1.14 if side < 0 else 0.72),
            )


def _river_plate(view: View, light: Light, colour: str, row: float, near: float) -> Plate:
    """A river that winds from the far row to the lower edge."""
    deep = (view.height - row) / view.unit

    def draw(pen: Pen, low: float, high: float) -> None:
        left, right = [], []
        for k in range(24):
            s = k / 23
            y = -deep * s - 0.02 * s
            wide = 0.012 + 0.30 * s**1.7
            x = 0.16 * math.sin(s * 4.2 + 0.8) * (1 - s) ** 0.7 * (0.35 + s)
            left.append((x - wide, y))
            right.append((x + wide, y))
        pen.smooth([*left, *reversed(right)], shade(colour, 0.55))
        pen.smooth(
            [
                *[(x + 0.014 + 0.02 * n / 23, y - 0.004) for n, (x, y) in enumerate(left)],
                *reversed([(x - 0.010, y - 0.004) for x, y in right]),
            ],
            colour,
        )

    return scenery(view, light, draw, row=row, below=deep + 0.04, above=0.02, nearness=near, veil=0.04)


class Stream:
    """Water that flows towards us between the banks of the winding river: streaks and glints over its plate."""

    def __init__(self, view: View, light: Light, seed: int, row: float) -> None:
        self._view, self._row = view, row
        self._noise = Tile(fractal(generator(seed, "stream"), 256, 1.0, 4.0))
        self._tint = (light.ambient * 0.8 + light.beam * 0.45).astype(np.float32)
        self._sky = light.sky(np.array([0.35], np.float32))[:, 0]

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        view = self._view
        zoom, dx, dy = pose.at(0.42)
        top = max(0, int(view.horizon + (self._row - view.horizon) * zoom + dy))
        deep = max(view.height - self._row, 1.0)
        rows = np.arange(top, canvas.height, dtype=np.float32)
        if len(rows) < 2:
            return
        s = np.clip(((rows - dy - view.horizon) / zoom + view.horizon - self._row) / np.float32(deep), 0.001, 1)[
            :, None
        ]
        wide = (0.012 + 0.30 * s**1.7) * view.unit * zoom
        middle = 0.16 * np.sin(s * 4.2 + 0.8) * (1 - s) ** 0.7 * (0.35 + s) * view.unit * zoom + view.centre + dx
        across = (np.arange(canvas.width, dtype=np.float32)[None, :] - middle) / wide
        inside = smoothstep(1.0, 0.88, np.abs(across))
        far = np.float32(0.35) / (s + np.float32(0.06))
        wave = self._noise.at(across * 26, far * 60 + np.float32(t * 16))
        glint = smoothstep(0.5, 2.0, wave)
        part = canvas.rgb[:, top:]
        share = inside * (np.float32(0.42) + wave * np.float32(0.06))
        for c in range(3):
            part[c] += (self._sky[c] * 0.9 - part[c]) * share
            part[c] += glint * inside * self._tint[c] * np.float32(0.55)


def river(view: View, light: Light, seed: int) -> list[Painter]:
    row = view.horizon + 0.10 * view.unit
    return [_river_plate(view, light, "#3f86a8", row, 0.42), Stream(view, light, seed, row)]


class Falls:
    """A sheet of falling water between two rows, with streaks that rush down, and spray where it lands."""

    def __init__(self, view: View, light: Light, seed: int, x: float, half: float, top: float, foot: float) -> None:
        self._view, self._x, self._half, self._top, self._foot = view, x, half, top, foot
        self._noise = Tile(fractal(generator(seed, "falls"), 256, 1.1, 3.0))
        self._white = (light.ambient * 1.05 + light.beam * 0.42 + np.float32(0.03)).astype(np.float32)
        self._blue = (linear("#3f8fb0") * (light.ambient + light.beam * 0.35)).astype(np.float32)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        view = self._view
        zoom, dx, dy = pose.at(0.30)
        x = view.centre + (self._x - view.centre) * zoom + dx
        top = view.horizon + (self._top - view.horizon) * zoom + dy
        foot = view.horizon + (self._foot - view.horizon) * zoom + dy
        half = self._half * zoom
        y0, y1 = max(0, int(top) - 2), min(canvas.height, int(foot + 0.05 * view.unit))
        x0, x1 = max(0, int(x - 2.1 * half)), min(canvas.width, int(x + 2.1 * half))
        if y1 <= y0 or x1 <= x0:
            return
        ys = np.arange(y0, y1, dtype=np.float32)[:, None]
        xs = np.arange(x0, x1, dtype=np.float32)[None, :]
        s = np.clip((ys - np.float32(top)) / np.float32(foot - top), 0, 1.2)
        across = (xs - np.float32(x)) / np.float32(half * 1.0) / (np.float32(0.82) + np.float32(0.22) * s)
        fall = np.sqrt(s + np.float32(0.05))
        streak = self._noise.at(across * 30, fall * 60 - np.float32(t * 42))
        fine = self._noise.at(across * 95 + 40, fall * 110 - np.float32(t * 75))
        edge = smoothstep(1.0, 0.80, np.abs(across + streak * np.float32(0.06)))
        sheet = edge * smoothstep(-0.02, 0.05, s) * smoothstep(1.06, 0.96, s)
        level = np.clip(np.float32(0.56) + streak * np.float32(0.20) + fine * np.float32(0.12), 0.05, 1.1)
        mist = (
            np.exp(-(((s - 1) / np.float32(0.13)) ** 2))
            * np.exp(-((across / np.float32(1.25)) ** 2))
            * np.clip(np.float32(0.75) + streak * np.float32(0.2), 0, 1)
        )
        part = canvas.rgb[:, y0:y1, x0:x1]
        for c in range(3):
            part[c] += (self._blue[c] + level * (self._white[c] - self._blue[c]) - part[c]) * sheet
            part[c] += (self._white[c] - part[c]) * mist * np.float32(0.85)


def waterfall(view: View, light: Light, seed: int) -> list[Painter]:
    """A cliff with a fall in its middle, before the pool is painted; mossy rocks at its foot."""
    u, rng = view.unit, generator(seed, "cliff")
    foot = view.horizon + 0.02 * u
    top = view.horizon - min(0.50 * u, 0.80 * view.horizon)
    tall = (foot - top) / u

    def draw(pen: Pen, low: float, high: float) -> None:
        rim = [
            (low - 0.1, tall + 0.10),
            (-0.36, tall + 0.06),
            (-0.17, tall + 0.02),
            (-0.10, tall - 0.01),
            (0.10, tall - 0.01),
            (0.17, tall + 0.03),
            (0.40, tall + 0.08),
            (high + 0.1, tall + 0.12),
        ]
        pen.polygon([(low - 0.2, -0.1), *curve(rim), (high + 0.2, -0.1)], "#6a6258")
        for _ in range(150):
            x, y = float(rng.uniform(low, high)), float(rng.uniform(0, tall))
            w, h = float(rng.uniform(0.02, 0.09)), float(rng.uniform(0.03, 0.12))
            pen.polygon(
                [(x, y), (x + w, y + h * 0.2), (x + w * 0.9, y + h), (x + w * 0.1, y + h * 0.85)],
                shade(("#6f675c", "#57504a", "#7d7466", "#4a443f")[int(rng.integers(4))], float(rng.uniform(0.8, 1.1))),
            )
        for n in range(120):
            x = low + (high - low) * n / 119
            if abs(x) < 0.15:
                continue
            y = tall + 0.03 + 0.06 * min(abs(x) / 0.4, 1) + float(rng.uniform(-0.02, 0.03))
            pen.oval(
                x,
                y,
                float(rng.uniform(0.025, 0.055)),
                float(rng.uniform(0.02, 0.045)),
                shade(("#4f7a3a", "#3f6a32", "#5f8a44")[n % 3], float(rng.uniform(0.7, 1.1))),
            )
        for _ in range(70):
            x, y = float(rng.uniform(low, high)), float(rng.uniform(0.0, tall))
            if abs(x) > 0.2:
                pen.oval(x, y, 0.030, 0.018, shade("#4f7a3a", float(rng.uniform(0.6, 1.0))))

    cliff = scenery(view, light, draw, row=foot, below=0.06, above=tall + 0.2, nearness=0.30, veil=0.06, volume=0.15)
    falls = Falls(view, light, seed, view.centre, 0.115 * u, top + 0.0 * u, foot)
    return [cliff, falls]


def fall_rocks(view: View, light: Light, seed: int) -> Plate:
    rng = generator(seed, "rocks")

    def draw(pen: Pen, low: float, high: float) -> None:
        for side in (-1, 1):
            for n in range(9):
                x, r = (
                    side * (0.16 + 0.085 * n + float(rng.uniform(-0.02, 0.02))),
                    float(rng.uniform(0.03, 0.07)) * (0.7 + 0.14 * n),
                )
                y = -0.035 * n
                tone = shade("#5f5850", float(rng.uniform(0.7, 1.0)))
                pen.smooth(
                    [
                        (x - r, y - 0.02),
                        (x - r * 0.8, y + r * 0.6),
                        (x, y + r * 0.85),
                        (x + r * 0.8, y + r * 0.5),
                        (x + r, y - 0.02),
                    ],
                    tone,
                )
                pen.smooth(
                    [(x - r * 0.7, y + r * 0.5), (x, y + r * 0.86), (x + r * 0.6, y + r * 0.5), (x, y + r * 0.55)],
                    "#55793f",
                )

    return scenery(
        view, light, draw, row=view.horizon + 0.07 * view.unit, below=0.42, above=0.12, nearness=0.45, volume=0.7
    )


def volcano(view: View, light: Light, seed: int) -> list[Painter]:
    """A cone with streams of lava, its glow, and the cloud that it throws up."""
    u = view.unit
    tall = min(0.40, (view.horizon - 0.10 * view.height) / u * 0.8)
    row = view.horizon + 0.015 * u

    def draw(pen: Pen, low: float, high: float) -> None:
        slope = [
            (-0.95, 0.0),
            (-0.50, tall * 0.26),
            (-0.22, tall * 0.64),
            (-0.085, tall),
            (-0.03, tall * 0.955),
            (0.03, tall * 0.96),
            (0.085, tall * 0.99),
            (0.24, tall * 0.60),
            (0.52, tall * 0.24),
            (0.98, 0.0),
        ]
        pen.polygon([(-1.0, -0.05), *curve(slope), (1.0, -0.05)], "#4a3f3c")
        pen.polygon(
            [
                (0.03, tall * 0.96),
                (0.085, tall * 0.99),
                (0.24, tall * 0.60),
                (0.52, tall * 0.24),
                (0.98, 0.0),
                (0.35, 0.0),
                (0.12, tall * 0.5),
            ],
            "#383030",
        )
        for path in (
            ((0.0, 0.96), (-0.02, 0.72), (0.03, 0.52), (-0.01, 0.30), (0.05, 0.10)),
            ((-0.04, 0.95), (-0.10, 0.70), (-0.09, 0.52), (-0.17, 0.32)),
            ((0.05, 0.96), (0.12, 0.72), (0.11, 0.58), (0.20, 0.38), (0.22, 0.22)),
        ):
            line = curve([(x, y * tall) for x, y in path])
            for wide, tone in ((0.030, "#c83a14"), (0.016, "#ff8a2a"), (0.007, "#ffe08a")):
                pen.line(line, wide, tone)
            for x, y in line:
                pen.glow(ellipse(x, y, 0.014, 0.012, 0, 10), "#ff6a20")
        pen.glow(ellipse(0, tall * 0.98, 0.07, 0.018), "#ffb050")

    cone = scenery(
        view, light, draw, row=row, below=0.05, above=tall + 0.03, nearness=0.08, veil=0.18, volume=0.12, glare=3.2
    )
    smoke = (light.haze * 0.16 + light.ambient * 0.10 + np.float32(0.010)).astype(np.float32)
    plume = Plume(
        view,
        seed,
        view.centre,
        row - tall * u * 0.97,
        0.42 * u,
        smoke,
        linear("#ff6a20") * np.float32(1.5),
        0.22,
        0.08,
        0.10,
    )
    return [plume, cone, Lava(view, seed, row - tall * u * 0.97)]


class Lava:
    """Glowing stones that the crater throws up, on arcs."""

    def __init__(self, view: View, seed: int, row: float) -> None:
        rng = generator(seed, "lava")
        self._view, self._row = view, row
        n = 70
        self._born, self._dx = rng.uniform(0, 1, n), rng.normal(0, 0.075, n)
        self._up, self._rate = rng.uniform(0.16, 0.36, n), view.whole(0.8)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        u = self._view.unit
        _, dx, dy = pose.at(0.08)
        light = np.zeros((canvas.height, canvas.width), np.float32)
        for lag, share in ((0.0, 1.0), (0.02, 0.6), (0.04, 0.35)):
            age = (self._born + self._rate * (t - lag)) % 1.0
            x = self._view.centre + dx + self._dx * u * age * 1.6
            y = self._row + dy - u * (self._up * 2.6 * age - 0.85 * age * age)
            light += splat(canvas.height, canvas.width, x, y, share * 3.0 * (1 - age) ** 0.8, max(0.75, u / 480), 2)
        for c, tint in enumerate((1.0, 0.36, 0.08)):
            canvas.rgb[c] += light * np.float32(tint)
