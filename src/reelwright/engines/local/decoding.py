"""Latents → frames: a second try in tiles when memory runs out, and eight bits made where the frames are."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reelwright.engines.local import memory


@contextmanager
def tiles_when_short(vae: Any, device: torch.device, told: Callable[[], None]) -> Iterator[None]:
    """Inside the block a decoding that runs out of memory is done once more in tiles of each frame; `told` hears of it.

    All steps are done by then: to begin again with a leaner placement would cost minutes.
    """
    decode = vae.decode

    def patiently(*args: Any, **kwargs: Any) -> Any:
        try:
            return decode(*args, **kwargs)
        except Exception as error:
            if vae.use_tiling or not memory.ran_out(error):
                raise
            # The traceback holds the frames that hold the tensors.
            traceback.clear_frames(error.__traceback__)
        memory.give_back(device)
        told()
        vae.enable_tiling()
        try:
            return decode(*args, **kwargs)
        finally:
            vae.disable_tiling()

    vae.decode = patiently
    try:
        yield
    finally:
        del vae.decode


def finite(frames: torch.Tensor) -> bool:
    """Whether all are numbers. Asked on the device, a frame at a time: for all at once it takes as much room again."""
    return all(bool(frame.isfinite().all()) for frame in frames)


def to_bytes(frames: torch.Tensor, out: NDArray[np.uint8]) -> None:
    """Frames (count, height, width, 3), 0 … 1, into `out`. Eight bits leave the device: a quarter of float32."""
    for frame, target in zip(frames, out, strict=True):
        target[:] = (frame.float() * 255).round().to(torch.uint8).cpu().numpy()
