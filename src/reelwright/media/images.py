"""Input images: the limits, the check of what their headers say, the one decoder, and the cut to a video's frame.

`check_image` reads bytes only: no image library sees what a client sent before its format, size and completeness are
known, and a bomb (30000×30000 pixels in 258 kB) costs nothing. `decode_image` belongs into a process of its own: that
of `darkroom`, where a picture is decoded before it is accepted, or an engine's.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright import video
from reelwright.errors import BadRequest, Code, EngineError, invalid
from reelwright.media import colour
from reelwright.media.image_headers import Broken, Header, has_all_rows, read_header

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MAX_BYTES = 15_000_000
"""A photograph of 24 to 50 megapixels takes 5 to 15 MB."""
MAX_PIXELS: Mapping[str, int] = {"jpeg": 64_000_000, "png": 36_000_000, "webp": 36_000_000}
"""A JPEG can be decoded at half its size; of the others every pixel takes 4 bytes, or 8."""
MAX_SIDE = 16_384
KEPT_PIXELS = 4096 * 2304
"""Larger pictures are scaled down to this, the largest frame of any video."""

_HARMLESS = frozenset(
    {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "adobe", "adobe_transform", "progressive"}
    | {"progression", "interlace", "srgb", "aspect", "loop", "background", "timestamp", "duration", "mp"}
)
"""What Pillow's `info` may hold of a picture that is kept as it was sent: nothing that changes how it looks, and
nothing of whoever took it."""


def check_image(data: bytes, *, max_bytes: int | None = MAX_BYTES, field: str = "image") -> video.Image:
    """Read the header of a PNG, JPEG or WebP and say what it is, as it will be shown (EXIF orientation applied).

    The bytes decide, never a name or a declared type. Raises `BadRequest` that names `field` for anything that is not a
    complete still image of one of the three formats within `max_bytes`, `MAX_PIXELS` and `MAX_SIDE`. The pixels are not
    decoded: damage inside them is found by `decode_image`.
    """
    header = _checked(data, max_bytes, field)
    width, height = header.shown
    digest = hashlib.sha256(data).hexdigest()
    return video.Image(sha256=digest, media_type=f"image/{header.kind}", width=width, height=height)


def decode_image(path: Path) -> Image:
    """Decode an image to 8-bit sRGB (mode RGB), upright, at most `KEPT_PIXELS`; what is transparent becomes white.

    Raises `EngineError` with the code `invalid_field` when the image cannot be taken or its pixels are damaged, OSError
    when the file cannot be read.
    """
    data = path.read_bytes()
    try:
        return decode(data)[0]
    except BadRequest as error:
        raise EngineError(error.message, code=Code.INVALID_FIELD, field=error.field) from error


def fit(image: Image, size: tuple[int, int]) -> Image:
    """The image in the shape of a video of `size` (width, height): cut around its middle, then scaled to it."""
    from PIL import Image as Images
    from PIL import ImageOps

    return ImageOps.fit(image, size, Images.Resampling.LANCZOS)


def decode(data: bytes, field: str = "image") -> tuple[Image, bool]:
    """The image as `decode_image` says, and whether the bytes hold just that and nothing more.

    Nothing more: no profile, no orientation, no transparency, no place where it was taken. Raises `BadRequest` that
    names `field`.
    """
    from PIL import Image as Images

    header = _checked(data, None, field)
    # All that Pillow raises on bytes it does not expect.
    damage = (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, AssertionError)
    try:
        # Pillow warns of odd metadata, which does not touch the pixels.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Images.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
                if image.size != (header.width, header.height):
                    raise ValueError("the decoder found another size than the check")
                if header.kind == "png" and not has_all_rows(data):
                    raise ValueError("rows are missing")
                return _developed(image, header), _is_plain(image, header)
    except (*damage, EOFError, struct.error, zlib.error, Images.DecompressionBombError) as error:
        # Pillow's own text holds memory addresses.
        raise invalid(field, _told(data, header), "The image is damaged; export it anew and send it again.") from error


def _checked(data: bytes, max_bytes: int | None, field: str) -> Header:
    if not data:
        raise invalid(field, "0 bytes", "Send a PNG, JPEG or WebP image.")
    if max_bytes is not None and len(data) > max_bytes:
        raise invalid(field, _amount(len(data)), f"Send at most {_amount(max_bytes)}.")
    try:
        header = read_header(data)
    except Broken as error:
        told = f"{_amount(len(data))} of data"
        raise invalid(field, told, f"The image {error}. Send a whole PNG, JPEG or WebP.") from None
    if header.animated:
        raise invalid(
            field, _told(data, header), "The image is animated. Send a still image, for example its first frame."
        )
    most = MAX_PIXELS[header.kind]
    if header.width * header.height > most or max(header.width, header.height) > MAX_SIDE:
        limits = f"{most / 1e6:g} megapixels and {MAX_SIDE} pixels a side"
        raise invalid(field, _told(data, header), f"A {header.kind.upper()} may have at most {limits}; scale it down.")
    return header


def _developed(image: ImageFile, header: Header) -> Image:
    """The picture, first scaled down and then converted: each later step then takes less memory."""
    from PIL import Image as Images

    size = _kept_size(header)
    if size != image.size:
        image.draft(image.mode, size)
    image.load()
    info: dict[Any, Any] = dict(image.info)
    picture = colour.scale_samples(image, header.depth)
    if size != image.size:
        picture = picture.resize(size, Images.Resampling.LANCZOS, reducing_gap=3.0)
    picture = colour.to_srgb(picture, header, info)
    # Exif 3.0, section 4.6.5: what an image of this orientation needs to stand upright.
    turn = {
        2: Images.Transpose.FLIP_LEFT_RIGHT,
        3: Images.Transpose.ROTATE_180,
        4: Images.Transpose.FLIP_TOP_BOTTOM,
        5: Images.Transpose.TRANSPOSE,
        6: Images.Transpose.ROTATE_270,
        7: Images.Transpose.TRANSVERSE,
        8: Images.Transpose.ROTATE_90,
    }.get(header.orientation)
    return picture if turn is None else picture.transpose(turn)


def _kept_size(header: Header) -> tuple[int, int]:
    scale = min(1.0, (KEPT_PIXELS / (header.width * header.height)) ** 0.5)
    return max(1, int(header.width * scale)), max(1, int(header.height * scale))


def _is_plain(image: ImageFile, header: Header) -> bool:
    still = image.mode in ("L", "RGB") and header.depth == 8 and not header.cicp and header.exif == b""
    return still and _kept_size(header) == (header.width, header.height) and image.info.keys() <= _HARMLESS


def _told(data: bytes, header: Header) -> str:
    return f"{_amount(len(data))} {header.kind.upper()} of {header.width}×{header.height}"


def _amount(num_bytes: int) -> str:
    return f"{num_bytes} bytes" if num_bytes < 1000 else f"{num_bytes / 1000:,.0f} kB"
