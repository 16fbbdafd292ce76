"""Writes a sidecar from what was found in a workflow, for a person to edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reelwright.engines.comfyui.card import card_of
from reelwright.engines.comfyui.sidecar import VERSION
from reelwright.engines.comfyui.workflow import Workflow


def draft_sidecar(
    workflow: Workflow, bounds: Mapping[str, Sequence[float | None]], present: Mapping[str, Any]
) -> dict[str, Any]:
    """The sidecar of this workflow as JSON: what is `present` stays as it is, the rest is added.

    `bounds` are the least and the greatest value by place, as a running ComfyUI tells them.
    """
    card = card_of(workflow)
    limits: dict[str, Any] = {}
    if not card.sizes:
        limits |= {"max_side": card.max_side, "side_multiple": card.side_multiple}
    if "num_frames" in workflow.fields:
        grid = workflow.grid
        limits["frames"] = {"min": grid.first_frames, "max": card.max_frames, "step": grid.frames_step}
    drafted: dict[str, Any] = {
        "reelwright": VERSION,
        "title": card.title.removesuffix(" (ComfyUI)"),
        "output": workflow.output,
        "inputs": {field.name: [str(target) for target in field.targets] for field in workflow.fields.values()},
        "bounds": {place: list(pair) for place, pair in bounds.items()},
        "limits": limits | {"max_pixel_frames": card.max_pixel_frames},
        "deterministic": card.deterministic,
    }
    merged = {**drafted, **present}
    for name in ("inputs", "bounds", "limits"):
        merged[name] = {**drafted[name], **(present.get(name) or {})}
    return {name: value for name, value in merged.items() if value != {}}
