"""The box check: true files pass, lies about lengths and counts do not."""

import io
import struct
from pathlib import Path

import pytest

from reelwright.media import boxes
from tests.media.clips import mp4, patches


def box(name: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(payload)) + name + payload


def check(data: bytes) -> None:
    boxes.check(io.BytesIO(data), len(data))


@pytest.fixture
def video(tmp_path: Path) -> bytes:
    return mp4(tmp_path / "a.mp4", patches(4, 64, 64)).read_bytes()


def test_a_true_file_passes(video: bytes) -> None:
    check(video)


def test_no_part_of_a_file_passes(video: bytes) -> None:
    for length in range(0, len(video) - 1):
        with pytest.raises(ValueError, match=r"^The MP4 "):
            check(video[:length])


def test_a_long_length_and_one_to_the_end_pass() -> None:
    long = struct.pack(">I4sQ", 1, b"free", 16 + 5) + bytes(5)
    to_the_end = struct.pack(">I", 0) + b"mdat" + bytes(100)
    check(box(b"ftyp") + long + box(b"moov") + to_the_end)


@pytest.mark.parametrize("path", [(b"moov", b"trak", b"mdia", b"minf", b"stbl"), (b"moof", b"traf")])
def test_more_samples_than_bytes_are_refused(path: tuple[bytes, ...]) -> None:
    count = struct.pack(">I", 178_000_000)
    lie = box(b"stsz", bytes(8) + count) if path[0] == b"moov" else box(b"trun", bytes(4) + count)
    for name in reversed(path):
        lie = box(name, lie)
    with pytest.raises(ValueError, match="more samples than the file has bytes"):
        check(box(b"ftyp") + lie + box(b"moov") + box(b"mdat"))


def test_a_length_below_the_header_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter than its own header"):
        check(box(b"ftyp") + struct.pack(">I", 4) + b"moov")


def test_a_compressed_index_is_refused() -> None:
    with pytest.raises(ValueError, match="compressed"):
        check(box(b"ftyp") + box(b"moov", box(b"cmov", bytes(20))))


def test_boxes_without_end_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 10000 boxes"):
        check(box(b"ftyp") + box(b"free") * 10_001)


def test_deep_nesting_does_no_harm() -> None:
    data = b""
    for _ in range(5_000):
        data = box(b"moov", data)
    with pytest.raises(ValueError, match="nested"):
        check(box(b"ftyp") + data)
