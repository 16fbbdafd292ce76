"""The probe on true files, on what failing servers send, and on files made to hurt."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from reelwright.errors import Code
from reelwright.media.probe import BadVideo, decode, looks_like_mp4, probe
from tests.media.clips import mp4, patches


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(BadVideo) as caught:
        probe(path)
    assert caught.value.code == Code.BAD_OUTPUT
    message = caught.value.message
    assert str(path.parent) not in message
    assert "0x" not in message
    return message


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return mp4(tmp_path_factory.mktemp("video") / "a.mp4", patches(24, 128, 128)).read_bytes()


def test_the_size_in_bytes_is_the_files(tmp_path: Path) -> None:
    path = mp4(tmp_path / "a: b%20c.mp4", patches(2, 64, 64))
    assert probe(path).size == path.stat().st_size


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The file is empty."),
        (b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "an HTML page (56 bytes)"),
        (b'\n  {"error": "Model is loading"}', "JSON text"),
        (b"upstream connect error", "text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "an image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "an image"),
        (np.random.default_rng(1).bytes(5_000), "something unknown"),
        (bytes(5_000), "something unknown"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n", "text"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "text"),
        (b"\x1aE\xdf\xa3" + bytes(500), "cannot be decoded"),
        (b"\x1aE\xdf\xa3" + np.random.default_rng(2).bytes(5_000), "cannot be decoded"),
    ],
)
def test_what_is_no_video_is_named(data: bytes, said: str, tmp_path: Path) -> None:
    assert said in refusal(tmp_path / "a.mp4", data)


def test_a_truncated_file_is_refused_wherever_it_ends(video: bytes, tmp_path: Path) -> None:
    for length in (10, 40, 500, len(video) // 2, len(video) - 1):
        assert "incomplete" in refusal(tmp_path / "a.mp4", video[:length])


def test_a_file_cut_off_and_mended_lacks_frames(video: bytes, tmp_path: Path) -> None:
    """The last box's length is made to fit again: only decoding finds what is missing."""
    at = video.index(b"mdat") - 4
    cut = bytearray(video[: -(len(video) - at) // 2])
    cut[at : at + 4] = struct.pack(">I", len(cut) - at)
    refusal(tmp_path / "a.mp4", bytes(cut))


def test_garbage_in_the_place_of_frames_is_refused(video: bytes, tmp_path: Path) -> None:
    at = video.index(b"mdat") + 4
    refusal(tmp_path / "a.mp4", video[:at] + np.random.default_rng(3).bytes(len(video) - at))


def test_flipped_bytes_never_do_more_than_be_refused(video: bytes, tmp_path: Path) -> None:
    """Damage that still decodes passes (the store's checksum finds it); none may crash, hang or raise anything else."""
    random = np.random.default_rng(4)
    path = tmp_path / "a.mp4"
    for _ in range(150):
        data = bytearray(video)
        for at in random.integers(0, len(data), 8):
            data[at] = random.integers(0, 256)
        path.write_bytes(data)
        try:
            probe(path)
        except BadVideo as error:
            assert "0x" not in error.message  # noqa: PT017


def test_a_sound_track_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4_800), np.float32), format="fltp", layout="mono")
        frame.rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert refusal(path, path.read_bytes()) == "The file has no video track."


def test_other_codecs_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", "mpeg4", 64, 64)
    assert "codec is not one of" in refusal(path, path.read_bytes())


def test_huge_pictures_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", "libx264", 5_000, 64)
    assert "5000×64" in refusal(path, path.read_bytes())


def test_a_video_with_sound_is_taken(video: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        picture = container.add_stream("libx264", rate=12)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=48_000, layout="mono")
        for _ in range(12):
            container.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), format="fltp", layout="mono")
        frame.rate = 48_000
        container.mux(sound.encode(frame))
        container.mux([*picture.encode(None), *sound.encode(None)])
    assert probe(path).num_frames == 12


def test_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        probe(tmp_path / "none.mp4")


def test_decoding_can_be_left_early(video: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(video)
    frames = decode(path)
    assert next(frames).width == 128
    frames.close()  # type: ignore[attr-defined]


def test_the_cheap_check(video: bytes) -> None:
    assert looks_like_mp4(video[:8])
    assert not looks_like_mp4(b"<!DOCTYPE html>")
    assert not looks_like_mp4(b"")


def write(path: Path, codec: str, width: int, height: int) -> Path:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=12)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(3):
            frame = av.VideoFrame(width, height, "yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
