"""Pictures of a half-made video: latents → RGB by one small matrix, no decoder.

The matrix is fitted once for each VAE by least squares: a synthetic picture with many colours is encoded, and each
latent pixel (its channels and a constant) is asked to give the mean colour of the block it stands for.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from reelwright.engines.local.recipe import LatentAxes, LatentSpace

MEDIA_TYPE = "image/webp"
_SIDE = 256
_PATCH = 16
_LONGEST = 256


def fit_factors(vae: Any, space: LatentSpace) -> torch.Tensor:
    """Factors of shape (channels + 1, 3): a latent pixel and a 1, times them, is RGB in 0 … 1.

    `vae` is on its device already; its weights and the global random state stay as they are.
    """
    picture = _colours()
    parameter = next(vae.parameters())
    pixels = (picture * 2 - 1).to(parameter.device, parameter.dtype)
    with torch.no_grad():
        encoded = vae.encode(pixels.unsqueeze(2) if _takes_video(vae) else pixels)
        # Only a tiny VAE has no distribution.
        latents = encoded.latents if "latents" in dir(encoded) else encoded.latent_dist.mode()
    latents = _to_pipeline(latents[:, :, 0] if latents.ndim == 5 else latents, vae, space).float().cpu()
    means = torch.nn.functional.interpolate(picture, size=latents.shape[-2:], mode="area")
    return _solve(latents.permute(0, 2, 3, 1).flatten(0, 2), means.permute(0, 2, 3, 1).flatten(0, 2))


def _takes_video(vae: Any) -> bool:
    return any(isinstance(module, torch.nn.Conv3d) for module in vae.encoder.modules())


def _colours() -> torch.Tensor:
    """Four pictures of random plain patches, smooth at their edges; shape (4, 3, 256, 256), values 0 … 1."""
    random = torch.Generator().manual_seed(7)
    patches = torch.rand(4, 3, _SIDE // _PATCH, _SIDE // _PATCH, generator=random)
    return torch.nn.functional.interpolate(patches, size=(_SIDE, _SIDE), mode="bilinear", align_corners=False)


def _solve(latents: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
    """Ridge regression: a little weight on the diagonal keeps VAEs with many channels from being over-fitted."""
    inputs = torch.cat([latents, torch.ones(len(latents), 1)], dim=1).double()
    ridge = 1e-4 * len(inputs) * torch.eye(inputs.shape[1], dtype=torch.float64)
    factors: torch.Tensor = torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ colours.double())
    return factors.float()


def _to_pipeline(latents: torch.Tensor, vae: Any, space: LatentSpace) -> torch.Tensor:
    """From the VAE's latents to the ones that its pipeline denoises."""
    if space is LatentSpace.SCALED:
        return latents * float(vae.config.scaling_factor)
    if space is LatentSpace.STANDARDISED:
        mean, std = torch.tensor(vae.config.latents_mean), torch.tensor(vae.config.latents_std)
        factor = 1.0
    else:
        mean, std, factor = vae.latents_mean, vae.latents_std, float(vae.config.scaling_factor)
    mean, std = (value.view(1, -1, 1, 1).to(latents.device, latents.dtype) for value in (mean, std))
    return (latents - mean) * factor / std


def to_frames(
    latents: torch.Tensor, factors: torch.Tensor, axes: LatentAxes, grid: tuple[int, int]
) -> NDArray[np.uint8]:
    """Frames (count, height, width, 3) of one request's latents. `grid`: the latents' (height, width) when packed."""
    values = latents.detach().float().cpu()
    if values.ndim == 3:
        values = values.reshape(values.shape[0], -1, *grid, values.shape[2])
    elif axes is LatentAxes.FRAMES_FIRST:
        values = values.permute(0, 1, 3, 4, 2)
    else:
        values = values.permute(0, 2, 3, 4, 1)
    rgb = values[0] @ factors[:-1] + factors[-1]
    return (rgb.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def to_webp(frames: NDArray[np.uint8], fps: float) -> bytes:
    """A small animated WebP; frames are enlarged to at most 256 pixels a side, so that they can be looked at."""
    height, width = frames.shape[1:3]
    scale = max(1, _LONGEST // max(height, width))
    images = [
        Image.fromarray(frame).resize((width * scale, height * scale), Image.Resampling.BICUBIC) for frame in frames
    ]
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / fps),
        loop=0,
        quality=60,
        method=0,
    )
    return buffer.getvalue()
