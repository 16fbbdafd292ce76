"""A skyline: towers in three depths, lit windows, a few that go on and off, beacons and signs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Plate
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, generator
from reelwright.engines.sketch.palette import linear

_FINE = 2
"""Drawn at twice the size and averaged: soft edges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One depth of the skyline. Heights and widths of its towers are in units of the view; `lit` is a share."""

    name: str
    low: float
    high: float
    narrow: float
    wide: float
    pane: float
    lit: float
    haze: float
    nearness: float
    glare: float


_ROWS = (
    Row(name="far", low=0.12, high=0.34, narrow=0.022, wide=0.055,
        pane=0.0034, lit=0.36, haze=0.55, nearness=0.10, glare=1.2),
    Row(name="middle", low=0.12, high=0.52, narrow=0.042, wide=0.095,
        pane=0.0048, lit=0.42, haze=0.22, nearness=0.25, glare=1.9),
    Row(name="near", low=0.05, high=0.25, narrow=0.06, wide=0.13,
        pane=0.0066, lit=0.46, haze=0.03, nearness=0.45, glare=2.3),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """A light that changes: its box in frame pixels, colour, rhythm in seconds and phase; `beacon` blinks."""

    x: int
    y: int
    w: int
    h: int
    colour: Plane
    period: float
    phase: float
    beacon: bool
    nearness: float


class Skyline:
    """Paints the towers and then the lamps that change."""

    def __init__(self, light: Light, view: View, seed: int, foot: float, accents: tuple[Plane, ...]) -> None:
        self._view, self._foot = view, foot
        self._plates: list[Plate] = []
        self._lamps: list[Lamp] = []
        dark = {"night": 1.0, "dusk": 0.85, "sunset": 0.5, "dawn": 0.4}.get(light.name, 0.06)
        if light.dim < 0.5:
            dark = max(dark, 0.6)
        for row in _ROWS:
            self._build(row, light, seed, foot, accents, dark)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        for plate in self._plates:
            plate.paint(canvas, t, pose)
        for lamp in self._lamps:
            self._switch(canvas, lamp, t, pose)

    def _switch(self, canvas: Canvas, lamp: Lamp, t: float, pose: Pose) -> None:
        wave = np.sin(2 * np.pi * (t / lamp.period + lamp.phase))
        level = float(np.clip(wave * 3 + (0.4 if lamp.beacon else 0.6), 0, 1))
        zoom, dx, dy = pose.at(lamp.nearness)
        cx, cy = self._view.centre, self._view.horizon
        x0, y0 = round(cx + (lamp.x - cx) * zoom + dx), round(cy + (lamp.y - cy) * zoom + dy)
        part = canvas.rgb[:, max(y0, 0) : max(y0 + lamp.h, 0), max(x0, 0) : max(x0 + lamp.w, 0)]
        if part.size:
            part += (lamp.colour * np.float32(level))[:, None, None]

    def _build(self, row: Row, light: Light, seed: int, foot: float, accents: tuple[Plane, ...], dark: float) -> None:
        rng = generator(seed, f"city-{row.name}")
        view, u = self._view, self._view.unit
        left, right, _, _ = view.reach(row.nearness)
        width = view.width + left + right
        top = int(foot - (row.high * 1.5) * u)
        height = int(foot) - top
        facade = Image.new("RGB", (width * _FINE, height * _FINE))
        lights = Image.new("RGB", (width * _FINE, height * _FINE))
        walls, panes = ImageDraw.Draw(facade), ImageDraw.Draw(lights)
        x = -rng.uniform(0, row.wide) * u
        while x < width:
            broad = rng.uniform(row.narrow, row.wide) * u
            # Towers crowd about the middle: a skyline has a summit.
            centred = np.exp(-((((x + broad / 2 - left) / view.width - 0.56) / 0.30) ** 2))
            tall = u * (row.low + (row.high - row.low) * rng.uniform(0.15, 1.0) * (0.35 + 0.65 * centred))
            if row.name == "near":
                tall = u * (row.low + (row.high - row.low) * rng.uniform(0.1, 1.0) * (1.15 - centred))
            self._tower(walls, panes, rng, row, x, height, broad, tall, accents, (left, top))
            x += broad * rng.uniform(0.86, 1.25)
        self._plates.append(self._plate(facade, lights, row, light, left, top, dark))

    def _tower(
        self,
        walls: ImageDraw.ImageDraw,
        panes: ImageDraw.ImageDraw,
        rng: np.random.Generator,
        row: Row,
        x: float,
        foot: float,
        broad: float,
        tall: float,
        accents: tuple[Plane, ...],
        corner: tuple[int, int],
    ) -> None:
        """One tower, sometimes stepped back towards the top, with a spire or a sign."""
        tone = int(rng.uniform(90, 190))
        parts = [(x, broad, tall)]
        if tall > 0.18 * self._view.unit and rng.random() < 0.55:
            inset = broad * rng.uniform(0.12, 0.25)
            parts = [(x, broad, tall * rng.uniform(0.6, 0.85)), (x + inset, broad - 2 * inset, tall)]
        for px, pw, ph in parts:
            box = [px * _FINE, (foot - ph) * _FINE, (px + pw) * _FINE, foot * _FINE]
            walls.rectangle(box, fill=(255, tone, 0))
            # The side that faces away from the skyglow.
            walls.rectangle([box[0], box[1], box[0] + pw * 0.3 * _FINE, box[3]], fill=(255, int(tone * 0.72), 0))
        self._windows(panes, rng, row, parts, foot)
        px, pw, ph = parts[-1]
        if rng.random() < 0.4 and row.name != "near":
            mast = tall * rng.uniform(0.12, 0.28)
            mx, my = px + pw / 2, foot - ph - mast
            walls.polygon(
                [((mx - 0.008 * broad - 0.9) * _FINE, (foot - ph) * _FINE), (mx * _FINE, my * _FINE),
                 ((mx + 0.008 * broad + 0.9) * _FINE, (foot - ph) * _FINE)], fill=(255, tone, 0),
            )  # fmt: skip
            size = max(1, round(self._view.unit / 300))
            self._lamps.append(
                Lamp(x=round(mx - corner[0] - size / 2), y=round(my + corner[1]), w=size, h=size,
                     colour=linear("#ff3b30") * np.float32(5 * (1 - row.haze)), period=rng.uniform(1.4, 2.4),
                     phase=rng.random(), beacon=True, nearness=row.nearness)
            )  # fmt: skip
        if accents and rng.random() < 0.55 and row.name != "far":
            self._sign(panes, rng, accents, px, pw, foot - ph, ph)

    def _windows(
        self,
        panes: ImageDraw.ImageDraw,
        rng: np.random.Generator,
        row: Row,
        parts: list[tuple[float, float, float]],
        foot: float,
    ) -> None:
        pane = max(1.2, row.pane * self._view.unit)
        cold = rng.random() < 0.35
        share = row.lit * rng.uniform(0.35, 1.5)
        style = rng.random()
        pitch_x, pitch_y = pane * (1.7 if style > 0.25 else 1.15), pane * (1.9 if style > 0.25 else 2.4)
        done = foot
        for px, pw, ph in reversed(parts):
            columns = int((pw - pane) / pitch_x)
            rows = int((min(ph, ph) - pane * 1.5) / pitch_y)
            for j in range(max(rows, 0)):
                y = foot - ph + pane * 1.2 + j * pitch_y
                if y > foot - pane or (len(parts) > 1 and px != parts[0][0] and y > foot - parts[0][2]):
                    continue
                floor = 0.45 + 1.0 * (rng.random() < 0.25) + rng.random() * 0.7
                for i in range(max(columns, 0)):
                    if rng.random() > share * floor:
                        continue
                    level = rng.uniform(0.25, 1.0) ** 1.5
                    warm = (255, 196, 122) if not cold else (205, 226, 255)
                    if rng.random() < 0.08:
                        warm = (255, 236, 208)
                    wx = px + pane * 0.8 + i * pitch_x
                    fill = tuple(int(v * level) for v in warm)
                    panes.rectangle(
                        [wx * _FINE, y * _FINE, (wx + pane) * _FINE - 1, (y + pane * 1.05) * _FINE - 1], fill=fill
                    )
                    if rng.random() < 0.012 and done > 0:
                        self._lamps.append(self._window_lamp(rng, row, wx, y, pane, warm))

    def _window_lamp(
        self, rng: np.random.Generator, row: Row, x: float, y: float, pane: float, tone: tuple[int, int, int]
    ) -> Lamp:
        left = self._view.reach(row.nearness)[0]
        top = int(self._foot - (row.high * 1.5) * self._view.unit)
        size = max(1, round(pane))
        colour = linear("#{:02x}{:02x}{:02x}".format(*tone)) * np.float32(row.glare * (1 - row.haze))
        return Lamp(
            x=round(x - left), y=round(y + top), w=size, h=size, colour=colour, period=float(rng.uniform(3, 9)),
            phase=float(rng.random()), beacon=False, nearness=row.nearness,
        )  # fmt: skip

    def _sign(
        self,
        panes: ImageDraw.ImageDraw,
        rng: np.random.Generator,
        accents: tuple[Plane, ...],
        x: float,
        broad: float,
        top: float,
        tall: float,
    ) -> None:
        """A neon strip along an edge or a lit panel."""
        colour = accents[int(rng.integers(len(accents)))]
        peak = colour / max(float(colour.max()), 1e-3)
        fill = tuple(int(255 * float(v) ** (1 / 2.2)) for v in peak)
        edge = x + broad * rng.choice([0.04, 0.9])
        thick = max(1.2, broad * 0.05)
        if rng.random() < 0.6:
            box = [edge, top + tall * 0.08, edge + thick, top + tall * rng.uniform(0.4, 0.8)]
        else:
            box = [x + broad * 0.2, top + tall * 0.12, x + broad * 0.75, top + tall * 0.12 + max(2.0, broad * 0.12)]
        panes.rectangle([v * _FINE for v in box], fill=fill)

    def _plate(
        self, facade: Image.Image, lights: Image.Image, row: Row, light: Light, left: int, top: int, dark: float
    ) -> Plate:
        size = (facade.width // _FINE, facade.height // _FINE)
        cover, tone, _ = np.moveaxis(np.asarray(facade.resize(size, Image.Resampling.BOX), np.float32) / 255, 2, 0)
        glow = np.moveaxis((np.asarray(lights, np.float32) / 255) ** 2.2, 2, 0)
        h, w = cover.shape
        glow = glow.reshape(3, h, _FINE, w, _FINE).mean((2, 4))
        wall = linear("#66748c")
        low = np.linspace(0, 1, h, dtype=np.float32)[:, None] ** 2
        veil = np.float32(row.haze) + np.float32((1 - row.haze) * 0.35) * low
        rgb = np.empty((3, h, w), np.float32)
        lamps = linear("#ffb066") * np.float32(0.34 * dark)
        for c in range(3):
            body = wall[c] * tone * (light.ambient[c] * 0.9 + light.beam[c] * 0.5) + lamps[c] * low**2 * tone * 0.9
            rgb[c] = (body * (1 - veil) + (light.haze[c] + 0.22 * lamps[c]) * veil) * cover
            rgb[c] += glow[c] * np.float32(row.glare * dark * (1 - 0.7 * row.haze)) * cover
        return Plate(rgb, cover, -left, top, row.nearness, (self._view.centre, self._view.horizon))
