"""Pictures as people and their programs send them, and as attackers do: made by code, each with what it shows.

Most show a block in the middle of something else, so that a middle and a corner tell whether it was read right.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
GREEN: Colour = (30, 160, 60)
WIDTH, HEIGHT = 96, 72
ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Kind:
    """A picture's bytes, and the colours that its middle and its upper left corner must have in sRGB on white."""

    data: bytes
    middle: Colour
    corner: Colour


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png_chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def png(width: int, height: int, depth: int, colour_type: int, rows: bytes, *before: bytes) -> bytes:
    """A PNG of unfiltered `rows` (each with its filter byte); `before` are chunks ahead of the pixels."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    parts = [png_chunk(b"IHDR", head), *before, png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def inserted(data: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks right behind its IHDR."""
    return data[:33] + b"".join(chunks) + data[33:]


def png_bomb(width: int, height: int) -> bytes:
    """A small file that claims a size of width × height, and holds a hundredth of those pixels, all black."""
    packer = zlib.compressobj(9)
    row = bytes(1 + width * 3)
    pixels = b"".join(packer.compress(row) for _ in range(height // 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def flat(colour: object, mode: str = "RGB", size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def badge(mode: str, inside: object, outside: object) -> Image.Image:
    """A block of one colour in the middle of another."""
    image = flat(outside, mode)
    image.paste(inside, (WIDTH // 4, HEIGHT // 4, WIDTH * 3 // 4, HEIGHT * 3 // 4))  # type: ignore[arg-type]
    return image


def samples(inside: tuple[int, ...], outside: tuple[int, ...]) -> bytes:
    """The rows of a 16-bit PNG of a badge."""
    rows = []
    for y in range(HEIGHT):
        within = HEIGHT // 4 <= y < HEIGHT * 3 // 4
        line = [inside if within and WIDTH // 4 <= x < WIDTH * 3 // 4 else outside for x in range(WIDTH)]
        rows.append(b"\0" + b"".join(struct.pack(">H", sample) for pixel in line for sample in pixel))
    return b"".join(rows)


# --- ICC profiles (ICC.1:2001, version 2) -----------------------------------------------------------------------------


def _profile(space: bytes, tags: dict[bytes, bytes], connection: bytes = b"XYZ ") -> bytes:
    start, table, body = 132 + 12 * len(tags), b"", b""
    for name, payload in tags.items():
        table += name + struct.pack(">II", start + len(body), len(payload))
        body += payload + bytes(-len(payload) % 4)
    kind = b"mntr" if space != b"CMYK" else b"prtr"
    head = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02400000, kind, space, connection)
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def _text(text: str) -> bytes:
    raw = text.encode() + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(raw)) + raw + bytes(78)


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">iii", *(round(v * 65536) for v in (x, y, z)))


def _gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


_WHITE_POINT = {
    b"desc": _text("made by a test"),
    b"cprt": b"text" + bytes(4) + b"none\0",
    b"wtpt": _xyz(0.9642, 1, 0.8249),
}

DISPLAY_P3 = _profile(
    b"RGB ",
    {
        **_WHITE_POINT,
        b"rXYZ": _xyz(0.51512, 0.24120, -0.00105),
        b"gXYZ": _xyz(0.29198, 0.69225, 0.04189),
        b"bXYZ": _xyz(0.15710, 0.06657, 0.78407),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(2.2)),
    },
)
GREY_LINEAR = _profile(b"GRAY", {**_WHITE_POINT, b"kTRC": _gamma(1.0)})


def _inks() -> bytes:
    """A printing press whose cyan is red: only who uses the profile sees red."""
    ramp = bytes(range(256))
    lab = bytearray()
    for cyan in (0, 1):
        for rest in range(8):
            ink = bin(rest).count("1")
            lab += bytes((138, 208, 195)) if cyan and not ink else bytes((255 - 85 * ink, 128, 128))
    identity = [v for n in range(9) for v in (65536 if n % 4 == 0 else 0,)]
    lut = b"mft1" + bytes(4) + struct.pack(">BBBx9i", 4, 3, 2, *identity) + ramp * 4 + bytes(lab) + ramp * 3
    return _profile(b"CMYK", {**_WHITE_POINT, b"A2B0": lut, b"A2B1": lut}, b"Lab ")


RED_CYAN = _inks()


# --- what people send -------------------------------------------------------------------------------------------------


def _sideways(form: str) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned by 90° clockwise: its lower left corner becomes the upper left one
    image = badge("RGB", GREEN, (250, 250, 250))
    image.paste((20, 20, 200), (0, HEIGHT * 3 // 4, WIDTH // 4, HEIGHT))
    return encoded(image, form, exif=exif, quality=95)


def _palette() -> bytes:
    image = badge("P", 1, 0)
    image.putpalette([200, 0, 0, *GREEN])
    return encoded(image, "PNG", transparency=0)


def _multi_picture() -> bytes:
    """As phones and 3-D cameras write: several JPEGs in one file, of which the first is the photograph."""
    first, second = badge("RGB", GREEN, WHITE), flat((200, 0, 0), size=(48, 36))
    return encoded(first, "MPO", save_all=True, append_images=[second], quality=95)


def _coded(colour: Colour, *points: int) -> bytes:
    return inserted(encoded(flat(colour), "PNG"), png_chunk(b"cICP", bytes(points)))


@cache
def kinds() -> Mapping[str, Kind]:
    """Every kind by its name."""
    clear, dark = (200, 0, 0, 0), (30, 30, 30)
    badge_rgba = badge("RGBA", (*GREEN, 255), clear)
    wide = tuple(level * 257 for level in GREEN)
    ramp = Image.fromarray(np.full((HEIGHT, WIDTH), 128 * 257, np.uint16))
    cmyk = badge("CMYK", (255, 0, 0, 0), (0, 0, 0, 0))
    p3_green = Image.merge("RGB", (flat(0, "L"), flat(200, "L"), flat(0, "L")))
    key = struct.pack
    return {
        "transparent PNG": Kind(encoded(badge_rgba, "PNG"), GREEN, WHITE),
        "transparent WebP": Kind(encoded(badge_rgba, "WEBP", lossless=True), GREEN, WHITE),
        "transparent grey": Kind(encoded(badge("LA", (90, 255), (0, 0)), "PNG"), (90, 90, 90), WHITE),
        "transparent palette": Kind(_palette(), GREEN, WHITE),
        "colour key": Kind(encoded(badge("RGB", GREEN, dark), "PNG", transparency=dark), GREEN, WHITE),
        "grey key": Kind(encoded(badge("L", 90, 10), "PNG", transparency=10), (90, 90, 90), WHITE),
        "half transparent": Kind(encoded(flat((0, 0, 0, 128), "RGBA"), "PNG"), (127, 127, 127), (127, 127, 127)),
        "16-bit grey": Kind(encoded(ramp, "PNG"), (128, 128, 128), (128, 128, 128)),
        "16-bit grey key": Kind(
            png(WIDTH, HEIGHT, 16, 0, samples((90 * 257,), (10 * 257,)), png_chunk(b"tRNS", key(">H", 10 * 257))),
            (90, 90, 90),
            WHITE,
        ),
        "16-bit colour": Kind(png(WIDTH, HEIGHT, 16, 2, samples(wide, (65535,) * 3)), GREEN, WHITE),
        "16-bit colour key": Kind(
            png(WIDTH, HEIGHT, 16, 2, samples(wide, (7710,) * 3), png_chunk(b"tRNS", key(">HHH", *(7710,) * 3))),
            GREEN,
            WHITE,
        ),
        "16-bit transparent": Kind(png(WIDTH, HEIGHT, 16, 6, samples((*wide, 65535), (9, 9, 9, 0))), GREEN, WHITE),
        "16-bit transparent grey": Kind(
            png(WIDTH, HEIGHT, 16, 4, samples((90 * 257, 65535), (9, 0))), (90, 90, 90), WHITE
        ),
        "1 bit": Kind(encoded(badge("1", 0, 1), "PNG"), (0, 0, 0), WHITE),
        "2 bits with a key": Kind(
            png(4, 4, 2, 0, (b"\0" + b"\x55") * 4, png_chunk(b"tRNS", key(">H", 1))), WHITE, WHITE
        ),
        "sideways JPEG": Kind(_sideways("JPEG"), GREEN, (20, 20, 200)),
        "sideways PNG": Kind(_sideways("PNG"), GREEN, (20, 20, 200)),
        "sideways WebP": Kind(_sideways("WEBP"), GREEN, (20, 20, 200)),
        "Display P3": Kind(encoded(p3_green, "JPEG", icc_profile=DISPLAY_P3, quality=95), (0, 205, 0), (0, 205, 0)),
        "grey profile": Kind(encoded(flat(55, "L"), "PNG", icc_profile=GREY_LINEAR), (128,) * 3, (128,) * 3),
        "grey with a colour profile": Kind(
            encoded(flat(128, "L"), "JPEG", icc_profile=DISPLAY_P3), (128,) * 3, (128,) * 3
        ),
        "CMYK": Kind(encoded(badge("CMYK", (0, 255, 255, 0), (0,) * 4), "JPEG", quality=95), (255, 0, 0), WHITE),
        "CMYK with a profile": Kind(
            encoded(cmyk, "JPEG", icc_profile=RED_CYAN, quality=95, subsampling=0), (253, 7, 10), WHITE
        ),
        "damaged profile": Kind(
            encoded(badge("RGB", GREEN, WHITE), "JPEG", icc_profile=b"no profile" * 30, quality=95), GREEN, WHITE
        ),
        "multi-picture JPEG": Kind(_multi_picture(), GREEN, WHITE),
        "linear light": Kind(
            inserted(encoded(flat((55,) * 3), "PNG"), png_chunk(b"gAMA", key(">I", 100_000))), (127,) * 3, (127,) * 3
        ),
        "coded P3": Kind(_coded((0, 200, 0), 12, 13, 0, 1), (0, 204, 0), (0, 204, 0)),
        "coded BT.2020": Kind(_coded((0, 200, 0), 9, 13, 0, 1), (0, 211, 0), (0, 211, 0)),
        "coded PQ": Kind(_coded((148,) * 3, 9, 16, 0, 1), WHITE, WHITE),
        "coded HLG": Kind(_coded((191,) * 3, 9, 18, 0, 1), WHITE, WHITE),
        "progressive": Kind(encoded(badge("RGB", GREEN, WHITE), "JPEG", progressive=True, quality=95), GREEN, WHITE),
        "interlaced": Kind(encoded(badge("RGB", GREEN, WHITE), "PNG", interlace=1), GREEN, WHITE),
    }


# --- what nobody should send ------------------------------------------------------------------------------------------


def damaged_pixels() -> bytes:
    """A PNG whose header and checksums are right and whose pixels are not."""
    data = bytearray(encoded(Image.effect_noise((WIDTH, HEIGHT), 90), "PNG"))
    at = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[at - 4 : at])
    data[at + 4 + length // 2 : at + 4 + length // 2 + 200] = bytes(200)
    data[at + 4 + length : at + 8 + length] = struct.pack(">I", zlib.crc32(data[at : at + 4 + length]))
    return bytes(data)


def _two_frames() -> bytes:
    """A JPEG with a second start-of-frame marker, of another size."""
    data = encoded(flat(GREEN), "JPEG")
    at = data.index(b"\xff\xc0")
    (length,) = struct.unpack(">H", data[at + 2 : at + 4])
    other = bytearray(data[at : at + 2 + length])
    other[5:9] = struct.pack(">HH", 60_000, 60_000)
    return data[:at] + bytes(other) + data[at:]


def _canvas() -> bytes:
    """A WebP whose canvas is larger than its picture."""
    data = bytearray(encoded(flat(GREEN), "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"))
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = b"\xff\x07\x00\xff\x07\x00"
    return bytes(data)


@cache
def liars() -> Mapping[str, bytes]:
    """By name: sound at the first look, and damaged, contradictory or a bomb at the second."""
    plain = encoded(flat(GREEN), "PNG")
    bomb = zlib.compress(bytes(200_000_000), 9)
    other = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    return {
        "damaged pixels": damaged_pixels(),
        "too few rows": png_bomb(3000, 3000),
        "two PNG headers": inserted(plain, other),
        "two JPEG frames": _two_frames(),
        "WebP canvas": _canvas(),
        "text bomb": inserted(plain, png_chunk(b"zTXt", b"Comment\0\0" + bomb)),
        "profile bomb": inserted(plain, png_chunk(b"iCCP", b"icc\0\0" + bomb)),
        "palette without colours": png(4, 4, 8, 3, (b"\0" + b"\x09" * 4) * 4),
        "no such depth": png(4, 4, 7, 2, (b"\0" + b"\x09" * 12) * 4),
        "garbage behind a WebP header": encoded(flat(GREEN), "WEBP")[:30] + bytes(range(200)) * 2,
    }
