"""The level ground in perspective, and the picture mirrored in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Enlarger, halved
from reelwright.engines.sketch.noise import Plane


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where the rows below the horizon meet the ground: `x` and `z` in metres, `angle` below and `across` the view in
    units of angle (tangents), `step` the metres along the view that one pixel spans, `top` the first row."""

    top: int
    angle: Plane
    across: Plane
    x: Plane
    z: Plane
    step: Plane


class Ground:
    """A level plane `eye` metres below the camera; `shrink` reads it at every so many pixels."""

    def __init__(self, view: View, eye: float, shrink: int = 1) -> None:
        self._view, self._eye, self._shrink = view, eye, shrink

    def at(self, canvas: Canvas, pose: Pose) -> Spot | None:
        view, n = self._view, self._shrink
        zoom, dx, dy = pose.at(0.0)
        near_zoom, near_dx, _ = pose.at(1.0)
        horizon = view.horizon + dy
        top = max(0, int(np.ceil(horizon)))
        if canvas.height - top < 2 * n:
            return None
        focal = np.float32(view.unit * zoom)
        rows = np.arange(top, canvas.height, n, dtype=np.float32)
        angle = ((rows + np.float32(n / 2 - horizon)) / focal)[:, None]
        z = np.float32(self._eye) / angle
        columns = np.arange(0, canvas.width, n, dtype=np.float32) + np.float32((n - 1) / 2)
        across = ((columns - np.float32(view.centre + dx)) / focal)[None, :]
        nearest = self._eye / max((view.height - view.horizon) / view.unit, 0.05)
        x = across * z + np.float32((dx - near_dx) * nearest / view.unit)
        ahead = np.float32(nearest * (near_zoom - zoom) * 2)
        return Spot(top=top, angle=angle, across=across, x=x, z=z + ahead, step=z * z / (focal * np.float32(self._eye)))

    def lay(self, canvas: Canvas, top: int, alpha: Plane, colour: Plane) -> None:
        """Lay a plain colour with the small plane's coverage over the ground."""
        height = canvas.height - top
        large = Enlarger((alpha.shape[0], alpha.shape[1]), height, canvas.width)(canvas, alpha[None], "ground")[0]
        canvas.over(large[None] * colour[:, None, None], large, top, 0)


def mirrored(canvas: Canvas, top: int, rise: Plane, across: Plane, view: View, blur: int = 1) -> Plane:
    """What rays of elevation `rise` and sideways `across` (tangents) meet in the picture above the row `top`.

    Read at half size, smoothed up and down `blur` times. Beyond the frame's sides the picture goes on mirrored.
    """
    rows = max(2, top - top % 2)
    small = halved(canvas.rgb[:, :rows])
    for _ in range(blur):
        small[:, 1:-1] = (small[:, :-2] + small[:, 2:]) * np.float32(0.25) + small[:, 1:-1] * np.float32(0.5)
    _, h, w = small.shape
    unit = np.float32(view.unit)
    # Above the frame's upper edge it goes on mirrored as well.
    row = np.abs((np.float32(top) - rise * unit) * np.float32(0.5)).astype(np.int32)
    np.minimum(row, h - 1, out=row)
    column = np.abs((across * unit + np.float32(view.centre)) * np.float32(0.5)).astype(np.int32)
    column = np.minimum(column, 2 * w - 1 - column)
    np.maximum(column, 0, out=column)
    index = (row * w + column).astype(np.intp)
    out = canvas.spare("mirror", 3, *index.shape)
    for c in range(3):
        np.take(small[c].ravel(), index, out=out[c], mode="clip")
    return out
