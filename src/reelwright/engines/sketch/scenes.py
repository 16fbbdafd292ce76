"""Composition: from a scene's description to the painters of its layers, back to front."""

from __future__ import annotations

import numpy as np

from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.canvas import Painter
from reelwright.engines.sketch.clouds import Clouds
from reelwright.engines.sketch.light import Light, light_of
from reelwright.engines.sketch.noise import Plane
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.prompt import Scene
from reelwright.engines.sketch.sky import Twinkle, sky_plate
from reelwright.engines.sketch.water import Water, lake, sea
from reelwright.engines.sketch.weather import Lightning, Mist, Rain, Snow, fog_colour

_HORIZONS = {"sea": 0.53, "lake": 0.55, "desert": 0.50, "city": 0.66, "field": 0.46, "snowfield": 0.62, "meadow": 0.64}


def view_of(scene: Scene, width: int, height: int, seconds: float) -> View:
    share = _HORIZONS.get(scene.ground, 0.5)
    return View(width=width, height=height, horizon=float(round(share * height)), seconds=seconds, camera=scene.camera)


def landscape(scene: Scene, view: View, seed: int) -> list[Painter]:
    light = light_of(scene, view)
    painters = _sky(scene, light, view, seed)
    painters += _ground(scene, light, view, seed)
    painters += _air(scene, light, view, seed)
    return painters


def _sky(scene: Scene, light: Light, view: View, seed: int) -> list[Painter]:
    stars = _stars(scene)
    painters: list[Painter] = [sky_plate(light, view, seed, stars)]
    if stars:
        painters.append(Twinkle(view, seed, stars))
    wind = 1.5 if "wind" in scene.weather else 0.55
    lightning = Lightning(view, seed) if "lightning" in scene.weather else None
    if light.cover > 0:
        painters.append(Clouds(light, view, seed, wind, lightning.flash if lightning else None))
    if lightning:
        painters.append(lightning)
    return painters


def _stars(scene: Scene) -> float:
    if scene.weather & {"storm", "overcast", "rain", "snow", "fog"}:
        return 0.0
    if "stars" in scene.features:
        return 1.0
    return {"night": 0.7, "dusk": 0.22}.get(scene.hour, 0.0)


def _ground(scene: Scene, light: Light, view: View, seed: int) -> list[Painter]:
    if scene.ground == "sea":
        rough = 1.0 if "storm" in scene.weather else 0.62 if "surf" in scene.features else 0.3
        return [Water(sea(light, rough, _accent(scene)), light, view, seed)]
    return [Water(lake(light, 0.2), light, view, seed)]


def _accent(scene: Scene) -> Plane | None:
    return linear(scene.colours[0]) if scene.colours else None


def _air(scene: Scene, light: Light, view: View, seed: int) -> list[Painter]:
    painters: list[Painter] = []
    air = fog_colour(light.haze)
    wind = 1.0 if "wind" in scene.weather else 0.25
    if "fog" in scene.weather:
        painters.append(Mist(view, seed, air, view.horizon, 0.16 * view.unit, 0.75, 0.5, 0.4))
    bright = np.maximum(light.ambient * 2.2, air)
    if "rain" in scene.weather:
        painters.append(Rain(view, seed, bright, 0.6 * wind, 1.3 if "storm" in scene.weather else 1.0))
    if "snow" in scene.weather:
        painters.append(Snow(view, seed, np.maximum(bright, 0.12) * np.float32(1.2), wind))
    return painters
