"""Mochi 1, of Genmo."""

from __future__ import annotations

from reelwright.engines.local.recipe import FrameRule, Recipe, Variant, Work
from reelwright.engines.local.recipes.shared import BLOCK_LEVERS, MIB, T5_XXL, TEXT_ARGUMENTS, TIERS
from reelwright.video import Task

MOCHI = Recipe(
    name="mochi",
    title="Mochi 1",
    description="Text to video at 30 frames a second.",
    repo="genmo/mochi-1-preview",
    variants=(Variant(task=Task.TEXT_TO_VIDEO, pipeline="MochiPipeline", arguments=TEXT_ARGUMENTS),),
    dtype="bfloat16",
    license="Apache-2.0",
    parameters={"transformer": 10_027.7, "text_encoder": T5_XXL, "vae": 459.7},
    denoise=Work(fixed=10 * MIB, pixel=667, volume=134),
    # Its decoder does all frames at once.
    decode=Work(pixel=12_349, volume=1808),
    tiers=TIERS,
    width=848,
    height=480,
    prompt_tokens=256,
    frames=85,
    fps=30,
    steps=64,
    guidance=4.5,
    max_side=848,
    max_pixels=848 * 480,
    max_frames=163,
    side_multiple=16,
    frame_rule=FrameRule(step=6, offset=1),
    latent_axes=None,
    resumes=True,
    loras=True,
    levers=BLOCK_LEVERS - {"first_block_cache"},
)
