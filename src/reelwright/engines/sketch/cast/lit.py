"""Light on a figure: from a flat stamp to premultiplied light, by the scene's sun, sky and air."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from reelwright.engines.sketch.cast.pen import Stamp
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane
from reelwright.engines.sketch.palette import luminance

_FLOOR = 0.26
"""The least light that falls on a figure: at night it must still be told from its surroundings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lit:
    """A figure as it is seen: `layers` (4, h, w), light premultiplied by coverage, then coverage; `left` and `top` as
    in its stamp."""

    layers: Plane
    left: float
    top: float


def lit(stamp: Stamp, light: Light, veil: float, dark: float, volume: float = 1.0) -> Lit:
    """`veil` is the share of the air before the figure, `dark` (0 to 1) how far lamps and windows are on, `volume` how
    round it looks (0: a flat sheet)."""
    nx, ny = _slopes(stamp.alpha, volume)
    rx, ry = _slopes(stamp.alpha, 1.0, fine=True)
    d = light.direction
    side = nx * d[0] + ny * d[1]
    # The higher the sun, the more of the side that faces the camera it lights.
    front = np.float32(0.16 + 0.75 * max(float(d[1]) - 0.1, 0))
    direct = np.clip(side * np.float32(0.75) + front, 0, 1.4)
    rim = np.clip(rx * d[0] + ry * d[1], 0, 1) ** 2 * np.float32(max(float(d[2]), 0.2))
    sky = np.float32(0.78) + np.float32(0.22) * ny
    least = max(_FLOOR - luminance(light.ambient), 0.0)
    ambient = light.ambient + np.float32(least) * (
        np.float32(0.6) + light.ambient / max(float(light.ambient.max()), 1e-3)
    )
    layers = np.empty((4, *stamp.alpha.shape), np.float32)
    for c in range(3):
        tone = stamp.albedo[c] * (ambient[c] * sky + light.beam[c] * direct)
        tone += stamp.alpha * rim * light.beam[c] * np.float32(0.28)
        layers[c] = tone * np.float32(1 - veil) + stamp.alpha * light.haze[c] * np.float32(veil)
        if stamp.glow is not None:
            layers[c] += stamp.glow[c] * np.float32(dark * (1 - 0.6 * veil))
    layers[3] = stamp.alpha
    return Lit(layers=layers, left=stamp.left, top=stamp.top)


def mirrored(figure: Lit) -> Lit:
    """The figure looking the other way."""
    width = figure.layers.shape[2]
    return replace(figure, layers=np.ascontiguousarray(figure.layers[:, :, ::-1]), left=-(figure.left + width))


def _slopes(alpha: Plane, volume: float, fine: bool = False) -> tuple[Plane, Plane]:
    """The components right and up of the normals of a cushion that the outline would make, inflated."""
    h, w = alpha.shape
    if volume <= 0 or min(h, w) < 4:
        return np.zeros_like(alpha), np.zeros_like(alpha)
    radius = max(1.0, 0.012 * h) if fine else max(1.2, 0.045 * h)
    shrink = 1 if radius < 3 else 2
    small = Image.fromarray((alpha * 255).astype(np.uint8))
    if shrink > 1:
        small = small.resize((max(2, w // shrink), max(2, h // shrink)), Image.Resampling.BOX)
    soft = small.filter(ImageFilter.GaussianBlur(radius / shrink)).resize((w, h), Image.Resampling.BILINEAR)
    height = np.asarray(soft, np.float32) / 255
    down, right = np.gradient(height)
    steep = np.float32(volume * radius * (2.4 if fine else 2.2))
    nx, ny = -right * steep, down * steep
    norm = 1 / np.sqrt(1 + nx * nx + ny * ny)
    return nx * norm, ny * norm
