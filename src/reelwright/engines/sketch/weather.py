"""What falls or drifts through the air: rain, snow, mist; and lightning."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.sky import splat


class Rain:
    """Three sheets of streaks at different distances, each a tile that falls and wraps."""

    def __init__(self, view: View, seed: int, colour: Plane, wind: float, heavy: float) -> None:
        rng = generator(seed, "rain")
        self._colour = (colour * np.float32(0.55)).astype(np.float32)
        self._sheets = []
        u = view.unit
        for near, count in ((0.25, 330), (0.55, 150), (1.0, 34)):
            length = max(4.0, u * (0.03 + 0.085 * near))
            n = int(count * heavy * max(1.0, view.width / u) * max(1.0, view.height / u))
            size = (view.height + int(length), view.width)
            sheet = _streaks(rng, size, n, length, 0.10 + 0.28 * wind, max(0.7, u / 512 * (0.7 + 0.6 * near)))
            self._sheets.append((sheet * np.float32(0.34 + 0.16 * near), u * (1.5 + 1.5 * near), 0.10 + 0.28 * wind))

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        for sheet, speed, slant in self._sheets:
            h, w = sheet.shape
            fall = int(round(t * speed)) % h
            drift = int(round(-t * speed * slant)) % w
            part = canvas.spare("rain", canvas.height, canvas.width)
            _wrapped(sheet, -fall % h, -drift % w, part)
            for c in range(3):
                layer = canvas.spare("rain-colour", canvas.height, canvas.width)
                np.multiply(part, self._colour[c], out=layer)
                canvas.rgb[c] += layer


def _wrapped(tile: Plane, y: int, x: int, out: Plane) -> None:
    """Fill `out` with the tile seen from (y, x), wrapping on both axes; the tile is at least as large as `out`."""
    h, w = tile.shape
    oh, ow = out.shape
    top, left = min(h - y, oh), min(w - x, ow)
    out[:top, :left] = tile[y : y + top, x : x + left]
    out[:top, left:] = tile[y : y + top, : ow - left]
    out[top:, :left] = tile[: oh - top, x : x + left]
    out[top:, left:] = tile[: oh - top, : ow - left]


def _streaks(
    rng: np.random.Generator, size: tuple[int, int], count: int, length: float, slant: float, thick: float
) -> Plane:
    """Soft streaks on a wrapping sheet (h, w), values 0 to about 1."""
    h, w = size
    steps = max(4, int(length / 0.8))
    along = np.linspace(0, 1, steps)
    x = rng.uniform(0, w, count)[:, None] - along[None, :] * length * slant
    y = rng.uniform(0, h, count)[:, None] + along[None, :] * length
    flux = rng.uniform(0.35, 1.0, count)[:, None] * np.sin(along * np.pi)[None, :] ** 0.7
    pad = 3
    sheet = splat(h + 2 * pad, w + 2 * pad, x.ravel() % w + pad, y.ravel() % h + pad, flux.ravel(), 0.5 * thick, 1)
    sheet = sheet[pad:-pad, pad:-pad]
    return (sheet * np.float32(0.8 / max(0.5 * thick, 0.4))).clip(0, 1.2).astype(np.float32)


class Snow:
    """Flakes at many distances; each falls, sways and wraps on a path of its own."""

    def __init__(self, view: View, seed: int, colour: Plane, wind: float) -> None:
        rng = generator(seed, "snow")
        self._view = view
        self._colour = colour.astype(np.float32)
        u = view.unit
        area = (view.width / u) * (view.height / u)
        self._groups = []
        for low, high, count in ((0.08, 0.3, 620), (0.3, 0.6, 210), (0.6, 0.95, 60), (1.3, 2.6, 9)):
            n = max(3, int(count * area))
            near = rng.uniform(low, high, n)
            sigma = u / 512 * (0.5 + 1.5 * float(np.mean([low, high])) ** (2.2 if low > 1 else 1))
            self._groups.append(
                {
                    "near": near,
                    "sigma": max(sigma, 0.5),
                    "x": rng.uniform(0, 1, n),
                    "y": rng.uniform(0, 1, n),
                    "fall": u * (0.05 + 0.17 * near) * rng.uniform(0.8, 1.2, n),
                    "drift": u * (-0.02 - 0.35 * wind) * (0.3 + near),
                    "sway": u * 0.012 * (0.5 + near),
                    "rate": rng.uniform(0.8, 2.2, n),
                    "phase": rng.uniform(0, 6.28, n),
                    "flux": (0.9 if high < 1 else 0.22) * rng.uniform(0.5, 1.0, n) * min(1.0, 0.45 + low),
                }
            )

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        h, w = canvas.height, canvas.width
        total = np.zeros((h, w), np.float32)
        for group in self._groups:
            sigma = group["sigma"]
            half = max(1, int(np.ceil(2.4 * sigma)))
            margin = half + 2
            shift = pose.dx * np.minimum(group["near"], 1)
            x = (
                group["x"] * (w + 2 * margin)
                + group["drift"] * t
                + group["sway"] * np.sin(t * group["rate"] + group["phase"])
            )
            x = (x + shift) % (w + 2 * margin) - margin
            y = (group["y"] * (h + 2 * margin) + group["fall"] * t) % (h + 2 * margin) - margin
            total += splat(h, w, x, y, group["flux"], sigma, half)
        np.minimum(total, 0.92, out=total)
        rgb = canvas.rgb
        clear = 1 - total
        for c in range(3):
            rgb[c] *= clear
            rgb[c] += total * self._colour[c]


class Mist:
    """A drifting bank of mist, thickest at one row, in the air's colour."""

    def __init__(
        self, view: View, seed: int, colour: Plane, row: float, depth: float, strength: float, wind: float, near: float
    ) -> None:
        """`row` is the densest row in pixels, `depth` the bank's half height in pixels."""
        rng = generator(seed, f"mist-{row:.0f}-{near}")
        self._tile = Tile(fractal(rng, 256, 1.5, 2.0))
        self._view, self._colour, self._near = view, colour.astype(np.float32), near
        self._strength, self._wind = np.float32(strength), wind
        self._row, self._depth = row, depth
        self._top = int(max(0, row - 2.4 * depth)) // 4 * 4
        bottom = int(min(view.height, row + 2.4 * depth)) // 4 * 4
        self._rows = max(4, bottom - self._top)
        self._small = (max(1, self._rows // 4), view.width // 4)
        self._enlarge = Enlarger(self._small, self._rows, view.width)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        h, w = self._small
        zoom, dx, dy = pose.at(self._near)
        u = np.float32(1 / self._view.unit)
        ys = np.arange(h, dtype=np.float32)[:, None] * 4 + np.float32(self._top + 2)
        xs = (np.arange(w, dtype=np.float32)[None, :] * 4 + 2 - np.float32(self._view.centre + dx)) / np.float32(zoom)
        drift = np.float32(t * self._wind)
        a = self._tile.at(xs * u * 55 - drift * 9, ys * u * 150 + drift * 2)
        b = self._tile.at(xs * u * 110 - drift * 15 + 40, ys * u * 260 - drift * 3)
        offset = (ys - np.float32(self._row + dy)) / np.float32(self._depth)
        body = np.exp(-((offset - a * np.float32(0.25)) ** 2))
        alpha = body * (np.float32(0.62) + a * np.float32(0.26) + b * np.float32(0.14)) * self._strength
        np.clip(alpha, 0, 1, out=alpha)
        large = self._enlarge(canvas, alpha[None], "mist")[0]
        part = canvas.rgb[:, self._top : self._top + self._rows]
        clear = 1 - large
        for c in range(3):
            part[c] *= clear
            large_colour = large * self._colour[c]
            part[c] += large_colour


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
        zoom, dx, dy = pose.at(0.1)
        left += int(round(column - self._events[number][1] + dx))
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
        for a, b in zip(points, points[1:], strict=False):
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


def fog_colour(haze: Plane) -> Plane:
    """The mist's colour: the air's, a little brighter and grayer."""
    mean = haze.mean()
    return (haze * np.float32(0.7) + mean * np.float32(0.36)).astype(np.float32)
