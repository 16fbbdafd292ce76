"""Several requests in one run of Stable Video Diffusion, each with its own motion, noise and frame rate.

The pipeline takes these three as single numbers. Given tensors, its arithmetic works for each sample, but for the one
place that packs them into a table; `per_sample_ids` stands in there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

_PER_SAMPLE = ("fps", "motion_bucket_id", "noise_aug_strength")


def per_sample(arguments: list[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
    """The three arguments for a batch, from each request's own."""
    values = {name: torch.tensor([float(each[name]) for each in arguments]) for name in _PER_SAMPLE}
    values["noise_aug_strength"] = values["noise_aug_strength"].view(-1, 1, 1, 1)
    return values


def _time_ids(
    fps: torch.Tensor,
    motion: torch.Tensor,
    noise: torch.Tensor,
    dtype: torch.dtype,
    _batch_size: int,
    _videos_per_prompt: int,
    guided: bool,
) -> torch.Tensor:
    """The table that the UNet is conditioned on: one row (fps − 1, motion, noise) a sample, twice with guidance."""
    table = torch.stack([fps, motion, noise.flatten()], dim=1).to(dtype)
    return torch.cat([table, table]) if guided else table


@contextmanager
def per_sample_ids(pipe: Any) -> Iterator[None]:
    """Inside the block the pipeline takes a tensor for each of the three."""
    pipe._get_add_time_ids = _time_ids
    try:
        yield
    finally:
        del pipe._get_add_time_ids
