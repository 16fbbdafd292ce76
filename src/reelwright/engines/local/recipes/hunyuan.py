"""HunyuanVideo 1.5, of Tencent. Its guidance is a component of the pipeline, not an argument."""

from __future__ import annotations

from dataclasses import replace

from reelwright.engines.local.recipe import FrameRule, Recipe, Variant, Work
from reelwright.engines.local.recipes.shared import BLOCK_LEVERS, MIB, TEXT_ARGUMENTS, TIERS
from reelwright.video import Task

_TEXT = {**TEXT_ARGUMENTS, "guidance_scale": "guider.guidance_scale"}
_IMAGE = {name: argument for name, argument in _TEXT.items() if name not in ("width", "height")} | {"image": "image"}
_COMMUNITY = "hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_"

# The shift lies with the weights: 5 for these, 7 for the step-distilled one.
HUNYUAN = Recipe(
    name="hunyuan",
    title="HunyuanVideo 1.5 480p",
    description="Text to video at 24 frames a second.",
    repo=f"{_COMMUNITY}t2v",
    variants=(Variant(task=Task.TEXT_TO_VIDEO, pipeline="HunyuanVideo15Pipeline", arguments=_TEXT),),
    dtype="bfloat16",
    license="Tencent Hunyuan Community License: not for use in the EU, the United Kingdom and South Korea",
    parameters={"transformer": 8326.6, "text_encoder": 7070.6, "text_encoder_2": 219.3, "vae": 1260.6},
    # Not measured: as Wan's 14B network, which is wider, and its decoder.
    denoise=Work(fixed=50 * MIB, pixel=333, volume=111),
    decode=Work(fixed=10 * MIB, pixel=21_491, volume=100),
    tiers=TIERS,
    width=848,
    height=480,
    # What its tokenizer is asked for, beside the template.
    prompt_tokens=1000,
    frames=121,
    fps=24,
    steps=50,
    guidance=6.0,
    max_side=1280,
    max_pixels=1280 * 720,
    max_frames=129,
    side_multiple=16,
    frame_rule=FrameRule(step=4, offset=1),
    # No callback tells the pipeline's latents after a step.
    resumes=False,
    levers=BLOCK_LEVERS - {"first_block_cache"},
)

HUNYUAN_IMAGE = replace(
    HUNYUAN,
    name="hunyuan-i2v",
    title="HunyuanVideo 1.5 480p image to video",
    description="Animates an image along a prompt, at 24 frames a second.",
    repo=f"{_COMMUNITY}i2v",
    variants=(Variant(task=Task.IMAGE_TO_VIDEO, pipeline="HunyuanVideo15ImageToVideoPipeline", arguments=_IMAGE),),
    parameters={**HUNYUAN.parameters, "image_encoder": 428.2},
)

HUNYUAN_IMAGE_FAST = replace(
    HUNYUAN_IMAGE,
    name="hunyuan-i2v-8step",
    title="HunyuanVideo 1.5 480p image to video in 8 steps",
    description="Animates an image along a prompt, distilled to 8 steps.",
    repo=f"{_COMMUNITY}i2v_step_distilled",
    parameters={**HUNYUAN_IMAGE.parameters, "transformer": 8331.3},
    steps=8,
    max_steps=16,
    guidance=1.0,
)
