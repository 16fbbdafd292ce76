"""The probe: what an encoded file really holds, found by decoding it to its end.

It reads files that other servers sent, so it believes nothing: the format is sniffed and only the demuxers and decoders
of web video are tried (a playlist could name other files), and size, pixels, frames and time are bounded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.errors import Code, EngineError
from reelwright.media import boxes
from reelwright.media.image_headers import media_type_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_BYTES = 1 << 30
MAX_SIDE = 4096
MAX_PIXELS = 4096 * 2304
"""Of one frame: the most that H.264 level 5.2 allows."""
MAX_FRAMES = 20_000
MAX_DECODE_SECONDS = 120.0

CODECS = ("h264", "hevc", "libdav1d", "av1", "vp9", "vp8")
"""FFmpeg's names of the decoders that are tried."""
LITTLE_PIXELS = 24 * 512 * 512
"""In all frames together: what is decoded sooner than the decoder's threads are started and ended."""


class BadVideo(EngineError):
    """A clip or a file that cannot be passed on as a video; the message says what it is instead."""

    code = Code.BAD_OUTPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What decoding a file showed.

    `container` is "mp4" or "webm". `duration` is in seconds, `fps` the average in frames a second, `size` in bytes.
    The four colour fields are the numbers of ITU-T H.273 (1 is BT.709, 2 unspecified), but `color_range` is 1 for
    limited, 2 for full, 0 for unspecified.
    """

    container: str
    codec: str
    width: int
    height: int
    num_frames: int
    fps: float
    duration: float
    pix_fmt: str
    color_primaries: int
    color_trc: int
    colorspace: int
    color_range: int
    size: int


def looks_like_mp4(first_bytes: bytes) -> bool:
    """Whether a file beginning like this (8 bytes are enough) can be an MP4: its first box is `ftyp` (ISO 14496-12)."""
    return first_bytes[4:8] == b"ftyp"


def probe(path: Path) -> Probe:
    """Decode the first video track of an MP4 or WebM file to its end and say what it is.

    Raises `BadVideo` for an empty, truncated, damaged, oversized or foreign file, OSError when it cannot be read.
    """
    with opened(path) as (container, stream):
        promised = stream.frames
        num_frames = sum(1 for _ in _decoded(container, stream))
        if num_frames < promised:
            raise BadVideo(f"The video is incomplete: {num_frames} of {promised} frames could be decoded.")
        rate = stream.average_rate
        if not rate or rate > 1000:
            raise BadVideo("The video has no frame rate.")
        context = stream.codec_context
        return Probe(
            container="webm" if container.format.name == "matroska" else "mp4",
            codec="av1" if context.name == "libdav1d" else context.name,
            width=context.width,
            height=context.height,
            num_frames=num_frames,
            fps=float(rate),
            duration=container.duration / 1e6 if container.duration else float(num_frames / rate),
            pix_fmt=context.pix_fmt or "unknown",
            color_primaries=context.color_primaries,
            color_trc=context.color_trc,
            colorspace=context.colorspace,
            color_range=context.color_range,
            size=path.stat().st_size,
        )


def decode(path: Path) -> Iterator[VideoFrame]:
    """The frames of the first video track of an MP4 or WebM file, in order, under the same bounds as `probe`.

    Raises `BadVideo` where the file is none, is damaged or has no frames.
    """
    with opened(path) as (container, stream):
        yield from _decoded(container, stream)


def count_frames(path: Path) -> int:
    """How many frames the file's index announces; where it has none (WebM), how many there are. Raises as `decode`."""
    with opened(path) as (container, stream):
        return stream.frames or sum(1 for _ in _decoded(container, stream))


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """An MP4 or WebM file and its first video track, within the bounds above. Only video can be decoded of it.

    Raises `BadVideo`, OSError.
    """
    import av

    demuxer = sniffed(path)
    options = {"protocol_whitelist": "file", "codec_whitelist": ",".join(CODECS), "max_pixels": str(MAX_PIXELS)}
    with _failing_as_bad_video():
        container = av.open(f"file:{path}", "r", format=demuxer, options=options, metadata_errors="replace")
    with container:
        if not container.streams.video:
            raise BadVideo("The file has no video track.")
        stream = container.streams.video[0]
        _check_stream(stream)
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        if stream.frames * stream.width * stream.height <= LITTLE_PIXELS:
            stream.codec_context.thread_count = 1
        yield container, stream


@contextmanager
def _failing_as_bad_video() -> Iterator[None]:
    import av

    try:
        yield
    except av.FFmpegError as error:
        # The error's own text names the file; only the reason is passed on.
        raise BadVideo(f"The video cannot be decoded: {error.strerror}.") from error


def sniffed(path: Path) -> str:
    """FFmpeg's name of the only demuxer to be tried for a file. Raises `BadVideo` where it is no MP4 and no WebM."""
    size = path.stat().st_size
    if size == 0:
        raise BadVideo("The file is empty.")
    if size > MAX_BYTES:
        raise BadVideo(f"The file has {size} bytes; at most {MAX_BYTES} are taken.")
    with path.open("rb") as file:
        head = file.read(64)
        if looks_like_mp4(head):
            try:
                boxes.check(file, size)
            except ValueError as error:
                raise BadVideo(str(error)) from error
            return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):  # EBML, RFC 8794
        return "matroska"
    raise BadVideo(f"The file is not a video but {_kind_of(head)} ({size} bytes).")


def _kind_of(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if text.startswith((b"{", b"[")):
        return "JSON text"
    if media_type_of(head) or head.startswith(b"GIF8"):
        return "an image"
    if head.isascii() and b"\0" not in head:
        return "text"
    return "something unknown"


def _check_stream(stream: VideoStream) -> None:
    # A codec without a decoder has no context at all.
    if stream.codec_context is None or stream.codec_context.name not in CODECS:
        raise BadVideo("The video's codec is not one of H.264, H.265, AV1, VP9 and VP8.")
    width, height = stream.width, stream.height
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise BadVideo(
            f"The video is {width}×{height} pixels; at most {MAX_SIDE} a side and {MAX_PIXELS} in all are taken."
        )


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    deadline = time.monotonic() + MAX_DECODE_SECONDS
    number = 0
    with _failing_as_bad_video():
        for number, frame in enumerate(container.decode(stream), start=1):
            if frame.is_corrupt:
                raise BadVideo(f"The video is damaged at frame {number}.")
            if number > MAX_FRAMES:
                raise BadVideo(f"The video has more than {MAX_FRAMES} frames.")
            if time.monotonic() > deadline:
                raise BadVideo(f"The video takes more than {MAX_DECODE_SECONDS:.0f} s to decode.")
            yield frame
    if number == 0:
        raise BadVideo("The video has no frames.")
