"""Animals on four legs, from one body plan: proportions, coat, head and tail make the kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from reelwright.engines.sketch.cast.figure import Figure, Look
from reelwright.engines.sketch.cast.pen import Pen, Point, shade

# Shapes are tables of numbers: they are laid out by hand.
# fmt: off

@dataclass(frozen=True, slots=True, kw_only=True)
class Breed:
    """Lengths in units of the shoulder's height. `neck` is (length, radians above the horizontal, radius), `head`
    (length, height), `girth` the body's half height at chest and loin, `leg` the half thickness of a leg.

    `ears`, `tail` and `extra` name shapes, `marks` a pattern; `stockings` is the colour of the legs, if another one.
    """

    coat: str
    belly: str
    length: float
    girth: tuple[float, float]
    leg: float
    neck: tuple[float, float, float]
    head: tuple[float, float]
    ears: str = "pointed"
    tail: str = "thin"
    extra: str = ""
    marks: str = ""
    stockings: str = ""
    muzzle: str = ""
    hoof: str = ""


def beast(pen: Pen, phase: float, look: Look, breed: Breed) -> None:
    coat = look.or_else(breed.coat)
    a = 2 * math.pi * phase
    bob = 0.012 * math.cos(2 * a)
    half, (chest, loin) = breed.length / 2, breed.girth
    back = 1.0 + bob
    front, rear = (half * 0.72, back - chest), (-half * 0.78, back - loin)
    dark = shade(breed.stockings or coat, 0.62)
    _leg(pen, rear, a + math.pi, breed, dark, hind=True)
    _leg(pen, front, a + math.pi * 1.5, breed, dark, hind=False)
    _TAILS[breed.tail](pen, (-half * 1.0, back - loin * 0.55), a, coat, breed)
    nose, poll = head_places(breed, half, back, chest, a)
    if breed.extra == "mane-hair":
        _mane(pen, (half * 0.62, back - 0.02), poll, shade(coat, 0.35) if breed.marks != "stripes" else "#222222")
    _trunk(pen, breed, coat, half, back, chest, loin, poll)
    if breed.marks:
        _MARKS[breed.marks](pen, breed, half, back, chest, loin)
    _leg(pen, rear, a, breed, breed.stockings or shade(coat, 0.94), hind=True)
    _leg(pen, front, a + math.pi * 0.5, breed, breed.stockings or shade(coat, 0.96), hind=False)
    _face(pen, breed, coat, poll, nose, a)


def head_places(breed: Breed, half: float, back: float, chest: float, a: float) -> tuple[Point, Point]:
    length, angle, _ = breed.neck
    nod = 0.03 * math.sin(2 * a)
    base = (half * 0.80, back - chest * 0.55)
    poll = (base[0] + math.cos(angle + nod) * length, base[1] + math.sin(angle + nod) * length)
    return (poll[0] + breed.head[0], poll[1] - breed.head[0] * 0.42), poll


def _trunk(pen: Pen, breed: Breed, coat: str, half: float, back: float, chest: float, loin: float, poll: Point) -> None:
    if breed.extra == "wool":
        for n in range(12):
            w = 2 * math.pi * n / 12
            pen.oval(math.cos(w) * half * 0.85, back - chest + math.sin(w) * chest * 0.82, chest * 0.42, chest * 0.40,
                shade(coat, 0.93))
    if breed.extra == "lion":
        pen.oval(poll[0] - 0.06, poll[1] - 0.06, 0.34, 0.36, "#7a4518")
    radius = breed.neck[2]
    pen.limb([(half * 0.62, back - chest * 0.8, chest * 0.78), (half * 0.95, back - chest * 0.45, radius * 1.25),
        (poll[0], poll[1], radius * 0.78)], coat)
    top = back
    pen.smooth(
        [(half * 0.95, top - chest * 0.55), (half * 0.72, top + 0.0), (0.12 * half, top - 0.035),
            (-half * 0.55, top + 0.005),
         (-half * 0.98, top - loin * 0.45), (-half * 1.0, top - loin * 1.1), (-half * 0.72, top - loin * 1.75),
         (-half * 0.2, top - loin * 1.85), (half * 0.35, top - chest * 1.95), (half * 0.85, top - chest * 1.6)],
        coat,
    )
    pen.smooth([(half * 0.55, top - chest * 1.68), (0.0, top - loin * 1.55), (-half * 0.55, top - loin * 1.5),
                (-half * 0.2, top - loin * 1.85), (half * 0.35, top - chest * 1.95)], breed.belly)


def _leg(pen: Pen, hip: Point, a: float, breed: Breed, colour: str, hind: bool) -> None:
    r = breed.leg
    swing, lift = math.sin(a) * 0.30, max(0.0, math.cos(a))
    reach = hip[1] - 0.04
    upper, lower = reach * 0.52, reach * 0.50
    thigh = swing * 0.8 + (0.18 if hind else 0.02)
    knee = (hip[0] + math.sin(thigh) * upper, hip[1] - math.cos(thigh) * upper + 0.02 * lift)
    shin = thigh - (0.42 if hind else 0.05) - lift * (0.5 if hind else -0.1) + (0 if hind else -lift * 0.9)
    foot = (knee[0] + math.sin(shin) * lower, max(0.03, knee[1] - math.cos(shin) * lower))
    pen.limb([(hip[0], hip[1] + 0.02, r * (2.3 if hind else 1.7)), (*knee, r * 1.05), (*foot, r * 0.85)], colour)
    paw = breed.hoof or colour
    pen.smooth([(foot[0] - r * 0.95, foot[1] + r * 0.5), (foot[0] + r * 0.9, foot[1] + r * 0.5),
                (foot[0] + r * 1.8, foot[1] - 0.03), (foot[0] - r * 1.0, foot[1] - 0.03)], paw)


def _face(pen: Pen, breed: Breed, coat: str, poll: Point, nose: Point, a: float) -> None:
    length, high = breed.head
    x, y = poll
    muzzle = breed.muzzle or shade(coat, 0.88)
    flick = 0.04 * math.sin(a)
    _ear(pen, breed, shade(coat, 0.65), (x - 0.02, y), flick, 0.8)
    if breed.extra == "antlers":
        for s, tone in ((0.85, "#5a4530"), (1.0, "#7a6044")):
            pen.line([(x, y + 0.08), (x - 0.05 * s, y + 0.28), (x + 0.06, y + 0.46 * s)], 0.028, tone)
            pen.line([(x - 0.04 * s, y + 0.26), (x + 0.10 * s, y + 0.34)], 0.022, tone)
            pen.line([(x - 0.03, y + 0.30), (x - 0.16 * s, y + 0.42)], 0.022, tone)
    if breed.extra == "trunk":
        _elephant(pen, coat, x, y, a)
        return
    short = length < 0.30
    if short:
        pen.oval(x, y, high * 0.62, high * 0.58, coat)
        pen.oval(x + high * 0.48, y - high * 0.20, length * 0.55, high * 0.30, muzzle)
        tip = (x + high * 0.48 + length * 0.46, y - high * 0.12)
    else:
        pen.smooth([(x - high * 0.34, y + high * 0.30), (x + high * 0.15, y + high * 0.36),
            (x + length * 0.55, y - length * 0.12),
                    (x + length * 0.92, y - length * 0.34), (x + length * 0.90, y - length * 0.58),
                        (x + length * 0.66, y - length * 0.60),
                    (x + length * 0.2, y - high * 0.62), (x - high * 0.38, y - high * 0.35)], coat)
        pen.smooth([(x + length * 0.66, y - length * 0.24), (x + length * 0.93, y - length * 0.36),
            (x + length * 0.90, y - length * 0.58),
                    (x + length * 0.66, y - length * 0.58)], muzzle)
        tip = (x + length * 0.88, y - length * 0.40)
    pen.oval(tip[0], tip[1], 0.030, 0.024, "#241c1a")
    eye = (x + high * (0.26 if short else 0.16), y + high * 0.10)
    if breed.marks == "panda":
        pen.oval(eye[0], eye[1] - 0.01, 0.055, 0.065, "#1d1d1f", 0.4)
    pen.oval(eye[0], eye[1], 0.026, 0.028, "#1a1412")
    pen.oval(eye[0] + 0.008, eye[1] + 0.010, 0.008, 0.008, "#ffffff")
    if breed.extra == "horns":
        pen.smooth([(x - 0.01, y + 0.08), (x + 0.05, y + 0.20), (x + 0.12, y + 0.22), (x + 0.07, y + 0.12)], "#e9dfc4")
    if breed.extra == "ossicones":
        pen.line([(x - 0.01, y + 0.06), (x - 0.03, y + 0.17)], 0.03, "#6a4a2a")
    _ear(pen, breed, shade(coat, 0.9), (x - 0.05, y), flick, 1.0)


def _ear(pen: Pen, breed: Breed, colour: str, at: Point, flick: float, size: float) -> None:
    x, y = at
    h = breed.head[1]
    match breed.ears:
        case "pointed":
            pen.polygon([(x - 0.10 * size, y + h * 0.30), (x + 0.02 + flick, y + h * 0.98 * size),
                (x + 0.12 * size, y + h * 0.38)], colour)
            pen.polygon([(x - 0.05 * size, y + h * 0.40), (x + 0.015 + flick, y + h * 0.82 * size),
                (x + 0.07 * size, y + h * 0.42)], shade(colour, 1.25))
        case "floppy":
            pen.smooth([(x - 0.02, y + h * 0.48), (x + 0.05, y + h * 0.38), (x + 0.02 + flick, y - h * 0.52),
                (x - 0.10 + flick, y - h * 0.50), (x - 0.10, y + h * 0.2)], shade(colour, 0.72))
        case "round":
            colour = "#1d1d1f" if breed.marks == "panda" else colour
            pen.oval(x - 0.02, y + h * 0.54, 0.085 * size, 0.085 * size, colour)
        case "side":
            pen.smooth([(x - 0.02, y + h * 0.25), (x - 0.20, y + h * 0.45 + flick), (x - 0.24, y + h * 0.28 + flick),
                (x - 0.08, y + h * 0.10)], colour)
        case _:
            pass


def _elephant(pen: Pen, coat: str, x: float, y: float, a: float) -> None:
    sway = 0.08 * math.sin(a)
    pen.oval(x, y, 0.25, 0.25, coat)
    pen.limb([(x + 0.17, y - 0.05, 0.12), (x + 0.28, y - 0.25, 0.088), (x + 0.30 + sway * 0.5, y - 0.48, 0.062),
        (x + 0.33 + sway, y - 0.66, 0.05), (x + 0.42 + sway, y - 0.70, 0.04)], coat)
    pen.smooth([(x + 0.14, y - 0.18), (x + 0.30, y - 0.33), (x + 0.44, y - 0.30), (x + 0.30, y - 0.26),
        (x + 0.20, y - 0.12)], "#f0ead8")
    flap = 0.03 * math.sin(a * 2)
    pen.smooth([(x - 0.02, y + 0.18), (x - 0.30 - flap, y + 0.20), (x - 0.36 - flap, y - 0.05), (x - 0.24, y - 0.30),
        (x - 0.08, y - 0.22)], shade(coat, 0.80))
    pen.oval(x + 0.12, y + 0.05, 0.024, 0.024, "#1a1412")


def _mane(pen: Pen, withers: Point, poll: Point, colour: str) -> None:
    bend = [(poll[0] + 0.06, poll[1] + 0.10), (poll[0] - 0.06, poll[1] + 0.09), (withers[0] - 0.03, withers[1] + 0.06),
            (withers[0] - 0.08, withers[1] - 0.02), (withers[0] + 0.10, withers[1] - 0.05),
                (poll[0] - 0.02, poll[1] - 0.05)]
    pen.smooth(bend, colour)


Tail = Callable[[Pen, Point, float, str, Breed], None]


def _thin(pen: Pen, at: Point, a: float, coat: str, breed: Breed) -> None:
    sway = 0.06 * math.sin(a)
    pen.limb([(at[0] + 0.05, at[1], 0.035), (at[0] - 0.09, at[1] - 0.18, 0.022),
        (at[0] - 0.10 + sway, at[1] - 0.44, 0.016)], coat)
    pen.oval(at[0] - 0.10 + sway, at[1] - 0.47, 0.032, 0.06, shade(coat, 0.4))


def _up(pen: Pen, at: Point, a: float, coat: str, breed: Breed) -> None:
    wag = 0.10 * math.sin(a * 2)
    pen.limb([(at[0] + 0.05, at[1], 0.05), (at[0] - 0.12, at[1] + 0.16, 0.040),
        (at[0] - 0.12 + wag, at[1] + 0.34, 0.022)], coat)


def _cat(pen: Pen, at: Point, a: float, coat: str, breed: Breed) -> None:
    wave = 0.08 * math.sin(a)
    pen.limb([(at[0] + 0.06, at[1], 0.050), (at[0] - 0.18, at[1] + 0.02, 0.045), (at[0] - 0.32, at[1] + 0.20, 0.042),
        (at[0] - 0.30 + wave, at[1] + 0.44, 0.040), (at[0] - 0.20 + wave * 1.5, at[1] + 0.54, 0.034)], coat)


def _bushy(pen: Pen, at: Point, a: float, coat: str, breed: Breed) -> None:
    wave = 0.05 * math.sin(a)
    pen.smooth([(at[0] + 0.08, at[1] + 0.04), (at[0] - 0.20, at[1] + 0.03), (at[0] - 0.50, at[1] - 0.10 + wave),
        (at[0] - 0.70, at[1] - 0.30 + wave), (at[0] - 0.45, at[1] - 0.32 + wave), (at[0] - 0.14, at[1] - 0.16)], coat)
    pen.smooth([(at[0] - 0.52, at[1] - 0.13 + wave), (at[0] - 0.70, at[1] - 0.30 + wave),
        (at[0] - 0.48, at[1] - 0.31 + wave)], breed.belly)


def _hair(pen: Pen, at: Point, a: float, coat: str, breed: Breed) -> None:
    wave = 0.06 * math.sin(a)
    pen.smooth([(at[0] + 0.06, at[1] + 0.05), (at[0] - 0.12, at[1] + 0.02), (at[0] - 0.22 + wave, at[1] - 0.30),
        (at[0] - 0.18 + wave, at[1] - 0.58), (at[0] - 0.06 + wave, at[1] - 0.40), (at[0] - 0.02, at[1] - 0.12)],
        "#222222" if breed.marks == "stripes" else shade(coat, 0.38))


def _stub(pen: Pen, at: Point, a: float, coat: str, breed: Breed) -> None:
    pen.oval(at[0] - 0.02, at[1] + 0.01, 0.085, 0.075, coat)


_TAILS: dict[str, Tail] = {"thin": _thin, "up": _up, "cat": _cat, "bushy": _bushy, "hair": _hair, "stub": _stub}

Mark = Callable[[Pen, Breed, float, float, float, float], None]


def _stripes(pen: Pen, breed: Breed, half: float, back: float, chest: float, loin: float) -> None:
    for n in range(9):
        x = -half * 0.88 + n * half * 0.21
        deep = 1.35 if n % 2 else 1.05
        top = back - 0.05 - 0.05 * abs(n - 4) / 4
        pen.polygon([(x - 0.022, top), (x + 0.022, top), (x + 0.05, back - chest * deep),
            (x + 0.04, back - chest * deep)], "#221c1a")
    length, angle, radius = breed.neck
    for n in range(1, 5 if breed.extra == "mane-hair" else 1):
        share = n / 5
        x, y = half * 0.8 + math.cos(angle) * length * share, back - chest * 0.55 + math.sin(angle) * length * share
        c, s = math.sin(angle), math.cos(angle)
        w = radius * (1.1 - 0.4 * share)
        pen.line([(x - c * w, y + s * w), (x + c * w * 0.5, y - s * w * 0.5)], 0.032, "#221c1a")


def _patches(pen: Pen, breed: Breed, half: float, back: float, chest: float, loin: float) -> None:
    dark = "#2a2321"
    pen.smooth([(-half * 0.8, back - 0.06), (-half * 0.3, back - 0.045), (-half * 0.25, back - loin),
        (-half * 0.6, back - loin * 1.3), (-half * 0.85, back - loin * 0.8)], dark)
    pen.smooth([(half * 0.2, back - chest * 0.5), (half * 0.6, back - chest * 0.3), (half * 0.75, back - chest),
        (half * 0.4, back - chest * 1.5), (half * 0.12, back - chest * 1.1)], dark)


def _spots(pen: Pen, breed: Breed, half: float, back: float, chest: float, loin: float) -> None:
    tone = "#8a5526"
    for n in range(13):
        x = -half * 0.8 + (n % 7) * half * 0.26 + (0.04 if n >= 7 else 0)
        y = back - chest * (0.45 if n < 7 else 1.05) - 0.02 * (n % 3)
        pen.smooth([(x - 0.06, y + 0.02), (x + 0.01, y + 0.065), (x + 0.065, y), (x + 0.01, y - 0.065),
            (x - 0.055, y - 0.04)], tone)
    length, angle, _radius = breed.neck
    for n in range(9):
        share = 0.10 + n * 0.10
        x, y = half * 0.8 + math.cos(angle) * length * share, back - chest * 0.55 + math.sin(angle) * length * share
        pen.oval(x + (0.035 if n % 2 else -0.03), y, 0.045, 0.042, tone)


def _panda(pen: Pen, breed: Breed, half: float, back: float, chest: float, loin: float) -> None:
    pen.smooth([(half * 0.25, back + 0.0), (half * 0.72, back - 0.0), (half * 0.80, back - chest * 1.7),
        (half * 0.45, back - chest * 1.9), (half * 0.35, back - chest)], "#1d1d1f")


_MARKS: dict[str, Mark] = {"stripes": _stripes, "patches": _patches, "spots": _spots, "panda": _panda}

BREEDS = {
    "dog": Breed(coat="#b5803f", belly="#e8d2a8", length=1.05, girth=(0.21, 0.165), leg=0.052, neck=(0.34, 0.95, 0.13),
                 head=(0.24, 0.28), ears="floppy", tail="up", muzzle="#e8d2a8"),
    "horse": Breed(coat="#7a4a2a", belly="#6b4023", length=1.12, girth=(0.21, 0.18), leg=0.042, neck=(0.52, 0.98, 0.13),
                   head=(0.42, 0.24), tail="hair", extra="mane-hair", hoof="#2a2320"),
    "cow": Breed(coat="#efe9e0", belly="#e6d6c8", length=1.35, girth=(0.29, 0.27), leg=0.055, neck=(0.26, 0.35, 0.19),
                 head=(0.36, 0.26), ears="side", tail="thin", extra="horns", marks="patches", muzzle="#e0a9a0",
                 hoof="#3a3230"),
    "sheep": Breed(coat="#efe8da", belly="#e0d8c8", length=1.05, girth=(0.31, 0.31), leg=0.042, neck=(0.20, 0.45, 0.13),
                   head=(0.31, 0.24), ears="side", tail="stub", extra="wool", stockings="#3a3432", muzzle="#3a3432"),
    "deer": Breed(coat="#a8703f", belly="#e6cfae", length=1.0, girth=(0.18, 0.155), leg=0.033, neck=(0.48, 1.05, 0.09),
                  head=(0.31, 0.18), ears="side", tail="stub", extra="antlers", hoof="#2a2320"),
    "fox": Breed(coat="#d2622a", belly="#f6ead9", length=1.20, girth=(0.17, 0.15), leg=0.042, neck=(0.30, 0.62, 0.12),
                 head=(0.29, 0.27), tail="bushy", muzzle="#f6ead9", stockings="#3a2a26"),
    "wolf": Breed(coat="#79808a", belly="#c9ced4", length=1.15, girth=(0.21, 0.165), leg=0.048, neck=(0.32, 0.65, 0.15),
                  head=(0.32, 0.27), tail="bushy", muzzle="#c9ced4"),
    "bear": Breed(coat="#5f4029", belly="#54371f", length=1.25, girth=(0.33, 0.33), leg=0.088, neck=(0.26, 0.35, 0.23),
                  head=(0.27, 0.38), ears="round", tail="stub", muzzle="#a8825c"),
    "polar bear": Breed(coat="#f2efe6", belly="#e2ddd0", length=1.30, girth=(0.32, 0.32), leg=0.085,
                        neck=(0.32, 0.40, 0.20), head=(0.27, 0.34), ears="round", tail="stub", muzzle="#fbfaf5"),
    "panda": Breed(coat="#f2f0ea", belly="#e6e2d8", length=1.15, girth=(0.34, 0.34), leg=0.090, neck=(0.24, 0.45, 0.22),
                   head=(0.22, 0.44), ears="round", tail="stub", marks="panda", stockings="#1d1d1f"),
    "elephant": Breed(coat="#8b8f96", belly="#7c8087", length=1.25, girth=(0.36, 0.36), leg=0.095,
        neck=(0.30, 0.35, 0.24),
                      head=(0.3, 0.3), ears="", tail="thin", extra="trunk", hoof="#d8d2c4"),
    "giraffe": Breed(coat="#e0b05c", belly="#ead0a0", length=0.95, girth=(0.21, 0.17), leg=0.040,
        neck=(1.05, 1.18, 0.10),
                     head=(0.31, 0.18), ears="side", tail="thin", extra="ossicones", marks="spots", hoof="#3a3028"),
    "zebra": Breed(coat="#f2efe8", belly="#e8e4da", length=1.12, girth=(0.22, 0.20), leg=0.043, neck=(0.46, 0.92, 0.14),
                   head=(0.38, 0.23), tail="hair", extra="mane-hair", marks="stripes", muzzle="#3a3634",
                       hoof="#2a2320"),
    "lion": Breed(coat="#cf9a4c", belly="#e6c88c", length=1.25, girth=(0.23, 0.20), leg=0.058, neck=(0.30, 0.70, 0.17),
                  head=(0.26, 0.32), ears="round", tail="thin", extra="lion", muzzle="#ecd6a6"),
    "tiger": Breed(coat="#e0862e", belly="#f6e8d2", length=1.28, girth=(0.23, 0.21), leg=0.060, neck=(0.30, 0.60, 0.17),
                   head=(0.24, 0.33), ears="round", tail="cat", marks="stripes", muzzle="#f8efe0"),
}

_HOMES = {"polar bear": "snowfield", "elephant": "savanna", "giraffe": "savanna", "zebra": "savanna", "lion": "savanna",
          "deer": "forest", "fox": "forest", "wolf": "forest", "bear": "forest", "tiger": "forest", "panda": "forest"}
_SIZES = {"dog": 0.23, "sheep": 0.22, "fox": 0.21, "giraffe": 0.27, "elephant": 0.34,
          "horse": 0.28, "cow": 0.28, "bear": 0.27, "polar bear": 0.27}


def _figure(name: str) -> Figure:
    breed = BREEDS[name]
    tall = 1.25 + max(0.0, math.sin(breed.neck[1]) * breed.neck[0] - 0.1) + (0.5 if breed.extra == "antlers" else 0.2)
    box = (-breed.length / 2 - 0.75, -0.04, breed.length / 2 + 1.05, tall)
    return Figure(draw=partial(beast, breed=breed), box=box, size=_SIZES.get(name, 0.26), place="ground",
                  home=_HOMES.get(name, "meadow"), phases=16, rate=1.0, pace=0.07)


FIGURES = {name: _figure(name) for name in BREEDS}
