"""A process that decodes one picture: `python -m reelwright.media.developing FIELD`, the bytes on standard input.

It answers on standard output with one line of JSON and, where that line says so, the picture in another encoding. The
decoders are C code that reads what strangers sent: here they have little memory, little time and no secrets.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys

from reelwright.errors import BadRequest, invalid
from reelwright.media import images

MEMORY_BYTES = 1 << 30
"""Of address space. The most that an allowed picture needs is some 600 MB: a progressive JPEG of 64 megapixels."""
CPU_S = 30
JPEG_QUALITY = 95


def develop(data: bytes, field: str) -> bytes | None:
    """The picture as engines are given it, encoded anew; None when `data` is just that already.

    JPEG where a photograph was sent or the picture was scaled, else PNG. Raises `BadRequest` that names `field`.
    """
    image, plain = images.decode(data, field)
    if plain:
        return None
    file = io.BytesIO()
    if data.startswith(b"\xff\xd8") or image.width * image.height > images.KEPT_PIXELS * 0.99:
        image.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        image.save(file, "PNG", compress_level=4)
    return file.getvalue()


def answer(data: bytes, field: str) -> tuple[dict[str, str | bool], bytes]:
    """The line of JSON, with `problem` or with `changed` (whether a picture follows); and that picture."""
    try:
        developed = develop(data, field)
    except BadRequest as error:
        return {"problem": error.message}, b""
    except MemoryError:
        message = invalid(field, f"{len(data):,} bytes", "It takes too much memory to decode; scale it down.").message
        return {"problem": message}, b""
    return {"changed": developed is not None}, developed or b""


def main(field: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # not every system has these limits
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    head, picture = answer(sys.stdin.buffer.read(), field)
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + picture)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
