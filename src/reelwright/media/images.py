"""Input images: what their headers say, checked before anything is decoded, and the decoding itself.

`check_image` reads bytes only: no image library sees what a client sent before its format, size and completeness are
known, and a bomb (30000×30000 pixels in 258 kB) costs nothing. `decode_image` belongs into an engine's child process.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reelwright import video
from reelwright.errors import BadRequest, Code, EngineError, invalid

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 10_000_000
MAX_PIXELS = 4096 * 4096
MAX_SIDE = 16_384

_ByteOrder = Literal["big", "little"]

_MAX_CHUNKS = 20_000
_JPEG_FRAMES = (0xC0, 0xC1, 0xC2)
"""Start-of-frame markers of the JPEGs in use: baseline, extended, progressive (ITU-T T.81, table B.1)."""
_JPEG_BARE = (0x01, *range(0xD0, 0xD9))
"""Markers that no length follows."""
_SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """What the first bytes of an image say. `exif` is its TIFF block, or empty."""

    kind: str
    width: int
    height: int
    animated: bool = False
    exif: bytes = b""


class _Broken(Exception):
    """The bytes are not what their signature promises; the message completes "The image …"."""


def check_image(data: bytes, *, max_bytes: int = MAX_BYTES, field: str = "image") -> video.Image:
    """Read the header of a PNG, JPEG or WebP and say what it is, as it will be shown (EXIF orientation applied).

    The bytes decide, never a name or a declared type. Raises `BadRequest` that names `field` for anything that is not a
    complete still image of one of the three formats within `max_bytes`, 16 Mi pixels and 16,384 pixels a side. The
    pixels are not decoded: damage inside them is found by `decode_image`.
    """
    if not data:
        raise invalid(field, "0 bytes", "Send a PNG, JPEG or WebP image.")
    if len(data) > max_bytes:
        raise invalid(field, _amount(len(data)), f"Send at most {_amount(max_bytes)}.")
    try:
        header = _read_header(data)
    except _Broken as error:
        told = f"{_amount(len(data))} of data"
        raise invalid(field, told, f"The image {error}. Send a whole PNG, JPEG or WebP.") from None
    told = f"{_amount(len(data))} {header.kind.upper()} of {header.width}×{header.height}"
    if header.animated:
        raise invalid(field, told, "The image is animated. Send a still image, for example its first frame.")
    if header.width * header.height > MAX_PIXELS or max(header.width, header.height) > MAX_SIDE:
        raise invalid(field, told, f"Send at most {MAX_PIXELS} pixels (4096×4096) and {MAX_SIDE} a side.")
    width, height = header.width, header.height
    if _orientation(header.exif) in _SIDEWAYS:
        width, height = height, width
    digest = hashlib.sha256(data).hexdigest()
    return video.Image(sha256=digest, media_type=f"image/{header.kind}", width=width, height=height)


def decode_image(path: Path) -> Image:
    """Decode a checked image to RGB, upright; what is transparent becomes white.

    For an engine's child process: a 16-megapixel image takes some 200 MB. Raises `EngineError` with the code
    `invalid_field` when the pixels are damaged, OSError when the file cannot be read.
    """
    from PIL import Image, ImageOps

    data = path.read_bytes()
    try:
        check_image(data)
        # Pillow warns of odd metadata, which does not touch the pixels.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise EngineError("The input image is larger than its header says.", code=Code.INVALID_FIELD)
                return _to_rgb(ImageOps.exif_transpose(image))
    except BadRequest as error:
        raise EngineError(error.message, code=Code.INVALID_FIELD) from error
    except (OSError, SyntaxError, ValueError, ZeroDivisionError, Image.DecompressionBombError) as error:
        # Pillow's own text holds memory addresses.
        raise EngineError("The input image is damaged; send it again.", code=Code.INVALID_FIELD) from error


def _to_rgb(image: Image) -> Image:
    from PIL import Image

    if image.mode.startswith("I"):
        # 16 bits a pixel: a plain conversion would clip at 255.
        return image.convert("I").point(lambda level: level / 257).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(paper, layer).convert("RGB")


def _read_header(data: bytes) -> _Header:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        header = _read_png(data)
    elif data.startswith(b"\xff\xd8\xff"):
        header = _read_jpeg(data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        header = _read_webp(data)
    else:
        raise _Broken("is neither PNG nor JPEG nor WebP")
    if header.width < 1 or header.height < 1:
        raise _Broken("has no size")
    return header


def _read_png(data: bytes) -> _Header:
    """PNG, third edition (W3C 2025), sections 5 and 11."""
    chunks: dict[bytes, bytes] = {}
    for name, payload in _chunks(data, 8, "big"):
        chunks.setdefault(name, payload)
        if name == b"IEND":
            break
    size = chunks.get(b"IHDR", b"")
    if len(size) != 13 or b"IDAT" not in chunks or b"IEND" not in chunks:
        raise _Broken("is an incomplete PNG")
    return _Header(
        kind="png",
        width=int.from_bytes(size[:4]),
        height=int.from_bytes(size[4:8]),
        animated=b"acTL" in chunks,
        exif=chunks.get(b"eXIf", b""),
    )


def _read_webp(data: bytes) -> _Header:
    """The WebP container, RFC 9649, section 2."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise _Broken("is an incomplete WebP")
    chunks = dict(_chunks(data[:end], 12, "little"))
    if (extended := chunks.get(b"VP8X", b"")) and len(extended) >= 10:
        width = 1 + int.from_bytes(extended[4:7], "little")
        height = 1 + int.from_bytes(extended[7:10], "little")
        return _Header(
            kind="webp",
            width=width,
            height=height,
            animated=bool(extended[0] & 2),
            exif=chunks.get(b"EXIF", b"").removeprefix(b"Exif\0\0"),
        )
    if (lossless := chunks.get(b"VP8L", b"")) and len(lossless) >= 5:
        bits = int.from_bytes(lossless[1:5], "little")
        return _Header(kind="webp", width=1 + (bits & 0x3FFF), height=1 + (bits >> 14 & 0x3FFF))
    if (lossy := chunks.get(b"VP8 ", b"")) and len(lossy) >= 10:
        width, height = (int.from_bytes(lossy[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return _Header(kind="webp", width=width, height=height)
    raise _Broken("is a WebP without a picture")


def _chunks(data: bytes, start: int, order: _ByteOrder) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG ("big": length, name, payload, checksum) or a RIFF ("little": name, length, payload)."""
    for number in itertools.count():
        head = data[start : start + 8]
        if len(head) < 8:
            return
        if number >= _MAX_CHUNKS:
            raise _Broken(f"has more than {_MAX_CHUNKS} parts")
        if order == "big":
            length, name, checksum, padding = int.from_bytes(head[:4]), head[4:], 4, 0
        else:
            length, name, checksum = int.from_bytes(head[4:], "little"), head[:4], 0
            padding = length & 1
        end = start + 8 + length
        if end + checksum > len(data):
            raise _Broken("is cut off")
        yield name, data[start + 8 : end]
        start = end + checksum + padding


def _read_jpeg(data: bytes) -> _Header:
    """JPEG, ITU-T T.81, annex B: the segments up to the first scan."""
    size = exif = b""
    at = 2
    for _ in range(_MAX_CHUNKS):
        if data[at : at + 2] == b"\xff\xff":  # A fill byte.
            at += 1
            continue
        if data[at : at + 1] != b"\xff" or len(data) < at + 4:
            break
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker in _JPEG_BARE:
            at += 2
            continue
        payload = data[at + 4 : at + 2 + length]
        if marker in _JPEG_FRAMES and len(payload) >= 6:
            size = payload
        elif marker == 0xE1 and payload.startswith(b"Exif\0\0"):
            exif = exif or payload[6:]
        elif marker == 0xDA:
            break
        at += 2 + length
    if not size:
        raise _Broken("is a JPEG without a picture, or of a rare kind")
    # The scan ends with the end-of-image marker; some cameras append data of their own.
    if data.find(b"\xff\xd9", at) < 0:
        raise _Broken("is an incomplete JPEG")
    return _Header(kind="jpeg", width=int.from_bytes(size[3:5]), height=int.from_bytes(size[1:3]), exif=exif)


def _orientation(exif: bytes) -> int:
    """The orientation (1 to 8) in an EXIF block (Exif 3.0, section 4.6.5), 1 where there is none."""
    order: _ByteOrder = "big" if exif.startswith(b"MM") else "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], order)

    if number(2, 2) != 42:
        return 1
    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if number(entry, 2) == 0x0112:
            return number(entry + 8, 2)
    return 1


def _amount(num_bytes: int) -> str:
    return f"{num_bytes} bytes" if num_bytes < 1000 else f"{num_bytes / 1000:,.0f} kB"
