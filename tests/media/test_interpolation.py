"""Frames between frames, on a scene whose frames in between are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.media.interpolation import interpolated
from reelwright.media.probe import BadVideo

SIDE = 128
Picture = NDArray[np.uint8]


def ball(moment: float, colour: tuple[int, int, int] = (250, 220, 90)) -> Picture:
    """A bright ball that crosses a textured ground: 8 pixels to the right from one whole moment to the next."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    ground = 70 + 30 * np.sin(x / 9) + 30 * np.sin(y / 7)
    picture = np.repeat(ground[..., None], 3, -1)
    picture[np.hypot(x - 30 - 8 * moment, y - 64) < 14] = colour
    return picture.astype(np.uint8)


def bright(picture: Picture) -> tuple[float, int]:
    """Where the ball is (the middle of its pixels), and how many pixels it has."""
    found = np.argwhere(picture[..., 0] > 190)
    return float(found[:, 1].mean()), len(found)


@pytest.mark.parametrize("factor", [2, 3])
def test_every_given_frame_is_kept_and_the_ball_moves_on_evenly(factor: int) -> None:
    given = [ball(moment) for moment in range(8)]
    made = list(interpolated(iter(given), factor))
    assert len(made) == 8 * factor
    assert all(np.array_equal(made[factor * n], given[n]) for n in range(8))
    assert all(np.array_equal(still, given[-1]) for still in made[factor * 7 :])
    size = bright(given[0])[1]
    for number, picture in enumerate(made[: factor * 7]):
        place, pixels = bright(picture)
        assert place == pytest.approx(30 + 8 * number / factor, abs=1.0)
        assert abs(pixels - size) < 0.12 * size  # a mixture of two frames would show two balls


def test_two_scenes_are_never_mixed() -> None:
    before = [ball(moment) for moment in range(4)]
    after = [255 - ball(moment) for moment in range(4)]
    made = list(interpolated(before + after, 2))
    difference = min(np.abs(made[7].astype(int) - near).mean() for near in (before[-1], after[0]))
    assert difference < 2


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_clips_keep_their_duration(count: int) -> None:
    given = [ball(moment) for moment in range(count)]
    assert len(list(interpolated(given, 4))) == 4 * count


def test_frames_that_the_filter_does_not_take_are_told() -> None:
    with pytest.raises(BadVideo, match="Frames of 16x16 cannot be interpolated"):
        list(interpolated([np.zeros((16, 16, 3), np.uint8)], 2))
