"""Stills show the right frame in the right colours, from frames and from files alike."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reelwright.media.clip import Clip, FrameBuffer
from reelwright.media.probe import BadVideo
from reelwright.media.renditions import Rendition, render_rendition
from reelwright.media.stills import poster, spritesheet, thumbnail
from tests.media.clips import error, greys, mp4, patches

STILLS = [poster, thumbnail, spritesheet]


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def sources(clip: Clip, tmp_path: Path) -> list[Clip | Path]:
    """The same video as frames, as an encoded clip and as a file."""
    path = mp4(tmp_path / "source.mp4", clip)
    return [clip, Clip(fps=clip.fps, num_frames=clip.num_frames, path=path), path]


@pytest.mark.parametrize(("height", "width"), [(512, 512), (720, 1280)])
def test_poster_and_thumbnail_have_the_colours_of_the_frames(height: int, width: int, tmp_path: Path) -> None:
    for source in sources(patches(3, height, width), tmp_path):
        poster(source, tmp_path / "poster")
        assert pixels(tmp_path / "poster").shape == (height, width, 3)
        assert error(pixels(tmp_path / "poster")) <= 3
        thumbnail(source, tmp_path / "thumbnail")
        assert pixels(tmp_path / "thumbnail").shape == (320 * height // width, 320, 3)
        assert error(pixels(tmp_path / "thumbnail")) <= 4


def test_formats(tmp_path: Path) -> None:
    for still, format_name in zip(STILLS, ["JPEG", "WEBP", "JPEG"], strict=True):
        still(patches(1, 64, 64), tmp_path / "still.part")
        with Image.open(tmp_path / "still.part") as image:
            assert image.format == format_name


@pytest.mark.parametrize(
    ("levels", "shown"),
    [
        ([200, 250, 250], 200),
        ([0, 0, 0, 20, 200, 250], 200),
        ([0, 0, 0], 0),
        ([0] * 60 + [240] * 60, 240),
        ([9], 9),
    ],
)
def test_the_poster_is_the_first_frame_with_contrast(levels: list[int], shown: int, tmp_path: Path) -> None:
    for source in sources(greys(levels), tmp_path):
        poster(source, tmp_path / "poster")
        assert abs(int(pixels(tmp_path / "poster")[32, 48].mean()) - shown) <= 4


def test_a_webm_which_does_not_say_how_many_frames_it_has_has_the_same_poster(tmp_path: Path) -> None:
    """As providers send them: the frames have to be counted to find one of them."""
    clip = greys([0] * 60 + [240] * 60)
    render_rendition(mp4(tmp_path / "video.mp4", clip), Rendition.WEBM, tmp_path / "video.webm")
    poster(tmp_path / "video.webm", tmp_path / "poster")
    assert int(pixels(tmp_path / "poster")[32, 48].mean()) > 200


@pytest.mark.parametrize("num_frames", [1, 5, 16, 61])
def test_the_sprite_sheet_runs_from_the_first_frame_to_the_last(num_frames: int, tmp_path: Path) -> None:
    levels = [round(255 * index / max(1, num_frames - 1)) for index in range(num_frames)]
    for source in sources(greys(levels), tmp_path):
        spritesheet(source, tmp_path / "sheet")
        sheet = pixels(tmp_path / "sheet")
        assert sheet.shape == (256, 256, 3)
        shown = [int(sheet[64 * row + 32, 64 * column + 48].mean()) for row in range(4) for column in range(4)]
        wanted = [levels[round(cell * (num_frames - 1) / 15)] for cell in range(16)]
        assert np.abs(np.array(shown) - wanted).max() <= 5


def test_the_sprite_sheet_is_scaled_down(tmp_path: Path) -> None:
    spritesheet(patches(2, 720, 1280), tmp_path / "sheet")
    assert pixels(tmp_path / "sheet").shape == (4 * 180, 4 * 320, 3)


@pytest.mark.parametrize("still", STILLS)
def test_the_same_video_gives_the_same_bytes(still: Callable[[Clip | Path, Path], None], tmp_path: Path) -> None:
    path = mp4(tmp_path / "a.mp4", greys([0, 100, 200]))
    still(path, tmp_path / "one")
    still(path, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("still", STILLS)
def test_what_is_no_video_is_refused(still: Callable[[Clip | Path, Path], None], tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html></html>")
    with pytest.raises(BadVideo, match="HTML"):
        still(tmp_path / "page", tmp_path / "still")
    with pytest.raises(BadVideo, match="no frames"):
        still(Clip(fps=12, num_frames=0, frames=FrameBuffer.create(1, 64, 64)), tmp_path / "still")
    assert not (tmp_path / "still").exists()
