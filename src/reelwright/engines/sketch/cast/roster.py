"""Who there is to draw: every figure by the name that the lexicon gives it."""

from __future__ import annotations

from collections.abc import Mapping

from reelwright.engines.sketch.cast import (
    beasts,
    buildings,
    craft,
    creatures,
    marine,
    people,
    plants,
    riders,
    things,
    vehicles,
)
from reelwright.engines.sketch.cast.figure import Figure

FIGURES: Mapping[str, Figure] = {
    "person": people.PERSON,
    "people": people.PERSON,
    "couple": people.PERSON,
    "crowd": people.STANDING,
    "dancer": people.DANCER,
    "astronaut": people.ASTRONAUT,
    "robot": people.ROBOT,
    **beasts.FIGURES,
    **creatures.FIGURES,
    **marine.FIGURES,
    **craft.FIGURES,
    **vehicles.FIGURES,
    **riders.CARRIED,
    **buildings.FIGURES,
    **plants.FIGURES,
    **things.FIGURES,
}
MANNERS: Mapping[str, Figure] = {
    "walking": people.PERSON,
    "running": people.RUNNER,
    "standing": people.STANDING,
    "sitting": riders.SITTING,
    "dancing": people.DANCER,
}
PEOPLE = ("person", "people", "couple", "crowd")
