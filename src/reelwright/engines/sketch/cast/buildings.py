"""What people built: lighthouse, castle, windmill, houses, temples, towers, bridges, a tent, a big wheel."""

from __future__ import annotations

import math

from reelwright.engines.sketch.cast.figure import Draw, Figure, Look
from reelwright.engines.sketch.cast.pen import Pen, ellipse, shade

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

_LAMP = "#ffcf80"


def _pane(pen: Pen, left: float, bottom: float, right: float, top: float, colour: str = "#5a7488") -> None:
    corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
    pen.polygon(corners, colour)
    pen.glow(corners, _LAMP)


def lighthouse(pen: Pen, phase: float, look: Look) -> None:
    band = look.or_else("#c8382e")
    pen.smooth([(-0.52, -0.04), (-0.46, 0.08), (-0.26, 0.15), (0.0, 0.17), (0.28, 0.14), (0.46, 0.06), (0.55, -0.04)],
        "#5a524a")
    pen.smooth([(-0.40, -0.04), (-0.30, 0.07), (-0.12, 0.10), (-0.05, -0.02)], "#6f665c")
    pen.box(0.13, 0.10, 0.40, 0.26, "#efe9dc")
    pen.polygon([(0.10, 0.26), (0.265, 0.36), (0.43, 0.26)], "#9a4030")
    _pane(pen, 0.22, 0.15, 0.29, 0.22)
    w0, w1 = 0.135, 0.085
    for n in range(6):
        low, high = 0.14 + n * 0.105, 0.14 + (n + 1) * 0.105
        a, b = w0 + (w1 - w0) * n / 6, w0 + (w1 - w0) * (n + 1) / 6
        pen.polygon([(-a, low), (a, low), (b, high), (-b, high)], band if n % 2 else "#f4f1ea")
    pen.polygon([(0.02, 0.14), (w0, 0.14), (w1, 0.77), (0.03, 0.77)], "#d9d2c6")
    for n in (1, 3, 5):
        low, high = 0.14 + n * 0.105, 0.14 + (n + 1) * 0.105
        a, b = w0 + (w1 - w0) * n / 6, w0 + (w1 - w0) * (n + 1) / 6
        pen.polygon([(0.02, low), (a, low), (b, high), (0.02, high)], shade(band, 0.75))
    _pane(pen, -0.035, 0.30, 0.005, 0.36)
    _pane(pen, -0.03, 0.52, 0.005, 0.575)
    pen.box(-0.125, 0.77, 0.125, 0.795, "#2f3338")
    pen.box(-0.065, 0.795, 0.065, 0.90, "#f6e7b0")
    pen.glow(ellipse(0, 0.845, 0.085, 0.085), "#fff2c8")
    for x in (-0.065, -0.022, 0.022, 0.065):
        pen.line([(x, 0.795), (x, 0.90)], 0.010, "#2f3338")
    pen.smooth([(-0.09, 0.895), (-0.05, 0.96), (0, 1.0), (0.05, 0.96), (0.09, 0.895)], band)
    pen.line([(0, 0.99), (0, 1.05)], 0.012, "#2f3338")


def castle(pen: Pen, phase: float, look: Look) -> None:
    stone, roof = "#a89e90", look.or_else("#4a5f8a")
    dark = shade(stone, 0.78)
    wave = 0.02 * math.sin(2 * math.pi * phase)
    pen.smooth([(-0.95, -0.04), (-0.7, 0.08), (-0.3, 0.13), (0.35, 0.12), (0.72, 0.07), (0.98, -0.04)], "#5f6a48")

    def tower(x: float, half: float, low: float, high: float, tone: str) -> None:
        pen.box(x - half, low, x + half, high, tone)
        pen.box(x + half * 0.3, low, x + half, high, shade(tone, 0.84))
        pen.box(x - half * 1.16, high - 0.03, x + half * 1.16, high + 0.012, shade(tone, 0.92))
        pen.polygon([(x - half * 1.25, high + 0.01), (x, high + half * 3.2), (x + half * 1.25, high + 0.01)], roof)
        pen.polygon([(x + half * 0.2, high + 0.01), (x, high + half * 3.2), (x + half * 1.25, high + 0.01)],
            shade(roof, 0.75))
        top = high + half * 3.2
        pen.line([(x, top - 0.01), (x, top + 0.08)], 0.008, "#4a4038")
        pen.polygon([(x, top + 0.08), (x + 0.09, top + 0.055 + wave), (x, top + 0.03)], "#d8433b")
        for n in range(2):
            _pane(pen, x - 0.016, low + (high - low) * (0.45 + 0.28 * n), x + 0.016,
                low + (high - low) * (0.45 + 0.28 * n) + 0.05)

    tower(-0.14, 0.085, 0.3, 0.82, dark)
    tower(0.20, 0.10, 0.3, 0.94, dark)
    for left, right, top in ((-0.62, 0.66, 0.40), (-0.32, 0.42, 0.56)):
        pen.box(left, 0.08, right, top, stone)
        for n in range(int((right - left) / 0.09)):
            pen.box(left + n * 0.09, top, left + n * 0.09 + 0.05, top + 0.04, stone)
    tower(-0.62, 0.11, 0.06, 0.58, stone)
    tower(0.66, 0.11, 0.06, 0.62, stone)
    tower(-0.32, 0.07, 0.3, 0.70, shade(stone, 1.08))
    tower(0.42, 0.07, 0.3, 0.72, shade(stone, 1.08))
    pen.smooth([(-0.06, 0.08), (-0.06, 0.24), (0.04, 0.31), (0.14, 0.24), (0.14, 0.08)], "#4a3422")
    for n in range(4):
        _pane(pen, -0.24 + n * 0.17, 0.44, -0.205 + n * 0.17, 0.50)


def windmill(pen: Pen, phase: float, look: Look) -> None:
    a = 2 * math.pi * phase / 4
    body = look.or_else("#e6dcc8")
    pen.polygon([(-0.20, 0.0), (0.20, 0.0), (0.125, 0.62), (-0.125, 0.62)], body)
    pen.polygon([(0.05, 0.0), (0.20, 0.0), (0.125, 0.62), (0.04, 0.62)], shade(body, 0.82))
    pen.smooth([(-0.15, 0.61), (-0.11, 0.72), (0, 0.77), (0.11, 0.72), (0.15, 0.61)], "#7a4530")
    pen.box(-0.24, 0.20, 0.24, 0.225, "#6a4a30")
    pen.smooth([(-0.05, 0.0), (-0.05, 0.13), (0, 0.16), (0.05, 0.13), (0.05, 0.0)], "#6a3f28")
    _pane(pen, -0.03, 0.30, 0.03, 0.37)
    _pane(pen, -0.027, 0.46, 0.027, 0.52)
    for n in range(4):
        b = a + n * math.pi / 2
        c, s = math.cos(b), math.sin(b)

        def at(along: float, across: float, c: float = c, s: float = s) -> tuple[float, float]:
            return along * c - across * s, 0.66 + along * s + across * c

        pen.polygon([at(0.10, 0.0), at(0.46, 0.0), at(0.46, 0.12), at(0.10, 0.10)], "#f4efe2")
        for k in range(5):
            x = 0.12 + 0.08 * k
            pen.line([at(x, 0.0), at(x, 0.11)], 0.009, "#7a5a3c")
        pen.line([at(0.10, 0.11), at(0.46, 0.12)], 0.009, "#7a5a3c")
        pen.line([at(0.0, 0.0), at(0.47, 0.0)], 0.020, "#5a4028")
    pen.oval(0, 0.66, 0.030, 0.030, "#4a3422")


def turbine(pen: Pen, phase: float, look: Look) -> None:
    a = 2 * math.pi * phase / 3
    white = look.or_else("#f2f4f5")
    pen.polygon([(-0.022, 0.0), (0.022, 0.0), (0.012, 0.70), (-0.012, 0.70)], shade(white, 0.86))
    for n in range(3):
        b = a + n * 2 * math.pi / 3 + 0.3
        c, s = math.cos(b), math.sin(b)
        pen.smooth([(0, 0.70), (0.10 * c - 0.028 * s, 0.70 + 0.10 * s + 0.028 * c), (0.42 * c, 0.70 + 0.42 * s),
            (0.08 * c + 0.012 * s, 0.70 + 0.08 * s - 0.012 * c)], white)
    pen.oval(0, 0.70, 0.026, 0.026, shade(white, 0.9))


def house(pen: Pen, phase: float, look: Look) -> None:
    wall = look.or_else(("#d9c3a0", "#c8614a", "#e8e2d4", "#8fa8b8")[look.kind % 4])
    roof = "#7a3f30" if look.kind % 2 == 0 else "#4a4e56"
    pen.box(0.20, 0.52, 0.30, 0.86, "#8a5a48")
    for n in range(4):
        drift = (phase + n / 4) % 1
        pen.oval(0.25 + 0.16 * drift + 0.03 * math.sin(9 * drift), 0.88 + 0.26 * drift, 0.03 + 0.05 * drift,
            0.028 + 0.04 * drift, "#d4d6d8")
    pen.box(-0.44, 0.0, 0.44, 0.44, wall)
    pen.polygon([(-0.44, 0.44), (0.0, 0.74), (0.44, 0.44)], wall)
    pen.polygon([(-0.56, 0.40), (0.0, 0.80), (0.0, 0.72), (-0.50, 0.365)], roof)
    pen.polygon([(0.56, 0.40), (0.0, 0.80), (0.0, 0.72), (0.50, 0.365)], shade(roof, 0.8))
    pen.box(-0.07, 0.0, 0.08, 0.24, "#5a3a26")
    pen.oval(0.055, 0.115, 0.012, 0.012, "#e0b050")
    for x in (-0.30, 0.24):
        pen.box(x - 0.095, 0.145, x + 0.095, 0.325, "#f4efe4")
        _pane(pen, x - 0.08, 0.16, x + 0.08, 0.31)
        pen.line([(x, 0.16), (x, 0.31)], 0.012, "#f4efe4")
        pen.line([(x - 0.08, 0.235), (x + 0.08, 0.235)], 0.012, "#f4efe4")
    pen.oval(0, 0.53, 0.062, 0.062, "#f4efe4")
    pen.oval(0, 0.53, 0.048, 0.048, "#5a7488")
    pen.glow(ellipse(0, 0.53, 0.048, 0.048), _LAMP)


def barn(pen: Pen, phase: float, look: Look) -> None:
    red = look.or_else("#a8342a")
    pen.box(0.42, 0.0, 0.66, 0.72, "#c4c8ca")
    pen.smooth([(0.41, 0.71), (0.46, 0.82), (0.54, 0.86), (0.62, 0.82), (0.67, 0.71)], "#8a9298")
    pen.polygon([(-0.50, 0.0), (0.40, 0.0), (0.40, 0.40), (0.26, 0.62), (-0.05, 0.74), (-0.36, 0.62), (-0.50, 0.40)],
        red)
    pen.line([(-0.54, 0.38), (-0.38, 0.635), (-0.05, 0.765), (0.28, 0.635), (0.44, 0.38)], 0.045, "#4a4440")
    pen.box(-0.20, 0.0, 0.10, 0.32, "#8a2a22")
    pen.line([(-0.20, 0.0), (-0.20, 0.32), (0.10, 0.32), (0.10, 0.0)], 0.018, "#f2ece0")
    pen.line([(-0.20, 0.0), (0.10, 0.32)], 0.016, "#f2ece0")
    pen.line([(-0.20, 0.32), (0.10, 0.0)], 0.016, "#f2ece0")
    _pane(pen, -0.11, 0.47, 0.01, 0.57, "#3a2420")


def church(pen: Pen, phase: float, look: Look) -> None:
    wall, roof = look.or_else("#ece6d8"), "#5a4a48"
    pen.box(-0.14, 0.0, 0.52, 0.36, wall)
    pen.polygon([(-0.18, 0.35), (-0.06, 0.56), (0.46, 0.56), (0.57, 0.35)], roof)
    pen.box(-0.42, 0.0, -0.14, 0.64, shade(wall, 0.93))
    pen.polygon([(-0.46, 0.63), (-0.28, 1.02), (-0.10, 0.63)], roof)
    pen.polygon([(-0.28, 0.63), (-0.28, 1.02), (-0.10, 0.63)], shade(roof, 0.75))
    pen.line([(-0.28, 1.0), (-0.28, 1.14)], 0.016, "#d8b050")
    pen.line([(-0.325, 1.09), (-0.235, 1.09)], 0.016, "#d8b050")
    pen.smooth([(-0.34, 0.0), (-0.34, 0.16), (-0.28, 0.22), (-0.22, 0.16), (-0.22, 0.0)], "#5a3a26")
    pen.oval(-0.28, 0.47, 0.055, 0.055, "#f4f0e4")
    for x in (0.0, 0.16, 0.32):
        arch = [(x - 0.01, 0.10), (x - 0.01, 0.22), (x + 0.03, 0.27), (x + 0.07, 0.22), (x + 0.07, 0.10)]
        pen.smooth(arch, "#5a7488")
        pen.glow(arch, _LAMP)


def pagoda(pen: Pen, phase: float, look: Look) -> None:
    red = look.or_else("#b03a2c")
    for n in range(5):
        y, w = 0.02 + n * 0.17, 0.34 - n * 0.045
        pen.box(-w * 0.72, y, w * 0.72, y + 0.12, shade(red, 1.0 - 0.03 * n))
        for k in range(5):
            x = (k - 2) * w * 0.28
            _pane(pen, x - w * 0.07, y + 0.03, x + w * 0.07, y + 0.095, "#f0d8a0")
        pen.smooth([(-w * 1.42, y + 0.125), (-w * 1.1, y + 0.135), (-w * 0.55, y + 0.185), (w * 0.55, y + 0.185),
            (w * 1.1, y + 0.135), (w * 1.42, y + 0.125), (w * 1.0, y + 0.112), (-w * 1.0, y + 0.112)], "#33424a")
    pen.line([(0, 0.86), (0, 1.06)], 0.018, "#d8b050")
    for n in range(3):
        pen.line([(-0.035 + 0.008 * n, 0.92 + 0.04 * n), (0.035 - 0.008 * n, 0.92 + 0.04 * n)], 0.012, "#d8b050")
    pen.box(-0.42, -0.03, 0.42, 0.025, "#8a8478")


def eiffel(pen: Pen, phase: float, look: Look) -> None:
    iron = look.or_else("#7a6248")
    pen.polygon([(-0.27, 0.0), (-0.155, 0.0), (-0.10, 0.20), (-0.16, 0.20)], iron)
    pen.polygon([(0.27, 0.0), (0.155, 0.0), (0.10, 0.20), (0.16, 0.20)], shade(iron, 0.85))
    pen.line([(-0.15, 0.06), (-0.11, 0.13), (0, 0.175), (0.11, 0.13), (0.15, 0.06)], 0.020, iron)
    pen.box(-0.17, 0.195, 0.17, 0.235, shade(iron, 1.12))
    for side in (-1, 1):
        pen.polygon([(side * 0.145, 0.235), (side * 0.075, 0.235), (side * 0.04, 0.42), (side * 0.078, 0.42)],
            iron if side < 0 else shade(iron, 0.85))
        for n in range(4):
            low, high = 0.02 + n * 0.045, 0.065 + n * 0.045
            pen.line([(side * (0.26 - 0.55 * low), low), (side * (0.15 - 0.25 * high), high)], 0.008, shade(iron, 0.6))
    pen.line([(-0.10, 0.25), (0.06, 0.41)], 0.010, shade(iron, 0.75))
    pen.line([(0.10, 0.25), (-0.06, 0.41)], 0.010, shade(iron, 0.75))
    pen.box(-0.088, 0.415, 0.088, 0.445, shade(iron, 1.12))
    pen.smooth([(-0.070, 0.44), (-0.030, 0.66), (-0.012, 0.92), (0.012, 0.92), (0.030, 0.66), (0.070, 0.44),
        (0.0, 0.45)], iron)
    for n in range(7):
        y = 0.47 + 0.06 * n
        w = 0.055 * (1 - n / 8.5)
        pen.line([(-w, y), (w, y + 0.04)], 0.006, shade(iron, 0.6))
    pen.box(-0.026, 0.915, 0.026, 0.945, shade(iron, 1.12))
    pen.line([(0, 0.94), (0, 1.06)], 0.010, iron)
    for side in (-1, 1):
        for n in range(12):
            y = 0.04 + n * 0.075
            x = side * max(0.20 * (1 - y) ** 2.2, 0.006)
            pen.glow(ellipse(x, y, 0.012, 0.012, 0, 8), "#ffc060")


def pyramid(pen: Pen, phase: float, look: Look) -> None:
    sand = look.or_else("#d2a866")
    for x, h, k in ((0.55, 0.42, 0.92), (-0.62, 0.36, 0.95), (0.0, 0.62, 1.0)):
        pen.polygon([(x - h * 1.02, 0.0), (x, h), (x + h * 0.26, 0.0)], shade(sand, k))
        pen.polygon([(x + h * 0.26, 0.0), (x, h), (x + h * 1.02, 0.0)], shade(sand, 0.62 * k))
        for n in range(1, 9):
            y = h * n / 9
            pen.line([(x - (h - y) * 1.02, y), (x + (h - y) * 0.26, y)], 0.0045, shade(sand, 0.88 * k))


def bridge(pen: Pen, phase: float, look: Look) -> None:
    """A suspension bridge over the whole width."""
    red = look.or_else("#b8452f")
    pen.box(-1.7, 0.215, 1.7, 0.245, shade(red, 0.7))
    for x in (-0.72, 0.72):
        for dx in (-0.045, 0.045):
            pen.box(x + dx - 0.022, -0.03, x + dx + 0.022, 0.80, red if dx < 0 else shade(red, 0.8))
        for y in (0.36, 0.52, 0.66, 0.76):
            pen.box(x - 0.05, y, x + 0.05, y + 0.028, red)
        pen.box(x - 0.11, -0.04, x + 0.11, 0.06, "#8a8478")
    cable = []
    for n in range(69):
        x = -1.7 + n * 0.05
        y = 0.27 + 0.53 * (x / 0.72) ** 2 if abs(x) <= 0.72 else 0.8 - (abs(x) - 0.72) / 0.98 * 0.52
        cable.append((x, y))
        if n % 2 == 0:
            pen.line([(x, y), (x, 0.24)], 0.006, shade(red, 0.85))
    pen.line(cable, 0.018, red)
    pen.line([(-1.7, 0.235), (1.7, 0.235)], 0.020, red)
    for n in range(23):
        pen.glow(ellipse(-1.65 + n * 0.15, 0.27, 0.012, 0.012, 0, 8), "#ffd890")


def stone_bridge(pen: Pen, phase: float, look: Look) -> None:
    """A viaduct of arches that carries a train."""
    stone = look.or_else("#a0927e")
    pen.box(-1.7, 0.40, 1.7, 0.50, stone)
    pen.box(-1.7, 0.485, 1.7, 0.515, shade(stone, 1.15))
    for n in range(8):
        x = -1.55 + n * 0.44
        pen.polygon([(x - 0.075, -0.05), (x + 0.075, -0.05), (x + 0.06, 0.42), (x - 0.06, 0.42)], stone)
        pen.polygon([(x + 0.02, -0.05), (x + 0.075, -0.05), (x + 0.06, 0.42), (x + 0.02, 0.42)], shade(stone, 0.78))
        arch = [(x + 0.06, 0.42), (x + 0.06, 0.24), (x + 0.11, 0.34), (x + 0.22, 0.395), (x + 0.33, 0.34),
            (x + 0.38, 0.24), (x + 0.38, 0.42)]
        pen.polygon(arch, shade(stone, 0.94))


def tent(pen: Pen, phase: float, look: Look) -> None:
    cloth = look.or_else("#e08a2e")
    pen.polygon([(-0.62, 0.0), (-0.10, 0.56), (0.24, 0.0)], cloth)
    pen.polygon([(-0.10, 0.56), (0.60, 0.46), (0.78, 0.0), (0.24, 0.0)], shade(cloth, 0.78))
    pen.polygon([(-0.24, 0.0), (-0.10, 0.50), (0.08, 0.0)], "#4a2e1a")
    pen.glow([(-0.24, 0.0), (-0.10, 0.50), (0.08, 0.0)], "#ffb860")
    pen.glow([(-0.60, 0.01), (-0.10, 0.55), (0.76, 0.02)], shade(cloth, 0.35))
    pen.line([(-0.10, 0.56), (-0.10, 0.62)], 0.014, "#4a3422")


def big_wheel(pen: Pen, phase: float, look: Look) -> None:
    a, cy, r = 2 * math.pi * phase / 12, 0.56, 0.44
    steel = look.or_else("#d8dce0")
    for side in (-1, 1):
        pen.line([(0, cy), (side * 0.26, 0.0)], 0.026, shade(steel, 0.75))
    for radius in (r, r * 0.86):
        ring = ellipse(0, cy, radius, radius, 0, 64)
        pen.line([*ring, ring[0]], 0.012, steel)
    for n in range(12):
        b = a + n * math.pi / 6
        x, y = math.cos(b) * r, cy + math.sin(b) * r
        pen.line([(0, cy), (x, y)], 0.007, shade(steel, 0.85))
        tone = ("#d8402f", "#f0b02e", "#3f8fd0", "#5fae5a")[n % 4]
        pen.smooth([(x - 0.042, y), (x + 0.042, y), (x + 0.036, y - 0.075), (x - 0.036, y - 0.075)], tone)
        pen.glow(ellipse(x, y, 0.018, 0.018, 0, 10), tone)
        for k in (0.35, 0.6, 0.86):
            pen.glow(ellipse(math.cos(b) * r * k, cy + math.sin(b) * r * k, 0.010, 0.010, 0, 8),
                ("#ff60c0", "#60d0ff", "#ffd060")[n % 3])
    pen.oval(0, cy, 0.045, 0.045, "#8a9098")


def torii(pen: Pen, phase: float, look: Look) -> None:
    red = look.or_else("#c8402a")
    for x in (-0.32, 0.32):
        pen.polygon([(x - 0.045, -0.03), (x + 0.045, -0.03), (x * 0.94 + 0.036, 0.80), (x * 0.94 - 0.036, 0.80)], red)
        pen.box(x - 0.055, -0.04, x + 0.055, 0.04, "#2a2624")
    pen.box(-0.42, 0.60, 0.42, 0.66, red)
    pen.smooth([(-0.60, 0.90), (-0.30, 0.845), (0.30, 0.845), (0.60, 0.90), (0.56, 0.80), (0.0, 0.78), (-0.56, 0.80)],
        red)
    pen.smooth([(-0.62, 0.94), (-0.30, 0.885), (0.30, 0.885), (0.62, 0.94), (0.58, 0.87), (0.0, 0.835),
        (-0.58, 0.87)], "#2a2624")
    pen.box(-0.035, 0.66, 0.035, 0.80, red)


def fountain(pen: Pen, phase: float, look: Look) -> None:
    stone, water = look.or_else("#b8b0a2"), "#bfe0f0"
    for n in range(-3, 4):
        for k in range(9):
            s = (k + phase) / 9
            pen.oval(n * 0.17 * s, 0.42 + 0.62 * s * (1.5 - s) - 0.36 * s * s, 0.022 - 0.008 * s, 0.030 - 0.01 * s,
                water)
    pen.smooth([(-0.66, 0.0), (-0.70, 0.20), (0.70, 0.20), (0.66, 0.0)], stone)
    pen.oval(0, 0.20, 0.70, 0.060, shade(stone, 1.15))
    pen.oval(0, 0.20, 0.63, 0.045, "#5f9ab8")
    pen.smooth([(-0.09, 0.18), (-0.05, 0.38), (0.05, 0.38), (0.09, 0.18)], shade(stone, 0.9))
    pen.smooth([(-0.28, 0.44), (-0.14, 0.36), (0.14, 0.36), (0.28, 0.44)], stone)
    pen.oval(0, 0.44, 0.28, 0.032, "#8fc4dc")


def _far(draw: Draw, half: float, top: float, size: float, phases: int = 1, rate: float = 0.0, home: str = "meadow",
         place: str = "far") -> Figure:
    return Figure(draw=draw, box=(-half, -0.03, half, top), size=size, place=place, home=home, phases=phases, rate=rate,
                  volume=0.25)


FIGURES = {
    "lighthouse": _far(lighthouse, 0.56, 1.08, 0.56, home="coast", place="shore"),
    "castle": _far(castle, 1.0, 1.36, 0.40, 12, 0.6, home="heights"),
    "windmill": _far(windmill, 0.52, 1.16, 0.48, 16, 0.7, home="field"),
    "wind turbine": _far(turbine, 0.46, 1.16, 0.44, 16, 0.8, home="field"),
    "house": _far(house, 0.6, 1.25, 0.38, 16, 0.25),
    "barn": _far(barn, 0.72, 0.9, 0.40, home="field"),
    "church": _far(church, 0.62, 1.16, 0.42),
    "pagoda": _far(pagoda, 0.52, 1.08, 0.56, home="heights"),
    "eiffel tower": _far(eiffel, 0.30, 1.08, 0.72, home="park"),
    "pyramid": _far(pyramid, 1.12, 0.66, 0.44, home="desert"),
    "bridge": _far(bridge, 1.7, 0.84, 0.56, home="sea", place="span"),
    "viaduct": _far(stone_bridge, 1.7, 0.54, 0.60, home="heights", place="span"),
    "tent": _far(tent, 0.8, 0.66, 0.30, home="meadow", place="ground"),
    "big wheel": _far(big_wheel, 0.52, 1.08, 0.66, 12, 0.5, home="park"),
    "torii": _far(torii, 0.66, 1.0, 0.42, home="lake", place="shore"),
    "fountain": _far(fountain, 0.74, 1.2, 0.40, 9, 2.0, home="park", place="ground"),
}
