"""What a recipe makes of a request: the pipeline, its arguments, and what may share a run with it. No torch here."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelwright.engines.local import lora
from reelwright.engines.local.lora import Lora
from reelwright.engines.local.options import Model, Options
from reelwright.engines.local.recipe import Variant
from reelwright.errors import Code, EngineError
from reelwright.video import VideoSpec

DEFAULT_MOTION = 127
DEFAULT_NOISE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`frames`: how many the pipeline makes, at least as many as asked for. `arguments`: of the pipeline, without the
    image and the random generator. `paints`: a text → image stage comes first.
    """

    spec: VideoSpec
    model: Model
    variant: Variant
    frames: int
    steps: int
    arguments: Mapping[str, Any]
    loras: tuple[Lora, ...]

    @property
    def paints(self) -> bool:
        return self.variant.via_image

    @property
    def units(self) -> int:
        """The measured work: the steps of both stages, and the decoding."""
        return self.painting_units + self.steps + 1

    @property
    def painting_units(self) -> int:
        return self.model.image.steps if self.paints and self.model.image else 0

    @property
    def guidance(self) -> float:
        """How strongly the prompt pulls; 1 or less: the model is called without the negative one."""
        given = self.spec.guidance_scale
        return self.model.recipe.guidance if given is None else given

    @property
    def flow_shift(self) -> float | None:
        """What the recipe wants for this size, None where the scheduler's own stays."""
        return self.model.recipe.sampler.shift(self.spec.width * self.spec.height)

    @property
    def facts(self) -> dict[str, Any]:
        """What the record says of guidance, and of a negative prompt that nobody asked for."""
        named = self.variant.arguments
        facts = {
            field: self.arguments[argument]
            for field in ("guidance_scale", "guidance_scale_2")
            if (argument := named.get(field, "")) in self.arguments
        }
        if "negative_prompt" in named and self.spec.negative_prompt is None and self.model.recipe.negative_prompt:
            facts["negative_prompt"] = self.model.recipe.negative_prompt
        return facts

    @property
    def volume(self) -> int:
        """Pixels × frames, by which jobs are compared in size."""
        return self.spec.width * self.spec.height * self.frames

    def company(self) -> tuple[object, ...]:
        """Only requests that are equal in this may share a denoising run."""
        spec = self.spec
        guidance = self.arguments.get(self.variant.arguments.get("guidance_scale", ""))
        return (self.model.name, spec.width, spec.height, self.frames, self.steps, guidance, self.loras)

    def work(self, revision: str, speed: str) -> str:
        """A digest of all that shapes the denoising; a checkpoint of other work is never taken up.

        It holds what the recipe and the settings have filled in, not only what the request says, and of a LoRA the
        file's content. What the machine decides (its device, the tier) is in the checkpoint's `environment`.
        """
        recipe, image = self.model.recipe, self.model.image if self.paints else None
        shape = {
            "request": self.spec.to_json(),
            "pipeline": self.variant.pipeline,
            "arguments": self.arguments,
            "steps": self.steps,
            "frames": self.frames,
            "dtypes": [recipe.dtype, dict(recipe.component_dtypes)],
            "parts": [dataclasses.asdict(part) for part in recipe.parts],
            "image": dataclasses.asdict(image) if image else None,
            "loras": [[one.digest(), one.weight, one.expert] for one in self.loras],
            "adapters": [one.stamp() for one in lora.always(self.model)],
            "sampler": [dataclasses.asdict(recipe.sampler), self.flow_shift],
            "revision": revision,
            "speed": speed,
        }
        return hashlib.sha256(json.dumps(shape, sort_keys=True, default=str).encode()).hexdigest()


def default_request(model: Model) -> VideoSpec:
    """What somebody asks of the model who names nothing but a prompt."""
    recipe = model.recipe
    return VideoSpec(
        prompt="-",
        engine="local",
        model=model.name,
        task=model.tasks[0],
        width=recipe.width,
        height=recipe.height,
        num_frames=recipe.frames,
        fps=recipe.fps,
        seed=0,
    )


def make_plan(model: Model, spec: VideoSpec, options: Options) -> Plan:
    """Raises EngineError when the model does not do the request's task or its LoRAs are not allowed."""
    variant = model.recipe.variant(spec.task)
    if variant is None or spec.task not in model.tasks:
        message = f"Model {model.name!r} does not do {spec.task.value}."
        raise EngineError(message, code=Code.INVALID_FIELD)
    frames = model.recipe.frame_rule.at_least(spec.num_frames)
    steps = spec.num_inference_steps or model.recipe.steps
    return Plan(
        spec=spec,
        model=model,
        variant=variant,
        frames=frames,
        steps=steps,
        arguments=_arguments(model, variant, spec, frames, steps),
        loras=lora.parse(spec.params.get("loras"), model, variant, options),
    )


def _arguments(model: Model, variant: Variant, spec: VideoSpec, frames: int, steps: int) -> dict[str, Any]:
    """What the request names wins; the model's own settings stand in for what it leaves out."""
    recipe = model.recipe
    values: dict[str, Any] = {
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt if spec.negative_prompt is not None else recipe.negative_prompt,
        "width": spec.width,
        "height": spec.height,
        "num_frames": frames,
        "fps": spec.fps,
        "num_inference_steps": spec.num_inference_steps if "steps" in recipe.left_out else steps,
        "guidance_scale": spec.guidance_scale
        if "guidance" in recipe.left_out
        else _or(spec.guidance_scale, recipe.guidance),
        # One guidance from the request is meant for both experts.
        "guidance_scale_2": recipe.guidance_2 if spec.guidance_scale is None else None,
        "motion_bucket_id": _or(spec.motion_bucket_id, DEFAULT_MOTION),
        "noise_aug_strength": _or(spec.noise_aug_strength, DEFAULT_NOISE),
        "generate_audio": spec.generate_audio,
    }
    named = {argument: values[field] for field, argument in variant.arguments.items() if field in values}
    return {**variant.fixed, **{argument: value for argument, value in named.items() if value is not None}}


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
