"""Layout levers: how convolutions are laid out in memory, and those over time alone done as plain 2-D ones."""

from __future__ import annotations

from typing import Any

import torch


class TimeConvolution(torch.nn.Module):
    """A 3-D convolution whose kernel spans frames only, as a 2-D one over (frames, pixels of a frame).

    The same sums: 2-D convolutions have far better kernels, and pixels that lie channels last need no copy. Without
    this, torch on a single CPU thread takes its slow path for them.
    """

    def __init__(self, convolution: torch.nn.Conv3d) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(convolution.weight.detach().squeeze(-1), requires_grad=False)
        self.bias = convolution.bias
        self._padding = (int(convolution.padding[0]), 0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, frames, height, width = x.shape
        flat = x.reshape(batch, channels, frames, height * width)
        made = torch.nn.functional.conv2d(flat, self.weight, self.bias, padding=self._padding)
        return made.reshape(batch, -1, *made.shape[2:3], height, width)


def flatten_time_convolutions(module: Any) -> int:
    """Replace the convolutions of `module` that span frames only; returns how many."""
    names = [name for name, part in module.named_modules() if _spans_frames_only(part)]
    for name in names:
        parent, _, leaf = name.rpartition(".")
        owner = module.get_submodule(parent)
        setattr(owner, leaf, TimeConvolution(owner.get_submodule(leaf)))
    return len(names)


def _spans_frames_only(part: object) -> bool:
    return (
        isinstance(part, torch.nn.Conv3d)
        and part.kernel_size[1:] == (1, 1)
        and part.kernel_size[0] > 1
        and isinstance(part.padding, tuple)
        and part.padding[1:] == (0, 0)
        and part.stride == part.dilation == (1, 1, 1)
        and part.groups == 1
        and part.padding_mode == "zeros"
    )


def channels_last(module: Any) -> None:
    """Every convolution's weight channels last, each in the form for its rank (`Module.to` takes only one for all)."""
    for weight in module.parameters():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        elif weight.dim() == 5:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last_3d)
