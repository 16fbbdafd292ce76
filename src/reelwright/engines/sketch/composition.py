"""Composition: the painters of any scene, back to front, with the light that its figures stand in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reelwright.engines.sketch.aerial import aerial
from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.canvas import Painter
from reelwright.engines.sketch.cast.stage import Stage
from reelwright.engines.sketch.grounds import earth_in_sky, moon_ground
from reelwright.engines.sketch.interior import indoor_light, room, stage, stage_light, table
from reelwright.engines.sketch.light import Light, light_of
from reelwright.engines.sketch.prompt import Scene
from reelwright.engines.sketch.reef import sea_light, underwater
from reelwright.engines.sketch.scenes import Landscape, drifting, space
from reelwright.engines.sketch.sky import Twinkle
from reelwright.engines.sketch.space import Stars


def painters_of(scene: Scene, view: View, seed: int) -> list[Painter]:
    """The painters of a landscape or a view of space."""
    if scene.kind == "space":
        return space(scene, view, seed)
    light = light_of(scene, view)
    match scene.ground:
        case "underwater":
            return _below(scene, view, sea_light(light), seed)
        case "room" | "table" | "stage":
            return _indoors(scene, view, light, seed)
        case "moonscape":
            return _on_the_moon(scene, view, light, seed)
    if scene.aerial:
        flying = Stage(scene, view, light, seed).sky()
        return [*aerial(scene, view, light, seed), *flying, *drifting(scene, view, light, seed)]
    return Landscape(scene, view, seed).painters()


def _below(scene: Scene, view: View, light: Light, seed: int) -> list[Painter]:
    fishes = not any(role.name == "fish" for role in scene.cast)
    behind, front = underwater(view, light, seed, fishes)
    return [*behind, *Stage(scene, view, light, seed).everything("depth"), *front]


def _indoors(scene: Scene, view: View, light: Light, seed: int) -> list[Painter]:
    if scene.ground == "table":
        on_it = Stage(scene, view, indoor_light(light), seed).everything("table")
        *plates, pool = table(view, light, seed)
        return [*plates, *on_it, pool, *drifting(scene, view, light, seed)]
    inside = indoor_light(light) if scene.ground == "room" else stage_light(light)
    cast = Stage(scene, view, inside, seed)
    *plates, last = room(view, light, seed) if scene.ground == "room" else stage(view, light, seed)
    return [*plates, *cast.sky(), *cast.ground(), *cast.air(), last, *drifting(scene, view, light, seed)]


def _on_the_moon(scene: Scene, view: View, light: Light, seed: int) -> list[Painter]:
    red = scene.body == "mars"
    sun = replace(
        light,
        name="day",
        beam=np.array([1.15, 1.1, 1.02], np.float32),
        ambient=np.array([0.14, 0.14, 0.16], np.float32),
        haze=np.zeros(3, np.float32),
        direction=np.array([-0.62, 0.66, -0.42], np.float32),
    )
    cast = Stage(scene, view, sun, seed)
    sky: list[Painter] = [Stars(view, seed, 1.0), Twinkle(view, seed, 0.8)]
    if not red:
        sky.append(earth_in_sky(view))
    return [*sky, *cast.sky(), *moon_ground(view, sun, seed, red), *cast.ground(), *cast.air()]
