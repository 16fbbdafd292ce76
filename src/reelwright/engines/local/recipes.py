"""The built-in recipes: the families this engine knows, as data. `recipe.py` has the words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from reelwright.engines.local.recipe import (
    FrameRule,
    ImageRecipe,
    LatentAxes,
    LatentSpace,
    Part,
    Placement,
    Recipe,
    Tier,
    Variant,
    Work,
)
from reelwright.video import Task

CLIP_TOKENS = 77
"""What CLIP's text encoders read, those of Stable Diffusion."""

_STABILITY = "Stability AI Community License: commercial use above its revenue limit needs a licence from Stability AI"

MIB = 1024**2

TIERS = (
    Tier(placement=Placement.RESIDENT),
    Tier(placement=Placement.MODEL),
    Tier(placement=Placement.MODEL, tiled_decode=True),
    Tier(placement=Placement.GROUPED, tiled_decode=True),
    Tier(placement=Placement.LEAN, tiled_decode=True),
)
_UNTILED = tuple(replace(tier, tiled_decode=False) for tier in TIERS if tier != TIERS[2])
_T5_XXL = 4762.3
_UMT5_XXL = 5680.9
_CLIP_H_VISION = 632.1


IMAGE_RECIPES: Mapping[str, ImageRecipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            ImageRecipe(
                name="sdxl-turbo",
                pipeline="StableDiffusionXLPipeline",
                repo="stabilityai/sdxl-turbo",
                parameters={"unet": 2567.5, "text_encoder": 123.1, "text_encoder_2": 694.7, "vae": 83.7},
                decode=Work(volume=4096),
                dtype="float16",
                steps=4,
                guidance=0.0,
                license=_STABILITY,
            ),
            ImageRecipe(
                name="sd-turbo",
                pipeline="StableDiffusionPipeline",
                repo="stabilityai/sd-turbo",
                parameters={"unet": 865.9, "text_encoder": 340.4, "vae": 83.7},
                decode=Work(volume=4096),
                dtype="float16",
                steps=4,
                guidance=0.0,
                license=_STABILITY,
            ),
            ImageRecipe(
                name="sdxl",
                pipeline="StableDiffusionXLPipeline",
                repo="stabilityai/stable-diffusion-xl-base-1.0",
                parameters={"unet": 2567.5, "text_encoder": 123.1, "text_encoder_2": 694.7, "vae": 83.7},
                decode=Work(volume=4096),
                dtype="float16",
                steps=30,
                guidance=5.0,
                license="CreativeML Open RAIL++-M",
                honours_negative_prompt=True,
            ),
            ImageRecipe(
                name="flux-schnell",
                pipeline="FluxPipeline",
                repo="black-forest-labs/FLUX.1-schnell",
                prompt_tokens=512,
                parameters={"transformer": 11_891.2, "text_encoder": 123.1, "text_encoder_2": _T5_XXL, "vae": 83.8},
                decode=Work(volume=4096),
                dtype="bfloat16",
                steps=4,
                guidance=0.0,
                license="Apache-2.0",
            ),
            ImageRecipe(
                name="z-image-turbo",
                pipeline="ZImagePipeline",
                repo="Tongyi-MAI/Z-Image-Turbo",
                prompt_tokens=512,
                parameters={"transformer": 6154.9, "text_encoder": 4022.5, "vae": 83.8},
                decode=Work(volume=4096),
                dtype="bfloat16",
                steps=8,
                guidance=0.0,
                license="Apache-2.0",
            ),
        )
    }
)

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
_TEXT_ARGUMENTS = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "width": "width",
    "height": "height",
    "num_frames": "num_frames",
    "num_inference_steps": "num_inference_steps",
    "guidance_scale": "guidance_scale",
}
_IMAGE_ARGUMENTS = {**_TEXT_ARGUMENTS, "image": "image"}


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
    license=_STABILITY,
    parameters={"unet": 1524.6, "vae": 97.7, "image_encoder": _CLIP_H_VISION},
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

_WAN_LEVERS = frozenset({"compile", "attention_priority", "first_block_cache", "fp8"})

WAN = Recipe(
    name="wan",
    title="Wan 2.1 1.3B",
    description="Text to video, small enough for an 8 GB card with offloading.",
    repo="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    variants=(Variant(task=Task.TEXT_TO_VIDEO, pipeline="WanPipeline", arguments=_TEXT_ARGUMENTS),),
    dtype="bfloat16",
    component_dtypes={"vae": "float32"},
    license="Apache-2.0",
    parameters={"transformer": 1419.0, "text_encoder": _UMT5_XXL, "vae": 126.9},
    denoise=Work(fixed=19 * MIB, pixel=144, volume=48),
    decode=Work(fixed=4 * MIB, pixel=19_449, volume=12.3),
    tiers=TIERS,
    width=832,
    height=480,
    prompt_tokens=512,
    frames=81,
    fps=16,
    steps=50,
    guidance=5.0,
    max_side=1280,
    max_pixels=1280 * 720,
    max_frames=121,
    side_multiple=16,
    frame_rule=FrameRule(step=4, offset=1),
    latent_space=LatentSpace.STANDARDISED,
    resumes=True,
    loras=True,
    levers=_WAN_LEVERS,
)

WAN_IMAGE = replace(
    WAN,
    name="wan-i2v",
    title="Wan 2.1 14B image to video",
    description="Animates an image along a prompt.",
    repo="Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",
    variants=(Variant(task=Task.IMAGE_TO_VIDEO, pipeline="WanImageToVideoPipeline", arguments=_IMAGE_ARGUMENTS),),
    component_dtypes={"vae": "float32", "image_encoder": "float32"},
    parameters={"transformer": 16_394.9, "text_encoder": _UMT5_XXL, "vae": 126.9, "image_encoder": _CLIP_H_VISION},
    denoise=Work(fixed=50 * MIB, pixel=333, volume=111),
)

WAN_5B = replace(
    WAN,
    name="wan-5b",
    title="Wan 2.2 5B",
    description="Text or image to video at 24 frames a second.",
    repo="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
    variants=(*WAN.variants, *WAN_IMAGE.variants),
    parameters={"transformer": 4999.8, "text_encoder": _UMT5_XXL, "vae": 704.7},
    denoise=Work(fixed=32 * MIB, pixel=61, volume=20.3),
    decode=Work(fixed=10 * MIB, pixel=21_491, volume=12.2),
    width=1280,
    height=704,
    frames=121,
    fps=24,
    side_multiple=32,
)

WAN_14B = replace(
    WAN,
    name="wan-14b",
    title="Wan 2.2 A14B",
    description="Text to video with two experts, for an 80 GB card.",
    repo="Wan-AI/Wan2.2-T2V-A14B-Diffusers",
    parameters={"transformer": 14_288.5, "transformer_2": 14_288.5, "text_encoder": _UMT5_XXL, "vae": 126.9},
    denoise=Work(fixed=50 * MIB, pixel=333, volume=111),
    steps=40,
    guidance=4.0,
)

_LTX_ARGUMENTS = {**_TEXT_ARGUMENTS, "fps": "frame_rate"}

LTX = Recipe(
    name="ltx",
    title="LTX-Video",
    description="Fast text or image to video for a 12 GB card.",
    repo="Lightricks/LTX-Video",
    variants=(
        Variant(task=Task.TEXT_TO_VIDEO, pipeline="LTXPipeline", arguments=_LTX_ARGUMENTS),
        Variant(
            task=Task.IMAGE_TO_VIDEO,
            pipeline="LTXImageToVideoPipeline",
            arguments={**_LTX_ARGUMENTS, "image": "image"},
        ),
    ),
    dtype="bfloat16",
    license="LTX-Video Open Weights License: commercial use above its revenue limit needs a licence from Lightricks",
    parameters={"transformer": 1923.4, "text_encoder": _T5_XXL, "vae": 419.2},
    denoise=Work(fixed=12 * MIB, pixel=113, volume=16.1),
    decode=Work(pixel=21, volume=100),
    tile=512,
    tiers=TIERS,
    width=704,
    height=480,
    prompt_tokens=128,
    frames=97,
    fps=24,
    steps=40,
    guidance=3.0,
    max_side=1280,
    max_pixels=1280 * 736,
    max_frames=257,
    side_multiple=32,
    frame_rule=FrameRule(step=8, offset=1),
    latent_space=LatentSpace.STANDARDISED_SCALED,
    latent_axes=LatentAxes.PACKED,
    resumes=True,
    loras=True,
    levers=frozenset({"compile", "attention_priority", "first_block_cache", "fp8"}),
)

COGVIDEOX = Recipe(
    name="cogvideox",
    title="CogVideoX 2B",
    description="Text to video, 8 frames a second.",
    repo="THUDM/CogVideoX-2b",
    variants=(Variant(task=Task.TEXT_TO_VIDEO, pipeline="CogVideoXPipeline", arguments=_TEXT_ARGUMENTS),),
    dtype="float16",
    license="Apache-2.0",
    parameters={"transformer": 1693.8, "text_encoder": _T5_XXL, "vae": 215.6},
    denoise=Work(fixed=26 * MIB, pixel=271, volume=90.3),
    decode=Work(pixel=45_780, volume=0.2),
    tile=300,
    tiers=TIERS,
    width=720,
    height=480,
    prompt_tokens=226,
    frames=49,
    fps=8,
    steps=50,
    guidance=6.0,
    max_side=720,
    max_pixels=720 * 480,
    max_frames=49,
    side_multiple=16,
    frame_rule=FrameRule(step=4, offset=1),
    latent_axes=LatentAxes.FRAMES_FIRST,
    resumes=True,
    loras=True,
    levers=frozenset({"compile", "attention_priority", "first_block_cache", "fp8"}),
)

COGVIDEOX_IMAGE = replace(
    COGVIDEOX,
    name="cogvideox-i2v",
    title="CogVideoX 5B image to video",
    description="Animates an image along a prompt, 8 frames a second.",
    repo="THUDM/CogVideoX-5b-I2V",
    variants=(Variant(task=Task.IMAGE_TO_VIDEO, pipeline="CogVideoXImageToVideoPipeline", arguments=_IMAGE_ARGUMENTS),),
    dtype="bfloat16",
    license="CogVideoX License: commercial use needs a registration with its makers",
    parameters={"transformer": 5570.5, "text_encoder": _T5_XXL, "vae": 215.6},
    denoise=Work(fixed=39 * MIB, pixel=434, volume=145),
    # Its scheduler (CogVideoXDPM) hands a tensor of its own from step to step inside the pipeline's loop.
    resumes=False,
    levers=COGVIDEOX.levers - {"first_block_cache"},
)

ANIMATEDIFF = Recipe(
    name="animatediff",
    title="AnimateDiff",
    description="Stable Diffusion 1.5 with a motion module: short loops on a small card.",
    repo="stable-diffusion-v1-5/stable-diffusion-v1-5",
    variants=(
        Variant(
            task=Task.TEXT_TO_VIDEO,
            pipeline="AnimateDiffPipeline",
            arguments=_TEXT_ARGUMENTS,
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
    max_side=768,
    max_pixels=768 * 768,
    max_frames=32,
    side_multiple=8,
    resumes=True,
    loras=True,
    levers=frozenset({"channels_last", "compile", "compiled_decoder", "attention_priority"}),
)

GENERIC = Recipe(
    name="generic",
    title="A diffusers video pipeline",
    description="Any text- or image-to-video pipeline of diffusers, by folder or Hub id.",
    repo="",
    variants=(
        Variant(task=Task.TEXT_TO_VIDEO, pipeline="", arguments={**_TEXT_ARGUMENTS, "fps": "fps"}),
        Variant(task=Task.IMAGE_TO_VIDEO, pipeline="", arguments={**_IMAGE_ARGUMENTS, "fps": "fps"}),
    ),
    dtype="bfloat16",
    license="see the model's own page",
    parameters={},
    denoise=Work(pixel=333, volume=111),
    decode=Work(pixel=21_491, volume=100),
    tiers=_UNTILED,
    width=512,
    height=512,
    frames=25,
    fps=12,
    steps=30,
    guidance=5.0,
    max_side=1920,
    max_pixels=1920 * 1088,
    max_frames=257,
    side_multiple=32,
    frame_rule=FrameRule(step=8, offset=1),
    latent_axes=None,
    # Some pipelines copy their scheduler or keep state in the loop; a pipeline that nobody measured starts again at 0.
    resumes=False,
)

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            SVD,
            WAN,
            WAN_IMAGE,
            WAN_5B,
            WAN_14B,
            LTX,
            COGVIDEOX,
            COGVIDEOX_IMAGE,
            ANIMATEDIFF,
            GENERIC,
        )
    }
)
