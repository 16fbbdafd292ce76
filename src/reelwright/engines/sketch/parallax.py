"""A camera move over a given image: cover-cropped, with a guessed depth that shifts near parts more than far ones."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger
from reelwright.engines.sketch.noise import Plane
from reelwright.media import images

_MARGIN = 1.08
"""The image is prepared this much larger than the frame, so that a move never shows its edge."""


class Still(StrEnum):
    """At which end of the move the picture is seen as it is, if at one."""

    NEVER = "never"
    FIRST = "first"
    LAST = "last"


class Parallax:
    """Paints the image at `path` as the camera drifts; `motion` scales how far (1 is normal).

    With `still` the move begins or ends where the picture fills the frame exactly, and the camera comes closer the
    farther it is from that moment: so no edge comes into view. `last` is the time of the last frame in seconds.
    """

    def __init__(self, path: Path, view: View, motion: float, still: Still = Still.NEVER, last: float = 0.0) -> None:
        self._view, self._motion, self._still, self._last = view, motion, still, last
        margin = _MARGIN if still is Still.NEVER else 1.0
        self._w, self._h = math.ceil(view.width * margin), math.ceil(view.height * margin)
        picture = images.fit(images.decode_image(path), (self._w, self._h))
        codes = np.asarray(picture)
        level = np.arange(256, dtype=np.float32) / 255
        table = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)
        self._rgb = np.ascontiguousarray(np.moveaxis(table[codes], 2, 0))
        self._small = (max(2, view.height // 8), max(2, view.width // 8))
        self._depth = _depth(picture, self._small)
        self._enlarge = Enlarger(self._small, view.height, view.width)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        view = self._view
        h, w = self._small
        away = self._away(t)
        across, down, zoom = self._move(t) if self._still is Still.NEVER else self._leave(away)
        y = (np.arange(h, dtype=np.float32)[:, None] + np.float32(0.5)) * np.float32(view.height / h) - np.float32(0.5)
        x = (np.arange(w, dtype=np.float32)[None, :] + np.float32(0.5)) * np.float32(view.width / w) - np.float32(0.5)
        near = self._depth
        scale = 1 / (1 + np.float32(zoom) * (np.float32(0.65) + np.float32(0.6) * near))
        sway = (near - np.float32(0.45)) * np.float32(view.unit)
        # How far each place is from where it would be without a move: near the frame's edge the enlarger holds values,
        # which would smear places.
        u = (x - view.width / 2) * (scale - 1) + sway * np.float32(across)
        v = (y - view.height / 2) * (scale - 1) + sway * np.float32(down)
        places = self._enlarge(canvas, np.stack([u, v]).astype(np.float32))
        places[0] += np.arange(view.width, dtype=np.float32) + np.float32((self._w - view.width) / 2)
        places[1] += (np.arange(view.height, dtype=np.float32) + np.float32((self._h - view.height) / 2))[:, None]
        self._read(canvas, places)
        self._gleam(canvas, t, away)

    def _away(self, t: float) -> float:
        """How far the move is from the moment at which the picture stands still, 0 to 1; it sets off gently."""
        if self._still is Still.NEVER:
            return 1.0
        share = min(max(t / max(self._last, 1e-6), 0.0), 1.0)
        share = share if self._still is Still.FIRST else 1 - share
        return share * share * (2 - share)

    def _leave(self, away: float) -> tuple[float, float, float]:
        """As `_move`, where the picture must fill the frame exactly at one end."""
        reach = min(1.0, self._view.seconds / 4) ** 0.5 * self._motion * away
        across, down = {
            "pan-left": (-0.03, 0.0),
            "pan-right": (0.03, 0.0),
            "tilt-up": (0.0, -0.025),
            "tilt-down": (0.0, 0.025),
        }.get(self._view.camera.move, (0.018, -0.006))
        return across * reach, down * reach, 0.11 * reach

    def _move(self, t: float) -> tuple[float, float, float]:
        """Sideways and vertical shift (in units of the view per unit of depth) and magnification − 1."""
        view, motion = self._view, self._motion
        share = t / max(view.seconds, 1e-6)
        reach = min(1.0, view.seconds / 4) ** 0.5 * motion
        match view.camera.move:
            case "pan-left":
                return (0.045 * reach * (0.5 - share), 0.0, 0.04)
            case "pan-right":
                return (0.045 * reach * (share - 0.5), 0.0, 0.04)
            case "tilt-up":
                return (0.0, 0.04 * reach * (0.5 - share), 0.04)
            case "tilt-down":
                return (0.0, 0.04 * reach * (share - 0.5), 0.04)
            case "zoom-out":
                return (0.008 * reach * math.sin(share * 3.1), 0.0, 0.14 * reach * (1 - share))
            case _:
                return (0.022 * reach * math.sin((share - 0.5) * 2.6), -0.006 * reach * share, 0.10 * reach * share)

    def _read(self, canvas: Canvas, places: Plane) -> None:
        u = np.clip(places[0], 0, self._w - 1.001)
        v = np.clip(places[1], 0, self._h - 1.001)
        iu, iv = u.astype(np.int32), v.astype(np.int32)
        fu, fv = u - iu, v - iv
        index = (iv * self._w + iu).astype(np.intp)
        for c in range(3):
            flat = self._rgb[c].ravel()
            a, b = flat.take(index, mode="clip"), flat.take(index + 1, mode="clip")
            b -= a
            b *= fu
            a += b
            d, e = flat.take(index + self._w, mode="clip"), flat.take(index + self._w + 1, mode="clip")
            e -= d
            e *= fu
            d += e
            d -= a
            d *= fv
            np.add(a, d, out=canvas.rgb[c])

    def _gleam(self, canvas: Canvas, t: float, away: float) -> None:
        """A broad, faint light that wanders over the picture."""
        h, w = self._small
        x = np.linspace(0, 1, w, dtype=np.float32)[None, :]
        y = np.linspace(0, 1, h, dtype=np.float32)[:, None]
        cx, cy = 0.5 + 0.42 * math.sin(t * 0.5 - 0.9), 0.35 + 0.1 * math.sin(t * 0.37)
        light = 0.975 + 0.07 * np.exp(-(((x - cx) / 0.45) ** 2) - ((y - cy) / 0.5) ** 2)
        light = 1 + (light - 1) * away
        for top, part in self._enlarge.parts(canvas, light[None].astype(np.float32)):
            canvas.rgb[:, top : top + part.shape[1]] *= part


def _depth(picture: Image.Image, size: tuple[int, int]) -> Plane:
    """A guess at nearness, 0 to 1: low in the picture, sharp, saturated and central parts are likely near."""
    h, w = size
    small = picture.resize((w, h), Image.Resampling.BOX)
    rgb = np.asarray(small, np.float32) / 255
    gray = rgb.mean(2)
    detail = np.abs(gray - np.asarray(small.convert("L").filter(ImageFilter.GaussianBlur(3)), np.float32) / 255)
    saturation = rgb.max(2) - rgb.min(2)
    y = np.linspace(0, 1, h, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, w, dtype=np.float32)[None, :]
    guess = (
        0.55 * y + 0.9 * detail + 0.16 * saturation + 0.25 * np.exp(-(x * x) * 2.2) * np.exp(-(((y - 0.6) / 0.4) ** 2))
    )
    codes = Image.fromarray((np.clip(guess / 1.1, 0, 1) * 255).astype(np.uint8))
    blurred = np.asarray(codes.filter(ImageFilter.GaussianBlur(max(1.5, min(h, w) / 14))), np.float32) / 255
    low, high = float(blurred.min()), float(blurred.max())
    return ((blurred - low) / max(high - low, 1e-3)).astype(np.float32)
