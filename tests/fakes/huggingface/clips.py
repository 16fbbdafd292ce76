"""Real files for the fake to serve."""

from __future__ import annotations

import io
from functools import lru_cache

import av
import numpy as np
from PIL import Image


@lru_cache
def clip(size: int = 0, *, frames: int = 8) -> bytes:
    """A decodable H.264 MP4 of 64×64 pixels at 12 fps, padded with a `free` box to `size` bytes if it is smaller."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            pixels = np.full((64, 64, 3), number * 255 // frames, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    data = file.getvalue()
    padding = size - len(data)
    if padding >= 8:
        data += padding.to_bytes(4, "big") + b"free" + bytes(padding - 8)
    return data


@lru_cache
def picture() -> bytes:
    """A PNG of 64×64 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 90, 40)).save(file, "PNG")
    return file.getvalue()
