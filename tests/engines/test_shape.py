"""How large a video becomes, by what was asked of its size, its picture and its card."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from reelwright.engines.shape import choose_size
from reelwright.errors import BadRequest
from reelwright.video import Draft, Image
from tests.engines.test_catalog import DRAWING

WAN = dataclasses.replace(DRAWING, side_multiple=16, min_side=128, max_side=1280, default_width=832, default_height=480)


def picture(width: int, height: int) -> Image:
    return Image(sha256="0" * 64, media_type="image/png", width=width, height=height)


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({}, (512, 512)),
        ({"width": 640, "height": 360}, (640, 360)),
        ({"width": 640}, (640, 512)),
        ({"image": picture(3000, 4000)}, (440, 592)),
        ({"image": picture(4000, 3000)}, (592, 440)),
        ({"image": picture(100, 100)}, (512, 512)),
        ({"image": picture(8000, 100)}, (1920, 64)),
        ({"image": picture(3000, 4000), "width": 600}, (600, 800)),
        ({"image": picture(3000, 4000), "height": 800}, (600, 800)),
        ({"image": picture(3000, 4000), "width": 512, "height": 512}, (512, 512)),
        ({"image": picture(3000, 4000), "aspect_ratio": (16, 9)}, (680, 384)),
        ({"image": picture(3000, 4000), "resolution": 480}, (480, 640)),
        ({"resolution": 720}, (1280, 720)),
        ({"resolution": 480}, (856, 480)),
        ({"resolution": 720, "aspect_ratio": (9, 16)}, (720, 1280)),
        ({"resolution": 720, "aspect_ratio": (1, 1)}, (720, 720)),
        ({"aspect_ratio": (16, 9)}, (680, 384)),
        ({"aspect_ratio": (9, 16)}, (384, 680)),
        ({"default_size": (1024, 1024), "aspect_ratio": (1, 1)}, (1024, 1024)),
    ],
)
def test_the_size(asked: dict[str, Any], size: tuple[int, int]) -> None:
    assert choose_size(DRAWING, Draft(prompt="x", **asked)) == (size, [])


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({}, (832, 480)),
        ({"default_size": (512, 512)}, (512, 512)),
        ({"image": picture(3000, 4000)}, (544, 736)),
        ({"resolution": 480}, (848, 480)),
        ({"resolution": 720}, (1280, 720)),
        ({"image": picture(100, 9000)}, (128, 1280)),
    ],
)
def test_the_sides_are_what_the_model_can_make(asked: dict[str, Any], size: tuple[int, int]) -> None:
    assert choose_size(WAN, Draft(prompt="x", **asked)) == (size, [])


def test_a_size_wins_over_a_resolution_and_an_aspect_ratio() -> None:
    draft = Draft(prompt="x", width=512, height=512, resolution=720, aspect_ratio=(16, 9))
    size, unused = choose_size(DRAWING, draft)
    assert size == (512, 512)
    assert [one.field for one in unused] == ["resolution", "aspect_ratio"]
    assert str(unused[1]) == "aspect_ratio was not used: the size says 512x512, and the size wins."
    agreeing = Draft(prompt="x", width=1280, height=720, resolution=720, aspect_ratio=(16, 9))
    assert choose_size(DRAWING, agreeing) == ((1280, 720), [])


def test_a_resolution_that_the_model_cannot_make_is_refused() -> None:
    with pytest.raises(
        BadRequest, match=r"Invalid resolution: '1080p'. That is 1920x1088; the model drawing"
    ) as caught:
        choose_size(WAN, Draft(prompt="x", resolution=1080))
    assert caught.value.field == "resolution"


def test_a_shape_leaves_room_for_the_models_own_length() -> None:
    tight = dataclasses.replace(WAN, default_width=720, default_height=480, max_pixel_frames=720 * 480 * 24)
    for sides in ((100, 100), (3000, 4000), (4000, 3000), (100, 120)):
        (width, height), _ = choose_size(tight, Draft(prompt="x", image=picture(*sides)))
        assert 0.9 * 720 * 480 < width * height <= 720 * 480
        assert abs(width / height - sides[0] / sides[1]) < 0.1
