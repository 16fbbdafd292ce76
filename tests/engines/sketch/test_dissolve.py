"""A film that ends with a picture, one that goes on from one, and what a scene sounds like."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from reelwright.engines.sketch.prompt import read
from reelwright.engines.sketch.soundscape import PEAK, RATE, soundscape
from reelwright.video import Source
from tests.engines.sketch.easel import GALLERY, drawn, frames_of, job


@pytest.fixture
def city(tmp_path: Path) -> Path:
    path = tmp_path / "city.png"
    PIL.Image.fromarray(frames_of("A city skyline at night in the rain", num_frames=1)[0]).save(path)
    return path


def pixels(path: Path) -> np.ndarray:
    return np.asarray(PIL.Image.open(path)).astype(int)


@pytest.mark.parametrize("prompt", ["Sunrise over misty mountains", "an endless improvisation, pan left"])
def test_it_ends_with_the_picture_and_passes_over_gently(prompt: str, city: Path) -> None:
    task = dataclasses.replace(job(prompt, num_frames=24), last_image_path=city)
    frames = drawn(task)[0].astype(int)
    assert np.abs(frames[-1] - pixels(city)).max() <= 2
    assert np.array_equal(frames[0], frames_of(prompt, num_frames=24)[0])
    whole = np.abs(frames[-1] - frames[0]).mean()
    assert np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3)).max() < whole / 2  # no cut
    again = dataclasses.replace(job(prompt, num_frames=24), last_image_path=city)
    assert np.array_equal(drawn(again, threads=1)[0], frames)


def test_it_goes_on_from_the_picture_exactly(city: Path) -> None:
    task = job("Snow falling on a pine forest at dusk", num_frames=12, image=city)
    source = Source(sha256="", width=128, height=128, num_frames=9, fps=12)
    frames = drawn(dataclasses.replace(task, spec=dataclasses.replace(task.spec, extends=source)))[0].astype(int)
    assert np.abs(frames[0] - pixels(city)).max() <= 2
    assert np.abs(frames[-1] - frames[0]).mean() > 10


@pytest.mark.parametrize("prompt", GALLERY)
def test_each_scene_has_a_quiet_sound_of_its_own(prompt: str) -> None:
    sound = soundscape(read(prompt), 1.5, 7)
    assert (sound.shape, sound.dtype) == ((2, round(1.5 * RATE)), np.float32)
    assert np.abs(sound).max() == pytest.approx(PEAK, rel=1e-3)
    assert np.abs(sound[:, [0, -1]]).max() < 0.001
    assert np.array_equal(soundscape(read(prompt), 1.5, 7), sound)
    assert not np.array_equal(soundscape(read(prompt), 1.5, 8), sound)


def test_rain_is_brighter_than_the_sea() -> None:
    def centre(prompt: str) -> float:
        power = np.abs(np.fft.rfft(soundscape(read(prompt), 4.0, 7).mean(axis=0))) ** 2
        return float((power * np.fft.rfftfreq(4 * RATE, 1 / RATE)).sum() / power.sum())

    assert centre("A city in the rain") > 3 * centre("A calm sea")


def test_sound_is_made_only_when_it_is_asked_for(tmp_path: Path) -> None:
    for asked in (None, False, True):
        task = job("A calm sea", num_frames=2)
        spec = dataclasses.replace(task.spec, generate_audio=asked)
        made = drawn(dataclasses.replace(task, spec=spec, scratch=tmp_path / "job"))[1]
        assert (made.clip.sound is not None) is bool(asked)
