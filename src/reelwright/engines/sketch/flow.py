"""Abstract pictures for words that nothing here knows: silk, ink and ribbons, seeded by the text."""

from __future__ import annotations

import zlib

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator
from reelwright.engines.sketch.palette import linear, ramp

_PALETTES = (
    ("#0b1026", "#3b1c5a", "#b0305c", "#f2875e", "#ffe3ad"),
    ("#05161d", "#0b4654", "#2a9d8f", "#f2c14e", "#f26b38"),
    ("#0d0b14", "#2b2350", "#5b4bb5", "#7cc6e8", "#f4f1ff"),
    ("#120c0a", "#4a1d1f", "#a63d40", "#e9b872", "#f6eddb"),
    ("#071318", "#123f3a", "#4f8f6b", "#c9d69a", "#fbf6d9"),
    ("#0a0f24", "#14387f", "#1c7ed6", "#63e6e2", "#fff3bf"),
    ("#150a1e", "#571845", "#c70f5b", "#ff8a3d", "#ffd166"),
    ("#0c1117", "#37475a", "#8da2b5", "#e8c6a0", "#fdf6ec"),
)
KINDS = ("silk", "ink", "ribbons")


class Flow:
    """A field that folds through itself (domain warping): the warp on a small grid, the picture at full size.

    The text chooses kind, palette and proportions; the seed the noise.
    """

    def __init__(self, text: str, view: View, seed: int, colours: tuple[Plane, ...]) -> None:
        mark = zlib.crc32(text.strip().lower().encode("utf-8", "replace"))
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([mark, seed])))
        pick = np.random.Generator(np.random.PCG64(mark))
        self.kind = KINDS[int(pick.integers(len(KINDS)))]
        self._palette = _palette(pick, colours)
        self._view = view
        self._small = (max(2, view.height // 4), max(2, view.width // 4))
        self._enlarge = Enlarger(self._small, view.height, view.width)
        pair = fractal(rng, 256, 2.3, 1.0, 9.0) + 1j * fractal(rng, 256, 2.3, 1.0, 9.0)
        self._warp = Tile(pair.astype(np.complex64))
        self._field = Tile(fractal(rng, 256, 2.2, 1.5, 14.0))
        self._grain = Tile(fractal(rng, 256, 1.5, 2.0, 70.0))
        self._angle = float(pick.uniform(0, np.pi))
        self._fold = float(pick.uniform(0.85, 1.25))
        self._pace = float(pick.uniform(0.8, 1.2))
        self._offset = pick.uniform(0, 256, 4).astype(np.float32)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        planes = self._folded(t, pose)
        large = self._enlarge(canvas, planes, "flow")
        match self.kind:
            case "silk":
                self._silk(canvas, large)
            case "ink":
                self._ink(canvas, large, t)
            case _:
                self._ribbons(canvas, large, t)

    def _folded(self, t: float, pose: Pose) -> Plane:
        """Smooth planes on the small grid: the folded field, the two warp components, slow light."""
        h, w = self._small
        view = self._view
        zoom, dx, dy = pose.at(0.5)
        step = np.float32(4 / view.unit / zoom)
        y = (np.arange(h, dtype=np.float32)[:, None] - np.float32(h / 2 + dy / 4)) * step
        x = (np.arange(w, dtype=np.float32)[None, :] - np.float32(w / 2 + dx / 4)) * step
        c, s = np.float32(np.cos(self._angle)), np.float32(np.sin(self._angle))
        p, q = x * c + y * s, y * c - x * s
        o = self._offset
        rate = np.float32(t * self._pace)
        first = self._warp.at(p * 62 + o[0] + rate * 2.4, q * 40 + o[1] - rate * 1.4)
        a, b = first.real * np.float32(0.17 * self._fold), first.imag * np.float32(0.17 * self._fold)
        second = self._warp.at((p + a) * 75 + o[2] - rate * 1.9, (q + b) * 62 + o[3] + rate * 2.2)
        a2, b2 = second.real * np.float32(0.15 * self._fold), second.imag * np.float32(0.15 * self._fold)
        field = self._field.at((p + a2) * 70 + o[1], (q + b2) * 48 + o[2] + rate * 1.6)
        return np.stack([field, p + a2, q + b2, first.imag]).astype(np.float32)

    def _silk(self, canvas: Canvas, planes: Plane) -> None:
        """Satin: a height of soft folds, its slopes lit from two sides, colour sliding along the folds."""
        field, p, q, slow = planes
        phase = field * np.float32(1.25) + q * np.float32(3.2)
        height = np.sin(phase * np.float32(2.2)) * np.float32(0.6) + np.sin(
            phase * np.float32(5.1) + p * 3
        ) * np.float32(0.2)
        u = np.float32(self._view.unit / 26)
        gx, gy = np.empty_like(height), np.empty_like(height)
        gx[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * u
        gx[:, 0], gx[:, -1] = gx[:, 1], gx[:, -2]
        gy[1:-1] = (height[2:] - height[:-2]) * u
        gy[0], gy[-1] = gy[1], gy[-2]
        norm = 1 / np.sqrt(1 + gx * gx + gy * gy)
        key = np.clip((0.55 * gx - 0.5 * gy + 0.67) * norm, 0, 1)
        rim = np.clip((-0.75 * gx + 0.3 * gy + 0.35) * norm, 0, 1)
        gleam = np.clip((0.30 * gx - 0.28 * gy + 0.91) * norm, 0, 1)
        gleam = gleam * gleam
        gleam = gleam * gleam
        gleam = gleam * gleam
        gleam = gleam * gleam * gleam
        tone = np.clip(0.40 + 0.20 * field + 0.12 * height + 0.07 * slow, 0, 1)
        index = (tone * 511).astype(np.intp)
        for c in range(3):
            body = self._palette[c].take(index, mode="clip")
            np.multiply(body, key * np.float32(1.05) + np.float32(0.07), out=canvas.rgb[c])
            canvas.rgb[c] += rim * self._palette[c, 420] * np.float32(0.22)
            canvas.rgb[c] += gleam * (self._palette[c, 500] * np.float32(0.75))

    def _ink(self, canvas: Canvas, planes: Plane, t: float) -> None:
        """Inks that spread in clear water: each takes its own part of the light away."""
        field, p, q, slow = planes
        paper = linear("#f4efe6")
        fine = self._grain.at(p * 95 + field * 14, q * 95 - field * 10 + np.float32(t * 1.6))
        body = field + fine * np.float32(0.16)
        light = np.zeros((3, *field.shape), np.float32)
        inks = ((0.15, 1.0, 130), (-0.55, 0.75, 250), (0.9, 0.9, 360))
        for level, strength, tone in inks:
            sheet = body + slow * np.float32(0.45) - np.float32(level)
            # An ink is a thin sheet seen edge on: dense at its folds, faint between.
            dense = np.exp(-np.abs(sheet) * np.float32(7.5)) * np.float32(1.25) + np.clip(sheet, 0, 1.6) * np.float32(
                0.42
            )
            for c in range(3):
                light[c] += dense * np.float32(strength * (1.05 - min(float(self._palette[c, tone]), 0.95)))
        np.negative(light, out=light)
        np.exp(light * np.float32(1.15), out=light)
        for c in range(3):
            np.multiply(light[c], paper[c] * np.float32(1.02), out=canvas.rgb[c])

    def _ribbons(self, canvas: Canvas, planes: Plane, t: float) -> None:
        """Veils of fine bright threads along the field's contours, over deep colour."""
        field, p, q, slow = planes
        base = np.clip(0.10 + 0.07 * slow + 0.05 * q, 0.0, 0.35)
        lines = field * np.float32(9.0) + q * np.float32(5)
        near = np.abs(lines - np.round(lines))
        thread = np.float32(0.012) / (near * near + np.float32(0.012))
        wide = field * np.float32(1.3) + q * np.float32(1.1) + np.float32(0.3)
        veil = np.abs(wide - np.round(wide)) * 2
        veil = np.exp(-veil * np.float32(4.2))
        fine = self._grain.at(p * 30 + np.float32(t * 2), q * 30)
        glow = veil * (np.float32(0.85) + fine * np.float32(0.22))
        tone = np.clip(0.52 + 0.2 * field + 0.25 * veil, 0, 1)
        index = (tone * 511).astype(np.intp)
        ground = (base * 511).astype(np.intp)
        level = glow * (np.float32(0.45) + thread * np.float32(1.7)) + thread * np.float32(0.05)
        for c in range(3):
            np.multiply(self._palette[c].take(index, mode="clip"), level, out=canvas.rgb[c])
            canvas.rgb[c] += self._palette[c].take(ground, mode="clip") * np.float32(0.8)


def _palette(pick: np.random.Generator, colours: tuple[Plane, ...]) -> Plane:
    """A ramp (3, 512) from dark to light: one of the curated five-colour sets, or built about the named colours."""
    names = _PALETTES[int(pick.integers(len(_PALETTES)))]
    places = (0.0, 0.27, 0.52, 0.77, 1.0)
    table = ramp(tuple(zip(places, names, strict=True)), np.linspace(0, 1, 512, dtype=np.float32))
    if not colours:
        return table
    stops = np.array(places, np.float32)
    middle = [colours[0], colours[min(1, len(colours) - 1)]]
    pillars = np.stack([middle[0] * 0.03, middle[0] * 0.3, middle[0], middle[1], 0.4 * middle[1] + 0.6])
    x = np.linspace(0, 1, 512, dtype=np.float32)
    return np.stack([np.interp(x, stops, pillars[:, c]).astype(np.float32) for c in range(3)])
