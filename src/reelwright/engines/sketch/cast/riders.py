"""Who rides: a beast, a bicycle, a motorcycle; who rows; a surfer, a skier, a snowboarder; a knight on foot.

Riders are drawn in units of a person's height, with the hip where a person's is, and laid into the picture of what
carries them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from reelwright.engines.sketch.cast.beasts import BREEDS, FIGURES, Breed, beast, head_places
from reelwright.engines.sketch.cast.figure import Draw, Figure, Look, Rider
from reelwright.engines.sketch.cast.pen import Pen, Point, ellipse, shade
from reelwright.engines.sketch.cast.people import HAIRS, LEGS, SKINS, TOPS, arm, bent, head, leg, torso

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

_STEEL, _SUIT, _METAL = "#b4bcc6", "#e9ebee", "#8fa3b2"
_BOX = (-0.50, -0.06, 0.62, 1.16)
_LANCE_BOX = (-0.50, -0.06, 1.30, 1.16)
_LEG_BOX = (-0.10, -0.06, 0.40, 0.62)
_HIP = 0.49


@dataclass(frozen=True, slots=True, kw_only=True)
class Garb:
    """What a rider wears, as colours; `kind` is "person", "knight", "astronaut" or "robot", `limb` the half thickness
    of a thigh."""

    kind: str
    skin: str
    hair: str
    top: str
    legs: str
    boots: str
    long: bool
    limb: float


def garb_of(rider: Rider, kind: int) -> Garb:
    """`kind` picks clothes and hair where the prompt names none."""
    number = 2 * kind + rider.female
    skin, hair = SKINS[number % 5], HAIRS[(number * 3 + 1) % 5]
    top, legs, boots, limb = rider.colour or TOPS[(number * 2) % 7], LEGS[number % 5], "#2a2422", 0.056
    match rider.name:
        case "knight":
            top, legs, boots = rider.colour or "#a83238", _STEEL, shade(_STEEL, 0.7)
        case "astronaut":
            top, legs, boots, limb = rider.colour or _SUIT, rider.colour or _SUIT, "#6a7078", 0.078
        case "robot":
            top, legs, boots = rider.colour or _METAL, "#5a6874", "#39424c"
    named = rider.name if rider.name in ("knight", "astronaut", "robot") else "person"
    return Garb(kind=named, skin=skin, hair=hair, top=top, legs=legs, boots=boots, long=rider.female, limb=limb)


def thigh(pen: Pen, garb: Garb, hip: Point, knee: Point, foot: Point, tone: float) -> None:
    """A bent leg with its boot, which points to the right."""
    r = garb.limb
    pen.limb([(*hip, r), (*knee, r * 0.80), (*foot, r * 0.60)], shade(garb.legs, tone))
    x, y = foot
    pen.smooth([(x - 0.035, y + 0.05), (x + 0.035, y + 0.05), (x + 0.095, y - 0.012), (x + 0.09, y - 0.035),
                (x - 0.045, y - 0.035)], shade(garb.boots, tone))


def trunk(pen: Pen, garb: Garb, lean: float, hand: Point, far_hand: Point | None = None) -> None:
    """All above the hip: arms whose hands are at `hand` and `far_hand`, the torso, which leans forward, the head."""
    shoulder = (lean * 0.33, 0.785)
    cloth = _STEEL if garb.kind == "knight" else garb.top
    if far_hand is not None:
        _reaching(pen, garb, (shoulder[0] - 0.012, shoulder[1]), far_hand, 0.68)
    if garb.kind == "astronaut":
        x = shoulder[0]
        pen.smooth([(-0.17, 0.50), (x - 0.20, 0.80), (x - 0.08, 0.83), (-0.05, 0.5)], shade(cloth, 0.62))
        pen.limb([(0.0, 0.52, 0.105), (x, 0.74, 0.105)], cloth)
        pen.box(-0.02, 0.58, 0.10, 0.66, shade(cloth, 0.62))
    elif garb.kind == "robot":
        x = shoulder[0]
        pen.smooth([(-0.10, 0.46), (x - 0.13, 0.80), (x + 0.12, 0.81), (0.11, 0.46)], cloth)
        pen.box(x - 0.03, 0.62, x + 0.08, 0.71, "#39424c")
    else:
        torso(pen, lean, 0.0, cloth, 0.92 if garb.long else 1.05)
        if garb.kind == "knight":
            pen.smooth([(-0.075, 0.40), (-0.055, 0.62), (shoulder[0] - 0.05, 0.77), (shoulder[0] + 0.055, 0.77),
                        (0.065, 0.62), (0.075, 0.42)], garb.top)
            pen.line([(-0.055, 0.53), (0.062, 0.53)], 0.022, "#4a3422")
    crown(pen, garb, shoulder[0] + 0.018 + lean * 0.2, 0.918)
    _reaching(pen, garb, shoulder, hand, 0.92)


def crown(pen: Pen, garb: Garb, x: float, y: float) -> None:
    """A head, or what is worn over it."""
    match garb.kind:
        case "knight":
            pen.limb([(x - 0.015, y - 0.05, 0.040), (x - 0.02, y - 0.11, 0.045)], shade(_STEEL, 0.75))
            pen.smooth([(x - 0.03, y + 0.09), (x - 0.10, y + 0.15), (x - 0.17, y + 0.09), (x - 0.16, y + 0.0),
                        (x - 0.10, y + 0.07)], "#c8303a")
            pen.smooth([(x - 0.075, y + 0.02), (x - 0.05, y + 0.085), (x + 0.015, y + 0.095), (x + 0.07, y + 0.05),
                        (x + 0.088, y - 0.01), (x + 0.06, y - 0.075), (x - 0.05, y - 0.075)], _STEEL)
            pen.polygon([(x + 0.0, y + 0.032), (x + 0.082, y + 0.024), (x + 0.086, y + 0.002), (x + 0.0, y + 0.008)],
                "#20242a")
            pen.line([(x + 0.02, y - 0.03), (x + 0.075, y - 0.03)], 0.008, "#5a626c")
        case "astronaut":
            pen.oval(x, y - 0.01, 0.130, 0.125, garb.top)
            pen.oval(x + 0.03, y - 0.01, 0.094, 0.088, "#1d2530")
            pen.smooth([(x + 0.03, y + 0.06), (x + 0.09, y + 0.035), (x + 0.11, y - 0.015), (x + 0.075, y + 0.015)],
                "#e8a84c")
        case "robot":
            pen.limb([(x - 0.02, y - 0.13, 0.03), (x - 0.02, y - 0.06, 0.03)], "#39424c")
            pen.smooth([(x - 0.11, y - 0.09), (x - 0.12, y + 0.06), (x - 0.05, y + 0.09), (x + 0.07, y + 0.09),
                        (x + 0.12, y + 0.05), (x + 0.11, y - 0.09)], shade(garb.top, 1.15))
            pen.oval(x + 0.06, y, 0.030, 0.030, "#7df0ff")
            pen.glow(ellipse(x + 0.06, y, 0.035, 0.035), "#7df0ff")
        case _:
            head(pen, x, y, garb.skin, garb.hair, garb.long)


def _reaching(pen: Pen, garb: Garb, shoulder: Point, hand: Point, tone: float) -> None:
    """An arm from the shoulder to where its hand is, the elbow below."""
    upper, lower = 0.165, 0.155
    dx, dy = hand[0] - shoulder[0], hand[1] - shoulder[1]
    span = min(math.hypot(dx, dy), upper + lower - 0.005) or 1e-6
    along = (span * span + upper * upper - lower * lower) / (2 * span)
    aside = math.sqrt(max(upper * upper - along * along, 0.0))
    ux, uy = dx / math.hypot(dx, dy), dy / math.hypot(dx, dy)
    side = -1 if ux >= 0 else 1
    elbow = (shoulder[0] + ux * along - side * -uy * aside, shoulder[1] + uy * along + side * ux * aside)
    end = (shoulder[0] + ux * span, shoulder[1] + uy * span)
    cloth = shade(_STEEL if garb.kind == "knight" else garb.top, tone)
    thick = 0.055 if garb.kind == "astronaut" else 0.036
    pen.limb([(*shoulder, thick), (*elbow, thick * 0.82), (*end, thick * 0.64)], cloth)
    glove = garb.skin if garb.kind == "person" else garb.boots
    pen.oval(end[0], end[1], thick * 0.72, thick * 0.74, shade(glove, max(tone, 0.8)))


def mounted(pen: Pen, phase: float, look: Look, breed: Breed, share: float) -> None:
    """A rider on a beast. `share`: how tall a person is beside the beast's shoulder."""
    rider = look.rider or Rider()
    garb = garb_of(rider, look.kind)
    a = 2 * math.pi * phase
    half, back = breed.length / 2, 1.0 + 0.012 * math.cos(2 * a)
    seat = (-half * 0.10, back + 0.02 + 0.012 * math.cos(2 * a + 0.8))

    def lay(part: Pen) -> None:
        pen.paste(part, seat[0], seat[1] - _HIP * share)

    far = pen.part(_LEG_BOX, share)
    thigh(far, garb, (0.02, _HIP), (0.16, 0.36), (0.12, 0.15), 0.62)
    lay(far)
    beast(pen, phase, Look(colour=look.colour, kind=look.kind), breed)
    cloth = garb.top if garb.kind == "knight" else "#5a3522"
    chest, loin = breed.girth
    pen.smooth([(-half * 0.46, back - 0.01), (-half * 0.10, back + 0.015), (half * 0.30, back + 0.0),
                (half * 0.26, back - chest * 0.9), (-half * 0.40, back - loin * 0.95)], shade(cloth, 0.8))
    pen.smooth([(-half * 0.34, back + 0.055), (-half * 0.12, back + 0.02), (half * 0.16, back + 0.06),
                (half * 0.12, back - 0.07), (-half * 0.28, back - 0.07)], "#3f2416")
    nose, _poll = head_places(breed, half, back, chest, a)
    hand = (0.20, 0.60 + 0.01 * math.sin(2 * a))
    rein = (seat[0] + hand[0] * share, seat[1] + (hand[1] - _HIP) * share)
    if breed.extra != "trunk":
        pen.line([(nose[0] - 0.08, nose[1] - 0.02), rein], 0.016, "#2a1c14")
    near = pen.part(_LANCE_BOX if garb.kind == "knight" else _BOX, share)
    if garb.kind == "knight":
        near.line([(-0.30, 0.50), (1.20, 0.98)], 0.022, "#8a6238")
        near.polygon([(1.16, 0.985), (1.25, 0.995), (1.18, 0.955)], "#d8dde2")
        near.polygon([(1.05, 0.93), (0.80, 0.97), (0.86, 0.89), (0.80, 0.82), (1.03, 0.91)], garb.top)
    trunk(near, garb, 0.14, (0.20, hand[1]), (0.24, hand[1] + 0.01))
    thigh(near, garb, (0.0, _HIP), (0.165, 0.37), (0.10, 0.15), 1.0)
    if garb.long and garb.kind == "person":
        near.smooth([(-0.06, 0.53), (0.06, 0.54), (0.19, 0.42), (0.20, 0.30), (0.06, 0.27), (-0.10, 0.36)], garb.top)
    if garb.kind == "knight":
        near.smooth([(-0.02, 0.72), (0.16, 0.72), (0.155, 0.58), (0.07, 0.46), (-0.015, 0.58)], garb.top)
        near.smooth([(0.01, 0.70), (0.13, 0.70), (0.125, 0.59), (0.07, 0.50), (0.015, 0.59)], "#e8dcb8")
    lay(near)


def on_bicycle(pen: Pen, phase: float, look: Look) -> None:
    a = -2 * math.pi * phase
    frame = look.or_else("#c8382e")
    garb = garb_of(look.rider or Rider(colour="#e0a83a"), look.kind)
    r, share = 0.27, 1.18
    for x in (-0.40, 0.42):
        ring = ellipse(x, r, r, r, 0, 40)
        pen.line([*ring, ring[0]], 0.030, "#1e1f22")
        for n in range(7):
            b = a * 1.4 + 2 * math.pi * n / 7
            pen.line([(x, r), (x + math.cos(b) * r * 0.94, r + math.sin(b) * r * 0.94)], 0.007, "#9aa0a6")
    crank, hub, seat, stem = (-0.02, 0.26), (-0.40, r), (-0.14, 0.60), (0.30, 0.64)
    hip = (-0.15, 0.70)

    def pedalling(n: int, tone: float) -> None:
        part = pen.part((-0.15, -0.62, 0.45, 0.12), share)
        turn = a + n * math.pi
        foot = ((crank[0] + math.cos(turn) * 0.12 - hip[0]) / share,
            (crank[1] + math.sin(turn) * 0.12 + 0.05 - hip[1]) / share)
        thigh(part, garb, (0, 0), (foot[0] / 2 + 0.145, foot[1] / 2 + 0.05), foot, tone)
        pen.paste(part, *hip)

    pedalling(1, 0.68)
    for line in ((hub, crank), (crank, seat), (hub, seat), (crank, stem), (seat, stem), (stem, (0.42, r))):
        pen.line(list(line), 0.032, frame)
    pen.line([(-0.15, 0.60), (-0.15, 0.66)], 0.03, "#4a4e54")
    pen.line([(0.30, 0.64), (0.29, 0.74), (0.38, 0.74)], 0.026, "#4a4e54")
    pen.limb([(-0.24, 0.665, 0.022), (-0.05, 0.66, 0.018)], "#26282c")
    above = pen.part(_BOX, share)
    trunk(above, garb, 0.40, (0.40, 0.55), (0.42, 0.555))
    pen.paste(above, hip[0], hip[1] - _HIP * share)
    pedalling(0, 1.0)


def on_motorcycle(pen: Pen, phase: float, look: Look) -> None:
    paint = look.or_else("#c8382e")
    garb = garb_of(look.rider or Rider(colour="#3a3f48"), look.kind)
    share = 1.22
    for x in (-0.46, 0.48):
        pen.oval(x, 0.23, 0.23, 0.23, "#1c1d20")
        pen.oval(x, 0.23, 0.138, 0.138, "#b8bec4")
        for n in range(6):
            b = -2 * math.pi * (phase + n) / 6
            pen.line([(x, 0.23), (x + math.cos(b) * 0.127, 0.23 + math.sin(b) * 0.127)], 0.032, "#5a6068")
    pen.line([(0.48, 0.23), (0.32, 0.66)], 0.045, "#5a6068")
    pen.line([(-0.46, 0.23), (0.02, 0.30)], 0.06, "#4a4e54")
    pen.smooth([(-0.18, 0.20), (-0.20, 0.42), (0.18, 0.44), (0.22, 0.22)], "#6a7078")
    pen.smooth([(-0.62, 0.52), (-0.30, 0.46), (-0.05, 0.46), (0.22, 0.48), (0.34, 0.60), (0.20, 0.66), (-0.02, 0.60),
        (-0.32, 0.56)], paint)
    pen.smooth([(-0.60, 0.56), (-0.30, 0.55), (-0.06, 0.58), (-0.30, 0.62)], "#26282c")
    above = pen.part(_BOX, share)
    trunk(above, garb, 0.42, (0.42, 0.56), (0.43, 0.56))
    thigh(above, garb, (0.0, _HIP), (0.235, 0.38), (0.12, 0.14), 1.0)
    if garb.kind == "person":
        x, y = 0.018 + 0.42 * 0.53, 0.925
        above.oval(x, y, 0.088, 0.090, paint)
        above.smooth([(x + 0.01, y + 0.03), (x + 0.085, y + 0.03), (x + 0.09, y - 0.03), (x + 0.015, y - 0.035)],
            "#1d2530")
    pen.paste(above, -0.22, 0.64 - _HIP * share)
    pen.oval(0.38, 0.60, 0.030, 0.036, "#fff2c0")
    pen.glow(ellipse(0.38, 0.60, 0.05, 0.05), "#fff0b8")
    pen.oval(-0.62, 0.60, 0.024, 0.036, "#d8302a")
    pen.glow(ellipse(-0.62, 0.60, 0.035, 0.045), "#ff3020")


def rowing(pen: Pen, phase: float, look: Look) -> None:
    """The rower sits with the back to where the boat goes, and pulls."""
    a = 2 * math.pi * phase
    wood = look.or_else("#a8632f")
    garb = garb_of(look.rider or Rider(colour="#c8453a"), look.kind)
    pull, bob = math.sin(a), 0.012 * math.cos(a)
    share = 0.62
    seat = (-0.02, 0.14 + bob)
    hand = (0.24 - 0.16 * pull, 0.64 + 0.02 * math.cos(a))
    grip = (seat[0] + hand[0] * share, seat[1] + (hand[1] - _HIP) * share)
    blade = (0.02 + 0.34 * pull, -0.035 + 0.10 * max(0.0, math.cos(a)))

    above = pen.part(_BOX, share)
    thigh(above, garb, (0.02, _HIP), (0.22, 0.55), (0.36, 0.36), 0.9)
    trunk(above, garb, 0.10 - 0.34 * pull, hand, (hand[0] + 0.02, hand[1] + 0.01))
    pen.paste(above, seat[0], seat[1] - _HIP * share)
    pen.smooth([(-0.62, 0.22 + bob), (-0.30, 0.125 + bob), (0.30, 0.125 + bob), (0.64, 0.24 + bob), (0.44, -0.06),
        (-0.42, -0.06)], wood)
    pen.smooth([(-0.62, 0.22 + bob), (-0.30, 0.135 + bob), (0.30, 0.135 + bob), (0.64, 0.24 + bob),
        (0.30, 0.095 + bob), (-0.30, 0.09 + bob)], shade(wood, 1.3))
    pen.line([grip, blade], 0.020, "#e8d0a0")
    pen.limb([(blade[0] * 0.9 + grip[0] * 0.1, blade[1] * 0.9 + grip[1] * 0.1, 0.018), (*blade, 0.034)], "#d8bc84")


def surfer(pen: Pen, phase: float, look: Look) -> None:
    """On the face of a wave that breaks behind."""
    a = 2 * math.pi * phase
    garb = garb_of(Rider(colour="#26303c", female=look.kind % 2 == 1), look.kind // 2)
    board, share = look.or_else("#f2c83a"), 0.62
    lift = 0.015 * math.sin(a)
    pen.smooth([(-1.75, -0.06), (-1.30, 0.12), (-0.86, 0.52), (-0.46, 0.86), (-0.08, 0.96), (0.20, 0.84),
                (0.27, 0.66 + lift), (0.12, 0.74), (0.10, 0.40), (0.62, 0.10), (1.55, -0.06)], "#2a7f92")
    pen.smooth([(-0.62, -0.06), (-0.52, 0.30), (-0.24, 0.62), (0.08, 0.78), (0.02, 0.46), (0.42, 0.16),
        (1.35, -0.05)], "#1f6378")
    for n in range(6):
        rise = (n / 6 + phase / 6) % 1.0
        x = -0.46 + 0.16 * n
        pen.line([(x + 0.30, -0.02 + 0.02 * n), (x + 0.06, 0.16 + 0.10 * rise), (x - 0.02, 0.34 + 0.20 * rise)], 0.012,
            "#5fb0bc")
    for n in range(15):
        s = n / 14
        x = -1.10 + 1.36 * s
        y = 0.34 + 0.62 * math.sin(math.pi * min(s * 0.72, 1.0)) - 0.20 * max(0.0, s - 0.75) * 4
        r = 0.060 + 0.030 * math.sin(a + 2.1 * n)
        pen.oval(x, y, r * 1.3, r, "#f4f8f8")
    for n in range(12):
        r = 0.07 + 0.03 * math.sin(a + 1.7 * n)
        pen.oval(-1.45 + 0.11 * n, 0.02 + 0.05 * math.sin(1.3 * n), r * 1.5, r, "#e4eef0")

    tilt, foot = -0.16 + 0.03 * math.sin(a), (0.30, 0.30 + 0.02 * math.sin(a))
    part = pen.part((-0.7, -0.3, 0.8, 1.2), share, tilt)
    part.limb([(-0.44, 0.0, 0.012), (-0.1, -0.02, 0.034), (0.25, -0.005, 0.030), (0.52, 0.07, 0.010)], board)
    part.line([(-0.40, 0.0), (0.48, 0.045)], 0.010, shade(board, 0.6))
    hip = (-0.02, 0.30)
    part.limb([(*hip, 0.056), (-0.19, 0.21, 0.046), (-0.22, 0.03, 0.034)], shade(garb.top, 0.75))
    part.limb([(*hip, 0.056), (0.17, 0.24, 0.046), (0.19, 0.05, 0.034)], garb.top)
    for x in (-0.20, 0.22):
        part.oval(x, 0.025, 0.055, 0.026, garb.skin)
    shoulder = (0.10, 0.56)
    part.limb([(0.08, 0.55, 0.034), (-0.12, 0.62, 0.028), (-0.28, 0.72 + lift, 0.022)], shade(garb.top, 0.75))
    part.limb([(*hip, 0.064), (0.08, 0.54, 0.070)], garb.top)
    head(part, shoulder[0] + 0.06, shoulder[1] + 0.14, garb.skin, garb.hair, garb.long)
    part.limb([(*shoulder, 0.036), (0.28, 0.50, 0.029), (0.42, 0.56 - lift, 0.022)], shade(garb.top, 1.15))
    part.oval(0.43, 0.565 - lift, 0.024, 0.026, garb.skin)
    pen.paste(part, *foot)
    for n in range(8):
        pen.oval(foot[0] - 0.28 - 0.06 * n, foot[1] + 0.03 + 0.02 * math.sin(a + n) + 0.015 * n, 0.050 - 0.003 * n,
            0.030, "#f4f8f8")


_SLOPE = -0.20
"""How steeply a skier goes down, in radians."""


def _downhill(pen: Pen, phase: float, look: Look, board: bool) -> None:
    a = 2 * math.pi * phase
    garb = garb_of(Rider(colour=look.or_else(("#d8402f", "#2f6fb0", "#e0902e")[look.kind % 3])), look.kind)
    dip = 0.025 * math.sin(a)
    part = pen.part((-0.98, -0.2, 0.98, 1.1), 1.0, _SLOPE)
    for n in range(26):
        gone = (n * 0.618 + 2 * phase) % 1.0
        x, y = -0.38 - 0.52 * gone, 0.02 + (0.05 + 0.26 * ((n * 0.381) % 1.0)) * math.sqrt(gone)
        r = 0.034 * (1.15 - gone)
        part.oval(x, y, r * 1.4, r, "#f6f9fc")
    if board:
        part.limb([(-0.42, 0.035, 0.014), (-0.34, 0.012, 0.022), (0.32, 0.012, 0.022), (0.42, 0.05, 0.012)], "#3a3f8a")
    else:
        for y, tone in ((0.022, 0.7), (0.008, 1.0)):
            part.line([(-0.50, y), (0.50, y), (0.62, y + 0.05)], 0.020, shade("#e0b03a", tone))
    hip = (-0.12, 0.36 + dip)
    knees = ((-0.15, 0.20), (0.14, 0.22)) if board else ((0.12, 0.26 + dip / 2), (0.10, 0.24 + dip / 2))
    feet = ((-0.24, 0.05), (0.22, 0.05)) if board else ((0.05, 0.06), (0.0, 0.05))
    thigh(part, garb, hip, knees[0], feet[0], 0.68)
    shoulder = (0.12, 0.58 + dip)
    if not board:
        part.line([(0.32, 0.44 + dip), (-0.28, 0.22)], 0.014, "#5a626c")
    thigh(part, garb, hip, knees[1], feet[1], 1.0)
    part.limb([(*hip, 0.076), (0.10, 0.57 + dip, 0.082)], garb.top)
    x, y = shoulder[0] + 0.07, shoulder[1] + 0.13
    part.oval(x, y, 0.068, 0.074, garb.skin)
    part.smooth([(x - 0.075, y - 0.02), (x - 0.065, y + 0.07), (x + 0.02, y + 0.09), (x + 0.075, y + 0.035)], "#33383e")
    part.polygon([(x + 0.015, y + 0.035), (x + 0.075, y + 0.028), (x + 0.078, y - 0.005), (x + 0.02, y)], "#e8a83c")
    hand = (0.36, 0.60 + dip) if board else (0.33, 0.45 + dip)
    _reaching(part, garb, shoulder, hand, 0.86)
    if board:
        part.limb([(shoulder[0] - 0.02, shoulder[1], 0.034), (-0.10, 0.66 + dip, 0.028), (-0.22, 0.72 + dip, 0.024)],
            shade(garb.top, 0.7))
    else:
        part.line([(0.33, 0.46 + dip), (-0.22, 0.28)], 0.016, "#3a4048")
    pen.paste(part, 0.0, 0.02)


def knight(pen: Pen, phase: float, look: Look) -> None:
    """On foot, with sword and shield."""
    a = 2 * math.pi * phase
    garb = garb_of(Rider(name="knight", colour=look.colour), look.kind)
    bob, swing = 0.012 * math.cos(2 * a), 0.36 * math.sin(a)
    hip = (0.0, _HIP + bob)
    arm(pen, (0.0, 0.785 + bob), -swing * 0.5, 0.6, shade(_STEEL, 0.7), shade(_STEEL, 0.6))
    leg(pen, hip, -swing, 0.12 + max(0.0, -math.cos(a)) * 0.5, shade(_STEEL, 0.68), shade(_STEEL, 0.5), 0.056)
    leg(pen, hip, swing, 0.12 + max(0.0, math.cos(a)) * 0.5, _STEEL, shade(_STEEL, 0.65), 0.056)
    part = pen.part(_BOX, 1.0)
    trunk(part, garb, 0.06, (0.24, 0.60 + 0.02 * math.sin(a)))
    part.smooth([(-0.10, 0.52), (0.10, 0.52), (0.11, 0.36), (0.0, 0.33), (-0.11, 0.37)], garb.top)
    hand = (0.245, 0.60 + 0.02 * math.sin(a))
    part.polygon([(hand[0] - 0.012, hand[1]), (hand[0] + 0.20, hand[1] + 0.53), (hand[0] + 0.225, hand[1] + 0.60),
                  (hand[0] + 0.23, hand[1] + 0.52), (hand[0] + 0.025, hand[1] - 0.01)], "#dfe5ea")
    part.line([(hand[0] - 0.05, hand[1] + 0.055), (hand[0] + 0.075, hand[1] + 0.005)], 0.022, "#c89a3f")
    part.line([(hand[0] - 0.03, hand[1] - 0.07), (hand[0] + 0.005, hand[1] + 0.02)], 0.022, "#5a3522")
    pen.paste(part, 0.0, bob)
    knee, end = bent((-0.02, 0.785 + bob), 0.15 + swing * 0.3, -0.7, 0.155, 0.145)
    x, y = (knee[0] + end[0]) / 2 - 0.02, (knee[1] + end[1]) / 2
    pen.smooth([(x - 0.10, y + 0.12), (x + 0.10, y + 0.12), (x + 0.095, y - 0.04), (x, y - 0.17),
        (x - 0.095, y - 0.04)], shade(garb.top, 0.85))
    pen.smooth([(x - 0.07, y + 0.09), (x + 0.07, y + 0.09), (x + 0.065, y - 0.03), (x, y - 0.125),
        (x - 0.065, y - 0.03)], "#e8dcb8")


def sitting(pen: Pen, phase: float, look: Look) -> None:
    """On a stump, hands on the knees."""
    a = 2 * math.pi * phase
    garb = garb_of(Rider(colour=look.colour, female=look.kind % 2 == 1), look.kind // 2)
    pen.smooth([(-0.15, 0.0), (-0.13, 0.20), (0.11, 0.20), (0.13, 0.0), (0.0, -0.02)], "#5a3f2a")
    pen.oval(-0.01, 0.20, 0.122, 0.026, "#a87f52")
    part = pen.part(_BOX, 1.0)
    thigh(part, garb, (0.0, _HIP), (0.20, 0.48), (0.17, 0.265), 0.72)
    trunk(part, garb, 0.14 + 0.03 * math.sin(a), (0.17, 0.545), (0.20, 0.55))
    thigh(part, garb, (0.0, _HIP), (0.22, 0.475), (0.20, 0.265), 1.0)
    pen.paste(part, 0.0, -0.235)


SITTING = Figure(draw=sitting, box=(-0.5, -0.05, 0.6, 0.90), size=0.36, place="ground", home="meadow", phases=8,
                 rate=0.25)

_TALL = {"elephant": 0.66, "giraffe": 0.85, "cow": 1.0, "bear": 0.95, "polar bear": 0.95, "lion": 1.1, "tiger": 1.1}

def ridden(name: str) -> Figure:
    """The figure of that beast with a rider on it."""
    plain, share = FIGURES[name], _TALL.get(name, 1.16)
    left, bottom, right, top = plain.box
    return Figure(
        draw=partial(mounted, breed=BREEDS[name], share=share),
        box=(left, bottom, max(right, 1.45), max(top, 1.0 + 0.78 * share)), size=plain.size * 1.06,
        place="ground", home=plain.home, phases=12, rate=1.25, pace=0.11,
    )


def _rolling(draw: Draw, top: float, size: float, pace: float) -> Figure:
    return Figure(draw=draw, box=(-0.78, -0.02, 0.80, top), size=size, place="road", home="road", phases=10, rate=2.2,
                  pace=pace)


CARRIED = {
    "bicycle": _rolling(on_bicycle, 1.42, 0.30, 0.10),
    "motorcycle": _rolling(on_motorcycle, 1.36, 0.27, 0.18),
    "rowboat": Figure(draw=rowing, box=(-0.75, -0.08, 0.75, 0.66), size=0.46, place="water", home="lake", phases=12,
                      rate=0.35, pace=0.02),
    "surfer": Figure(draw=surfer, box=(-1.85, -0.08, 1.65, 1.12), size=0.38, place="water", home="sea", phases=8,
                     rate=0.7, pace=0.06),
    "skier": Figure(draw=partial(_downhill, board=False), box=(-1.05, -0.14, 0.95, 1.0), size=0.40, place="ground",
                    home="piste", phases=12, rate=0.8, pace=0.12),
    "snowboarder": Figure(draw=partial(_downhill, board=True), box=(-1.05, -0.14, 0.95, 1.0), size=0.40, place="ground",
                    home="piste", phases=12, rate=0.8, pace=0.12),
    "knight": Figure(draw=knight, box=(-0.55, -0.06, 0.65, 1.28), size=0.38, place="ground", home="meadow", phases=16,
                     rate=0.8, pace=0.05),
}
