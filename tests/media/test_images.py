"""Input images: real ones of every kind are read right, hostile ones are refused before anything is decoded."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from reelwright.errors import BadRequest, Code, EngineError
from reelwright.media import images
from reelwright.media.image_headers import has_all_rows
from reelwright.media.images import check_image, decode_image
from tests import pictures
from tests.pictures import encoded, png_bomb, png_chunk
from tests.servers import ROOT


def drawing(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), (220, 30, 30))
    image.paste((20, 20, 200), (width // 2, 0, width, height))
    return image.convert(mode)


def refusal(data: bytes, **options: object) -> str:
    with pytest.raises(BadRequest) as caught:
        check_image(data, **options)  # type: ignore[arg-type]
    message = caught.value.message
    assert caught.value.code == Code.INVALID_FIELD
    assert "0x" not in message
    assert "/" not in message
    return message


@pytest.mark.parametrize(
    ("format_name", "options"),
    [
        ("PNG", {}),
        ("PNG", {"interlace": 1}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    ],
)
def test_every_kind_is_read(format_name: str, options: dict[str, object]) -> None:
    data = encoded(drawing(61, 43), format_name, **options)
    image = check_image(data)
    assert image.media_type == f"image/{format_name.lower()}"
    assert (image.width, image.height) == (61, 43)
    assert image.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", pictures.kinds())
def test_the_header_tells_the_size_that_is_shown(name: str, tmp_path: Path) -> None:
    data = pictures.kinds()[name].data
    path = tmp_path / "image"
    path.write_bytes(data)
    checked = check_image(data)
    decoded = decode_image(path)
    assert (decoded.mode, decoded.size) == ("RGB", (checked.width, checked.height))


def test_data_behind_a_jpeg_does_not_matter() -> None:
    assert check_image(encoded(drawing(), "JPEG") + b"MotionPhoto" * 100).width == 60


def test_a_bomb_is_refused_by_its_header() -> None:
    bomb = png_bomb(30_000, 30_000)
    assert len(bomb) < 300_000
    message = refusal(bomb)
    assert "PNG of 30000×30000" in message
    assert "36 megapixels" in message


def test_lying_sizes_are_refused() -> None:
    jpeg = bytearray(encoded(drawing(), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xff\xff\xff"
    assert "65535×65535" in refusal(bytes(jpeg))
    jpeg[at : at + 4] = bytes(4)
    assert "has no size" in refusal(bytes(jpeg))
    for name in ("two PNG headers", "two JPEG frames", "WebP canvas"):
        assert "contradicts itself" in refusal(pictures.liars()[name])


@pytest.mark.parametrize("format_name", ["PNG", "WEBP"])
def test_animations_are_refused(format_name: str) -> None:
    frames = [drawing(), drawing().rotate(180)]
    data = encoded(frames[0], format_name, save_all=True, append_images=frames[1:], duration=100)
    assert "animated" in refusal(data)


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "WEBP"])
def test_no_part_of_an_image_is_taken_for_a_whole(format_name: str) -> None:
    data = encoded(drawing(), format_name)
    for length in range(len(data) - 1):
        refusal(data[:length])


def test_anything_else_is_refused() -> None:
    assert "0 bytes" in refusal(b"")
    assert "neither PNG nor JPEG nor WebP" in refusal(encoded(drawing(), "GIF"))
    assert "neither" in refusal(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert "neither" in refusal(b"\0" * 1000)
    assert "more than 20000 parts" in refusal(b"\x89PNG\r\n\x1a\n" + png_chunk(b"tEXt", b"") * 20_001)
    refusal(b"\xff\xd8\xff" + b"\xff" * 100_000)
    refusal(b"\xff\xd8" + b"\xff\xd0" * 100_000)


def test_the_byte_cap_and_the_field_are_the_callers() -> None:
    data = encoded(drawing(), "PNG")
    message = refusal(data, max_bytes=len(data) - 1, field="input_reference")
    assert message.startswith("Invalid input_reference: ")
    assert f"{len(data)} bytes" in message


@pytest.mark.parametrize("name", pictures.liars())
def test_what_an_engine_is_given_is_checked_again(name: str, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(pictures.liars()[name])
    with pytest.raises(EngineError, match="Invalid image") as caught:
        decode_image(path)
    assert (caught.value.code, caught.value.field) == (Code.INVALID_FIELD, "image")
    assert caught.value.to_failure().field == EngineError.from_failure(caught.value.to_failure()).field == "image"


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (61, 43)])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_whole_png_has_all_its_rows(mode: str, size: tuple[int, int], interlace: int) -> None:
    assert has_all_rows(encoded(Image.new(mode, size), "PNG", interlace=interlace))


def test_decoding_checks_the_file_again(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(png_bomb(30_000, 30_000))
    with pytest.raises(EngineError, match="30000×30000"):
        decode_image(path)


def test_the_docs_tell_the_limits() -> None:
    told = (ROOT / "docs" / "input-images.md").read_text()
    assert f"{images.MAX_BYTES / 1e6:g} MB" in told
    for kind, name in (("jpeg", "JPEG"), ("webp", "PNG and WebP")):
        assert f"{name} {images.MAX_PIXELS[kind] / 1e6:g} megapixels" in told
    assert images.MAX_PIXELS["png"] == images.MAX_PIXELS["webp"]
    assert f"{images.MAX_SIDE} a side" in told
    assert f"{images.KEPT_PIXELS / 1e6:.1f} megapixels" in told


def test_checking_imports_no_image_library() -> None:
    code = (
        "import sys\n"
        "from reelwright.media import boxes, clip, encode, images, probe, renditions, stills\n"
        "images.check_image(sys.stdin.buffer.read())\n"
        "print(sorted({'av', 'numpy', 'PIL'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=encoded(drawing(), "PNG"), capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == "[]"
