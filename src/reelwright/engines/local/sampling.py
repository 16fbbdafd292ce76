"""What holds for one run of a pipeline: its scheduler, settings of its components, images as frames of a video."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import diffusers
import PIL.Image

from reelwright.engines.local.plan import Plan
from reelwright.errors import Code, EngineError

_SHIFT_NAMES = ("flow_shift", "shift")
_GREY = (128, 128, 128)
"""Of a frame that is to be made: diffusers' example of `WanVACEPipeline`."""


def scheduler(pipe: Any, plan: Plan) -> Any:
    """The scheduler that the recipe and the model's settings ask for, made from the one that came with the weights.

    Raises EngineError (`engine_not_configured`) when the class is none of diffusers' or lacks a setting.
    """
    own, sampler = pipe.scheduler, plan.model.recipe.sampler
    kind = _kind(plan, sampler.kind) if sampler.kind else type(own)
    shift = plan.flow_shift
    if shift is None and kind is not type(own):
        # The two families of flow schedulers have other names for it.
        shift = flow_shift(own)
    changes = dict(sampler.changes)
    known = inspect.signature(kind.__init__).parameters
    if unknown := sorted(changes.keys() - known.keys()):
        raise _wrong(plan, f"{kind.__name__} has no setting {unknown[0]!r}; it has {', '.join(list(known)[1:])}")
    if shift is not None:
        changes[_shift_name(plan, kind, known)] = shift
    if not changes and kind is type(own):
        return own
    made = kind.from_config(own.config, **changes)
    if plan.flow_shift is not None and made.config.get("use_dynamic_shifting"):
        raise _wrong(plan, f"{kind.__name__} shifts by the size of the video here, so flow_shift does nothing")
    return made


def flow_shift(scheduler: Any) -> float | None:
    """The shift of a flow-matching scheduler, None where it has none or computes it from the size."""
    config = scheduler.config
    flows = config.get("use_flow_sigmas") or "FlowMatch" in type(scheduler).__name__
    if not flows or config.get("use_dynamic_shifting"):
        return None
    return next((float(config[name]) for name in _SHIFT_NAMES if config.get(name) is not None), None)


def _kind(plan: Plan, name: str) -> Any:
    kind = getattr(diffusers, name, None)
    if not (isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)):
        raise _wrong(plan, f"{name!r} is no scheduler of diffusers {diffusers.__version__}")
    return kind


def _shift_name(plan: Plan, kind: Any, known: Mapping[str, Any]) -> str:
    name = next((name for name in _SHIFT_NAMES if name in known), None)
    if name is None:
        raise _wrong(plan, f"{kind.__name__} has no flow shift")
    return name


def _wrong(plan: Plan, why: str) -> EngineError:
    message = f"Local engine option models[{plan.model.name}].scheduler: {why}."
    return EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)


@contextmanager
def components(pipe: Any, settings: Mapping[str, Any]) -> Iterator[None]:
    """Inside the block components have other settings: `settings` maps `component.setting` to its value."""
    changes: dict[str, dict[str, Any]] = {}
    for path, value in settings.items():
        component, _, setting = path.partition(".")
        changes.setdefault(component, {})[setting] = value
    originals = {name: getattr(pipe, name) for name in changes}
    for name, original in originals.items():
        # Past the pipeline's own __setattr__, which would write the change into its configuration.
        vars(pipe)[name] = type(original).from_config(original.config, **changes[name])
    try:
        yield
    finally:
        vars(pipe).update(originals)


@contextmanager
def size_of_the_image(pipe: Any) -> Iterator[None]:
    """Inside the block a pipeline that chooses a size from the image's shape takes the image's own.

    HunyuanVideo 1.5 would choose one of its training sizes; the request says which size it wants, and the image has it.
    """
    processor = pipe.video_processor
    if "calculate_default_height_width" not in dir(processor):
        yield
        return
    processor.calculate_default_height_width = _as_it_is
    try:
        yield
    finally:
        del processor.calculate_default_height_width


def _as_it_is(height: int, width: int, target_size: int) -> tuple[int, int]:
    return height, width


def keyframes(
    first: PIL.Image.Image | None, last: PIL.Image.Image | None, frames: int
) -> dict[str, list[PIL.Image.Image]]:
    """`video` and `mask` of `frames` frames: images are kept (black in the mask), grey frames are made (white).

    Empty where there is neither a first nor a last image: then the pipeline itself takes all frames as grey.
    """
    any_image = first or last
    if any_image is None:
        return {}
    size = any_image.size
    begins, ends = [first] if first else [], [last] if last else []
    between = frames - len(begins) - len(ends)
    kept, made = PIL.Image.new("L", size, 0), PIL.Image.new("L", size, 255)
    return {
        "video": [*begins, *[PIL.Image.new("RGB", size, _GREY)] * between, *ends],
        "mask": [*[kept] * len(begins), *[made] * between, *[kept] * len(ends)],
    }
