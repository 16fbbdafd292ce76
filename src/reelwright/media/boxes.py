"""The boxes of an MP4 file (ISO 14496-12), as far as they must be checked before FFmpeg reads them.

Two contradictions are looked for: boxes that end behind the file's end (the file was cut off), and tables that announce
more samples than the file has bytes (FFmpeg would allocate gigabytes for such a table). Nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

MAX_BOXES = 10_000
MAX_DEPTH = 16

_PARENTS = frozenset(
    {b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"dinf", b"udta"}
)
_SAMPLE_COUNT_AT = {b"stsz": 8, b"stz2": 8, b"trun": 4}
"""Where in a box's payload its number of samples stands, 32 bits (sections 8.7.3 and 8.8.8)."""


def check(file: BinaryIO, size: int) -> None:
    """Raise ValueError, with a sentence for people, where the boxes of `file` (`size` bytes) contradict the file."""
    names = set()
    for number, (name, start, end) in enumerate(_walk(file, 0, size, 0)):
        if number >= MAX_BOXES:
            raise ValueError(f"The MP4 has more than {MAX_BOXES} boxes.")
        if name == b"cmov":
            raise ValueError("The MP4's index is compressed, which no current program writes.")
        if name in _SAMPLE_COUNT_AT and start + _SAMPLE_COUNT_AT[name] + 4 <= end:
            file.seek(start + _SAMPLE_COUNT_AT[name])
            if int.from_bytes(file.read(4)) > size:
                raise ValueError("The MP4's index announces more samples than the file has bytes.")
        names.add(name)
    for name, held in ((b"moov", "index"), (b"mdat", "frames")):
        if name not in names:
            raise ValueError(f"The MP4 is incomplete: it has no {held} ({name.decode()}).")


def _walk(file: BinaryIO, start: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two offsets and those inside them: each one's name and where its payload starts and ends."""
    if depth > MAX_DEPTH:
        raise ValueError(f"The MP4's boxes are nested more than {MAX_DEPTH} deep.")
    while start + 8 <= end:
        file.seek(start)
        header = file.read(16)
        length, name, payload = int.from_bytes(header[:4]), header[4:8], start + 8
        if length == 1:
            length, payload = int.from_bytes(header[8:16]), start + 16
        elif length == 0:
            length = end - start
        if length < payload - start:
            raise ValueError("The MP4 has a box that is shorter than its own header.")
        if start + length > end:
            raise ValueError("The MP4 is incomplete: it ends inside one of its boxes.")
        yield name, payload, start + length
        if name in _PARENTS:
            yield from _walk(file, payload, start + length, depth + 1)
        start += length
    # Inside of a box, QuickTime's own writers leave four zero bytes at the end.
    if depth == 0 and start < end:
        raise ValueError("The MP4 is incomplete: it ends inside one of its boxes.")
