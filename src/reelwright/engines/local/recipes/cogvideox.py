"""CogVideoX."""

from __future__ import annotations

from dataclasses import replace

from reelwright.engines.local.recipe import FrameRule, LatentAxes, Recipe, Sampler, Variant, Work
from reelwright.engines.local.recipes.shared import BLOCK_LEVERS, IMAGE_ARGUMENTS, MIB, T5_XXL, TEXT_ARGUMENTS, TIERS
from reelwright.video import Task

# inference/cli_demo.py of github.com/THUDM/CogVideo: DDIM for the 2B model, DPM and dynamic guidance for the 5B ones,
# with trailing steps, which the repositories' own scheduler files do not have.
_TRAILING = Sampler(changes={"timestep_spacing": "trailing"})

COGVIDEOX = Recipe(
    name="cogvideox",
    title="CogVideoX 2B",
    description="Text to video, 8 frames a second.",
    repo="THUDM/CogVideoX-2b",
    variants=(Variant(task=Task.TEXT_TO_VIDEO, pipeline="CogVideoXPipeline", arguments=TEXT_ARGUMENTS),),
    dtype="float16",
    license="Apache-2.0",
    parameters={"transformer": 1693.8, "text_encoder": T5_XXL, "vae": 215.6},
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
    sampler=_TRAILING,
    max_side=720,
    max_pixels=720 * 480,
    max_frames=49,
    side_multiple=16,
    frame_rule=FrameRule(step=4, offset=1),
    latent_axes=LatentAxes.FRAMES_FIRST,
    resumes=True,
    loras=True,
    levers=BLOCK_LEVERS,
)

COGVIDEOX_IMAGE = replace(
    COGVIDEOX,
    name="cogvideox-i2v",
    title="CogVideoX 5B image to video",
    description="Animates an image along a prompt, 8 frames a second.",
    repo="THUDM/CogVideoX-5b-I2V",
    variants=(
        Variant(
            task=Task.IMAGE_TO_VIDEO,
            pipeline="CogVideoXImageToVideoPipeline",
            arguments=IMAGE_ARGUMENTS,
            fixed={"use_dynamic_cfg": True},
        ),
    ),
    dtype="bfloat16",
    license="CogVideoX License: commercial use needs a registration with its makers",
    parameters={"transformer": 5570.5, "text_encoder": T5_XXL, "vae": 215.6},
    denoise=Work(fixed=39 * MIB, pixel=434, volume=145),
    sampler=replace(_TRAILING, kind="CogVideoXDPMScheduler"),
    # Its place embeddings were learned for this size, and the pipeline refuses any other.
    sizes=((720, 480),),
    # Its scheduler (CogVideoXDPM) hands a tensor of its own from step to step inside the pipeline's loop.
    resumes=False,
    levers=COGVIDEOX.levers - {"first_block_cache"},
)
