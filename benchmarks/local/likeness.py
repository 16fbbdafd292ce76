"""How much two clips are alike. Both are uint8 arrays (frames, height, width, 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_C1, _C2 = 0.01**2, 0.03**2


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Decibels; infinite for equal frames."""
    error = float(np.mean([np.mean((x.astype(np.float32) - y) ** 2) for x, y in zip(a, b, strict=True)]))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean structural similarity of the luma (Wang et al. 2004), in windows of 8 × 8 pixels, 4 apart."""
    return float(np.mean([_ssim_of_frames(x @ _LUMA / 255, y @ _LUMA / 255) for x, y in zip(a, b, strict=True)]))


def _ssim_of_frames(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    mx, my = _windows(x), _windows(y)
    vx, vy, cov = _windows(x * x) - mx**2, _windows(y * y) - my**2, _windows(x * y) - mx * my
    return float(np.mean((2 * mx * my + _C1) * (2 * cov + _C2) / ((mx**2 + my**2 + _C1) * (vx + vy + _C2))))


def _windows(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The means of the windows: each is four blocks of 4 × 4."""
    high, wide = values.shape[0] // 4, values.shape[1] // 4
    blocks = values[: high * 4, : wide * 4].reshape(high, 4, wide, 4).mean((1, 3))
    whole: NDArray[np.float32] = (blocks[1:, 1:] + blocks[:-1, 1:] + blocks[1:, :-1] + blocks[:-1, :-1]) / 4
    return whole
