"""Makes the card of a workflow from its files alone, without asking a ComfyUI."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from reelwright.engines.comfyui.fields import IMAGE_FIELDS
from reelwright.engines.comfyui.workflow import Workflow
from reelwright.engines.engine import Card
from reelwright.video import Task

ENGINE = "comfyui"

_OPTIONAL = ("negative_prompt", "num_inference_steps", "guidance_scale", "seed", *IMAGE_FIELDS)
_WEIGHTS = ("unet_name", "ckpt_name", "model")
_OTHERS_DEFAULT_FRAMES = 24
"""How many frames the native dialect asks for when its client does not say."""
_OTHERS_DEFAULT_PIXEL_FRAMES = 512 * 512 * 24
_MAX_SIDE = 1920
_LONGEST_SIDE = 16_384
"""The longest side that ComfyUI's nodes take, in pixels."""
_MAX_FPS = 60


def card_of(workflow: Workflow) -> Card:
    """The card of the workflow. For a field that no request can change, it has the graph's own value only."""
    limits, fields = workflow.sidecar.limits, workflow.fields
    width, height = (_whole(workflow, side, 512, _LONGEST_SIDE) for side in ("width", "height"))
    fps = _whole(workflow, "fps", 16, limits.max_fps or _MAX_FPS)
    frames = _frames(workflow, fps)
    sized = {"width", "height"} <= set(fields)
    most_frames = _most_frames(workflow, frames)
    return Card(
        engine=ENGINE,
        model=workflow.name,
        title=workflow.sidecar.title or _title(workflow.name),
        description=workflow.sidecar.description or _description(workflow),
        generative_ai=True,
        tasks=(Task.IMAGE_TO_VIDEO,) if "image" in fields else (Task.TEXT_TO_VIDEO,),
        honours=frozenset(name for name in _OPTIONAL if name in fields),
        sizes=() if sized else ((width, height),),
        min_side=min(64, width, height) if sized else min(width, height),
        max_side=_max_side(workflow, width, height) if sized else max(width, height),
        side_multiple=_multiple(workflow, width, height) if sized else 1,
        min_frames=(limits.min_frames or 1) if "num_frames" in fields else 1,
        max_frames=most_frames,
        max_fps=limits.max_fps or (_MAX_FPS if "fps" in fields else max(fps, 12)),
        max_pixel_frames=_max_pixel_frames(workflow, width * height, frames, most_frames),
        default_width=width,
        default_height=height,
        default_frames=frames,
        default_fps=fps,
        default_steps=_steps(workflow),
        max_steps=_max_steps(workflow),
        deterministic=workflow.sidecar.deterministic,
        resumes=True,
        license=workflow.sidecar.license,
    )


def _whole(workflow: Workflow, name: str, otherwise: int, most: int) -> int:
    own = workflow.own(name)
    return min(max(1, round(own)), most) if isinstance(own, int | float) else otherwise


def _max_pixel_frames(workflow: Workflow, pixels: int, frames: int, most_frames: int) -> int:
    """The sidecar's bound; without one, twice the graph's own width × height × frames, and at least what a dialect asks
    for by default. Where the size cannot be chosen, this bounds nothing."""
    if not {"width", "height"} <= set(workflow.fields):
        return pixels * most_frames
    told = workflow.sidecar.limits.max_pixel_frames
    return max(told or max(2 * pixels * frames, _OTHERS_DEFAULT_PIXEL_FRAMES), pixels * frames)


def _frames(workflow: Workflow, fps: int) -> int:
    """The graph's own length in frames, computed from its seconds where it has these."""
    own = workflow.own("num_frames")
    seconds = workflow.own("seconds")
    if "num_frames" not in workflow.fields and isinstance(seconds, int | float):
        own = workflow.grid.nearest_frames(round(seconds * fps))
    frames = min(max(1, round(own)), _LONGEST_SIDE) if isinstance(own, int | float) else 81
    limits = workflow.sidecar.limits
    return max(min(frames, limits.max_frames or frames), limits.min_frames or 1)


def _most_frames(workflow: Workflow, own: int) -> int:
    """The sidecar's bound; without one, twice the graph's own length, and at least what a dialect asks for by default.

    Where the length cannot be chosen, a request for another one gets the graph's own, and the record says so.
    """
    told = workflow.sidecar.limits.max_frames
    if told:
        return max(told, own)
    if "num_frames" in workflow.fields or "seconds" in workflow.fields:
        field = workflow.fields.get("num_frames")
        bound = field.high if field else None
        most = workflow.grid.longest(min(2 * own, int(bound)) if bound else 2 * own)
        return max(_OTHERS_DEFAULT_FRAMES, most)
    return max(_OTHERS_DEFAULT_FRAMES, own)


def _max_side(workflow: Workflow, width: int, height: int) -> int:
    """The sidecar's longest side or our default, at most what the inputs take, and at least the graph's own longer
    side."""
    told = workflow.sidecar.limits.max_side or _MAX_SIDE
    bounds = [workflow.fields[side].high for side in ("width", "height")]
    return max(width, height, min([told, *(int(bound) for bound in bounds if bound)]))


def _multiple(workflow: Workflow, width: int, height: int) -> int:
    """The multiple of the sides. Smaller than the table's (`grid`) if the graph's own size is no multiple of that."""
    multiple = workflow.grid.side_multiple
    while width % multiple or height % multiple:
        multiple = multiple // 2 if multiple % 2 == 0 else 1
    return multiple


def _steps(workflow: Workflow) -> int | None:
    own = workflow.own("num_inference_steps")
    return own if isinstance(own, int) else None


def _max_steps(workflow: Workflow) -> int:
    field = workflow.fields.get("num_inference_steps")
    return int(min(200, field.high)) if field and field.high else 200


def _title(name: str) -> str:
    words = re.sub(r"[_-]+", " ", name).strip()
    return f"{words or name} (ComfyUI)"


def _description(workflow: Workflow) -> str:
    """The card's description: the weights that the graph loads, which say more than its name."""
    graph = workflow.graph
    names = (graph.inputs(node).get(key) for node in graph.ancestors(workflow.output) for key in _WEIGHTS)
    weights = {PurePosixPath(name.replace("\\", "/")).stem for name in names if isinstance(name, str) and "." in name}
    if not weights:
        return f"The ComfyUI workflow {workflow.file}."
    return f"The ComfyUI workflow {workflow.file}, with {', '.join(sorted(weights)[:3])}."
