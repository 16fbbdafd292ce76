"""Life in the sea: fish of the reef, jellyfish, turtle, shark, octopus; whale and dolphin."""

from __future__ import annotations

import math

from reelwright.engines.sketch.cast.figure import Figure, Look
from reelwright.engines.sketch.cast.pen import Pen, Point, shade

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

def fish(pen: Pen, phase: float, look: Look) -> None:
    body, band = (("#f0882a", "#f6f1e6"), ("#3f7fd8", "#f2d23a"), ("#e9c83a", "#3a3530"),
        ("#d8506a", "#f5d8c0"))[look.kind % 4]
    if look.colour:
        body, band = look.colour, shade(look.colour, 0.94)
    beat = 0.16 * math.sin(2 * math.pi * phase)
    pen.smooth([(-0.36, 0.02), (-0.62, 0.24 + beat), (-0.72, 0.20 + beat), (-0.60, 0.0 + beat), (-0.72, -0.20 + beat),
        (-0.62, -0.24 + beat)], shade(body, 0.82))
    pen.smooth([(-0.18, 0.20), (0.0, 0.42), (0.20, 0.38), (0.24, 0.22)], shade(body, 0.75))
    pen.smooth([(-0.10, -0.22), (-0.06, -0.38), (0.10, -0.34), (0.14, -0.22)], shade(body, 0.75))
    pen.smooth([(-0.44, 0.05), (-0.20, 0.22), (0.10, 0.29), (0.38, 0.18), (0.52, 0.0), (0.38, -0.18), (0.10, -0.27),
        (-0.20, -0.20), (-0.44, -0.05)], body)
    for x, half in ((-0.22, 0.195), (0.14, 0.265)):
        pen.smooth([(x - 0.045, half), (x + 0.045, half * 1.02), (x + 0.06, 0.0), (x + 0.045, -half),
            (x - 0.045, -half), (x - 0.03, 0)], band)
    fin = 0.05 * math.sin(2 * math.pi * phase + 1)
    pen.smooth([(0.10, -0.02), (-0.08, -0.10 + fin), (-0.12, -0.22 + fin), (0.06, -0.15)], shade(body, 0.68))
    pen.oval(0.35, 0.06, 0.052, 0.055, "#fbfaf4")
    pen.oval(0.362, 0.06, 0.028, 0.032, "#151210")


def jellyfish(pen: Pen, phase: float, look: Look) -> None:
    colour = look.or_else(("#e28ad0", "#8fb4f2", "#f2b48a")[look.kind % 3])
    a = 2 * math.pi * phase
    pulse = 0.08 * math.sin(a)
    w, h = 0.42 + pulse, 0.36 - pulse * 0.7
    for n in range(7):
        x = (n - 3) * 0.115
        points: list[Point] = []
        for k in range(8):
            drop = k / 7
            points.append((x * (1 + 0.15 * drop) * (w / 0.42) + 0.06 * drop * math.sin(a - drop * 4.2 + n * 0.8),
                0.02 - drop * (0.85 + 0.2 * (n % 2))))
        pen.limb([(px, py, 0.020 * (1.1 - k / 9)) for k, (px, py) in enumerate(points)], shade(colour, 0.8))
    for n in (-1, 0, 1):
        pen.limb([(n * 0.09, 0.05, 0.055), (n * 0.12 + 0.04 * math.sin(a + n), -0.2, 0.045),
            (n * 0.10 + 0.07 * math.sin(a - 1.2 + n), -0.48, 0.02)], shade(colour, 1.35))
    dome = [(-w, 0.0), (-w * 0.96, h * 0.5), (-w * 0.6, h * 0.95), (0, h * 1.15), (w * 0.6, h * 0.95),
        (w * 0.96, h * 0.5), (w, 0.0), (w * 0.5, 0.06), (0, 0.02), (-w * 0.5, 0.06)]
    pen.smooth(dome, colour)
    pen.glow([(x * 0.93, y * 0.93) for x, y in dome], shade(colour, 0.5))
    pen.smooth([(-w * 0.70, h * 0.30), (-w * 0.5, h * 0.82), (-w * 0.1, h * 0.98), (-w * 0.25, h * 0.6)],
        shade(colour, 1.5))
    for n in range(4):
        pen.oval((n - 1.5) * w * 0.36, h * 0.42, 0.05, 0.075, shade(colour, 1.25))


def turtle(pen: Pen, phase: float, look: Look) -> None:
    green = look.or_else("#6f8f4a")
    a = 2 * math.pi * phase
    stroke = 0.34 * math.sin(a)
    pen.smooth([(0.22, -0.02), (0.08, -0.18 - stroke * 0.4), (-0.14, -0.40 - stroke), (-0.06, -0.44 - stroke),
        (0.22, -0.22 - stroke * 0.3), (0.36, -0.04)], shade(green, 0.72))
    pen.smooth([(-0.34, -0.02), (-0.60, -0.12 + stroke * 0.3), (-0.68, -0.08 + stroke * 0.3), (-0.48, 0.06)],
        shade(green, 0.8))
    pen.limb([(0.38, 0.05, 0.09), (0.52, 0.10, 0.085)], green)
    pen.oval(0.60, 0.12, 0.125, 0.095, green)
    pen.oval(0.65, 0.145, 0.022, 0.024, "#14120e")
    pen.smooth([(-0.46, 0.0), (-0.34, 0.20), (0.0, 0.31), (0.32, 0.20), (0.44, 0.02), (0.30, -0.08), (-0.30, -0.08)],
        "#7a5630")
    pen.smooth([(-0.44, -0.02), (0.43, 0.0), (0.28, -0.11), (-0.28, -0.11)], "#d8c48c")
    for x, y, r in ((-0.22, 0.09, 0.085), (-0.01, 0.15, 0.10), (0.20, 0.10, 0.085)):
        pen.smooth([(x - r, y), (x - r * 0.5, y + r), (x + r * 0.5, y + r), (x + r, y), (x + r * 0.5, y - r),
            (x - r * 0.5, y - r)], "#a97d48")
    pen.smooth([(0.28, 0.0), (0.20, -0.20 + stroke * 0.5), (0.0, -0.44 + stroke), (0.10, -0.46 + stroke),
        (0.34, -0.22 + stroke * 0.4), (0.40, -0.02)], green)


def shark(pen: Pen, phase: float, look: Look) -> None:
    gray = look.or_else("#6f808e")
    beat = 0.12 * math.sin(2 * math.pi * phase)
    pen.smooth([(-0.72, 0.02), (-0.98, 0.34 + beat), (-1.06, 0.34 + beat), (-0.90, 0.02 + beat * 0.6),
        (-1.02, -0.18 + beat), (-0.94, -0.18 + beat)], shade(gray, 0.85))
    pen.smooth([(-0.05, 0.18), (-0.12, 0.46), (-0.02, 0.46), (0.20, 0.18)], shade(gray, 0.85))
    pen.smooth([(-0.80, 0.03 + beat * 0.3), (-0.40, 0.16), (0.10, 0.23), (0.55, 0.17), (0.92, 0.04), (0.80, -0.08),
        (0.40, -0.17), (-0.10, -0.17), (-0.50, -0.08), (-0.80, -0.02 + beat * 0.3)], gray)
    pen.smooth([(0.86, -0.05), (0.40, -0.17), (-0.10, -0.17), (-0.45, -0.09), (0.0, -0.05), (0.5, -0.04)], "#e8ecee")
    pen.smooth([(0.28, -0.08), (0.08, -0.36), (-0.02, -0.38), (0.10, -0.12)], shade(gray, 0.72))
    for n in range(4):
        pen.line([(0.38 - 0.05 * n, 0.08), (0.36 - 0.05 * n, -0.05)], 0.013, shade(gray, 0.6))
    pen.oval(0.68, 0.06, 0.024, 0.024, "#101214")


def octopus(pen: Pen, phase: float, look: Look) -> None:
    colour = look.or_else("#d8603f")
    a = 2 * math.pi * phase
    for n in range(8):
        out = (n - 3.5) * 0.085
        tone = shade(colour, 0.72 if n % 2 else 0.92)
        pen.limb([(out * 0.5, 0.05, 0.075), (out * 1.2, -0.16, 0.062),
            (out * 1.9 + 0.05 * math.sin(a + n), -0.34, 0.046),
            (out * 2.3 + 0.10 * math.sin(a + n * 1.3), -0.44 + 0.04 * math.cos(a + n), 0.026)], tone)
    pen.smooth([(-0.22, 0.0), (-0.30, 0.30), (-0.22, 0.58), (0.0, 0.68), (0.22, 0.58), (0.30, 0.30), (0.22, 0.0),
        (0, -0.04)], colour)
    for x, y, r in ((-0.14, 0.46, 0.04), (0.02, 0.56, 0.03), (0.14, 0.42, 0.045)):
        pen.oval(x, y, r, r * 0.8, shade(colour, 1.25))
    for side in (-1, 1):
        pen.oval(side * 0.115, 0.14, 0.072, 0.078, "#fbf7ee")
        pen.oval(side * 0.115 + 0.012, 0.14, 0.036, 0.044, "#16110f")


def whale(pen: Pen, phase: float, look: Look) -> None:
    blue = look.or_else("#3f5d78")
    a = 2 * math.pi * phase
    beat = 0.10 * math.sin(a)
    pen.smooth([(-0.80, 0.02 + beat), (-1.05, 0.18 + beat * 2), (-1.16, 0.16 + beat * 2), (-0.98, 0.02 + beat * 2),
        (-1.12, -0.10 + beat * 2), (-1.02, -0.12 + beat * 2)], shade(blue, 0.82))
    pen.smooth([(-0.88, 0.02 + beat), (-0.45, 0.12), (0.10, 0.27), (0.55, 0.27), (0.86, 0.14), (0.94, -0.02),
        (0.74, -0.22), (0.30, -0.28), (-0.20, -0.18), (-0.60, -0.04 + beat * 0.6)], blue)
    pen.smooth([(0.93, -0.04), (0.74, -0.22), (0.30, -0.28), (-0.12, -0.20), (0.2, -0.12), (0.6, -0.05)], "#dfe6ea")
    for n in range(5):
        pen.line([(0.80 - 0.05 * n, -0.10 - 0.012 * n), (0.20 - 0.03 * n, -0.17 - 0.018 * n)], 0.010, "#9fb2bf")
    pen.smooth([(0.34, -0.14), (0.14, -0.42), (0.02, -0.44), (0.14, -0.18)], shade(blue, 0.75))
    pen.oval(0.62, 0.0, 0.022, 0.022, "#0e1216")


def dolphin(pen: Pen, phase: float, look: Look) -> None:
    """Leaps: the body bends with the arc; seen whole above the water in the middle of a cycle."""
    gray = look.or_else("#5f7f98")
    turn = (0.5 - phase) * 2.0
    rise = 0.95 * math.sin(math.pi * phase) - 0.42
    along = (phase - 0.5) * 1.5

    def at(x: float, y: float) -> Point:
        bend = -0.34 * x * x
        c, s = math.cos(turn), math.sin(turn)
        px, py = x, y + bend
        return along + px * c - py * s, rise + px * s + py * c

    def part(points: list[Point], colour: str) -> None:
        pen.smooth([at(x, y) for x, y in points], colour)

    part([(-0.50, 0.0), (-0.70, 0.13), (-0.76, 0.12), (-0.66, 0.0), (-0.76, -0.09), (-0.70, -0.10)], shade(gray, 0.8))
    part([(-0.02, 0.12), (-0.14, 0.27), (-0.06, 0.27), (0.12, 0.13)], shade(gray, 0.8))
    part([(-0.58, 0.02), (-0.25, 0.10), (0.05, 0.145), (0.30, 0.12), (0.42, 0.06), (0.56, 0.04), (0.56, 0.0),
        (0.42, -0.03), (0.20, -0.10), (-0.10, -0.10), (-0.58, -0.02)], gray)
    part([(0.50, 0.0), (0.20, -0.10), (-0.12, -0.10), (0.10, -0.035)], "#dfe7ea")
    part([(0.16, -0.05), (0.04, -0.22), (-0.02, -0.22), (0.04, -0.07)], shade(gray, 0.68))
    eye = at(0.34, 0.045)
    pen.oval(eye[0], eye[1], 0.018, 0.018, "#101418")


FIGURES = {
    "fish": Figure(draw=fish, box=(-0.8, -0.45, 0.6, 0.5), size=0.15, place="depth", home="underwater", phases=12,
                   rate=1.6, pace=0.07),
    "jellyfish": Figure(draw=jellyfish, box=(-0.65, -1.15, 0.65, 0.5), size=0.26, place="depth", home="underwater",
                        phases=16, rate=0.45, pace=0.01),
    "turtle": Figure(draw=turtle, box=(-0.75, -0.85, 0.78, 0.4), size=0.34, place="depth", home="underwater", phases=16,
                     rate=0.5, pace=0.045),
    "shark": Figure(draw=shark, box=(-1.15, -0.45, 1.0, 0.55), size=0.34, place="depth", home="underwater", phases=14,
                    rate=0.7, pace=0.08),
    "octopus": Figure(draw=octopus, box=(-0.72, -0.55, 0.72, 0.75), size=0.38, place="depth", home="underwater",
                      phases=16, rate=0.5, pace=0.015),
    "whale": Figure(draw=whale, box=(-1.25, -0.5, 1.0, 0.4), size=0.42, place="depth", home="underwater", phases=16,
                    rate=0.3, pace=0.035),
    "dolphin": Figure(draw=dolphin, box=(-1.3, -0.02, 1.3, 1.0), size=0.38, place="water", home="sea", phases=24,
                      rate=0.5, pace=0.05),
}
