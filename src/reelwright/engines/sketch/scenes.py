"""Composition of landscapes: from a scene's description to the painters of its layers, back to front."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reelwright.engines.sketch.aurora import Aurora
from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.canvas import Painter
from reelwright.engines.sketch.cast.stage import Stage
from reelwright.engines.sketch.city import Skyline
from reelwright.engines.sketch.clouds import Clouds
from reelwright.engines.sketch.effects import Bubbles, Falling, Fireflies, Fireworks, Meteors, Rainbow, second_moon
from reelwright.engines.sketch.field import Field, blooms_of
from reelwright.engines.sketch.fire import WARM, Flames, Glow, Sparks, logs_plate
from reelwright.engines.sketch.flora import pine_stamps, tree_line
from reelwright.engines.sketch.globe import BODIES
from reelwright.engines.sketch.grounds import CloudSea, bank, beach, grove, island, jungle, long_road, rails, road
from reelwright.engines.sketch.landforms import canyon, fall_rocks, river, volcano, waterfall
from reelwright.engines.sketch.light import Light, light_of
from reelwright.engines.sketch.lightning import Lightning
from reelwright.engines.sketch.noise import Plane, generator
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.prompt import WATER, Scene
from reelwright.engines.sketch.relief import alpine, dunes, hills
from reelwright.engines.sketch.sky import Twinkle, sky_plate
from reelwright.engines.sketch.space import Nebula, Planet, Stars
from reelwright.engines.sketch.street import street
from reelwright.engines.sketch.surface import Drift, Heat, Ice
from reelwright.engines.sketch.terrain import Slab, draw, rock, sand, soft
from reelwright.engines.sketch.water import Water, lake, sea, wet
from reelwright.engines.sketch.weather import Mist, Rain, Snow, fog_colour

_HORIZONS = {
    "sea": 0.53, "lake": 0.56, "river": 0.52, "waterfall": 0.60, "desert": 0.46, "canyon": 0.40, "city": 0.66,
    "street": 0.58, "field": 0.44, "snowfield": 0.60, "meadow": 0.62, "savanna": 0.60, "moonscape": 0.56,
    "heights": 0.58,
}  # fmt: skip
_LAND = ("meadow", "snowfield", "river", "savanna")
"""Soft, rolling land."""
_TIMES = {"time lapse": 6.0, "slow motion": 0.4}
"""How fast a scene's time runs."""


def view_of(scene: Scene, width: int, height: int, seconds: float, loop: bool = False) -> View:
    share = _HORIZONS.get(scene.ground, 0.5)
    if "fire" in scene.features:
        share = max(share, 0.66)
    rate = _TIMES.get(scene.time, 1.0)
    row = float(round(share * height))
    return View(width=width, height=height, horizon=row, seconds=seconds, camera=scene.camera, rate=rate, loop=loop)


class Landscape:
    """Assembles one landscape; each method adds the painters of one part."""

    def __init__(self, scene: Scene, view: View, seed: int) -> None:
        self._scene, self._view, self._seed = scene, view, seed
        self._light = light_of(scene, view)
        self._colours = tuple(linear(c) for c in scene.colours)
        self._wind = 1.0 if "wind" in scene.weather else 0.25
        self._stage = Stage(scene, view, _lamplight(scene, self._light), seed)
        self._stamps = pine_stamps(generator(seed, "pines"), 8, self._snow())

    def painters(self) -> list[Painter]:
        far = [*self._sky(), *self._mountains(), *self._far_mist()]
        stage = self._stage
        return [
            *far, *self._skyline(), *self._far_trees(), *self._behind(), *stage.sky(), *stage.far(), *self._ground(),
            *stage.water(), *self._firm(), *stage.ground(), *self._near(), *stage.air(), *self._air(),
        ]  # fmt: skip

    def _behind(self) -> list[Painter]:
        """What stands or happens between far land and ground: volcano, island, cliff, lights in the sky."""
        scene, view, light, seed = self._scene, self._view, self._light, self._seed
        painters: list[Painter] = [second_moon(view, n) for n in range(scene.moons - 1)]
        if "volcano" in scene.features:
            painters += volcano(view, light, seed)
        if "rainbow" in scene.effects:
            painters.append(Rainbow(view))
        if "meteors" in scene.effects:
            painters.append(Meteors(view, seed))
        if "fireworks" in scene.effects:
            painters.append(Fireworks(view, seed))
        if "island" in scene.features and scene.ground in WATER:
            painters.append(island(view, light))
        if scene.ground == "waterfall":
            painters += waterfall(view, light, seed)
        return painters

    def _firm(self) -> list[Painter]:
        """Rocks, banks, roads and rails: what figures stand or roll on."""
        scene, view, light, seed, stage = self._scene, self._view, self._light, self._seed, self._stage
        painters: list[Painter] = []
        if scene.ground == "waterfall":
            painters.append(fall_rocks(view, light, seed))
        standing = stage.needs("ground", "table", "tree", "road", "rail") or "beach" in scene.features
        if scene.ground in ("sea", "lake", "waterfall") and standing:
            sandy = scene.ground == "sea" or stage.needs("palm")
            painters.append(beach(view, light) if sandy else bank(view, light, self._snow() > 0))
        if "jungle" in scene.features and scene.ground in _LAND:
            painters += jungle(view, light, seed)
        if scene.features & {"park"} or scene.ground == "savanna":
            painters.append(grove(view, light, seed, dry=scene.ground == "savanna"))
        if stage.needs("rail") and not stage.needs("span"):
            painters.append(rails(view, light, view.height * 0.86))
        if stage.needs("road") and scene.ground not in ("city", "street"):
            painters.append(road(view, light, view.height * 0.925, view.height * 0.925 - 0.15 * view.unit))
        elif "road" in scene.features and scene.ground not in WATER:
            painters.append(long_road(view, light))
        return painters

    def _sky(self) -> list[Painter]:
        scene, light, view, seed = self._scene, self._light, self._view, self._seed
        stars = self._stars()
        low = 0.17 if "mountains" in scene.features and scene.ground in _LAND else 0.0
        painters: list[Painter] = [sky_plate(light, view, seed, stars, low)]
        if stars:
            painters.append(Twinkle(view, seed, stars))
        if "aurora" in scene.features:
            painters.append(Aurora(view, seed, self._colours))
        lightning = Lightning(view, seed) if "lightning" in scene.weather else None
        if light.cover > 0:
            wind = 1.5 if "wind" in scene.weather else 0.7
            painters.append(Clouds(light, view, seed, wind, lightning.flash if lightning else None))
        if lightning:
            painters.append(lightning)
        return painters

    def _stars(self) -> float:
        scene = self._scene
        if scene.weather & {"storm", "overcast", "rain", "snow", "fog"}:
            return 0.0
        if "stars" in scene.features:
            return 1.0
        return {"night": 0.7, "dusk": 0.22}.get(scene.hour, 0.0)

    def _mountains(self) -> list[Painter]:
        scene, light, view, seed = self._scene, self._light, self._view, self._seed
        if "mountains" not in scene.features and scene.ground != "lake":
            return []
        relief = alpine(generator(seed, "alpine"))
        snowline = 0.55 if scene.weather & {"snow"} or "ice" in scene.features else 0.95
        u, row = view.unit, view.horizon
        sunk = 0.55 if "fog" in scene.weather else 0.4
        # (level, tilt, rise, span, haze, nearness): far and high to near and low.
        layers = [(0.0, 0.03, 0.27, 0.42, 0.55, 0.06), (0.04, 0.03, 0.20, 0.50, 0.38, 0.14)]
        if scene.ground == "lake" and "mountains" not in scene.features:
            layers = [(0.0, 0.01, 0.14, 0.45, 0.45, 0.06)]
        if scene.ground in _LAND and "city" not in scene.features:
            layers += [(0.12, 0.06, 0.13, 0.50, 0.22, 0.28), (0.22, 0.08, 0.10, 0.55, 0.10, 0.48)]
        painters: list[Painter] = []
        for number, (level, tilt, rise, span, haze, near) in enumerate(layers):
            slab = Slab(
                level=row + level * u, tilt=tilt * u, rise=rise * u, span=span, depth=1.7,
                offset=(131.0 * number + 40, 67.0 * number), haze=haze,
                sink=haze + sunk * (1 - haze), nearness=near, steepness=1.5,
            )  # fmt: skip
            foot: float | None = row + 3
            if scene.ground in _LAND:
                # As far down as the next layer can leave it in sight.
                after = layers[number + 1] if number + 1 < len(layers) else None
                foot = row + (after[0] + after[1] + 0.16) * u if after else None
            painters.append(
                draw(
                    slab,
                    relief,
                    rock(snowline + (0.0, 0.1, 0.6, 2.0)[number], (0.5, 0.7, 0.9, 1.0)[number]),
                    light,
                    view,
                    foot,
                )
            )
            if "fog" in scene.weather and number < len(layers) - 1:
                air = fog_colour(light.haze)
                painters.append(
                    Mist(
                        view, seed + number, air, row + (level + 0.045 + 0.02 * number) * u, 0.055 * u, 0.62, 0.35, near
                    )
                )
        return painters

    def _far_mist(self) -> list[Painter]:
        if "fog" not in self._scene.weather or "mountains" in self._scene.features:
            return []
        view = self._view
        return [Mist(view, self._seed, fog_colour(self._light.haze), view.horizon, 0.12 * view.unit, 0.8, 0.4, 0.2)]

    def _skyline(self) -> list[Painter]:
        scene = self._scene
        if "city" not in scene.features and scene.ground != "city":
            return []
        accents = self._colours
        if "#f21fd0" in scene.colours:
            accents = (linear("#ff2bd6"), linear("#19e3ff"), linear("#8a3dff"))
        elif not accents and scene.hour in ("night", "dusk"):
            accents = (linear("#ff4d6d"), linear("#3fd0ff"), linear("#ffd257"))
        return [Skyline(self._light, self._view, self._seed, self._view.horizon + 2, accents)]

    def _far_trees(self) -> list[Painter]:
        scene, view = self._scene, self._view
        if "forest" not in scene.features and scene.ground != "lake" and "fire" not in scene.features:
            return []
        if scene.ground not in ("sea", "lake", "field", "meadow", "snowfield", "river"):
            return []
        u, row = view.unit, view.horizon
        snow = self._snow()
        if scene.ground in ("sea", "lake", "field"):
            return [self._trees("shore", row + 2, 0.055 * u, 0.012 * u, 1.9, 0.42, 0.1, snow)]
        return [
            self._trees("far", row + 0.005 * u, 0.12 * u, 0.03 * u, 2.6, 0.66, 0.10, snow),
            self._trees("mid", row + 0.03 * u, 0.20 * u, 0.04 * u, 2.2, 0.40, 0.22, snow),
        ]

    def _trees(
        self, name: str, foot: float, size: float, spread: float, density: float, haze: float, near: float, snow: float,
        gap: tuple[float, float] | None = None,
    ) -> Painter:  # fmt: skip
        glow = None
        if "fire" in self._scene.features:
            x, y, _ = self._hearth()
            glow = (x, y - 0.08 * self._view.unit, WARM * np.float32(1.0))
        return tree_line(
            self._view, self._light, self._seed, name, self._stamps, foot=foot, size=size, spread=spread,
            density=density, haze=haze, nearness=near, snow=snow, gap=gap, glow=glow,
        )  # fmt: skip

    def _snow(self) -> float:
        return (
            1.0
            if "snow" in self._scene.weather or self._scene.ground == "snowfield"
            else 0.35
            if "ice" in self._scene.features
            else 0.0
        )

    def _ground(self) -> list[Painter]:
        scene, light, view, seed = self._scene, self._light, self._view, self._seed
        match scene.ground:
            case "sea":
                rough = 1.0 if "storm" in scene.weather else 0.62 if "surf" in scene.features else 0.3
                accent = self._colours[0] if self._colours else None
                return [Water(sea(light, rough, accent), light, view, seed)]
            case "lake" if "ice" in scene.features:
                return [Ice(light, view, seed)]
            case "lake":
                return [Water(lake(light, self._wind if "wind" in scene.weather else 0.15), light, view, seed)]
            case "city":
                damp = bool(scene.weather & {"rain", "storm"}) or "reflections" in scene.features
                return [Water(wet(light) if damp else lake(light, 0.5), light, view, seed)]
            case "waterfall":
                return [Water(lake(light, 0.6), light, view, seed)]
            case "river":
                return [*self._land(), *river(view, light, seed)]
            case "canyon":
                return canyon(view, light, seed)
            case "street":
                return street(view, light, seed, neon="#f21fd0" in scene.colours)
            case "heights":
                return [CloudSea(view, light, seed)]
            case "desert":
                return self._dunes()
            case "field":
                return [
                    *self._hedge(),
                    Field(light, view, seed, blooms_of(self._blooms(), "flowers" in scene.features), self._wind + 0.6),
                ]
            case _:
                return self._land()

    def _blooms(self) -> tuple[Plane, ...]:
        """Sunflowers fill a field with their yellow."""
        if any(role.name == "sunflower" for role in self._scene.cast):
            return (linear("#f4bc1e"),)
        return self._colours

    def _hedge(self) -> list[Painter]:
        """Low hills and a line of trees that end a field."""
        light, view, u = self._light, self._view, self._view.unit
        relief = hills(generator(self._seed, "hedge"))
        slabs = (
            Slab(level=view.horizon + 0.004 * u, tilt=0.0, rise=0.045 * u, span=0.5, depth=1.4, offset=(20.0, 5.0),
                 haze=0.62, sink=0.7, nearness=0.05),
            Slab(level=view.horizon + 0.012 * u, tilt=0.0, rise=0.030 * u, span=0.8, depth=1.4, offset=(220.0, 55.0),
                 haze=0.40, sink=0.5, nearness=0.08),
        )  # fmt: skip
        foot = view.horizon + 0.05 * u
        return [draw(slab, relief, soft(linear("#4a6b3a"), 0.1), light, view, foot, 64) for slab in slabs]

    def _dunes(self) -> list[Painter]:
        scene, light, view, seed = self._scene, self._light, self._view, self._seed
        relief = dunes(generator(seed, "dunes"))
        u, row = view.unit, view.horizon
        tint = linear("#d9a05f") if not self._colours else 0.6 * linear("#d9a05f") + 0.4 * self._colours[0]
        layers = (
            (0.02, 0.05, 0.075, 0.16, 0.46, 0.12), (0.06, 0.10, 0.115, 0.20, 0.22, 0.28),
            (0.16, 0.22, 0.17, 0.26, 0.08, 0.55), (0.36, 0.42, 0.22, 0.34, 0.0, 0.9),
        )  # fmt: skip
        painters: list[Painter] = []
        for number, (level, tilt, rise, span, haze, near) in enumerate(layers):
            slab = Slab(
                level=row + level * u, tilt=tilt * u, rise=rise * u, span=span * 1.4, depth=2.2,
                offset=(97.0 * number + 300, 151.0 * number), haze=haze,
                sink=min(haze + 0.1, 1), nearness=near, steepness=1.0,
            )  # fmt: skip
            painters.append(draw(slab, relief, sand(tint), light, view, steps=384))
        if scene.weather & {"wind", "storm"} or "haze" in scene.features:
            painters.append(
                Drift(view, seed, tint * (light.beam * 0.75 + light.ambient * 0.6) * np.float32(1.15), 0.34)
            )
        if scene.hour == "day" or "haze" in scene.features:
            painters.append(Heat(view, seed, 1.5))
        return painters

    def _land(self) -> list[Painter]:
        """Meadow or snow: soft ground, with trees where there is a forest."""
        scene, light, view, seed = self._scene, self._light, self._view, self._seed
        relief = hills(generator(seed, "hills"))
        u, row = view.unit, view.horizon
        white = self._snow() == 1.0
        dry = scene.ground == "savanna"
        tint = (
            linear("#e6edf6")
            if white
            else linear("#b09a55")
            if dry
            else linear("#4f6a35")
            if "fire" not in scene.features
            else linear("#2d2a20")
        )
        misty = "mountains" in scene.features and "forest" not in scene.features
        start = 0.30 if misty else 0.02
        painters: list[Painter] = []
        layers = ((start, 0.12, 0.05, 0.3, 0.16, 0.45), (start + 0.12, 0.35, 0.07, 0.35, 0.02, 0.85))
        for number, (level, tilt, rise, span, haze, near) in enumerate(layers):
            slab = Slab(
                level=row + level * u, tilt=tilt * u, rise=rise * u, span=span, depth=2.0,
                offset=(211.0 * number, 90.0 * number), haze=haze, sink=haze, nearness=near, steepness=1.1,
            )  # fmt: skip
            painters.append(draw(slab, relief, soft(tint, 0.1), light, view))
            if misty and number == 0:
                painters.append(
                    self._trees("ridge", row + (start + 0.03) * u, 0.07 * u, 0.03 * u, 2.2, 0.16, 0.45, self._snow())
                )
            if "forest" in scene.features and number == 0:
                painters.append(
                    self._trees("near", row + 0.16 * u, 0.36 * u, 0.05 * u, 1.6, 0.17, 0.45, self._snow(), (0.28, 0.70))
                )
        return painters

    def _near(self) -> list[Painter]:
        """What frames the picture, and the fire."""
        scene, view, u, row = self._scene, self._view, self._view.unit, self._view.horizon
        painters: list[Painter] = []
        if "fire" in scene.features:
            x, foot, size = self._hearth()
            if scene.ground not in ("meadow", "snowfield"):
                painters.append(self._bank())
            painters += [
                self._trees("camp", row + 0.06 * u, 0.62 * u, 0.03 * u, 1.5, 0.0, 0.5, self._snow(), (0.30, 0.72)),
                Glow(view, x, foot, size, 0.8, row),
                logs_plate(view, self._seed, x, foot, size, 0.8),
                Flames(view, self._seed, x, foot - 0.02 * size, size, 0.8),
                Sparks(view, self._seed, x, foot, size, 0.3 * self._wind, 0.8),
            ]
        elif "forest" in scene.features and scene.ground in _LAND:
            painters.append(
                self._trees("front", row + 0.38 * u, 0.66 * u, 0.04 * u, 1.5, 0.03, 0.8, self._snow(), (0.16, 0.84))
            )
        return painters

    def _bank(self) -> Painter:
        """Firm ground for a fire by the water."""
        view, u = self._view, self._view.unit
        slab = Slab(
            level=view.horizon + 0.09 * u, tilt=0.4 * u, rise=0.03 * u, span=0.5, depth=2.0, offset=(70.0, 30.0),
            haze=0.0, sink=0.0, nearness=0.8,
        )  # fmt: skip
        relief = hills(generator(self._seed, "bank"))
        return draw(slab, relief, soft(linear("#2d2a20"), 0.1), self._light, view)

    def _hearth(self) -> tuple[float, float, float]:
        """Where the fire burns: x, foot row, flame height in pixels."""
        view = self._view
        return view.width * 0.5, min(view.height * 0.90, view.horizon + 0.26 * view.unit), 0.34 * view.unit

    def _air(self) -> list[Painter]:
        scene, light, view, seed = self._scene, self._light, self._view, self._seed
        painters: list[Painter] = []
        air = fog_colour(light.haze)
        if "fog" in scene.weather:
            painters.append(Mist(view, seed, air, view.horizon + 0.12 * view.unit, 0.16 * view.unit, 0.45, 0.5, 0.6))
        bright = np.maximum(light.ambient * 2.2, air)
        if "rain" in scene.weather:
            painters.append(Rain(view, seed, bright, 0.6 * self._wind, 1.3 if "storm" in scene.weather else 1.0))
        if "snow" in scene.weather:
            flakes: Plane = np.maximum(bright, 0.12) * np.float32(1.2)
            painters.append(Snow(view, seed, flakes, self._wind))
        return [*painters, *drifting(scene, view, light, seed)]


def _lamplight(scene: Scene, light: Light) -> Light:
    """At night shop windows and lamps light who walks in the street, and a fire who sits by it."""
    if not (scene.ground in ("street", "city") or "fire" in scene.features) or not light.night:
        return light
    warm = light.ambient + linear("#ffc890") * np.float32(0.26)
    direction = np.array([0.3, 0.75, 0.35], np.float32)
    return replace(
        light,
        ambient=warm.astype(np.float32),
        beam=(linear("#ffd8a0") * np.float32(0.45)).astype(np.float32),
        direction=direction,
    )


def drifting(scene: Scene, view: View, light: Light, seed: int) -> list[Painter]:
    """What drifts through the air before everything: leaves, petals, fireflies, bubbles."""
    kinds = [kind for kind in ("petals", "falling leaves", "confetti") if kind in scene.effects]
    painters: list[Painter] = [Falling(view, seed, light, kind) for kind in kinds]
    if "fireflies" in scene.effects:
        painters.append(Fireflies(view, seed))
    if "bubbles" in scene.effects and scene.ground != "underwater":
        painters.append(Bubbles(view, seed))
    return painters


def space(scene: Scene, view: View, seed: int) -> list[Painter]:
    """Stars and a planet, a burning sun or a nebula."""
    colours = tuple(linear(c) for c in scene.colours)
    afloat = Stage(scene, view, _space_light(scene, view), seed).everything("space") if scene.cast else []
    if scene.body in BODIES:
        return [
            Stars(view, seed, 0.9),
            Twinkle(view, seed, 0.8, everywhere=True),
            Planet(scene.body, view, seed, colours),
            *afloat,
        ]
    lights: list[Painter] = [Stars(view, seed, 1.0), Nebula(view, seed, colours)]
    if "meteors" in scene.effects:
        lights.append(Meteors(view, seed))
    return [*lights, Twinkle(view, seed, 1.0, everywhere=True), *afloat]


def _space_light(scene: Scene, view: View) -> Light:
    """Sunlight from one side, and almost nothing else."""
    return replace(
        light_of(scene, view),
        beam=np.array([1.25, 1.2, 1.12], np.float32),
        ambient=np.array([0.15, 0.17, 0.22], np.float32),
        haze=np.zeros(3, np.float32),
        direction=np.array([-0.7, 0.6, -0.38], np.float32),
    )
