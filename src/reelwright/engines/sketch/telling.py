"""What is told to the prompt's author: which words were understood, and which things are not drawn."""

from __future__ import annotations

from dataclasses import replace

from reelwright.engines.sketch.lexicon.colours import NAMES
from reelwright.engines.sketch.reading import Reading, Role

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "many")
_PLURALS = {
    "person": "people", "people": "people", "crowd": "crowd", "couple": "couple", "fish": "fish", "sheep": "sheep",
    "deer": "deer", "jellyfish": "jellyfish", "wolf": "wolves", "fox": "foxes", "butterfly": "butterflies",
    "bus": "buses", "church": "churches", "octopus": "octopuses", "torii": "torii", "balloons": "balloons",
    "books": "books", "fruit": "fruit", "cactus": "cacti", "bamboo": "bamboo", "wine": "wine",
}  # fmt: skip
_ALWAYS = ("people", "crowd", "couple", "balloons", "books", "fruit", "bamboo", "wine")
"""Names that say how many they are."""
_WORDS = {
    "clear": "clear sky", "haze": "heat", "reflections": "reflections", "heights": "sky", "moonscape": "moon's surface",
    "cloudsea": "above the clouds", "field": "field", "table": "table", "day": "daylight",
    "aerial": "seen from above", "pan-left": "pan left", "pan-right": "pan right", "zoom-in": "zoom in",
    "zoom-out": "zoom out", "tilt-up": "tilt up", "tilt-down": "tilt down", "track": "tracking shot",
    "0.5": "slowly", "1.8": "fast", "golden": "golden hour",
}  # fmt: skip


def told(reading: Reading) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(understood, not drawn), in plain English."""
    words: list[str] = []
    for table in ("hours", "grounds", "settings", "features", "weathers"):
        words += [_WORDS.get(name, name) for name in reading.of(table)]
    if reading.of("space"):
        words += ["space", *reading.of("bodies")]
    elif {"saturn", "jupiter", "mars"} & set(reading.of("bodies")):
        words += reading.of("bodies")
    if reading.moons > 1:
        words = [f"{_NUMBERS[min(reading.moons, 9)]} moons" if word == "moon" else word for word in words]
    words += [_figure(role) for role in reading.roles]
    words += [NAMES[colour] for colour in reading.colours]
    if reading.dancing and not any(role.name == "dancer" for role in reading.roles):
        words.append("dancing")
    for table in ("effects", "manners", "moves", "paces", "times", "styles"):
        words += [_WORDS.get(name, name) for name in reading.of(table)[:1]]
        words += [_WORDS.get(name, name) for name in reading.of(table)[1:] if table == "effects"]
    return tuple(dict.fromkeys(words)), reading.unknown


def _figure(role: Role) -> str:
    if role.rider is not None:
        name = "woman" if role.rider.female and role.rider.name == "person" else role.rider.name
        worn = f" in {NAMES[role.rider.colour]}" if role.rider.colour else ""
        carried = "rowed" if role.name == "rowboat" else "ridden"
        return f"{_figure(replace(role, rider=None))} {carried} by {'an' if name == 'astronaut' else 'a'} {name}{worn}"
    colour = f"{NAMES[role.colour]} " if role.colour else ""
    if role.name in _ALWAYS:
        return colour + role.name
    if role.count == 1:
        return colour + role.name
    plural = _PLURALS.get(role.name, role.name + "s")
    return f"{_NUMBERS[min(role.count, 9)]} {colour}{plural}"
