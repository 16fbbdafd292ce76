"""Water: a spectrum of waves in perspective, mirroring what is painted above the horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, blocks
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.plane import Ground, Mirror, Spot

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
    """How a water surface looks. `eye` is the camera's height in metres; colours are linear light (3,).

    `mirror` is the share of light mirrored straight down (0.02 for water).
    """

    eye: float
    swell: float
    chop: float
    ripple: float
    foam: float
    body: Plane
    crest: Plane
    mirror: float = 0.02


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


def wet(light: Light) -> Surface:
    """Rain on asphalt: a dark, restless mirror."""
    return Surface(
        eye=1.7,
        swell=0.0,
        chop=0.022,
        ripple=0.045,
        foam=0.0,
        body=(linear("#23272e") * (light.ambient + 0.1 * light.beam)).astype(np.float32),
        crest=(linear("#23272e") * light.ambient).astype(np.float32),
        mirror=0.32,
    )


class Water:
    """Paints everything below the horizon as water. It must follow all that it is to mirror."""

    def __init__(self, surface: Surface, light: Light, view: View, seed: int) -> None:
        rng = generator(seed, "water")
        self._surface, self._light, self._view = surface, light, view
        self._ground = Ground(view, surface.eye)
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
        spot = self._ground.at(canvas, pose)
        if spot is None:
            return
        mirror = Mirror(canvas, spot.top, self._view)
        waves = [cascade.at(t) for cascade in self._cascades]
        for first, last in blocks(canvas.height - spot.top, canvas.width):
            self._strip(canvas, spot.rows(first, last), last - first, mirror, waves, t)

    def _strip(
        self, canvas: Canvas, spot: Spot, count: int, mirror: Mirror, waves: list[tuple[Tile, Tile]], t: float
    ) -> None:
        surface = self._surface
        sx, sz, height = self._shape(spot, waves)
        facing = np.maximum(spot.angle - sz, np.float32(0.004))
        # The mirrored ray for a normal tilted by the slopes: elevation e + 2 s_z, sideways 2 (e + s_z) s_x.
        picture = mirror.at(np.abs(spot.angle - 2 * sz), spot.across - 2 * facing * sx)
        graze = 1 - np.minimum(facing / np.sqrt(1 + facing * facing), 1)
        square = graze * graze
        # Fresnel's law in Schlick's form.
        fresnel = square * square * graze * np.float32(1 - surface.mirror) + np.float32(surface.mirror)
        out = canvas.rgb[:, spot.top : spot.top + count]
        np.multiply(picture, fresnel, out=out)
        through = 1 - fresnel
        lift = through * np.float32(0.2)
        if surface.foam > 0:
            lift = np.clip(height * np.float32(0.55) + np.float32(0.15), 0, 1) * through
        for c in range(3):
            out[c] += through * surface.body[c]
            out[c] += lift * surface.crest[c]
        if surface.foam > 0:
            self._foam(out, height, spot, t)

    def _shape(self, spot: Spot, waves: list[tuple[Tile, Tile]]) -> tuple[Plane, Plane, Plane]:
        """Slopes across and along, and the height, at the spot's points; waves finer than a pixel's step fade."""
        shape = np.broadcast_shapes(spot.x.shape, spot.z.shape)
        sx, sz, height = (np.zeros(shape, np.float32) for _ in range(3))
        for cascade, (slopes, heights) in zip(self._cascades, waves, strict=True):
            per_metre = np.float32(cascade.size / cascade.length)
            fade = 1 / (1 + (spot.step / np.float32(1.6 * cascade.shortest)) ** 2)
            u, v = spot.x * per_metre, spot.z * per_metre
            found = slopes.at(u, v)
            sx += found.real * fade
            sz += found.imag * fade
            if self._surface.foam > 0 and cascade is not self._cascades[-1]:
                height += heights.at(u, v) * fade
        return sx, sz, height

    def _foam(self, out: Plane, height: Plane, spot: Spot, t: float) -> None:
        """Whitecaps on the fronts of high crests, torn into streaks by noise that drifts with them."""
        rough = np.float32(self._surface.foam)
        torn = self._streaks.at(spot.x * 14 + np.float32(t * 3), spot.z * 8 - np.float32(t * 5))
        crest = smoothstep(
            0.25, 1.25, height * (np.float32(1.5) - np.float32(0.5) * rough) + torn * np.float32(0.3) - np.float32(0.32)
        )
        crest *= np.float32(0.25) + smoothstep(-0.5, 1.5, torn)
        cover = np.minimum(crest * (np.float32(0.35) + rough * np.float32(0.65)), np.float32(0.9))
        white = self._light.ambient * np.float32(0.8 + 1.3 * rough * rough) + self._light.beam * np.float32(0.35)
        clear = 1 - cover
        for c in range(3):
            out[c] *= clear
            out[c] += cover * white[c]
