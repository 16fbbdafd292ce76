"""People: walking, running, standing, dancing; an astronaut, a robot."""

from __future__ import annotations

import math

from reelwright.engines.sketch.cast.figure import Figure, Look
from reelwright.engines.sketch.cast.pen import Pen, Point, shade

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

SKINS = ("#e8b690", "#c98d62", "#8a5a3c", "#f0c8a4", "#a8744c")
HAIRS = ("#2b1d16", "#5a3a22", "#14110f", "#a8763e", "#3d2a20")
TOPS = ("#c8453a", "#2f6f8f", "#e0a83a", "#5c7f4f", "#7a4a78", "#d9d2c3", "#33506e")
LEGS = ("#2b3448", "#3c3a3a", "#54483c", "#26303a", "#6b5f4c")


def bent(hip: Point, angle: float, bend: float, upper: float, lower: float) -> tuple[Point, Point]:
    """Knee and ankle (or elbow and hand) for a limb that hangs at `angle` from straight down, bent by `bend`."""
    knee = (hip[0] + math.sin(angle) * upper, hip[1] - math.cos(angle) * upper)
    turned = angle - bend
    return knee, (knee[0] + math.sin(turned) * lower, knee[1] - math.cos(turned) * lower)


def leg(pen: Pen, hip: Point, angle: float, bend: float, cloth: str, shoe: str, thick: float = 0.052) -> None:
    knee, ankle = bent(hip, angle, bend, 0.235, 0.225)
    pen.limb([(*hip, thick), (*knee, thick * 0.72), (*ankle, thick * 0.52)], cloth)
    turn = angle - bend
    c, s = math.cos(turn * 0.7), math.sin(turn * 0.7)
    sole = [(-0.03, 0.012), (0.03, 0.02), (0.085, -0.012), (0.085, -0.03), (-0.035, -0.03)]
    pen.smooth([(ankle[0] + x * c - y * s, ankle[1] + x * s + y * c) for x, y in sole], shoe)


def arm(pen: Pen, shoulder: Point, angle: float, bend: float, cloth: str, skin: str) -> Point:
    elbow, hand = bent(shoulder, angle, -bend, 0.155, 0.145)
    pen.limb([(*shoulder, 0.036), (*elbow, 0.029), (*hand, 0.022)], cloth)
    pen.oval(hand[0], hand[1], 0.024, 0.026, skin)
    return hand


def head(pen: Pen, x: float, y: float, skin: str, hair: str, long: bool) -> None:
    if long:
        pen.smooth([(x - 0.01, y + 0.085), (x - 0.085, y + 0.04), (x - 0.105, y - 0.09), (x - 0.07, y - 0.16),
                    (x - 0.015, y - 0.12), (x + 0.01, y)], hair)
    pen.limb([(x - 0.012, y - 0.05, 0.030), (x - 0.018, y - 0.11, 0.034)], shade(skin, 0.85))
    pen.oval(x, y, 0.060, 0.072, skin)
    pen.polygon([(x + 0.05, y + 0.018), (x + 0.074, y - 0.012), (x + 0.05, y - 0.022)], skin)
    pen.smooth([(x + 0.052, y + 0.040), (x + 0.02, y + 0.085), (x - 0.045, y + 0.078), (x - 0.076, y + 0.02),
                (x - 0.062, y - 0.035), (x - 0.032, y - 0.005), (x - 0.012, y + 0.032)], hair)


def torso(pen: Pen, lean: float, bob: float, cloth: str, broad: float) -> tuple[Point, Point]:
    hip, shoulder = (0.0, 0.49 + bob), (lean * 0.33, 0.785 + bob)
    w = broad
    pen.smooth(
        [(hip[0] - 0.062, hip[1] - 0.015), (hip[0] - 0.058 * w, hip[1] + 0.12), (shoulder[0] - 0.072 * w, shoulder[1]),
         (shoulder[0] - 0.03, shoulder[1] + 0.045), (shoulder[0] + 0.035, shoulder[1] + 0.043),
         (shoulder[0] + 0.070 * w, shoulder[1] - 0.025), (hip[0] + 0.060, hip[1] + 0.12),
             (hip[0] + 0.064, hip[1] - 0.015)],
        cloth,
    )
    return hip, shoulder


def walker(pen: Pen, phase: float, look: Look, stride: float = 0.46, lean: float = 0.04, arms: float = 0.55) -> None:
    k = look.kind
    skin, hair, legs = SKINS[k % 5], HAIRS[(k * 3 + 1) % 5], LEGS[k % 5]
    top = look.or_else(TOPS[(k * 2) % 7])
    dress = k % 2 == 1
    a = 2 * math.pi * phase
    bob = 0.014 * math.cos(2 * a) + (0.02 * abs(math.sin(a)) if stride > 0.6 else 0)
    swing, other = math.sin(a) * stride, -math.sin(a) * stride
    bend = (0.15 + max(0.0, math.cos(a)) * stride * 1.5, 0.15 + max(0.0, -math.cos(a)) * stride * 1.5)
    hip = (0.0, 0.49 + bob)
    shoulder = (lean * 0.33, 0.785 + bob)
    arm(pen, (shoulder[0] - 0.012, shoulder[1]), swing * arms * 1.5, 0.35 + arms * 0.4, shade(top, 0.72),
        shade(skin, 0.8))
    bare = skin if dress else legs
    leg(pen, hip, other, bend[1], shade(bare, 0.72), "#2a2422", 0.044 if dress else 0.052)
    leg(pen, hip, swing, bend[0], bare, "#39302c", 0.044 if dress else 0.052)
    torso(pen, lean, bob, top, 0.92 if dress else 1.05)
    if dress:
        w = 0.105 + 0.05 * abs(math.sin(a))
        pen.smooth([(-0.055, 0.60 + bob), (0.055, 0.60 + bob), (w, 0.40 + bob), (w * 1.12, 0.285), (0.0, 0.27),
                    (-w * 1.12, 0.285), (-w, 0.40 + bob)], top)
        pen.limb([(-0.053, 0.598 + bob, 0.010), (0.053, 0.598 + bob, 0.010)], shade(top, 0.7))
    else:
        pen.limb([(-0.052, 0.487 + bob, 0.012), (0.052, 0.487 + bob, 0.012)], shade(top, 0.6))
    head(pen, shoulder[0] + 0.018 + lean * 0.2, 0.918 + bob, skin, hair, dress)
    arm(pen, shoulder, other * arms * 1.5, 0.35 + arms * 0.4, shade(top, 0.93), skin)


def runner(pen: Pen, phase: float, look: Look) -> None:
    walker(pen, phase, look, stride=0.82, lean=0.22, arms=0.8)


def dancer(pen: Pen, phase: float, look: Look) -> None:
    k = look.kind
    skin, hair = SKINS[k % 5], HAIRS[(k * 3 + 1) % 5]
    top = look.or_else(("#c8305a", "#e2703a", "#7a3fa0", "#2f8f86")[k % 4])
    a = 2 * math.pi * phase
    sway, bob = 0.05 * math.sin(a), 0.02 * abs(math.cos(a))
    hip, shoulder = (sway * 0.6, 0.49 + bob), (-sway * 0.5, 0.785 + bob)
    lift = 0.5 + 0.5 * math.sin(a)
    arm(pen, (shoulder[0] - 0.05, shoulder[1]), -2.1 - 0.5 * lift, -0.7, skin, skin)
    leg(pen, hip, -0.12 - 0.10 * lift, 0.1, shade(skin, 0.8), "#3a2020", 0.046)
    leg(pen, hip, 0.25 + 0.65 * lift, 0.25 + 1.1 * lift, skin, "#4a2828", 0.046)
    flare = 0.20 + 0.07 * math.cos(a)
    pen.smooth([(hip[0] - 0.052, 0.58 + bob), (hip[0] + 0.052, 0.58 + bob), (hip[0] + flare * 0.8, 0.40 + 0.05 * lift),
                (hip[0] + flare * 1.2, 0.29 + 0.08 * lift), (hip[0], 0.265), (hip[0] - flare * 1.2, 0.31 - 0.03 * lift),
                (hip[0] - flare * 0.8, 0.42)], top)
    pen.smooth([(hip[0] - 0.05, 0.55 + bob), (shoulder[0] - 0.066, shoulder[1]), (shoulder[0], shoulder[1] + 0.04),
                (shoulder[0] + 0.066, shoulder[1]), (hip[0] + 0.05, 0.55 + bob)], shade(top, 0.9))
    head(pen, shoulder[0] + 0.01 - sway * 0.4, 0.918 + bob, skin, hair, k % 3 != 2)
    arm(pen, (shoulder[0] + 0.05, shoulder[1]), 1.6 + 0.9 * lift, 0.6, skin, skin)


def standing(pen: Pen, phase: float, look: Look) -> None:
    """Seen from behind, looking into the distance."""
    k = look.kind
    hair, legs = HAIRS[(k * 3 + 1) % 5], LEGS[k % 5]
    top = look.or_else(TOPS[(k * 2) % 7])
    sway = 0.006 * math.sin(2 * math.pi * phase)
    for side in (-1, 1):
        pen.limb([(side * 0.045, 0.5, 0.055), (side * 0.058, 0.26, 0.042), (side * 0.062, 0.04, 0.030)], legs)
        pen.smooth([(side * 0.035, 0.045), (side * 0.095, 0.04), (side * 0.105, -0.005), (side * 0.03, -0.005)],
            "#2a2422")
        pen.limb([(side * 0.115, 0.775, 0.036), (side * 0.155, 0.62, 0.030), (side * 0.145 + sway, 0.49, 0.024)],
                 shade(top, 0.88))
    pen.smooth([(-0.088, 0.49), (-0.098, 0.62), (-0.130, 0.77), (-0.08, 0.825), (0.08, 0.825), (0.130, 0.77),
                (0.098, 0.62), (0.088, 0.49)], top)
    pen.limb([(0, 0.82, 0.034), (0, 0.87, 0.034)], shade(SKINS[k % 5], 0.85))
    pen.oval(sway, 0.925, 0.066, 0.078, hair)
    if k % 2:
        pen.smooth([(-0.066, 0.94), (0.066, 0.94), (0.085 + sway, 0.78), (0.03, 0.70), (-0.04, 0.71),
            (-0.085 + sway, 0.79)], hair)


def astronaut(pen: Pen, phase: float, look: Look) -> None:
    a = 2 * math.pi * phase
    suit = look.or_else("#e9ebee")
    dark, dim = shade(suit, 0.62), shade(suit, 0.82)
    bob, swing = 0.018 * math.cos(2 * a), 0.30 * math.sin(a)
    pen.smooth([(-0.19, 0.50 + bob), (-0.20, 0.78 + bob), (-0.09, 0.82 + bob), (-0.06, 0.5 + bob)], dark)
    for angle, tone in ((-swing, dim), (swing, suit)):
        knee, ankle = bent((0.0, 0.43 + bob), angle, 0.25 + 0.2 * math.cos(a), 0.19, 0.18)
        pen.limb([(0, 0.43 + bob, 0.085), (*knee, 0.072), (*ankle, 0.062)], tone)
        pen.smooth([(ankle[0] - 0.06, ankle[1] + 0.01), (ankle[0] + 0.06, ankle[1] + 0.02),
            (ankle[0] + 0.12, ankle[1] - 0.045),
                    (ankle[0] - 0.07, ankle[1] - 0.05)], "#6a7078")
    pen.smooth([(-0.115, 0.40 + bob), (-0.13, 0.58 + bob), (-0.115, 0.75 + bob), (0.0, 0.79 + bob), (0.115, 0.75 + bob),
                (0.125, 0.58 + bob), (0.11, 0.40 + bob)], suit)
    pen.box(-0.05, 0.56 + bob, 0.09, 0.655 + bob, dark)
    for n, colour in enumerate(("#d8433b", "#3f86d8", "#e8b93b")):
        pen.oval(-0.02 + 0.035 * n, 0.61 + bob, 0.012, 0.012, colour)
    pen.box(-0.118, 0.438 + bob, 0.115, 0.465 + bob, "#d8633b")
    elbow, hand = bent((0.02, 0.73 + bob), 0.3 + swing * 1.2, -0.6, 0.15, 0.14)
    pen.limb([(0.0, 0.73 + bob, 0.066), (*elbow, 0.056), (*hand, 0.050)], dim)
    pen.oval(hand[0], hand[1], 0.05, 0.05, "#6a7078")
    pen.oval(0.01, 0.895 + bob, 0.135, 0.13, suit)
    pen.oval(0.04, 0.895 + bob, 0.098, 0.092, "#1d2530")
    pen.smooth([(0.04, 0.965 + bob), (0.10, 0.94 + bob), (0.12, 0.89 + bob), (0.085, 0.92 + bob)], "#e8a84c")
    pen.smooth([(-0.02, 0.86 + bob), (0.03, 0.83 + bob), (0.07, 0.83 + bob), (0.02, 0.85 + bob)], "#4a6888")


def robot(pen: Pen, phase: float, look: Look) -> None:
    a = 2 * math.pi * phase
    body = look.or_else("#8fa3b2")
    dark, joint = shade(body, 0.6), "#39424c"
    swing, bob = 0.30 * math.sin(a), 0.012 * math.cos(2 * a)
    for angle, tone in ((-swing, dark), (swing, body)):
        knee, ankle = bent((0.0, 0.36 + bob), angle, 0.12, 0.16, 0.15)
        pen.limb([(0, 0.36 + bob, 0.045), (*knee, 0.038)], joint)
        pen.limb([(*knee, 0.052), (*ankle, 0.058)], tone)
        pen.smooth([(ankle[0] - 0.07, ankle[1] + 0.01), (ankle[0] + 0.05, ankle[1] + 0.03),
            (ankle[0] + 0.13, ankle[1] - 0.04),
                    (ankle[0] - 0.08, ankle[1] - 0.045)], dark)
    pen.limb([(-0.02, 0.68 + bob, 0.04), (-0.13 + swing * 0.1, 0.56 + bob, 0.034),
        (-0.08 + swing * 0.3, 0.44 + bob, 0.03)], dark)
    pen.smooth([(-0.13, 0.38 + bob), (-0.16, 0.68 + bob), (-0.12, 0.73 + bob), (0.13, 0.73 + bob), (0.16, 0.68 + bob),
                (0.12, 0.38 + bob)], body)
    pen.box(-0.075, 0.53 + bob, 0.10, 0.65 + bob, joint)
    for n in range(3):
        glow = [(-0.05 + 0.05 * n, 0.60 + bob), (-0.025 + 0.05 * n, 0.60 + bob), (-0.025 + 0.05 * n, 0.63 + bob),
            (-0.05 + 0.05 * n, 0.63 + bob)]
        pen.polygon(glow, ("#ffce4a", "#5ee0c0", "#ff6a55")[n])
        pen.glow(glow, ("#ffce4a", "#5ee0c0", "#ff6a55")[n])
    pen.limb([(0, 0.73 + bob, 0.03), (0, 0.78 + bob, 0.03)], joint)
    pen.smooth([(-0.12, 0.78 + bob), (-0.13, 0.95 + bob), (-0.05, 0.985 + bob), (0.08, 0.985 + bob), (0.14, 0.94 + bob),
                (0.13, 0.78 + bob)], shade(body, 1.15))
    pen.smooth([(-0.02, 0.84 + bob), (-0.02, 0.93 + bob), (0.13, 0.93 + bob), (0.13, 0.84 + bob)], joint)
    for x in (0.03, 0.095):
        eye = [(x - 0.022, 0.865 + bob), (x + 0.022, 0.865 + bob), (x + 0.022, 0.91 + bob), (x - 0.022, 0.91 + bob)]
        pen.smooth(eye, "#7df0ff")
        pen.glow(eye, "#7df0ff")
    pen.line([(0, 0.98 + bob), (0, 1.06 + bob)], 0.014, joint)
    pen.oval(0, 1.07 + bob, 0.024, 0.024, "#ff5a4a")
    elbow = (0.10 + swing * 0.2, 0.57 + bob)
    pen.limb([(0.03, 0.68 + bob, 0.046), (*elbow, 0.036), (elbow[0] + 0.11, elbow[1] - 0.04, 0.034)], shade(body, 0.85))


_BOX = (-0.48, -0.06, 0.48, 1.12)

PERSON = Figure(draw=walker, box=_BOX, size=0.36, place="ground", home="meadow", phases=16, rate=0.95, pace=0.075)
RUNNER = Figure(draw=runner, box=_BOX, size=0.36, place="ground", home="meadow", phases=16, rate=1.5, pace=0.16)
DANCER = Figure(draw=dancer, box=_BOX, size=0.42, place="ground", home="stage", phases=16, rate=0.6)
STANDING = Figure(draw=standing, box=_BOX, size=0.36, place="ground", home="meadow", phases=8, rate=0.25)
ASTRONAUT = Figure(draw=astronaut, box=_BOX, size=0.40, place="ground", home="moonscape", phases=16, rate=0.5,
    pace=0.04)
ROBOT = Figure(draw=robot, box=_BOX, size=0.40, place="ground", home="street", phases=16, rate=0.6, pace=0.045)
