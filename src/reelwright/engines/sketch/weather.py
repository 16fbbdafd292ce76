"""What falls or drifts through the air: rain, snow, mist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator
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
            fall = round(t * speed) % h
            drift = round(-t * speed * slant) % w
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Flakes:
    """Snowflakes of about one distance: arrays over the flakes; places as shares of the frame, speeds in pixels a
    second, `sigma` the radius in pixels."""

    near: Plane
    sigma: float
    x: Plane
    y: Plane
    fall: Plane
    drift: Plane
    sway: Plane
    rate: Plane
    phase: Plane
    flux: Plane


class Snow:
    """Flakes at many distances; each falls, sways and wraps on a path of its own."""

    def __init__(self, view: View, seed: int, colour: Plane, wind: float) -> None:
        rng = generator(seed, "snow")
        self._colour = colour.astype(np.float32)
        area = (view.width / view.unit) * (view.height / view.unit)
        self._groups = [
            _flakes(rng, view.unit, low, high, max(3, int(count * area)), wind)
            for low, high, count in ((0.08, 0.3, 700), (0.3, 0.6, 230), (0.6, 0.95, 60), (1.3, 2.6, 9))
        ]

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        h, w = canvas.height, canvas.width
        total = np.zeros((h, w), np.float32)
        for group in self._groups:
            half = max(1, int(np.ceil(2.4 * group.sigma)))
            margin = half + 2
            x = group.x * (w + 2 * margin) + group.drift * t + group.sway * np.sin(t * group.rate + group.phase)
            x = (x + pose.dx * np.minimum(group.near, 1)) % (w + 2 * margin) - margin
            y = (group.y * (h + 2 * margin) + group.fall * t) % (h + 2 * margin) - margin
            total += splat(h, w, x, y, group.flux, group.sigma, half)
        np.minimum(total, 0.92, out=total)
        clear = 1 - total
        for c in range(3):
            canvas.rgb[c] *= clear
            canvas.rgb[c] += total * self._colour[c]


def _flakes(rng: np.random.Generator, unit: float, low: float, high: float, count: int, wind: float) -> Flakes:
    near = rng.uniform(low, high, count)
    spread = (low + high) / 2
    # The very nearest are out of focus: large and faint.
    blurred = low > 1
    return Flakes(
        near=near,
        sigma=max(unit / 512 * (0.5 + 1.5 * spread ** (2.2 if blurred else 1)), 0.5),
        x=rng.uniform(0, 1, count),
        y=rng.uniform(0, 1, count),
        fall=unit * (0.05 + 0.17 * near) * rng.uniform(0.8, 1.2, count),
        drift=unit * (-0.02 - 0.35 * wind) * (0.3 + near),
        sway=unit * 0.012 * (0.5 + near),
        rate=rng.uniform(0.8, 2.2, count),
        phase=rng.uniform(0, 6.28, count),
        flux=(0.22 if blurred else 0.9) * rng.uniform(0.5, 1.0, count) * min(1.0, 0.45 + low),
    )


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
        for top, part in self._enlarge.parts(canvas, alpha[None]):
            canvas.over(part * self._colour[:, None, None], part[0], self._top + top)


def fog_colour(haze: Plane) -> Plane:
    """The mist's colour: the air's, a little brighter and grayer."""
    mean = haze.mean()
    return np.asarray(haze * np.float32(0.7) + mean * np.float32(0.36), np.float32)
