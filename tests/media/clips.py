"""Synthetic clips whose right answers are known."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reelwright.media.clip import Clip, FrameBuffer
from reelwright.media.encode import encode_mp4

PATCHES = np.array(
    [
        [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)],
        [(0, 255, 255), (255, 0, 255), (255, 255, 255), (0, 0, 0)],
        [(128, 128, 128), (200, 120, 40), (30, 60, 90), (240, 200, 160)],
        [(10, 200, 100), (90, 10, 180), (64, 64, 64), (220, 220, 10)],
    ],
    np.uint8,
)
"""Four rows of four colours, from the corners of the RGB cube and from within."""


def patches(num_frames: int = 24, height: int = 512, width: int = 512, fps: float = 12) -> Clip:
    """A clip whose every frame is the sixteen patches."""
    frames = FrameBuffer.create(num_frames, height, width)
    frames.array()[:] = np.repeat(np.repeat(PATCHES, height // 4, 0), width // 4, 1)
    return Clip(fps=fps, num_frames=num_frames, frames=frames)


def greys(levels: list[int], side: int = 64) -> Clip:
    """A clip of one frame for each level: the left half is black, the right half has the level."""
    frames = FrameBuffer.create(len(levels), side, side)
    for picture, level in zip(frames.array(), levels, strict=True):
        picture[:, : side // 2] = 0
        picture[:, side // 2 :] = level
    return Clip(fps=12, num_frames=len(levels), frames=frames)


def error(picture: NDArray[np.uint8]) -> int:
    """The greatest difference between the middles of a picture's sixteen patches and what they should be."""
    height, width = picture.shape[:2]
    middles = picture[height // 8 :: height // 4, width // 8 :: width // 4][:4, :4]
    return int(np.abs(middles.astype(int) - PATCHES).max())


def mp4(path: Path, clip: Clip | None = None) -> Path:
    encode_mp4(clip or patches(), path, metadata={})
    return path


def noise(num_frames: int = 8, side: int = 128) -> Clip:
    """A clip that no encoder makes small."""
    frames = FrameBuffer.create(num_frames, side, side)
    frames.array()[:] = np.random.default_rng(0).integers(0, 256, (num_frames, side, side, 3), np.uint8)
    return Clip(fps=12, num_frames=num_frames, frames=frames)
