"""Asking a pipeline that no recipe knows: by what its signature and its parts say of themselves."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from reelwright.engines.local.plan import Plan
from reelwright.engines.local.recipe import FrameRule
from reelwright.engines.local.recipes import GENERIC
from reelwright.errors import Code, EngineError

_OTHER_NAMES = {"fps": "frame_rate", "num_frames": "frames"}
_RATIOS = ("vae_scale_factor_temporal", "vae_temporal_compression_ratio", "vae_temporal_scale_factor")
"""Where pipelines of diffusers have the frames that one frame of latents stands for."""


def arguments(plan: Plan, pipe: Any, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Of `wanted`, what the pipeline takes, by its own names; and the request's fields that it does not take.

    Raises EngineError when the frame rule that the model's settings name is not the pipeline's.
    """
    known = inspect.signature(pipe.__call__).parameters
    taken: dict[str, Any] = {}
    ignored: list[str] = []
    for name, value in {**wanted, "num_frames": frames(plan, pipe)}.items():
        other = _OTHER_NAMES.get(name, "")
        if name in known or other in known:
            taken[name if name in known else other] = value
        elif name == "guidance_scale" and "guider" in pipe.components:
            taken["guider.guidance_scale"] = value
        elif name in plan.variant.arguments and name != "fps":
            # A frame rate that the pipeline does not ask for is that of the file only.
            ignored.append(name)
    return taken, ignored


def frames(plan: Plan, pipe: Any) -> int:
    """How many frames the pipeline makes for this request: by its VAE, unless the model's settings have the rule."""
    ratio = next((int(getattr(pipe, name)) for name in _RATIOS if name in dir(pipe)), None)
    if ratio is None:
        return plan.frames
    own, named = FrameRule(step=ratio, offset=1), plan.model.recipe.frame_rule
    if named == GENERIC.frame_rule:
        return own.at_least(plan.spec.num_frames)
    if own.at_least(plan.frames) != plan.frames:
        message = (
            f"Local engine option models[{plan.model.name}].frame_rule: [{named.step}, {named.offset}] makes "
            f"{plan.frames} frames, and {type(pipe).__name__} makes {ratio} x k + 1 only. Leave the setting out."
        )
        raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
    return plan.frames
