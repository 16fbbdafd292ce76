"""Bodies in space: a textured, turning sphere with its air, rings and shadows, before stars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger, Plate
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear, ramp
from reelwright.engines.sketch.sky import star_field


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
        ground=((0.0, "#47261b"), (0.25, "#6f3a22"), (0.45, "#a8552e"), (0.65, "#c97745"), (0.85, "#dd9a66"), (1.0, "#ecc296")),
        air="#e0956a", air_strength=0.5, tilt=0.38, craters=260, relief=1.0, caps=0.965, clouds=0.10,
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
        ground=((0.0, "#7a3f26"), (0.25, "#b06a42"), (0.45, "#e0b98c"), (0.6, "#f3e3c9"), (0.8, "#c98e63"), (1.0, "#f6efe0")),
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
        ground=((0.0, "#13324a"), (0.42, "#1f6c78"), (0.52, "#3fa08c"), (0.62, "#7c5aa0"), (0.8, "#b57ab0"), (1.0, "#f6dfe8")),
        air="#7ff0e0", air_strength=1.1, tilt=0.45, relief=0.7, caps=0.97, clouds=0.5, rings=True,
    ),
}  # fmt: skip


class Stars:
    """The black sky with its stars, larger than the frame so that the camera can drift."""

    def __init__(self, view: View, seed: int, strength: float) -> None:
        left, right, top, bottom = view.reach(0.0)
        shape = (view.height + top + bottom, view.width + left + right)
        field = star_field(shape, view.unit, generator(seed, "stars"), strength)
        field += linear("#04060c")[:, None, None]
        self._plate = Plate(field, None, -left, -top, 0.0, (view.centre, view.horizon))

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        self._plate.paint(canvas, t, pose)


class Nebula:
    """Glowing gas before the stars: two colours of folded noise, with dark lanes."""

    def __init__(self, view: View, seed: int, colours: tuple[Plane, ...]) -> None:
        rng = generator(seed, "nebula")
        self._view = view
        self._small = (max(2, view.height // 2), max(2, view.width // 2))
        self._enlarge = Enlarger(self._small, view.height, view.width)
        pair = fractal(rng, 256, 2.0, 1.0, 20.0) + 1j * fractal(rng, 256, 2.0, 1.0, 20.0)
        self._warp = Tile(pair.astype(np.complex64))
        gas = fractal(rng, 256, 1.55, 1.5) + 1j * fractal(rng, 256, 1.45, 1.5)
        self._gas = Tile(gas.astype(np.complex64))
        self._one = colours[0] if colours else linear("#ff5a7a")
        self._two = colours[1] if len(colours) > 1 else linear("#3aa0ff")

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        h, w = self._small
        zoom, dx, dy = pose.at(0.3)
        step = np.float32(2 / self._view.unit / zoom)
        y = (np.arange(h, dtype=np.float32)[:, None] - np.float32(h / 2 + dy / 2)) * step
        x = (np.arange(w, dtype=np.float32)[None, :] - np.float32(w / 2 + dx / 2)) * step
        rate = np.float32(t)
        warp = self._warp.at(x * 60 + rate * 0.8, y * 60 - rate * 0.5)
        a, b = x + warp.real * np.float32(0.16), y + warp.imag * np.float32(0.16)
        gas = self._gas.at(a * 80 + rate * 0.7, b * 80)
        band = np.exp(-(((y * np.float32(0.8) - x * np.float32(0.5)) / np.float32(0.42)) ** 2))
        one = np.clip(gas.real * np.float32(0.55) + band * np.float32(0.75) - np.float32(0.25), 0, 3) ** 2
        two = (
            np.clip(
                gas.imag * np.float32(0.6) + band * np.float32(0.7) - np.float32(0.3) - np.float32(0.2) * gas.real, 0, 3
            )
            ** 2
        )
        lane = np.exp(-np.clip(gas.imag - gas.real * np.float32(0.6), 0, 3) * np.float32(1.1))
        planes = canvas.spare("nebula", 4, h, w)
        core = np.clip(one * two, 0, 2)
        for c in range(3):
            planes[c] = (
                one * self._one[c] * np.float32(0.32) + two * self._two[c] * np.float32(0.34) + core * np.float32(0.25)
            ) * lane
        planes[3] = np.clip(one * np.float32(0.35) + (1 - lane) * np.float32(0.5) * band, 0, 0.9)
        large = self._enlarge(canvas, planes, "nebula-large")
        canvas.over(large[:3], large[3])


class Planet:
    """A body lit from the upper left; it turns with time, the camera drifts slowly towards it."""

    def __init__(self, name: str, view: View, seed: int, colours: tuple[Plane, ...]) -> None:
        self._body = BODIES[name]
        self._view = view
        rng = generator(seed, f"planet-{name}")
        self._radius = view.unit * (0.255 if self._body.rings else 0.355)
        self._cx, self._cy = view.width * 0.53, view.height * 0.52
        self._sun = np.array([-0.72, 0.38, 0.58], np.float32)
        self._sun /= np.linalg.norm(self._sun)
        size = 512 if self._radius < 330 else 1024
        accent = colours[0] if colours and name == "planet" else None
        self._texture = _texture(self._body, rng, size, accent)
        self._veil = _clouds(rng, size) if self._body.clouds else None
        self._ring = _ring_profile(rng) if self._body.rings else None
        self._grid = self._geometry()

    def _geometry(self) -> dict[str, Plane]:
        """Per pixel of the disc's box: where it lies on the sphere and how it is lit (all fixed; only longitude turns)."""
        r = self._radius
        half = int(np.ceil(r * 1.16))
        axis = np.arange(-half, half + 1, dtype=np.float32)
        x, y = np.meshgrid(axis / r, -axis / r)
        rr = np.sqrt(x * x + y * y)
        z = np.sqrt(np.maximum(1 - rr * rr, 0))
        inside = np.clip((1 - rr) * r + 0.5, 0, 1)
        cos, sin = np.cos(self._body.tilt), np.sin(self._body.tilt)
        px, py = x * cos - y * sin, x * sin + y * cos
        nod = 0.42 if self._body.rings else 0.16
        py, pz = py * np.cos(nod) - z * np.sin(nod) * -1, z * np.cos(nod) - py * np.sin(nod)
        lit = x * self._sun[0] + y * self._sun[1] + z * self._sun[2]
        edge = x * self._sun[0] + y * self._sun[1]
        return {
            "x": x, "y": y, "z": z, "rr": rr, "inside": inside, "lit": lit, "edge": edge,
            "longitude": np.arctan2(px, pz).astype(np.float32),
            "latitude": np.arcsin(np.clip(py, -1, 1)).astype(np.float32),
        }  # fmt: skip

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        zoom, dx, dy = pose.at(0.6)
        grid, body = self._grid, self._body
        rgb = self._surface(t)
        light = smoothstep(-0.07, 0.45, grid["lit"]) * np.clip(grid["lit"] * 0.75 + 0.42, 0, 1.2)
        limb = 0.45 + 0.55 * np.sqrt(np.clip(grid["z"], 0, 1))
        shade = (light * limb * np.float32(1.5)).astype(np.float32)
        if self._ring is not None:
            shade *= self._ring_shadow()
        rgb *= shade
        rgb += np.float32(0.0035)
        self._air(rgb)
        if body.rings:
            self._rings(canvas, t, dx, dy, zoom, behind=True)
        self._lay(canvas, rgb, dx, dy, zoom)
        if body.rings:
            self._rings(canvas, t, dx, dy, zoom, behind=False)

    def _surface(self, t: float) -> Plane:
        grid, body = self._grid, self._body
        size = self._texture.shape[1]
        u = (grid["longitude"] + np.float32(t * body.turn + 0.6)) * np.float32(size / np.pi)
        v = (np.float32(0.5) - grid["latitude"] / np.float32(np.pi)) * np.float32(size - 1)
        rgb = _equirect(self._texture, u, v)
        if self._veil is not None:
            drift = u + np.float32(t * 0.035 * size / np.pi)
            cover = _equirect(self._veil, drift, v)[0] * np.float32(body.clouds)
            shadow = _equirect(self._veil, drift - np.float32(size * 0.006), v - np.float32(size * 0.004))[0]
            rgb *= 1 - np.float32(0.45 * body.clouds) * shadow
            rgb *= 1 - cover
            rgb += cover * (np.float32(0.92) if body.seas else linear(body.air)[:, None, None] * np.float32(0.8))
        if body.seas:
            half = self._sun + np.array([0, 0, 1], np.float32)
            half /= np.linalg.norm(half)
            gleam = np.clip(grid["x"] * half[0] + grid["y"] * half[1] + grid["z"] * half[2], 0, 1) ** 60
            rgb += gleam * np.clip(rgb[2] - rgb[0] * 1.2, 0, 0.3) * np.float32(3.2)
        return rgb

    def _air(self, rgb: Plane) -> None:
        grid, body = self._grid, self._body
        tint = linear(body.air) * np.float32(body.air_strength)
        rim = np.clip(1 - grid["z"], 0, 1) ** 3 * smoothstep(-0.25, 0.5, grid["lit"]) * np.float32(0.75)
        inside = grid["inside"]
        halo = np.exp(-np.maximum(grid["rr"] - 1, 0) * 32) * smoothstep(-0.45, 0.65, grid["edge"]) * (1 - inside)
        for c in range(3):
            rgb[c] += rim * tint[c]
            rgb[c] *= inside
            rgb[c] += halo * tint[c] * np.float32(0.9)

    def _lay(self, canvas: Canvas, rgb: Plane, dx: float, dy: float, zoom: float) -> None:
        inside = self._grid["inside"]
        half = inside.shape[0] // 2
        cx, cy = self._cx + dx, self._cy + dy
        if zoom != 1:
            cx = self._view.centre + (self._cx - self._view.centre) * zoom + dx
        x0, y0 = cx - half * zoom, cy - half * zoom
        left, top = int(np.floor(x0)), int(np.floor(y0))
        side = int(np.ceil(2 * half * zoom)) + 1
        l, r = max(0, left), min(canvas.width, left + side)
        u, d = max(0, top), min(canvas.height, top + side)
        if r <= l or d <= u:
            return
        layers = np.concatenate([rgb, inside[None]])
        ys = (np.arange(u, d) - y0) / zoom
        xs = (np.arange(l, r) - x0) / zoom
        seen = _between(_between(layers, ys, 1), xs, 2)
        canvas.over(seen[:3], seen[3], u, l)

    def _ring_shadow(self) -> Plane:
        grid = self._grid
        band = np.abs(grid["y"] * 1.0 + grid["x"] * 0.42 - 0.30 + 0.10 * grid["z"])
        return (1 - 0.5 * np.exp(-((band / 0.055) ** 2))).astype(np.float32)

    def _rings(self, canvas: Canvas, t: float, dx: float, dy: float, zoom: float, behind: bool) -> None:
        assert self._ring is not None
        r = self._radius * zoom
        cx = self._view.centre + (self._cx - self._view.centre) * zoom + dx
        cy = self._cy + dy
        y0, y1 = max(0, int(cy - 1.9 * r)), min(canvas.height, int(cy + 1.9 * r))
        ys = ((np.arange(y0, y1, dtype=np.float32) - np.float32(cy)) / np.float32(r))[:, None]
        xs = ((np.arange(canvas.width, dtype=np.float32) - np.float32(cx)) / np.float32(r))[None, :]
        cos, sin = np.float32(np.cos(-self._body.tilt)), np.float32(np.sin(-self._body.tilt))
        a, b = xs * cos + ys * sin, (ys * cos - xs * sin) / np.float32(0.36)
        radius = np.sqrt(a * a + b * b)
        place = np.clip((radius - np.float32(1.22)) * np.float32(511 / 1.13), 0, 511)
        index = place.astype(np.intp)
        ring = self._ring.take(index, axis=1)
        alpha = ring[3] * np.clip((radius - 1.22) * r * 0.4, 0, 1)
        half = (b < 0) if behind else (b >= 0)
        alpha = alpha * half
        # The planet's shadow falls on the ring behind it, away from the sun.
        along = a * self._sun[0] * -1 + b * np.float32(0.36) * self._sun[1]
        across = np.abs(a * np.float32(0.47) - b * np.float32(0.75))
        shadow = smoothstep(0.80, 1.02, across) if behind else np.float32(1.0)
        shadow = np.where(along > 0, shadow, 1) if behind else shadow
        angle = np.arctan2(b, a)
        gleam = np.float32(1) + np.float32(0.10) * np.sin(angle * 9 - np.float32(t * 1.4)) * np.sin(
            angle * 4 + np.float32(t * 0.8)
        )
        light = alpha * shadow * gleam * np.float32(1.05)
        canvas.over(ring[:3] * light, alpha, y0, 0)


def _between(layers: Plane, places: np.ndarray, axis: int) -> Plane:
    """Linear interpolation along an axis; nothing beyond its ends."""
    n = layers.shape[axis]
    first = np.floor(places).astype(np.intp)
    share = (places - first).astype(np.float32)
    share = share[:, None] if axis == 1 else share
    near = np.take(layers, first, axis=axis, mode="clip")
    far = np.take(layers, np.minimum(first + 1, n - 1), axis=axis, mode="clip")
    far -= near
    far *= share
    near += far
    return near


def _equirect(texture: Plane, u: Plane, v: Plane) -> Plane:
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


def _directions(size: int) -> tuple[Plane, Plane, Plane, Plane, Plane]:
    latitude = (0.5 - (np.arange(size, dtype=np.float32) + 0.5) / size)[:, None] * np.float32(np.pi)
    longitude = (np.arange(2 * size, dtype=np.float32) / size * np.float32(np.pi))[None, :]
    return (
        np.cos(latitude) * np.sin(longitude), np.broadcast_to(np.sin(latitude), (size, 2 * size)),
        np.cos(latitude) * np.cos(longitude), latitude, longitude,
    )  # fmt: skip


def _solid(rng: np.random.Generator, x: Plane, y: Plane, z: Plane, scale: float, slope: float, low: float) -> Plane:
    """Noise in space without poles: the sum of three tiles, each across two of the axes."""
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    for a, b in ((x, y), (y, z), (z, x)):
        total += Tile(fractal(rng, 256, slope, low)).at(a * np.float32(scale) + 91, b * np.float32(scale) + 37)
    return total * np.float32(0.577)


def _texture(body: Body, rng: np.random.Generator, size: int, accent: Plane | None) -> Plane:
    """The surface's colour map (3, size, 2·size) in linear light, with its relief's shading baked in."""
    x, y, z, latitude, longitude = _directions(size)
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
    return (0.35 * base + 0.65 * accent[:, None, None] * shine).astype(np.float32)


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


def _clouds(rng: np.random.Generator, size: int) -> Plane:
    x, y, z, _, _ = _directions(size)
    swirl = _solid(rng, x, y, z, 26, 1.7, 1.5) * np.float32(0.16)
    cover = _solid(rng, x + swirl, y * 1.7 + swirl, z - swirl, 48, 1.25, 1.5)
    return smoothstep(0.15, 1.7, cover)[None]


def _ring_profile(rng: np.random.Generator) -> Plane:
    """Colour and coverage (4, 512) from the inner to the outer edge, with a dark gap."""
    r = np.linspace(0, 1, 512, dtype=np.float32)
    grooves = fractal(rng, 512, 0.75, 3.0)[5]
    cover = np.clip(0.62 + 0.20 * grooves, 0.04, 0.97) * smoothstep(0.0, 0.12, r) * smoothstep(1.0, 0.965, r)
    cover *= 1 - 0.93 * np.exp(-(((r - 0.70) / 0.022) ** 2)) - 0.6 * np.exp(-(((r - 0.90) / 0.006) ** 2))
    cover *= 0.5 + 0.5 * smoothstep(0.12, 0.34, r)
    colour = ramp(((0.0, "#6d5a45"), (0.3, "#bca27b"), (0.6, "#e6d3ab"), (0.8, "#b9a68a"), (1.0, "#d8ccb8")), r)
    return np.concatenate([colour * (0.75 + 0.16 * grooves).clip(0.3, 1.3), cover[None]]).astype(np.float32)
