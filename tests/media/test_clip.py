"""The frame buffer: frames in shared memory, with some slack behind the last one."""

from __future__ import annotations

import ctypes
import os

import pytest

from reelwright.media.clip import SLACK_BYTES, FrameBuffer
from tests.media import clips


def test_two_sides_see_the_same_pixels() -> None:
    written = FrameBuffer.create(2, 8, 16)
    written.array()[1, 3, 5] = (1, 2, 3)
    read = FrameBuffer(os.dup(written.fd), 2, 8, 16)
    assert read.array().shape == (2, 8, 16, 3)
    assert read.array()[1, 3, 5].tolist() == [1, 2, 3]
    for side in (written, read):
        side.close()


@pytest.mark.parametrize(("num_frames", "height", "width"), [(8, 64, 72), (36, 384, 680)])
def test_something_stands_behind_a_last_row_that_fills_its_page(num_frames: int, height: int, width: int) -> None:
    """swscale reads beyond the end of such rows: with nothing there, the server is gone."""
    assert num_frames * height * width * 3 % os.sysconf("SC_PAGE_SIZE") == 0
    frames = FrameBuffer.create(num_frames, height, width)
    array = frames.array()
    array[:] = 90
    behind = ctypes.string_at(array.ctypes.data + array.nbytes, SLACK_BYTES)
    assert behind == bytes(SLACK_BYTES)


def test_a_width_that_swscale_reads_beyond_is_encoded(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert clips.mp4(tmp_path / "clip.mp4", clips.patches(8, 64, 72)).stat().st_size > 0
