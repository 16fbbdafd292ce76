"""Real files of the size that was asked for."""

from __future__ import annotations

import io
from functools import lru_cache

import av
import numpy as np
from PIL import Image


@lru_cache(64)
def movie(width: int, height: int, frames: int, fps: int) -> bytes:
    """An H.264 MP4 that gets brighter."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            pixels = np.full((height, width, 3), number * 255 // frames, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


@lru_cache(16)
def still(step: int) -> bytes:
    """A small WebP, of another colour at each step."""
    file = io.BytesIO()
    Image.new("RGB", (32, 32), (step * 20 % 255, 80, 120)).save(file, "WEBP")
    return file.getvalue()
