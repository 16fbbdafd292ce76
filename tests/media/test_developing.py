"""The process that decodes a picture: it answers whatever happens, within its memory."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys

import pytest
from PIL import Image

from tests import pictures
from tests.pictures import encoded


def developed(data: bytes, memory_mb: int | None = None) -> tuple[dict[str, object], bytes]:
    """Its answer; `memory_mb` is less address space than it would give itself."""

    def bound() -> None:
        if memory_mb:
            resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))

    command = [sys.executable, "-m", "reelwright.media.developing", "image"]
    done = subprocess.run(command, input=data, capture_output=True, preexec_fn=bound, check=True)
    head, _, picture = done.stdout.partition(b"\n")
    return json.loads(head), picture


@pytest.mark.parametrize("name", ["progressive", "interlaced", "multi-picture JPEG"])
def test_a_picture_that_is_as_it_should_be_stays_as_it_is(name: str) -> None:
    assert developed(pictures.kinds()[name].data) == ({"changed": False}, b"")


@pytest.mark.parametrize(
    "name", ["transparent PNG", "16-bit grey", "sideways WebP", "CMYK", "linear light", "coded P3"]
)
def test_what_was_developed_need_not_be_developed_again(name: str) -> None:
    head, picture = developed(pictures.kinds()[name].data)
    assert head == {"changed": True}
    assert developed(picture) == ({"changed": False}, b"")
    assert Image.open(io.BytesIO(picture)).mode in ("RGB", "L")


def test_the_largest_pictures_fit_into_its_memory() -> None:
    noise = Image.effect_noise((800, 800), 60).resize((8000, 8000), Image.Resampling.NEAREST)
    inks = Image.merge("CMYK", [noise] * 4)
    # Progressive and without subsampling: all coefficients of the picture are held at once.
    head, _ = developed(encoded(inks, "JPEG", progressive=True, subsampling=0, quality=30))
    assert head == {"changed": True}
    clear = Image.new("RGBA", (6000, 6000), (9, 9, 9, 0))
    assert developed(encoded(clear, "WEBP", lossless=True, method=0))[0] == {"changed": True}
    assert developed(encoded(clear, "PNG", compress_level=1))[0] == {"changed": True}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_one_that_does_not_fit_is_told(form: str) -> None:
    options = {"JPEG": {"progressive": True}, "PNG": {"compress_level": 1}, "WEBP": {"lossless": True, "method": 0}}
    head, _ = developed(encoded(Image.new("RGB", (6000, 6000)), form, **options[form]), memory_mb=120)
    assert str(head["problem"]).startswith("Invalid image: ")


@pytest.mark.parametrize("name", pictures.liars())
def test_who_lies_takes_little_memory(name: str) -> None:
    head, _ = developed(pictures.liars()[name], memory_mb=200)
    assert str(head["problem"]).startswith("Invalid image: ")
