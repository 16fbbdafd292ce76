"""A file of another server as an MP4 of ours: the same frames, and nothing of what it tells of its making."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from reelwright.media.probe import BadVideo, probe
from reelwright.media.remuxing import remux

SECRET = '{"6": {"inputs": {"text": "a secret fox"}}}'


def film(path: Path, form: str, codec: str, *, sound: str | None = None) -> None:
    """Eight frames of 64x48, with the workflow in the metadata of the file and of its track."""
    options = {"movflags": "use_metadata_tags"} if form == "mp4" else {}
    with av.open(str(path), "w", format=form, options=options) as container:
        container.metadata.update({"prompt": SECRET, "workflow": SECRET, "comment": SECRET})
        stream = container.add_stream(codec, rate=Fraction(8))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["title"] = SECRET
        track = container.add_stream(sound, rate=48_000, layout="mono") if sound else None
        for number in range(8):
            pixels = np.full((48, 64, 3), number * 30, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
        if track is not None:
            samples = np.zeros((1, 48_000), np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48_000, 0
            container.mux([*track.encode(frame), *track.encode(None)])


def brightness(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("form", "codec", "sound", "kept"),
    [
        pytest.param("mp4", "libx264", "aac", "h264", id="mp4"),
        pytest.param("matroska", "libx264", None, "h264", id="mkv"),
        pytest.param("webm", "libvpx-vp9", "libopus", "vp9", id="vp9-with-sound"),
        pytest.param("webm", "libvpx", None, "h264", id="vp8-is-encoded-anew"),
    ],
)
def test_the_same_frames_and_sound_without_the_workflow(
    tmp_path: Path, form: str, codec: str, sound: str | None, kept: str
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    film(source, form, codec, sound=sound)
    assert b"secret fox" in source.read_bytes()

    remux(source, target, metadata={"comment": "Made here."})

    seen = probe(target)
    assert (seen.container, seen.codec, seen.width, seen.height) == ("mp4", kept, 64, 48)
    assert (seen.num_frames, round(seen.fps, 3)) == (8, 8.0)
    assert b"secret" not in target.read_bytes()
    assert target.read_bytes().index(b"moov") < target.read_bytes().index(b"mdat")
    assert brightness(target) == pytest.approx(brightness(source), abs=3)
    with av.open(str(target)) as container:
        assert container.metadata["comment"] == "Made here."
        assert len(container.streams.audio) == (1 if sound else 0)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\0\0\0\x18ftypmp42" + b"\0" * 100])
def test_what_is_no_video_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    with pytest.raises(BadVideo):
        remux(source, target, metadata={})
    assert not target.exists()
