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

    def rows(self, first: int, last: int) -> Spot:
        """The same for the rows first … last − 1 (counted from `top`) alone."""
        part = slice(first, last)
        return Spot(
            top=self.top + first,
            angle=self.angle[part],
            across=self.across,
            x=self.x[part],
            z=self.z[part],
            step=self.step[part],
        )


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
        enlarge = Enlarger((alpha.shape[0], alpha.shape[1]), canvas.height - top, canvas.width)
        for row, part in enlarge.parts(canvas, alpha[None]):
            canvas.over(part * colour[:, None, None], part[0], top + row)


class Mirror:
    """The picture above the row `top` as a mirror in the ground shows it: half size, smoothed up and down `blur` times.

    Beyond the frame's edges it goes on mirrored.
    """

    def __init__(self, canvas: Canvas, top: int, view: View, blur: int = 1) -> None:
        rows = max(2, top - top % 2)
        small = halved(canvas.rgb[:, :rows])
        for _ in range(blur):
            small[:, 1:-1] = (small[:, :-2] + small[:, 2:]) * np.float32(0.25) + small[:, 1:-1] * np.float32(0.5)
        self._flat = small.reshape(3, -1)
        self._h, self._w = small.shape[1:]
        self._top, self._view = np.float32(top), view
        self.mean = small.mean((1, 2))

    def at(self, rise: Plane, across: Plane) -> Plane:
        """What rays of elevation `rise` and sideways `across` (tangents) meet, (3, …)."""
        unit = np.float32(self._view.unit)
        row = np.abs((self._top - rise * unit) * np.float32(0.5)).astype(np.int32)
        np.minimum(row, self._h - 1, out=row)
        column = np.abs((across * unit + np.float32(self._view.centre)) * np.float32(0.5)).astype(np.int32)
        column = np.minimum(column, 2 * self._w - 1 - column)
        np.maximum(column, 0, out=column)
        row *= self._w
        row += column
        return np.asarray(self._flat.take(row.astype(np.intp), axis=1, mode="clip"))
