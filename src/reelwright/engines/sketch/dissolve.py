"""From one film to another: a soft front that drifts over the frame, in linear light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reelwright.engines.sketch.canvas import Canvas
from reelwright.engines.sketch.noise import Plane, fractal, generator

_SOFT = 0.9
"""Width of the front, in units of the whole passage: nearly all of the frame is on its way at the middle of it."""
_LEVELS = 4096


class Shown(Protocol):
    """What can be drawn frame by frame."""

    facts: Mapping[str, Any]

    def draw(self, canvas: Canvas, t: float, number: int, frame: NDArray[np.uint8]) -> None: ...


class Dissolve:
    """Shows `before` until the time `begin`, `after` from the time `end` on (seconds), and a passage between them."""

    def __init__(self, before: Shown, after: Shown, begin: float, end: float, size: tuple[int, int], seed: int) -> None:
        """`size` is height and width in pixels."""
        self._before, self._after = before, after
        self._begin, self._end = begin, max(end, begin + 1e-6)
        self.facts: Mapping[str, Any] = {**before.facts, "then": after.facts.get("scene")}
        codes = np.arange(256, dtype=np.float32) / 255
        self._light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4).astype(np.float32)
        root = np.arange(_LEVELS) / (_LEVELS - 1)
        linear = root**2
        srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        self._codes = (srgb * 255 + 0.5).astype(np.uint8)
        self._front = _front(size, seed)

    def draw(self, canvas: Canvas, t: float, number: int, frame: NDArray[np.uint8]) -> None:
        share = (t - self._begin) / (self._end - self._begin)
        if share <= 0 or share >= 1:
            (self._before if share <= 0 else self._after).draw(canvas, t, number, frame)
            return
        other = np.empty_like(frame)
        self._before.draw(canvas, t, number, frame)
        self._after.draw(canvas, t, number, other)
        part = np.clip((np.float32(share * (1 + _SOFT)) - self._front) / np.float32(_SOFT), 0, 1)
        part = part * part * (3 - 2 * part)
        for c in range(3):
            light = self._light.take(frame[..., c])
            light += (self._light.take(other[..., c]) - light) * part
            np.sqrt(light, out=light)
            light *= _LEVELS - 1
            frame[..., c] = self._codes.take(light.astype(np.intp), mode="clip")


def _front(size: tuple[int, int], seed: int) -> Plane:
    """When the front comes to each pixel, 0 to 1: along a slanted, ragged line."""
    height, width = size
    cloud = Image.fromarray(fractal(generator(seed, "dissolve"), 64, 2.0, 2.0))
    longest = max(size)
    box = (0, 0, 32 * width / longest, 32 * height / longest)
    ragged = np.asarray(cloud.resize((width, height), Image.Resampling.BICUBIC, box), np.float32)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    plane = 0.55 * y + 0.45 * x + np.float32(0.16) * ragged
    low, high = float(plane.min()), float(plane.max())
    return np.asarray((plane - low) / max(high - low, 1e-6), np.float32)
