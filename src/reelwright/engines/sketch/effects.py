"""What flies through the air: fireworks, leaves and petals, fireflies, meteors, bubbles, smoke; a rainbow."""

from __future__ import annotations

import math

import numpy as np

from reelwright.engines.sketch.camera import Pose, View
from reelwright.engines.sketch.canvas import Canvas, Plate
from reelwright.engines.sketch.cast.pen import Pen, ellipse
from reelwright.engines.sketch.light import Light
from reelwright.engines.sketch.noise import Plane, fractal, generator
from reelwright.engines.sketch.palette import linear
from reelwright.engines.sketch.sky import splat

_SPARKLE = ("#ff5a4a", "#ffd35a", "#6ae0ff", "#c88aff", "#7dffa0", "#ff8ad0", "#ffffff")


class Fireworks:
    """Rockets that burst one after the other; each burst is a globe of falling sparks with tails."""

    def __init__(self, view: View, seed: int) -> None:
        rng = generator(seed, "fireworks")
        self._view = view
        n = 7
        self._period = view.span / max(1, round(view.span / 2.6)) if view.loop else 2.6
        self._at = (np.arange(n) / n + rng.uniform(-0.04, 0.04, n)) * self._period
        self._x, self._y = rng.uniform(0.16, 0.84, n), rng.uniform(0.16, 0.46, n)
        self._x[0], self._y[0], self._at[0] = 0.44, 0.30, -0.42
        self._x[1], self._y[1], self._at[1] = 0.70, 0.24, -0.12
        self._size = rng.uniform(0.20, 0.34, n)
        self._tint = [linear(_SPARKLE[int(rng.integers(len(_SPARKLE)))]) for _ in range(n)]
        a = rng.uniform(0, 2 * np.pi, (n, 110))
        b = np.arccos(rng.uniform(-1, 1, (n, 110)))
        self._dx, self._dy = np.sin(b) * np.cos(a), np.cos(b)
        self._speed = rng.uniform(0.82, 1.0, (n, 110))

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        view, u = self._view, self._view.unit
        _, dx, dy = pose.at(0.1)
        places: list[tuple[Plane, Plane, Plane, Plane]] = []
        for n in range(len(self._at)):
            age = (t - self._at[n]) % self._period
            if age > 1.9:
                continue
            tint = self._tint[n] * np.float32(2.2) + np.float32(0.35 + math.exp(-age * 9) * 2.5)
            for lag, share in ((0.0, 1.0), (0.03, 0.75), (0.06, 0.55), (0.10, 0.36), (0.15, 0.22)):
                when = age - lag
                if when < 0:
                    continue
                reach = self._size[n] * u * (1 - math.exp(-3.2 * when)) * self._speed[n]
                x = self._x[n] * view.width + dx + self._dx[n] * reach
                y = self._y[n] * view.height + dy - self._dy[n] * reach + 0.07 * u * when * when
                flux = share * 2.4 * max(0.0, 1 - age / 1.9) ** 1.4
                places.append((x, y, np.full(x.shape, flux), np.broadcast_to(tint, (len(x), 3))))
        if not places:
            return
        x, y, flux, tints = (np.concatenate([place[k] for place in places]) for k in range(4))
        for c in range(3):
            canvas.rgb[c] += splat(canvas.height, canvas.width, x, y, flux * tints[:, c], max(0.7, u / 520), 2)


class Falling:
    """Leaves, petals or bits of paper that turn as they fall; each on a path of its own that wraps."""

    def __init__(self, view: View, seed: int, light: Light, kind: str) -> None:
        rng = generator(seed, f"falling-{kind}")
        self._view = view
        colours = {
            "petals": ("#f8c8d8", "#fbe2ea", "#f2a8c2"),
            "falling leaves": ("#d8642a", "#e8a02e", "#b8402a", "#c88a2a"),
            "confetti": ("#e8402f", "#f2c02e", "#3f8fe0", "#5fb85a", "#d85aa8", "#ffffff"),
        }[kind]
        level = light.ambient * 0.9 + light.beam * 0.45 + np.float32(0.05)
        self._tints = [linear(c) * level for c in colours]
        n = int(64 * max(1.0, view.width / view.unit))
        self._near = rng.uniform(0.25, 1.0, n) ** 1.5
        self._x, self._y = rng.uniform(0, 1, n), rng.uniform(0, 1, n)
        self._fall = (0.06 + 0.12 * self._near) * (1.0 if kind != "petals" else 0.7)
        if view.loop:
            self._fall = np.maximum(1, np.round(self._fall * view.span / 1.2)) * 1.2 / view.span
        self._sway = rng.uniform(0.02, 0.06, n)
        self._rate = np.array([view.whole(float(v)) for v in rng.uniform(0.25, 0.7, n)]) * 2 * np.pi
        self._phase = rng.uniform(0, 6.28, n)
        self._long = (0.007 + 0.017 * self._near) * (0.75 if kind != "falling leaves" else 1.15)
        self._pick = rng.integers(0, len(colours), n)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        u = self._view.unit
        h, w = canvas.height, canvas.width
        y = ((self._y * 1.2 + self._fall * t) % 1.2 - 0.1) * h
        x = (self._x * 1.1 - 0.05) * w + np.sin(t * self._rate + self._phase) * self._sway * u + pose.dx * self._near
        turn = t * self._rate + self._phase * 3
        self._lay(canvas, x, y, self._long * u, turn)

    def _lay(self, canvas: Canvas, x: Plane, y: Plane, long: Plane, turn: Plane) -> None:
        """Small soft ellipses, foreshortened as they turn over, all at once."""
        h, w = canvas.height, canvas.width
        r = math.ceil(float(long.max()) + 1)
        steps = np.arange(-r, r + 1)
        ix, iy = np.round(x).astype(np.intp), np.round(y).astype(np.intp)
        columns = np.broadcast_to(ix[:, None, None] + steps[None, None, :], (len(x), 2 * r + 1, 2 * r + 1))
        rows = np.broadcast_to(iy[:, None, None] + steps[None, :, None], columns.shape)
        xs, ys = (columns - x[:, None, None]).astype(np.float32), (rows - y[:, None, None]).astype(np.float32)
        c, s, size = (np.asarray(v, np.float32)[:, None, None] for v in (np.cos(turn), np.sin(turn), long))
        flat = (0.25 + 0.75 * np.abs(np.cos(turn * 1.7))).astype(np.float32)[:, None, None]
        a, b = (xs * c + ys * s) / size, (ys * c - xs * s) / (size * np.float32(0.55) * flat)
        alpha = np.clip((1 - np.sqrt(a * a + b * b)) * size * np.float32(0.5) + np.float32(0.3), 0, 1)
        inside = (columns >= 0) & (columns < w) & (rows >= 0) & (rows < h) & (alpha > 0)
        index, cover = (rows * w + columns)[inside], alpha[inside]
        total = np.bincount(index, cover, h * w).reshape(h, w).astype(np.float32)
        share = np.minimum(total, 1)
        weight = np.broadcast_to(np.float32(0.75) + np.float32(0.4) * flat, alpha.shape)[inside] * cover
        tints = np.stack(self._tints)[self._pick]
        for channel in range(3):
            tone = np.broadcast_to(tints[:, channel, None, None], alpha.shape)[inside] * weight
            colour = np.bincount(index, tone, h * w).reshape(h, w).astype(np.float32)
            canvas.rgb[channel] *= 1 - share
            canvas.rgb[channel] += colour * (share / np.maximum(total, np.float32(1e-4)))


class Fireflies:
    """Small lights that wander low over the ground and come and go."""

    def __init__(self, view: View, seed: int) -> None:
        rng = generator(seed, "fireflies")
        n = int(46 * max(1.0, view.width / view.unit))
        self._view = view
        self._x, self._y = rng.uniform(0, 1, n), rng.uniform(0.45, 0.96, n)
        self._rate = np.array([view.whole(float(v)) for v in rng.uniform(0.12, 0.5, n)]) * 2 * np.pi
        self._phase, self._size = rng.uniform(0, 6.28, n), rng.uniform(0.5, 1.0, n)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        u = self._view.unit
        x = self._x * canvas.width + 0.05 * u * np.sin(self._rate * t + self._phase) + pose.dx * 0.7
        y = self._y * canvas.height + 0.03 * u * np.cos(self._rate * t + 2 * self._phase)
        glow = self._size * np.maximum(np.sin(self._rate * 2 * t + self._phase * 3), 0) ** 1.5
        light = splat(canvas.height, canvas.width, x, y, glow * 3.0, max(0.9, u / 340), 4)
        light += splat(canvas.height, canvas.width, x, y, glow * 0.20, max(3.0, u / 90), 14)
        for c, tint in enumerate((0.85, 1.0, 0.30)):
            canvas.rgb[c] += light * np.float32(tint)


class Meteors:
    """Shooting stars: a bright head and a fading tail, several in flight."""

    def __init__(self, view: View, seed: int) -> None:
        rng = generator(seed, "meteors")
        n = 7
        self._view = view
        self._period = view.span / max(1, round(view.span / 2.4)) if view.loop else 2.4
        self._at = np.arange(n) / n * self._period - 0.35
        self._x, self._y = rng.uniform(0.25, 1.05, n), rng.uniform(0.02, 0.30, n)
        self._long = rng.uniform(0.28, 0.5, n)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        u = self._view.unit
        along = np.linspace(0, 1, 60)
        for n in range(len(self._at)):
            age = (t - self._at[n]) % self._period
            if age > 1.0:
                continue
            head = age * 0.75 * u
            tail = np.minimum(self._long[n] * u, head)
            way = head - along * tail
            x = self._x[n] * canvas.width - way * 0.86
            y = self._y[n] * self._view.horizon + way * 0.5
            flux = (1 - along) ** 1.6 * 3.2 * math.sin(math.pi * min(age, 1.0)) ** 0.6
            light = splat(canvas.height, canvas.width, x, y, flux, max(0.75, u / 600), 2)
            for c, tint in enumerate((0.92, 0.97, 1.0)):
                canvas.rgb[c] += light * np.float32(tint)


class Bubbles:
    """Clear bubbles that rise: a bright rim and a glint."""

    def __init__(self, view: View, seed: int, count: int = 34) -> None:
        rng = generator(seed, "bubbles")
        self._view = view
        n = count
        self._x, self._y = rng.uniform(0, 1, n), rng.uniform(0, 1, n)
        near = rng.uniform(0, 1, n) ** 2
        self._r = 0.004 + 0.018 * near
        self._rise = 0.07 + 0.12 * near
        if view.loop:
            self._rise = np.maximum(1, np.round(self._rise * view.span / 1.2)) * 1.2 / view.span
        self._rate = np.array([view.whole(float(v)) for v in rng.uniform(0.4, 0.9, n)]) * 2 * np.pi
        self._phase = rng.uniform(0, 6.28, n)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        u = self._view.unit
        for n in range(len(self._x)):
            x = self._x[n] * canvas.width + 0.012 * u * math.sin(self._rate[n] * t + self._phase[n])
            y = (1.1 - (self._y[n] * 1.2 + self._rise[n] * t) % 1.2) * canvas.height
            r = float(self._r[n] * u)
            reach = math.ceil(r + 2)
            top, bottom = max(0, int(y) - reach), min(canvas.height, int(y) + reach + 1)
            left, right = max(0, int(x) - reach), min(canvas.width, int(x) + reach + 1)
            if bottom <= top or right <= left:
                continue
            ys = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
            xs = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)
            d = np.sqrt(xs * xs + ys * ys)
            rim = np.exp(-(((d - r * 0.86) / max(0.8, r * 0.14)) ** 2)) * np.float32(0.34)
            glint = np.exp(-((xs + r * 0.35) ** 2 + (ys + r * 0.4) ** 2) / max(0.6, (r * 0.22) ** 2)) * np.float32(0.8)
            canvas.rgb[:, top:bottom, left:right] += (rim + glint)[None] * np.array([0.75, 0.92, 1.0], np.float32)[
                :, None, None
            ]


class Plume:
    """Smoke or steam that rises from (x, y) pixels and spreads: soft puffs, each on its way again and again."""

    def __init__(
        self, view: View, seed: int, x: float, y: float, size: float, colour: Plane, glow: Plane | None = None,
        lean: float = 0.3, nearness: float = 0.1, rate: float = 0.12,
    ) -> None:  # fmt: skip
        """`size` is the plume's height in pixels; `glow` the light from below."""
        rng = generator(seed, f"plume-{x:.0f}")
        self._view, self._x, self._y, self._size, self._near = view, x, y, size, nearness
        self._colour, self._glow, self._lean = colour.astype(np.float32), glow, lean
        n = 26
        self._start, self._side = np.arange(n) / n, rng.uniform(-1, 1, n)
        self._rate = view.whole(rate)
        noise = fractal(rng, 64, 1.6, 2.0)
        d = np.hypot(*np.meshgrid(np.linspace(-1, 1, 64), np.linspace(-1, 1, 64)))
        self._puff = (np.clip(1 - d, 0, 1) ** 0.8 * np.clip(0.75 + 0.28 * noise, 0, 1.3)).astype(np.float32)
        shape = np.linspace(0.75, 1.2, 64, dtype=np.float32)[::-1, None]
        self._shade = np.broadcast_to(shape, (64, 64)) * np.clip(1 + 0.18 * noise, 0.5, 1.5).astype(np.float32)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        zoom, dx, dy = pose.at(self._near)
        cx, cy = self._view.centre, self._view.horizon
        ages = (self._start + self._rate * t) % 1.0
        for n in np.argsort(-ages, kind="stable"):
            age = float(ages[n])
            r = self._size * (0.10 + 0.28 * age)
            x = self._x + self._size * (self._lean * age**1.3 + 0.10 * self._side[n] * (0.3 + age))
            y = self._y - self._size * age
            x, y = cx + (x - cx) * zoom + dx, cy + (y - cy) * zoom + dy
            alpha = self._puff * np.float32(0.85 * min(1.0, age * 10) * (1 - age) ** 0.7)
            colour: Plane = self._colour
            if self._glow is not None:
                colour = colour + self._glow * np.float32(math.exp(-age * 5))
            rgb = colour[:, None, None] * self._shade * alpha
            scale = r * zoom / 32
            Plate(rgb.astype(np.float32), alpha, 0, 0, 0.0, (0.0, 0.0)).show(canvas, scale, x - r * zoom, y - r * zoom)


class Rainbow:
    """A bow about the point opposite the sun, faint where the air is clear, with the darker sky outside it."""

    def __init__(self, view: View) -> None:
        u = view.unit
        ys = np.arange(view.height, dtype=np.float32)[:, None]
        xs = np.arange(view.width, dtype=np.float32)[None, :]
        r = np.hypot((xs - view.width * 0.46) / u, (ys - view.horizon - 0.12 * u) / u)
        radius = min(0.62, 0.46 * view.width / u + 0.1)
        place = (r - np.float32(radius)) / np.float32(0.055)
        fade = np.clip((view.horizon + 2 - ys) / np.float32(0.03 * u), 0, 1)
        self._light = np.zeros((3, view.height, view.width), np.float32)
        for middle, colour in ((1.0, "#ff3020"), (0.6, "#ff9a20"), (0.25, "#f4e83a"), (-0.1, "#48d860"),
                               (-0.5, "#3a8af0"), (-0.9, "#8a4af0")):  # fmt: skip
            band = np.exp(-(((place - np.float32(middle)) / np.float32(0.30)) ** 2)) * fade
            for c in range(3):
                self._light[c] += band * linear(colour)[c] * np.float32(0.42)
        self._light[:] += np.clip(-place * 0.4, 0, 1) * np.exp(-np.abs(place) * 0.25) * fade * np.float32(0.035)

    def paint(self, canvas: Canvas, t: float, pose: Pose) -> None:
        canvas.rgb += self._light


def second_moon(view: View, number: int) -> Plate:
    """A smaller moon beside the first."""
    r = (0.026, 0.020, 0.032)[number % 3] * view.unit
    pen = Pen((-1, -1, 1, 1), r)
    pen.oval(0, 0, 1, 1, "#e8ecf6")
    for x, y, s in ((-0.3, 0.25, 0.28), (0.25, -0.2, 0.22), (0.1, 0.45, 0.15)):
        pen.oval(x, y, s, s, "#c2cade")
    pen.glow(ellipse(0, 0, 1, 1), "#ffffff")
    stamp = pen.stamp()
    x, y = (0.30, 0.52, 0.16)[number % 3] * view.width, view.horizon - (0.30, 0.44, 0.40)[number % 3] * view.unit
    rgb = stamp.albedo * np.float32(1.3)
    return Plate(rgb, stamp.alpha, round(x - r), round(max(y, r + 4) - r), 0.0, (view.centre, view.horizon))
