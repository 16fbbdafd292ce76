"""A camera move over a given image: cover-cropped, with a guessed depth that shifts near parts more than far ones."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger
from reelwright.engines.sketch.noise import Plane
from reelwright.media import images

_MARGIN = 1.08
"""The image is prepared this much larger than the frame, so that a move never shows its edge."""


class Parallax:
    """Paints the image at `path` as the camera drifts; `motion` scales how far (1 is normal)."""

    def __init__(self, path: Path, view: View, motion: float) -> None:
        self._view, self._motion = view, motion
        self._w, self._h = math.ceil(view.width * _MARGIN), math.ceil(view.height * _MARGIN)
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
        across, down, zoom = self._move(t)
        y = (np.arange(h, dtype=np.float32)[:, None] + np.float32(0.5)) * np.float32(view.height / h) - np.float32(0.5)
        x = (np.arange(w, dtype=np.float32)[None, :] + np.float32(0.5)) * np.float32(view.width / w) - np.float32(0.5)
        near = self._depth
        scale = 1 / (1 + np.float32(zoom) * (np.float32(0.65) + np.float32(0.6) * near))
        sway = (near - np.float32(0.45)) * np.float32(view.unit)
        u = (x - view.width / 2) * scale + sway * np.float32(across) + np.float32(self._w / 2)
        v = (y - view.height / 2) * scale + sway * np.float32(down) + np.float32(self._h / 2)
        places = self._enlarge(canvas, np.stack([u, v]).astype(np.float32))
        self._read(canvas, places)
        self._gleam(canvas, t)

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

    def _gleam(self, canvas: Canvas, t: float) -> None:
        """A broad, faint light that wanders over the picture."""
        h, w = self._small
        x = np.linspace(0, 1, w, dtype=np.float32)[None, :]
        y = np.linspace(0, 1, h, dtype=np.float32)[:, None]
        cx, cy = 0.5 + 0.42 * math.sin(t * 0.5 - 0.9), 0.35 + 0.1 * math.sin(t * 0.37)
        light = 0.975 + 0.07 * np.exp(-(((x - cx) / 0.45) ** 2) - ((y - cy) / 0.5) ** 2)
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
