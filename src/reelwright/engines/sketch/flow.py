"""Abstract pictures for words that nothing here knows: silk, ink and ribbons, seeded by the text."""

from __future__ import annotations

import zlib

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger
from reelwright.engines.sketch.noise import Plane, Tile, fractal
from reelwright.engines.sketch.palette import ramp

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
_NODES = 4
"""The warp is computed at every so many pixels."""
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
        self._small = (view.height // _NODES + 2, view.width // _NODES + 2)
        self._enlarge = Enlarger(self._small, view.height, view.width, _NODES)
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
        large = self._enlarge(canvas, planes)
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
        step = np.float32(_NODES / view.unit / zoom)
        y = (np.arange(h, dtype=np.float32)[:, None] - np.float32(view.height / 2 / _NODES + dy / _NODES)) * step
        x = (np.arange(w, dtype=np.float32)[None, :] - np.float32(view.width / 2 / _NODES + dx / _NODES)) * step
        c, s = np.float32(np.cos(self._angle)), np.float32(np.sin(self._angle))
        p, q = x * c + y * s, y * c - x * s
        o = self._offset
        rate = np.float32(t * self._pace)
        first = self._warp.at(p * 80 + o[0] + rate * 2.8, q * 54 + o[1] - rate * 1.7)
        a, b = first.real * np.float32(0.17 * self._fold), first.imag * np.float32(0.17 * self._fold)
        second = self._warp.at((p + a) * 96 + o[2] - rate * 2.2, (q + b) * 80 + o[3] + rate * 2.6)
        a2, b2 = second.real * np.float32(0.15 * self._fold), second.imag * np.float32(0.15 * self._fold)
        field = self._field.at((p + a2) * 70 + o[1], (q + b2) * 48 + o[2] + rate * 1.6)
        bent = q + b2
        planes = [field, p + a2, bent, first.imag]
        if self.kind == "silk":
            phase = field * np.float32(1.25) + bent * np.float32(3.2)
            down, right = np.gradient(phase)
            planes = [field, phase, right / step, down / step, first.imag]
        return np.stack(planes).astype(np.float32)

    def _silk(self, canvas: Canvas, planes: Plane) -> None:
        """Satin: a height of soft folds, its slopes lit from two sides, colour sliding along the folds."""
        field, phase, right, down, slow = planes
        height = np.sin(phase * np.float32(2.2)) * np.float32(0.6) + np.sin(phase * np.float32(5.1) + 1) * np.float32(
            0.2
        )
        rise = np.cos(phase * np.float32(2.6)) * np.float32(1.56)
        rise += np.cos(phase * np.float32(6.3) + 1) * np.float32(1.57)
        rise += np.cos(phase * np.float32(15.1) + slow) * np.float32(0.9)
        rise *= np.float32(0.15)
        gx, gy = right * rise, down * rise
        norm = 1 / np.sqrt(1 + gx * gx + gy * gy)
        key = (0.55 * gx - 0.5 * gy + 0.67) * norm * np.float32(0.5) + np.float32(0.5)
        key *= key
        rim = np.clip((-0.75 * gx + 0.3 * gy + 0.25) * norm, 0, 1)
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
        """Inks billowing in deep water: fine noise carried along by the warp, lit like smoke from one side."""
        field, p, q, slow = planes
        u, v = p * 88 + field * 5, q * 88 - field * 4 + np.float32(t * 1.2)
        fine = self._grain.at(u, v)
        lit = fine - self._grain.at(u + np.float32(2.2), v - np.float32(2.6))
        body = field * np.float32(0.55) + fine * np.float32(0.30) + slow * np.float32(0.30)
        tone = np.clip(0.36 + body * np.float32(0.27), 0, 1)
        index = (tone * 511).astype(np.intp)
        other = (np.clip(0.50 + 0.24 * slow - 0.14 * field, 0, 1) * 511).astype(np.intp)
        dense = np.clip(0.5 + 0.42 * body, 0.02, 1)
        level = dense * np.clip(1 + lit * np.float32(0.85), 0.12, 2.4) * np.float32(1.25)
        edge = np.exp(-np.abs(body - np.float32(0.35)) * 5) * np.clip(lit + np.float32(0.25), 0, 1.5) * np.float32(0.7)
        share = np.clip(0.5 + 0.5 * np.sin(field * np.float32(1.6) + slow), 0, 1)
        for c in range(3):
            one, two = self._palette[c].take(index, mode="clip"), self._palette[c].take(other, mode="clip")
            two -= one
            two *= share
            one += two
            np.multiply(one, level, out=canvas.rgb[c])
            canvas.rgb[c] += edge * self._palette[c, 470]

    def _ribbons(self, canvas: Canvas, planes: Plane, t: float) -> None:
        """Veils of light, each woven of fine threads that follow its folds, over deep colour."""
        field, p, q, slow = planes
        base = (np.clip(0.09 + 0.06 * slow + 0.05 * q, 0.0, 0.30) * 511).astype(np.intp)
        for c in range(3):
            np.take(self._palette[c], base, out=canvas.rgb[c], mode="clip")
        sheets = (
            (
                field * np.float32(1.15) + q * np.float32(1.1) + np.float32(0.3),
                field * np.float32(11) + q * 7,
                330,
                1.0,
            ),
            (slow * np.float32(0.9) - q * np.float32(1.4) + np.float32(0.1), slow * np.float32(8) + p * 9, 215, 0.75),
            (
                field * np.float32(0.7) - p * np.float32(1.5) + slow * np.float32(0.4),
                field * np.float32(9) - p * 11,
                440,
                0.6,
            ),
        )
        for wide, weave, tone, strength in sheets:
            # A veil is bright along one edge and fades away from it, like cloth held against the light.
            turn = wide - np.floor(wide)
            veil = np.exp(turn * np.float32(-5.5)) * np.minimum(turn * np.float32(55), 1)
            near = np.abs(weave - np.round(weave))
            thread = np.float32(0.010) / (near * near + np.float32(0.010))
            level = veil * (np.float32(0.30) + thread * np.float32(0.9)) * np.float32(strength)
            index = np.clip(tone + 90 * slow - 70 * turn, 0, 511).astype(np.intp)
            for c in range(3):
                canvas.rgb[c] += self._palette[c].take(index, mode="clip") * level


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
