"""Renditions are read back with another program: Pillow for the animations, the probe for the WebM."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reelwright.media.clip import Clip
from reelwright.media.probe import BadVideo, decode, probe
from reelwright.media.renditions import Rendition, render_rendition
from reelwright.media.stills import to_srgb
from tests.media.clips import error, mp4, patches


def test_webm_is_av1_in_the_same_colours(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = mp4(tmp_path / "a.mp4", patches(12, 256, 256))
    render_rendition(source, Rendition.WEBM, tmp_path / "a.part")
    found = probe(tmp_path / "a.part")
    assert (found.container, found.codec, found.num_frames, found.fps) == ("webm", "av1", 12, 12.0)
    assert (found.width, found.height, found.duration) == (256, 256, 1.0)
    assert (found.color_primaries, found.color_trc, found.colorspace, found.color_range) == (1, 1, 1, 1)
    assert max(error(to_srgb(frame).to_ndarray()) for frame in decode(tmp_path / "a.part")) <= 3
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("kind", "tolerance"), [(Rendition.GIF, 8), (Rendition.WEBP, 6)])
def test_animations_play_for_ever_in_the_same_colours(kind: Rendition, tolerance: int, tmp_path: Path) -> None:
    clip = patches(12, 256, 512)
    brighten_the_middle(clip)
    render_rendition(mp4(tmp_path / "a.mp4", clip), kind, tmp_path / "a.part")
    with Image.open(tmp_path / "a.part") as image:
        assert image.format == kind.upper()
        assert image.size == (480, 240)
        assert image.info["loop"] == 0
        assert error(np.asarray(image.convert("RGB"))) <= tolerance


@pytest.mark.parametrize("kind", [Rendition.GIF, Rendition.WEBP])
@pytest.mark.parametrize(("fps", "num_frames", "kept"), [(12, 24, 24), (24, 24, 12), (60, 61, 16), (1, 1, 1)])
def test_animations_last_as_long_and_have_at_most_15_frames_a_second(
    kind: Rendition, fps: float, num_frames: int, kept: int, tmp_path: Path
) -> None:
    clip = patches(num_frames, 64, 64, fps=fps)
    brighten_the_middle(clip)
    render_rendition(mp4(tmp_path / "a.mp4", clip), kind, tmp_path / "a.part")
    with Image.open(tmp_path / "a.part") as image:
        durations = []
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            image.load()
            durations.append(image.info.get("duration", 0))
    assert len(durations) == kept
    if kept > 1:
        assert sum(durations) / 1000 == pytest.approx(num_frames / fps, abs=0.1)


@pytest.mark.parametrize("kind", Rendition)
def test_what_is_no_video_is_refused(kind: Rendition, tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html></html>")
    with pytest.raises(BadVideo, match="HTML"):
        render_rendition(tmp_path / "page", kind, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def brighten_the_middle(clip: Clip) -> None:
    """Make each frame differ from the one before, or an encoder would join them."""
    assert clip.frames is not None
    pictures = clip.frames.array()
    num_frames, height, width, _ = pictures.shape
    levels = np.linspace(0, 255, num_frames, dtype=np.uint8)
    pictures[:, height // 2 - 8 : height // 2 + 8, width // 2 - 8 : width // 2 + 8] = levels[:, None, None, None]
