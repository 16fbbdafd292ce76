"""AnimateDiff: Stable Diffusion 1.5 with a motion module."""

from __future__ import annotations

from dataclasses import replace

from reelwright.engines.local.recipe import Adapter, Part, Placement, Recipe, Sampler, Tier, Variant, Work
from reelwright.engines.local.recipes.shared import CLIP_TOKENS, TEXT_ARGUMENTS
from reelwright.video import Task

# The motion modules were trained with linear betas; Stable Diffusion's own scheduler file has `scaled_linear`. These
# are diffusers' settings on its page on AnimateDiff.
_LINEAR = {"beta_schedule": "linear", "clip_sample": False, "timestep_spacing": "linspace", "steps_offset": 1}

ANIMATEDIFF = Recipe(
    name="animatediff",
    title="AnimateDiff",
    description="Stable Diffusion 1.5 with a motion module: short loops on a small card.",
    repo="stable-diffusion-v1-5/stable-diffusion-v1-5",
    variants=(
        Variant(
            task=Task.TEXT_TO_VIDEO,
            pipeline="AnimateDiffPipeline",
            arguments=TEXT_ARGUMENTS,
            fixed={"decode_chunk_size": 16},
        ),
    ),
    dtype="float16",
    license="CreativeML Open RAIL-M (Stable Diffusion 1.5); the motion module is Apache-2.0",
    parts=(Part(name="motion_adapter", model="MotionAdapter", repo="guoyww/animatediff-motion-adapter-v1-5-2"),),
    parameters={"unet": 859.5, "motion_adapter": 453.2, "text_encoder": 123.1, "vae": 83.7},
    denoise=Work(pixel=100, volume=600),
    decode=Work(volume=2048),
    tiers=(
        Tier(placement=Placement.RESIDENT, decode_chunk=16),
        Tier(placement=Placement.MODEL, decode_chunk=4),
        Tier(placement=Placement.GROUPED, decode_chunk=2),
        Tier(placement=Placement.LEAN, decode_chunk=2),
    ),
    width=512,
    height=512,
    prompt_tokens=CLIP_TOKENS,
    frames=16,
    fps=8,
    steps=25,
    guidance=7.5,
    negative_prompt="bad quality, worse quality",
    sampler=Sampler(kind="DDIMScheduler", changes=_LINEAR),
    max_side=768,
    max_pixels=768 * 768,
    max_frames=32,
    side_multiple=8,
    resumes=True,
    loras=True,
    levers=frozenset({"channels_last", "compile", "compiled_decoder", "attention_priority"}),
)

_ANIMATELCM = "wangfuyun/AnimateLCM"

# Few small frames, no guidance (which would take each step twice) and a decoder of 1 million parameters.
ANIMATELCM = replace(
    ANIMATEDIFF,
    name="animatelcm",
    title="AnimateLCM, for a laptop without a GPU",
    description="Short loops in minutes on a CPU: small frames, 4 steps, a tiny decoder.",
    parts=(
        Part(name="motion_adapter", model="MotionAdapter", repo=_ANIMATELCM),
        Part(name="vae", model="AutoencoderTiny", repo="madebyollin/taesd", instead=True),
    ),
    parameters={"unet": 859.5, "motion_adapter": 453.2, "text_encoder": 123.1, "vae": 2.4},
    decode=Work(volume=512),
    license="CreativeML Open RAIL-M (Stable Diffusion 1.5); AnimateLCM and TAESD are MIT",
    width=320,
    height=320,
    steps=4,
    max_steps=16,
    guidance=1.0,
    negative_prompt=None,
    # diffusers' page on AnimateDiff, "Using AnimateLCM".
    sampler=Sampler(kind="LCMScheduler", changes={"beta_schedule": "linear"}),
    adapters=(Adapter(repo=_ANIMATELCM, file="AnimateLCM_sd15_t2v_lora.safetensors", weight=0.8),),
)
