"""Distilled models: four to sixteen steps without guidance, so that a run takes a tenth of the time.

The weights of LightX2V are LoRAs over Wan's own. They were distilled for even steps of plain first order, shift 5
(`denoising_step_list` 1000, 750, 500, 250 in github.com/ModelTC/LightX2V): UniPC of order 1 without its corrector is
that, and keeps Wan's time grid.
"""

from __future__ import annotations

from dataclasses import replace

from reelwright.engines.local.recipe import Adapter, Expert, Recipe, Sampler
from reelwright.engines.local.recipes.wan import WAN_14B, WAN_14B_IMAGE, WAN_21_14B, WAN_IMAGE

STEPS = 4
_EVEN = Sampler(
    changes={"solver_order": 1, "disable_corrector": list(range(STEPS * 4))},
    shifts=((1280 * 720, 5.0),),
)
_WAN_21 = "lightx2v/Wan2.1-Distill-Loras"
_WAN_22 = "lightx2v/Wan2.2-Lightning"


def _distilled(recipe: Recipe, *adapters: Adapter) -> Recipe:
    return replace(
        recipe,
        name=f"{recipe.name}-4step",
        title=f"{recipe.title} in 4 steps",
        description=f"{recipe.description[:-1]}, distilled to 4 steps: ten times as fast.",
        steps=STEPS,
        max_steps=8,
        guidance=1.0,
        guidance_2=None,
        negative_prompt=None,
        sampler=_EVEN,
        adapters=adapters,
        license=f"{recipe.license} (the model and the LoRA)",
    )


def _pair(folder: str) -> tuple[Adapter, Adapter]:
    return (
        Adapter(repo=_WAN_22, file=f"{folder}/high_noise_model.safetensors", expert=Expert.HIGH),
        Adapter(repo=_WAN_22, file=f"{folder}/low_noise_model.safetensors", expert=Expert.LOW),
    )


WAN_21_14B_FAST = _distilled(
    WAN_21_14B, Adapter(repo=_WAN_21, file="wan2.1_t2v_14b_lora_rank64_lightx2v_4step.safetensors")
)
WAN_IMAGE_FAST = _distilled(WAN_IMAGE, Adapter(repo=_WAN_21, file="wan2.1_i2v_lora_rank64_lightx2v_4step.safetensors"))
WAN_14B_FAST = _distilled(WAN_14B, *_pair("Wan2.2-T2V-A14B-4steps-lora-rank64-Seko-V1.1"))
WAN_14B_IMAGE_FAST = _distilled(WAN_14B_IMAGE, *_pair("Wan2.2-I2V-A14B-4steps-lora-rank64-Seko-V1"))
