"""The ways that figures take through the picture. In a loop they end where they began."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.cast.actor import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One actor's place: x and foot in pixels at the middle of the clip, its size in pixels a unit of its figure,
    nearness and veil, and how far into its cycle it starts."""

    x: float
    foot: float
    scale: float
    nearness: float
    veil: float
    start: float
    kind: int


class Ways:
    """Makes paths for one view."""

    def __init__(self, view: View) -> None:
        self._view = view

    def crossing(self, spot: Spot, pace: float, width: float) -> Path:
        """A way across the picture at `pace` units a second; in a loop it ends where it began."""
        view = self._view
        if view.loop:
            return self._circling(spot, width) if view.seconds >= 4 and pace > 0.03 else held(spot)
        speed = min(pace, 0.5 * view.width / view.unit / max(view.span, 0.5)) * view.unit
        if view.camera.move == "track":
            # The camera goes along: the picture moves, not the figure.
            return lambda t: (spot.x - view.pose(t / view.rate).at(spot.nearness)[1], spot.foot)
        return lambda t: (spot.x + speed * (t - view.span / 2), spot.foot)

    def _circling(self, spot: Spot, width: float) -> Path:
        view = self._view
        reach = view.width + 2 * width

        def at(t: float) -> tuple[float, float]:
            return ((spot.x + width + reach * t / view.span) % reach - width, spot.foot)

        return at

    def drifting(self, spot: Spot, pace: float, bob: float = 0.0) -> Path:
        """A slow drift, with a rise and fall of `bob` units."""
        view = self._view
        turn = 2 * math.pi * view.whole(0.22)
        slide = 0.0 if view.loop else pace * view.unit

        def at(t: float) -> tuple[float, float]:
            swing = math.sin(turn * t + 6.28 * spot.start)
            sway = 0.012 * view.unit * math.sin(turn * t) if view.loop else 0.0
            return spot.x + slide * (t - view.span / 2) + sway, spot.foot + bob * view.unit * swing

        return at

    def flutter(self, spot: Spot, rng: np.random.Generator) -> Path:
        u, view = self._view.unit, self._view
        slow, quick = 2 * math.pi * view.whole(0.25), 2 * math.pi * view.whole(0.8)
        a, b = (float(v) for v in rng.uniform(0, 6.28, 2))

        def at(t: float) -> tuple[float, float]:
            x = spot.x + 0.10 * u * math.sin(slow * t + a) + 0.02 * u * math.sin(quick * t + b)
            return x, spot.foot + 0.05 * u * math.sin(slow * 2 * t + b) + 0.018 * u * math.sin(quick * 2 * t)

        return at


def held(spot: Spot) -> Path:
    return lambda t: (spot.x, spot.foot)
