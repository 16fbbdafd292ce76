"""Joining: a finished file and the clip that goes on from its last frame become one video without a jump.

The clip's first frame is that last frame, so it is left out. The whole is encoded at once: both parts have the same
size, rate, colours and settings, and no player meets a seam.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.media.clip import Clip
from reelwright.media.encode import BT709, LIMITED_RANGE, Footage, converted_frames, nearest_rate
from reelwright.media.probe import BadVideo, decode
from reelwright.media.sound import RATE, fitted, read_sound, resampled
from reelwright.media.stills import assumed_matrix

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from reelwright.media.sound import Samples


def join(base: Path, num_frames: int, fps: float, clip: Clip) -> Footage:
    """The file at `base`, which has `num_frames` at `fps`, and after it all of `clip` but its first frame.

    A clip that is a file is brought to the size and the rate of `base`. Raises `BadVideo` where one of them cannot be
    decoded or adds nothing.
    """
    with_size = next(decode(base))
    width, height, rate = with_size.width, with_size.height, nearest_rate(fps)
    added = _added(clip, rate)
    if added < 1:
        raise BadVideo("The engine made one frame, which is the one that was there already.")
    count = num_frames + added
    return Footage(
        width=width,
        height=height,
        rate=rate,
        count=count,
        frames=_numbered(base, clip, width, height, rate, added),
        sound=_sound(base, clip, num_frames / rate, count / rate, rate),
    )


def _added(clip: Clip, rate: Fraction) -> int:
    """How many frames the clip adds to the base: all but its first."""
    if clip.path is None:
        return clip.num_frames - 1
    return round(Fraction(clip.num_frames) / nearest_rate(clip.fps) * rate) - 1


def _numbered(base: Path, clip: Clip, width: int, height: int, rate: Fraction, added: int) -> Iterator[VideoFrame]:
    """All frames, ready for the encoder, with their numbers as times."""
    before = (plain(frame, width, height) for frame in decode(base))
    return numbered(chain(before, _new(clip, width, height, rate, added)), rate)


def numbered(frames: Iterable[VideoFrame], rate: Fraction) -> Iterator[VideoFrame]:
    """The frames one after the other at that rate, for the encoder."""
    from av.video.frame import PictureType

    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number, 1 / rate
        # The source's choice of key frames is not the encoder's.
        frame.pict_type = PictureType.NONE
        yield frame


def _new(clip: Clip, width: int, height: int, rate: Fraction, added: int) -> Iterator[VideoFrame]:
    if clip.path is None:
        yield from converted_frames(clip, 1)
        return
    # Each moment shows the frame that is on the screen then.
    step, frames, shown, at = nearest_rate(clip.fps) / rate, decode(clip.path), None, -1
    for number in range(1, added + 1):
        while at < int(number * step) and (following := next(frames, None)) is not None:
            shown, at = following, at + 1
        assert shown is not None
        yield plain(shown, width, height)


def plain(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """A decoded frame in the pixel format that the encoder takes; a frame that has it already is passed on
    unchanged."""
    from av.video.reformatter import ColorRange, Colorspace

    size_fits = (frame.width, frame.height) == (width, height)
    tagged = (frame.colorspace, frame.color_range) == (BT709, LIMITED_RANGE)
    if size_fits and tagged and frame.format.name == "yuv420p":
        return frame
    return frame.reformat(
        width,
        height,
        "yuv420p",
        src_colorspace=assumed_matrix(frame),
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )


def _sound(base: Path, clip: Clip, begin: Fraction, end: Fraction, rate: Fraction) -> Samples | None:
    """The sounds of both, the second from the last frame of the first on; during that frame they cross over.

    `begin` and `end`: of the new frames, in seconds. None where neither has any.
    """
    import numpy as np

    before, after = read_sound(base, float(begin)), _sound_of(clip, float(end - begin + 1 / rate))
    if before is None and after is None:
        return None
    channels = max(part.shape[0] for part in (before, after) if part is not None)
    whole = np.zeros((channels, round(end * RATE)), np.float32)
    first, last = round((begin - 1 / rate) * RATE), round(begin * RATE)
    rising = np.linspace(0, 1, last - first, dtype=np.float32)
    if before is not None:
        part = before[:, :last]
        whole[:, : part.shape[1]] = part
        whole[:, first:last] *= 1 - rising
    if after is not None:
        part = after[:, : whole.shape[1] - first].copy()
        part[:, : len(rising)] *= rising[: part.shape[1]]
        whole[:, first : first + part.shape[1]] += part
    return fitted(whole, RATE, float(end))


def _sound_of(clip: Clip, seconds: float) -> Samples | None:
    if clip.path is not None:
        return read_sound(clip.path, seconds)
    return resampled(clip.sound.samples(), clip.sound.rate) if clip.sound else None
