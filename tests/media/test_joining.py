"""A file and the clip that goes on from it: nothing twice, nothing lost, one rate, one size, one set of colours."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.media.clip import Clip
from reelwright.media.encode import encode, encode_mp4
from reelwright.media.joining import join
from reelwright.media.last_frame import look
from reelwright.media.probe import BadVideo, decode, probe
from reelwright.media.renditions import Rendition, render_rendition
from reelwright.media.sound import RATE, read_sound
from reelwright.media.stills import to_srgb
from tests.media.clips import error, greys, patches
from tests.media.test_sound import tone, with_sound

LEVELS = [20, 60, 100, 140]


def joined(folder: Path, base: Path, clip: Clip) -> Path:
    found = probe(base)
    path = folder / "joined.mp4"
    encode(join(base, found.num_frames, found.fps, clip), path, metadata={})
    return path


def levels(path: Path) -> NDArray[np.int64]:
    """The right half's grey of each frame."""
    return np.array([int(to_srgb(frame).to_ndarray()[32, 48].mean()) for frame in decode(path)])


def a_file(folder: Path, clip: Clip, name: str = "base.mp4") -> Path:
    encode_mp4(clip, folder / name, metadata={})
    return folder / name


def test_the_frame_that_both_have_is_there_once(tmp_path: Path) -> None:
    path = joined(tmp_path, a_file(tmp_path, greys(LEVELS)), greys([140, 180, 220]))
    assert np.abs(levels(path) - [*LEVELS, 180, 220]).max() <= 3
    found = probe(path)
    assert (found.num_frames, found.fps, found.duration) == (6, 12.0, 0.5)
    assert [frame.time for frame in decode(path)] == pytest.approx([index / 12 for index in range(6)])
    assert (found.color_primaries, found.color_trc, found.colorspace, found.color_range) == (1, 1, 1, 1)


@pytest.mark.parametrize(("fps", "frames", "expected"), [(24, 9, [180, 220, 20]), (6, 3, [140, 180, 180, 220, 220])])
def test_a_clip_that_is_a_file_gets_the_rate_and_the_size(
    tmp_path: Path, fps: float, frames: int, expected: list[int]
) -> None:
    shown = [140, 150, 180, 190, 220, 230, 20, 30, 90] if fps == 24 else [140, 180, 220]
    frames_clip = greys(shown[:frames], side=128)
    clip = Clip(fps=fps, num_frames=frames, frames=frames_clip.frames)
    other = a_file(tmp_path, clip, "other.mp4")
    path = joined(tmp_path, a_file(tmp_path, greys(LEVELS)), Clip(fps=fps, num_frames=frames, path=other))
    assert (probe(path).width, probe(path).fps) == (64, 12.0)
    assert np.abs(levels(path)[4 : 4 + len(expected)] - expected).max() <= 4


def test_colours_of_another_kind_are_brought_to_ours(tmp_path: Path) -> None:
    webm = tmp_path / "a.webm"
    render_rendition(a_file(tmp_path, patches(3)), Rendition.WEBM, webm)
    path = joined(tmp_path, webm, patches(3))
    frames = [to_srgb(frame).to_ndarray() for frame in decode(path)]
    assert len(frames) == 5
    assert max(error(frame) for frame in frames) <= 6
    assert probe(path).codec == "h264"


def test_the_sounds_meet_without_a_gap_or_a_click(tmp_path: Path) -> None:
    base = with_sound(tmp_path, tone(1.0, hertz=300), num_frames=12)
    other = with_sound(tmp_path / "job", tone(1.0, hertz=500, channels=1), num_frames=12)
    found = probe(other)
    clip = Clip(fps=found.fps, num_frames=found.num_frames, path=other, probe=found)
    path = joined(tmp_path, base, clip)
    assert probe(path).num_frames == 23
    samples = read_sound(path, 5)
    assert samples is not None
    seam = samples[:, round(0.8 * RATE) : round(1.2 * RATE)]
    assert np.abs(np.diff(seam, axis=1)).max() < 0.06  # a tone of 500 Hz at this level makes 0.026
    assert np.abs(seam.reshape(2, 40, -1)).max(axis=2).min() > 0.1
    for hertz, part in ((300, samples[0, 4_800:38_400]), (500, samples[0, 52_800:86_400])):
        assert np.argmax(np.abs(np.fft.rfft(part))) * RATE / len(part) == pytest.approx(hertz, abs=2)


def test_one_frame_adds_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadVideo, match="one frame"):
        joined(tmp_path, a_file(tmp_path, greys(LEVELS)), greys([140]))


def test_the_last_frame_is_the_last(tmp_path: Path) -> None:
    from io import BytesIO

    from PIL import Image

    facts, png = look(a_file(tmp_path, greys([*LEVELS, 200])))
    assert facts == {"width": 64, "height": 64, "num_frames": 5, "fps": 12.0}
    assert np.asarray(Image.open(BytesIO(png)))[32, 48].mean() == pytest.approx(200, abs=3)
