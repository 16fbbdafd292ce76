"""Seen from above: coast, forest, fields, desert, mountains or a city pass below the camera."""

from __future__ import annotations

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Painter, Plate
from reelwright.engines.sketch.cast.pen import Pen, shade
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, Tile, fractal, generator, smoothstep
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.prompt import WATER, Scene
from reelwright.engines.sketch.relief import alpine, dunes, lit


class Aerial:
    """A map in relief, as large as the camera's way over it; it moves towards the lower edge."""

    def __init__(self, scene: Scene, view: View, light: Light, seed: int) -> None:
        self._view = view
        still = scene.camera.move not in ("fly", "track", "zoom-in")
        way = 0.0 if still or view.loop else 0.06 * view.unit * view.span
        self._way = min(way, 0.9 * view.height)
        margin = 0.10 * view.unit
        h, w = int(view.height + self._way + 2 * margin), int(view.width + 2 * margin)
        self._margin = margin
        rgb = _map(scene, light, seed, h, w, view.unit)
        self._plate = Plate(rgb, None, 0, 0, 0.6, (0.0, 0.0))
        water = scene.ground in WATER or "island" in scene.features
        self._glints = Tile(fractal(generator(seed, "glints"), 256, 0.7, 20.0)) if water else None

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        zoom, dx, dy = pose.at(0.6)
        zoom = max(zoom, 1.0)
        m, view = self._margin, self._view
        slide = self._way * (t / view.span)
        x = (1 - zoom) * view.centre - m * zoom + float(np.clip(dx, -m * 0.95, m * 0.95))
        y = (1 - zoom) * view.height / 2 - (m + self._way) * zoom + slide + float(np.clip(dy, -m * 0.95, m * 0.95))
        self._plate.show(canvas, zoom, x, y)
        if self._glints is not None:
            rows = np.arange(canvas.height, dtype=np.float32)[:, None] - np.float32(slide)
            columns = np.arange(canvas.width, dtype=np.float32)[None, :]
            u = np.float32(1 / view.unit)
            wave = self._glints.at(columns * u * 220 + np.float32(t * 5), rows * u * 220 + np.float32(t * 7))
            blue = smoothstep(0.02, 0.12, canvas.rgb[2] - canvas.rgb[0])
            canvas.rgb += smoothstep(1.3, 2.6, wave) * blue * np.float32(0.16)


def _map(scene: Scene, light: Light, seed: int, h: int, w: int, unit: float) -> Plane:
    level = light.beam * 0.55 + light.ambient * 0.75 + np.float32(0.02)
    if scene.ground in ("city", "street") or "city" in scene.features:
        return _city(light, seed, h, w, unit)
    rng = generator(seed, "map")
    scale = np.float32(150 / unit)
    ys, xs = np.arange(h, dtype=np.float32)[:, None] * scale, np.arange(w, dtype=np.float32)[None, :] * scale
    if "mountains" in scene.features:
        return _peaks(rng, ys, xs, level, light)
    if scene.ground == "desert":
        relief = dunes(rng)
        shade_ = Tile(lit(relief, light.direction, 1.6)).at(xs * 1.6, ys * 1.6)
        return np.asarray(
            linear("#d8a866")[:, None, None] * level[:, None, None] * (np.float32(0.35) + shade_), np.float32
        )
    broad = Tile(fractal(rng, 512, 2.4, 2.0)).at(xs, ys)
    fine = Tile(fractal(rng, 256, 1.1, 6.0)).at(xs * 1.5, ys * 1.5)
    if scene.ground in WATER or "island" in scene.features:
        lean = (xs / max(float(xs.max()), 1.0) - 0.5) * np.float32(3.2)
        if "island" in scene.features or scene.ground == "lake":
            r = np.hypot((xs - xs.mean()) / xs.max(), (ys - ys[int(h * 0.62)]) / xs.max())
            lean = (np.float32(0.30) - r) * np.float32(6.5)
            if scene.ground == "lake" and "island" not in scene.features:
                lean = -lean
        if scene.ground == "river":
            lean = np.abs(xs / xs.max() - 0.5 - 0.16 * np.sin(ys / 34)) * 9 - np.float32(0.75)
        return _coast(broad * np.float32(0.42) + fine * np.float32(0.025) + lean, fine, level, rng, xs, ys)
    if scene.ground == "field":
        return _patchwork(rng, xs, ys, fine, level)
    return _forest(rng, xs, ys, broad, level, "snow" in scene.weather or scene.ground == "snowfield")


def _coast(height: Plane, fine: Plane, level: Plane, rng: np.random.Generator, xs: Plane, ys: Plane) -> Plane:
    """Deep water, shallows, a line of surf, sand, and green land."""
    stops = ((-2.6, "#0f4f86"), (-1.1, "#1f86b0"), (-0.35, "#3fc0c0"), (-0.07, "#9fe0d0"), (0.0, "#f2f6f2"),
             (0.05, "#ead8a8"), (0.32, "#dcc48c"), (0.40, "#6f9a4a"), (1.3, "#3f6f34"))  # fmt: skip
    places = np.array([s[0] for s in stops], np.float32)
    colours = np.stack([linear(s[1]) for s in stops])
    crowns = Tile(fractal(rng, 256, 0.6, 24.0)).at(xs * 3.2, ys * 3.2)
    land = smoothstep(0.36, 0.5, height)
    tone = 1 + (np.float32(0.20) * crowns) * land + np.float32(0.05) * fine
    # Waves run towards the beach in lines.
    surf = (
        smoothstep(0.80, 0.98, np.sin(height * 26 + fine * np.float32(1.2)))
        * smoothstep(-0.60, -0.1, height)
        * smoothstep(0.01, -0.04, height)
    )
    out = np.empty((3, *height.shape), np.float32)
    for c in range(3):
        out[c] = np.interp(height, places, colours[:, c]) * tone * level[c]
        out[c] += surf * level[c] * np.float32(0.5)
    return out


def _forest(rng: np.random.Generator, xs: Plane, ys: Plane, broad: Plane, level: Plane, snow: bool) -> Plane:
    crowns = fractal(rng, 512, 0.35, 40.0, 90.0)
    light = (np.roll(crowns, 2, 0) - crowns) * np.float32(0.8)
    found = Tile((crowns + 1j * light).astype(np.complex64)).at(xs * 3.0, ys * 3.0)
    tone = np.clip(0.72 + 0.22 * found.real + 0.26 * found.imag + 0.10 * broad, 0.12, 1.7)
    base = linear("#dfe6ee") if snow else linear("#3f6f38")
    other = linear("#9fb0b8") if snow else linear("#6f8f3f")
    mix = smoothstep(-0.4, 1.2, broad)
    road = np.exp(-(((xs - float(xs.mean()) - 9 * np.sin(ys / 20)) / np.float32(1.3)) ** 2))
    gray = linear("#8a857e")
    out = [(base[c] + (other[c] - base[c]) * mix) * tone * (1 - road) + gray[c] * road for c in range(3)]
    return np.stack([plane * level[c] for c, plane in enumerate(out)]).astype(np.float32)


def _peaks(rng: np.random.Generator, ys: Plane, xs: Plane, level: Plane, light: Light) -> Plane:
    relief = alpine(rng)
    found = Tile((relief + 1j * lit(relief, np.array([-0.6, 0.55, 0.5], np.float32), 1.6)).astype(np.complex64)).at(
        xs * 1.4, ys * 1.4
    )
    height, shade_ = found.real, found.imag
    white = smoothstep(0.72, 0.98, height)
    green = smoothstep(0.70, 0.42, height)
    out = np.empty((3, *height.shape), np.float32)
    for c in range(3):
        ground = linear("#7a6f64")[c] * (1 - green) + linear("#4f6f3a")[c] * green
        out[c] = (
            (ground * (1 - white) + linear("#f2f6fa")[c] * white)
            * (np.float32(0.22) + shade_ * np.float32(1.05))
            * level[c]
        )
    return out


def _patchwork(rng: np.random.Generator, xs: Plane, ys: Plane, fine: Plane, level: Plane) -> Plane:
    """Fields of many greens and yellows, with hedges between them and furrows in them."""
    turned, across = xs * np.float32(0.94) + ys * np.float32(0.34), ys * np.float32(0.94) - xs * np.float32(0.34)
    row = np.floor(across / 30)
    column = np.floor((turned + row * 17) / (26 + 7 * np.mod(row, 3)))
    pick = np.mod(row * 7 + column * 5 + np.mod(row * column, 3), 7).astype(np.intp)
    tones = np.stack([linear(c) for c in ("#7f9a3f", "#b8a848", "#5f8a3a", "#d8c060", "#8fae4f", "#a8834a", "#6f9a52")])
    a, b = np.mod(across, 30), np.mod(turned + row * 17, 26 + 7 * np.mod(row, 3))
    hedge = smoothstep(1.5, 0.7, np.minimum(a, b))
    furrow = (
        1
        + np.float32(0.09) * np.sin(np.where(pick % 2 == 0, across, turned) * np.float32(3.4))
        + np.float32(0.06) * fine
    )
    out = np.empty((3, *pick.shape), np.float32)
    for c in range(3):
        out[c] = (tones[pick, c] * furrow * (1 - hedge) + linear("#33502a")[c] * hedge) * level[c]
    return out


def _city(light: Light, seed: int, h: int, w: int, unit: float) -> Plane:
    """Blocks of roofs with their shadows, streets with lamps and cars."""
    rng = generator(seed, "blocks")
    pen = Pen((0.0, 0.0, w / unit, h / unit), unit)
    wide, tall = w / unit, h / unit
    dark = {"night": 1.0, "dusk": 0.8, "sunset": 0.4}.get(light.name, 0.0)
    pen.box(-0.1, -0.1, wide + 0.1, tall + 0.1, "#4a4c52")
    block = 0.155
    for i in range(-1, int(wide / block) + 1):
        for j in range(-1, int(tall / block) + 1):
            x, y = i * block, j * block
            if rng.random() < 0.08:
                pen.box(x + 0.018, y + 0.018, x + block - 0.006, y + block - 0.006, "#5f8a4a")
                for _ in range(12):
                    pen.oval(
                        x + 0.03 + float(rng.uniform(0, 0.10)),
                        y + 0.03 + float(rng.uniform(0, 0.10)),
                        0.011,
                        0.011,
                        "#3f6a34",
                    )
                continue
            pen.box(x + 0.015, y + 0.015, x + block - 0.003, y + block - 0.003, "#8a8680")
            _roofs(pen, rng, x + 0.02, y + 0.02, block - 0.028, dark)
            for k in range(3):
                cx, cy = x + 0.006, y + 0.02 + 0.045 * k + float(rng.uniform(0, 0.02))
                pen.box(cx - 0.003, cy - 0.006, cx + 0.003, cy + 0.006, ("#d84a3a", "#f2f2f0", "#3f6fb0")[k])
                if dark:
                    pen.glow(
                        [
                            (cx - 0.004, cy + 0.004),
                            (cx + 0.004, cy + 0.004),
                            (cx + 0.003, cy + 0.018),
                            (cx - 0.003, cy + 0.018),
                        ],
                        shade("#ffe0a0", 0.8 * dark),
                    )
    stamp = pen.stamp()
    out = stamp.albedo[:, :h, :w] * (light.beam * 0.6 + light.ambient * 0.8 + np.float32(0.06))[:, None, None]
    if stamp.glow is not None:
        out = out + stamp.glow[:, :h, :w] * np.float32(3.2 * dark)
    return np.ascontiguousarray(out, np.float32)


def _roofs(pen: Pen, rng: np.random.Generator, x: float, y: float, side: float, dark: float) -> None:
    parts = (
        ((0, 0, 1, 1),)
        if rng.random() < 0.35
        else ((0, 0, 0.48, 0.48), (0.52, 0, 1, 0.48), (0, 0.52, 0.48, 1), (0.52, 0.52, 1, 1))
    )
    for a, b, c, d in parts:
        left, low, right, top = x + a * side, y + b * side, x + c * side, y + d * side
        high = float(rng.uniform(0.01, 0.045))
        tone = ("#b8b0a4", "#a08a78", "#8f9aa2", "#c4b8a0", "#a86a54")[int(rng.integers(5))]
        pen.polygon(
            [(left, low), (right, low), (right + high, low - high), (right + high, top - high), (right, top)], "#2f3238"
        )
        pen.box(left, low, right, top, tone)
        pen.box(left + 0.006, low + 0.006, right - 0.006, top - 0.006, shade(tone, 0.86))
        for _ in range(3):
            px, py = float(rng.uniform(left + 0.008, right - 0.014)), float(rng.uniform(low + 0.008, top - 0.014))
            pen.box(px, py, px + 0.008, py + 0.007, shade(tone, 1.3))
        if dark:
            for n in range(6):
                px = left + (right - left) * (n + 0.5) / 6
                if rng.random() < 0.6:
                    pen.glow(
                        [
                            (px - 0.003, low - 0.002),
                            (px + 0.003, low - 0.002),
                            (px + 0.004, low - 0.008),
                            (px - 0.002, low - 0.008),
                        ],
                        shade("#ffd080", dark),
                    )


def aerial(scene: Scene, view: View, light: Light, seed: int) -> list[Painter]:
    return [Aerial(scene, view, light, seed)]
