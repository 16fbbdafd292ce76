"""Frames between frames, by libav's motion-compensated filter (`minterpolate`).

The given frames come out unchanged; only the frames in between are made by the filter. To make a frame the filter needs
two frames before and two after it, so the first and the last frame are given to it again at the ends.
https://ffmpeg.org/ffmpeg-filters.html#minterpolate
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from reelwright.media.probe import BadVideo

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

FILTER = "minterpolate"
OPTIONS = "mi_mode=mci:mc_mode=aobmc:me_mode=bilat:me=epzs:mb_size=16:scd=fdiff:scd_threshold=10"
"""Overlapping blocks that follow the motion, weighted by how well each fits. Where the scene changes (`scd`) the nearer
frame is repeated; two scenes are never mixed. docs/decisions.md has what the alternatives made of known frames."""
BEFORE, AFTER = 2, 3
"""How often the first and the last frame are shown to the filter once more."""
PLANES = "yuv444p"


def interpolated(frames: Iterable[Picture], factor: int) -> Iterator[Picture]:
    """`factor` frames for each of `frames`: the frame itself, then `factor` - 1 on the way to the next one.

    Frames are sRGB, 8 bits, of shape (height, width, 3), all of one size. The last given frame is repeated
    `factor` - 1 times, so that the duration stays the same. Raises `BadVideo` for frames that the filter does not take.
    """
    motion: _Motion | None = None
    given: deque[Picture] = deque()
    for frame in frames:
        motion = motion or _Motion(frame, factor)
        given.append(frame)
        for between in motion.show(frame):
            yield given.popleft() if between is None else between
    if motion is None:
        return
    for between in motion.end(given[-1]):
        if between is None and len(given) == 1:
            break
        yield given.popleft() if between is None else between
    yield from [given[-1]] * factor


class _Motion:
    """The filter, at work on one clip. Where its output would replace a given frame, it yields None instead."""

    def __init__(self, first: Picture, factor: int) -> None:
        import av
        from av.filter import Graph
        from av.video.format import VideoFormat
        from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

        height, width = first.shape[:2]
        self._factor = factor
        self._shown = 0
        self._reformatter = VideoReformatter()
        self._matrix, self._range = Colorspace.ITU709, ColorRange.JPEG
        self._graph = graph = Graph()  # its filters are gone when it is
        self._source = graph.add_buffer(
            width=width, height=height, format=VideoFormat(PLANES), time_base=Fraction(1, factor)
        )
        motion = graph.add(FILTER, f"fps={factor}:{OPTIONS}")
        self._sink = graph.add("buffersink")
        try:
            graph.link_nodes(self._source, motion, self._sink).configure()
        except av.FFmpegError as error:
            raise BadVideo(f"Frames of {width}x{height} cannot be interpolated: {error.strerror}.") from error
        for _ in range(BEFORE):
            self._push(first)

    def show(self, frame: Picture) -> Iterator[Picture | None]:
        """The next frame; what the filter has made by now."""
        self._push(frame)
        yield from self._made()

    def end(self, last: Picture) -> Iterator[Picture | None]:
        """There are no more frames; the rest of what the filter makes."""
        for _ in range(AFTER):
            self._push(last)
        self._source.push(None)
        yield from self._made()

    def _push(self, picture: Picture) -> None:
        from av.video.frame import VideoFrame

        frame = self._reformatter.reformat(
            VideoFrame.from_ndarray(picture, format="rgb24"),
            format=PLANES,
            dst_colorspace=self._matrix,
            dst_color_range=self._range,
        )
        frame.pts, frame.time_base = self._shown * self._factor, Fraction(1, self._factor)
        self._shown += 1
        self._source.push(frame)

    def _made(self) -> Iterator[Picture | None]:
        from av.error import BlockingIOError as NothingYet
        from av.error import EOFError as End

        while True:
            try:
                frame = cast("VideoFrame", self._sink.pull())
            except (NothingYet, End):
                return
            assert frame.pts is not None
            place = frame.pts - BEFORE * self._factor  # the filter's time base is the new frame rate
            if place >= 0:
                yield None if place % self._factor == 0 else self._shown_as_rgb(frame)

    def _shown_as_rgb(self, frame: VideoFrame) -> Picture:
        shown = self._reformatter.reformat(
            frame, format="rgb24", src_colorspace=self._matrix, src_color_range=self._range
        )
        return cast("Picture", shown.to_ndarray())
