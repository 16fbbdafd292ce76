"""Water: a spectrum of waves in perspective, mirroring what is painted above the horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, halved
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, Tile, Waves, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear

_GRAVITY = 9.81


class Cascade:
    """One band of an ocean's spectrum on a periodic tile of `length` metres (Tessendorf, "Simulating Ocean Water").

    `slope` is the root mean square slope of the band; `heading` the wind's direction in radians (0 along the view's
    horizontal axis).
    """

    def __init__(
        self, rng: np.random.Generator, length: float, slope: float, heading: float, low: float, high: float
    ) -> None:
        n = 128
        self.length, self.size = length, n
        self.shortest = length / high
        cycles = np.fft.fftfreq(n, 1 / n).astype(np.float32)
        kz, kx = (2 * np.pi / length) * cycles[:, None], (2 * np.pi / length) * cycles[None, :]
        k = np.hypot(kx, kz)
        band = k * length / (2 * np.pi)
        k[0, 0] = 1
        aligned = (kx * np.cos(heading) + kz * np.sin(heading)) / k
        spread = 0.12 + np.maximum(aligned, 0) ** 2
        amplitude = k**-2.0 * spread * np.exp(-((band / high) ** 4)) * (1 - np.exp(-((band / low) ** 6)))
        amplitude[0, 0] = 0
        start = (rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))) * amplitude
        mirrored = np.conj(np.roll(start[::-1, ::-1], 1, (0, 1)))
        self._omega = np.sqrt(_GRAVITY * k).astype(np.float32)
        self._kx, self._kz = kx.astype(np.float32), kz.astype(np.float32)
        raw = np.fft.ifft2(1j * kz * (start + mirrored)).real.std()
        scale = slope / (raw + 1e-12)
        self._start = (start * scale).astype(np.complex64)
        self._mirrored = (mirrored * scale).astype(np.complex64)

    def at(self, t: float) -> tuple[Tile, Tile]:
        """At `t` seconds: the slopes (across + i·along the view) and the height in metres."""
        turn = np.exp((1j * np.float32(t)) * self._omega).astype(np.complex64)
        surface = self._start * turn + self._mirrored * np.conj(turn)
        slopes = np.fft.ifft2((1j * self._kx - self._kz) * surface).astype(np.complex64)
        height = np.fft.ifft2(surface).real.astype(np.float32)
        return Tile(slopes), Tile(height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """How a water surface looks. `eye` is the camera's height in metres; colours are linear light (3,)."""

    eye: float
    swell: float
    chop: float
    ripple: float
    foam: float
    body: Plane
    crest: Plane
    mirror: float = 1.0


def sea(light: Light, rough: float, accent: Plane | None) -> Surface:
    """The open sea; `rough` runs from 0 (calm) to 1 (storm)."""
    ambient = light.ambient
    deep, shallow = linear("#0b3550"), linear("#2f8f8a")
    if accent is not None:
        deep, shallow = accent * np.float32(0.25), accent
    return Surface(
        eye=4.2 - 1.0 * rough,
        swell=0.035 + 0.15 * rough,
        chop=0.06 + 0.09 * rough,
        ripple=0.07 + 0.05 * rough,
        foam=rough,
        body=(deep * (ambient * 1.3 + 0.12 * light.beam)).astype(np.float32),
        crest=(shallow * (ambient * 0.9 + 0.45 * light.beam)).astype(np.float32),
    )


def lake(light: Light, wind: float) -> Surface:
    return Surface(
        eye=3.0,
        swell=0.0,
        chop=0.006 + 0.03 * wind,
        ripple=0.014 + 0.04 * wind,
        foam=0.0,
        body=(linear("#0d2c38") * (light.ambient + 0.1 * light.beam)).astype(np.float32),
        crest=(linear("#1d5a5c") * light.ambient).astype(np.float32),
    )


class Water:
    """Paints everything below the horizon as water. It must follow all that it is to mirror."""

    def __init__(self, surface: Surface, light: Light, view: View, seed: int) -> None:
        rng = generator(seed, "water")
        self._surface, self._light, self._view = surface, light, view
        heading = -1.25
        self._cascades = [
            Cascade(rng, length, slope, heading, low, high)
            for length, slope, low, high in (
                (64.0, surface.swell, 2.0, 10.0),
                (17.0, surface.chop, 2.5, 14.0),
                (4.4, surface.ripple, 3.5, 30.0),
            )
            if slope > 0
        ]
        self._streaks = Tile(fractal(rng, 256, 1.1, 4.0))

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        view, surface = self._view, self._surface
        zoom, dx, dy = pose.at(0.0)
        horizon = view.horizon + dy
        top = max(0, int(np.ceil(horizon)))
        rows = canvas.height - top
        if rows <= 0:
            return
        focal = np.float32(view.unit * 1.0 * zoom)
        below = (np.arange(rows, dtype=np.float32) + np.float32(top - horizon) + np.float32(0.35))[:, None]
        angle = below / focal
        z = np.float32(surface.eye) / angle
        xs = (np.arange(canvas.width, dtype=np.float32) - np.float32(view.centre + dx))[None, :] / focal
        nearest = surface.eye / max((view.height - view.horizon) / view.unit, 0.05)
        _, near_dx, _ = pose.at(1.0)
        side = np.float32((dx - near_dx) * nearest / view.unit)
        ahead = np.float32(nearest * (pose.at(1.0)[0] - zoom) * 2)
        x, z = xs * z + side, z + ahead
        sx, sz, height = self._shape(x, z, z * angle / np.float32(surface.eye) * z / focal, t)
        self._shade(canvas, top, angle, xs, sx, sz, height, x, z, t)

    def _shape(self, x: Plane, z: Plane, footprint: Plane, t: float) -> tuple[Plane, Plane, Plane]:
        """Slopes across and along, and the height, at world points; waves finer than the footprint fade."""
        sx: Plane | np.float32 = np.float32(0)
        sz: Plane | np.float32 = np.float32(0)
        height: Plane | np.float32 = np.float32(0)
        step = footprint * z / np.float32(self._surface.eye)
        for cascade in self._cascades:
            slopes, heights = cascade.at(t)
            per_metre = np.float32(cascade.size / cascade.length)
            fade = 1 / (1 + (step / np.float32(1.6 * cascade.shortest)) ** 2)
            u, v = x * per_metre, z * per_metre
            found = slopes.at(u, v)
            sx = sx + found.real * fade
            sz = sz + found.imag * fade
            if self._surface.foam > 0 and cascade is not self._cascades[-1]:
                height = height + heights.at(u, v) * fade
        shape = np.broadcast_shapes(x.shape, z.shape)
        return np.broadcast_to(sx, shape), np.broadcast_to(sz, shape), np.broadcast_to(height, shape)

    def _shade(
        self,
        canvas: Canvas,
        top: int,
        angle: Plane,
        xs: Plane,
        sx: Plane,
        sz: Plane,
        height: Plane,
        x: Plane,
        z: Plane,
        t: float,
    ) -> None:
        view, surface = self._view, self._surface
        facing = np.maximum(angle - sz, np.float32(0.004))
        # The mirrored ray for a normal tilted by the slopes: elevation e + 2 s_z, sideways 2 (e + s_z) s_x.
        rise = np.abs(angle - 2 * sz)
        column = (xs - 2 * facing * sx) * np.float32(view.unit) + np.float32(view.centre)
        mirrored = self._mirror(canvas, top, rise, column)
        cosine = facing / np.sqrt(1 + facing * facing)
        fresnel = 1 - np.minimum(cosine, 1)
        fresnel = fresnel * fresnel
        fresnel = fresnel * fresnel * (1 - np.minimum(cosine, 1)) * np.float32(0.98 * surface.mirror) + np.float32(0.02)
        out = canvas.rgb[:, top:]
        np.multiply(mirrored, fresnel, out=out)
        through = 1 - fresnel
        lift = (
            np.clip(height * np.float32(0.55) + np.float32(0.15), 0, 1) * through if surface.foam > 0 else through * 0.2
        )
        for c in range(3):
            out[c] += through * surface.body[c]
            out[c] += lift * surface.crest[c]
        if surface.foam > 0:
            self._foam(out, height, sz, x, z, t)

    def _mirror(self, canvas: Canvas, top: int, rise: Plane, column: Plane) -> Plane:
        """What the rays meet: the picture above the horizon, read at half size."""
        rows = max(2, top - top % 2)
        small = halved(canvas.rgb[:, :rows])
        small[:, 1:-1] = (small[:, :-2] + small[:, 2:]) * np.float32(0.25) + small[:, 1:-1] * np.float32(0.5)
        _, h, w = small.shape
        row = np.clip((np.float32(top) - rise * np.float32(self._view.unit)) * np.float32(0.5), 0, h - 1).astype(
            np.int32
        )
        # Beyond the frame's sides the picture goes on mirrored.
        col = np.abs(column * np.float32(0.5)).astype(np.int32)
        col = np.minimum(col, 2 * w - 1 - col)
        np.maximum(col, 0, out=col)
        index = (row * w + col).astype(np.intp)
        out = canvas.spare("mirror", 3, *index.shape)
        for c in range(3):
            np.take(small[c].ravel(), index, out=out[c], mode="clip")
        return out

    def _foam(self, out: Plane, height: Plane, sz: Plane, x: Plane, z: Plane, t: float) -> None:
        """Whitecaps on the fronts of high crests, torn into streaks by noise that drifts with them."""
        rough = np.float32(self._surface.foam)
        torn = self._streaks.at(x * 14 + np.float32(t * 3), z * 8 - np.float32(t * 5))
        crest = smoothstep(
            0.25, 1.25, height * (np.float32(1.5) - np.float32(0.5) * rough) + torn * np.float32(0.3) - np.float32(0.32)
        )
        crest *= np.float32(0.25) + smoothstep(-0.5, 1.5, torn)
        cover = np.minimum(crest * (np.float32(0.35) + rough * np.float32(0.65)), np.float32(0.9))
        white = self._light.ambient * np.float32(1.0) + self._light.beam * np.float32(0.35)
        clear = 1 - cover
        for c in range(3):
            out[c] *= clear
            out[c] += cover * white[c]
