"""Stable Video Diffusion."""

from __future__ import annotations

from reelwright.engines.local.recipe import LatentAxes, Placement, Recipe, Tier, Variant, Work
from reelwright.engines.local.recipes.shared import CLIP_H_VISION, STABILITY
from reelwright.video import Task

_SVD_ARGUMENTS = {
    "width": "width",
    "height": "height",
    "num_frames": "num_frames",
    "fps": "fps",
    "num_inference_steps": "num_inference_steps",
    "guidance_scale": "max_guidance_scale",
    "motion_bucket_id": "motion_bucket_id",
    "noise_aug_strength": "noise_aug_strength",
    "image": "image",
}

SVD = Recipe(
    name="svd",
    title="Stable Video Diffusion XT",
    description="Animates an image; a prompt first becomes one through a text-to-image model.",
    repo="stabilityai/stable-video-diffusion-img2vid-xt",
    variants=(
        Variant(
            task=Task.TEXT_TO_VIDEO, pipeline="StableVideoDiffusionPipeline", arguments=_SVD_ARGUMENTS, via_image=True
        ),
        Variant(task=Task.IMAGE_TO_VIDEO, pipeline="StableVideoDiffusionPipeline", arguments=_SVD_ARGUMENTS),
    ),
    dtype="float16",
    license=STABILITY,
    parameters={"unet": 1524.6, "vae": 97.7, "image_encoder": CLIP_H_VISION},
    denoise=Work(pixel=63, volume=561),
    decode=Work(volume=2048),
    tiers=(
        Tier(placement=Placement.RESIDENT, decode_chunk=8),
        Tier(placement=Placement.MODEL, decode_chunk=4),
        Tier(placement=Placement.GROUPED, decode_chunk=2),
        Tier(placement=Placement.LEAN, decode_chunk=2),
    ),
    width=512,
    height=512,
    frames=24,
    fps=12,
    steps=25,
    guidance=3.0,
    max_side=1024,
    max_pixels=1024 * 576,
    # The pipeline raises guidance from frame to frame; with one frame there is none, and it fails.
    min_frames=2,
    max_frames=32,
    side_multiple=64,
    latent_axes=LatentAxes.FRAMES_FIRST,
    resumes=True,
    batches=4,
    decodes_apart=True,
    levers=frozenset(
        {
            "single_key_attention",
            "time_convolutions",
            "channels_last",
            "attention_priority",
            "compile",
            "compiled_decoder",
            "deep_reuse",
            "fp8",
        }
    ),
)
