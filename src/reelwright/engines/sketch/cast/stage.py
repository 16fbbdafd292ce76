"""Casting: which figures stand where, how large, and how they move."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.canvas import Painter
from reelwright.engines.sketch.cast.actor import Actor, Cels, Ground, Path
from reelwright.engines.sketch.cast.figure import Figure, Look
from reelwright.engines.sketch.cast.lit import Lit, lit
from reelwright.engines.sketch.cast.pen import Pen
from reelwright.engines.sketch.cast.places import FEET, MIRRORS, tree_places
from reelwright.engines.sketch.cast.riders import ridden
from reelwright.engines.sketch.cast.roster import FIGURES, MANNERS, PEOPLE
from reelwright.engines.sketch.cast.ways import Spot, Ways, held
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import generator
from reelwright.engines.sketch.prompt import WATER, Scene
from reelwright.engines.sketch.reading import BEASTS, Role
from reelwright.engines.sketch.scenery import lamps


class Stage:
    """Makes the actors of a scene, layer by layer: `sky`, `far`, `water`, `ground`, `table`, `depth`, `space`."""

    def __init__(self, scene: Scene, view: View, light: Light, seed: int) -> None:
        self._scene, self._view, self._light, self._seed = scene, view, light, seed
        self._dark = lamps(light)
        self._ways = Ways(view)
        self._roles = [(role, self._figure(role)) for role in scene.cast]

    def _figure(self, role: Role) -> Figure:
        manner = self._scene.manner
        if role.name in PEOPLE and (manner != "walking" or self._scene.ground in ("underwater", "table")):
            return MANNERS.get(manner, MANNERS["standing"])
        if role.rider is not None and role.name in BEASTS:
            return ridden(role.name)
        return FIGURES[role.name]

    def sky(self) -> list[Painter]:
        """What flies, before the ground is painted, so that water mirrors it."""
        return [*self._each(("sky",), self._aloft), *self._each(("lanterns",), self._lanterns)]

    def far(self) -> list[Painter]:
        """What stands behind water: lighthouses, bridges; before the water is painted."""
        if self._scene.ground not in WATER:
            return []
        return [*self._each(("shore", "far"), self._shore), *self._each(("span",), self._span)]

    def water(self) -> list[Painter]:
        return self._each(("water", "depth"), self._afloat)

    def ground(self) -> list[Painter]:
        """What stands or goes on firm ground, from far to near."""
        painters: list[Painter] = []
        if self._scene.ground not in WATER:
            painters += [*self._each(("span",), self._span), *self._each(("far", "shore"), self._standing_far)]
        nearer = (
            ("tree", self._trees), ("bed", self._on_ground), ("rail", self._on_rails), ("launch", self._launched),
            ("road", self._on_road),
        )  # fmt: skip
        for name, place in nearer:
            painters += self._each((name,), place)
        return [*painters, *self._each(("ground", "table"), self._on_ground)]

    def air(self) -> list[Painter]:
        """What flutters before everything."""
        return self._each(("air",), self._fluttering)

    def everything(self, layer: str) -> list[Painter]:
        """All figures of a scene without a ground to stand on: under water, in space, on a table."""
        place = {"depth": self._swimming, "space": self._floating, "table": self._on_table}[layer]
        return [painter for number, (role, figure) in enumerate(self._roles) for painter in place(role, figure, number)]

    def needs(self, *places: str) -> bool:
        """Whether a figure belongs to one of the places, or has one of the names."""
        return any(figure.place in places or role.name in places for role, figure in self._roles)

    def _each(self, places: tuple[str, ...], place: Callable[[Role, Figure, int], list[Painter]]) -> list[Painter]:
        chosen = [(role, figure) for role, figure in self._roles if figure.place in places]
        return [painter for number, (role, figure) in enumerate(chosen) for painter in place(role, figure, number)]

    def _actor(
        self, role: Role, figure: Figure, spot: Spot, path: Path, cels: dict[int, Cels], ground: Ground | None = None,
        rate: float = 1.0,
    ) -> Painter:  # fmt: skip
        shared = cels.get(spot.kind)
        if shared is None:
            look = Look(colour=role.colour, kind=spot.kind, rider=role.rider)

            def draw(phase: float) -> Lit:
                pen = Pen(figure.box, spot.scale)
                figure.draw(pen, phase, look)
                return lit(pen.stamp(), self._light, spot.veil, self._dark * 1.6, figure.volume)

            shared = cels[spot.kind] = Cels(draw, figure.phases)
        turn = self._view.whole(figure.rate * rate)
        return Actor(self._view, shared, path, spot.nearness, rate=turn, start=spot.start, ground=ground)

    def _rng(self, role: Role) -> np.random.Generator:
        return generator(self._seed, f"cast-{role.name}")

    def _count(self, role: Role) -> int:
        if role.name == "sunflower" and role.count > 2:
            return 9
        return {"couple": 2, "crowd": 24, "people": max(role.count, 4)}.get(role.name, role.count)

    def _aloft(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        count = self._count(role)
        small = 0.55 if role.name in ("bird", "bee") and count == 1 else 1.0
        size = figure.size * (2.6 * small if role.name == "bird" and count < 3 else 1.0) * u
        cels: dict[int, Cels] = {}
        painters: list[Painter] = []
        top = max(0.30 * view.height, min(view.horizon * 0.52, 0.42 * view.height))
        if figure.box[1] > -0.1:
            top += 0.42 * size
        for n in range(count):
            row, side = (n + 1) // 2, (1 if n % 2 else -1)
            x = view.centre - 0.11 * u * row + 0.1 * u + rng.uniform(-0.02, 0.02) * u
            foot = top + side * 0.055 * row * u + 0.16 * u * number + rng.uniform(-0.015, 0.015) * u
            scale, kind = size, 0
            if role.name not in ("bird", "plane", "bee") and count > 1:
                x = view.width * ((n + 0.5) / count + rng.uniform(-0.06, 0.06))
                scale, kind = size * (0.9, 0.55, 0.72, 0.42)[n % 4], n % 4
                foot = top * rng.uniform(0.75, 1.25)
            elif number:
                x += 0.22 * u * (-1) ** number
            spot = Spot(
                x=x,
                foot=foot,
                scale=scale,
                nearness=0.25,
                veil=0.10 if scale > 0.2 * u else 0.16,
                start=float(rng.uniform(0, 1)),
                kind=kind,
            )
            path = (
                self._ways.crossing(spot, figure.pace, scale)
                if figure.pace > 0.04
                else self._ways.drifting(spot, figure.pace, 0.012)
            )
            painters.append(self._actor(role, figure, spot, path, cels))
        return painters

    def _lanterns(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        cels: dict[int, Cels] = {}
        painters: list[Painter] = []
        for n in range(26):
            depth = (n % 5) / 4
            scale = figure.size * u * (0.28 + 1.1 * depth**1.6)
            span = view.horizon + 0.25 * u
            start, x = float(rng.uniform(0, 1)), float(rng.uniform(0.02, 0.98)) * view.width
            rise = view.whole(0.02 + 0.04 * depth) if view.loop else 0.02 + 0.04 * depth

            def at(
                t: float, x: float = x, start: float = start, rise: float = rise, span: float = span
            ) -> tuple[float, float]:
                share = (start + rise * t) % 1.0
                return x + 0.02 * u * math.sin(6.28 * (share * 1.5 + start)), span * (1 - share) + 0.05 * u

            spot = Spot(
                x=x, foot=0, scale=scale, nearness=0.1 + 0.3 * depth, veil=0.25 * (1 - depth), start=start, kind=n % 5
            )
            painters.append(self._actor(role, figure, spot, at, cels))
        return painters

    def _shore(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u = self._view, self._view.unit
        scale = figure.size * u * (1.0 if figure.place == "shore" else 0.72)
        scale = min(scale, (view.horizon - 0.04 * u) / figure.box[3])
        painters: list[Painter] = []
        cels: dict[int, Cels] = {}
        for n in range(min(self._count(role), 4)):
            x = view.width * (0.66, 0.30, 0.48, 0.85)[(n + number) % 4]
            spot = Spot(
                x=x, foot=view.horizon + 2, scale=scale * (1 - 0.2 * n), nearness=0.14, veil=0.10, start=0.0, kind=n
            )
            painters.append(self._actor(role, figure, spot, held(spot), cels))
        return painters

    def _span(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view = self._view
        scale = min((view.width + 2 * 0.3 * view.unit) / 2.75, view.horizon * 0.85)
        foot = self._span_foot()
        box = (
            -max(figure.box[2], view.width / scale),
            figure.box[1],
            max(figure.box[2], view.width / scale),
            figure.box[3],
        )
        wide = Figure(
            draw=figure.draw, box=box, size=figure.size, place=figure.place, home=figure.home, volume=figure.volume
        )
        spot = Spot(x=view.centre, foot=foot, scale=scale, nearness=0.14, veil=0.14, start=0.0, kind=0)
        return [self._actor(role, wide, spot, held(spot), {})]

    def _span_foot(self) -> float:
        view = self._view
        return view.horizon + (2 if self._scene.ground in WATER else 0.16 * view.unit)

    def _standing_far(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        count = min(self._count(role), 5)
        painters: list[Painter] = []
        cels: dict[int, Cels] = {}
        crowded = len(self._roles) > 1
        for n in range(count):
            scale = (
                figure.size * u * (1.0 if count == 1 else (0.85, 0.62, 0.72, 0.5, 0.56)[n]) * (0.85 if crowded else 1.0)
            )
            x = view.width * ((0.60 if crowded else 0.52) if count == 1 else (0.5, 0.2, 0.8, 0.35, 0.66)[n])
            x += 0.3 * u * number * (-1) ** number
            deep = 0.09 if self._scene.ground == "desert" else 0.30 if self._valley() else 0.11
            foot = view.horizon + deep * u - 0.02 * u * (count > 1) * n
            spot = Spot(
                x=x,
                foot=min(foot, 0.86 * view.height),
                scale=scale,
                nearness=0.3,
                veil=0.08,
                start=float(rng.uniform(0, 1)),
                kind=n,
            )
            painters.append(self._actor(role, figure, spot, held(spot), cels))
        return painters

    def _valley(self) -> bool:
        """Whether mist and ridges fill what lies below the horizon: firm ground begins lower."""
        scene = self._scene
        return "mountains" in scene.features and scene.ground in ("meadow", "snowfield", "river", "savanna")

    def _trees(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        firm = self._foot() - view.horizon if self._scene.ground in WATER else 0.0
        painters: list[Painter] = []
        for n, (share, low, size) in enumerate(tree_places(role.name, self._count(role))):
            low = low + 0.20 if self._valley() else low
            foot = view.horizon + max(low * u, firm * (0.75 + 0.25 * low / 0.24))
            spot = Spot(
                x=share * view.width,
                foot=foot,
                scale=figure.size * u * size * 1.12,
                nearness=0.2 + 0.6 * low / 0.3,
                veil=0.30 * (1 - size) if size < 0.6 else 0.04,
                start=float(rng.uniform(0, 1)),
                kind=n,
            )
            shadow = Ground(shade=0.32, shadow=(0.36 * spot.scale, 0.05 * spot.scale))
            painters.append(self._actor(role, figure, spot, held(spot), {}, shadow))
        return painters

    def _afloat(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        if figure.place == "depth":
            # What swims shows its back alone.
            left, _, right, top = figure.box
            figure = replace(figure, box=(left, -0.08 * (top + 0.5), right, top))
        count = self._count(role)
        painters: list[Painter] = []
        deep = max(view.height - view.horizon, 1.0)
        for n in range(count):
            near = (
                (0.42, 0.20, 0.30, 0.12, 0.36, 0.16, 0.26)[(n + number) % 7] if count + len(self._roles) > 2 else 0.34
            )
            if count == 2:
                near = (0.40, 0.20)[n]
            scale = figure.size * u * (0.45 + 1.5 * near if count + len(self._roles) > 2 else 1.0)
            x = view.width * ((n + 0.5) / count + float(rng.uniform(-0.05, 0.05))) if count > 1 else view.width * 0.47
            x += 0.28 * u * number
            foot = view.horizon + min(near * deep, near * 0.62 * u)
            spot = Spot(
                x=x,
                foot=foot,
                scale=scale,
                nearness=near,
                veil=0.14 * (1 - 2 * near) if near < 0.5 else 0.0,
                start=float(rng.uniform(0, 1)) if role.name != "dolphin" else 0.2 + 0.17 * n,
                kind=n,
            )
            ground = Ground(mirror=MIRRORS.get(self._scene.ground, 0.0))
            painters.append(self._actor(role, figure, spot, self._ways.drifting(spot, figure.pace, 0.004), {}, ground))
        return painters

    def _foot(self) -> float:
        view = self._view
        return view.height * FEET.get(self._scene.ground, 0.90)

    def _on_ground(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        count = self._count(role)
        crowd, others = role.name == "crowd", len(self._roles) > 1
        size = (
            figure.size * u * (0.62 if crowd else 1.0 if count < 3 else 0.78) * (0.9 if others and not crowd else 1.0)
        )
        painters: list[Painter] = []
        cels: dict[int, Cels] = {}
        shares = sorted((float(v) for v in rng.uniform(-1, 1, count)), reverse=True)
        for n in range(count):
            depth = (1 - n / max(count - 1, 1)) if count > 2 else 0.0
            if crowd:
                depth = math.ceil(depth * 3) / 3
            back = depth * (0.26 if crowd else 0.05 if self._valley() else 0.12)
            x = (
                view.centre
                + self._side(role, n, count, number)
                + (shares[(n * 7) % count] * 0.02 * u if count > 1 else 0)
            )
            foot = self._foot() - back * (self._foot() - view.horizon) * (2.6 if crowd else 2.0)
            if figure.place == "bed" and others:
                # Flowers in their bed stand behind whoever passes.
                foot -= (0.02 if role.name == "sofa" else 0.12) * u
            lies = figure.pace == 0 and figure.place == "ground" and any(r.name == "sofa" for r, _ in self._roles)
            if lies:
                foot -= 0.46 * FIGURES["sofa"].size * 0.9 * u
            kind = (n + role.female) % 6 if role.name in PEOPLE else n % 3
            scale = size * (1 - (0.5 if crowd else 0.3) * depth)
            spot = Spot(
                x=x,
                foot=foot,
                scale=scale,
                nearness=0.8 - 0.4 * depth,
                veil=0.10 * depth,
                start=float(rng.uniform(0, 1)),
                kind=kind + 6 * round(3 * depth) if crowd else kind if count < 7 else n,
            )
            half = (figure.box[2] - figure.box[0]) * spot.scale * 0.24
            shadow = Ground(shade=0.12 if lies else 0.40, shadow=(half, half * 0.22))
            if self._scene.ground in ("street", "city") and self._scene.weather & {"rain"}:
                shadow = Ground(shade=0.25, shadow=(half, half * 0.22), mirror=0.28)
            painters.append(
                self._actor(role, figure, spot, self._ways.crossing(spot, figure.pace * 2.2, 0.3 * u), cels, shadow)
            )
        return painters

    def _side(self, role: Role, n: int, count: int, number: int) -> float:
        """How far from the middle, in pixels, the n-th of `count` stands; the next role stands beside the first."""
        u, view = self._view.unit, self._view
        aside = 0.0
        if len([1 for _, f in self._roles if f.place in ("ground", "table", "road")]) > 1:
            aside = (-0.22, 0.20, -0.42, 0.40)[number % 4] * u
        elif "fire" in self._scene.features:
            aside = -0.30 * u
        elif any(f.place in ("far", "tree") for _, f in self._roles):
            aside = -0.18 * u
        if count == 1:
            return aside
        if role.name == "couple" or (role.name in PEOPLE and count == 2):
            return aside + (-0.055, 0.065)[n] * u
        if role.name == "crowd":
            return ((n * 0.618) % 1.0 - 0.5) * view.width * 1.04
        return aside + ((n + 0.5) / count - 0.5) * min(view.width * 0.86, 0.33 * u * count)

    def _on_road(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        count = min(self._count(role), 5)
        painters: list[Painter] = []
        for n in range(count):
            far = n % 2 == 1 or (number % 2 == 1 and count == 1)
            foot = view.height * (0.955 if self._scene.ground in ("street", "city") else 0.90) - (
                0.075 * u if far else 0
            )
            scale = figure.size * u * (0.8 if count > 1 else 1.0) * (0.86 if far else 1.0)
            x = (
                view.centre + ((n + 0.5) / count - 0.5) * view.width * 1.1
                if count > 1
                else view.centre + 0.2 * u * number
            )
            spot = Spot(x=x, foot=foot, scale=scale, nearness=0.75, veil=0.03, start=float(rng.uniform(0, 1)), kind=n)
            shadow = Ground(shade=0.5, shadow=(0.95 * scale, 0.075 * scale))
            painters.append(self._actor(role, figure, spot, self._ways.crossing(spot, figure.pace, scale), {}, shadow))
        return painters

    def _on_rails(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u = self._view, self._view.unit
        foot, scale, near = view.height * 0.86, figure.size * u, 0.6
        bridged = next((r for r, f in self._roles if f.place == "span"), None)
        if bridged is not None:
            span = min((view.width + 2 * 0.3 * u) / 2.75, view.horizon * 0.85)
            foot = self._span_foot() - (0.50 if bridged.name == "viaduct" else 0.24) * span
            scale, near = 0.20 * span, 0.14
        elif self._scene.ground in WATER:
            foot = self._foot()
        spot = Spot(
            x=view.centre + 0.55 * scale,
            foot=foot,
            scale=scale,
            nearness=near,
            veil=0.10 if bridged else 0.02,
            start=0.0,
            kind=0,
        )
        return [self._actor(role, figure, spot, self._ways.crossing(spot, figure.pace, 2.0 * scale), {})]

    def _launched(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u = self._view, self._view.unit
        spot = Spot(
            x=view.centre, foot=0.66 * view.height, scale=figure.size * u, nearness=0.3, veil=0.04, start=0.0, kind=0
        )

        def at(t: float) -> tuple[float, float]:
            share = 0.5 - 0.5 * math.cos(2 * math.pi * t / view.span) if view.loop else t / view.span
            return spot.x, spot.foot - (0.06 if view.loop else 0.30) * u * share * (0.4 + 0.6 * share)

        return [self._actor(role, figure, spot, at, {})]

    def _fluttering(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        painters: list[Painter] = []
        count = self._count(role)
        for n in range(count):
            hero = role.name == "owl"
            x = view.centre if count == 1 else view.width * ((n + 0.5) / count)
            foot = (0.66 if hero else float(rng.uniform(0.42, 0.66))) * view.height
            scale = figure.size * u * (1.0 if hero else 1.7 if count == 1 else float(rng.uniform(0.7, 1.3)))
            spot = Spot(x=x, foot=foot, scale=scale, nearness=0.8, veil=0.0, start=float(rng.uniform(0, 1)), kind=n % 4)
            painters.append(self._actor(role, figure, spot, held(spot) if hero else self._ways.flutter(spot, rng), {}))
        return painters

    def _swimming(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        count = self._count(role)
        if role.name == "fish":
            count = max(count, 5)
        painters: list[Painter] = []
        cels: dict[int, Cels] = {}
        for n in range(count):
            depth = (n + 0.5) / count if count > 1 else 0.0
            scale = (
                figure.size
                * u
                * (1.0 if count == 1 else 1.25 - 0.75 * depth)
                * (1.5 if role.name == "fish" and count < 3 else 1.0)
            )
            x = view.width * (0.5 if count == 1 else (0.14 + 0.72 * ((n * 0.618 + 0.35) % 1.0))) + 0.22 * u * number
            foot = view.height * (0.50 if count == 1 else 0.26 + 0.48 * ((n * 0.381 + 0.45) % 1.0)) + 0.10 * u * number
            if figure.box[1] > -0.1:
                foot += 0.4 * scale
            spot = Spot(
                x=x,
                foot=foot,
                scale=scale,
                nearness=0.7 - 0.5 * depth,
                veil=0.08 + 0.45 * depth,
                start=float(rng.uniform(0, 1)),
                kind=n,
            )
            rise = figure.pace < 0.02
            path = self._ways.drifting(spot, figure.pace, 0.03 if rise else 0.010)
            if not rise and not (view.loop and view.seconds < 4):
                path = self._ways.crossing(spot, figure.pace, scale)
            painters.insert(0, self._actor(role, figure, spot, path, cels))
        return painters

    def _floating(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        painters: list[Painter] = []
        count = min(self._count(role), 4)
        for n in range(count):
            scale = figure.size * u * (0.85 if count == 1 else 0.6)
            x = view.width * ((0.36, 0.68, 0.2, 0.8)[(n + number) % 4])
            foot = view.height * (0.55, 0.42, 0.75, 0.3)[(n + number) % 4] + 0.35 * scale * (figure.box[1] > -0.5)
            spot = Spot(x=x, foot=foot, scale=scale, nearness=0.6, veil=0.0, start=float(rng.uniform(0, 1)), kind=n)
            painters.append(self._actor(role, figure, spot, self._ways.drifting(spot, 0.02, 0.02), {}))
        return painters

    def _on_table(self, role: Role, figure: Figure, number: int) -> list[Painter]:
        view, u, rng = self._view, self._view.unit, self._rng(role)
        count = min(self._count(role), 5)
        painters: list[Painter] = []
        many = count > 1 or len(self._roles) > 1
        for n in range(count):
            scale = figure.size * u * (0.80 if many else 1.0) * (1.0 if figure.place == "table" else 0.9)
            x = view.centre + (((n + 0.5) / count - 0.5) * 0.30 * u * count if count > 1 else 0.0)
            if len(self._roles) > 1:
                x += (-0.20, 0.22, 0.0)[number % 3] * u
            foot = view.height * (0.82 + 0.03 * (n % 2))
            spot = Spot(x=x, foot=foot, scale=scale, nearness=0.6, veil=0.0, start=float(rng.uniform(0, 1)), kind=n)
            half = (figure.box[2] - figure.box[0]) * scale * 0.42
            painters.append(
                self._actor(role, figure, spot, held(spot), {}, Ground(shade=0.45, shadow=(half, half * 0.20)))
            )
        return painters
