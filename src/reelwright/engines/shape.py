"""How large a video becomes: from what was asked of its size, the picture it begins with, and the card."""

from __future__ import annotations

import math

from reelwright.engines.engine import Card
from reelwright.errors import invalid
from reelwright.video import Draft, Unused

WIDESCREEN = (16, 9)
"""What "720p" means without an aspect ratio or a picture: 1280×720."""

MAX_SHOWN = 16_384
SAME_ASPECT = 1.03
"""Two aspect ratios are the same when they differ by less: sides are rounded to what the model can make."""


def choose_size(card: Card, draft: Draft) -> tuple[tuple[int, int], list[Unused]]:
    """Width and height in pixels, each a multiple of the card's, and what was asked beside them in vain.

    Given sides count. Without them `resolution` is the shorter side and the shape is that of `aspect_ratio`, else of
    the picture, else 16:9. With neither, the video has the default's area in that shape; without any shape it has the
    default size. Raises `BadRequest` that names the field for a side that the card does not allow.
    """
    ratio = _ratio(draft)
    default = draft.default_size or (card.default_width, card.default_height)
    unused: list[Unused] = []
    if card.sizes:
        size = _of_few(card, draft, ratio or default[0] / default[1])
        return size, _contradicted(draft, size)
    if draft.width is not None or draft.height is not None:
        size = _completed(card, draft.width, draft.height, ratio, default)
        unused = _contradicted(draft, size)
    elif draft.resolution is not None:
        size = _of_resolution(card, draft.resolution, ratio or WIDESCREEN[0] / WIDESCREEN[1])
    elif ratio is not None:
        size = _of_area(card, default[0] * default[1], ratio)
    else:
        size = default
    _check_side(card, "width", size[0])
    _check_side(card, "height", size[1])
    return size, unused


def _ratio(draft: Draft) -> float | None:
    """Width : height as asked, else as the picture has it."""
    if draft.aspect_ratio is not None:
        return draft.aspect_ratio[0] / draft.aspect_ratio[1]
    picture = draft.image or draft.last_image
    return picture.width / picture.height if picture else None


def _of_few(card: Card, draft: Draft, ratio: float) -> tuple[int, int]:
    """The one of the card's own sizes that has the sides or the resolution asked for, and is nearest in shape."""
    asked = (("width", draft.width), ("height", draft.height), ("resolution", draft.resolution))
    possible = list(card.sizes)
    for name, value in asked:
        if value is None:
            continue
        possible = [size for size in possible if {"width": size[0], "height": size[1]}.get(name, min(size)) == value]
        if not possible:
            only = ", ".join(f"{width}x{height}" for width, height in card.sizes)
            raise invalid(name, value, f"The model {card.model} makes {only} only.")
    return min(possible, key=lambda size: abs(math.log(size[0] / size[1] / ratio)))


def _completed(
    card: Card, width: int | None, height: int | None, ratio: float | None, default: tuple[int, int]
) -> tuple[int, int]:
    """Both sides, where one or both were given."""
    if width is None:
        assert height is not None
        _check_side(card, "height", height)
        return (default[0] if ratio is None else _near(card, height * ratio), height)
    if height is None:
        _check_side(card, "width", width)
        return (width, default[1] if ratio is None else _near(card, width / ratio))
    return (width, height)


def _contradicted(draft: Draft, size: tuple[int, int]) -> list[Unused]:
    why = f"the size says {size[0]}x{size[1]}, and the size wins."
    unused = []
    if draft.resolution is not None and draft.resolution != min(size):
        unused.append(Unused(field="resolution", reason=why))
    if draft.aspect_ratio is not None and draft.width is not None and draft.height is not None:
        asked, given = draft.aspect_ratio[0] / draft.aspect_ratio[1], size[0] / size[1]
        if max(asked / given, given / asked) >= SAME_ASPECT:
            unused.append(Unused(field="aspect_ratio", reason=why))
    return unused


def _of_resolution(card: Card, shorter: int, ratio: float) -> tuple[int, int]:
    sides = (shorter * ratio, float(shorter)) if ratio >= 1 else (float(shorter), shorter / ratio)
    width, height = (card.side_multiple * max(1, round(side / card.side_multiple)) for side in sides)
    if not card.min_side <= min(width, height) <= max(width, height) <= card.max_side:
        raise invalid(
            "resolution",
            f"{shorter}p",
            f"That is {width}x{height}; the model {card.model} makes {card.min_side} to {card.max_side} pixels a side.",
        )
    return width, height


def _of_area(card: Card, area: int, ratio: float) -> tuple[int, int]:
    """That area in that shape, less where a side would be too long or the model would have no room for its own length.

    The page does the same (`cards.js`, `size`), but for the last.
    """
    long, high = math.sqrt(area * ratio), math.sqrt(area / ratio)
    scale = min(1.0, card.max_side / max(long, high))
    width, height = _near(card, long * scale), _near(card, high * scale)
    room = max(area, card.max_pixel_frames // card.default_frames)
    if width * height <= room:
        return width, height
    # Both were rounded up, and some models make no more than their default.
    if ratio < 1:
        return width, _near(card, room / width, down=True)
    return _near(card, room / height, down=True), height


def _near(card: Card, side: float, *, down: bool = False) -> int:
    """The nearest side that the card allows; with `down`, the nearest that is not longer."""
    step = card.side_multiple
    least, most = math.ceil(card.min_side / step) * step, card.max_side // step * step
    return min(max(step * (math.floor(side / step) if down else round(side / step)), least), most)


def _check_side(card: Card, name: str, value: int) -> None:
    if not card.min_side <= value <= card.max_side or value % card.side_multiple:
        raise invalid(
            name,
            value if value <= MAX_SHOWN else f"{value:,}",
            f"Must be a multiple of {card.side_multiple} between {card.min_side} and {card.max_side}.",
        )
