"""How many numbers a model's files hold, read from the heads of its safetensors: no weights are loaded."""

from __future__ import annotations

import json
import math
from pathlib import Path

_LONGEST = 100 * 1024**2
"""Of a head, as the format itself bounds it (https://huggingface.co/docs/safetensors)."""


def elements(files: list[Path]) -> dict[str, int]:
    """Numbers by component: the name of the folder that a file lies in. A file that cannot be read counts nothing."""
    found: dict[str, int] = {}
    for file in files:
        found[file.parent.name] = found.get(file.parent.name, 0) + _elements_of(file)
    return found


def _elements_of(file: Path) -> int:
    """The format: eight bytes of length (little-endian), then a JSON head with each tensor's shape."""
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if length > _LONGEST:
                return 0
            head = json.loads(opened.read(length))
        return sum(math.prod(tensor["shape"]) for name, tensor in head.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError):
        return 0
