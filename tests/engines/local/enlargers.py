"""Tiny upscaling models in ESRGAN's form, made anew for each test."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import save_file

CHANNELS = 8
GROWTH = 32
"""ESRGAN's own, fixed in its code."""


def repeating(path: Path, factor: int = 4) -> Path:
    """A network that shows each pixel `factor` times each way, so that what it makes is known; the body adds nothing.

    `factor`: a power of 2.
    """
    weights: dict[str, torch.Tensor] = {}

    def convolution(name: str, given: int, made: int, passed: int = 0) -> None:
        weight = torch.zeros(made, given, 3, 3)
        for channel in range(passed):
            weight[channel, channel, 1, 1] = 1
        weights[f"{name}.weight"], weights[f"{name}.bias"] = weight, torch.zeros(made)

    convolution("model.0", 3, CHANNELS, 3)
    for block in (1, 2, 3):
        for number in range(1, 5):
            name = f"model.1.sub.0.RDB{block}.conv{number}.0"
            convolution(name, CHANNELS + (number - 1) * GROWTH, GROWTH)
        convolution(f"model.1.sub.0.RDB{block}.conv5.0", CHANNELS + 4 * GROWTH, CHANNELS)
    convolution("model.1.sub.1", CHANNELS, CHANNELS)
    doublings = int(math.log2(factor))
    for number in range(1, doublings + 1):
        convolution(f"model.{3 * number}", CHANNELS, CHANNELS, 3)
    convolution(f"model.{3 * doublings + 2}", CHANNELS, CHANNELS, 3)
    convolution(f"model.{3 * doublings + 4}", CHANNELS, 3, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
    return path
