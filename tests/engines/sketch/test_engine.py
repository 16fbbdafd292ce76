from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reelwright.engines.sketch.engine import SketchEngine
from reelwright.errors import Cancelled
from reelwright.testing import Recorder
from tests.engines.sketch.easel import GALLERY, drawn, frames_of, job


@pytest.fixture(scope="module")
def gallery() -> dict[str, NDArray[np.float32]]:
    return {prompt: frames_of(prompt).astype(np.float32) for prompt in GALLERY}


@pytest.mark.parametrize("prompt", GALLERY)
def test_the_gallery_shows_moving_pictures(prompt: str, gallery: dict[str, NDArray[np.float32]]) -> None:
    frames = gallery[prompt]
    assert frames[0].std() > 8, "the picture is not flat"
    # Averaged over 4 × 4 pixels, grain and dither do not count as motion.
    coarse = frames.reshape(6, 32, 4, 32, 4, 3).mean((2, 4))
    change = np.abs(np.diff(coarse, axis=0)).mean((1, 2, 3))
    assert change.min() > 0.05
    if "lightning" not in prompt:
        assert change.max() < 4 * np.median(change) + 0.5, "nothing pops from one frame to the next"


def test_the_gallery_s_pictures_differ(gallery: dict[str, NDArray[np.float32]]) -> None:
    first = [gallery[prompt][0] for prompt in GALLERY]
    for a in range(len(first)):
        for b in range(a):
            assert np.abs(first[a] - first[b]).mean() > 8, (GALLERY[a], GALLERY[b])


@pytest.mark.parametrize("prompt", [GALLERY[0], GALLERY[3], GALLERY[8], GALLERY[10]])
def test_equal_requests_give_equal_frames_on_any_number_of_threads(prompt: str) -> None:
    one, _, _ = drawn(job(prompt, num_frames=5), threads=1)
    three, _, _ = drawn(job(prompt, num_frames=5), threads=3)
    assert np.array_equal(one, three)


@pytest.mark.parametrize("prompt", [GALLERY[0], GALLERY[4], GALLERY[10]])
def test_another_seed_gives_another_picture(prompt: str) -> None:
    one, two = (frames_of(prompt, seed=seed, num_frames=1).astype(np.float32) for seed in (1, 2**63 - 1))
    assert np.abs(one - two).mean() > 2


def test_every_unknown_text_has_a_picture_of_its_own() -> None:
    one, two = (frames_of(text, num_frames=1).astype(np.float32) for text in ("jazz", "an endless improvisation"))
    assert np.abs(one - two).mean() > 8


def test_time_runs_in_seconds_whatever_the_frame_rate() -> None:
    slow = frames_of(GALLERY[0], num_frames=3, fps=5).astype(np.float32)
    quick = frames_of(GALLERY[0], num_frames=6, fps=10).astype(np.float32)
    # Same moment, other grain.
    assert np.abs(slow[2] - quick[4]).mean() < 2


@pytest.mark.parametrize(
    ("prompt", "width", "height"),
    [
        (GALLERY[0], 64, 1920),
        (GALLERY[1], 1920, 64),
        (GALLERY[2], 64, 64),
        (GALLERY[3], 1920, 64),
        (GALLERY[4], 64, 1920),
        (GALLERY[5], 200, 72),
        (GALLERY[6], 64, 64),
        (GALLERY[7], 72, 200),
        (GALLERY[8], 1920, 64),
        (GALLERY[9], 64, 64),
        (GALLERY[10], 1920, 64),
    ],
)
def test_slim_and_tiny_frames(prompt: str, width: int, height: int) -> None:
    frames = frames_of(prompt, width=width, height=height, num_frames=1)
    assert frames[0].std() > 4


@pytest.mark.parametrize("move", ["pan left", "pan right", "zoom in", "zoom out", "tilt up", "tilt down", "orbit shot"])
def test_camera_moves_leave_no_hole(move: str) -> None:
    frames = frames_of(f"a forest by a lake in the mountains at noon, fast {move}", num_frames=3, fps=1)
    assert frames.reshape(-1, 3).max(1).min() > 0
    assert np.abs(frames[2].astype(int) - frames[0]).mean() > 2


def test_progress_is_reported_for_every_frame_in_order() -> None:
    _, made, report = drawn(job("the sea", num_frames=7))
    assert report.progressed == [(n, 7) for n in range(1, 8)]
    assert (made.clip.num_frames, made.clip.fps) == (7, 12)
    assert made.clip.frames is not None
    assert made.clip.path is None


def test_the_facts_are_plain_json_and_tell_the_scene() -> None:
    _, made, _ = drawn(job("A stormy night sea", num_frames=1))
    facts = json.loads(json.dumps(dict(made.facts)))
    assert facts["ground"] == "sea"
    assert facts["hour"] == "night"
    assert facts["numpy"] == np.__version__


class Stop(Recorder):
    def progress(self, done: int, total: int) -> None:
        if done == 2:
            self.cancel()
        super().progress(done, total)


def test_a_cancel_passes_through_and_ends_the_drawing() -> None:
    task, report = job("the sea", num_frames=40), Stop()
    with pytest.raises(Cancelled):
        SketchEngine().generate(task, report)
    assert report.progressed == [(1, 40), (2, 40)]
    assert not task.frames.array()[20:].any(), "the later frames were never drawn"


def picture(path: Path, kind: str) -> Path:
    """A photo-like picture: a bright sky over dark ground with a red box in the middle."""
    pixels = np.zeros((150, 260, 3), np.uint8)
    pixels[:80] = np.linspace(120, 240, 80, dtype=np.uint8)[:, None, None]
    pixels[80:] = (40, 70, 30)
    pixels[50:110, 100:160] = (200, 30, 30)
    Image.fromarray(pixels).save(path, kind)
    return path


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_image_moves_and_stays_itself(tmp_path: Path, kind: str) -> None:
    image = picture(tmp_path / f"input.{kind.lower()}", kind)
    task = job("slow zoom in", width=128, height=128, num_frames=5, fps=2, image=image)
    frames, made, _ = drawn(task)
    assert made.facts["scene"] == "image"
    assert np.abs(frames[4].astype(int) - frames[0]).mean() > 1
    middle = frames[2][60:68, 60:68].reshape(-1, 3).mean(0)
    assert middle[0] > 150
    assert middle[1] < 80


def test_more_motion_moves_an_image_farther(tmp_path: Path) -> None:
    image = picture(tmp_path / "input.png", "PNG")

    def change(motion: int) -> float:
        frames = frames_of("", num_frames=4, fps=2, image=image, motion=motion).astype(np.float32)
        return float(np.abs(frames[3] - frames[0]).mean())

    assert change(255) > 1.3 * change(60)


def test_a_tiny_gray_image_with_alpha_is_drawn_too(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.new("LA", (3, 2), (180, 128)).save(data, "PNG")
    path = tmp_path / "input.png"
    path.write_bytes(data.getvalue())
    assert frames_of("", num_frames=2, width=64, height=128, image=path).mean() > 50
