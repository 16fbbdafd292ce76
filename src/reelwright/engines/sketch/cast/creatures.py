"""Small animals and birds: a sitting cat, rabbit, penguin, owl, duck, swan; birds, butterflies and bees on the wing."""

from __future__ import annotations

import math

from reelwright.engines.sketch.cast.figure import Figure, Look
from reelwright.engines.sketch.cast.pen import Pen, shade

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

def cat(pen: Pen, phase: float, look: Look) -> None:
    """Sits, its tail's tip at play, and blinks once in a cycle."""
    coat = look.or_else(("#d98a3d", "#4a4a52", "#e9e2d6")[look.kind % 3])
    pale, dark = "#f5e8d4", shade(coat, 0.72)
    a = 2 * math.pi * phase
    wave = 0.07 * math.sin(a)
    pen.limb([(-0.20, 0.07, 0.055), (-0.42, 0.05, 0.052), (-0.52, 0.16, 0.048), (-0.50 + wave, 0.32, 0.044),
        (-0.42 + wave * 1.6, 0.40, 0.036)], coat)
    pen.smooth([(-0.30, 0.0), (-0.34, 0.20), (-0.24, 0.46), (-0.06, 0.66), (0.12, 0.68), (0.20, 0.50), (0.20, 0.20),
        (0.22, 0.0)], coat)
    pen.smooth([(0.02, 0.60), (0.16, 0.62), (0.20, 0.42), (0.16, 0.24), (0.05, 0.34)], pale)
    pen.oval(-0.16, 0.13, 0.19, 0.14, shade(coat, 0.93))
    pen.oval(-0.04, 0.03, 0.13, 0.045, coat)
    pen.limb([(0.10, 0.36, 0.055), (0.13, 0.15, 0.046), (0.15, 0.035, 0.042)], shade(coat, 0.9))
    pen.limb([(0.19, 0.36, 0.055), (0.22, 0.15, 0.046), (0.24, 0.035, 0.042)], coat)
    for x in (0.165, 0.262):
        pen.oval(x, 0.03, 0.06, 0.034, pale)
    x, y = 0.14 + 0.012 * math.sin(a), 0.80
    for side, tone in ((-1, dark), (1, coat)):
        pen.polygon([(x + side * 0.19, y + 0.06), (x + side * 0.155, y + 0.275), (x + side * 0.03, y + 0.14)], tone)
        pen.polygon([(x + side * 0.165, y + 0.10), (x + side * 0.145, y + 0.225), (x + side * 0.07, y + 0.14)],
            "#e9a8a0")
    pen.smooth([(x - 0.21, y - 0.02), (x - 0.16, y + 0.14), (x, y + 0.17), (x + 0.16, y + 0.14), (x + 0.21, y - 0.02),
        (x + 0.14, y - 0.14), (x, y - 0.17), (x - 0.14, y - 0.14)], coat)
    pen.oval(x + 0.01, y - 0.085, 0.095, 0.062, pale)
    for n in (-1, 0, 1):
        pen.line([(x + 0.05 * n, y + 0.16 - 0.015 * abs(n)), (x + 0.045 * n, y + 0.09)], 0.018, dark)
    shut = 0.88 < phase < 0.96
    for ex in (x - 0.085, x + 0.095):
        pen.oval(ex, y + 0.012, 0.046, 0.008 if shut else 0.044, "#8fc04a" if not shut else dark)
        if not shut:
            pen.oval(ex + 0.006, y + 0.012, 0.018, 0.038, "#17140f")
            pen.oval(ex + 0.018, y + 0.028, 0.011, 0.011, "#ffffff")
    pen.polygon([(x - 0.018, y - 0.048), (x + 0.038, y - 0.048), (x + 0.01, y - 0.078)], "#c8605a")
    for side in (-1, 1):
        for tilt in (-0.02, 0.015):
            pen.line([(x + side * 0.09, y - 0.075), (x + side * 0.27, y - 0.075 + tilt * 2)], 0.007, "#efe8da")


def rabbit(pen: Pen, phase: float, look: Look) -> None:
    coat = look.or_else("#b08f6e")
    pale = "#f3ece0"
    a = 2 * math.pi * phase
    hop = max(0.0, math.sin(a)) * 0.16
    flat = 0.10 * math.sin(a)
    y = hop
    pen.oval(-0.36, 0.24 + y, 0.085, 0.08, pale)
    pen.smooth([(-0.36, 0.10 + y), (-0.38, 0.30 + y), (-0.20, 0.46 + y), (0.08, 0.42 + y), (0.24, 0.46 + y),
        (0.22, 0.16 + y), (0.0, 0.06 + y)], coat)
    pen.limb([(0.15, 0.24 + y, 0.06), (0.20 + flat, 0.05 + y * 0.7, 0.04), (0.25 + flat, 0.03 + y * 0.7, 0.035)],
        shade(coat, 0.9))
    pen.oval(-0.20, 0.19 + y, 0.17, 0.15, shade(coat, 0.93))
    pen.limb([(-0.26, 0.08 + y * 0.8, 0.05), (-0.06 - flat, 0.04 + y * 0.5, 0.045)], coat)
    x, h = 0.30, 0.50 + y
    for dx, tone in ((-0.02, shade(coat, 0.75)), (-0.07, coat)):
        pen.smooth([(x + dx - 0.03, h + 0.10), (x + dx - 0.14 - flat * 0.5, h + 0.36),
            (x + dx - 0.10 - flat * 0.5, h + 0.47), (x + dx - 0.02 - flat * 0.5, h + 0.38),
            (x + dx + 0.05, h + 0.10)], tone)
    pen.smooth([(x - 0.085, h + 0.14), (x - 0.155 - flat * 0.5, h + 0.36), (x - 0.10 - flat * 0.5, h + 0.36),
        (x - 0.05, h + 0.14)], "#e0aaa0")
    pen.smooth([(x - 0.15, h + 0.02), (x - 0.08, h + 0.14), (x + 0.06, h + 0.13), (x + 0.17, h - 0.01),
        (x + 0.10, h - 0.10), (x - 0.08, h - 0.11)], coat)
    pen.oval(x + 0.08, h - 0.06, 0.075, 0.045, pale)
    pen.oval(x + 0.03, h + 0.045, 0.030, 0.032, "#1a1310")
    pen.oval(x + 0.04, h + 0.057, 0.010, 0.010, "#ffffff")
    pen.oval(x + 0.165, h - 0.01, 0.020, 0.016, "#c8706a")


def penguin(pen: Pen, phase: float, look: Look) -> None:
    a = 2 * math.pi * phase
    tilt = 0.07 * math.sin(a)
    black, white = look.or_else("#20262e"), "#f6f4ee"
    for side in (-1, 1):
        lift = max(0.0, side * math.sin(a)) * 0.05
        pen.smooth([(side * 0.10 - 0.10, 0.0 + lift), (side * 0.10 - 0.05, 0.06 + lift),
            (side * 0.10 + 0.06, 0.05 + lift), (side * 0.10 + 0.13, 0.0 + lift)], "#e8913a")
    for side in (-1, 1):
        out = 0.08 + 0.05 * math.sin(a + side)
        pen.smooth([(tilt + side * 0.20, 0.64), (tilt + side * (0.30 + out), 0.42),
            (tilt + side * (0.31 + out), 0.28), (tilt + side * 0.24, 0.34)], shade(black, 0.85))
    pen.smooth([(-0.22, 0.05), (-0.27, 0.30), (tilt - 0.22, 0.62), (tilt - 0.17, 0.86), (tilt, 1.0),
        (tilt + 0.17, 0.86), (tilt + 0.22, 0.62), (0.27, 0.30), (0.22, 0.05), (0, 0.02)], black)
    pen.smooth([(-0.16, 0.06), (-0.20, 0.30), (tilt - 0.13, 0.60), (tilt + 0.03, 0.70), (tilt + 0.18, 0.60),
        (0.22, 0.30), (0.18, 0.06), (0, 0.03)], white)
    for side in (-1, 1):
        pen.oval(tilt * 1.1 + 0.03 + side * 0.065, 0.82, 0.066, 0.075, white)
        pen.oval(tilt * 1.1 + 0.04 + side * 0.055, 0.83, 0.024, 0.027, "#14161a")
    pen.polygon([(tilt * 1.1 - 0.01, 0.79), (tilt * 1.1 + 0.09, 0.79), (tilt * 1.1 + 0.06, 0.71)], "#f0a03c")
    pen.smooth([(tilt - 0.10, 0.655), (tilt + 0.03, 0.70), (tilt + 0.17, 0.655), (tilt + 0.03, 0.63)], "#f2c45a")


def owl(pen: Pen, phase: float, look: Look) -> None:
    coat = look.or_else("#8a6844")
    pale = shade(coat, 1.55)
    a = 2 * math.pi * phase
    turn = 0.05 * math.sin(a)
    pen.limb([(-0.75, 0.03, 0.05), (0.0, 0.05, 0.06), (0.8, 0.0, 0.04)], "#4f3a2a")
    pen.smooth([(-0.25, 0.06), (-0.30, 0.40), (-0.24, 0.70), (0.0, 0.78), (0.24, 0.70), (0.30, 0.40), (0.25, 0.06),
        (0.0, -0.06)], coat)
    pen.smooth([(-0.15, 0.10), (-0.18, 0.40), (0.0, 0.58), (0.18, 0.40), (0.15, 0.10), (0.0, 0.04)], pale)
    for row in range(4):
        for n in range(3 - row % 2):
            pen.oval((n - (1 - 0.5 * (row % 2))) * 0.10, 0.17 + 0.09 * row, 0.03, 0.022, coat)
    for side in (-1, 1):
        pen.smooth([(side * 0.22, 0.62), (side * 0.34, 0.36), (side * 0.28, 0.06), (side * 0.20, 0.24)],
            shade(coat, 0.68))
        pen.polygon([(turn + side * 0.26, 0.86), (turn + side * 0.27, 1.04), (turn + side * 0.10, 0.95)], coat)
    pen.oval(turn, 0.80, 0.28, 0.21, coat)
    for side in (-1, 1):
        pen.oval(turn + side * 0.125, 0.80, 0.135, 0.135, pale)
        shut = 0.45 < phase < 0.53
        pen.oval(turn * 1.3 + side * 0.12, 0.80, 0.080, 0.012 if shut else 0.080, "#f4b62e")
        if not shut:
            pen.oval(turn * 1.4 + side * 0.12, 0.80, 0.045, 0.045, "#17120c")
            pen.oval(turn * 1.4 + side * 0.12 + 0.02, 0.825, 0.015, 0.015, "#ffffff")
        pen.limb([(side * 0.10, 0.04, 0.035), (side * 0.10, -0.02, 0.03)], "#d8a24a")
    pen.polygon([(turn - 0.035, 0.76), (turn + 0.035, 0.76), (turn, 0.66)], "#d8a24a")


def duck(pen: Pen, phase: float, look: Look) -> None:
    bob = 0.015 * math.sin(2 * math.pi * phase)
    body = look.or_else("#8d7a64")
    pen.smooth([(-0.58, 0.30 + bob), (-0.40, 0.20 + bob), (-0.30, -0.02), (0.30, -0.04), (0.42, 0.14 + bob),
        (0.24, 0.30 + bob), (-0.10, 0.32 + bob)], body)
    pen.smooth([(-0.46, 0.26 + bob), (-0.10, 0.32 + bob), (0.16, 0.24 + bob), (-0.05, 0.10 + bob),
        (-0.30, 0.14 + bob)], shade(body, 0.72))
    pen.limb([(0.28, 0.16 + bob, 0.13), (0.34, 0.38 + bob, 0.085), (0.38, 0.52 + bob, 0.10)], "#1f6b4a")
    pen.limb([(0.315, 0.335 + bob, 0.085), (0.33, 0.36 + bob, 0.085)], "#f2efe6")
    pen.oval(0.39, 0.53 + bob, 0.125, 0.115, "#1f6b4a")
    pen.smooth([(0.48, 0.56 + bob), (0.66, 0.50 + bob), (0.66, 0.455 + bob), (0.48, 0.46 + bob)], "#e9b43a")
    pen.oval(0.43, 0.57 + bob, 0.022, 0.022, "#100c0a")


def swan(pen: Pen, phase: float, look: Look) -> None:
    bob = 0.012 * math.sin(2 * math.pi * phase)
    white = look.or_else("#f7f5f0")
    pen.smooth([(-0.66, 0.36 + bob), (-0.44, 0.16 + bob), (-0.30, -0.03), (0.26, -0.04), (0.42, 0.14),
        (0.26, 0.30 + bob), (-0.2, 0.42 + bob)], white)
    pen.smooth([(-0.60, 0.40 + bob), (-0.30, 0.50 + bob), (0.05, 0.40 + bob), (0.20, 0.22 + bob), (-0.05, 0.12 + bob),
        (-0.38, 0.18 + bob)], shade(white, 0.86))
    pen.limb([(0.30, 0.14 + bob, 0.13), (0.44, 0.36 + bob, 0.075), (0.36, 0.62 + bob, 0.056),
        (0.40, 0.82 + bob, 0.055), (0.50, 0.86 + bob, 0.066)], white)
    pen.smooth([(0.54, 0.89 + bob), (0.70, 0.80 + bob), (0.68, 0.765 + bob), (0.53, 0.82 + bob)], "#e8752e")
    pen.oval(0.535, 0.875 + bob, 0.020, 0.020, "#151210")


def _wing(pen: Pen, x: float, y: float, lift: float, reach: float, colour: str, tip: str) -> None:
    mid = (x - 0.02, y + lift * 0.85)
    end = (x - 0.34, y + lift * 1.35 - 0.18 * abs(lift))
    pen.smooth([(x + 0.20, y), (mid[0] + 0.18, mid[1] + 0.05), (end[0], end[1]),
        (mid[0] - 0.12, mid[1] - 0.16 * (1 if lift > 0 else -0.2)), (x - 0.16, y - 0.02)], colour)
    pen.smooth([(mid[0] + 0.0, mid[1] + 0.03), (end[0], end[1]), (mid[0] - 0.14, mid[1] - 0.10)], tip)


def bird(pen: Pen, phase: float, look: Look) -> None:
    """A gull on the wing."""
    white = look.or_else("#f1f0ec")
    lift = 0.62 * math.sin(2 * math.pi * phase)
    y = -0.05 * math.sin(2 * math.pi * phase)
    _wing(pen, 0.06, y + 0.05, lift * 0.9, 1, shade(white, 0.62), "#2d3036")
    pen.smooth([(-0.62, y + 0.05), (-0.40, y + 0.07), (0.0, y + 0.12), (0.34, y + 0.10), (0.50, y + 0.06),
        (0.34, y - 0.02), (0.0, y - 0.09), (-0.36, y - 0.02), (-0.62, y - 0.04)], white)
    pen.oval(0.40, y + 0.07, 0.105, 0.085, white)
    pen.polygon([(0.48, y + 0.08), (0.64, y + 0.035), (0.48, y + 0.035)], "#f0a93a")
    pen.oval(0.43, y + 0.09, 0.018, 0.018, "#14100e")
    _wing(pen, 0.0, y + 0.04, lift, 1, shade(white, 0.84), "#33373e")


def eagle(pen: Pen, phase: float, look: Look) -> None:
    brown = look.or_else("#4a3423")
    a = 2 * math.pi * phase
    lift = 0.18 * math.sin(a)
    for side in (-1, 1):
        pen.smooth([(side * 0.05, 0.10), (side * 0.42, 0.20 + lift), (side * 0.95, 0.10 + lift * 2),
            (side * 0.98, -0.04 + lift * 2), (side * 0.60, -0.10 + lift), (side * 0.10, -0.12)], brown)
        for n in range(5):
            x = side * (0.92 - 0.07 * n)
            pen.limb([(x, 0.05 + lift * 1.9, 0.035), (x + side * 0.06, -0.18 + 0.03 * n + lift * 2.2, 0.018)],
                shade(brown, 0.8))
    pen.smooth([(-0.10, 0.16), (0.10, 0.16), (0.12, -0.10), (0.05, -0.32), (-0.05, -0.32), (-0.12, -0.10)],
        shade(brown, 1.1))
    pen.polygon([(-0.05, -0.25), (0.05, -0.25), (0.14, -0.48), (-0.14, -0.48)], "#f3efe6")
    pen.oval(0.0, 0.22, 0.095, 0.11, "#f3efe6")
    pen.smooth([(-0.03, 0.31), (0.03, 0.31), (0.035, 0.37), (0.0, 0.41), (-0.035, 0.37)], "#efb02e")


def butterfly(pen: Pen, phase: float, look: Look) -> None:
    colour = look.or_else(("#f08a24", "#3f86e0", "#e8c838", "#d84f8a")[look.kind % 4])
    open_ = 0.30 + 0.70 * abs(math.cos(math.pi * phase))
    edge = "#231a17"
    for side in (-1, 1):
        s = side * open_
        pen.smooth([(0, 0.10), (s * 0.30, 0.55), (s * 0.80, 0.62), (s * 0.85, 0.30), (s * 0.45, 0.02)], edge)
        pen.smooth([(s * 0.05, 0.12), (s * 0.30, 0.47), (s * 0.70, 0.53), (s * 0.74, 0.32), (s * 0.42, 0.08)], colour)
        pen.smooth([(0, 0.04), (s * 0.45, 0.02), (s * 0.62, -0.22), (s * 0.40, -0.50), (s * 0.12, -0.34)], edge)
        pen.smooth([(s * 0.05, 0.0), (s * 0.40, -0.02), (s * 0.52, -0.20), (s * 0.36, -0.40), (s * 0.13, -0.26)],
            shade(colour, 0.88))
        pen.oval(s * 0.58, 0.42, 0.07 * open_, 0.07, "#fbf3df")
        pen.oval(s * 0.38, -0.20, 0.06 * open_, 0.06, "#fbf3df")
        pen.line([(0, 0.25), (side * 0.10, 0.46), (side * 0.15, 0.52)], 0.02, edge)
    pen.limb([(0, 0.26, 0.045), (0, 0.0, 0.05), (0, -0.34, 0.026)], edge)


def bee(pen: Pen, phase: float, look: Look) -> None:
    flap = 0.25 * math.sin(2 * math.pi * phase)
    for dx in (-0.08, 0.08):
        pen.smooth([(dx, 0.15), (dx - 0.22, 0.45 + flap), (dx - 0.02, 0.62 + flap), (dx + 0.14, 0.40 + flap)],
            "#dfeaf0")
    pen.oval(0.0, 0.0, 0.42, 0.26, "#f2b62c")
    for x in (-0.20, -0.02, 0.16):
        pen.smooth([(x - 0.05, 0.22), (x + 0.05, 0.22), (x + 0.05, -0.22), (x - 0.05, -0.22)], "#2a2018")
    pen.oval(0.38, 0.04, 0.17, 0.16, "#2a2018")
    pen.oval(0.45, 0.08, 0.05, 0.06, "#f4f0e6")
    pen.polygon([(-0.40, 0.06), (-0.56, -0.02), (-0.40, -0.08)], "#2a2018")


_AIR = (-1.1, -0.85, 1.1, 0.9)
FIGURES = {
    "cat": Figure(draw=cat, box=(-0.62, -0.03, 0.46, 1.1), size=0.40, place="ground", home="room", phases=20, rate=0.3),
    "rabbit": Figure(draw=rabbit, box=(-0.5, -0.03, 0.6, 1.2), size=0.27, place="ground", home="meadow", phases=16,
                     rate=1.2, pace=0.08),
    "penguin": Figure(draw=penguin, box=(-0.46, -0.03, 0.46, 1.05), size=0.30, place="ground", home="snowfield",
                      phases=16, rate=0.8, pace=0.03),
    "owl": Figure(draw=owl, box=(-0.8, -0.12, 0.85, 1.1), size=0.38, place="air", home="forest", phases=20, rate=0.25),
    "duck": Figure(draw=duck, box=(-0.65, -0.02, 0.72, 0.7), size=0.24, place="water", home="lake", phases=12, rate=0.6,
                   pace=0.03),
    "swan": Figure(draw=swan, box=(-0.72, -0.02, 0.76, 0.98), size=0.30, place="water", home="lake", phases=12,
                   rate=0.4, pace=0.025),
    "bird": Figure(draw=bird, box=_AIR, size=0.085, place="sky", home="coast", phases=12, rate=1.7, pace=0.13),
    "eagle": Figure(draw=eagle, box=_AIR, size=0.22, place="sky", home="heights", phases=16, rate=0.35, pace=0.05),
    "butterfly": Figure(draw=butterfly, box=(-0.95, -0.6, 0.95, 0.75), size=0.11, place="air", home="field", phases=12,
                        rate=2.6, pace=0.05),
    "bee": Figure(draw=bee, box=(-0.65, -0.35, 0.6, 0.95), size=0.09, place="air", home="field", phases=6, rate=6.0,
                  pace=0.06),
}
