"""The picture while it is painted: linear light, planar float32, painted from back to front."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from reelwright.engines.sketch.camera import Pose
from reelwright.engines.sketch.noise import Plane


class Canvas:
    """One frame's working memory. Each drawing thread owns one and uses it again for its next frame."""

    def __init__(self, height: int, width: int) -> None:
        self.rgb: Plane = np.zeros((3, height, width), np.float32)
        self._spare: dict[str, Plane] = {}

    @property
    def height(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def width(self) -> int:
        return int(self.rgb.shape[2])

    def spare(self, name: str, *shape: int) -> Plane:
        """Scratch memory of that shape, the same for every call with that name; its content is what was left there."""
        count = int(np.prod(shape))
        kept = self._spare.get(name)
        if kept is None or kept.size < count:
            kept = self._spare[name] = np.empty(count, np.float32)
        return kept[:count].reshape(shape)

    def over(self, rgb: Plane, alpha: Plane, top: int = 0, left: int = 0) -> None:
        """Lay premultiplied `rgb` (3, h, w) with coverage `alpha` (h, w) over the picture at that corner."""
        h, w = alpha.shape
        part = self.rgb[:, top : top + h, left : left + w]
        clear = self.spare("over", h, w)
        np.subtract(1, alpha, out=clear)
        part *= clear
        part += rgb


class Painter(Protocol):
    """One element of a scene. Painting is a pure function of time: equal `t` and `pose` give equal pixels."""

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None: ...


class Enlarger:
    """Bilinear enlargement of small planes to (height, width), edges held.

    The small values are the means of their cells; with `nodes` pixels apart they are samples at pixels 0, nodes, …
    """

    def __init__(self, small: tuple[int, int], height: int, width: int, nodes: int = 0) -> None:
        self._rows, self._fy = _taps(small[0], height, nodes)
        self._columns, self._fx = _taps(small[1], width, nodes)
        self._fy = self._fy[:, None]

    def __call__(self, canvas: Canvas, planes: Plane) -> Plane:
        """`planes` is (n, h, w); the result (n, height, width) lives in the canvas's scratch memory."""
        wide = self._widened(canvas, planes)
        out = canvas.spare("enlarged", len(planes), len(self._rows), len(self._columns))
        for top, bottom in blocks(*out.shape[1:]):
            self._fill(canvas, wide, top, bottom, out[:, top:bottom])
        return out

    def parts(self, canvas: Canvas, planes: Plane) -> Iterator[tuple[int, Plane]]:
        """The enlarged planes block by block: (first row, rows (n, some, width)). Each is overwritten by the next."""
        wide = self._widened(canvas, planes)
        for top, bottom in blocks(len(self._rows), len(self._columns)):
            out = canvas.spare("enlarged", len(planes), bottom - top, len(self._columns))
            self._fill(canvas, wide, top, bottom, out)
            yield top, out

    def _widened(self, canvas: Canvas, planes: Plane) -> Plane:
        n, h, _ = planes.shape
        wide = canvas.spare("enlarge-wide", n, h, len(self._columns))
        step = canvas.spare("enlarge-step", n, h, len(self._columns))
        np.take(planes, self._columns, axis=2, out=wide, mode="clip")
        np.take(planes, self._columns + 1, axis=2, out=step, mode="clip")
        step -= wide
        step *= self._fx
        wide += step
        return wide

    def _fill(self, canvas: Canvas, wide: Plane, top: int, bottom: int, out: Plane) -> None:
        rows = self._rows[top:bottom]
        above = canvas.spare("enlarge-above", *out.shape)
        below = canvas.spare("enlarge-below", *out.shape)
        np.take(wide, rows, axis=1, out=above, mode="clip")
        np.take(wide, rows + 1, axis=1, out=below, mode="clip")
        below -= above
        below *= self._fy[top:bottom]
        np.add(above, below, out=out)


def blocks(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Row ranges of about 32,000 pixels: what is worked on together then stays in the processor's cache."""
    rows = max(8, 32_768 // width)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)


def _taps(small: int, large: int, nodes: int) -> tuple[np.ndarray, Plane]:
    place = np.arange(large)
    position = np.clip(place / nodes if nodes else (place + 0.5) * (small / large) - 0.5, 0, small - 1)
    first = np.minimum(position.astype(np.intp), max(small - 2, 0))
    return first, (position - first).astype(np.float32)


def halved(planes: Plane) -> Plane:
    """Planes of half the height and width (even sizes), each value the mean of four."""
    rows = planes[..., 0::2, :] + planes[..., 1::2, :]
    small = rows[..., 0::2] + rows[..., 1::2]
    small *= 0.25
    return np.asarray(small)


class Plate:
    """A still layer, painted once, larger than the frame where the camera will look, shown at its own nearness.

    `rgb` (3, h, w) is premultiplied by `alpha` (h, w; None for an opaque backdrop). `left` and `top` place it in frame
    pixels for the camera at rest; magnification is about `anchor` (x, y).
    """

    def __init__(
        self, rgb: Plane, alpha: Plane | None, left: int, top: int, nearness: float, anchor: tuple[float, float]
    ) -> None:
        self.layers = rgb if alpha is None else np.concatenate([rgb, alpha[None]])
        self.left = left
        self.top = top
        self.nearness = nearness
        self.anchor = anchor

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        self.show(canvas, *pose.at(self.nearness))

    def show(self, canvas: Canvas, zoom: float, dx: float, dy: float) -> None:
        """Lay it over the picture, magnified `zoom` times about its anchor and shifted by (dx, dy) pixels."""
        window = self._window(canvas, zoom, dx, dy)
        if window is None:
            return
        y0, y1, x0, x1 = window
        seen = self._seen(canvas, window, zoom, dx, dy)
        if len(seen) == 3:
            canvas.rgb[:, y0:y1, x0:x1] = seen
        else:
            canvas.over(seen[:3], seen[3], y0, x0)

    def _window(self, canvas: Canvas, zoom: float, dx: float, dy: float) -> tuple[int, int, int, int] | None:
        """The frame's rows and columns that the plate covers."""
        ax, ay = self.anchor
        h, w = self.layers.shape[1:]
        y0 = max(0, int(np.ceil(ay + (self.top - ay) * zoom + dy)))
        y1 = min(canvas.height, int(np.floor(ay + (self.top + h - 1 - ay) * zoom + dy)) + 1)
        x0 = max(0, int(np.ceil(ax + (self.left - ax) * zoom + dx)))
        x1 = min(canvas.width, int(np.floor(ax + (self.left + w - 1 - ax) * zoom + dx)) + 1)
        return (y0, y1, x0, x1) if y1 > y0 and x1 > x0 else None

    def _seen(self, canvas: Canvas, window: tuple[int, int, int, int], zoom: float, dx: float, dy: float) -> Plane:
        y0, y1, x0, x1 = window
        ax, ay = self.anchor
        ys = (ay + (np.arange(y0, y1) - ay - dy) / zoom - self.top).astype(np.float64)
        xs = (ax + (np.arange(x0, x1) - ax - dx) / zoom - self.left).astype(np.float64)
        h, w = self.layers.shape[1:]
        iy, fy = _split(ys, h)
        ix, fx = _split(xs, w)
        # Rows outside the window's need are left alone; columns are read second, on fewer rows.
        rows = self._lerp(canvas, self.layers, iy, fy[:, None], 1, "rows", zoom == 1)
        return self._lerp(canvas, rows, ix, fx, 2, "columns", zoom == 1)

    def _lerp(
        self, canvas: Canvas, planes: Plane, first: np.ndarray, share: Plane, axis: int, name: str, even: bool
    ) -> Plane:
        """Linear interpolation along one axis; `even` says that the taps are consecutive, so slices do."""
        n = len(first)
        if even:
            start = int(first[0])
            near = planes[:, start : start + n] if axis == 1 else planes[:, :, start : start + n]
            if float(share.flat[0]) < 1e-4:
                return near
            far = planes[:, start + 1 : start + n + 1] if axis == 1 else planes[:, :, start + 1 : start + n + 1]
            if far.shape == near.shape:
                out = canvas.spare(name, *near.shape)
                np.subtract(far, near, out=out)
                out *= np.float32(share.flat[0])
                out += near
                return out
        shape = (planes.shape[0], n, planes.shape[2]) if axis == 1 else (planes.shape[0], planes.shape[1], n)
        out = canvas.spare(name, *shape)
        far = canvas.spare(name + "-far", *shape)
        np.take(planes, first, axis=axis, out=out, mode="clip")
        np.take(planes, first + 1, axis=axis, out=far, mode="clip")
        far -= out
        far *= share
        out += far
        return out


def _split(position: np.ndarray, count: int) -> tuple[np.ndarray, Plane]:
    first = np.floor(position + 1e-6).astype(np.intp)
    share = np.clip(position - first, 0, 1).astype(np.float32)
    share[share < 1e-4] = 0
    return np.clip(first, 0, count - 1), share
