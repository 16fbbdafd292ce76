"""Smooth random textures that tile without a seam, and how to read them between their texels."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[Any]
"""An array of float32, or of planes of it: heights, light, coverage."""
Waves = NDArray[np.complex64]


def generator(seed: int, name: str) -> np.random.Generator:
    """An independent stream of random numbers for one named part of a picture."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(name.encode())])))


def fractal(rng: np.random.Generator, size: int, slope: float, low: float = 1.0, high: float = 1e9) -> Plane:
    """A tile of shape (size, size) with zero mean and unit variance, periodic on both axes.

    Spectral synthesis: the amplitude falls as frequency ** -slope between `low` and `high` cycles a tile.
    """
    fy = np.fft.fftfreq(size, 1 / size).astype(np.float32)[:, None]
    fx = np.fft.rfftfreq(size, 1 / size).astype(np.float32)[None, :]
    f = np.hypot(fx, fy)
    f[0, 0] = 1.0
    amplitude = f ** np.float32(-slope)
    # Soft ends of the band: a hard cut would ring.
    amplitude *= np.exp(-((f / high) ** 2)) * (1 - np.exp(-((f / low) ** 4)))
    amplitude[0, 0] = 0
    spectrum = np.fft.rfft2(rng.standard_normal((size, size), np.float32)) * amplitude
    tile = np.fft.irfft2(spectrum, s=(size, size)).astype(np.float32)
    tile /= tile.std() + 1e-9
    return tile


class Tile:
    """A periodic texture, real or complex, that is read bilinearly at any coordinates."""

    def __init__(self, values: Plane | Waves) -> None:
        """`values` is square and its side is a power of two."""
        self.size = values.shape[0]
        self._flat = np.pad(values, ((0, 1), (0, 1)), mode="wrap").ravel()

    def at(self, u: Plane, v: Plane) -> Plane:
        """The values at column `u` and row `v`, in texels, any sign; broadcast together."""
        mask, stride = self.size - 1, self.size + 1
        iu, iv = np.floor(u), np.floor(v)
        fu, fv = u - iu, v - iv
        index = (iv.astype(np.int32) & mask) * stride + (iu.astype(np.int32) & mask)
        index = index.astype(np.intp)
        flat = self._flat
        a = flat.take(index, mode="clip")
        b = flat.take(index + 1, mode="clip")
        b -= a
        b *= fu
        a += b
        index += stride
        c = flat.take(index, mode="clip")
        d = flat.take(index + 1, mode="clip")
        d -= c
        d *= fu
        c += d
        c -= a
        c *= fv
        a += c
        return np.asarray(a)


def smoothstep(low: float, high: float, x: Plane) -> Plane:
    """0 below `low`, 1 above `high`, a smooth S between."""
    t = np.clip((x - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def wander(rng: np.random.Generator, x: Plane, octaves: int, slope: float, base: float) -> Plane:
    """A smooth random line over `x`: `octaves` sines from `base` cycles a unit, each higher one weaker by `slope`."""
    line = np.zeros_like(x)
    for octave in range(octaves):
        frequency = base * 2**octave
        for _ in range(3):
            f = frequency * rng.uniform(0.7, 1.4)
            line += np.sin(x * np.float32(2 * np.pi * f) + np.float32(rng.uniform(0, 6.2832))) * np.float32(
                rng.uniform(0.4, 1.0) * 2.0 ** (-slope * octave)
            )
    return line / np.float32(2.2)
