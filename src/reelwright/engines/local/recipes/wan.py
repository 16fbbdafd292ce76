"""Wan 2.1 and 2.2, and SkyReels V2, which is built on Wan 2.1."""

from __future__ import annotations

from dataclasses import replace

from reelwright.engines.local.recipe import FrameRule, LatentSpace, Recipe, Sampler, Variant, Work
from reelwright.engines.local.recipes.shared import (
    BLOCK_LEVERS,
    CLIP_H_VISION,
    IMAGE_ARGUMENTS,
    MIB,
    TEXT_ARGUMENTS,
    TIERS,
    UMT5_XXL,
)
from reelwright.video import Task

_480P = 832 * 480
_720P = 1280 * 720

NEGATIVE = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，"
    "丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，"
    "静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走"
)
"""`sample_neg_prompt` of wan/configs/shared_config.py (github.com/Wan-Video/Wan2.2), which Wan was tuned with."""

NEGATIVE_ENGLISH = (
    "Bright tones, overexposed, static, blurred details, subtitles, style, works, paintings, images, static, "
    "overall gray, worst quality, low quality, JPEG compression residue, ugly, incomplete, extra fingers, "
    "poorly drawn hands, poorly drawn faces, deformed, disfigured, misshapen limbs, fused fingers, still picture, "
    "messy background, three legs, many people in the background, walking backwards"
)
"""The same in English, as SkyReels V2's generate_video.py has it."""

BY_SIZE = Sampler(shifts=((_480P, 3.0), (_720P, 5.0)))
"""3.0 for 480p, 5.0 for 720p: diffusers' example of `WanPipeline`."""

PARAMETERS_14B = {"transformer": 14_288.5, "text_encoder": UMT5_XXL, "vae": 126.9}
DENOISE_14B = Work(fixed=50 * MIB, pixel=333, volume=111)

WAN = Recipe(
    name="wan",
    title="Wan 2.1 1.3B",
    description="Text to video, small enough for an 8 GB card with offloading.",
    repo="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    variants=(Variant(task=Task.TEXT_TO_VIDEO, pipeline="WanPipeline", arguments=TEXT_ARGUMENTS),),
    dtype="bfloat16",
    component_dtypes={"vae": "float32"},
    license="Apache-2.0",
    parameters={"transformer": 1419.0, "text_encoder": UMT5_XXL, "vae": 126.9},
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
    negative_prompt=NEGATIVE,
    sampler=BY_SIZE,
    max_side=1280,
    max_pixels=_720P,
    max_frames=121,
    side_multiple=16,
    frame_rule=FrameRule(step=4, offset=1),
    latent_space=LatentSpace.STANDARDISED,
    resumes=True,
    loras=True,
    levers=BLOCK_LEVERS,
)

WAN_21_14B = replace(
    WAN,
    name="wan-2.1-14b",
    title="Wan 2.1 14B",
    description="Text to video.",
    repo="Wan-AI/Wan2.1-T2V-14B-Diffusers",
    parameters=PARAMETERS_14B,
    denoise=DENOISE_14B,
)

WAN_IMAGE = replace(
    WAN_21_14B,
    name="wan-i2v",
    title="Wan 2.1 14B image to video",
    description="Animates an image along a prompt.",
    repo="Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",
    variants=(Variant(task=Task.IMAGE_TO_VIDEO, pipeline="WanImageToVideoPipeline", arguments=IMAGE_ARGUMENTS),),
    component_dtypes={"vae": "float32", "image_encoder": "float32"},
    parameters={**PARAMETERS_14B, "transformer": 16_394.9, "image_encoder": CLIP_H_VISION},
)

# Its own shift, 16, lies with its weights; 5.5 is diffusers' example of it.
WAN_FIRST_LAST = replace(
    WAN_IMAGE,
    name="wan-flf2v",
    title="Wan 2.1 14B first and last frame",
    description="Moves from a first image to a last one along a prompt; without a last one back to the first.",
    repo="Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers",
    variants=(
        Variant(
            task=Task.IMAGE_TO_VIDEO,
            pipeline="WanImageToVideoPipeline",
            arguments={**IMAGE_ARGUMENTS, "last_image": "last_image"},
            closes=True,
        ),
    ),
    parameters={**WAN_IMAGE.parameters, "transformer": 16_395.5},
    guidance=5.5,
    sampler=Sampler(),
    width=1280,
    height=720,
)

WAN_VACE = replace(
    WAN,
    name="wan-vace",
    title="Wan 2.1 VACE 1.3B",
    description="Text to video, with a first image, a last one, or both.",
    repo="Wan-AI/Wan2.1-VACE-1.3B-diffusers",
    variants=(
        Variant(
            task=Task.TEXT_TO_VIDEO,
            pipeline="WanVACEPipeline",
            arguments={**TEXT_ARGUMENTS, "last_image": "last_image"},
            keyframes=True,
        ),
        Variant(
            task=Task.IMAGE_TO_VIDEO,
            pipeline="WanVACEPipeline",
            arguments={**IMAGE_ARGUMENTS, "last_image": "last_image"},
            keyframes=True,
        ),
    ),
    parameters={**WAN.parameters, "transformer": 2154.0},
    denoise=Work(fixed=19 * MIB, pixel=162, volume=54),
    steps=30,
)

WAN_VACE_14B = replace(
    WAN_VACE,
    name="wan-vace-14b",
    title="Wan 2.1 VACE 14B",
    repo="Wan-AI/Wan2.1-VACE-14B-diffusers",
    parameters={**PARAMETERS_14B, "transformer": 17_337.6},
    denoise=DENOISE_14B,
)

# The shift of 5 lies with the weights.
WAN_5B = replace(
    WAN,
    name="wan-5b",
    title="Wan 2.2 5B",
    description="Text or image to video at 24 frames a second.",
    repo="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
    variants=(*WAN.variants, *WAN_IMAGE.variants),
    parameters={"transformer": 4999.8, "text_encoder": UMT5_XXL, "vae": 704.7},
    denoise=Work(fixed=32 * MIB, pixel=61, volume=20.3),
    decode=Work(fixed=10 * MIB, pixel=21_491, volume=12.2),
    sampler=Sampler(),
    width=1280,
    height=704,
    frames=121,
    fps=24,
    side_multiple=32,
)

# Shift, steps and both guidances: wan/configs/wan_t2v_A14B.py and wan_i2v_A14B.py (github.com/Wan-Video/Wan2.2), where
# the first number of `sample_guide_scale` is that of the low-noise expert.
WAN_14B = replace(
    WAN_21_14B,
    name="wan-14b",
    title="Wan 2.2 A14B",
    description="Text to video with two experts.",
    repo="Wan-AI/Wan2.2-T2V-A14B-Diffusers",
    variants=(
        Variant(
            task=Task.TEXT_TO_VIDEO,
            pipeline="WanPipeline",
            arguments={**TEXT_ARGUMENTS, "guidance_scale_2": "guidance_scale_2"},
        ),
    ),
    parameters={**PARAMETERS_14B, "transformer_2": 14_288.5},
    steps=40,
    guidance=4.0,
    guidance_2=3.0,
    sampler=Sampler(shifts=((_720P, 12.0),)),
)

WAN_14B_IMAGE = replace(
    WAN_14B,
    name="wan-14b-i2v",
    title="Wan 2.2 A14B image to video",
    description="Animates an image along a prompt, with two experts.",
    repo="Wan-AI/Wan2.2-I2V-A14B-Diffusers",
    variants=(
        Variant(
            task=Task.IMAGE_TO_VIDEO,
            pipeline="WanImageToVideoPipeline",
            arguments={**IMAGE_ARGUMENTS, "guidance_scale_2": "guidance_scale_2"},
        ),
    ),
    parameters={**PARAMETERS_14B, "transformer": 14_288.9, "transformer_2": 14_288.9},
    guidance=3.5,
    guidance_2=3.5,
    sampler=Sampler(shifts=((_720P, 5.0),)),
)

# Sizes, guidance and shift: diffusers' examples of `SkyReelsV2Pipeline` and `SkyReelsV2ImageToVideoPipeline`.
SKYREELS = replace(
    WAN_21_14B,
    name="skyreels",
    title="SkyReels V2 14B",
    description="Text to video in the manner of films, at 24 frames a second.",
    repo="Skywork/SkyReels-V2-T2V-14B-540P-Diffusers",
    variants=(Variant(task=Task.TEXT_TO_VIDEO, pipeline="SkyReelsV2Pipeline", arguments=TEXT_ARGUMENTS),),
    license="Skywork Community License",
    width=960,
    height=544,
    frames=97,
    fps=24,
    guidance=6.0,
    negative_prompt=NEGATIVE_ENGLISH,
    sampler=Sampler(shifts=((_720P, 8.0),)),
)

SKYREELS_IMAGE = replace(
    SKYREELS,
    name="skyreels-i2v",
    title="SkyReels V2 1.3B image to video",
    description="Animates an image along a prompt, at 24 frames a second.",
    repo="Skywork/SkyReels-V2-I2V-1.3B-540P-Diffusers",
    variants=(Variant(task=Task.IMAGE_TO_VIDEO, pipeline="SkyReelsV2ImageToVideoPipeline", arguments=IMAGE_ARGUMENTS),),
    component_dtypes=WAN_IMAGE.component_dtypes,
    parameters={**WAN.parameters, "transformer": 1564.4, "image_encoder": CLIP_H_VISION},
    denoise=WAN.denoise,
    guidance=5.0,
    sampler=Sampler(shifts=((_720P, 5.0),)),
)
