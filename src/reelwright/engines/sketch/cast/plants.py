"""Trees and single plants: broad crowns in their season, palm, cactus, sunflower, rose, mushroom, bamboo, pot plant."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from reelwright.engines.sketch.cast.figure import Figure, Look
from reelwright.engines.sketch.cast.pen import Pen, circle, shade

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

def tree(pen: Pen, phase: float, look: Look, tones: tuple[str, ...], bark: str = "#5a4030") -> None:
    rng = np.random.Generator(np.random.PCG64(41 + look.kind))
    a = 2 * math.pi * phase
    pen.smooth([(-0.085, -0.02), (-0.045, 0.12), (-0.035, 0.42), (0.035, 0.42), (0.045, 0.12), (0.095, -0.02)], bark)
    for x, y in ((-0.26, 0.62), (0.24, 0.66), (-0.10, 0.74), (0.12, 0.80)):
        pen.limb([(0.0, 0.34, 0.035), (x * 0.5, (0.34 + y) / 2, 0.022), (x, y, 0.010)], shade(bark, 0.9))
    tones = tuple(look.colour if look.colour else tone for tone in tones) if look.colour else tones
    for layer in range(3):
        count = 46 if layer else 34
        for _ in range(count):
            angle, reach = rng.uniform(0, 2 * math.pi), math.sqrt(rng.uniform(0, 1))
            x, y = math.cos(angle) * reach * 0.36, 0.70 + math.sin(angle) * reach * 0.27
            up = (y - 0.70) / 0.27 + x * 0.5
            if layer == 2 and up < -0.1:
                continue
            sway = 0.010 * math.sin(a + x * 6) * (y - 0.3)
            tone = tones[int(rng.integers(len(tones)))]
            level = (0.66, 0.90, 1.18)[layer] + 0.10 * up
            r = rng.uniform(0.045, 0.085) * (1.15, 1.0, 0.72)[layer]
            pen.smooth([(x + sway + across * r * rng.uniform(0.75, 1.2), y + upwards * r * rng.uniform(0.75, 1.2))
                        for across, upwards in circle(7)], shade(tone, level))


def palm(pen: Pen, phase: float, look: Look) -> None:
    a = 2 * math.pi * phase
    green = look.or_else("#3f7a3a")
    trunk = [(0.0, -0.02), (0.03, 0.22), (0.10, 0.46), (0.20, 0.70)]
    pen.limb([(x, y, 0.042 - 0.022 * y) for x, y in trunk], "#7a5f42")
    for n in range(12):
        s = n / 12
        pen.line([(0.20 * s**1.6 - 0.03, 0.70 * s), (0.20 * s**1.6 + 0.03, 0.70 * s + 0.012)], 0.008, "#5a4430")
    for n, angle in enumerate((2.9, 0.2, 2.45, 0.65, 3.35, -0.25, 1.95, 1.15)):
        sway = 0.07 * math.sin(a + n)
        tone = shade(green, (0.68, 0.74, 0.85, 0.9, 0.78, 0.82, 1.0, 1.08)[n])
        spine = []
        for k in range(9):
            s = k / 8
            spine.append((0.20 + math.cos(angle + sway * s) * 0.42 * s,
                0.71 + math.sin(angle + sway * s) * 0.36 * s - 0.22 * s * s))
        for k in range(1, 9):
            x, y = spine[k]
            px, py = spine[k - 1]
            span = math.hypot(x - px, y - py) or 1e-6
            nx, ny = -(y - py) / span, (x - px) / span
            width = 0.10 * math.sin(math.pi * (0.15 + 0.8 * k / 8))
            for side in (-1, 1):
                pen.polygon([(px, py), (x, y),
                    (x + side * nx * width + (x - px) * 0.7, y + side * ny * width - 0.035)], tone)
        pen.line(spine, 0.012, shade(tone, 0.75))
    for x, y in ((0.17, 0.66), (0.22, 0.645), (0.26, 0.675)):
        pen.oval(x, y, 0.032, 0.036, "#6a4526")


def cactus(pen: Pen, phase: float, look: Look) -> None:
    green = look.or_else("#4f8a4a")
    pen.limb([(0.0, 0.34, 0.07), (-0.24, 0.38, 0.07), (-0.26, 0.62, 0.068)], shade(green, 0.85))
    pen.limb([(0.0, 0.46, 0.065), (0.22, 0.50, 0.065), (0.24, 0.76, 0.062)], shade(green, 0.92))
    pen.limb([(0.0, -0.02, 0.105), (0.0, 0.92, 0.10)], green)
    for x in (-0.055, 0.0, 0.055):
        pen.line([(x, 0.0), (x, 0.97)], 0.008, shade(green, 0.68))
    for x, y in ((-0.26, 0.69), (0.24, 0.83), (0.0, 1.03)):
        for n in range(5):
            b = 2 * math.pi * n / 5
            pen.oval(x + math.cos(b) * 0.03, y + math.sin(b) * 0.025, 0.024, 0.024, "#e86a9a")


def sunflower(pen: Pen, phase: float, look: Look) -> None:
    sway = 0.03 * math.sin(2 * math.pi * phase)
    green = "#4f8a3a"
    pen.limb([(0, -0.02, 0.022), (0.02, 0.32, 0.020), (sway, 0.70, 0.018)], green)
    pen.smooth([(0.01, 0.26), (0.16, 0.36), (0.30, 0.30), (0.16, 0.22)], shade(green, 0.88))
    pen.smooth([(0.01, 0.38), (-0.15, 0.48), (-0.28, 0.42), (-0.14, 0.34)], green)
    x, y = sway, 0.74
    petal = look.or_else("#f4bc1e")
    for ring, (reach, tone) in enumerate(((0.235, shade(petal, 0.84)), (0.215, petal))):
        for n in range(17):
            b = 2 * math.pi * (n + 0.5 * ring) / 17
            c, s = math.cos(b), math.sin(b)
            pen.smooth([(x + c * 0.08 - s * 0.03, y + s * 0.08 + c * 0.03),
                (x + c * reach * 0.7 - s * 0.036, y + s * reach * 0.7 + c * 0.036), (x + c * reach, y + s * reach),
                (x + c * reach * 0.7 + s * 0.036, y + s * reach * 0.7 - c * 0.036),
                (x + c * 0.08 + s * 0.03, y + s * 0.08 - c * 0.03)], tone)
    pen.oval(x, y, 0.115, 0.115, "#4a2c16")
    for n in range(40):
        b, r = n * 2.39996, 0.100 * math.sqrt(n / 40)
        pen.oval(x + math.cos(b) * r, y + math.sin(b) * r, 0.009, 0.009, "#7a4c22")


def rose(pen: Pen, phase: float, look: Look) -> None:
    sway = 0.02 * math.sin(2 * math.pi * phase)
    red, green = look.or_else("#c8243a"), "#3f7a3f"
    pen.limb([(0, -0.02, 0.018), (0.03, 0.34, 0.016), (sway, 0.66, 0.016)], green)
    for side, y in ((1, 0.26), (-1, 0.40)):
        pen.smooth([(0.02, y), (side * 0.13, y + 0.10), (side * 0.26, y + 0.06), (side * 0.14, y - 0.02)],
            shade(green, 0.9))
    x, y = sway, 0.80
    for side in (-1, 0, 1):
        pen.smooth([(x + side * 0.05, y - 0.15), (x + side * 0.16 - 0.03, y - 0.19), (x + side * 0.10, y - 0.10)],
            green)
    pen.smooth([(x - 0.20, y + 0.05), (x - 0.18, y - 0.10), (x, y - 0.18), (x + 0.18, y - 0.10), (x + 0.20, y + 0.05),
        (x + 0.10, y + 0.13), (x - 0.10, y + 0.13)], shade(red, 0.72))
    pen.smooth([(x - 0.19, y + 0.09), (x - 0.13, y - 0.10), (x - 0.01, y - 0.16), (x - 0.02, y + 0.02)], red)
    pen.smooth([(x + 0.19, y + 0.09), (x + 0.13, y - 0.10), (x + 0.01, y - 0.16), (x + 0.02, y + 0.02)],
        shade(red, 0.88))
    pen.smooth([(x - 0.12, y + 0.13), (x - 0.06, y - 0.02), (x + 0.06, y - 0.02), (x + 0.12, y + 0.13),
        (x, y + 0.20)], shade(red, 1.12))
    pen.smooth([(x - 0.07, y + 0.13), (x - 0.02, y + 0.03), (x + 0.07, y + 0.12), (x, y + 0.165)], shade(red, 0.78))
    pen.smooth([(x - 0.03, y + 0.12), (x + 0.0, y + 0.07), (x + 0.04, y + 0.12), (x, y + 0.14)], shade(red, 0.6))


def mushroom(pen: Pen, phase: float, look: Look) -> None:
    red = look.or_else("#c8342a")
    for x, k in ((0.34, 0.55), (-0.36, 0.42), (0.0, 1.0)):
        pen.smooth([(x - 0.12 * k, -0.02), (x - 0.08 * k, 0.30 * k), (x - 0.09 * k, 0.48 * k),
            (x + 0.09 * k, 0.48 * k), (x + 0.08 * k, 0.30 * k), (x + 0.13 * k, -0.02)], "#efe6d2")
        pen.smooth([(x - 0.40 * k, 0.44 * k), (x - 0.34 * k, 0.66 * k), (x, 0.86 * k), (x + 0.34 * k, 0.66 * k),
            (x + 0.40 * k, 0.44 * k), (x, 0.39 * k)], red)
        pen.smooth([(x - 0.36 * k, 0.435 * k), (x, 0.46 * k), (x + 0.36 * k, 0.435 * k), (x, 0.385 * k)], "#e0d0b0")
        for dx, dy, r in ((-0.20, 0.58, 0.06), (0.02, 0.70, 0.065), (0.21, 0.56, 0.05), (-0.04, 0.53, 0.04)):
            pen.oval(x + dx * k, dy * k, r * k, r * k * 0.85, "#f7f2e6")


def bamboo(pen: Pen, phase: float, look: Look) -> None:
    rng = np.random.Generator(np.random.PCG64(7))
    a = 2 * math.pi * phase
    for n in range(16):
        x, w = -0.72 + n * 0.097 + rng.uniform(-0.03, 0.03), rng.uniform(0.014, 0.030)
        tone = shade(look.or_else("#6f9a3f"), rng.uniform(0.6, 1.15))
        lean = 0.05 * math.sin(a + n) + rng.uniform(-0.06, 0.06)
        pen.polygon([(x - w, -0.02), (x + w, -0.02), (x + lean + w * 0.8, 1.15), (x + lean - w * 0.8, 1.15)], tone)
        for k in range(6):
            y = 0.04 + k * 0.19 + 0.03 * (n % 3)
            pen.line([(x + lean * y - w, y), (x + lean * y + w, y)], 0.010, shade(tone, 0.6))
            if k > 2:
                for side in (-1, 1):
                    px, py = x + lean * y, y
                    pen.smooth([(px, py), (px + side * 0.09, py + 0.035),
                        (px + side * 0.17, py - 0.03 + 0.01 * math.sin(a + k)), (px + side * 0.08, py - 0.005)],
                        shade(tone, 1.12))


def potted(pen: Pen, phase: float, look: Look) -> None:
    sway = 0.02 * math.sin(2 * math.pi * phase)
    green = look.or_else("#3f8a4f")
    for n in range(11):
        b = math.pi * (0.08 + 0.84 * n / 10)
        reach = 0.34 + 0.10 * (n % 3)
        c, s = math.cos(b), math.sin(b)
        tone = shade(green, 0.72 + 0.12 * (n % 4))
        pen.smooth([(0, 0.36), (c * reach * 0.5 - s * 0.07 + sway, 0.40 + s * reach * 0.6 + c * 0.07),
            (c * reach + sway * 2, 0.40 + s * reach * 1.15),
            (c * reach * 0.55 + s * 0.07 + sway, 0.40 + s * reach * 0.5 - c * 0.07)], tone)
    pen.smooth([(-0.20, 0.36), (-0.15, 0.0), (0.15, 0.0), (0.20, 0.36)], "#c8683f")
    pen.box(-0.225, 0.32, 0.225, 0.40, "#d87a4e")


_GREEN, _AUTUMN = ("#5f8f3f", "#4f7f3a", "#74a04a"), ("#d8642a", "#e09a2e", "#b8402a", "#e8b83e")
_CHERRY = ("#f4b8c8", "#f8d0da", "#eaa0b8", "#fbe2e8")
_TREE = (-0.52, -0.03, 0.52, 1.08)


def _tree(tones: tuple[str, ...], bark: str = "#5a4030") -> Figure:
    return Figure(draw=partial(tree, tones=tones, bark=bark), box=_TREE, size=0.62, place="tree", home="meadow",
                  phases=10, rate=0.35, volume=0.5)


FIGURES = {
    "tree": _tree(_GREEN),
    "autumn tree": _tree(_AUTUMN, "#4a3428"),
    "cherry tree": _tree(_CHERRY, "#4a3632"),
    "palm": Figure(draw=palm, box=(-0.36, -0.03, 0.72, 1.16), size=0.62, place="tree", home="beach", phases=12,
        rate=0.35,
                   volume=0.4),
    "cactus": Figure(draw=cactus, box=(-0.38, -0.03, 0.36, 1.1), size=0.44, place="ground", home="desert"),
    "sunflower": Figure(draw=sunflower, box=(-0.36, -0.03, 0.36, 1.02), size=0.50, place="bed", home="field",
        phases=12,
                        rate=0.35, volume=0.6),
    "rose": Figure(draw=rose, box=(-0.32, -0.03, 0.32, 1.04), size=0.56, place="ground", home="garden", phases=12,
                   rate=0.3),
    "mushroom": Figure(draw=mushroom, box=(-0.56, -0.03, 0.6, 0.9), size=0.34, place="ground", home="forest"),
    "bamboo": Figure(draw=bamboo, box=(-0.85, -0.03, 0.95, 1.15), size=0.86, place="tree", home="garden", phases=10,
                     rate=0.3, volume=0.3),
    "pot plant": Figure(draw=potted, box=(-0.52, -0.03, 0.52, 1.0), size=0.40, place="table", home="table", phases=10,
                        rate=0.25),
}
