"""What rolls: car, taxi, van, lorry, bus, tram, train."""

from __future__ import annotations

import math

from reelwright.engines.sketch.cast.figure import Draw, Figure, Look
from reelwright.engines.sketch.cast.pen import Pen, ellipse, shade

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

_PAINTS = ("#c8382e", "#2f6fb0", "#e0a82e", "#e8e6e0", "#3f8a64", "#3a3f48")
_GLASS = "#9cc4d8"


def _wheel(pen: Pen, x: float, r: float, phase: float, spokes: int = 5) -> None:
    pen.oval(x, r, r, r, "#1c1d20")
    pen.oval(x, r, r * 0.60, r * 0.60, "#b8bec4")
    for n in range(spokes):
        a = -2 * math.pi * (phase / spokes + n / spokes)
        pen.line([(x, r), (x + math.cos(a) * r * 0.55, r + math.sin(a) * r * 0.55)], r * 0.14, "#5a6068")
    pen.oval(x, r, r * 0.16, r * 0.16, "#3a3f46")


def _lamps(pen: Pen, front: float, rear: float, y: float) -> None:
    pen.oval(front, y, 0.030, 0.036, "#fff2c0")
    pen.glow(ellipse(front, y, 0.05, 0.05), "#fff0b8")
    pen.oval(rear, y, 0.024, 0.036, "#d8302a")
    pen.glow(ellipse(rear, y, 0.035, 0.045), "#ff3020")


def car(pen: Pen, phase: float, look: Look) -> None:
    paint = look.or_else(_PAINTS[look.kind % 6])
    bob = 0.004 * math.sin(2 * math.pi * phase)
    pen.smooth([(-0.62, 0.36 + bob), (-0.44, 0.56 + bob), (-0.30, 0.615 + bob), (0.08, 0.615 + bob),
        (0.26, 0.54 + bob), (0.42, 0.36 + bob)], shade(paint, 0.9))
    pen.smooth([(-0.50, 0.37 + bob), (-0.38, 0.53 + bob), (-0.28, 0.57 + bob), (-0.10, 0.57 + bob),
        (-0.10, 0.37 + bob)], _GLASS)
    pen.smooth([(-0.06, 0.37 + bob), (-0.06, 0.57 + bob), (0.07, 0.57 + bob), (0.22, 0.51 + bob), (0.34, 0.37 + bob)],
        _GLASS)
    pen.smooth([(-0.88, 0.16 + bob), (-0.90, 0.34 + bob), (-0.70, 0.40 + bob), (0.40, 0.385 + bob),
        (0.74, 0.34 + bob), (0.90, 0.26 + bob), (0.90, 0.14 + bob), (0.5, 0.11 + bob), (-0.6, 0.11 + bob)], paint)
    pen.polygon([(-0.86, 0.17 + bob), (0.89, 0.17 + bob), (0.88, 0.12 + bob), (-0.84, 0.12 + bob)], shade(paint, 0.62))
    pen.line([(-0.08, 0.37 + bob), (-0.08, 0.16 + bob)], 0.010, shade(paint, 0.7))
    pen.line([(-0.22, 0.32 + bob), (-0.15, 0.32 + bob)], 0.018, shade(paint, 0.6))
    for x in (-0.54, 0.54):
        pen.oval(x, 0.16, 0.195, 0.195, "#202226")
        _wheel(pen, x, 0.155, phase)
    _lamps(pen, 0.86, -0.875, 0.29 + bob)


def bus(pen: Pen, phase: float, look: Look) -> None:
    paint = look.or_else(("#d0402f", "#2f7f6a", "#e0a82e")[look.kind % 3])
    pen.smooth([(-0.98, 0.12), (-1.0, 0.70), (-0.94, 0.76), (0.94, 0.76), (1.0, 0.70), (1.0, 0.12)], paint)
    pen.box(-0.94, 0.40, 0.96, 0.66, "#2a323a")
    for n in range(7):
        pane = [(-0.92 + n * 0.27, 0.42), (-0.68 + n * 0.27, 0.42), (-0.68 + n * 0.27, 0.64), (-0.92 + n * 0.27, 0.64)]
        pen.polygon(pane, _GLASS)
        pen.glow(pane, "#6a5a3a")
        if n % 2 and n < 6:
            pen.oval(-0.79 + n * 0.27, 0.51, 0.05, 0.055, "#7a5a48")
            pen.box(-0.86 + n * 0.27, 0.42, -0.72 + n * 0.27, 0.47, "#4a5868")
    pen.box(-1.0, 0.30, 1.0, 0.335, "#f2ece0")
    for x in (-0.60, 0.62):
        pen.oval(x, 0.15, 0.185, 0.185, "#202226")
        _wheel(pen, x, 0.145, phase)
    _lamps(pen, 0.975, -0.975, 0.22)


def truck(pen: Pen, phase: float, look: Look) -> None:
    paint = look.or_else(("#2f6fb0", "#c8382e", "#e0902e")[look.kind % 3])
    pen.box(-1.05, 0.20, 0.38, 0.88, "#e8e6e0")
    pen.box(-1.05, 0.20, 0.38, 0.30, "#c4c2bc")
    for n in range(8):
        pen.line([(-0.98 + n * 0.18, 0.32), (-0.98 + n * 0.18, 0.86)], 0.008, "#cfccc4")
    pen.smooth([(0.42, 0.14), (0.42, 0.76), (0.72, 0.78), (0.92, 0.52), (1.02, 0.44), (1.02, 0.14)], paint)
    pen.smooth([(0.62, 0.48), (0.62, 0.70), (0.74, 0.70), (0.88, 0.48)], _GLASS)
    pen.box(-1.0, 0.12, 1.02, 0.20, "#2a2d32")
    for x in (-0.78, -0.46, 0.72):
        _wheel(pen, x, 0.165, phase)
    _lamps(pen, 1.0, -1.03, 0.27)


def train(pen: Pen, phase: float, look: Look) -> None:
    """A steam engine with its tender and two coaches; it looks to the right."""
    paint = look.or_else("#2f5a48")
    a = -2 * math.pi * phase
    for x in (-2.15, -1.15):
        pen.smooth([(x - 0.46, 0.14), (x - 0.46, 0.58), (x + 0.46, 0.58), (x + 0.46, 0.14)], "#8a3a30")
        pen.smooth([(x - 0.48, 0.57), (x - 0.40, 0.66), (x + 0.40, 0.66), (x + 0.48, 0.57)], "#4a4440")
        for n in range(5):
            pane = [(x - 0.40 + n * 0.17, 0.34), (x - 0.28 + n * 0.17, 0.34), (x - 0.28 + n * 0.17, 0.50),
                (x - 0.40 + n * 0.17, 0.50)]
            pen.polygon(pane, "#e8d8a8")
            pen.glow(pane, "#ffcf80")
        pen.box(x - 0.46, 0.25, x + 0.46, 0.275, "#e0b050")
        for dx in (-0.28, 0.28):
            _wheel(pen, x + dx, 0.105, phase * 2)
    pen.smooth([(-0.60, 0.16), (-0.62, 0.48), (-0.18, 0.48), (-0.18, 0.16)], shade(paint, 0.85))
    pen.smooth([(-0.60, 0.47), (-0.45, 0.56), (-0.28, 0.54), (-0.19, 0.47)], "#201e1e")
    for dx in (-0.50, -0.30):
        _wheel(pen, dx, 0.115, phase * 2)
    pen.box(-0.08, 0.20, 0.28, 0.70, paint)
    pen.box(-0.14, 0.70, 0.34, 0.745, "#26282c")
    pane = [(0.0, 0.46), (0.20, 0.46), (0.20, 0.62), (0.0, 0.62)]
    pen.polygon(pane, "#e8d8a8")
    pen.glow(pane, "#ffc870")
    pen.smooth([(0.24, 0.24), (0.24, 0.54), (0.98, 0.54), (1.04, 0.40), (0.98, 0.24)], paint)
    for x in (0.42, 0.62, 0.82):
        pen.box(x, 0.24, x + 0.025, 0.54, "#c89a3f")
    pen.oval(1.0, 0.39, 0.045, 0.155, "#26282c")
    pen.polygon([(0.80, 0.52), (0.92, 0.52), (0.96, 0.78), (0.76, 0.78)], "#26282c")
    pen.oval(0.56, 0.56, 0.075, 0.07, "#c89a3f")
    pen.box(-0.16, 0.16, 1.06, 0.24, "#26282c")
    pen.polygon([(1.02, 0.20), (1.22, 0.02), (0.98, 0.02)], "#8a2f28")
    for x in (0.08, 0.40, 0.70):
        _wheel(pen, x, 0.155, phase, 8)
    _wheel(pen, 0.95, 0.095, phase * 2)
    c, s = math.cos(a) * 0.08, math.sin(a) * 0.08
    pen.line([(0.08 + c, 0.155 + s), (0.70 + c, 0.155 + s)], 0.032, "#c4c8cc")
    pen.oval(1.02, 0.60, 0.05, 0.05, "#fff0c0")
    pen.glow(ellipse(1.02, 0.60, 0.08, 0.08), "#fff0b8")


def tram(pen: Pen, phase: float, look: Look) -> None:
    paint = look.or_else("#e0a82e")
    pen.line([(0, 0.80), (-0.10, 0.92), (0.06, 1.02)], 0.020, "#3a3f46")
    pen.smooth([(-0.88, 0.12), (-0.90, 0.70), (-0.80, 0.80), (0.80, 0.80), (0.90, 0.70), (0.88, 0.12)], paint)
    pen.polygon([(-0.89, 0.40), (0.89, 0.40), (0.90, 0.70), (0.86, 0.745), (-0.86, 0.745), (-0.90, 0.70)], "#f4ecd8")
    for n in range(6):
        pane = [(-0.80 + n * 0.275, 0.44), (-0.58 + n * 0.275, 0.44), (-0.58 + n * 0.275, 0.68),
            (-0.80 + n * 0.275, 0.68)]
        pen.polygon(pane, _GLASS)
        pen.glow(pane, "#8a7040")
    pen.box(-0.80, 0.05, 0.80, 0.13, "#2a2d32")
    for x in (-0.50, -0.22, 0.22, 0.50):
        _wheel(pen, x, 0.085, phase * 2)
    _lamps(pen, 0.875, -0.875, 0.24)


def _rolling(draw: Draw, half: float, top: float, size: float, pace: float, home: str = "road") -> Figure:
    return Figure(draw=draw, box=(-half, -0.02, half, top), size=size, place="road", home=home, phases=10, rate=2.2,
                  pace=pace)


FIGURES = {
    "car": _rolling(car, 0.95, 0.66, 0.34, 0.16),
    "bus": _rolling(bus, 1.06, 0.8, 0.34, 0.12),
    "truck": _rolling(truck, 1.12, 0.92, 0.30, 0.12),
    "train": Figure(draw=train, box=(-2.7, -0.02, 1.28, 0.82), size=0.30, place="rail", home="rail", phases=10,
        rate=1.2,
                    pace=0.11),
    "tram": _rolling(tram, 0.95, 1.05, 0.34, 0.09, "street"),
}
