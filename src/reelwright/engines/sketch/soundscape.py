"""What a scene sounds like: water, wind, rain, fire, insects and birds from shaped noise and short tones.

Quiet, in stereo, at 48,000 samples a second, and the same for the same seed. A scene that has no sound of its own, as
space or an abstract flow, gets a soft chord.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelwright.engines.sketch.noise import generator
from reelwright.engines.sketch.prompt import Scene

RATE = 48_000
PEAK = 0.5
"""−6 dBFS: it accompanies."""
_PERIOD = 1 << 19
"""Samples of a noise before it comes again, without a seam: eleven seconds."""

Waves = NDArray[Any]
"""Stereo samples of shape (2, n), float32."""


def soundscape(scene: Scene, seconds: float, seed: int) -> Waves:
    """The scene's sound, of that length."""
    band = _Band(round(seconds * RATE), seed)
    layers = _layers(scene)
    mixed = np.zeros((2, band.count), np.float32)
    for layer in layers:
        mixed += layer(band)
    ends = min(round(0.4 * RATE), band.count // 4)
    if ends:
        rise = np.sin(np.linspace(0, np.pi / 2, ends, dtype=np.float32)) ** 2
        mixed[:, :ends] *= rise
        mixed[:, band.count - ends :] *= rise[::-1]
    mixed *= np.float32(PEAK / max(float(np.abs(mixed).max(initial=0.0)), 1e-6))
    return mixed


class _Band:
    """The players: all draw from streams of their own, so that one more changes no other."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self._seed = count, seed
        self.t = np.arange(count, dtype=np.float32) / np.float32(RATE)

    def rng(self, name: str) -> np.random.Generator:
        return generator(self._seed, f"sound-{name}")

    def noise(self, name: str, low: float, high: float, slope: float) -> Waves:
        """Noise between two frequencies in hertz, whose amplitude falls as frequency ** -slope; unit RMS."""
        frequencies = np.fft.rfftfreq(_PERIOD, 1 / RATE).astype(np.float32)
        frequencies[0] = 1.0
        shape = frequencies ** np.float32(-slope)
        shape *= 1 / (1 + (low / frequencies) ** 4) / (1 + (frequencies / high) ** 4)
        white = self.rng(name).standard_normal((3, _PERIOD), np.float32)
        # A third of it comes from the middle: two sides that have nothing in common sound hollow.
        white = np.float32(0.8) * white[:2] + np.float32(0.6) * white[2]
        tile = np.fft.irfft(np.fft.rfft(white) * shape, _PERIOD).astype(np.float32)
        tile /= tile.std()
        return np.tile(tile, (1, -(-self.count // _PERIOD)))[:, : self.count]

    def drift(self, name: str, period: float) -> Waves:
        """A slow, irregular course between 0 and 1 for each side, about `period` seconds from crest to crest."""
        rng = self.rng(name)
        course = np.zeros((2, self.count), np.float32)
        shared = rng.uniform(0, 2 * np.pi, 3)
        for factor, phase in zip((1.0, 0.618, 1.37), shared, strict=True):
            for side in (0, 1):
                course[side] += np.sin(
                    self.t * np.float32(2 * np.pi / (period * factor)) + np.float32(phase + 0.4 * side)
                )
        return course / 6 + np.float32(0.5)

    def events(
        self, name: str, rate: float, length: float
    ) -> list[tuple[int, NDArray[np.float32], np.random.Generator]]:
        """Moments, `rate` a second on average: the first sample, the time within the event, and its chance."""
        rng = self.rng(name)
        count = rng.poisson(rate * self.count / RATE)
        span = np.arange(round(length * RATE), dtype=np.float32) / np.float32(RATE)
        return [(int(at), span[: self.count - int(at)], rng) for at in np.sort(rng.uniform(0, self.count, count))]


_Layer = Callable[[_Band], Waves]


_SILENT = ("underwater", "room", "table", "stage", "moonscape", "heights")
"""Grounds without a sound of their own."""


def _layers(scene: Scene) -> list[_Layer]:
    if scene.kind != "landscape" or scene.ground in _SILENT:
        return [_chord]
    layers: list[_Layer] = []
    weather, features = scene.weather, scene.features
    if scene.ground in ("sea", "waterfall"):
        layers.append(_surf)
    if scene.ground in ("lake", "river") and "ice" not in features:
        layers.append(_lapping)
    if scene.ground in ("city", "street"):
        layers.append(_hum)
    if "rain" in weather:
        layers.append(_rain)
    if "lightning" in weather:
        layers.append(_thunder)
    if "fire" in features:
        layers.append(_crackle)
    calm = not weather & {"rain", "storm", "snow", "wind"}
    green = scene.ground in ("field", "meadow", "savanna", "river") or "forest" in features
    if calm and green and "fire" not in features:
        layers.append(_crickets if scene.hour in ("night", "dusk") else _birds)
    windy = weather & {"wind", "storm", "snow"} or scene.ground in ("desert", "snowfield") or "mountains" in features
    if windy or not layers:
        layers.append(_gusts)
    return layers


def _surf(band: _Band) -> Waves:
    swell = band.drift("swell", 7.0) ** 2
    foam = np.roll(swell, round(0.6 * RATE), axis=1) ** 2
    mixed: Waves = band.noise("sea", 50, 900, 0.9) * (np.float32(0.12) + swell * np.float32(0.5)) + band.noise(
        "foam", 1200, 7000, 0.6
    ) * (foam * np.float32(0.35))
    return mixed


def _lapping(band: _Band) -> Waves:
    mixed: Waves = band.noise("lake", 150, 1400, 0.8) * (
        band.drift("lap", 2.3) ** 3 * np.float32(0.3) + np.float32(0.02)
    )
    return mixed


def _gusts(band: _Band) -> Waves:
    gust = band.drift("gust", 5.0)
    low, high = band.noise("wind-low", 90, 420, 0.7), band.noise("wind-high", 350, 1500, 0.9)
    mixed: Waves = low * (np.float32(0.1) + gust * np.float32(0.25)) + high * gust**3 * np.float32(0.22)
    return mixed


def _rain(band: _Band) -> Waves:
    mixed: Waves = band.noise("rain", 900, 9000, 0.35) * (
        np.float32(0.16) + band.drift("shower", 6.0) * np.float32(0.05)
    )
    for at, t, rng in band.events("drops", 45, 0.02):
        tone = np.sin(t * np.float32(2 * np.pi * rng.uniform(1400, 4200))) * np.exp(-t * np.float32(260))
        left = rng.uniform(0, 1)
        mixed[:, at : at + len(t)] += np.outer([1 - left, left], tone * np.float32(rng.uniform(0.05, 0.3)))
    return mixed


def _thunder(band: _Band) -> Waves:
    mixed = np.zeros((2, band.count), np.float32)
    rumble = band.noise("thunder", 25, 160, 1.0)
    for at, t, rng in band.events("strikes", 0.22, 4.0):
        course = (1 - np.exp(-t * np.float32(9))) * np.exp(-t * np.float32(rng.uniform(0.8, 1.6)))
        mixed[:, at : at + len(t)] += rumble[:, at : at + len(t)] * course * np.float32(rng.uniform(0.5, 1.0))
    return mixed


def _crackle(band: _Band) -> Waves:
    mixed: Waves = band.noise("fire", 60, 500, 1.0) * (np.float32(0.05) + band.drift("flicker", 1.1) * np.float32(0.08))
    hiss = band.noise("spark", 1500, 9000, 0.3)
    for at, t, rng in band.events("cracks", 14, 0.05):
        course = np.exp(-t * np.float32(rng.uniform(90, 500))) * np.float32(rng.uniform(0.05, 1.0) ** 2 * 0.7)
        left = rng.uniform(0.25, 0.75)
        mixed[:, at : at + len(t)] += hiss[:, at : at + len(t)] * course * np.array([[1 - left], [left]], np.float32)
    return mixed


def _crickets(band: _Band) -> Waves:
    mixed: Waves = band.noise("air", 80, 600, 0.9) * np.float32(0.03)
    rng = band.rng("crickets")
    for left in (0.2, 0.5, 0.85):
        tone, beat, song = rng.uniform(4100, 4800), rng.uniform(13, 17), rng.uniform(0.9, 1.5)
        chirp = np.maximum(np.sin(band.t * np.float32(2 * np.pi * beat)), 0) ** 2
        phrase = (np.sin(band.t * np.float32(2 * np.pi / song) + np.float32(rng.uniform(0, 6))) > 0.1).astype(
            np.float32
        )
        phrase = np.convolve(phrase, np.full(480, 1 / 480, np.float32), "same")
        voice = np.sin(band.t * np.float32(2 * np.pi * tone)) * chirp * phrase * np.float32(0.12)
        mixed += np.outer([1 - left, left], voice).astype(np.float32)
    return mixed


def _birds(band: _Band) -> Waves:
    mixed: Waves = band.noise("air", 80, 900, 0.9) * (np.float32(0.03) + band.drift("leaves", 4.0) * np.float32(0.03))
    for at, t, rng in band.events("birds", 1.3, 0.22):
        pitch, bend = rng.uniform(2300, 4600), rng.uniform(-900, 1500)
        length = np.float32(rng.uniform(0.07, 0.2))
        course = np.sin(np.clip(t / length, 0, 1) * np.float32(np.pi)) ** 2
        tone = np.sin(2 * np.pi * (pitch * t + bend * t * t / (2 * length))) * course * rng.uniform(0.04, 0.16)
        left = rng.uniform(0.1, 0.9)
        mixed[:, at : at + len(t)] += np.outer([1 - left, left], tone).astype(np.float32)
    return mixed


def _hum(band: _Band) -> Waves:
    passing = band.drift("traffic", 6.0) ** 3
    mixed: Waves = band.noise("city", 40, 260, 1.0) * np.float32(0.12) + band.noise("cars", 200, 1600, 0.8) * (
        passing * np.float32(0.18)
    )
    return mixed


def _chord(band: _Band) -> Waves:
    rng = band.rng("chord")
    root = 55.0 * 2 ** (rng.integers(0, 8) / 12)
    mixed: Waves = band.noise("hush", 100, 1200, 1.0) * np.float32(0.015)
    for number, ratio in enumerate((1.0, 1.5, 2.0, 2.5, 3.0, 4.5)):
        swell = band.drift(f"voice-{number}", 4.0 + number) ** 2 * np.float32(0.3 / (1 + 0.7 * number))
        for side in (0, 1):
            tone = root * ratio * (1 + (side - 0.5) * 0.0016)
            mixed[side] += np.sin(band.t * np.float32(2 * np.pi * tone)) * swell[side]
    return mixed
