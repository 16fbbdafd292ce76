"""What a rule found for a field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reelwright.engines.comfyui.graph import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The places (node, input) of a field and the value that stands there, or why there are none."""

    places: tuple[tuple[str, str], ...] = ()
    own: str | int | float | None = None
    why: str | None = None


def agree(leaves: Iterable[Leaf], otherwise: str) -> Found:
    """All of these places, where they hold one value: writing to all then changes what the graph means in one way only.

    `otherwise` says what is wrong where they do not.
    """
    places: dict[tuple[str, str], Leaf] = {leaf.place: leaf for leaf in leaves}
    values = [leaf.value for leaf in places.values()]
    if any(value != values[0] for value in values):
        told = ", ".join(f"{node}.{name}" for node, name in list(places)[:4])
        return Found(why=f"{otherwise}, and they hold different values ({told})")
    return Found(places=tuple(places), own=values[0] if values else None)
