"""Colours of the hours: sky gradients, sun and ambient light, in linear light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.noise import Plane


def linear(colour: str) -> Plane:
    """ "#rrggbb" (sRGB, IEC 61966-2-1) as linear light, shape (3,)."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def luminance(colour: Plane) -> float:
    """Relative luminance (Rec. 709) of a linear colour."""
    return float(colour @ np.array([0.2126, 0.7152, 0.0722], np.float32))


def ramp(stops: tuple[tuple[float, str], ...], x: Plane) -> Plane:
    """The gradient through `stops` (position, colour) at `x`, blended in linear light; shape (3, *x.shape)."""
    places = np.array([s[0] for s in stops], np.float32)
    colours = np.stack([linear(s[1]) for s in stops])
    return np.stack([np.interp(x, places, colours[:, c]).astype(np.float32) for c in range(3)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """The light of one hour.

    `sky` runs from the horizon (0) to the top (1). `sun` is the place of the sun (or moon) in units of (width, angle
    above the horizon), `beam` its colour and strength on the ground, `ambient` the sky's, `glow` the halo about it.
    """

    sky: tuple[tuple[float, str], ...]
    sun: tuple[float, float]
    disc: str
    brightness: float
    beam: str
    beam_strength: float
    ambient: str
    ambient_strength: float
    glow: float
    cloud_lit: str
    cloud_shade: str


HOURS: Mapping[str, Hour] = {
    "dawn": Hour(
        sky=(
            (0.0, "#ffe0ae"), (0.07, "#ffc791"), (0.17, "#f7a890"), (0.32, "#c99bb0"), (0.55, "#8a93c4"),
            (0.8, "#5c7cb5"), (1.0, "#3f639f"),
        ),
        sun=(0.60, 0.115), disc="#ffd9a0", brightness=26.0, beam="#ffbe85", beam_strength=1.25,
        ambient="#8d96c4", ambient_strength=0.55, glow=0.85, cloud_lit="#ffd0a3", cloud_shade="#a08aa8",
    ),
    "day": Hour(
        sky=(
            (0.0, "#d6e7f0"), (0.08, "#b9d8ee"), (0.25, "#86bbe6"), (0.55, "#4a8fd3"), (0.85, "#2a6cb8"),
            (1.0, "#1f5aa6"),
        ),
        sun=(0.80, 0.60), disc="#fff6e4", brightness=40.0, beam="#fff0d6", beam_strength=1.9,
        ambient="#9dbfe4", ambient_strength=0.62, glow=0.35, cloud_lit="#ffffff", cloud_shade="#93a9c4",
    ),
    "golden": Hour(
        sky=(
            (0.0, "#ffdf9c"), (0.08, "#ffca80"), (0.22, "#f3b184"), (0.42, "#bda3a6"), (0.7, "#7c95bd"),
            (1.0, "#4a70a6"),
        ),
        sun=(0.34, 0.20), disc="#ffe2a6", brightness=34.0, beam="#ffca7c", beam_strength=1.7,
        ambient="#9aa2c0", ambient_strength=0.55, glow=0.9, cloud_lit="#ffe0b0", cloud_shade="#a2929e",
    ),
    "sunset": Hour(
        sky=(
            (0.0, "#ffb357"), (0.05, "#ff9645"), (0.13, "#f8704a"), (0.25, "#d45362"), (0.42, "#94477d"),
            (0.62, "#5b3d85"), (0.82, "#343272"), (1.0, "#20265a"),
        ),
        sun=(0.42, 0.085), disc="#ffb45e", brightness=34.0, beam="#ff9a52", beam_strength=1.25,
        ambient="#6b5a9c", ambient_strength=0.42, glow=1.0, cloud_lit="#ff8a55", cloud_shade="#5c3d6b",
    ),
    "dusk": Hour(
        sky=(
            (0.0, "#f0a98d"), (0.05, "#d99599"), (0.14, "#a985ab"), (0.3, "#6f72a8"), (0.55, "#45568f"),
            (0.8, "#2c3b70"), (1.0, "#1d2950"),
        ),
        sun=(0.35, -0.06), disc="#ffb27a", brightness=0.0, beam="#d8a3b4", beam_strength=0.36,
        ambient="#6c7cb8", ambient_strength=0.50, glow=0.35, cloud_lit="#d98f97", cloud_shade="#4a4f7c",
    ),
    "night": Hour(
        sky=(
            (0.0, "#2b4064"), (0.1, "#20345a"), (0.3, "#15264a"), (0.6, "#0d1a37"), (1.0, "#081026"),
        ),
        sun=(0.70, 0.36), disc="#e8eefc", brightness=5.0, beam="#9fb6e8", beam_strength=0.16,
        ambient="#3a5288", ambient_strength=0.16, glow=0.05, cloud_lit="#3d527c", cloud_shade="#131f3b",
    ),
}  # fmt: skip


def graded(stops: tuple[tuple[float, str], ...], gray: float, tint: str, dim: float, x: Plane) -> Plane:
    """`ramp`, drawn `gray` of the way towards `tint` at its own luminance and dimmed: an overcast sky."""
    clear = ramp(stops, x)
    level = np.tensordot(np.array([0.2126, 0.7152, 0.0722], np.float32), clear, 1)
    hue = linear(tint)
    flat = hue.reshape(3, *([1] * x.ndim)) / luminance(hue) * (0.6 * level + 0.4 * level.mean())
    return np.asarray((clear * (1 - gray) + flat * gray) * dim, np.float32)
