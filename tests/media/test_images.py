"""Input images: real ones of every kind are read right, hostile ones are refused before anything is decoded."""

import hashlib
import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from reelwright.errors import BadRequest, Code, EngineError
from reelwright.media.images import check_image, decode_image

ORIENTATION = 0x0112


def drawing(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), (220, 30, 30))
    image.paste((20, 20, 200), (width // 2, 0, width, height))
    return image.convert(mode)


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def png_chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def png_bomb(width: int, height: int) -> bytes:
    """A small file that claims a size of width × height, and holds a hundredth of those pixels, all black."""
    packer = zlib.compressobj(9)
    row = bytes(1 + width * 3)
    pixels = b"".join(packer.compress(row) for _ in range(height // 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


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


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_every_png_mode_is_read_and_decoded(mode: str, tmp_path: Path) -> None:
    image = Image.new("I;16", (60, 40), 0x8080) if mode == "I;16" else drawing(mode=mode)
    path = tmp_path / "image"
    path.write_bytes(encoded(image, "PNG"))
    assert check_image(path.read_bytes()).width == 60
    decoded = decode_image(path)
    assert (decoded.mode, decoded.size) == ("RGB", (60, 40))
    if mode == "I;16":
        assert decoded.getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP"])
def test_a_photograph_held_sideways_is_turned_upright(format_name: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # To be turned by 90° clockwise: left becomes top.
    path = tmp_path / "image"
    path.write_bytes(encoded(drawing(60, 40), format_name, exif=exif))
    checked = check_image(path.read_bytes())
    decoded = decode_image(path)
    assert (checked.width, checked.height) == decoded.size == (40, 60)
    red, _, blue = decoded.getpixel((20, 5))  # type: ignore[misc]
    assert red > 180 > 80 > blue


def test_cmyk_jpegs_and_transparency_become_rgb(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(encoded(drawing(mode="CMYK"), "JPEG"))
    assert decode_image(path).mode == "RGB"
    path.write_bytes(encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG"))
    assert decode_image(path).getpixel((4, 4)) == (255, 255, 255)


def test_data_behind_a_jpeg_does_not_matter() -> None:
    assert check_image(encoded(drawing(), "JPEG") + b"MotionPhoto" * 100).width == 60


def test_a_bomb_is_refused_by_its_header() -> None:
    bomb = png_bomb(30_000, 30_000)
    assert len(bomb) < 300_000
    message = refusal(bomb)
    assert "PNG of 30000×30000" in message
    assert "4096×4096" in message


def test_lying_sizes_are_refused() -> None:
    webp = bytearray(encoded(drawing(), "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"))
    at = webp.index(b"VP8X") + 12
    webp[at : at + 6] = b"\xfe\x3f\x00\xfe\x3f\x00"
    assert "16383×16383" in refusal(bytes(webp))
    jpeg = bytearray(encoded(drawing(), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xff\xff\xff"
    assert "65535×65535" in refusal(bytes(jpeg))
    jpeg[at : at + 4] = bytes(4)
    assert "has no size" in refusal(bytes(jpeg))


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


def test_damaged_pixels_are_found_when_decoding(tmp_path: Path) -> None:
    data = bytearray(encoded(drawing(300, 300).effect_spread(40), "PNG"))
    data[len(data) // 2 : len(data) // 2 + 400] = b"\xff" * 400
    path = tmp_path / "image"
    path.write_bytes(data)
    check_image(bytes(data))
    with pytest.raises(EngineError, match="damaged") as caught:
        decode_image(path)
    assert caught.value.code == Code.INVALID_FIELD


def test_decoding_checks_the_file_again(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(png_bomb(30_000, 30_000))
    with pytest.raises(EngineError, match="30000×30000"):
        decode_image(path)


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
