"""Drifting clouds on a plane overhead, lit by the sun."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Tile, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear

Flash = Callable[[float], tuple[float, float]]
"""At a time: the strength of the lightning (0 none) and its column in the frame."""

_SHRINK = 2


class Clouds:
    """Painted at half size and enlarged; the noise plane moves with the wind, in perspective."""

    def __init__(self, light: Light, view: View, seed: int, wind: float, flash: Flash | None = None) -> None:
        rng = generator(seed, "clouds")
        self._light, self._view, self._flash = light, view, flash
        storm = light.cover > 0.9
        shape = fractal(rng, 512, 1.75 if not storm else 1.9, 3.0)
        shape += np.float32(0.12) * fractal(rng, 512, 0.9, 30.0, 180.0)
        # Light from the far side, low: the gradient towards the horizon.
        lit = (np.roll(shape, -9, axis=0) - np.roll(shape, 5, axis=0)) * np.float32(-0.55)
        self._tile = Tile((shape + 1j * lit).astype(np.complex64))
        self._wind = wind
        self._height = max(8, min(view.height, int(view.horizon) + view.reach(0)[2]))
        self._small = (-(-self._height // _SHRINK), view.width // _SHRINK)
        self._enlarge = Enlarger(self._small, self._height, view.width)
        self._threshold = np.float32(
            np.interp(light.cover, [0, 0.3, 0.5, 0.7, 0.85, 1], [2.2, 0.75, 0.2, -0.4, -1.1, -2.6])
        )
        self._prepare_colours(storm)

    def _prepare_colours(self, storm: bool) -> None:
        hour, light = self._light.hour, self._light
        lit, shade = linear(hour.cloud_lit), linear(hour.cloud_shade)
        if light.gray > 0:
            mean = light.sky(np.array([0.35], np.float32))[:, 0]
            lit = lit * (1 - light.gray) + mean * np.float32(1.5) * light.gray
            shade = shade * (1 - light.gray) * light.dim + mean * np.float32(0.45 if storm else 0.7) * light.gray
        self._lit, self._shade = lit.astype(np.float32), shade.astype(np.float32)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        h, w = self._small
        view, light = self._view, self._light
        zoom, dx, dy = pose.at(0.0)
        u = 1 / view.unit
        ys = (np.arange(h, dtype=np.float32)[:, None] + 0.5) * _SHRINK
        xs = (np.arange(w, dtype=np.float32)[None, :] + 0.5) * _SHRINK
        up = np.maximum((view.horizon + dy - ys) * np.float32(u / zoom), 0)
        across = (xs - view.centre - dx) * np.float32(u / zoom)
        far = 1 / (up + np.float32(0.13))
        drift = np.float32(t * self._wind)
        noise = self._tile.at(
            (across * far * 60 + drift * 14).astype(np.float32), (far * 75 - drift * 4 + up * 40).astype(np.float32)
        )
        density, lit = noise.real, noise.imag
        alpha = smoothstep(0.0, 1.05, density - self._threshold)
        thin = np.exp(-alpha * np.float32(1.6))
        # Far clouds sink into the air of the horizon.
        alpha *= np.minimum(up * 9 + np.float32(0.15 if light.cover < 0.8 else 0.5), 1) * np.float32(0.96)
        sx, sy = (light.sun[0] - view.centre) * u, (view.horizon - light.sun[1]) * u
        near = np.exp(-np.sqrt((across - sx) ** 2 + (up - sy) ** 2) * np.float32(3.2))
        level = np.clip(np.float32(0.36) + lit + thin * np.float32(0.42), 0, 1.6)
        planes = canvas.spare("clouds", 4, h, w)
        glow = near * (np.float32(0.25) + thin * np.float32(2.2)) * np.float32(light.hour.glow * (1 - light.gray))
        if light.night and not light.disc:
            glow *= 0
        bolt = self._bolt(t, across, up, thin)
        for c in range(3):
            colour = level * (self._lit[c] - self._shade[c]) + self._shade[c]
            colour += glow * self._lit[c]
            if bolt is not None:
                colour += bolt * linear("#b9c8ff")[c]
            np.multiply(colour, alpha, out=planes[c])
        planes[3] = alpha
        for top, part in self._enlarge.parts(canvas, planes):
            canvas.over(part[:3], part[3], top)

    def _bolt(self, t: float, across: np.ndarray, up: np.ndarray, thin: np.ndarray) -> np.ndarray | None:
        if self._flash is None:
            return None
        strength, column = self._flash(t)
        if strength < 0.003:
            return None
        x = (column - self._view.centre) / self._view.unit
        spread = np.exp(-(((across - x) * 1.9) ** 2)) * np.exp(-((up - 0.38) ** 2) * 5)
        light: np.ndarray = (spread * (0.3 + thin) + 0.12) * np.float32(strength * 0.9)
        return light
