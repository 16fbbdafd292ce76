"""The text → image stages that stand before a pipeline which animates an image."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reelwright.engines.local.recipe import ImageRecipe, Work
from reelwright.engines.local.recipes.shared import STABILITY, T5_XXL

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
                license=STABILITY,
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
                license=STABILITY,
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
                parameters={"transformer": 11_891.2, "text_encoder": 123.1, "text_encoder_2": T5_XXL, "vae": 83.8},
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
