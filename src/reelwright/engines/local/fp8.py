"""Linear layers in 8-bit floating point, for GPUs that multiply it (compute capability 8.9 and up)."""

from __future__ import annotations

from typing import Any

import torch

_LARGEST = 448.0
"""The largest number of float8_e4m3fn."""


class Fp8Linear(torch.nn.Module):
    """A linear layer whose weight is stored in e4m3 with one scale an output, and whose input is quantised on the fly
    with one scale a row. The product is accumulated in float32.
    """

    weight: torch.Tensor
    scale: torch.Tensor

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        weight, scale = _quantise(linear.weight.detach())
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale.view(1, -1))
        self.bias = linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, self.in_features)
        quantised, scale = _quantise(rows)
        product = torch._scaled_mm(
            quantised, self.weight.t(), scale_a=scale, scale_b=self.scale, out_dtype=torch.bfloat16
        ).to(x.dtype)
        if self.bias is not None:
            product = product + self.bias
        return product.view(*x.shape[:-1], self.out_features)


def _quantise(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """e4m3 values and the float32 factor of each row that gives it back."""
    scale = rows.abs().amax(dim=1, keepdim=True).float().clamp(min=1e-12) / _LARGEST
    return (rows.float() / scale).clamp(-_LARGEST, _LARGEST).to(torch.float8_e4m3fn), scale


def convert(module: Any) -> int:
    """Replace the linear layers of `module` that the hardware's multiplication takes (both sides a multiple of 16, and
    large enough to gain); returns how many.

    Those of time and other embeddings stay whole: they have a row or two, and all layers hang on them.
    """
    linears = [(name, part) for name, part in module.named_modules() if isinstance(part, torch.nn.Linear)]
    names = [name for name, linear in linears if _gains(linear) and "emb" not in name]
    for name in names:
        parent, _, leaf = name.rpartition(".")
        owner = module.get_submodule(parent)
        setattr(owner, leaf, Fp8Linear(owner.get_submodule(leaf)))
    return len(names)


def _gains(linear: torch.nn.Linear) -> bool:
    sides = (linear.in_features, linear.out_features)
    return all(side % 16 == 0 for side in sides) and min(sides) >= 256
