"""Where figures stand, and how much the water below them mirrors: numbers that the stage looks up."""

from __future__ import annotations

MIRRORS = {"sea": 0.42, "lake": 0.75, "river": 0.6, "waterfall": 0.5}
"""How much of what floats the water mirrors, by the kind of ground: 0 to 1."""
FEET = {"sea": 0.92, "lake": 0.93, "city": 0.90, "street": 0.845, "field": 0.93, "stage": 0.88, "room": 0.90,
         "table": 0.80, "canyon": 0.93, "waterfall": 0.95, "river": 0.95}  # fmt: skip
"""The row on which figures stand, as a share of the height."""


def tree_places(name: str, count: int) -> tuple[tuple[float, float, float], ...]:
    """Where trees stand: their share of the width, how far below the horizon, and their size."""
    if count > 1 or name in ("cherry tree", "autumn tree"):
        return (
            (0.34, 0.05, 0.42),
            (0.66, 0.06, 0.48),
            (0.50, 0.07, 0.36),
            (0.14, 0.12, 0.82),
            (0.88, 0.14, 0.95),
        )
    if name == "bamboo":
        return ((0.10, 0.10, 1.0), (0.90, 0.12, 1.1), (0.5, 0.03, 0.5))
    if name == "palm":
        return ((0.20, 0.24, 1.0), (0.80, 0.12, 0.7))
    return ((0.62, 0.15, 1.0),)
