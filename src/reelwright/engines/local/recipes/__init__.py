"""The built-in recipes: the families this engine knows, as data, a file a family. `recipe.py` has the words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reelwright.engines.local.recipe import Recipe
from reelwright.engines.local.recipes.animatediff import ANIMATEDIFF, ANIMATELCM
from reelwright.engines.local.recipes.cogvideox import COGVIDEOX, COGVIDEOX_IMAGE
from reelwright.engines.local.recipes.few_steps import (
    WAN_14B_FAST,
    WAN_14B_IMAGE_FAST,
    WAN_21_14B_FAST,
    WAN_IMAGE_FAST,
)
from reelwright.engines.local.recipes.generic import GENERIC
from reelwright.engines.local.recipes.hunyuan import HUNYUAN, HUNYUAN_IMAGE, HUNYUAN_IMAGE_FAST
from reelwright.engines.local.recipes.images import IMAGE_RECIPES
from reelwright.engines.local.recipes.ltx import LTX, LTX_2, LTX_2_FAST
from reelwright.engines.local.recipes.mochi import MOCHI
from reelwright.engines.local.recipes.shared import TIERS
from reelwright.engines.local.recipes.svd import SVD
from reelwright.engines.local.recipes.wan import (
    SKYREELS,
    SKYREELS_IMAGE,
    WAN,
    WAN_5B,
    WAN_14B,
    WAN_14B_IMAGE,
    WAN_21_14B,
    WAN_FIRST_LAST,
    WAN_IMAGE,
    WAN_VACE,
    WAN_VACE_14B,
)

__all__ = ["GENERIC", "IMAGE_RECIPES", "RECIPES", "TIERS"]

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            SVD,
            WAN,
            WAN_IMAGE,
            WAN_5B,
            WAN_14B,
            WAN_14B_IMAGE,
            WAN_14B_FAST,
            WAN_14B_IMAGE_FAST,
            WAN_21_14B,
            WAN_21_14B_FAST,
            WAN_IMAGE_FAST,
            WAN_FIRST_LAST,
            WAN_VACE,
            WAN_VACE_14B,
            LTX,
            LTX_2,
            LTX_2_FAST,
            HUNYUAN,
            HUNYUAN_IMAGE,
            HUNYUAN_IMAGE_FAST,
            SKYREELS,
            SKYREELS_IMAGE,
            MOCHI,
            COGVIDEOX,
            COGVIDEOX_IMAGE,
            ANIMATEDIFF,
            ANIMATELCM,
            GENERIC,
        )
    }
)
