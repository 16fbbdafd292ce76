"""Scenery that is drawn with the pen: plates as wide as the camera sees, lit like the figures."""

from __future__ import annotations

from collections.abc import Callable

from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.canvas import Plate
from reelwright.engines.sketch.cast.lit import lit
from reelwright.engines.sketch.cast.pen import Pen
from reelwright.engines.sketch.light import Light

LAMPS = {"night": 1.0, "dusk": 0.85, "sunset": 0.5, "dawn": 0.4}
"""How far lamps are on, by the hour."""


def lamps(light: Light) -> float:
    dark = LAMPS.get(light.name, 0.05)
    return max(dark, 0.6) if light.dim < 0.5 else dark


def scenery(
    view: View,
    light: Light,
    draw: Callable[[Pen, float, float], None],
    *,
    row: float,
    below: float,
    above: float,
    nearness: float,
    veil: float = 0.0,
    volume: float = 0.0,
    glare: float = 1.6,
) -> Plate:
    """A plate drawn in units of the view: x = 0 is the frame's middle, y = 0 the row `row`, y grows upwards.

    It reaches from `below` under the row to `above` over it. `draw` gets the pen and the left and right edge.
    """
    left, right, _, _ = view.reach(nearness)
    u = view.unit
    low, high = -(view.centre + left) / u, (view.width - view.centre + right) / u
    pen = Pen((low, -below, high, above), u)
    draw(pen, low, high)
    figure = lit(pen.stamp(), light, veil, lamps(light) * glare, volume)
    corner = (round(view.centre + figure.left), round(row - figure.top))
    return Plate(figure.layers[:3], figure.layers[3], *corner, nearness, (view.centre, view.horizon))
