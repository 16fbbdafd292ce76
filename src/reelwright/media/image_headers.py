"""What the headers of a PNG, JPEG or WebP say, read without any image library, and whether a PNG has all its rows.

Headers that contradict themselves (two sizes, a canvas that is not its picture's) are refused: each reader of such a
file believes another one of them, and the one who checks must not believe another than the one who decodes.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_ByteOrder = Literal["big", "little"]

_MAX_CHUNKS = 20_000
_JPEG_FRAMES = (0xC0, 0xC1, 0xC2)
"""Start-of-frame markers of the JPEGs in use: baseline, extended, progressive (ITU-T T.81, table B.1)."""
_JPEG_BARE = (0x01, *range(0xD0, 0xD9))
"""Markers that no length follows."""
_SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel, by colour type."""
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The passes of an interlaced PNG: first column, first row, step across, step down."""
_PIECE = 1 << 20
_TWO_SIZES = "contradicts itself about its size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the first bytes of an image say, before it is turned upright.

    `exif` is its TIFF block, or empty. Of a PNG only: `depth` is the bits a sample, `cicp` the payload of its cICP
    chunk (PNG, third edition, 11.3.2.6), or empty.
    """

    kind: str
    width: int
    height: int
    animated: bool = False
    exif: bytes = b""
    depth: int = 8
    cicp: bytes = b""

    @property
    def orientation(self) -> int:
        """The orientation (1 to 8) in the EXIF block (Exif 3.0, section 4.6.5), 1 where there is none."""
        return _orientation(self.exif)

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height in pixels once it is upright."""
        sideways = self.orientation in _SIDEWAYS
        return (self.height, self.width) if sideways else (self.width, self.height)


class Broken(Exception):
    """The bytes are not what their signature promises; the message completes "The image …"."""


HEAD_BYTES = 12
"""As many of a file's first bytes tell its kind."""


def media_type_of(head: bytes) -> str | None:
    """The media type of a PNG, JPEG or WebP, by its first 12 bytes; None for anything else."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def read_header(data: bytes) -> Header:
    """Raises `Broken` for anything that is not a complete PNG, JPEG or WebP; damage inside the pixels is not seen."""
    match media_type_of(data):
        case "image/png":
            header = _read_png(data)
        case "image/jpeg":
            header = _read_jpeg(data)
        case "image/webp":
            header = _read_webp(data)
        case _:
            raise Broken("is neither PNG nor JPEG nor WebP")
    if header.width < 1 or header.height < 1:
        raise Broken("has no size")
    return header


def has_all_rows(png: bytes) -> bool:
    """Whether a PNG's pixel data are as many as its header says; a decoder may take missing rows for black ones.

    Inflates them once, piece by piece. Raises `zlib.error` where they are no zlib stream.
    """
    head = next(payload for name, payload in _chunks(png, 8, "big") if name == b"IHDR")
    inflater, count, wanted = zlib.decompressobj(), 0, _row_bytes(head)
    for name, payload in _chunks(png, 8, "big"):
        if name != b"IDAT":
            continue
        while payload:
            count += len(inflater.decompress(payload, _PIECE))
            payload = inflater.unconsumed_tail
            if count > wanted:
                return True  # no decoder looks at more than the rows
    return inflater.eof and count == wanted


def _row_bytes(head: bytes) -> int:
    """How many bytes all rows are, with the filter byte of each (PNG, third edition, sections 7.2 and 8.1)."""
    width, height = int.from_bytes(head[:4]), int.from_bytes(head[4:8])
    bits = head[8] * _SAMPLES.get(head[9], 1)
    passes = _ADAM7 if head[12] else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _read_png(data: bytes) -> Header:
    """PNG, third edition (W3C 2025), sections 5 and 11."""
    chunks: dict[bytes, bytes] = {}
    for name, payload in _chunks(data, 8, "big"):
        if name == b"IHDR" and name in chunks:
            raise Broken(_TWO_SIZES)
        chunks.setdefault(name, payload)
        if name == b"IEND":
            break
    size = chunks.get(b"IHDR", b"")
    if len(size) != 13 or b"IDAT" not in chunks or b"IEND" not in chunks:
        raise Broken("is an incomplete PNG")
    return Header(
        kind="png",
        width=int.from_bytes(size[:4]),
        height=int.from_bytes(size[4:8]),
        animated=b"acTL" in chunks,
        exif=chunks.get(b"eXIf", b""),
        depth=size[8],
        cicp=chunks.get(b"cICP", b""),
    )


def _read_webp(data: bytes) -> Header:
    """The WebP container, RFC 9649, section 2."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise Broken("is an incomplete WebP")
    canvas: tuple[int, int] | None = None
    picture: tuple[int, int] | None = None
    animated, exif = False, b""
    for name, payload in _chunks(data[:end], 12, "little"):
        if name == b"VP8X" and len(payload) >= 10 and canvas is None:
            canvas = (1 + int.from_bytes(payload[4:7], "little"), 1 + int.from_bytes(payload[7:10], "little"))
            animated = bool(payload[0] & 2)
        elif name in (b"VP8 ", b"VP8L"):
            if picture is not None:
                raise Broken(_TWO_SIZES)
            picture = _webp_size(name, payload)
        elif name == b"EXIF":
            exif = exif or payload.removeprefix(b"Exif\0\0")
    if picture is None and not animated:
        raise Broken("is a WebP without a picture")
    if canvas and picture and canvas != picture:
        raise Broken(_TWO_SIZES)
    width, height = canvas or picture or (0, 0)
    return Header(kind="webp", width=width, height=height, animated=animated, exif=exif)


def _webp_size(name: bytes, payload: bytes) -> tuple[int, int]:
    """Of a lossless (RFC 9649, section 3.4) or a lossy bit stream (RFC 6386, section 9.1)."""
    if name == b"VP8L" and len(payload) >= 5:
        bits = int.from_bytes(payload[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if name == b"VP8 " and len(payload) >= 10:
        return tuple(int.from_bytes(payload[at : at + 2], "little") & 0x3FFF for at in (6, 8))  # type: ignore[return-value]
    raise Broken("is an incomplete WebP")


def _chunks(data: bytes, start: int, order: _ByteOrder) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG ("big": length, name, payload, checksum) or a RIFF ("little": name, length, payload)."""
    for number in itertools.count():
        head = data[start : start + 8]
        if len(head) < 8:
            return
        if number >= _MAX_CHUNKS:
            raise Broken(f"has more than {_MAX_CHUNKS} parts")
        if order == "big":
            length, name, checksum, padding = int.from_bytes(head[:4]), head[4:], 4, 0
        else:
            length, name, checksum = int.from_bytes(head[4:], "little"), head[:4], 0
            padding = length & 1
        end = start + 8 + length
        if end + checksum > len(data):
            raise Broken("is cut off")
        yield name, data[start + 8 : end]
        start = end + checksum + padding


def _read_jpeg(data: bytes) -> Header:
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
            if size:
                raise Broken(_TWO_SIZES)
            size = payload
        elif marker == 0xE1 and payload.startswith(b"Exif\0\0"):
            exif = exif or payload[6:]
        elif marker == 0xDA:
            break
        at += 2 + length
    if not size:
        raise Broken("is a JPEG without a picture, or of a rare kind")
    # The scan ends with the end-of-image marker; some cameras append data of their own.
    if data.find(b"\xff\xd9", at) < 0:
        raise Broken("is an incomplete JPEG")
    return Header(kind="jpeg", width=int.from_bytes(size[3:5]), height=int.from_bytes(size[1:3]), exif=exif)


def _orientation(exif: bytes) -> int:
    order: _ByteOrder = "big" if exif.startswith(b"MM") else "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], order)

    if number(2, 2) != 42:
        return 1
    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if number(entry, 2) == 0x0112:
            found = number(entry + 8, 2)
            return found if 1 <= found <= 8 else 1
    return 1
