"""A process that looks at one video: `python -m reelwright.media.last_frame PATH`.

It decodes the file to its end and answers on standard output with one line of JSON and, where that line has no problem,
the last frame as a PNG, in the colours that a browser shows. The decoders are C code that reads what strangers sent:
here they have little memory, little time and no secrets.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
from collections import deque
from pathlib import Path

from reelwright.errors import EngineError
from reelwright.media.probe import decode, probe
from reelwright.media.stills import to_srgb

MEMORY_BYTES = 3 << 30
"""Of address space, of which the decoder's threads take much and use little."""
CPU_S = 100


def look(path: Path) -> tuple[dict[str, int | float], bytes]:
    """The video's width and height in pixels, number of frames and frames a second; and its last frame. Raises
    `BadVideo`, OSError."""
    from PIL import Image

    measured = probe(path)
    (shown,) = deque(decode(path), maxlen=1)
    file = io.BytesIO()
    Image.fromarray(to_srgb(shown).to_ndarray()).save(file, "PNG", compress_level=1)
    facts = {name: getattr(measured, name) for name in ("width", "height", "num_frames", "fps")}
    return facts, file.getvalue()


def answer(path: Path) -> tuple[dict[str, str | int | float], bytes]:
    """The line of JSON, with `problem` or the facts; and the picture, when there is no problem."""
    try:
        facts, picture = look(path)
    except EngineError as error:
        return {"problem": error.message}, b""
    except MemoryError:
        return {"problem": "The video takes too much memory to decode."}, b""
    return {**facts}, picture


def main(path: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # not every system has these limits
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    head, picture = answer(Path(path))
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + picture)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
