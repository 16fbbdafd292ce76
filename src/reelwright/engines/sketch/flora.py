"""Trees and flowers: stamps drawn once at a large size, planted into plates."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.canvas import Plate
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, generator, wander
from reelwright.engines.sketch.palette import linear

_STAMP = (192, 384)


def pine_stamps(rng: np.random.Generator, count: int, snow: float) -> list[Image.Image]:
    """Pictures of pines, "LA"-like as RGB: red coverage, green snow, blue shade; 192 × 384, foot at the lower edge."""
    return [_pine(rng, snow) for _ in range(count)]


def _pine(rng: np.random.Generator, snow: float) -> Image.Image:
    w, h = _STAMP
    cover, white = Image.new("L", (w, h), 0), Image.new("L", (w, h), 0)
    ink, chalk = ImageDraw.Draw(cover), ImageDraw.Draw(white)
    middle = w / 2
    lean = rng.normal(0, 2)
    ink.polygon([(middle + lean, 4), (middle - 4.5, h), (middle + 4.5, h)], fill=255)
    fullness = rng.uniform(0.85, 1.2)
    half = 0.20 * w * fullness
    ink.polygon([(middle + lean, 14), (middle - half, h * 0.93), (middle + half, h * 0.93)], fill=255)
    rows, y = [], 6.0
    while y < h * 0.93:
        rows.append(y)
        y += rng.uniform(0.6, 1.35) * (2.4 + 5.5 * y / h)
    # From the foot up: each bough hangs over the ones below it.
    for y in reversed(rows):
        share = y / h
        reach = (4 + 0.46 * w * share**0.86) * fullness
        for side in (-1, 1):
            length = min(reach * rng.uniform(0.62, 1.06), w * 0.47)
            drop = length * rng.uniform(0.20, 0.42)
            x = middle + lean * (1 - share)
            _bough(ink, chalk, rng, x, y + rng.uniform(-3, 3), side, length, drop, snow)
    shade = np.clip(np.abs(np.linspace(-1, 1, w))[None, :] * 150 + rng.normal(0, 10, (h, w)) + 60, 0, 255)
    return Image.merge("RGB", (cover, white, Image.fromarray(shade.astype(np.uint8))))


def _bough(
    ink: ImageDraw.ImageDraw,
    chalk: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    x: float,
    y: float,
    side: int,
    length: float,
    drop: float,
    snow: float,
) -> None:
    """A drooping branch with hanging twigs, snow along its upper edge."""
    n = max(3, int(length / 5))
    share = np.linspace(0, 1, n)
    bx = x + side * length * share
    by = y + drop * share**1.4 - 0.10 * length * np.sin(share * np.pi)
    thick = 2.2 + length * 0.13 * (1 - share)
    upper = list(zip(bx, by - thick * 0.3, strict=True))
    lower = []
    for i in range(n - 1, -1, -1):
        hang = thick[i] * rng.uniform(0.8, 2.3) + 2.5
        lower += [(bx[i], by[i] + hang), (bx[i] - side * length * 0.4 / n, by[i] + hang * 0.35)]
    ink.polygon(upper + lower, fill=255)
    if snow > 0:
        chalk.polygon(upper + lower, fill=0)
        depth = thick * rng.uniform(0.15, 0.62) * snow
        keep = slice(max(0, int(n * 0.15)), n)
        edge = list(zip(bx[keep], (by - thick * 0.45)[keep], strict=True))
        under = list(zip(bx[keep][::-1], (by + depth)[keep][::-1], strict=True))
        if len(edge) >= 2:
            chalk.polygon(edge + under, fill=int(235 * min(1.0, 0.6 + 0.4 * snow)))


def tree_line(
    view: View,
    light: Light,
    seed: int,
    name: str,
    stamps: list[Image.Image],
    *,
    foot: float,
    size: float,
    spread: float,
    density: float,
    haze: float,
    nearness: float,
    snow: float,
    gap: tuple[float, float] | None = None,
    glow: tuple[float, float, Plane] | None = None,
) -> Plate:
    """A row of pines of about `size` pixels, planted from `stamps`, whose feet wander about the row `foot`.

    `gap` (from, to as shares of the width) stays free of trees; `glow` (x, y, colour) is a fire that lights them.
    """
    rng = generator(seed, f"trees-{name}")
    left, right, _, down = view.reach(nearness)
    width = view.width + left + right
    top = int(foot - 1.45 * size - spread)
    bottom = int(min(view.height + down, foot + spread + 4))
    height = max(8, bottom - top)
    picture = Image.new("RGB", (width, height))
    count = max(1, int(width / size * density * 2.6))
    places = np.sort(rng.uniform(-0.02, 1.02, count)) * width
    line = wander(rng, np.arange(count, dtype=np.float32) / max(count, 1), 3, 0.8, 1.0)
    jitter = rng.uniform(0, 1, count)
    for number in np.argsort(jitter, kind="stable"):
        x = places[number]
        share = (x - left) / view.width
        if gap and gap[0] < share < gap[1]:
            continue
        tall = size * rng.uniform(0.6, 1.3) * (1 + 0.18 * line[number])
        stamp = stamps[int(rng.integers(len(stamps)))]
        if rng.random() < 0.5:
            stamp = stamp.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        broad = max(3, int(tall * 0.5 * rng.uniform(0.8, 1.05)))
        small = stamp.resize(
            (broad, max(6, int(tall))), Image.Resampling.BOX if tall < 380 else Image.Resampling.BILINEAR
        )
        fy = foot - top + spread * (0.35 * line[number] + jitter[number] - 0.5)
        picture.paste(small, (int(x - broad / 2), int(fy - tall)), small.getchannel(0))
    return _lit_trees(picture, view, light, left, top, haze, nearness, snow, glow)


def _lit_trees(
    picture: Image.Image,
    view: View,
    light: Light,
    left: int,
    top: int,
    haze: float,
    nearness: float,
    snow: float,
    glow: tuple[float, float, Plane] | None,
) -> Plate:
    cover, white, shade = np.moveaxis(np.asarray(picture, np.float32) / 255, 2, 0)
    needles = linear("#1c2c20")
    level = light.ambient * 0.7 + light.beam * 0.22
    chalk = linear("#e9eff8") * (light.ambient * 1.15 + light.beam * 0.55)
    rgb = np.empty((3, *cover.shape), np.float32)
    h = cover.shape[0]
    low = np.linspace(0, 1, h, dtype=np.float32)[:, None]
    veil = np.float32(haze) + np.float32((1 - haze) * 0.35 * haze**0.5) * low**2
    warm = 0.0
    if glow is not None:
        x = np.arange(cover.shape[1], dtype=np.float32)[None, :] - left - glow[0]
        y = np.arange(h, dtype=np.float32)[:, None] + top - glow[1]
        warm = np.exp(-np.hypot(x, y * 0.8) / np.float32(0.24 * view.unit)) * (0.35 + shade)
    for c in range(3):
        tone = needles[c] * level[c] * (0.55 + 0.9 * shade)
        tone = tone * (1 - white) + chalk[c] * white * (0.75 + 0.25 * shade)
        if glow is not None:
            tone = tone + warm * glow[2][c] * (0.11 + 0.3 * white)
        rgb[c] = (tone * (1 - veil) + light.haze[c] * veil) * cover
    return Plate(rgb, cover.astype(np.float32), -left, top, nearness, (view.centre, view.horizon))
