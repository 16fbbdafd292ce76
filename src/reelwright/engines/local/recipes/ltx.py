"""LTX-Video and LTX-2, of Lightricks."""

from __future__ import annotations

from dataclasses import replace

from reelwright.engines.local.recipe import FrameRule, LatentAxes, LatentSpace, Recipe, Sampler, Variant, Work
from reelwright.engines.local.recipes.shared import BLOCK_LEVERS, MIB, T5_XXL, TEXT_ARGUMENTS, TIERS
from reelwright.video import Task

NEGATIVE = "worst quality, inconsistent motion, blurry, jittery, distorted"
"""Of diffusers' examples of `LTXPipeline` and `LTX2Pipeline`."""

_ARGUMENTS = {**TEXT_ARGUMENTS, "fps": "frame_rate"}
_DECODING = {"decode_timestep": 0.05, "decode_noise_scale": 0.025}
"""diffusers' page on LTX-Video; they act where the VAE does the last step (0.9.1 and later)."""

LTX = Recipe(
    name="ltx",
    title="LTX-Video",
    description="Fast text or image to video for a 12 GB card.",
    repo="Lightricks/LTX-Video",
    variants=(
        Variant(task=Task.TEXT_TO_VIDEO, pipeline="LTXPipeline", arguments=_ARGUMENTS, fixed=_DECODING),
        Variant(
            task=Task.IMAGE_TO_VIDEO,
            pipeline="LTXImageToVideoPipeline",
            arguments={**_ARGUMENTS, "image": "image"},
            fixed=_DECODING,
        ),
    ),
    dtype="bfloat16",
    license="LTX-Video Open Weights License: commercial use above its revenue limit needs a licence from Lightricks",
    parameters={"transformer": 1923.4, "text_encoder": T5_XXL, "vae": 419.2},
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
    # "Should be set higher, like 5.0": diffusers' page on LTX-Video.
    guidance=5.0,
    negative_prompt=NEGATIVE,
    max_side=1280,
    max_pixels=1280 * 736,
    max_frames=257,
    side_multiple=32,
    frame_rule=FrameRule(step=8, offset=1),
    latent_space=LatentSpace.STANDARDISED_SCALED,
    latent_axes=LatentAxes.PACKED,
    resumes=True,
    loras=True,
    levers=BLOCK_LEVERS,
)

LTX_2 = replace(
    LTX,
    name="ltx-2",
    title="LTX-2 19B",
    description="Text or image to video with sound.",
    repo="Lightricks/LTX-2",
    variants=(
        Variant(
            task=Task.TEXT_TO_VIDEO,
            pipeline="LTX2Pipeline",
            arguments=_ARGUMENTS,
            # What diffusers' `LTX2Pipeline.__call__` says of LTX-2.0; its own defaults are those of LTX-2.3.
            fixed={"spatio_temporal_guidance_blocks": [29], "use_cross_timestep": False},
        ),
        Variant(
            task=Task.IMAGE_TO_VIDEO,
            pipeline="LTX2ImageToVideoPipeline",
            arguments={**_ARGUMENTS, "image": "image"},
            fixed={"spatio_temporal_guidance_blocks": [29], "use_cross_timestep": False},
        ),
    ),
    license="LTX-2 Community License: commercial use above its revenue limit needs a licence from Lightricks",
    parameters={
        "transformer": 18_876.2,
        "text_encoder": 12_187.3,
        "connectors": 1431.5,
        "vae": 1222.5,
        "audio_vae": 53.2,
        "vocoder": 55.6,
    },
    denoise=Work(fixed=66 * MIB, pixel=224, volume=36.3),
    decode=Work(fixed=12 * MIB, pixel=70, volume=84.5),
    width=768,
    height=512,
    prompt_tokens=1024,
    sound_rate="vocoder.config.output_sampling_rate",
    frames=121,
    guidance=4.0,
    max_side=1920,
    max_pixels=1920 * 1088,
    # The pipeline copies its scheduler for the sound, whose state no checkpoint has.
    resumes=False,
    levers=BLOCK_LEVERS - {"first_block_cache"},
)

_UNGUIDED = {
    # `DISTILLED_SIGMA_VALUES` of diffusers' pipelines/ltx2/utils.py.
    "sigmas": [1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875],
    "stg_scale": 0.0,
    "modality_scale": 1.0,
    "guidance_rescale": 0.0,
    "audio_guidance_scale": 1.0,
    "audio_stg_scale": 0.0,
    "audio_modality_scale": 1.0,
    "audio_guidance_rescale": 0.0,
}
# The schedule is fixed, and without guidance a negative prompt does nothing.
_OWN_STEPS = {
    name: argument for name, argument in _ARGUMENTS.items() if name not in ("num_inference_steps", "negative_prompt")
}

LTX_2_FAST = replace(
    LTX_2,
    name="ltx-2.3-8step",
    title="LTX-2.3 22B in 8 steps",
    description="Text or image to video with sound, distilled to 8 steps.",
    repo="diffusers/LTX-2.3-Distilled-Diffusers",
    variants=(
        Variant(task=Task.TEXT_TO_VIDEO, pipeline="LTX2Pipeline", arguments=_OWN_STEPS, fixed=_UNGUIDED),
        Variant(
            task=Task.IMAGE_TO_VIDEO,
            pipeline="LTX2ImageToVideoPipeline",
            arguments={**_OWN_STEPS, "image": "image"},
            fixed=_UNGUIDED,
        ),
    ),
    parameters={
        "transformer": 18_988.8,
        "text_encoder": 12_187.3,
        "connectors": 3172.2,
        "vae": 1101.3,
        "audio_vae": 53.2,
        "vocoder": 128.5,
    },
    steps=8,
    guidance=1.0,
    negative_prompt=None,
    # The sigmas as they are: diffusers' page on LTX-2.
    sampler=Sampler(changes={"use_dynamic_shifting": False, "shift_terminal": None}),
)
