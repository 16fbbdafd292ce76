"""From linear light to the finished 8-bit frame: bloom, vignette, film curve, split toning, grain and dither."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reelwright.engines.sketch.canvas import Canvas, Enlarger, halved
from reelwright.engines.sketch.noise import Plane, generator

_LEVELS = 4096
_GRAIN = 512
_SHIFT = 128
_WHITE = 16.0
"""Linear light that the curve still tells apart from brighter light."""


class Grade:
    """Develops canvases. `exposure` multiplies the light, `bloom` is the share of light scattered by the lens."""

    def __init__(
        self,
        height: int,
        width: int,
        seed: int,
        exposure: float = 1.0,
        bloom: float = 0.09,
        grain: float = 0.8,
        plain: bool = False,
    ) -> None:
        self._small = (height // 4, width // 4)
        self._enlarge = Enlarger(self._small, height, width)
        self._scatter = _scatter(self._small[0], self._small[1])
        self._bloom = np.float32(bloom)
        self._gain = _vignette(height, width) * np.float32(exposure)
        self._curves = [_curve(shadow, light) for shadow, light in ((-0.006, 0.004), (0.0, 0.0), (0.010, -0.010))]
        if plain:
            # A given image has its own look: keep its tones.
            self._curves = [_srgb_curve()] * 3
            self._gain = np.ones_like(self._gain)
            self._bloom = np.float32(bloom)
            grain = 0.0
        self._noise = _grain(generator(seed, "grain"), grain, height + _SHIFT, width + _SHIFT)

    def develop(self, canvas: Canvas, number: int, frame: NDArray[np.uint8]) -> None:
        """Write the canvas into `frame` (h, w, 3), sRGB. `number` picks the grain's place."""
        rgb = canvas.rgb
        glow = self._glow(rgb)
        # Another corner of the grain for every frame.
        down, right = number * 83 % _SHIFT, number * 59 % _SHIFT
        width = frame.shape[1]
        for top, part in self._enlarge.parts(canvas, glow):
            count = part.shape[1]
            light = rgb[:, top : top + count]
            light *= 1 - self._bloom
            light += part
            light *= self._gain[top : top + count]
            np.maximum(light, 0, out=light)
            np.sqrt(light, out=light)
            light *= np.float32((_LEVELS - 1) / _WHITE**0.5)
            noise = self._noise[down + top : down + top + count, right : right + width]
            for c in range(3):
                tone = self._curves[c].take(light[c].astype(np.intp), mode="clip")
                tone += noise
                np.clip(tone, 0, 65535, out=tone)
                tone >>= 8
                frame[top : top + count, :, c] = tone

    def _glow(self, rgb: Plane) -> Plane:
        small = halved(halved(rgb))
        np.minimum(small, 40, out=small)
        h, w = self._small
        ph, pw = self._scatter.shape[0], (self._scatter.shape[1] - 1) * 2
        light = np.empty((3, h, w), np.float32)
        top, left = (ph - h) // 2, (pw - w) // 2
        for c in range(3):
            # The edge goes on outside, so that light does not vanish at the border nor come round the other side.
            padded = np.pad(small[c], ((top, ph - h - top), (left, pw - w - left)), mode="edge")
            spread = np.fft.irfft2(np.fft.rfft2(padded) * self._scatter, s=(ph, pw))
            light[c] = spread[top : top + h, left : left + w]
        light *= self._bloom
        return light


def _fast(n: int) -> int:
    """The next even length whose only prime factors are 2, 3 and 5: quick to transform."""
    n += n % 2
    while True:
        rest = n
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return n
        n += 2


def _scatter(h: int, w: int) -> Plane:
    """The lens's scattering in the frequency domain: a sum of Gaussians from tight to wide, unit total."""
    ph, pw = _fast(h + max(8, min(h, w) // 3)), _fast(w + max(8, min(h, w) // 3))
    reach = min(h, 1.5 * w) / 128
    fy = np.fft.fftfreq(ph).astype(np.float32)[:, None]
    fx = np.fft.rfftfreq(pw).astype(np.float32)[None, :]
    f2 = fx * fx + fy * fy
    lobes = ((0.45, 1.1), (0.3, 3.5), (0.17, 9.0), (0.08, 24.0))
    total = sum(share * np.exp(-2 * np.pi**2 * (sigma * reach) ** 2 * f2) for share, sigma in lobes)
    return np.asarray(total, np.float32)


def _vignette(h: int, w: int) -> Plane:
    y = ((np.arange(h, dtype=np.float32) + 0.5) / h * 2 - 1)[:, None]
    x = ((np.arange(w, dtype=np.float32) + 0.5) / w * 2 - 1)[None, :]
    r2 = (x * x + y * y) * np.float32(0.5)
    return 1 - np.float32(0.26) * r2 * r2 - np.float32(0.06) * r2


def _curve(shadow: float, light: float) -> NDArray[np.int32]:
    """Square root of linear light (level) → sRGB with 8 fraction bits: straight, then a long film shoulder."""
    x = (np.arange(_LEVELS) / (_LEVELS - 1)) ** 2 * _WHITE
    knee = 0.42
    y = np.where(x < knee, x, knee + (1 - knee) * (1 - np.exp(-(x - knee) / (1 - knee))))
    srgb = np.where(y <= 0.0031308, 12.92 * y, 1.055 * y ** (1 / 2.4) - 0.055)
    # A gentle S about the middle gives film's contrast.
    srgb = srgb + 0.035 * np.sin((srgb - 0.5) * 2 * np.pi) * (srgb > 0.03)
    srgb = srgb + shadow * (1 - srgb) ** 2 * 4 * srgb**0.5 + light * srgb**2
    return (np.clip(srgb, 0, 1) * 255 * 256).astype(np.int32)


def _srgb_curve() -> NDArray[np.int32]:
    """Square root of linear light (level) → sRGB with 8 fraction bits, nothing else."""
    x = np.minimum((np.arange(_LEVELS) / (_LEVELS - 1)) ** 2 * _WHITE, 1)
    srgb = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return (srgb * 255 * 256).astype(np.int32)


def _grain(rng: np.random.Generator, strength: float, height: int, width: int) -> NDArray[np.int16]:
    """Triangular dither of ±1 level and a little film grain, in 256ths of a level; shape (height, width)."""
    size = (_GRAIN, _GRAIN)
    dither = rng.random(size, np.float32) + rng.random(size, np.float32) - 0.5
    film = rng.standard_normal(size, np.float32) * np.float32(strength)
    tile = ((dither + film) * 256).astype(np.int16)
    return np.tile(tile, (-(-height // _GRAIN), -(-width // _GRAIN)))[:height, :width]
