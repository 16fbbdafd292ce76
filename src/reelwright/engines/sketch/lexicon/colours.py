"""What the accent colours are called in English."""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "#e5322d": "red",
    "#f2842a": "orange",
    "#f6c431": "yellow",
    "#45a84e": "green",
    "#19a79c": "teal",
    "#2f6fe0": "blue",
    "#7a49d6": "purple",
    "#f067a6": "pink",
    "#f21fd0": "neon",
    "#8a5a35": "brown",
    "#d9dee6": "white",
    "#2a2a2e": "black",
    "#8a9098": "grey",
}
