"""Styles as a last pass over the finished 8-bit frame: black and white, sepia, watercolour, ink, pixels, anime, oil."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from reelwright.engines.sketch.noise import fractal, generator

Pass = Callable[[NDArray[np.uint8]], None]
"""Changes a frame (h, w, 3), sRGB, in place."""
_GRAY = np.array([0.299, 0.587, 0.114], np.float32)


def style_of(name: str, height: int, width: int, seed: int) -> Pass | None:
    """The pass of a style; None for no style."""
    unit = min(height, 1.5 * width)
    match name:
        case "black and white":
            return _black_and_white
        case "sepia":
            return _sepia
        case "watercolour":
            return _Paper(height, width, seed, unit, wet=True)
        case "ink":
            return _Ink(height, width, seed, unit)
        case "pixel art":
            return _Pixels(max(2, round(unit / 112)))
        case "anime":
            return _Anime(unit)
        case "oil painting":
            return _Oil(height, width, seed, unit)
        case _:
            return None


def _gray(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(frame @ _GRAY, np.float32)


def _black_and_white(frame: NDArray[np.uint8]) -> None:
    level = _gray(frame) / 255
    level = level + np.float32(0.07) * np.sin((level - 0.5) * np.float32(2 * np.pi))
    frame[:] = (np.clip(level, 0, 1) * 255).astype(np.uint8)[..., None]


def _sepia(frame: NDArray[np.uint8]) -> None:
    level = _gray(frame)[..., None] / 255
    tint = np.array([1.04, 0.86, 0.62], np.float32)
    frame[:] = np.clip((level * 0.90 + 0.06) * tint * 255, 0, 255).astype(np.uint8)


def _edges(frame: NDArray[np.uint8], radius: float) -> NDArray[np.float32]:
    """How much a pixel is darker than its surroundings or lies on an edge, 0 to 1."""
    gray = Image.fromarray(_gray(frame).astype(np.uint8))
    near = np.asarray(gray.filter(ImageFilter.GaussianBlur(radius * 0.6)), np.float32)
    far = np.asarray(gray.filter(ImageFilter.GaussianBlur(radius * 1.8)), np.float32)
    return np.clip((far - near - 3) / 26, 0, 1).astype(np.float32)


def _flattened(frame: NDArray[np.uint8], size: int, steps: int) -> NDArray[np.float32]:
    """Colours smoothed inside shapes (a median over about 5 × `size` pixels), in soft steps of lightness."""
    small = Image.fromarray(frame).reduce(size)
    for _ in range(2):
        small = small.filter(ImageFilter.MedianFilter(3))
    smooth = small.resize((frame.shape[1], frame.shape[0]), Image.Resampling.BICUBIC)
    level = np.asarray(smooth, np.float32) / 255
    step = level * steps
    soft = (np.floor(step) + np.clip((step - np.floor(step) - 0.5) * 3.5 + 0.5, 0, 1)) / steps
    return np.asarray(soft, np.float32)


class _Paper:
    """Watercolour: flat washes that pool darker at their edges, on rough white paper that shows at the rim."""

    def __init__(self, height: int, width: int, seed: int, unit: float, wet: bool) -> None:
        rng = generator(seed, "paper")
        rough = np.asarray(fractal(rng, 512, 0.7, 20.0), np.float32)
        cloud = np.asarray(fractal(rng, 512, 1.7, 2.0), np.float32)
        y, x = np.arange(height)[:, None] % 512, np.arange(width)[None, :] % 512
        self._grain = (
            1
            + 0.035 * rough[y, x]
            + 0.06
            * cloud[
                (np.arange(height) * 400 // max(height, 1))[:, None] % 512,
                (np.arange(width) * 400 // max(width, 1))[None, :] % 512,
            ]
        ).astype(np.float32)
        ys, xs = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
        rim = np.maximum(np.abs(ys), np.abs(xs)) + 0.035 * cloud[y, x]
        self._paper = np.clip((rim - 0.90) / 0.05, 0, 1).astype(np.float32)
        self._unit = unit

    def __call__(self, frame: NDArray[np.uint8]) -> None:
        edge = _edges(frame, max(1.0, self._unit / 200))
        flat = _flattened(frame, 3, 6)
        mean = flat @ _GRAY
        lively = mean[..., None] + (flat - mean[..., None]) * np.float32(1.2)
        light = 0.26 + 0.74 * np.clip(lively, 0, 1) ** np.float32(0.72)
        wash = light * (self._grain * (1 - 0.22 * edge))[..., None]
        paper = np.array([0.985, 0.97, 0.94], np.float32)
        share = self._paper[..., None]
        frame[:] = np.clip((wash * (1 - share) + paper * share) * 255, 0, 255).astype(np.uint8)


class _Ink:
    """Ink wash: brush lines and grey washes on warm paper."""

    def __init__(self, height: int, width: int, seed: int, unit: float) -> None:
        rough = np.asarray(fractal(generator(seed, "ink"), 512, 0.9, 6.0), np.float32)
        self._grain = (1 + 0.03 * rough[np.arange(height)[:, None] % 512, np.arange(width)[None, :] % 512]).astype(
            np.float32
        )
        self._unit = unit

    def __call__(self, frame: NDArray[np.uint8]) -> None:
        line = _edges(frame, max(1.0, self._unit / 260))
        wash = _flattened(frame, 3, 5) @ _GRAY
        tone = (0.30 + 0.70 * np.clip(wash * 1.25, 0, 1) ** np.float32(0.8)) * self._grain
        tone = tone * (1 - 0.85 * np.clip(line * 1.5, 0, 1))
        frame[:] = np.clip(tone[..., None] * np.array([250, 244, 230], np.float32), 0, 255).astype(np.uint8)


class _Pixels:
    """Large pixels in few colours."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, frame: NDArray[np.uint8]) -> None:
        height, width = frame.shape[:2]
        small = Image.fromarray(frame).resize(
            (max(1, width // self._size), max(1, height // self._size)), Image.Resampling.BOX
        )
        level = np.asarray(small, np.float32)
        bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 - 0.5
        h, w = level.shape[:2]
        dither = bayer[np.arange(h)[:, None] % 4, np.arange(w)[None, :] % 4][..., None] * 11
        mean = level.mean(2, keepdims=True)
        lively = mean + (level - mean) * 1.25
        few = np.round(np.clip(lively + dither, 0, 255) / 28.3) * 28.3
        frame[:] = np.asarray(Image.fromarray(few.astype(np.uint8)).resize((width, height), Image.Resampling.NEAREST))


class _Anime:
    """Clean, saturated colours in soft steps with thin lines."""

    def __init__(self, unit: float) -> None:
        self._unit = unit

    def __call__(self, frame: NDArray[np.uint8]) -> None:
        line = _edges(frame, max(0.8, self._unit / 420))
        flat = _flattened(frame, 2, 9) * 0.6 + frame.astype(np.float32) / 255 * 0.4
        mean = flat @ _GRAY
        lively = mean[..., None] + (flat - mean[..., None]) * np.float32(1.42)
        bright = 0.03 + 1.06 * np.maximum(lively, 0)
        bright *= (1 - 0.45 * line)[..., None]
        frame[:] = np.clip(bright * 255, 0, 255).astype(np.uint8)


class _Oil:
    """Short brush strokes: colours are carried along a field of directions, with the relief of paint."""

    def __init__(self, height: int, width: int, seed: int, unit: float) -> None:
        rng = generator(seed, "oil")
        turn = np.asarray(fractal(rng, 256, 2.0, 2.0, 10.0), np.float32)
        y, x = np.arange(height), np.arange(width)
        scale = 150 / unit
        self._angle = turn[
            (y * scale).astype(np.intp)[:, None] % 256, (x * scale).astype(np.intp)[None, :] % 256
        ] * np.float32(1.5)
        noise = np.asarray(fractal(rng, 512, 0.5, 30.0), np.float32)[y[:, None] % 512, x[None, :] % 512]
        self._reach = max(2.0, unit / 90)
        dx, dy = np.cos(self._angle), np.sin(self._angle) * 0.6
        steps = np.linspace(-1, 1, 7)
        bristle = np.zeros((height, width), np.float32)
        self._index: list[NDArray[np.intp]] = []
        for s in steps:
            iy = np.clip(y[:, None] + np.round(dy * s * self._reach), 0, height - 1).astype(np.intp)
            ix = np.clip(x[None, :] + np.round(dx * s * self._reach), 0, width - 1).astype(np.intp)
            self._index.append(iy * width + ix)
            bristle += noise.ravel()[self._index[-1]]
        self._relief = (1 + 0.014 * (bristle - np.roll(bristle, 2, 0))).astype(np.float32)

    def __call__(self, frame: NDArray[np.uint8]) -> None:
        flat = frame.reshape(-1, 3).copy()
        total = np.zeros(frame.shape, np.uint16)
        for index in self._index[::3]:
            total += flat.take(index, axis=0)
        mixed = total.astype(np.float32) / np.float32(len(self._index[::3]) * 255)
        mean = mixed.mean(2, keepdims=True)
        lively = mean + (mixed - mean) * np.float32(1.30)
        steps = np.round(lively * 14) / 14
        frame[:] = np.clip((0.5 * steps + 0.5 * lively) * self._relief[..., None] * 255, 0, 255).astype(np.uint8)
