"""A picture in a terminal: each character cell shows two pixels, the upper half block's colour and that behind it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

_UPPER_HALF = "▀"


def in_half_blocks(picture: bytes, *, columns: int, rows: int) -> Text:
    """The picture (WebP, JPEG or PNG) as large as fits, with its proportions; character cells are taken to be twice as
    high as wide.

    Nothing when the picture cannot be read: a damaged preview must not fail the command.
    """
    from PIL import Image, UnidentifiedImageError
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    drawn = Text(end="\n\n")
    try:
        with Image.open(io.BytesIO(picture), formats=("WEBP", "JPEG", "PNG")) as image:
            scale = min(columns / image.width, 2 * rows / image.height)
            size = (max(1, round(image.width * scale)), 2 * max(1, round(image.height * scale / 2)))
            pixels = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    except (UnidentifiedImageError, OSError):
        return Text(end="")
    data = pixels.tobytes()

    def colour(x: int, y: int) -> Color:
        start = 3 * (y * size[0] + x)
        return Color.from_rgb(*data[start : start + 3])

    for y in range(0, size[1], 2):
        for x in range(size[0]):
            drawn.append(_UPPER_HALF, Style(color=colour(x, y), bgcolor=colour(x, y + 1)))
        if y + 2 < size[1]:
            drawn.append("\n")
    return drawn
