"""The sky behind everything: gradient, the sun's glow, sun or moon, stars."""

from __future__ import annotations

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Plate
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear


def sky_plate(light: Light, view: View, seed: int, stars: float, low: float = 0.0) -> Plate:
    """The still part of the sky; `stars` is their strength, 0 to 1.

    The gradient begins `low` units above the horizon, where land would hide its warm foot.
    """
    left, right, top, bottom = view.reach(0.0)
    ys = np.arange(-top, view.height + bottom, dtype=np.float32)[:, None]
    xs = np.arange(-left, view.width + right, dtype=np.float32)[None, :]
    start = np.float32(max(view.horizon - low * view.unit, 1))
    elevation = np.clip((start - ys[:, 0]) / start, 0, 1)
    rgb = np.repeat(light.sky(elevation)[:, :, None], xs.shape[1], axis=2)
    _glow(rgb, xs, ys, light, view)
    if stars > 0:
        rgb += star_field(rgb.shape[1:], view.unit, generator(seed, "stars"), stars)
    if light.disc:
        _disc(rgb, xs, ys, light, view, seed)
    return Plate(rgb, None, -left, -top, 0.0, (view.centre, view.horizon))


def _glow(rgb: Plane, xs: Plane, ys: Plane, light: Light, view: View) -> None:
    """Forward scattering about the sun: a narrow and a wide lobe, and a warm band along the horizon."""
    if light.night and not light.disc:
        return
    u = np.float32(1 / view.unit)
    dx, dy = (xs - light.sun[0]) * u, (ys - light.sun[1]) * u
    distance = np.sqrt(dx * dx * 0.8 + dy * dy * 1.3)
    veil = 1 - 0.8 * light.gray
    strength = np.float32(light.hour.glow * light.dim * veil)
    lobes = np.exp(distance * np.float32(-11)) * np.float32(1.3) + np.exp(distance * np.float32(-3.6)) * np.float32(
        0.42
    )
    band = np.exp(np.abs(ys - view.horizon) * np.float32(-9 * u)) * np.exp(np.abs(dx) * np.float32(-1.5))
    lobes += band * np.float32(0.25)
    lobes *= strength
    colour = linear(light.hour.disc)
    for c in range(3):
        rgb[c] += lobes * colour[c]


def _disc(rgb: Plane, xs: Plane, ys: Plane, light: Light, view: View, seed: int) -> None:
    radius = view.unit * (0.042 if not light.night else 0.036)
    dx, dy = xs - light.sun[0], ys - light.sun[1]
    distance = np.sqrt(dx * dx + dy * dy)
    cover = np.clip(radius - distance + 0.5, 0, 1)
    colour = linear(light.hour.disc) * np.float32(light.hour.brightness * (1 - 0.7 * light.gray))
    if light.name in ("night", "dusk"):
        rgb *= 1 - cover
        face = _moon_face(dx / radius, dy / radius, seed)
        halo = np.exp(distance * np.float32(-9 / view.unit)) * np.float32(0.10)
        colour = linear("#eef2fb")
        for c in range(3):
            rgb[c] += cover * face * colour[c] * np.float32(1.9) + halo * linear("#9db4e6")[c]
        return
    limb = cover * np.sqrt(np.clip(1 - 0.5 * (distance / radius) ** 2, 0.2, 1)).astype(np.float32)
    for c in range(3):
        rgb[c] += limb * colour[c]


def _moon_face(x: Plane, y: Plane, seed: int) -> Plane:
    """Maria and a soft terminator, over coordinates in radii."""
    tile = fractal(generator(seed, "moon"), 128, 1.5, 1.5)
    iy = np.clip(y * 30 + 64, 0, 127).astype(np.intp)
    ix = np.clip(x * 30 + 64, 0, 127).astype(np.intp)
    maria = smoothstep(0.0, 1.3, tile[iy, ix])
    return (1 - 0.5 * maria).astype(np.float32) * smoothstep(1.5, 0.4, x * 0.75 - y * 0.3)


def star_field(shape: tuple[int, ...], unit: float, rng: np.random.Generator, strength: float) -> Plane:
    """Stars of a power-law brightness and slight colours, with a faint band of the Milky Way; shape (3, *shape)."""
    h, w = shape
    count = int(h * w / (unit * unit) * 1100)
    x, y = rng.uniform(1, w - 2, count), rng.uniform(1, h - 2, count)
    flux = np.minimum(0.06 * rng.pareto(1.5, count) + 0.035, 1.6) * strength * max(1.0, unit / 600)
    field = splat(h, w, x, y, flux, min(max(unit / 900, 0.55), 1.2))
    warmth = rng.uniform(-1, 1)
    tint = fractal(rng, 128, 0.8, 2.0)
    iy, ix = (np.arange(h) * 127 // max(h, 1)), (np.arange(w) * 127 // max(w, 1))
    tints = np.clip(0.12 * tint[np.ix_(iy, ix)] + 0.05 * warmth, -0.3, 0.3)
    yy, xx = np.arange(h, dtype=np.float32)[:, None] / unit, np.arange(w, dtype=np.float32)[None, :] / unit
    across = (xx * 0.55 - (yy - 0.15) * 1.0 - 0.15) / 0.22
    cloud = fractal(rng, 256, 1.6, 2.0)[
        np.ix_((np.arange(h) * 256 // max(h, w)) % 256, (np.arange(w) * 256 // max(h, w)) % 256)
    ]
    band = np.exp(-(across**2)) * np.clip(0.55 + 0.4 * cloud, 0, 2) * 0.028 * strength
    rgb = np.empty((3, h, w), np.float32)
    rgb[0] = field * (1 + tints) + band * 0.9
    rgb[1] = field + band * 0.95
    rgb[2] = field * (1 - tints) + band * 1.15
    return rgb


def splat(h: int, w: int, x: Plane, y: Plane, flux: Plane, sigma: float, size: int = 1) -> Plane:
    """Gaussian dots at (x, y) pixels with peak `flux`, added up on a plane (h, w); `size`: half the kernel."""
    ix, iy = np.round(x).astype(np.intp), np.round(y).astype(np.intp)
    offsets = np.arange(-size, size + 1)
    dx = ix[:, None] + offsets[None, :] - x[:, None]
    dy = iy[:, None] + offsets[None, :] - y[:, None]
    gx = np.exp(-(dx * dx) / (2 * sigma * sigma))
    gy = np.exp(-(dy * dy) / (2 * sigma * sigma)) * np.asarray(flux)[:, None]
    weights = gy[:, :, None] * gx[:, None, :]
    cols = ix[:, None, None] + offsets[None, None, :]
    rows = iy[:, None, None] + offsets[None, :, None]
    inside = (cols >= 0) & (cols < w) & (rows >= 0) & (rows < h)
    flat = np.where(inside, rows * w + cols, 0)
    total = np.bincount(flat.ravel(), np.where(inside, weights, 0).ravel(), h * w)
    return total.reshape(h, w).astype(np.float32)


class Twinkle:
    """The bright stars, each flickering at its own rate."""

    def __init__(self, view: View, seed: int, strength: float, everywhere: bool = False) -> None:
        rng = generator(seed, "twinkle")
        self._bottom = view.height if everywhere else view.horizon
        count = int(70 * view.width / view.unit)
        self._x = rng.uniform(0, view.width, count)
        self._y = rng.uniform(0, self._bottom * (1 if everywhere else 0.85), count)
        self._flux = np.minimum(0.35 * rng.pareto(1.8, count) + 0.25, 3.0) * strength
        self._rate = rng.uniform(3.0, 9.0, count)
        self._phase = rng.uniform(0, 6.28, count)
        self._view = view

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        zoom, dx, dy = pose.at(0.0)
        view = self._view
        x = view.centre + (self._x - view.centre) * zoom + dx
        y = view.horizon + (self._y - view.horizon) * zoom + dy
        flicker = 0.62 + 0.25 * np.sin(t * self._rate + self._phase) + 0.13 * np.sin(t * self._rate * 2.3 + self._phase)
        sigma = min(max(view.unit / 700, 0.6), 1.6)
        rows = min(canvas.height, int(self._bottom) + 1)
        dots = splat(rows, canvas.width, x, y, self._flux * flicker, sigma, 2)
        canvas.rgb[:, :rows] += dots
