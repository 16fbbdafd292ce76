"""A clip's sound in the encoded file: its length, its place, its level; and what cannot be one."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.media.clip import Clip
from reelwright.media.encode import encode_mp4
from reelwright.media.probe import BadVideo, probe
from reelwright.media.sound import RATE, Sound, fitted, read_sound
from tests.media.clips import patches

Waves = NDArray[np.float32]


def tone(seconds: float, rate: int = RATE, channels: int = 2, hertz: float = 440, level: float = 0.4) -> Waves:
    t = np.arange(round(seconds * rate)) / rate
    return np.tile(level * np.sin(2 * np.pi * hertz * t), (channels, 1)).astype(np.float32)


def with_sound(folder: Path, samples: Waves, rate: int = RATE, *, num_frames: int = 24, fps: float = 12) -> Path:
    """The file of a clip with that sound, which has crossed a process boundary."""
    silent = patches(num_frames, 64, 64, fps)
    sound = Sound.write(folder / "job" / "sound.npy", samples, rate)
    clip = Clip(fps=fps, num_frames=num_frames, frames=silent.frames, sound=sound)
    encode_mp4(clip, folder / "a.mp4", metadata={})
    return folder / "a.mp4"


def heard(path: Path, seconds: float = 10) -> Waves:
    found = read_sound(path, seconds)
    assert found is not None
    return found


@pytest.mark.parametrize(("rate", "channels", "seconds"), [(48_000, 2, 2.0), (24_000, 1, 3.3), (44_100, 2, 0.5)])
def test_it_is_as_long_as_the_pictures(tmp_path: Path, rate: int, channels: int, seconds: float) -> None:
    path = with_sound(tmp_path, tone(seconds, rate, channels), rate)
    found = probe(path)
    assert (found.num_frames, found.fps, found.duration) == (24, 12.0, 2.0)
    with av.open(str(path)) as container:
        (track,) = container.streams.audio
        assert (track.codec_context.name, track.rate, track.codec_context.channels) == ("aac", RATE, channels)
        assert track.duration is not None
        assert float(track.duration * track.time_base) == pytest.approx(2.0, abs=1 / RATE)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    samples = heard(path)[0, : 2 * RATE]
    spectrum = np.abs(np.fft.rfft(samples[: min(len(samples), round(seconds * RATE)) // 4800 * 4800]))
    assert np.argmax(spectrum) * RATE / (2 * (len(spectrum) - 1)) == pytest.approx(440, abs=1)
    if seconds < 2:
        assert np.abs(samples[round(seconds * RATE) + 4_096 :]).max() < 0.001


def test_it_is_heard_when_it_happens(tmp_path: Path) -> None:
    clicks = np.zeros((2, 2 * RATE), np.float32)
    at = [0, 24_000, 50_000, 95_000]
    for place in at:
        clicks[:, place : place + 48] = 0.8 * np.hanning(48)
    samples = heard(with_sound(tmp_path, clicks))[0]
    for place in at:
        near = slice(max(0, place - 900), place + 1_000)
        assert near.start + np.argmax(samples[near]) == pytest.approx(place + 24, abs=4)


def test_what_is_too_loud_is_made_quieter_as_a_whole(tmp_path: Path) -> None:
    loud = tone(2.0, level=1.7)
    loud[:, :RATE] /= 10
    samples = fitted(loud, RATE, 2.0)
    assert np.abs(samples).max() == pytest.approx(10 ** (-1 / 20), rel=1e-5)
    assert np.abs(samples[:, RATE:]).max() / np.abs(samples[:, :RATE]).max() == pytest.approx(10, rel=1e-3)
    assert np.abs(heard(with_sound(tmp_path, loud))).max() < 1.0
    quiet = tone(2.0)
    assert np.array_equal(fitted(quiet, RATE, 2.0), quiet)


def test_a_cut_does_not_click() -> None:
    samples = fitted(tone(2.0, hertz=441.3), RATE, 1.01)
    assert samples.shape == (2, round(1.01 * RATE))
    assert np.abs(samples[:, -1]).max() == 0


def test_the_same_sound_gives_the_same_bytes(tmp_path: Path) -> None:
    one = with_sound(tmp_path, tone(2.0)).read_bytes()
    assert with_sound(tmp_path, tone(2.0)).read_bytes() == one


@pytest.mark.parametrize(
    ("samples", "rate", "told"),
    [
        (np.zeros((6, 100), np.float32), RATE, "one or two channels"),
        (np.zeros(100, np.float32), RATE, "shape"),
        (np.zeros((1, 0), np.float32), RATE, "shape"),
        (np.full((1, 9), np.nan, np.float32), RATE, "no numbers"),
        (np.zeros((1, 9), np.float32), 400, "samples a second"),
    ],
)
def test_what_is_no_sound_is_told(tmp_path: Path, samples: Waves, rate: int, told: str) -> None:
    with pytest.raises(BadVideo, match=told):
        Sound.write(tmp_path / "sound.npy", samples, rate)


def test_a_file_without_sound_has_none(tmp_path: Path) -> None:
    encode_mp4(patches(2, 64, 64), tmp_path / "a.mp4", metadata={})
    assert read_sound(tmp_path / "a.mp4", 1) is None
