"""Small things for a table or a lap: candle, cup, fruit, cake, books, vase, teddy; snowman, umbrella, guitar, ball."""

from __future__ import annotations

import math

from reelwright.engines.sketch.cast.figure import Draw, Figure, Look
from reelwright.engines.sketch.cast.pen import Pen, ellipse, shade

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

def _flame(pen: Pen, x: float, y: float, size: float, phase: float, n: int = 0) -> None:
    a = 2 * math.pi * phase + n * 1.7
    lean, tall = 0.10 * math.sin(a) * size, size * (1 + 0.10 * math.sin(2 * a + 1))
    for w, h, tone in ((0.30, 1.0, "#ff8a2a"), (0.20, 0.72, "#ffc858"), (0.10, 0.45, "#fff6d8")):
        shape = [(x, y), (x - w * size, y + 0.26 * h * size), (x - w * 0.5 * size + lean * 0.5, y + 0.62 * h * tall),
            (x + lean, y + h * tall), (x + w * 0.5 * size + lean * 0.5, y + 0.62 * h * tall),
            (x + w * size, y + 0.26 * h * size)]
        pen.smooth(shape, tone)
        pen.glow(shape, tone)
    pen.glow(ellipse(x, y + 0.35 * size, 0.10 * size, 0.22 * size), "#ffffff")


def candle(pen: Pen, phase: float, look: Look) -> None:
    wax = look.or_else("#f2e6cc")
    pen.oval(0, 0.02, 0.24, 0.05, "#a8763e")
    pen.smooth([(-0.115, 0.02), (-0.115, 0.62), (0.115, 0.62), (0.115, 0.02)], wax)
    pen.polygon([(0.04, 0.03), (0.112, 0.03), (0.112, 0.60), (0.04, 0.60)], shade(wax, 0.85))
    pen.smooth([(-0.115, 0.62), (-0.11, 0.44), (-0.085, 0.42), (-0.07, 0.56), (-0.02, 0.58), (0.0, 0.50),
        (0.03, 0.50), (0.04, 0.60), (0.115, 0.64)], shade(wax, 1.25))
    pen.glow([(-0.10, 0.42), (0.10, 0.42), (0.10, 0.62), (-0.10, 0.62)], "#6a3c14")
    pen.oval(0, 0.625, 0.112, 0.026, shade(wax, 1.3))
    pen.line([(0, 0.62), (0, 0.69)], 0.014, "#3a2a20")
    _flame(pen, 0, 0.665, 0.30, phase)


def cup(pen: Pen, phase: float, look: Look) -> None:
    china = look.or_else("#f0ece2")
    for n in range(3):
        wisp = []
        for k in range(10):
            s = k / 9
            wisp.append(((n - 1) * 0.15 + 0.06 * math.sin(2 * math.pi * (s * 1.1 - phase) + n * 2) * (0.3 + s),
                0.60 + 0.46 * s))
        pen.limb([(x, y, 0.030 * math.sin(math.pi * (0.12 + 0.86 * k / 9)) + 0.004) for k, (x, y) in enumerate(wisp)],
            "#f2efe8")
    pen.oval(0, 0.045, 0.56, 0.075, shade(china, 0.8))
    pen.oval(0, 0.060, 0.54, 0.066, china)
    ring = ellipse(0.36, 0.33, 0.14, 0.13)
    pen.line([*ring, ring[0]], 0.048, shade(china, 0.9))
    pen.smooth([(-0.36, 0.54), (-0.34, 0.30), (-0.20, 0.075), (0.20, 0.075), (0.34, 0.30), (0.36, 0.54)], china)
    pen.smooth([(0.10, 0.10), (0.20, 0.08), (0.34, 0.30), (0.355, 0.53), (0.20, 0.52)], shade(china, 0.86))
    pen.oval(0, 0.54, 0.36, 0.075, shade(china, 1.3))
    pen.oval(0, 0.535, 0.32, 0.058, "#5a3520")
    pen.oval(-0.06, 0.545, 0.13, 0.022, "#8a5a38")


def fruit(pen: Pen, phase: float, look: Look) -> None:
    """A bowl of apples, an orange, grapes and a banana."""
    for n in range(9):
        pen.oval(0.20 + (n % 3) * 0.085 - 0.03 * (n // 3), 0.50 - (n // 3) * 0.075, 0.050, 0.050,
            ("#6a3a7a", "#7a4a8a", "#5a2f6a")[n % 3])
    for x, y, r, tone in ((-0.26, 0.44, 0.165, "#c8342a"), (0.04, 0.52, 0.17, "#e8912a"),
        (-0.05, 0.40, 0.155, "#8fae3a")):
        pen.oval(x, y, r, r * 0.95, tone)
        pen.oval(x - r * 0.35, y + r * 0.35, r * 0.22, r * 0.28, shade(tone, 1.5), -0.6)
    pen.line([(-0.26, 0.58), (-0.24, 0.67)], 0.018, "#4a3422")
    pen.smooth([(-0.24, 0.64), (-0.13, 0.70), (-0.10, 0.66)], "#5f8f3f")
    pen.smooth([(-0.46, 0.36), (-0.36, 0.52), (-0.30, 0.66), (-0.36, 0.68), (-0.48, 0.56), (-0.56, 0.40)], "#f0cc3e")
    pen.smooth([(-0.62, 0.34), (-0.44, 0.06), (0.44, 0.06), (0.62, 0.34), (0.0, 0.27)], look.or_else("#5f86a8"))
    pen.smooth([(-0.62, 0.345), (0.0, 0.275), (0.62, 0.345), (0.0, 0.325)], "#8fb0c8")
    pen.oval(0, 0.04, 0.24, 0.04, "#456a88")


def apple(pen: Pen, phase: float, look: Look) -> None:
    red = look.or_else("#c8302a")
    pen.smooth([(0.0, 0.66), (-0.22, 0.74), (-0.42, 0.56), (-0.38, 0.20), (-0.16, 0.0), (0.0, 0.04), (0.16, 0.0),
        (0.38, 0.20), (0.42, 0.56), (0.22, 0.74)], red)
    pen.smooth([(0.10, 0.04), (0.36, 0.20), (0.41, 0.54), (0.26, 0.70), (0.32, 0.36)], shade(red, 0.72))
    pen.oval(-0.22, 0.52, 0.060, 0.11, shade(red, 1.45), -0.4)
    pen.line([(0.0, 0.64), (0.04, 0.84)], 0.030, "#4a3422")
    pen.smooth([(0.03, 0.74), (0.16, 0.88), (0.32, 0.86), (0.18, 0.74)], "#5f9a3f")


def orange(pen: Pen, phase: float, look: Look) -> None:
    pen.oval(0, 0.38, 0.39, 0.375, "#e8862a")
    pen.oval(-0.13, 0.52, 0.09, 0.11, "#f4ae5e", -0.5)
    pen.smooth([(0, 0.74), (0.10, 0.86), (0.28, 0.86), (0.16, 0.74)], "#4f8a3f")
    pen.oval(0, 0.735, 0.035, 0.02, "#4a3a20")


def cake(pen: Pen, phase: float, look: Look) -> None:
    cream = "#f8eedd"
    pen.oval(0, 0.03, 0.64, 0.07, "#cfd4d8")
    pen.smooth([(-0.50, 0.05), (-0.50, 0.34), (0.50, 0.34), (0.50, 0.05), (0, 0.0)], look.or_else("#e89ab0"))
    pen.box(-0.50, 0.14, 0.50, 0.19, cream)
    pen.smooth([(-0.51, 0.36), (-0.50, 0.28), (-0.40, 0.22), (-0.32, 0.29), (-0.20, 0.20), (-0.10, 0.28),
        (0.02, 0.21), (0.14, 0.29), (0.26, 0.20), (0.36, 0.29), (0.44, 0.23), (0.51, 0.30), (0.50, 0.37)], cream)
    pen.oval(0, 0.36, 0.51, 0.075, shade(cream, 1.2))
    for n in range(5):
        x = -0.32 + 0.16 * n
        pen.box(x - 0.018, 0.36, x + 0.018, 0.56, ("#3f8fd0", "#e0a82e", "#5fae5a", "#d8402f", "#8a5ab0")[n])
        _flame(pen, x, 0.565, 0.13, phase, n)
    for n in range(6):
        pen.oval(-0.40 + 0.16 * n, 0.33, 0.036, 0.036, "#c8242f")


def books(pen: Pen, phase: float, look: Look) -> None:
    for n, (w, h, tone) in enumerate(((0.50, 0.12, "#8a3a30"), (0.44, 0.10, "#2f5f7a"), (0.47, 0.11, "#c89a3f"))):
        y = (0.0, 0.12, 0.22)[n]
        pen.box(-w, y, w, y + h, look.or_else(tone))
        pen.box(w * 0.6 - 0.04, y + 0.018, w - 0.01, y + h - 0.018, "#f2ead6")
        pen.box(-w + 0.06, y + 0.015, -w + 0.10, y + h - 0.015, shade(tone, 1.4))
    pen.smooth([(-0.42, 0.36), (-0.20, 0.42), (0.0, 0.37), (0.20, 0.42), (0.42, 0.36), (0.40, 0.335), (0, 0.33),
        (-0.40, 0.335)], "#f7f0de")
    pen.line([(0, 0.335), (0, 0.375)], 0.014, "#b8a888")
    for n in range(3):
        pen.line([(-0.34 + 0.02 * n, 0.375 + 0.012 * n), (-0.08, 0.385)], 0.006, "#b8a888")
        pen.line([(0.34 - 0.02 * n, 0.375 + 0.012 * n), (0.08, 0.385)], 0.006, "#b8a888")


def vase(pen: Pen, phase: float, look: Look) -> None:
    sway = 0.012 * math.sin(2 * math.pi * phase)
    spots = ((-0.26, 0.86, "#e0506a"), (0.24, 0.90, "#f0b02e"), (0.0, 1.02, "#f4f0e6"), (-0.12, 0.76, "#9a5ac0"),
        (0.13, 0.74, "#e8743a"))
    for x, y, _ in spots:
        pen.line([(0, 0.40), (x * 0.5, 0.62), (x + sway, y)], 0.016, "#4f7f3f")
    for side in (-1, 1):
        pen.smooth([(0, 0.48), (side * 0.18, 0.62), (side * 0.34, 0.62), (side * 0.18, 0.52)], "#5f9a4a")
    for x, y, tone in spots:
        for n in range(8):
            b = 2 * math.pi * n / 8
            pen.oval(x + sway + math.cos(b) * 0.075, y + math.sin(b) * 0.068, 0.055, 0.050, look.or_else(tone), b)
        pen.oval(x + sway, y, 0.045, 0.042, "#7a4a1e" if tone != "#f4f0e6" else "#f0c030")
    pen.smooth([(-0.10, 0.50), (-0.08, 0.40), (-0.24, 0.22), (-0.16, 0.0), (0.16, 0.0), (0.24, 0.22), (0.08, 0.40),
        (0.10, 0.50)], "#3f7f9a")
    pen.smooth([(-0.13, 0.30), (-0.18, 0.20), (-0.14, 0.08), (-0.09, 0.18)], "#7fb8cc")


def teddy(pen: Pen, phase: float, look: Look) -> None:
    fur = look.or_else("#a8703f")
    pale, a = shade(fur, 1.5), 0.03 * math.sin(2 * math.pi * phase)
    for side in (-1, 1):
        pen.oval(side * 0.26, 0.12, 0.155, 0.13, fur)
        pen.oval(side * 0.30, 0.11, 0.085, 0.085, pale)
        pen.limb([(side * 0.20, 0.46, 0.085), (side * 0.38, 0.34 + a * side, 0.082)], shade(fur, 0.88))
        pen.oval(side * 0.20, 0.94, 0.10, 0.10, fur)
        pen.oval(side * 0.20, 0.94, 0.055, 0.055, pale)
    pen.oval(0, 0.32, 0.26, 0.28, fur)
    pen.oval(0, 0.30, 0.17, 0.19, pale)
    pen.oval(a, 0.76, 0.27, 0.235, fur)
    pen.oval(a, 0.69, 0.13, 0.10, pale)
    for side in (-1, 1):
        pen.oval(a + side * 0.10, 0.80, 0.030, 0.034, "#1a1310")
    pen.oval(a, 0.735, 0.042, 0.030, "#3a241a")
    pen.polygon([(-0.12, 0.55), (0.0, 0.52), (-0.12, 0.47)], "#c8303a")
    pen.polygon([(0.12, 0.55), (0.0, 0.52), (0.12, 0.47)], "#c8303a")


def snowman(pen: Pen, phase: float, look: Look) -> None:
    snow, a = "#f4f7fa", 0.02 * math.sin(2 * math.pi * phase)
    pen.line([(-0.18, 0.52), (-0.40, 0.66), (-0.46, 0.76)], 0.022, "#5a4030")
    pen.line([(0.18, 0.52), (0.40, 0.64 + a), (0.48, 0.72 + a)], 0.022, "#5a4030")
    for y, r in ((0.20, 0.27), (0.52, 0.20), (0.78, 0.15)):
        pen.oval(0, y, r, r * 0.94, snow)
    for y in (0.46, 0.54, 0.62):
        pen.oval(0.02, y, 0.020, 0.020, "#22201e")
    for x in (-0.05, 0.07):
        pen.oval(x, 0.82, 0.018, 0.020, "#22201e")
    pen.polygon([(0.0, 0.795), (0.0, 0.755), (0.20, 0.765)], "#e8822e")
    pen.smooth([(-0.15, 0.69), (0.0, 0.645), (0.15, 0.69), (0.14, 0.645), (0.0, 0.60), (-0.14, 0.645)],
        look.or_else("#c8302f"))
    pen.limb([(0.10, 0.645, 0.034), (0.13, 0.50 + a, 0.032)], shade(look.or_else("#c8302f"), 0.85))
    pen.box(-0.18, 0.895, 0.18, 0.93, "#26262a")
    pen.box(-0.115, 0.92, 0.115, 1.10, "#26262a")
    pen.box(-0.115, 0.93, 0.115, 0.965, "#c8302f")


def umbrella(pen: Pen, phase: float, look: Look) -> None:
    red = look.or_else("#d8342f")
    pen.line([(0, 0.02), (0, 0.86)], 0.024, "#4a3a30")
    pen.line([(0, 0.03), (-0.04, -0.01), (-0.085, 0.03)], 0.024, "#4a3a30")
    dome = [(-0.56, 0.50), (-0.46, 0.72), (-0.22, 0.88), (0, 0.92), (0.22, 0.88), (0.46, 0.72), (0.56, 0.50),
        (0.37, 0.545), (0.19, 0.50), (0.0, 0.545), (-0.19, 0.50), (-0.37, 0.545)]
    pen.smooth(dome, red)
    for left, right in ((-0.37, -0.19), (0.0, 0.19), (0.37, 0.55)):
        pen.smooth([(0, 0.915), (left * 0.85, 0.72), (left, 0.54), ((left + right) / 2, 0.50), (right, 0.52),
            (right * 0.85, 0.72)], shade(red, 0.82))
    pen.line([(0, 0.91), (0, 0.97)], 0.020, "#4a3a30")


def guitar(pen: Pen, phase: float, look: Look) -> None:
    wood = look.or_else("#c8803a")
    pen.smooth([(-0.26, 0.16), (-0.20, 0.02), (0.0, -0.01), (0.20, 0.02), (0.26, 0.16), (0.17, 0.30), (0.19, 0.42),
        (0.10, 0.50), (-0.10, 0.50), (-0.19, 0.42), (-0.17, 0.30)], shade(wood, 0.7))
    pen.smooth([(-0.235, 0.16), (-0.18, 0.035), (0.0, 0.01), (0.18, 0.035), (0.235, 0.16), (0.15, 0.30), (0.17, 0.41),
        (0.09, 0.48), (-0.09, 0.48), (-0.17, 0.41), (-0.15, 0.30)], wood)
    pen.oval(0, 0.30, 0.075, 0.072, "#2a1c12")
    pen.box(-0.09, 0.115, 0.09, 0.145, "#4a2f1c")
    pen.box(-0.032, 0.36, 0.032, 0.92, "#4a2f1c")
    pen.box(-0.05, 0.91, 0.05, 1.06, "#3a2416")
    for n in range(8):
        pen.line([(-0.032, 0.52 + 0.05 * n), (0.032, 0.52 + 0.05 * n)], 0.005, "#c8c0b0")
    for n in range(4):
        x = -0.021 + 0.014 * n
        pen.line([(x, 0.13), (x, 0.95)], 0.004, "#efe8d8")


def ball(pen: Pen, phase: float, look: Look) -> None:
    white = look.or_else("#f2f0ea")
    hop = abs(math.sin(math.pi * phase)) * 0.5
    y, a = 0.30 + hop, 2 * math.pi * phase
    pen.oval(0, y, 0.30, 0.30, white)
    for n in range(6):
        b = a + 2 * math.pi * n / 5
        r = 0.20 if n < 5 else 0.0
        x0, y0 = math.cos(b) * r, y + math.sin(b) * r
        pen.polygon([(x0 + math.cos(b + k * 1.2566) * 0.085,
            y0 + math.sin(b + k * 1.2566) * 0.085) for k in range(5)], "#26262a")


def pizza(pen: Pen, phase: float, look: Look) -> None:
    pen.oval(0, 0.26, 0.62, 0.27, "#8a8f94")
    pen.oval(0, 0.28, 0.57, 0.245, "#c8863f")
    pen.oval(0, 0.29, 0.51, 0.21, "#e8b83e")
    for n in range(9):
        b, r = n * 2.4, 0.40 * math.sqrt((n + 0.5) / 9)
        pen.oval(math.cos(b) * r, 0.29 + math.sin(b) * r * 0.41, 0.065, 0.034, "#b8382a")
    for n in range(10):
        b, r = n * 2.4 + 1.1, 0.42 * math.sqrt((n + 0.5) / 10)
        pen.smooth([(math.cos(b) * r - 0.04, 0.29 + math.sin(b) * r * 0.41),
            (math.cos(b) * r, 0.31 + math.sin(b) * r * 0.41),
            (math.cos(b) * r + 0.04, 0.30 + math.sin(b) * r * 0.41)], "#4f8a3a")
    for n in range(3):
        wisp = [((n - 1) * 0.20 + 0.05 * math.sin(2 * math.pi * (k / 8 - phase) + n),
            0.48 + 0.40 * k / 8) for k in range(9)]
        pen.limb([(x, y, 0.022 * math.sin(math.pi * (0.1 + 0.85 * k / 8)) + 0.003) for k, (x, y) in enumerate(wisp)],
            "#f0ece4")


def wine(pen: Pen, phase: float, look: Look) -> None:
    tilt = 0.01 * math.sin(2 * math.pi * phase)
    pen.oval(0, 0.02, 0.22, 0.035, "#c4d4dc")
    pen.line([(0, 0.02), (0, 0.42)], 0.030, "#c4d4dc")
    pen.smooth([(-0.25, 0.98), (-0.28, 0.72), (-0.18, 0.48), (0, 0.40), (0.18, 0.48), (0.28, 0.72), (0.25, 0.98)],
        "#cfdde4")
    pen.smooth([(-0.27, 0.72 + tilt), (-0.18, 0.49), (0, 0.42), (0.18, 0.49), (0.27, 0.72 - tilt)],
        look.or_else("#8a1f35"))
    pen.oval(0, 0.72, 0.268, 0.035, shade(look.or_else("#8a1f35"), 1.25))
    pen.smooth([(-0.20, 0.94), (-0.23, 0.76), (-0.17, 0.60), (-0.18, 0.78)], "#ffffff")


def clock(pen: Pen, phase: float, look: Look) -> None:
    pen.oval(0, 0.46, 0.46, 0.46, look.or_else("#7a4a2a"))
    pen.oval(0, 0.46, 0.39, 0.39, "#f6f0e0")
    for n in range(12):
        b = math.pi * n / 6
        pen.line([(math.cos(b) * 0.33, 0.46 + math.sin(b) * 0.33), (math.cos(b) * 0.36, 0.46 + math.sin(b) * 0.36)],
            0.022, "#2a2420")
    b = math.pi / 2 - 2 * math.pi * phase
    pen.line([(0, 0.46), (math.cos(2.6) * 0.19, 0.46 + math.sin(2.6) * 0.19)], 0.036, "#2a2420")
    pen.line([(0, 0.46), (math.cos(b) * 0.30, 0.46 + math.sin(b) * 0.30)], 0.022, "#2a2420")
    pen.oval(0, 0.46, 0.034, 0.034, "#c8302f")


def _table(draw: Draw, half: float, top: float, size: float, phases: int = 1, rate: float = 0.0) -> Figure:
    return Figure(draw=draw, box=(-half, -0.04, half, top), size=size, place="table", home="table", phases=phases,
        rate=rate)


def sofa(pen: Pen, phase: float, look: Look) -> None:
    cloth = look.or_else(("#3f7f8a", "#a8553f", "#6a7f4f")[look.kind % 3])
    for x in (-0.84, 0.80):
        pen.polygon([(x, 0.10), (x + 0.05, 0.10), (x + 0.04, -0.02), (x + 0.01, -0.02)], "#3a2618")
    pen.smooth([(-0.84, 0.20), (-0.86, 0.84), (-0.78, 0.92), (0.78, 0.92), (0.86, 0.84), (0.84, 0.20)],
        shade(cloth, 0.82))
    for left in (-0.74, 0.01):
        pen.smooth([(left, 0.46), (left + 0.01, 0.82), (left + 0.36, 0.86), (left + 0.72, 0.82), (left + 0.73, 0.46)],
            shade(cloth, 0.94))
        pen.smooth([(left, 0.30), (left - 0.005, 0.46), (left + 0.36, 0.49), (left + 0.735, 0.46), (left + 0.73, 0.30)],
            shade(cloth, 1.1))
    pen.smooth([(-0.82, 0.08), (-0.82, 0.30), (0.82, 0.30), (0.82, 0.08)], cloth)
    for x in (-0.90, 0.90):
        pen.smooth([(x - 0.10, 0.06), (x - 0.11, 0.54), (x, 0.62), (x + 0.11, 0.54), (x + 0.10, 0.06)],
            shade(cloth, 0.9))


FIGURES = {
    "sofa": Figure(draw=sofa, box=(-1.04, -0.04, 1.04, 0.96), size=0.42, place="bed", home="room"),
    "candle": _table(candle, 0.28, 1.05, 0.52, 12, 1.2),
    "cup": _table(cup, 0.62, 1.12, 0.46, 16, 0.35),
    "fruit": _table(fruit, 0.68, 0.75, 0.50),
    "apple": _table(apple, 0.48, 0.94, 0.40),
    "orange": _table(orange, 0.44, 0.92, 0.36),
    "cake": _table(cake, 0.68, 0.74, 0.48, 12, 1.2),
    "books": _table(books, 0.56, 0.46, 0.58),
    "vase": _table(vase, 0.46, 1.16, 0.52, 10, 0.2),
    "teddy bear": _table(teddy, 0.50, 1.08, 0.46, 12, 0.5),
    "pizza": _table(pizza, 0.66, 0.92, 0.52, 16, 0.35),
    "wine": _table(wine, 0.32, 1.02, 0.52, 12, 0.4),
    "clock": _table(clock, 0.5, 0.96, 0.46, 60, 0.02),
    "guitar": _table(guitar, 0.3, 1.1, 0.60),
    "snowman": Figure(draw=snowman, box=(-0.52, -0.06, 0.54, 1.14), size=0.42, place="ground", home="snowfield",
        phases=12,
                      rate=0.4),
    "umbrella": Figure(draw=umbrella, box=(-0.6, -0.04, 0.6, 1.0), size=0.34, place="ground", home="street", phases=1),
    "ball": Figure(draw=ball, box=(-0.34, -0.02, 0.34, 1.14), size=0.20, place="ground", home="meadow", phases=16,
                   rate=0.9, pace=0.08),
}
