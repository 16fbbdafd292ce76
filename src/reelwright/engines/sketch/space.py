"""Bodies in space: a textured, turning sphere with its air, rings and shadows, before stars."""

from __future__ import annotations

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger, Plate
from reelwright.engines.sketch.globe import BODIES, cloud_map, read_map, ring_profile, surface_map
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.sky import star_field


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
        gas = fractal(rng, 256, 1.7, 2.0) + 1j * fractal(rng, 256, 1.6, 2.0)
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
        a, b = x + warp.real * np.float32(0.10), y + warp.imag * np.float32(0.10)
        gas = self._gas.at(a * 115 + rate * 0.7, b * 115)
        band = np.exp(-(((y * np.float32(0.8) - x * np.float32(0.5)) / np.float32(0.30)) ** 2))
        one = np.clip(gas.real * np.float32(0.42) + band * np.float32(0.85) - np.float32(0.38), 0, 3) ** 2
        two = np.clip(gas.imag * np.float32(0.42) + band * np.float32(0.80) - np.float32(0.38), 0, 3) ** 2
        lane = np.exp(-np.clip(gas.imag - gas.real, 0, 3) * np.float32(0.8))
        planes = canvas.spare("nebula", 4, h, w)
        core = np.clip(one * two, 0, 2)
        for c in range(3):
            gas_light = one * self._one[c] + two * self._two[c] + core * np.float32(0.3)
            planes[c] = gas_light * (np.float32(0.25) + np.float32(0.75) * lane) * np.float32(1.0)
        planes[3] = np.clip((1 - lane) * np.float32(0.6) * band, 0, 0.8)
        for top, part in self._enlarge.parts(canvas, planes):
            canvas.over(part[:3], part[3], top)


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
        size = int(min(1024, max(128, self._radius * 2.3))) // 2 * 2
        accent = colours[0] if colours and name == "planet" else None
        self._texture = surface_map(self._body, rng, size, accent)
        self._veil = cloud_map(rng, size) if self._body.clouds else None
        self._ring = ring_profile(rng) if self._body.rings else None
        self._grid = self._geometry()

    def _geometry(self) -> dict[str, Plane]:
        """Per pixel of the disc's box: where it lies on the sphere and how it is lit; only the longitude turns."""
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
        rgb = read_map(self._texture, u, v)
        if self._veil is not None:
            drift = u + np.float32(t * 0.035 * size / np.pi)
            cover = read_map(self._veil, drift, v)[0] * np.float32(body.clouds)
            shadow = read_map(self._veil, drift - np.float32(size * 0.006), v - np.float32(size * 0.004))[0]
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
        view = self._view
        x0 = view.centre + (self._cx - view.centre) * zoom + dx - half * zoom
        y0 = view.horizon + (self._cy - view.horizon) * zoom + dy - half * zoom
        if still := (zoom, dx, dy) == (1, 0, 0):
            x0, y0 = round(x0), round(y0)
        left, top = int(np.floor(x0)), int(np.floor(y0))
        side = inside.shape[0] if still else int(np.ceil(2 * half * zoom)) + 1
        x1, x2 = max(0, left), min(canvas.width, left + side)
        y1, y2 = max(0, top), min(canvas.height, top + side)
        if x2 <= x1 or y2 <= y1:
            return
        seen = np.concatenate([rgb, inside[None]])
        if still:
            seen = seen[:, y1 - top : y2 - top, x1 - left : x2 - left]
        else:
            seen = _between(_between(seen, (np.arange(y1, y2) - y0) / zoom, 1), (np.arange(x1, x2) - x0) / zoom, 2)
        canvas.over(seen[:3], seen[3], y1, x1)

    def _ring_shadow(self) -> Plane:
        grid = self._grid
        band = np.abs(grid["y"] * 1.0 + grid["x"] * 0.42 - 0.30 + 0.10 * grid["z"])
        return (1 - 0.5 * np.exp(-((band / 0.055) ** 2))).astype(np.float32)

    def _rings(self, canvas: Canvas, t: float, dx: float, dy: float, zoom: float, behind: bool) -> None:
        assert self._ring is not None
        r = self._radius * zoom
        cx = self._view.centre + (self._cx - self._view.centre) * zoom + dx
        cy = self._view.horizon + (self._cy - self._view.horizon) * zoom + dy
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
    return np.asarray(near)
