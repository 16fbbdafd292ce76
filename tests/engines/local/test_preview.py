"""Previews: factors fitted to a VAE show its pictures' colours."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
import pytest

from reelwright.engines.local.recipe import LatentAxes, LatentSpace
from tests.engines.local.conftest import REASON, TinyFolder

pytest.importorskip("torch", reason=REASON)

import torch
from diffusers import AutoencoderKL, AutoencoderKLLTXVideo, AutoencoderKLWan

from reelwright.engines.local import preview


@pytest.mark.parametrize(
    ("model", "kind", "space", "channels"),
    [
        ("sdxl", AutoencoderKL, LatentSpace.SCALED, 4),
        ("wan", AutoencoderKLWan, LatentSpace.STANDARDISED, 16),
        ("ltx", AutoencoderKLLTXVideo, LatentSpace.STANDARDISED_SCALED, 8),
    ],
)
def test_factors_are_fitted_for_every_kind_of_vae(
    model: str, kind: Any, space: LatentSpace, channels: int, tiny_folder: TinyFolder
) -> None:
    vae = kind.from_pretrained(tiny_folder(model) / "vae")
    state = torch.get_rng_state()
    factors = preview.fit_factors(vae, space)
    assert factors.shape == (channels + 1, 3)
    assert factors.isfinite().all()
    assert torch.equal(preview.fit_factors(vae, space), factors)
    assert torch.equal(torch.get_rng_state(), state)


class MeanColours(torch.nn.Module):
    """A VAE whose latents are known: an invertible mix of the mean colours of 8 × 8 pixels."""

    MIX = torch.tensor([[2.0, 1.0, 0.0, 0.5], [0.0, 1.0, 3.0, -1.0], [1.0, -2.0, 1.0, 0.0]])

    class config:
        scaling_factor = 0.5

    class Distribution:
        def __init__(self, latents: torch.Tensor) -> None:
            self.latent_dist = self
            self.latents = latents

        def mode(self) -> torch.Tensor:
            return self.latents

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.Linear(1, 1)

    def encode(self, pixels: torch.Tensor) -> Distribution:
        means = torch.nn.functional.avg_pool2d(pixels, 8)
        return self.Distribution(torch.einsum("bchw,cl->blhw", means, self.MIX))


@pytest.mark.parametrize("axes", list(LatentAxes))
def test_colours_come_back_from_latents_in_every_order_of_axes(axes: LatentAxes) -> None:
    vae = MeanColours()
    factors = preview.fit_factors(vae, LatentSpace.SCALED)
    colours = torch.rand(5, 3, 6, 4, generator=torch.Generator().manual_seed(1))
    latents = torch.einsum("fchw,cl->flhw", colours * 2 - 1, vae.MIX) * 0.5
    ordered = {
        LatentAxes.FRAMES_FIRST: latents.unsqueeze(0),
        LatentAxes.CHANNELS_FIRST: latents.transpose(0, 1).unsqueeze(0),
        LatentAxes.PACKED: latents.permute(0, 2, 3, 1).reshape(1, -1, 4),
    }[axes]
    frames = preview.to_frames(ordered, factors, axes, (6, 4))
    expected = (colours * 255).permute(0, 2, 3, 1).numpy()
    assert frames.shape == (5, 6, 4, 3)
    assert np.abs(frames - expected).max() < 3


def test_a_preview_is_an_animated_webp_of_the_clips_length() -> None:
    frames = np.random.default_rng(1).integers(0, 256, (6, 8, 16, 3), dtype=np.uint8)
    with PIL.Image.open(io.BytesIO(preview.to_webp(frames, fps=3.0))) as picture:
        assert (picture.format, getattr(picture, "n_frames", 1), picture.size) == ("WEBP", 6, (256, 128))
