"""Renditions: a finished video in another format, made on request from its file.

Each reads the file frame by frame, so that memory does not grow with the video's length.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.media.probe import Probe, decode, probe
from reelwright.media.stills import to_srgb

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

ANIMATION_SIDE = 480
"""Longest side of a GIF or an animated WebP in pixels: they are for chats and documents, and grow fast."""
ANIMATION_FPS = 15

_PALETTE_SIDE = 96
_PALETTE_FRAMES = 48
"""Small pictures show the colours as well: the search takes seconds per million different ones."""


class Rendition(StrEnum):
    """What can be asked for; the value is the usual file name extension."""

    GIF = "gif"
    WEBM = "webm"
    WEBP = "webp"


def render_rendition(source: Path, kind: Rendition, path: Path) -> None:
    """Write the video at `source` to `path`: an animated GIF, a WebM with AV1, or an animated WebP.

    GIF and WebP are at most 480 pixels a side and 15 frames a second. Raises `BadVideo` where `source` is not a video,
    OSError when `path` cannot be written; then nothing is left at `path`.
    """
    measured = probe(source)
    try:
        match kind:
            case Rendition.WEBM:
                _write_webm(source, measured, path)
            case Rendition.GIF:
                _write_gif(source, measured, path)
            case Rendition.WEBP:
                _write_webp(source, measured, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write_webm(source: Path, measured: Probe, path: Path) -> None:
    # SVT-AV1 writes its configuration to stderr unless this is set before it starts; 1 leaves its errors.
    os.environ.setdefault("SVT_LOG", "1")
    frames = (frame.reformat(format="yuv420p") for frame in decode(source))
    _write(frames, _rate(measured), path, codec="libsvtav1", options={"preset": "8", "crf": "30"})


def _write_webp(source: Path, measured: Probe, path: Path) -> None:
    # WebP's own YUV is BT.601: it gets RGB and converts itself.
    skip = _skip(measured)
    frames = (frame.reformat(format="bgra") for frame in _small(source, skip, ANIMATION_SIDE))
    options = {"quality": "75", "compression_level": "2"}
    _write(frames, _rate(measured) / skip, path, codec="libwebp_anim", options=options)


def _write_gif(source: Path, measured: Probe, path: Path) -> None:
    """One palette for the whole video, found in a first pass; the second pass dithers with it."""
    skip = _skip(measured)
    palette = _palette(_small(source, math.ceil(measured.num_frames / _PALETTE_FRAMES), _PALETTE_SIDE))
    frames = _dithered(_small(source, skip, ANIMATION_SIDE), palette)
    _write(frames, _rate(measured) / skip, path, codec="gif", options={})


def _rate(measured: Probe) -> Fraction:
    return Fraction(measured.fps).limit_denominator(1001)


def _skip(measured: Probe) -> int:
    """Every how many frames an animation takes one."""
    return math.ceil(measured.fps / ANIMATION_FPS)


def _small(source: Path, skip: int, max_side: int) -> Iterator[VideoFrame]:
    """Every `skip`-th frame as sRGB, scaled down to at most `max_side` pixels a side."""
    for frame in itertools.islice(decode(source), 0, None, skip):
        scale = min(1.0, max_side / max(frame.width, frame.height))
        yield to_srgb(frame, max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))


def _palette(frames: Iterable[VideoFrame]) -> VideoFrame:
    """The 256 colours that suit all frames best, as a BGRA picture of 16×16."""
    from av.filter import Graph

    graph = Graph()
    for number, frame in enumerate(frames):
        # The filter needs the order only.
        frame.pts, frame.time_base = number, Fraction(1)
        if number == 0:
            source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
            )
            generator = graph.add("palettegen", "reserve_transparent=0")
            graph.link_nodes(source, generator, graph.add("buffersink")).configure()
        graph.vpush(frame)
    graph.vpush(None)
    return graph.vpull()


def _dithered(frames: Iterable[VideoFrame], palette: VideoFrame) -> Iterator[VideoFrame]:
    """The frames in the colours of the palette, Floyd–Steinberg dithered.

    Pillow does this 14 times as fast as FFmpeg's paletteuse, and closer to the source.
    """
    import numpy as np
    from av.video.frame import VideoFrame
    from PIL import Image

    bgra = palette.to_ndarray().reshape(256, 4)
    argb = np.ascontiguousarray(bgra[:, ::-1])
    colours = Image.new("P", (1, 1))
    colours.putpalette(argb[:, 1:].tobytes())
    for frame in frames:
        indexed = Image.fromarray(frame.to_ndarray()).quantize(palette=colours)
        # PyAV's annotation leaves out the pair that its documentation asks for.
        yield VideoFrame.from_ndarray((np.asarray(indexed), argb), format="pal8")  # type: ignore[arg-type]


def _write(frames: Iterator[VideoFrame], rate: Fraction, path: Path, *, codec: str, options: dict[str, str]) -> None:
    """Encode frames of one size and pixel format; those and the colour tags are the first frame's."""
    import av
    from av.video.frame import PictureType
    from av.video.stream import VideoStream

    # An animation plays for ever: 0 is "without end".
    muxers = {"libsvtav1": ("webm", {}), "libwebp_anim": ("webp", {"loop": "0"}), "gif": ("gif", {"loop": "0"})}
    container, muxer_options = muxers[codec]
    first = next(frames)
    with av.open(str(path), "w", format=container, options=muxer_options) as output:
        stream = output.add_stream(codec, rate=rate, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
        stream.colorspace, stream.color_range = first.colorspace, first.color_range
        stream.color_primaries, stream.color_trc = first.color_primaries, first.color_trc
        for number, frame in enumerate(itertools.chain([first], frames)):
            frame.pts, frame.time_base = number, 1 / rate
            # The source's choice of key frames is not the encoder's.
            frame.pict_type = PictureType.NONE
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
