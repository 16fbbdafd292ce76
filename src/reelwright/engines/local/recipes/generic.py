"""Any video pipeline of diffusers that no recipe names."""

from __future__ import annotations

from reelwright.engines.local.recipe import FrameRule, Recipe, Variant, Work
from reelwright.engines.local.recipes.shared import IMAGE_ARGUMENTS, TEXT_ARGUMENTS, UNTILED
from reelwright.video import Task

GENERIC = Recipe(
    name="generic",
    title="A diffusers video pipeline",
    description="Any text- or image-to-video pipeline of diffusers, by folder or Hub id.",
    repo="",
    variants=(
        Variant(task=Task.TEXT_TO_VIDEO, pipeline="", arguments={**TEXT_ARGUMENTS, "fps": "fps"}),
        Variant(task=Task.IMAGE_TO_VIDEO, pipeline="", arguments={**IMAGE_ARGUMENTS, "fps": "fps"}),
    ),
    dtype="bfloat16",
    license="see the model's own page",
    parameters={},
    denoise=Work(pixel=333, volume=111),
    decode=Work(pixel=21_491, volume=100),
    tiers=UNTILED,
    width=512,
    height=512,
    frames=25,
    fps=12,
    # A guess, for progress until the pipeline has set its schedule; see `left_out`.
    steps=30,
    guidance=5.0,
    left_out=frozenset({"steps", "guidance"}),
    max_side=1920,
    max_pixels=1920 * 1088,
    max_frames=257,
    side_multiple=32,
    frame_rule=FrameRule(step=8, offset=1),
    latent_axes=None,
    # Some pipelines copy their scheduler or keep state in the loop; a pipeline that nobody measured starts again at 0.
    resumes=False,
)
