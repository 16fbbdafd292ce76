"""The ground's own motion and surface where it is neither open water nor bare land: ice, drifting sand, heat."""

from __future__ import annotations

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, blocks
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.plane import Ground, Mirror, Spot


class Ice:
    """A frozen lake: a dull mirror with cracks, and snow that the wind has swept into patches."""

    def __init__(self, light: Light, view: View, seed: int) -> None:
        rng = generator(seed, "ice")
        self._light, self._view = light, view
        self._ground = Ground(view, eye=2.2)
        bend = fractal(rng, 512, 1.5, 3.0)
        cells = np.abs(fractal(rng, 512, 1.55, 5.0, 60.0) + 0.12 * bend)
        finer = np.abs(fractal(rng, 512, 1.2, 16.0, 120.0))
        cracks = np.exp(-cells * 26) * 0.9 + np.exp(-finer * 17) * 0.20 * (bend > 0.2)
        snow = fractal(rng, 512, 1.55, 3.0) + 0.22 * fractal(rng, 512, 0.9, 40.0)
        self._marks = Tile((cracks + 1j * snow).astype(np.complex64))
        rough = fractal(rng, 256, 0.75, 6.0) + 1j * fractal(rng, 256, 0.75, 6.0)
        self._rough = Tile(rough.astype(np.complex64))

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        spot = self._ground.at(canvas, pose)
        if spot is None:
            return
        mirror = Mirror(canvas, spot.top, self._view, blur=3)
        white = linear("#dfe9f5") * (self._light.ambient * 1.2 + self._light.beam * 0.7 + mirror.mean * 0.45)
        for first, last in blocks(canvas.height - spot.top, canvas.width):
            self._strip(canvas, spot.rows(first, last), last - first, mirror, white)

    def _strip(self, canvas: Canvas, spot: Spot, count: int, mirror: Mirror, white: Plane) -> None:
        rough = self._rough.at(spot.x * 34, spot.z * 20)
        slope = np.float32(0.012) * np.minimum(spot.angle * 5, 1)
        picture = mirror.at(
            np.abs(spot.angle * np.float32(1.03) + rough.real * slope),
            spot.across + rough.imag * slope * np.float32(0.5),
        )
        marks = self._marks.at(spot.x * 15, spot.z * 9)
        fade = 1 / (1 + (spot.step * 2.2) ** 2)
        cracks = marks.real * fade
        snow = (smoothstep(0.35, 1.15, marks.imag) * fade + np.float32(0.10) * (1 - fade)) * np.float32(0.93)
        out = canvas.rgb[:, spot.top : spot.top + count]
        deep = linear("#123048") * (self._light.ambient + 0.2 * self._light.beam) * 1.3
        share = np.float32(0.78) - np.float32(0.36) * np.minimum(spot.angle * 1.6, 1)
        clear = 1 - snow
        for c in range(3):
            ice = picture[c] * share + deep[c] + cracks * white[c] * np.float32(0.5)
            np.multiply(ice, clear, out=out[c])
            out[c] += snow * white[c]


class Drift:
    """Sand or snow that the wind drives along the ground in low streaming veils."""

    def __init__(self, view: View, seed: int, colour: Plane, strength: float) -> None:
        rng = generator(seed, "drift")
        self._ground = Ground(view, eye=1.6, shrink=2)
        self._view, self._colour, self._strength = view, colour.astype(np.float32), np.float32(strength)
        self._veil = Tile(fractal(rng, 256, 1.35, 3.0, 60.0))
        self._gust = Tile(fractal(rng, 256, 2.0, 1.5, 10.0))

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        spot = self._ground.at(canvas, pose)
        if spot is None:
            return
        s = np.float32(t)
        veil = self._veil.at(spot.x * 9 - s * 62, spot.z * 34 + np.sin(s) * 2)
        gust = self._gust.at(spot.x * 6 - s * 26, spot.z * 8 + s * 2)
        alpha = smoothstep(0.1, 2.1, veil + gust * np.float32(0.9)) * self._strength
        alpha /= 1 + (spot.step * np.float32(0.5)) ** 2
        self._ground.lay(canvas, spot.top, alpha, self._colour)


class Heat:
    """Hot air over the ground: the picture about the horizon trembles."""

    def __init__(self, view: View, seed: int, strength: float) -> None:
        rng = generator(seed, "heat")
        self._tile = Tile(fractal(rng, 256, 1.2, 4.0, 40.0))
        self._view, self._strength = view, strength

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        view = self._view
        centre = view.horizon + pose.dy
        top = max(1, int(centre - 0.10 * view.unit))
        bottom = min(canvas.height - 2, int(centre + 0.17 * view.unit))
        if bottom - top < 2:
            return
        rows = np.arange(top, bottom, dtype=np.float32)[:, None]
        xs = np.arange(canvas.width, dtype=np.float32)[None, :]
        u = np.float32(1 / view.unit)
        wave = self._tile.at(xs * u * 90, rows * u * 520 + np.float32(t * 95))
        fall = np.exp(-(((rows - centre - 0.03 * view.unit) * u / np.float32(0.065)) ** 2))
        shift = wave * fall * np.float32(self._strength * view.unit / 512)
        place = np.clip(rows + shift, 0, canvas.height - 2)
        first = np.floor(place)
        share = place - first
        index = (first.astype(np.intp)) * canvas.width + np.arange(canvas.width)
        for c in range(3):
            flat = canvas.rgb[c].ravel()
            near, far = flat.take(index, mode="clip"), flat.take(index + canvas.width, mode="clip")
            far -= near
            far *= share
            near += far
            canvas.rgb[c, top:bottom] = near
