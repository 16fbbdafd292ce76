"""What the head of a safetensors file says: whether the file is whole, and how many numbers it holds.

The format: 8 bytes with the length of a JSON header (little-endian), the header, which says where each tensor lies,
and the tensors. https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000
"""Bytes; the library refuses longer ones, too."""
_POINTER = b"version https://git-lfs"


class Pointer(ValueError):
    """The file is a Git LFS pointer: a few lines of text that stand for the real file."""


def check(path: Path) -> int:
    """The file's size in bytes. Raises ValueError that says in words what is wrong with it; `Pointer` where it is one.

    Reads the header only: bytes that were changed in place are found by the SHA-256 when the file is fetched.
    """
    size = path.stat().st_size
    begin, tensors = _head(path, size)
    try:
        told = begin + max((int(tensor["data_offsets"][1]) for tensor in tensors), default=0)
    except (ValueError, KeyError, TypeError, IndexError):
        raise ValueError("has a header that cannot be read") from None
    if size != told:
        how = "is cut" if size < told else "is too long"
        raise ValueError(f"{how}: it has {size:,} bytes instead of {told:,}")
    return size


def elements(files: Iterable[Path]) -> dict[str, int]:
    """Numbers by component: the name of the folder that a file lies in. No weights are loaded.

    The files are whole (`check`).
    """
    found: dict[str, int] = {}
    for file in files:
        _, tensors = _head(file, file.stat().st_size)
        count = sum(math.prod(tensor["shape"]) for tensor in tensors)
        found[file.parent.name] = found.get(file.parent.name, 0) + count
    return found


def _head(path: Path, size: int) -> tuple[int, list[dict[str, Any]]]:
    """Where the tensors begin, and what the header says of each. Raises ValueError."""
    with path.open("rb") as file:
        first = file.read(len(_POINTER))
        if first == _POINTER:
            raise Pointer("is a Git LFS pointer instead of the file itself")
        if len(first) < _LENGTH_BYTES:
            raise ValueError(f"is cut: it has {size} bytes")
        length = int.from_bytes(first[:_LENGTH_BYTES], "little")
        if not 2 <= length <= _LONGEST_HEADER:
            raise ValueError("is no safetensors file")
        if size < _LENGTH_BYTES + length:
            raise ValueError(f"is cut: it has {size:,} bytes, and its header alone {_LENGTH_BYTES + length:,}")
        file.seek(_LENGTH_BYTES)
        header = file.read(length)
    try:
        return _LENGTH_BYTES + length, [value for name, value in json.loads(header).items() if name != "__metadata__"]
    except (ValueError, AttributeError):
        raise ValueError("has a header that cannot be read") from None
