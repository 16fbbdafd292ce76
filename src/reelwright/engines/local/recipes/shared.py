"""What several recipes share: placements, arguments, the sizes of text encoders, licences."""

from __future__ import annotations

from dataclasses import replace

from reelwright.engines.local.recipe import Placement, Tier

MIB = 1024**2

CLIP_TOKENS = 77
"""What CLIP's text encoders read, those of Stable Diffusion."""

TIERS = (
    Tier(placement=Placement.RESIDENT),
    Tier(placement=Placement.MODEL),
    Tier(placement=Placement.MODEL, tiled_decode=True),
    Tier(placement=Placement.GROUPED, tiled_decode=True),
    Tier(placement=Placement.LEAN, tiled_decode=True),
)
UNTILED = tuple(replace(tier, tiled_decode=False) for tier in TIERS if tier != TIERS[2])

T5_XXL = 4762.3
UMT5_XXL = 5680.9
CLIP_H_VISION = 632.1
"""Millions of parameters."""

STABILITY = "Stability AI Community License: commercial use above its revenue limit needs a licence from Stability AI"

TEXT_ARGUMENTS = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "width": "width",
    "height": "height",
    "num_frames": "num_frames",
    "num_inference_steps": "num_inference_steps",
    "guidance_scale": "guidance_scale",
}
IMAGE_ARGUMENTS = {**TEXT_ARGUMENTS, "image": "image"}

BLOCK_LEVERS = frozenset({"compile", "attention_priority", "first_block_cache", "fp8"})
"""What acts on a transformer of equal blocks."""
