"""What floats and flies: boats and ships; planes, helicopter, rocket, balloons, kite, flying saucer, satellite."""

from __future__ import annotations

import math

from reelwright.engines.sketch.cast.figure import Figure, Look
from reelwright.engines.sketch.cast.pen import Pen, ellipse, shade

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

def sailboat(pen: Pen, phase: float, look: Look) -> None:
    roll = 0.05 * math.sin(2 * math.pi * phase)

    def at(x: float, y: float) -> tuple[float, float]:
        return x - roll * y, y + roll * x

    sail = look.or_else("#f5f0e4")
    pen.line([at(0.02, 0.05), at(0.02, 1.02)], 0.026, "#5a4632")
    pen.smooth([at(0.0, 0.20), at(-0.02, 0.97), at(-0.20, 0.60), at(-0.40, 0.22), at(-0.2, 0.19)], sail)
    pen.smooth([at(0.06, 0.20), at(0.05, 0.92), at(0.20, 0.58), at(0.42, 0.20), at(0.25, 0.18)], shade(sail, 0.86))
    pen.line([at(-0.06, 0.70), at(-0.005, 0.72)], 0.012, shade(sail, 0.75))
    pen.line([at(0.02, 0.18), at(-0.42, 0.18)], 0.020, "#5a4632")
    pen.polygon([at(0.02, 1.02), at(-0.12, 0.985), at(0.02, 0.95)], "#d8433b")
    pen.smooth([at(-0.50, 0.14), at(0.55, 0.16), at(0.40, -0.06), at(-0.40, -0.06)], "#8a4a30")
    pen.polygon([at(-0.48, 0.13), at(0.52, 0.145), at(0.49, 0.105), at(-0.46, 0.09)], "#f2ece0")
    pen.oval(*at(-0.24, 0.17), 0.035, 0.035, "#c98d62")
    pen.smooth([at(-0.29, 0.08), at(-0.29, 0.15), at(-0.2, 0.15), at(-0.19, 0.08)], "#33506e")


def ship(pen: Pen, phase: float, look: Look) -> None:
    bob = 0.006 * math.sin(2 * math.pi * phase)
    hull = look.or_else("#2b3c58")
    for n in range(7):
        pen.box(-0.52 + n * 0.105, 0.19 + bob, -0.425 + n * 0.105, 0.285 + bob,
            ("#c8553a", "#3f7f8f", "#d8a83a", "#7a8a94")[n % 4])
        if n % 3:
            pen.box(-0.52 + n * 0.105, 0.288 + bob, -0.425 + n * 0.105, 0.38 + bob,
                ("#5f8f5a", "#c8b09a", "#a8453a")[n % 3])
    pen.smooth([(-0.88, 0.20 + bob), (-0.6, 0.17 + bob), (0.4, 0.17 + bob), (0.92, 0.25 + bob), (0.78, -0.06),
        (-0.80, -0.06)], hull)
    pen.polygon([(-0.82, 0.045), (0.82, 0.045), (0.79, -0.06), (-0.80, -0.06)], "#a83a30")
    pen.box(-0.82, 0.18 + bob, -0.58, 0.44 + bob, "#f2f0ea")
    pen.box(-0.80, 0.44 + bob, -0.62, 0.52 + bob, "#e2ded4")
    pen.box(-0.75, 0.52 + bob, -0.67, 0.63 + bob, "#d8533a")
    pen.box(-0.75, 0.60 + bob, -0.67, 0.63 + bob, "#26303c")
    for row in range(3):
        for n in range(4):
            pane = [(-0.80 + n * 0.055, 0.24 + row * 0.07 + bob), (-0.765 + n * 0.055, 0.24 + row * 0.07 + bob),
                (-0.765 + n * 0.055, 0.27 + row * 0.07 + bob), (-0.80 + n * 0.055, 0.27 + row * 0.07 + bob)]
            pen.polygon(pane, "#3a5068")
            pen.glow(pane, "#ffd890")
    pen.line([(0.62, 0.2 + bob), (0.62, 0.46 + bob)], 0.018, "#d8d4ca")


def galleon(pen: Pen, phase: float, look: Look) -> None:
    roll = 0.03 * math.sin(2 * math.pi * phase)

    def at(x: float, y: float) -> tuple[float, float]:
        return x - roll * y, y + roll * x

    wood, sail = "#5f3d24", look.or_else("#efe4cc")
    for x, top, w in ((-0.34, 0.86, 0.20), (0.04, 1.05, 0.25), (0.38, 0.84, 0.19)):
        pen.line([at(x, 0.15), at(x, top)], 0.028, "#4a3422")
        for low, high, k in ((0.32, 0.60, 1.0), (0.62, 0.83, 0.78)):
            if high < top:
                pen.smooth([at(x - w * k, low), at(x - w * 0.95 * k, high), at(x + w * 0.95 * k, high),
                    at(x + w * k, low), at(x + w * 0.6 * k, (low + high) / 2 - 0.02), at(x, low + 0.045)],
                    sail if low < 0.5 else shade(sail, 0.93))
        flap = 0.03 * math.sin(2 * math.pi * phase * 2)
        pen.polygon([at(x, top), at(x - 0.15, top - 0.03 + flap), at(x, top - 0.07)],
            "#1d1a1a" if look.kind % 2 else "#b8342c")
    pen.smooth([at(-0.70, 0.34), at(-0.52, 0.30), at(-0.45, 0.17), at(0.40, 0.16), at(0.62, 0.27), at(0.50, -0.06),
        at(-0.55, -0.06)], wood)
    pen.line([at(0.55, 0.24), at(0.88, 0.40)], 0.026, "#4a3422")
    pen.polygon([at(-0.60, 0.14), at(0.52, 0.13), at(0.52, 0.10), at(-0.60, 0.105)], "#c8963f")
    for n in range(6):
        pen.box(-0.42 + 0.16 * n, 0.035, -0.375 + 0.16 * n, 0.075, "#241a12")


def plane(pen: Pen, phase: float, look: Look) -> None:
    white, trim = "#f2f4f6", look.or_else("#c8402f")
    pen.polygon([(0.10, 0.03), (-0.20, 0.26), (-0.32, 0.26), (-0.14, 0.02)], shade(white, 0.66))
    pen.smooth([(-0.90, 0.06), (-0.60, 0.10), (0.55, 0.11), (0.82, 0.05), (0.90, -0.01), (0.78, -0.075),
        (0.40, -0.10), (-0.45, -0.09), (-0.90, 0.04)], white)
    pen.polygon([(-0.86, 0.06), (-1.0, 0.36), (-0.84, 0.36), (-0.58, 0.09)], trim)
    pen.polygon([(-0.88, 0.05), (-1.02, 0.13), (-0.92, 0.13), (-0.70, 0.05)], shade(white, 0.75))
    pen.smooth([(0.70, 0.075), (0.82, 0.045), (0.83, 0.02), (0.70, 0.03)], "#33424f")
    for n in range(11):
        pen.oval(0.52 - 0.10 * n, 0.035, 0.018, 0.023, "#5a6f80")
    pen.polygon([(0.18, -0.03), (-0.30, -0.34), (-0.46, -0.34), (-0.16, -0.03)], shade(white, 0.82))
    pen.smooth([(0.06, -0.12), (0.10, -0.19), (-0.10, -0.20), (-0.14, -0.13)], shade(white, 0.6))
    pen.line([(0.75, -0.04), (-0.60, -0.045)], 0.020, trim)
    pen.glow(ellipse(-0.38, -0.33, 0.025, 0.025), "#ff5040")


def helicopter(pen: Pen, phase: float, look: Look) -> None:
    body = look.or_else("#c8402f")
    spin = 0.92 * abs(math.cos(2 * math.pi * phase)) + 0.1
    pen.limb([(-0.2, 0.08, 0.07), (-0.85, 0.15, 0.03)], body)
    pen.polygon([(-0.86, 0.12), (-0.98, 0.34), (-0.86, 0.34), (-0.76, 0.14)], shade(body, 0.8))
    pen.smooth([(-0.40, 0.08), (-0.22, 0.22), (0.16, 0.24), (0.42, 0.08), (0.44, -0.08), (0.20, -0.18),
        (-0.22, -0.15)], body)
    pen.smooth([(0.14, 0.20), (0.38, 0.07), (0.42, -0.03), (0.16, -0.03)], "#8fc0dc")
    pen.box(-0.14, -0.06, 0.04, 0.14, "#8fc0dc")
    pen.line([(-0.28, -0.27), (0.34, -0.27)], 0.024, "#33383e")
    for x in (-0.12, 0.18):
        pen.line([(x, -0.15), (x, -0.27)], 0.020, "#33383e")
    pen.line([(0.0, 0.22), (0.0, 0.32)], 0.045, "#33383e")
    pen.line([(-spin, 0.325), (spin, 0.325)], 0.022, "#3f464e")
    pen.line([(-0.86, 0.25 - 0.14 * spin), (-0.86, 0.25 + 0.14 * spin)], 0.016, "#3f464e")


def rocket(pen: Pen, phase: float, look: Look) -> None:
    white, trim = "#f0f1f2", look.or_else("#d8402f")
    flick = 0.10 * math.sin(2 * math.pi * phase) + 0.05 * math.sin(6 * math.pi * phase)
    for w, h, tone in ((0.16, 0.62, "#ff7a1e"), (0.11, 0.46, "#ffb838"), (0.06, 0.30, "#fff0c0")):
        flame = [(-w, 0.02), (w, 0.02), (w * 0.9, -h * 0.4), (w * 0.3, -h * 0.8 - flick * 0.5), (0, -h - flick),
            (-w * 0.3, -h * 0.8), (-w * 0.9, -h * 0.4)]
        pen.smooth(flame, tone)
        pen.glow(flame, tone)
    pen.smooth([(-0.10, 0.0), (0.10, 0.0), (0.13, 0.06), (-0.13, 0.06)], "#4a525c")
    for side in (-1, 1):
        pen.smooth([(side * 0.13, 0.40), (side * 0.30, 0.16), (side * 0.30, -0.05), (side * 0.13, 0.08)], trim)
    pen.smooth([(-0.15, 0.05), (-0.19, 0.45), (-0.15, 0.80), (0.0, 1.12), (0.15, 0.80), (0.19, 0.45), (0.15, 0.05)],
        white)
    pen.smooth([(-0.145, 0.82), (-0.07, 1.0), (0.0, 1.12), (0.07, 1.0), (0.145, 0.82), (0.0, 0.80)], trim)
    pen.smooth([(0.05, 0.06), (0.15, 0.05), (0.19, 0.45), (0.13, 0.82), (0.08, 0.5)], shade(white, 0.80))
    pen.oval(0.0, 0.62, 0.085, 0.085, "#4a525c")
    pen.oval(0.0, 0.62, 0.060, 0.060, "#7fc4e8")
    pen.polygon([(-0.025, 0.34), (0.025, 0.34), (0.025, -0.05), (-0.025, -0.05)], shade(trim, 0.85))


def hot_air_balloon(pen: Pen, phase: float, look: Look) -> None:
    sets = (("#d8402f", "#f4e6c4"), ("#2f7fb8", "#f2c23a"), ("#e08a2e", "#7a3f8f"), ("#3f9a6a", "#f4f0e0"))
    one, two = sets[look.kind % 4]
    one = look.or_else(one)
    cx = 0.0
    outline = [(0.0, 1.10), (0.26, 1.03), (0.40, 0.82), (0.40, 0.62), (0.28, 0.42), (0.10, 0.24), (-0.10, 0.24),
        (-0.28, 0.42), (-0.40, 0.62), (-0.40, 0.82), (-0.26, 1.03)]
    pen.smooth(outline, one)
    for k, tone in ((0.80, two), (0.56, one), (0.30, two)):
        pen.smooth([(cx + (x - cx) * k, y) for x, y in outline], tone)
    pen.smooth([(-0.395, 0.70), (0.395, 0.70), (0.385, 0.62), (0, 0.585), (-0.385, 0.62)], shade(one, 0.8))
    pen.polygon([(-0.10, 0.25), (0.10, 0.25), (0.075, 0.19), (-0.075, 0.19)], shade(one, 0.6))
    for x in (-0.07, 0.07):
        pen.line([(x * 1.1, 0.21), (x, 0.08)], 0.010, "#4a3422")
    flame = ellipse(0, 0.165, 0.02, 0.05 + 0.012 * math.sin(2 * math.pi * phase))
    pen.polygon(flame, "#ffc04a")
    pen.glow(flame, "#ffb040")
    pen.glow([(x * 0.9, 0.66 + (y - 0.66) * 0.9) for x, y in outline], shade(one, 0.34))
    pen.smooth([(-0.085, 0.085), (0.085, 0.085), (0.075, -0.02), (-0.075, -0.02)], "#8a5f34")
    pen.box(-0.09, 0.07, 0.09, 0.09, "#6a4424")


def balloons(pen: Pen, phase: float, look: Look) -> None:
    sway = 0.03 * math.sin(2 * math.pi * phase)
    spots = ((-0.26, 0.72, "#e8452f"), (0.24, 0.74, "#3f8fe0"), (0.0, 0.92, "#f2c02e"), (-0.12, 0.58, "#5fb85a"),
        (0.14, 0.56, "#d85aa8"))
    for x, y, _ in spots:
        pen.line([(x + sway, y - 0.16), (x * 0.4, 0.25), (0.02, 0.0)], 0.010, "#e8e4da")
    for n, (x, y, tone) in enumerate(spots):
        colour = look.or_else(tone)
        px = x + sway * (1 + 0.3 * n)
        pen.oval(px, y, 0.155, 0.185, colour)
        pen.polygon([(px - 0.025, y - 0.20), (px + 0.025, y - 0.20), (px, y - 0.17)], shade(colour, 0.8))
        pen.oval(px - 0.055, y + 0.075, 0.030, 0.050, shade(colour, 1.55), -0.5)


def kite(pen: Pen, phase: float, look: Look) -> None:
    a = 2 * math.pi * phase
    one, two = look.or_else("#e0452f"), "#f2c23a"
    pen.polygon([(0, 0.62), (0.40, 0.18), (0, -0.42), (-0.40, 0.18)], one)
    pen.polygon([(0, 0.62), (0.40, 0.18), (0, 0.18)], two)
    pen.polygon([(0, -0.42), (-0.40, 0.18), (0, 0.18)], "#3f8fd0")
    tail = [(0.07 * math.sin(a + n * 1.1) * (0.3 + n * 0.2), -0.42 - 0.13 * n) for n in range(7)]
    pen.line(tail, 0.018, "#4a3422")
    for n, (x, y) in enumerate(tail[1:]):
        pen.polygon([(x - 0.08, y + 0.035), (x, y), (x - 0.08, y - 0.035)], (one, two)[n % 2])
        pen.polygon([(x + 0.08, y + 0.035), (x, y), (x + 0.08, y - 0.035)], (two, one)[n % 2])
    pen.line([(0, 0.18), (-0.9, -1.35)], 0.008, "#f0ece4")


def saucer(pen: Pen, phase: float, look: Look) -> None:
    metal = look.or_else("#a8b4c0")
    bob = 0.02 * math.sin(2 * math.pi * phase)
    pen.smooth([(-0.30, 0.10 + bob), (-0.22, 0.30 + bob), (0, 0.38 + bob), (0.22, 0.30 + bob), (0.30, 0.10 + bob)],
        "#8fe0e8")
    pen.glow([(-0.22, 0.14 + bob), (0, 0.32 + bob), (0.22, 0.14 + bob)], "#3f9aa8")
    pen.smooth([(-0.80, 0.0 + bob), (-0.40, 0.13 + bob), (0.40, 0.13 + bob), (0.80, 0.0 + bob), (0.40, -0.12 + bob),
        (-0.40, -0.12 + bob)], metal)
    pen.smooth([(-0.80, 0.0 + bob), (0.80, 0.0 + bob), (0.40, -0.13 + bob), (-0.40, -0.13 + bob)], shade(metal, 0.65))
    for n in range(7):
        on = ellipse((n - 3) * 0.20, -0.015 + bob - 0.012 * (3 - abs(n - 3)), 0.035, 0.028)
        lit = (n + int(phase * 7)) % 3 == 0
        pen.polygon(on, "#ffe08a" if lit else "#7a5a3a")
        pen.glow(on, "#ffd060" if lit else "#402a10")


def satellite(pen: Pen, phase: float, look: Look) -> None:
    turn = 0.08 * math.sin(2 * math.pi * phase)
    for side in (-1, 1):
        pen.line([(0, 0), (side * 0.34, turn * side)], 0.03, "#9aa2aa")
        for n in range(3):
            x = side * (0.36 + 0.22 * n)
            pen.polygon([(x, 0.16 + turn * side), (x + side * 0.20, 0.16 + turn * side),
                (x + side * 0.20, -0.16 + turn * side), (x, -0.16 + turn * side)], "#2f4f9a")
            pen.line([(x + side * 0.10, 0.16 + turn * side), (x + side * 0.10, -0.16 + turn * side)], 0.010, "#8fb0e8")
    pen.smooth([(-0.14, 0.22), (0.14, 0.22), (0.15, -0.22), (-0.15, -0.22)], "#d8b060")
    pen.box(-0.11, -0.10, 0.11, 0.08, "#e8e4dc")
    pen.line([(0.0, 0.2), (0.0, 0.36)], 0.025, "#9aa2aa")
    pen.smooth([(-0.16, 0.46), (0.0, 0.36), (0.16, 0.46), (0.0, 0.41)], "#e8e8ea")


def lantern(pen: Pen, phase: float, look: Look) -> None:
    flick = 0.9 + 0.1 * math.sin(2 * math.pi * phase)
    body = [(-0.26, 0.02), (0.26, 0.02), (0.34, 0.50), (0.22, 0.74), (-0.22, 0.74), (-0.34, 0.50)]
    pen.smooth(body, look.or_else("#f2a24a"))
    pen.glow(body, shade("#ff9a3c", flick * 0.75))
    pen.glow([(-0.16, 0.04), (0.16, 0.04), (0.20, 0.34), (-0.20, 0.34)], shade("#ffd890", flick))
    pen.box(-0.26, -0.01, 0.26, 0.045, "#7a4a20")


FIGURES = {
    "sailboat": Figure(draw=sailboat, box=(-0.62, 0.0, 0.62, 1.08), size=0.36, place="water", home="sea", phases=16,
                       rate=0.3, pace=0.03),
    "ship": Figure(draw=ship, box=(-0.95, 0.0, 0.98, 0.68), size=0.42, place="water", home="sea", phases=12, rate=0.2,
                   pace=0.022),
    "galleon": Figure(draw=galleon, box=(-0.8, 0.0, 0.95, 1.12), size=0.44, place="water", home="sea", phases=16,
                      rate=0.25, pace=0.02),
    "plane": Figure(draw=plane, box=(-1.05, -0.36, 0.95, 0.4), size=0.34, pace=0.12, place="sky", home="heights"),
    "helicopter": Figure(draw=helicopter, box=(-1.05, -0.3, 1.0, 0.38), size=0.30, phases=8, rate=4.0, pace=0.06,
        place="sky", home="heights"),
    "rocket": Figure(draw=rocket, box=(-0.36, -0.8, 0.36, 1.14), size=0.28, place="launch", home="launch", phases=8,
                     rate=4.0, pace=0.06),
    "hot air balloon": Figure(draw=hot_air_balloon, box=(-0.45, -0.04, 0.45, 1.14), size=0.36, phases=8, rate=1.0,
                              pace=0.02, place="sky", home="heights"),
    "balloons": Figure(draw=balloons, box=(-0.48, -0.02, 0.48, 1.14), size=0.42, phases=12, rate=0.3, pace=0.015,
        place="sky", home="heights"),
    "kite": Figure(draw=kite, box=(-0.95, -1.4, 0.5, 0.66), size=0.20, phases=12, rate=0.7, pace=0.02, place="sky",
        home="heights"),
    "flying saucer": Figure(draw=saucer, box=(-0.85, -0.2, 0.85, 0.42), size=0.32, phases=21, rate=0.6, pace=0.05,
        place="sky", home="heights"),
    "satellite": Figure(draw=satellite, box=(-1.05, -0.3, 1.05, 0.5), size=0.26, place="sky", home="orbit", phases=12,
                        rate=0.2, pace=0.02),
    "lantern": Figure(draw=lantern, box=(-0.4, -0.03, 0.4, 0.8), size=0.09, place="lanterns", home="lake", phases=8,
                      rate=0.9, pace=0.02),
}
