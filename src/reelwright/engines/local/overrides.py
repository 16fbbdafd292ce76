"""What the settings of a model change in its recipe. Nothing here imports torch."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwright.engines.local.recipe import Adapter, Expert, FrameRule, Recipe, Sampler
from reelwright.errors import ConfigurationError

MAX_WEIGHT = 2.0
"""Of a LoRA, in either direction."""

NUMBERS = frozenset(
    {"title", "width", "height", "frames", "fps", "steps", "guidance", "guidance_2", "max_side", "max_pixels"}
    | {"max_frames", "max_steps", "side_multiple", "min_side", "dtype", "license"}
)
SETTINGS = frozenset(
    {"frame_rule", "negative_prompt", "scheduler", "flow_shift", "loras", "component_dtypes", "arguments"}
)

_DTYPES = ("float32", "float16", "bfloat16")
_OURS = frozenset(
    {"prompt", "negative_prompt", "image", "last_image", "width", "height", "num_frames", "num_inference_steps"}
    | {"guidance_scale", "generator", "latents", "output_type", "return_dict", "callback_on_step_end"}
)
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*Scheduler")
_HUB_FILE = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)/([\w][\w ./-]*\.safetensors)")


def changed(recipe: Recipe, name: str, fields: Mapping[str, Any]) -> Recipe:
    """`recipe` as model `name` sets it. Raises ConfigurationError naming the setting, its value and what is allowed."""
    changes: dict[str, Any] = {key: fields[key] for key in fields.keys() & NUMBERS}
    if "frame_rule" in fields:
        changes["frame_rule"] = _frame_rule(name, fields["frame_rule"])
    if "negative_prompt" in fields:
        changes["negative_prompt"] = _text(name, fields["negative_prompt"])
    if fields.keys() & {"scheduler", "flow_shift"}:
        changes["sampler"] = _sampler(name, recipe.sampler, fields)
    if "loras" in fields:
        changes["adapters"] = adapters(name, fields["loras"])
    if "component_dtypes" in fields:
        changes["component_dtypes"] = {**recipe.component_dtypes, **_dtypes(name, fields["component_dtypes"])}
    if "arguments" in fields:
        fixed = _arguments(name, fields["arguments"])
        changes["variants"] = tuple(
            dataclasses.replace(variant, fixed={**variant.fixed, **fixed}) for variant in recipe.variants
        )
    return dataclasses.replace(recipe, left_out=recipe.left_out - fields.keys(), **changes)


def _frame_rule(name: str, value: object) -> FrameRule:
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, int) for one in value):
        return FrameRule(step=max(1, value[0]), offset=value[1])
    raise wrong(f"models[{name}].frame_rule", value, "[step, offset], two whole numbers")


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise wrong(f"models[{name}].negative_prompt", value, "a text, or null for none")


def _sampler(name: str, own: Sampler, fields: Mapping[str, Any]) -> Sampler:
    """`scheduler`: a class of diffusers, or a mapping with its settings and `class` (left out: the model's own)."""
    value = fields.get("scheduler")
    settings = {"class": value} if isinstance(value, str) else {} if value is None else value
    if not isinstance(settings, Mapping):
        raise wrong(f"models[{name}].scheduler", value, "a scheduler class of diffusers, or a mapping of settings")
    kind = settings.get("class", own.kind)
    if kind is not None and not (isinstance(kind, str) and _CLASS.fullmatch(kind)):
        raise wrong(f"models[{name}].scheduler", kind, "the name of a class of diffusers that ends in Scheduler")
    asked = {key: setting for key, setting in settings.items() if key != "class"}
    # Settings belong to their class.
    changes = {**own.changes, **asked} if kind == own.kind else asked
    shifts = own.shifts
    if "flow_shift" in fields:
        shifts = ((0, _shift(name, fields["flow_shift"])),)
    return Sampler(kind=kind, changes=changes, shifts=shifts)


def _shift(name: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100:
        return float(value)
    raise wrong(f"models[{name}].flow_shift", value, "a number above 0 and up to 100")


def adapters(name: str, value: object) -> tuple[Adapter, ...]:
    """LoRAs that are always on: each a file, an `owner/name/file.safetensors` of the Hub, or a mapping.

    The mapping has `source`, or `high` and `low` for a model with two experts, and `weight`.
    """
    option = f"models[{name}].loras"
    if not isinstance(value, list | tuple):
        raise wrong(option, value, "a list")
    found: list[Adapter] = []
    for item in value:
        fields = {"source": item} if isinstance(item, str) else item
        if not isinstance(fields, Mapping) or not (
            fields.keys() - {"weight"} == {"source"} or fields.keys() - {"weight"} == {"high", "low"}
        ):
            raise wrong(option, item, 'a file, or {"source": file} or {"high": file, "low": file}, with "weight"')
        weight = fields.get("weight", 1.0)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not -MAX_WEIGHT <= weight <= MAX_WEIGHT:
            raise wrong(f"{option} weight", weight, f"a number between -{MAX_WEIGHT:g} and {MAX_WEIGHT:g}")
        for key, expert in (("source", Expert.BOTH), ("high", Expert.HIGH), ("low", Expert.LOW)):
            if key in fields:
                repo, file = _where(option, fields[key])
                found.append(Adapter(repo=repo, file=file, weight=float(weight), expert=expert))
    return tuple(found)


def _where(option: str, value: object) -> tuple[str, str]:
    """The repository or folder, and the file in it."""
    if isinstance(value, str) and value.startswith(("/", "~", ".")) and value.endswith(".safetensors"):
        return str(Path(value).expanduser().absolute().parent), Path(value).name
    found = _HUB_FILE.fullmatch(value) if isinstance(value, str) else None
    if found is None or ".." in found[2]:
        raise wrong(option, value, "the path of a .safetensors file, or owner/name/file.safetensors of the Hub")
    return found[1], found[2]


def _dtypes(name: str, value: object) -> Mapping[str, str]:
    if isinstance(value, Mapping) and all(dtype in _DTYPES for dtype in value.values()):
        return dict(value)
    raise wrong(f"models[{name}].component_dtypes", value, f"a mapping of components to {', '.join(_DTYPES)}")


def _arguments(name: str, value: object) -> Mapping[str, Any]:
    option = f"models[{name}].arguments"
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise wrong(option, value, "a mapping of the pipeline's arguments to values")
    if taken := sorted(value.keys() & _OURS):
        raise wrong(option, taken[0], "arguments of the pipeline that the request does not name")
    return dict(value)


def wrong(name: str, value: object, allowed: str) -> ConfigurationError:
    return ConfigurationError(f"Local engine option {name}: {value!r} is not allowed; it takes {allowed}.")
