"""A field in bloom: bands of grass and flowers, each with its own parallax, that sway in the wind."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger, Plate
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.plane import Ground

_BLOOMS = ("#e23a2e", "#f4c430", "#f6f2ea", "#b05bd6", "#f07aa8", "#5d7be6")
_BANDS = 9


class Field:
    """Paints from the horizon down; `blooms` are the flowers' colours (none: grass alone)."""

    def __init__(self, light: Light, view: View, seed: int, blooms: tuple[Plane, ...], wind: float) -> None:
        rng = generator(seed, "field")
        self._wind, self._view = wind, view
        self._level = Ground(view, eye=1.7, shrink=8)
        self._shade = Tile(fractal(rng, 256, 1.9, 2.0, 30.0))
        deep = view.height - view.horizon + view.reach(1.0)[3]
        edges = [view.horizon + deep * (n / _BANDS) ** 2.0 for n in range(_BANDS + 1)]
        self._bands = [
            (_band(rng, light, view, edges[n], edges[n + 1], n / (_BANDS - 1), blooms), float(rng.uniform(0, 6.28)))
            for n in range(_BANDS)
        ]

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        for band, phase in self._bands:
            near = band.nearness
            sway = math.sin(t * 1.7 + phase) * 0.6 + math.sin(t * 2.9 + 2 * phase) * 0.4
            gust = sway * near * self._view.unit * 0.0035 * self._wind
            band.paint(canvas, t, replace(pose, dx=pose.dx + gust))
        self._shadows(canvas, t, pose)

    def _shadows(self, canvas: Canvas, t: float, pose: Pose) -> None:
        """The clouds' shadows that drift over the field."""
        spot = self._level.at(canvas, pose)
        if spot is None:
            return
        s = np.float32(t * (1 + self._wind))
        shade = self._shade.at(spot.x * 3.2 - s * 5, spot.z * 3.2)
        light = np.float32(1.06) - smoothstep(-0.1, 1.3, shade) * np.float32(0.40)
        rows = canvas.height - spot.top
        enlarge = Enlarger((light.shape[0], light.shape[1]), rows, canvas.width)
        for top, part in enlarge.parts(canvas, light[None]):
            canvas.rgb[:, spot.top + top : spot.top + top + part.shape[1]] *= part


def blooms_of(colours: tuple[Plane, ...], prompt_flowers: bool) -> tuple[Plane, ...]:
    if not prompt_flowers:
        return ()
    return colours or tuple(linear(c) for c in _BLOOMS)


def _band(
    rng: np.random.Generator,
    light: Light,
    view: View,
    back: float,
    front: float,
    near: float,
    blooms: tuple[Plane, ...],
) -> Plate:
    """The strip of field between two rows; tall things reach up over its back edge."""
    left, right, _, _ = view.reach(near)
    width = view.width + left + right
    size = (front - view.horizon) * 0.20 + 1.5
    top = int(back - size * 1.25)
    height = max(4, math.ceil(front - top) + 2)
    rgb, cover = _turf(rng, light, width, height, back - top, near)
    picture = Image.new("RGBA", (width, height))
    _grass(picture, rng, back - top, size)
    if blooms:
        _flowers(picture, rng, back - top, front - top, size, near, blooms, light, view.unit)
    drawn = np.moveaxis(np.asarray(picture, np.float32) / 255, 2, 0)
    alpha = drawn[3]
    # Stalks and petals let the light through: brighter than a wall of their colour.
    level = light.beam * 0.62 + light.ambient * 0.75
    colour = drawn[:3] ** 2.2 * level[:, None, None] * np.float32(0.95)
    rgb = rgb * (1 - alpha) + colour * alpha
    cover = cover * (1 - alpha) + alpha
    veil = np.float32(0.55 * (1 - near) ** 3)
    rgb = rgb * (1 - veil) + light.haze[:, None, None] * veil * cover
    return Plate(rgb.astype(np.float32), cover.astype(np.float32), -left, top, near, (view.centre, view.horizon))


def _turf(
    rng: np.random.Generator, light: Light, width: int, height: int, back: float, near: float
) -> tuple[Plane, Plane]:
    """The green under it all: opaque below the row `back`."""
    noise = fractal(rng, 256, 0.8, 4.0)
    stretch = 1 + 4 * (1 - near)
    rows = (np.arange(height) * stretch).astype(np.intp) % 256
    columns = (np.arange(width) * (0.4 + 1.2 * (1 - near))).astype(np.intp) % 256
    tone = np.clip(0.72 + 0.2 * noise[np.ix_(rows, columns)], 0.25, 1.4)
    edge = np.clip(np.arange(height, dtype=np.float32) - np.float32(back) + 0.5, 0, 1)[:, None]
    green = linear("#6f8a48") * (1 - near) + linear("#3a5426") * near
    colour = green * (light.beam * 0.6 + light.ambient * 0.7)
    cover = np.broadcast_to(edge, (height, width)).astype(np.float32)
    return (colour[:, None, None] * (tone * cover)).astype(np.float32), cover


def _grass(picture: Image.Image, rng: np.random.Generator, back: float, size: float) -> None:
    """Blades of grass over the band, drawn at twice the size for soft edges."""
    if size < 3:
        return
    width, height = picture.size
    large = Image.new("RGBA", (2 * width, 2 * height), (84, 112, 54, 0))
    draw = ImageDraw.Draw(large)
    count = int(width * (height - back) / (size * 1.1 + 6) * 1.15)
    xs, ys = rng.uniform(-2, width + 2, count) * 2, np.sort(rng.uniform(back, height, count)) * 2
    tall, bend = size * rng.uniform(0.7, 2.0, count), rng.normal(0.08, 0.24, count)
    thick, light = rng.uniform(0.02, 0.045, count) * size + 0.6, rng.uniform(0.62, 1.25, count)
    gold = rng.uniform(0, 1, count) ** 3
    for x, y, h, b, w, s, g in zip(xs, ys, tall, bend, thick, light, gold, strict=True):
        fill = (int((88 + 70 * g) * s), int((116 + 34 * g) * s), int((52 + 20 * g) * s), 255)
        draw.polygon([(x - w, y), (x + b * h * 0.3 - w * 0.5, y - h * 0.55), (x + b * h, y - h), (x + w, y)], fill=fill)
    picture.paste(large.resize((width, height), Image.Resampling.BOX))


def _flowers(
    picture: Image.Image,
    rng: np.random.Generator,
    back: float,
    front: float,
    size: float,
    near: float,
    blooms: tuple[Plane, ...],
    light: Light,
    unit: float,
) -> None:
    width = picture.width
    head = max(1.3, size * 0.30)
    stamps = [_flower(rng, bloom, head * s) for bloom in blooms for s in (0.75, 1.0, 1.25)]
    count = int(min(width * (front - back) / (head * head * (1.3 + 1.5 * near)), 2600))
    xs, ys = rng.uniform(-head, width, count), np.sort(rng.uniform(back, front, count))
    # Flowers of a kind keep together.
    group = fractal(rng, 128, 1.7, 1.5)
    for x, y in zip(xs, ys, strict=True):
        drift = group[int(y * 0.5) % 128, int(x * 60 / unit) % 128] + rng.normal(0, 0.7)
        # The first kind fills the field, the others are strewn in.
        kind = 0 if drift < 0.45 or len(blooms) == 1 else min(int((drift - 0.45) * 2.2) + 1, len(blooms) - 1)
        stamp = stamps[kind * 3 + int(rng.integers(3))]
        foot = y - size * rng.uniform(0.45, 0.95)
        picture.paste(stamp, (int(x - stamp.width / 2), int(foot - stamp.height / 2)), stamp)


def _flower(rng: np.random.Generator, colour: Plane, head: float) -> Image.Image:
    """A bloom `head` pixels broad: petals about a heart, foreshortened; drawn large and reduced."""
    fine = 4 if head > 5 else 8
    n = max(2, int(head * 1.3)) * fine
    picture = Image.new("RGBA", (n, n), (*_srgb(colour * 0.8), 0))
    draw = ImageDraw.Draw(picture)
    petals = int(rng.integers(5, 8))
    turn = rng.uniform(0, 6.28)
    r = n * 0.24
    flat = rng.uniform(0.6, 0.9)
    for k in range(petals):
        a = turn + 2 * math.pi * k / petals
        x, y = n / 2 + math.cos(a) * r * 0.95, n / 2 + math.sin(a) * r * 0.95 * flat
        shade = 0.72 + 0.36 * (0.5 - 0.5 * math.sin(a)) + rng.uniform(-0.06, 0.06)
        draw.ellipse(
            [x - r * 0.8, y - r * 0.8 * flat, x + r * 0.8, y + r * 0.8 * flat], fill=(*_srgb(colour * shade), 255)
        )
    heart = linear("#f2c230") if colour[1] < 0.5 * colour[0] + 0.3 or colour[2] > 0.4 else linear("#5a3a18")
    h = r * 0.48
    draw.ellipse([n / 2 - h, n / 2 - h * flat, n / 2 + h, n / 2 + h * flat], fill=(*_srgb(heart), 255))
    return picture.resize((n // fine, n // fine), Image.Resampling.BOX)


def _srgb(colour: Plane) -> tuple[int, int, int]:
    r, g, b = (int(255 * min(max(float(v), 0.0), 1.0) ** (1 / 2.2)) for v in colour)
    return r, g, b
