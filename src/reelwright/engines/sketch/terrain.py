"""Land seen in perspective: slabs of a relief, each drawn once as a plate with its depth and its light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reelwright.engines.sketch.camera import View
from reelwright.engines.sketch.canvas import Plate
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, Tile, smoothstep
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.relief import SIZE, lit

Material = Callable[[Plane, Plane, Plane, Light], Plane]
"""(height, cosine of the light, depth 0 front to 1 back, the light) → colour (3, …) before the air's veil."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slab:
    """A range of depth of one relief, placed on the picture.

    `level` is the row of its far foot, `tilt` how many pixels lower its near foot lies, `rise` the pixels of one unit
    of height at the near edge. `span` is how many tile widths the frame's width covers there, `depth` the ratio of far
    to near distance, `offset` where on the tile it begins. `haze` is the air's veil (0 to 1) at the crest, `sink` at
    the foot; `nearness` sets the parallax. Over the share `foothills` of its depth the land rises from the near edge.
    """

    level: float
    tilt: float
    rise: float
    span: float
    depth: float
    offset: tuple[float, float]
    haze: float
    sink: float
    nearness: float
    steepness: float = 1.0
    foothills: float = 0.5


def draw(
    slab: Slab, relief: Plane, material: Material, light: Light, view: View, foot: float | None = None, steps: int = 96
) -> Plate:
    """The slab as a plate that reaches down to the row `foot` (or the frame's lower edge)."""
    left, right, up, down = view.reach(slab.nearness)
    columns = np.arange(-left, view.width + right, dtype=np.float32)
    bottom = int(view.height + down if foot is None else min(foot, view.height + down))
    near_to_far = np.geomspace(1.0, slab.depth, steps).astype(np.float32)[:, None]
    per_pixel = np.float32(SIZE * slab.span / view.unit)
    u = (columns[None, :] - np.float32(view.centre)) * near_to_far * per_pixel + np.float32(slab.offset[0])
    v = np.broadcast_to((near_to_far - 1) * np.float32(SIZE * slab.span * 1.1) + np.float32(slab.offset[1]), u.shape)
    closeness = (1 / near_to_far - 1 / slab.depth) / (1 - 1 / slab.depth)
    # The land sinks to a level foot at the near edge: no cut face.
    heights = Tile(relief).at(u, v) * smoothstep(1.0, 1.0 - slab.foothills, closeness)
    rows = np.float32(slab.level) + np.float32(slab.tilt) * closeness - np.float32(slab.rise) * heights / near_to_far
    skyline = np.minimum.accumulate(rows, axis=0)
    top = int(max(np.floor(skyline[-1].min()) - 1, -up))
    if bottom <= top:
        bottom = top + 1
    y, step, share = _hits(rows, skyline, top, bottom)
    z = np.take_along_axis(np.broadcast_to(near_to_far, rows.shape), step, 0)
    before = np.take_along_axis(np.broadcast_to(near_to_far, rows.shape), np.maximum(step - 1, 0), 0)
    z = before + (z - before) * share
    # In front of the near edge the ground goes on at the same slope.
    z -= np.maximum(y - rows[0][None, :], 0) * np.float32((slab.depth - 1) / (slab.tilt + slab.rise + 1))
    u = (columns[None, :] - np.float32(view.centre)) * z * per_pixel + np.float32(slab.offset[0])
    v = (z - 1) * np.float32(SIZE * slab.span * 1.1) + np.float32(slab.offset[1])
    found = Tile((relief + 1j * lit(relief, light.direction, slab.steepness)).astype(np.complex64)).at(u, v)
    far = (z - 1) / np.float32(slab.depth - 1)
    rgb = material(found.real, found.imag, far, light)
    _soften(rgb, y, step, skyline)
    alpha = np.clip(y - skyline[-1][None, :] + np.float32(0.5), 0, 1)
    low = smoothstep(
        0.0, 1.0, (y - np.float32(slab.level - slab.rise)) / np.float32(slab.rise + max(slab.tilt, 1) * 0.6)
    )
    veil = np.float32(slab.haze) + np.float32(max(slab.sink - slab.haze, 0)) * low
    for c in range(3):
        rgb[c] += (light.air(c, columns, view.unit)[None, :] - rgb[c]) * veil
        rgb[c] *= alpha
    return Plate(
        rgb.astype(np.float32), alpha.astype(np.float32), -left, top, slab.nearness, (view.centre, view.horizon)
    )


def _hits(rows: Plane, skyline: Plane, top: int, bottom: int) -> tuple[Plane, np.ndarray, Plane]:
    """For every pixel of the band: the first step from the front that covers it, and how far between two steps."""
    steps, width = rows.shape
    count = bottom - top
    bucket = np.clip(np.ceil(skyline - top), 0, count).astype(np.intp)
    flat = bucket * width + np.arange(width)
    met = np.bincount(flat.ravel(), minlength=(count + 1) * width).reshape(count + 1, width)
    step = steps - np.cumsum(met[:count], axis=0)
    # Just above the skyline nothing is met: the crest itself gives the soft edge its colour.
    crest = np.argmax(skyline == skyline[-1], axis=0)
    missed = step >= steps
    step = np.where(missed, crest, np.maximum(step, 0))
    y = np.arange(top, bottom, dtype=np.float32)[:, None]
    here = np.take_along_axis(rows, step, 0)
    before = np.take_along_axis(rows, np.maximum(step - 1, 0), 0)
    share = np.clip((before - y) / np.maximum(before - here, np.float32(1e-3)), 0, 1)
    share[missed] = 1
    return y, step, share.astype(np.float32)


def _soften(rgb: Plane, y: Plane, step: np.ndarray, skyline: Plane) -> None:
    """Where a near crest stands before farther land, blend the two by the crest's share of the pixel."""
    jump = np.zeros(step.shape, bool)
    jump[1:] = step[:-1] - step[1:] > 3
    rows, columns = np.nonzero(jump)
    crest = skyline[np.maximum(step[rows - 1, columns] - 1, 0), columns]
    near, far = rgb[:, rows, columns], rgb[:, rows - 1, columns]
    lower = np.clip(y[rows, 0] + np.float32(0.5) - crest, 0, 1)
    upper = np.clip(y[rows, 0] - np.float32(0.5) - crest, 0, 1)
    rgb[:, rows, columns] = near * lower + far * (1 - lower)
    rgb[:, rows - 1, columns] = near * upper + far * (1 - upper)


def rock(snowline: float, green: float = 0.0) -> Material:
    """Rock, snow above `snowline` (in units of height), green at the foot."""

    def colour(height: Plane, cosine: Plane, far: Plane, light: Light) -> Plane:
        stone, snow, grass = linear("#6b6159"), linear("#eef3fa"), linear("#46552f")
        white = smoothstep(-0.10, 0.14, height - np.float32(snowline) + (cosine - np.float32(0.4)) * np.float32(0.25))
        lush = smoothstep(0.75, 0.35, height) * np.float32(green)
        direct = light.beam[:, None, None] * cosine
        sky = light.ambient[:, None, None] * (np.float32(0.55) + np.float32(0.45) * np.clip(height, 0, 1.2))
        albedo = stone[:, None, None] * (1 - lush) + grass[:, None, None] * lush
        albedo = albedo * (1 - white) + snow[:, None, None] * white * np.float32(0.9)
        return np.asarray(albedo * (direct + sky), np.float32)

    return colour


def sand(tint: Plane) -> Material:
    def colour(height: Plane, cosine: Plane, far: Plane, light: Light) -> Plane:
        # Sand throws light back on the lee faces, so that shadows stay warm.
        bounce = light.beam * np.array([0.20, 0.135, 0.075], np.float32)
        level = light.beam[:, None, None] * cosine + (light.ambient * 0.42 + bounce)[:, None, None]
        return np.asarray(tint[:, None, None] * level, np.float32)

    return colour


def soft(tint: Plane, bounce: float = 0.0) -> Material:
    """Snow, grass: diffuse, with the sky's light as strong as it is."""

    def colour(height: Plane, cosine: Plane, far: Plane, light: Light) -> Plane:
        level = light.beam[:, None, None] * (cosine + np.float32(bounce)) + light.ambient[:, None, None] * (
            np.float32(0.85) + np.float32(0.25) * height
        )
        return np.asarray(tint[:, None, None] * level, np.float32)

    return colour
