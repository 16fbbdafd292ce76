"""An encoded file of another server as an MP4 of ours: its streams as they are, without what it tells of its making.

ComfyUI writes the whole workflow, prompts and all, into the metadata of what it saves.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.media.encode import SOUND_CODECS, Footage, encode, nearest_rate
from reelwright.media.joining import numbered, plain
from reelwright.media.probe import BadVideo, decode, opened

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

KEPT_CODECS = frozenset({"h264", "hevc", "av1", "libdav1d", "vp9"})
"""FFmpeg's names of what an MP4 carries; the rest (VP8) is encoded anew."""


def remux(source: Path, target: Path, *, metadata: Mapping[str, str]) -> None:
    """Write the first video track of `source`, MP4 or WebM, and its sound to `target`, an MP4 with only this metadata.

    The index stands at the front. Raises `BadVideo` for what is no such video, OSError when it cannot be written; then
    nothing is left at `target`.
    """
    import av

    try:
        with opened(source) as (container, stream):
            if stream.codec_context.name not in KEPT_CODECS:
                _encode(source, stream, target, metadata)
                return
            with av.open(f"file:{target}", "w", format="mp4", options={"movflags": "+faststart"}) as copy:
                copy.metadata.update(metadata)
                _copy(container, stream, copy)
    except av.FFmpegError as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise BadVideo(f"The video cannot be copied: {error.strerror}.") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _copy(container: InputContainer, stream: VideoStream, copy: OutputContainer) -> None:
    sound = next((one for one in container.streams.audio if one.codec_context.name in SOUND_CODECS), None)
    tracks: dict[int, VideoStream | AudioStream] = {stream.index: copy.add_stream_from_template(stream)}
    if sound is not None:
        tracks[sound.index] = copy.add_stream_from_template(sound)
    for track in tracks.values():
        track.metadata.clear()
    for packet in container.demux([stream, *([sound] if sound is not None else [])]):
        if packet.size == 0:  # the last one: it would flush a decoder
            continue
        packet.stream = tracks[packet.stream.index]
        copy.mux(packet)


def _encode(source: Path, stream: VideoStream, target: Path, metadata: Mapping[str, str]) -> None:
    width, height = stream.width // 2 * 2, stream.height // 2 * 2
    rate = nearest_rate(float(stream.average_rate or 24))
    footage = Footage(
        width=width,
        height=height,
        rate=rate,
        count=stream.frames,
        frames=numbered((plain(frame, width, height) for frame in decode(source)), rate),
        sound_of=source,
    )
    encode(footage, target, metadata=metadata)
