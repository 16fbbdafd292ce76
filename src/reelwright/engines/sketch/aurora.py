"""Curtains of northern light."""

from __future__ import annotations

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger
from reelwright.engines.sketch.noise import Tile, fractal, generator
from reelwright.engines.sketch.palette import linear

_SHRINK = 2


class Aurora:
    """Each curtain is a ribbon that folds across the sky; rays rise from its lower edge and run along it."""

    def __init__(self, view: View, seed: int, colours: tuple[np.ndarray, ...]) -> None:
        rng = generator(seed, "aurora")
        self._view = view
        self._height = int(min(view.height, view.horizon + view.reach(0)[2]))
        self._small = (max(2, self._height // _SHRINK), view.width // _SHRINK)
        self._enlarge = Enlarger(self._small, self._height, view.width)
        self._rays = Tile(fractal(rng, 256, 0.9, 3.0, 90.0))
        self._folds = Tile(fractal(rng, 256, 1.9, 1.0, 10.0))
        low, high = linear("#3dff9a"), linear("#8a4dff")
        if colours:
            low = colours[0] / max(float(colours[0].max()), 0.05)
            high = colours[-1] / max(float(colours[-1].max()), 0.05) if len(colours) > 1 else high
        self._low, self._high = low, high
        self._curtains = [
            # lower edge (share of the sky above the horizon), swing, height, strength
            (0.30, 0.17, 0.50, 1.0, float(rng.uniform(0, 256))),
            (0.52, 0.20, 0.62, 0.6, float(rng.uniform(0, 256))),
            (0.16, 0.08, 0.34, 0.42, float(rng.uniform(0, 256))),
        ]

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        h, w = self._small
        view = self._view
        _, dx, dy = pose.at(0.0)
        sky = np.float32(max(view.horizon, 1))
        up = (view.horizon + dy - (np.arange(h, dtype=np.float32)[:, None] + 0.5) * _SHRINK) / sky
        x = ((np.arange(w, dtype=np.float32)[None, :] + 0.5) * _SHRINK - np.float32(view.centre + dx)) / np.float32(
            view.unit
        )
        x = x + (up - np.float32(0.4)) * np.float32(0.16)
        planes = np.zeros((3, h, w), np.float32)
        for edge, swing, tall, strength, offset in self._curtains:
            self._curtain(planes, x, up, t, edge, swing, tall, strength, offset)
        planes *= np.clip(up * 5, 0, 1)
        for top, part in self._enlarge.parts(canvas, planes):
            canvas.rgb[:, top : top + part.shape[1]] += part

    def _curtain(
        self,
        planes: np.ndarray,
        x: np.ndarray,
        up: np.ndarray,
        t: float,
        edge: float,
        swing: float,
        tall: float,
        strength: float,
        offset: float,
    ) -> None:
        line = x[:1].mean(0, keepdims=True)
        slow = np.full_like(line, offset + 1.6 * t)
        fold = self._folds.at(line * 46 + np.float32(t * 1.3), slow)
        # A ribbon seen at a slant: where it turns towards the eye, its rays crowd and shine.
        bend = self._folds.at(line * 46 + np.float32(t * 1.3 + 1.5), slow) - fold
        foot = np.float32(edge) + np.float32(swing) * fold
        above = (up - foot) / np.float32(tall)
        ray = self._rays.at(x * 75 + fold * 26 + np.float32(t * 2.2), above * 2.5 + np.float32(offset + t * 1.1))
        thin = self._rays.at(x * 210 + fold * 60 - np.float32(t * 3.5), above * 2 + np.float32(offset * 2))
        rays = np.maximum(np.float32(0.55) + np.float32(0.34) * ray + np.float32(0.16) * thin, 0.05)
        rise = 1 / (1 + np.exp(-above * 34))
        body = rise * np.exp(-np.maximum(above, 0) * (np.float32(2.6) - np.float32(0.9) * np.clip(ray, -1, 1)))
        crowd = np.float32(0.5) + np.clip(np.abs(bend) * 2.2, 0, 1.3)
        level = body * rays * crowd * np.float32(strength * 0.80)
        top = np.clip(above * 1.5, 0, 1) ** 1.3
        for c in range(3):
            planes[c] += level * (self._low[c] * (1 - top) + self._high[c] * top * np.float32(1.2))
        planes[0] += level * np.exp(-((above * 16) ** 2)) * np.float32(0.12)
