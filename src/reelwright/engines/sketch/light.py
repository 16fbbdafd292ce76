"""The light of a scene: where it comes from, its colours, how much of the sky is covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.noise import Plane
from reelwright.engines.sketch.palette import HOURS, Hour, graded, linear, luminance
from reelwright.engines.sketch.prompt import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """Linear-light colours are arrays of shape (3,). `sun` is the disc's centre in frame pixels.

    `cover` is the share of clouds (0 clear to 1 closed). `direction` points to the light: right, up, away from the
    camera. `disc` tells whether sun or moon can be seen.
    """

    hour: Hour
    name: str
    sun: tuple[float, float]
    disc: bool
    cover: float
    gray: float
    dim: float
    beam: Plane
    ambient: Plane
    haze: Plane
    direction: Plane

    @property
    def night(self) -> bool:
        return self.name == "night"

    def sky(self, elevation: Plane) -> Plane:
        """Sky colour at `elevation` (0 horizon, 1 top of the frame), shape (3, *elevation.shape)."""
        tint = "#7d8796" if self.name in ("day", "dawn", "golden") else "#5b6478"
        return graded(self.hour.sky, self.gray, tint, self.dim, elevation)

    def air(self, channel: int, columns: Plane, unit: float) -> Plane:
        """One channel of the air's colour at frame columns: it glows about a low sun."""
        near = np.exp(np.abs(columns - np.float32(self.sun[0])) * np.float32(-3.2 / unit))
        glow = linear(self.hour.disc)[channel] * 0.30 * self.hour.glow * (1 - self.gray) * (self.name != "night")
        return np.asarray(self.haze[channel] + np.float32(glow) * near, np.float32)


def light_of(scene: Scene, view: View) -> Light:
    weather = scene.weather
    hour = HOURS[scene.hour]
    cover = _cover(scene)
    storm, closed = "storm" in weather, bool(weather & {"storm", "overcast", "rain", "snow"})
    gray = 0.85 if storm else 0.62 if closed else 0.35 if "fog" in weather else 0.0
    if scene.hour in ("dawn", "sunset", "dusk", "golden") and not storm:
        # Falling snow and rain leave a low sun its colour.
        gray *= 0.45
    dim = (
        (0.42 if storm else 0.8 if closed else 1.0)
        if scene.hour != "night"
        else (2.0 if storm else 1.1 if closed else 1.0)
    )
    sun, elevation = _sun(scene, hour, view)
    disc = (not closed and scene.hour not in ("dusk", "night")) or (
        scene.hour in ("night", "dusk") and "moon" in scene.features and not storm
    )
    veil = 0.35 if closed else 2.6 if scene.hour == "night" and disc else 1.0
    beam = linear(hour.beam) * np.float32(hour.beam_strength * veil)
    ambient = linear(hour.ambient) * np.float32(
        hour.ambient_strength * (1.5 if scene.hour == "night" else 0.75) if storm else hour.ambient_strength
    )
    if closed:
        level = luminance(ambient)
        ambient = (0.4 * ambient + 0.6 * level * linear("#9aa6ba") / luminance(linear("#9aa6ba"))).astype(np.float32)
    low, high = graded(hour.sky, gray, "#7d8796", dim, np.array([0.06, 0.6], np.float32)).T
    haze = (0.5 * low + 0.52 * high).astype(np.float32)
    direction = np.array([(sun[0] / view.width - 0.5) * 1.6, max(elevation, 0.12) * 1.2, 0.75], np.float32)
    return Light(
        hour=hour,
        name=scene.hour,
        sun=sun,
        disc=disc,
        cover=cover,
        gray=gray,
        dim=dim,
        beam=beam.astype(np.float32),
        ambient=ambient.astype(np.float32),
        haze=haze,
        direction=(direction / np.linalg.norm(direction)).astype(np.float32),
    )


def _sun(scene: Scene, hour: Hour, view: View) -> tuple[tuple[float, float], float]:
    """The place of sun or moon in frame pixels, and its elevation in units of angle."""
    x, elevation = hour.sun
    if "sun" in scene.features:
        elevation = min(max(elevation, 0.09), 0.40)
    if "mountains" in scene.features and scene.hour in ("dawn", "golden", "sunset"):
        # A low sun stands over the ridge, not behind it.
        elevation = 0.33 if scene.ground in ("meadow", "snowfield") else 0.24
    if scene.ground == "desert" and scene.hour == "day":
        elevation = 0.36
    if scene.hour == "dusk" and "moon" in scene.features:
        x, elevation = 0.68, 0.3
    return (x * view.width, view.horizon - elevation * view.unit), elevation


def _cover(scene: Scene) -> float:
    weather = scene.weather
    if "storm" in weather:
        return 0.95
    if weather & {"overcast", "rain"}:
        return 0.85
    if "snow" in weather:
        return 0.7
    if "clouds" in weather:
        return 0.52
    if "clear" in weather or scene.features & {"stars", "aurora"} or scene.ground == "desert":
        return 0.0
    return {"night": 0.0, "sunset": 0.46, "golden": 0.4, "dawn": 0.3, "dusk": 0.3}.get(scene.hour, 0.34)
