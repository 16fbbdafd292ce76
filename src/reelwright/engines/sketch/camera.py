"""Where the camera stands at a time, and how far that shifts things near and far."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# How much of a move even the farthest layer follows (a turn of the head); the rest depends on nearness (a step aside).
_FAR_SHARE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """The camera at one moment: a shift of the nearest layer in pixels and its magnification."""

    dx: float = 0.0
    dy: float = 0.0
    zoom: float = 1.0

    def at(self, nearness: float) -> tuple[float, float, float]:
        """(zoom, dx, dy) for a layer; `nearness` is 0 for the sky and 1 for the foreground."""
        share = _FAR_SHARE + (1 - _FAR_SHARE) * nearness
        return 1 + (self.zoom - 1) * share, self.dx * share, self.dy


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A named move ("still", "pan-left", "zoom-in" …) and its speed (1 is normal)."""

    move: str = "still"
    speed: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The frame's geometry in pixels: its size, the horizon's row, the length that stands for one unit of angle."""

    width: int
    height: int
    horizon: float
    seconds: float
    camera: Camera

    @property
    def unit(self) -> float:
        """Pixels a unit of angle: what things in the picture are scaled by, sensible for slim frames too."""
        return min(self.height, 1.5 * self.width)

    @property
    def centre(self) -> float:
        return self.width / 2

    def pose(self, t: float) -> Pose:
        """The pose at `t` seconds. Moves run at a steady speed; a long clip's are slowed so that they stay in range."""
        speed = self.camera.speed
        u = self.unit
        match self.camera.move:
            case "pan-left":
                return Pose(dx=_steady(t, self.seconds, 0.075 * u * speed, 0.8 * u))
            case "pan-right":
                return Pose(dx=-_steady(t, self.seconds, 0.075 * u * speed, 0.8 * u))
            case "tilt-up":
                return Pose(dy=_steady(t, self.seconds, 0.05 * u * speed, 0.3 * u))
            case "tilt-down":
                return Pose(dy=-_steady(t, self.seconds, 0.05 * u * speed, 0.3 * u))
            case "zoom-in":
                return Pose(zoom=1 + _steady(t, self.seconds, 0.09 * speed, 0.8))
            case "zoom-out":
                reach = min(0.8, 0.09 * speed * self.seconds)
                return Pose(zoom=1 + reach - _steady(t, self.seconds, 0.09 * speed, 0.8))
            case "orbit":
                swing = 0.12 * u
                return Pose(dx=swing * math.sin(t * 0.55 * speed))
            case _:
                return Pose()

    def reach(self, nearness: float) -> tuple[int, int, int, int]:
        """(left, right, top, bottom): how many pixels beyond the frame a layer of that nearness can come into view."""
        poses = [self.pose(t).at(nearness) for t in np.linspace(0, self.seconds, 25)]
        dx = [p[1] for p in poses]
        dy = [p[2] for p in poses]
        return (
            math.ceil(max(0.0, *dx)) + 2,
            math.ceil(max(0.0, *(-d for d in dx))) + 2,
            math.ceil(max(0.0, *dy)) + 2,
            math.ceil(max(0.0, *(-d for d in dy))) + 2,
        )


def _steady(t: float, seconds: float, speed: float, limit: float) -> float:
    return t * min(speed, limit / max(seconds, 1e-6))
