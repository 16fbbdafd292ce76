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
    """The frame's geometry in pixels: its size, the horizon's row, the length that stands for one unit of angle.

    `rate` is how fast the scene's time runs (1: as it is; 6: time lapse); the camera moves in the clip's own time. With
    `loop` all motion ends where it began.
    """

    width: int
    height: int
    horizon: float
    seconds: float
    camera: Camera
    rate: float = 1.0
    loop: bool = False

    @property
    def unit(self) -> float:
        """Pixels a unit of angle: what things in the picture are scaled by, sensible for slim frames too."""
        return min(self.height, 1.5 * self.width)

    @property
    def centre(self) -> float:
        return self.width / 2

    @property
    def span(self) -> float:
        """The clip's length in the scene's own seconds."""
        return max(self.seconds * self.rate, 1e-6)

    def whole(self, frequency: float) -> float:
        """About `frequency` cycles a second of the scene's time: in a loop, a whole number of them in the clip."""
        return max(1, round(frequency * self.span)) / self.span if self.loop else frequency

    def pose(self, t: float) -> Pose:
        """The pose at `t` seconds. Moves run at a steady speed; a long clip's are slowed so that they stay in range."""
        speed = self.camera.speed
        u = self.unit
        match self.camera.move:
            case "pan-left":
                return Pose(dx=self._steady(t, 0.075 * u * speed, 0.8 * u))
            case "pan-right" | "track":
                return Pose(dx=-self._steady(t, 0.075 * u * speed, 0.8 * u))
            case "tilt-up":
                return Pose(dy=self._steady(t, 0.05 * u * speed, 0.3 * u))
            case "tilt-down":
                return Pose(dy=-self._steady(t, 0.05 * u * speed, 0.3 * u))
            case "zoom-in":
                return Pose(zoom=1 + self._steady(t, 0.09 * speed, 0.8))
            case "zoom-out":
                reach = min(0.8, 0.09 * speed * self.seconds) * (0.5 if self.loop else 1.0)
                return Pose(zoom=1 + reach - self._steady(t, 0.09 * speed, 0.8))
            case "orbit":
                swing = 0.12 * u
                turn = max(1, round(0.0875 * speed * self.seconds)) / self.seconds if self.loop else 0.0875 * speed
                return Pose(dx=swing * math.sin(t * 2 * math.pi * turn))
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

    def _steady(self, t: float, speed: float, limit: float) -> float:
        """A steady way at `speed`, `limit` at most in the clip; in a loop half of it, out and back."""
        seconds = max(self.seconds, 1e-6)
        if self.loop:
            return 0.25 * min(speed * seconds, limit) * (1 - math.cos(2 * math.pi * t / seconds))
        return t * min(speed, limit / seconds)
