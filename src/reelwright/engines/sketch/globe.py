"""The planets' surfaces as maps of longitude and latitude: relief, craters, bands, clouds, rings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.noise import Plane, Tile, fractal, smoothstep
from reelwright.engines.sketch.palette import ramp


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """How a planet looks. `ground` is the colour ramp over its heights (0 to 1); angles in radians."""

    ground: tuple[tuple[float, str], ...]
    air: str
    air_strength: float
    tilt: float = 0.35
    banded: float = 0.0
    craters: int = 0
    relief: float = 0.0
    caps: float = 0.0
    seas: bool = False
    clouds: float = 0.0
    rings: bool = False
    turn: float = 0.10


BODIES: Mapping[str, Body] = {
    "mars": Body(
        ground=((0.0, "#47261b"), (0.25, "#6f3a22"), (0.45, "#a8552e"),
                (0.65, "#c97745"), (0.85, "#dd9a66"), (1.0, "#ecc296")),
        air="#e0956a", air_strength=0.5, tilt=0.38, craters=260, relief=1.0, caps=0.965,
    ),
    "earth": Body(
        ground=((0.0, "#06264f"), (0.49, "#0c4a86"), (0.515, "#2b7f9c"), (0.53, "#b49a63"), (0.56, "#4d7a34"),
                (0.70, "#2f5a2a"), (0.85, "#8a7350"), (1.0, "#f2f2f2")),
        air="#62a8ff", air_strength=1.5, tilt=0.41, relief=0.55, caps=0.93, seas=True, clouds=0.85, turn=0.08,
    ),
    "moon": Body(
        ground=((0.0, "#3f3f42"), (0.35, "#5f5e60"), (0.6, "#9a9894"), (1.0, "#d6d3cc")),
        air="#8898b0", air_strength=0.03, tilt=0.1, craters=520, relief=1.25, turn=0.05,
    ),
    "saturn": Body(
        ground=((0.0, "#8a6b45"), (0.3, "#c7a670"), (0.55, "#e5cf9c"), (0.75, "#d6b681"), (1.0, "#f4e7c4")),
        air="#ffe3ac", air_strength=0.25, tilt=0.42, banded=0.85, rings=True, turn=0.25,
    ),
    "jupiter": Body(
        ground=((0.0, "#7a3f26"), (0.25, "#b06a42"), (0.45, "#e0b98c"),
                (0.6, "#f3e3c9"), (0.8, "#c98e63"), (1.0, "#f6efe0")),
        air="#ffd9b0", air_strength=0.25, tilt=0.06, banded=1.0, turn=0.28,
    ),
    "venus": Body(
        ground=((0.0, "#b5813f"), (0.5, "#e6c07a"), (1.0, "#fff0c8")),
        air="#ffe2a0", air_strength=0.9, tilt=0.1, banded=0.45, clouds=0.4, turn=0.12,
    ),
    "neptune": Body(
        ground=((0.0, "#123a9c"), (0.5, "#2f6fe0"), (0.85, "#5fa2f2"), (1.0, "#d7ecff")),
        air="#6db4ff", air_strength=1.0, tilt=0.5, banded=0.7, turn=0.2,
    ),
    "planet": Body(
        ground=((0.0, "#13324a"), (0.42, "#1f6c78"), (0.52, "#3fa08c"),
                (0.62, "#7c5aa0"), (0.8, "#b57ab0"), (1.0, "#f6dfe8")),
        air="#7ff0e0", air_strength=1.1, tilt=0.45, relief=0.7, caps=0.97, clouds=0.5, rings=True,
    ),
}  # fmt: skip


def read_map(texture: Plane, u: Plane, v: Plane) -> Plane:
    """Read (n, size, 2·size) at longitude texels `u` (wrapping) and latitude texels `v`."""
    n, h, w = texture.shape
    iu = np.floor(u)
    share = u - iu
    row = np.clip(v + np.float32(0.5), 0, h - 1).astype(np.int32) * w
    first = iu.astype(np.int32) % w
    index = (row + first).astype(np.intp)
    second = (row + (first + 1) % w).astype(np.intp)
    out = np.empty((n, *u.shape), np.float32)
    for c in range(n):
        flat = texture[c].ravel()
        near = flat.take(index, mode="clip")
        far = flat.take(second, mode="clip")
        far -= near
        far *= share
        np.add(near, far, out=out[c])
    return out


def _directions(size: int) -> tuple[Plane, Plane, Plane, Plane]:
    latitude = (0.5 - (np.arange(size, dtype=np.float32) + 0.5) / size)[:, None] * np.float32(np.pi)
    longitude = (np.arange(2 * size, dtype=np.float32) / size * np.float32(np.pi))[None, :]
    return (
        np.cos(latitude) * np.sin(longitude), np.broadcast_to(np.sin(latitude), (size, 2 * size)),
        np.cos(latitude) * np.cos(longitude), latitude,
    )  # fmt: skip


def _solid(rng: np.random.Generator, x: Plane, y: Plane, z: Plane, scale: float, slope: float, low: float) -> Plane:
    """Noise in space without poles: three tiles, each across two of the axes and seen where its plane faces outward."""
    shape = np.broadcast_shapes(x.shape, y.shape)
    total, power = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for a, b, facing in ((x, y, z), (y, z, x), (z, x, y)):
        share = facing * facing
        tile = Tile(fractal(rng, 256, slope, low))
        total += tile.at(a * np.float32(scale) + 91, b * np.float32(scale) + 37) * share
        power += share * share
    return np.asarray(total / np.sqrt(power), np.float32)


def surface_map(body: Body, rng: np.random.Generator, size: int, accent: Plane | None) -> Plane:
    """The surface's colour map (3, size, 2·size) in linear light, with its relief's shading baked in."""
    x, y, z, latitude = _directions(size)
    if body.banded:
        sway = _solid(rng, x, y * 3, z, 40, 1.6, 2.0)
        bands = fractal(rng, 256, 0.85, 3.0, 60.0)[:, 7]
        eddy = _solid(rng, x, y * 4.5, z, 85, 1.3, 3.0)
        place = (latitude / np.float32(np.pi) + np.float32(0.5)) * 200 + sway * np.float32(2.0) + eddy * np.float32(0.9)
        height = np.interp(place, np.arange(256), bands).astype(np.float32) * np.float32(
            0.21 * body.banded
        ) + np.float32(0.5)
        height = height + eddy * np.float32(0.045)
        return ramp(body.ground, np.clip(height, 0, 1)) if accent is None else _toned(body, height, accent)
    warp = _solid(rng, x, y, z, 30, 1.8, 1.5) * np.float32(0.10)
    height = _solid(rng, x + warp, y - warp, z + warp * 0.5, 42, 1.55, 1.3)
    fine = _solid(rng, x, y, z + warp, 95, 1.15, 3.0)
    level = 0.5 + 0.19 * height + 0.05 * fine
    rough = height * np.float32(0.5) + fine * np.float32(0.28)
    if body.craters:
        pits = _craters(rng, size, body.craters)
        rough = rough + pits * np.float32(1.9)
        level = level + pits * np.float32(0.05)
    rgb = ramp(body.ground, np.clip(level, 0, 1)) if accent is None else _toned(body, level, accent)
    land = smoothstep(0.5, 0.56, level) if body.seas else np.float32(1)
    slope = (np.roll(rough, -1, 1) - np.roll(rough, 1, 1)) * np.float32(size / 512) + (
        np.roll(rough, -1, 0) - np.roll(rough, 1, 0)
    ) * np.float32(0.5 * size / 512)
    rgb *= np.clip(1 + slope * np.float32(1.5 * body.relief) * land, 0.25, 1.9)
    if body.caps:
        white = smoothstep(body.caps - 0.02, body.caps + 0.015, np.abs(y) + 0.018 * height + 0.012 * fine)
        rgb = rgb * (1 - white) + np.float32(0.86) * white
    return rgb.astype(np.float32)


def _toned(body: Body, level: Plane, accent: Plane) -> Plane:
    base = ramp(body.ground, np.clip(level, 0, 1))
    shine = base.mean(0) / max(float(accent.mean()), 0.03)
    return np.asarray(0.35 * base + 0.65 * accent[:, None, None] * shine, np.float32)


def _craters(rng: np.random.Generator, size: int, count: int) -> Plane:
    """Bowls with raised rims at random places; sizes follow a power law."""
    field = np.zeros((size, 2 * size), np.float32)
    rows = (np.arange(size, dtype=np.float32) + 0.5) / size * np.pi
    for _ in range(count):
        radius = min(0.011 * (rng.pareto(1.7) + 1), 0.16)
        across = np.arccos(rng.uniform(-0.97, 0.97))
        along = rng.uniform(0, 2 * np.pi)
        reach = 1.7 * radius
        r0, r1 = np.searchsorted(rows, [across - reach, across + reach])
        spread = int(reach / max(np.sin(across), 0.15) / np.pi * size) + 1
        c0 = int(along / np.pi * size)
        columns = np.arange(c0 - spread, c0 + spread + 1)
        dx = (columns / size * np.pi - along)[None, :] * np.sin(across)
        d = np.hypot(dx, rows[r0:r1, None] - across) / radius
        bowl = np.where(d < 1, d * d - 0.75, 0.25 * np.exp(-((d - 1) ** 2) * 14))
        bowl *= np.clip((1.7 - d) * 3, 0, 1)
        field[r0:r1, columns % (2 * size)] += (bowl * 0.55 * min(1.0, radius * 22)).astype(np.float32)
    return field


def cloud_map(rng: np.random.Generator, size: int) -> Plane:
    x, y, z, _ = _directions(size)
    swirl = _solid(rng, x, y, z, 26, 1.7, 1.5) * np.float32(0.16)
    cover = _solid(rng, x + swirl, y * 1.7 + swirl, z - swirl, 48, 1.25, 1.5)
    return smoothstep(0.15, 1.7, cover)[None]


def ring_profile(rng: np.random.Generator) -> Plane:
    """Colour and coverage (4, 512) from the inner to the outer edge, with a dark gap."""
    r = np.linspace(0, 1, 512, dtype=np.float32)
    grooves = fractal(rng, 512, 0.75, 3.0)[5]
    cover = np.clip(0.62 + 0.20 * grooves, 0.04, 0.97) * smoothstep(0.0, 0.12, r) * smoothstep(1.0, 0.965, r)
    cover *= 1 - 0.93 * np.exp(-(((r - 0.70) / 0.022) ** 2)) - 0.6 * np.exp(-(((r - 0.90) / 0.006) ** 2))
    cover *= 0.5 + 0.5 * smoothstep(0.12, 0.34, r)
    colour = ramp(((0.0, "#6d5a45"), (0.3, "#bca27b"), (0.6, "#e6d3ab"), (0.8, "#b9a68a"), (1.0, "#d8ccb8")), r)
    return np.concatenate([colour * (0.75 + 0.16 * grooves).clip(0.3, 1.3), cover[None]]).astype(np.float32)
