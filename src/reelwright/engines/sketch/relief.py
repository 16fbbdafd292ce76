"""Heights of land as periodic tiles: alpine ridges, dunes, soft hills."""

from __future__ import annotations

import numpy as np

from reelwright.engines.sketch.noise import Plane, Tile, fractal

SIZE = 512


def alpine(rng: np.random.Generator) -> Plane:
    """Sharp ridges over broad masses, 0 to about 1.6; shape (512, 512)."""
    mass = fractal(rng, SIZE, 1.4, 1.5, 5.0)
    warp = fractal(rng, SIZE, 1.8, 3.0, 40.0)
    creases = 1 - np.abs(_warped(fractal(rng, SIZE, 1.55, 3.0, 70.0), warp, 8.0)) * np.float32(0.8)
    fine = fractal(rng, SIZE, 1.25, 14.0)
    height = np.exp(mass * np.float32(0.62)) * (
        np.float32(0.36) + np.float32(0.26) * creases + np.float32(0.022) * fine
    )
    # The highest are held back, so that none towers out of all proportion.
    return (1.25 * height / (1 + 0.38 * height)).astype(np.float32)


def dunes(rng: np.random.Generator) -> Plane:
    """Wave after wave of sand: long windward backs, sharp winding crests, steep lee faces; 0 to about 1."""
    row = np.linspace(0, 1, SIZE, endpoint=False, dtype=np.float32)
    bend = fractal(rng, SIZE, 2.4, 1.5, 6.0)
    phase = row[:, None] * 4 + row[None, :] * 2 + 0.42 * bend
    turn = phase - np.floor(phase)
    profile = np.where(turn < 0.72, np.sin(turn / 0.72 * np.pi / 2) ** 1.6, ((1 - turn) / 0.28) ** 1.15)
    size = np.clip(0.62 + 0.34 * fractal(rng, SIZE, 2.2, 1.5, 5.0), 0.15, 1.4)
    small = fractal(rng, SIZE, 2.0, 6.0, 30.0)
    height = profile * size + 0.03 * small
    for axis in (0, 1):
        # A crest as sharp as a texel would look like a saw.
        height = 0.5 * height + 0.25 * (np.roll(height, 1, axis) + np.roll(height, -1, axis))
    return height.astype(np.float32)


def hills(rng: np.random.Generator) -> Plane:
    """Soft rolling ground, about -1 to 1."""
    return (0.5 * fractal(rng, SIZE, 2.3, 1.5, 12.0) + 0.02 * fractal(rng, SIZE, 1.0, 20.0)).astype(np.float32)


def _warped(values: Plane, warp: Plane, reach: float) -> Plane:
    rows = np.arange(SIZE, dtype=np.float32)
    return Tile(values).at(rows[None, :] + reach * warp, rows[:, None] + reach * np.roll(warp, 97, axis=1))


def lit(height: Plane, direction: Plane, steepness: float) -> Plane:
    """Lambert's cosine on the tile's slopes, for light from `direction` (right, up, away), 0 to 1."""
    across = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) * np.float32(steepness * SIZE / 40)
    along = (np.roll(height, -1, 0) - np.roll(height, 1, 0)) * np.float32(steepness * SIZE / 40)
    dot = direction[1] - across * direction[0] - along * direction[2]
    return np.asarray(np.clip(dot / np.sqrt(1 + across * across + along * along), 0, 1), np.float32)
