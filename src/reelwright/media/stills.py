"""Stills of a clip or of an encoded file: its poster, its thumbnail and its sprite sheet.

The frames are chosen by rule, so the same video gives the same pictures. The colours are those that a browser shows:
read with the file's own matrix, written as sRGB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reelwright.media.clip import Clip
from reelwright.media.probe import BadVideo, count_frames, decode

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.reformatter import Colorspace
    from PIL.Image import Image

JPEG_QUALITY = 85
WEBP_QUALITY = 80
THUMBNAIL_SIDE = 320
SPRITES_PER_SIDE = 4
SPRITE_SIDE = 320
ENOUGH_CONTRAST = 24.0
"""Standard deviation of luma in levels from which on a frame shows something: photographs have 40 to 70."""

_CANDIDATES = 12
_LUMA = (0.2126, 0.7152, 0.0722)
"""The weights of BT.709 (ITU-R BT.709-6, item 3.2)."""


def poster(source: Clip | Path, path: Path) -> None:
    """Write the representative frame to `path` as a JPEG in full size.

    That is the earliest of a dozen frames, evenly spaced from the first, that is neither black nor flat (its luma has a
    standard deviation of 24 levels), so nearly always the first; where all are flat, the least so. Raises `BadVideo`
    where no frame can be had.
    """
    _representative(source).save(path, "JPEG", quality=JPEG_QUALITY)


def thumbnail(source: Clip | Path, path: Path) -> None:
    """Write the representative frame to `path` as a WebP of at most 320 pixels a side. Raises as `poster` does."""
    _scaled(_representative(source), THUMBNAIL_SIDE).save(path, "WEBP", quality=WEBP_QUALITY)


def spritesheet(source: Clip | Path, path: Path) -> None:
    """Write 16 frames, evenly spaced from the first to the last, to `path` as a JPEG of four rows of four.

    Each is at most 320 pixels a side; a video of fewer frames repeats some. Raises as `poster` does.
    """
    from PIL import Image

    frames = _frames_of(source)
    last, cells = frames.count() - 1, SPRITES_PER_SIDE**2
    pictures = frames.pictures([round(cell * last / (cells - 1)) for cell in range(cells)], SPRITE_SIDE)
    width, height = pictures[0].size
    sheet = Image.new("RGB", (width * SPRITES_PER_SIDE, height * SPRITES_PER_SIDE))
    for cell, picture in enumerate(pictures):
        row, column = divmod(cell, SPRITES_PER_SIDE)
        sheet.paste(picture, (column * width, row * height))
    sheet.save(path, "JPEG", quality=JPEG_QUALITY)


def to_srgb(frame: VideoFrame, width: int | None = None, height: int | None = None) -> VideoFrame:
    """A decoded frame as rgb24, in the colours that a browser shows, in its own size or the one given."""
    from av.video.reformatter import Interpolation

    precise = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    return frame.reformat(width, height, "rgb24", src_colorspace=assumed_matrix(frame), interpolation=precise)


def assumed_matrix(frame: VideoFrame) -> Colorspace | None:
    """The matrix that browsers take where a frame names none: BT.709 from 720 lines on, else BT.601."""
    from av.video.reformatter import Colorspace

    if frame.colorspace != 2:  # "unspecified" (ITU-T H.273)
        return None
    return Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601


class _Frames(Protocol):
    """What stills need of a video. Both kinds raise `BadVideo` for one without frames."""

    def count(self) -> int: ...

    def contrasts(self, step: int) -> Iterator[tuple[int, float]]:
        """The index of every `step`-th frame, and the standard deviation of its luma."""
        ...

    def pictures(self, indices: Sequence[int], max_side: int | None) -> list[Image]:
        """The frames with these indices (ascending, repeats allowed), at most `max_side` pixels a side."""
        ...


def _frames_of(source: Clip | Path) -> _Frames:
    if isinstance(source, Path):
        return _EncodedFrames(source)
    if source.path is not None:
        return _EncodedFrames(source.path)
    return _RawFrames(source)


class _RawFrames:
    """The frames in a clip's shared buffer."""

    def __init__(self, clip: Clip) -> None:
        if clip.frames is None or clip.num_frames < 1:
            raise BadVideo("The engine made no frames.")
        self._array = clip.frames.array()[: clip.num_frames]

    def count(self) -> int:
        return len(self._array)

    def contrasts(self, step: int) -> Iterator[tuple[int, float]]:
        for index in range(0, len(self._array), step):
            # Every eighth pixel each way is plenty to tell a picture from a flat field.
            yield index, float((self._array[index, ::8, ::8] @ _LUMA).std())

    def pictures(self, indices: Sequence[int], max_side: int | None) -> list[Image]:
        from PIL import Image

        return [_scaled(Image.fromarray(self._array[index]), max_side) for index in indices]


class _EncodedFrames:
    """The frames of an encoded file, decoded anew for each question, so that only one is in memory at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def count(self) -> int:
        return count_frames(self._path)

    def contrasts(self, step: int) -> Iterator[tuple[int, float]]:
        for index, frame in enumerate(decode(self._path)):
            if index % step == 0:
                yield index, float(frame.reformat(64, 64, "gray").to_ndarray().std())

    def pictures(self, indices: Sequence[int], max_side: int | None) -> list[Image]:
        from PIL import Image

        pictures: list[Image.Image] = []
        for index, frame in enumerate(decode(self._path)):
            if repeats := indices.count(index):
                pictures += [_scaled(Image.fromarray(to_srgb(frame).to_ndarray()), max_side)] * repeats
            if len(pictures) == len(indices):
                break
        return pictures


def _representative(source: Clip | Path) -> Image:
    frames = _frames_of(source)
    candidates: dict[int, float] = {}
    for index, contrast in frames.contrasts(math.ceil(frames.count() / _CANDIDATES)):
        candidates[index] = contrast
        if contrast >= ENOUGH_CONTRAST:
            break
    chosen = max(candidates, key=candidates.__getitem__)
    return frames.pictures([chosen], None)[0]


def _scaled(picture: Image, max_side: int | None) -> Image:
    """The picture scaled down, proportions kept, so that no side is longer than `max_side` pixels."""
    if max_side is None or max(picture.size) <= max_side:
        return picture
    scaled = picture.copy()
    scaled.thumbnail((max_side, max_side))
    return scaled
