"""A figure of the cast, as data: how it is drawn, how large it is, and where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reelwright.engines.sketch.cast.pen import Pen


@dataclass(frozen=True, slots=True, kw_only=True)
class Rider:
    """Who rides: the name of a figure that sits upright, the colour of what it wears ("#rrggbb") where the prompt names
    one, and whether it is a woman or girl."""

    name: str = "person"
    colour: str | None = None
    female: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How this one differs from others of its kind: `colour` ("#rrggbb") where the prompt names one, `kind` a number
    that picks clothes and hair, and who rides it."""

    colour: str | None = None
    kind: int = 0
    rider: Rider | None = None

    def or_else(self, colour: str) -> str:
        return self.colour or colour


Draw = Callable[[Pen, float, Look], None]
"""(pen, phase 0 to 1, look): draws the figure, which looks to the right, with its foot at the origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`box` is what it may fill (left, bottom, right, top), in units of which `size` (in units of the view) is one.

    It has `phases` pictures a cycle and goes through `rate` cycles a second. `place` is where it belongs: "ground",
    "water" (on it), "sky", "bed" (flowers, behind who passes), "far" (large things, near the horizon), "depth" (under
    water), "table" and a few more. `pace` is how fast it moves across, in units of the view a second. `home` is the
    ground that it stands on where the prompt names none. `volume` is how round it looks, 0 for a flat sheet.
    """

    draw: Draw
    box: tuple[float, float, float, float]
    size: float
    place: str
    home: str
    phases: int = 1
    rate: float = 0.0
    pace: float = 0.0
    volume: float = 1.0
