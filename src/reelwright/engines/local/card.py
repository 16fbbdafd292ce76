"""What the local engine offers, told without loading anything: its cards, and which placements fit a machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwright.engines.engine import Card
from reelwright.engines.local.options import Model, Options
from reelwright.video import Task

ENGINE = "local"

_OPTIONAL_FIELDS = frozenset(
    {
        "negative_prompt",
        "num_inference_steps",
        "guidance_scale",
        "motion_bucket_id",
        "noise_aug_strength",
        "image",
        "last_image",
    }
)


def cards(options: Mapping[str, Any]) -> tuple[Card, ...]:
    """One card for each model that these engine options configure. Raises ConfigurationError for wrong options."""
    parsed = Options.parse(options)
    return tuple(card(model, parsed) for model in parsed.models.values())


def card(model: Model, options: Options) -> Card:
    """A batched result is within rounding of a single one but not bit for bit the same, so batching ends the claim."""
    recipe = model.recipe
    return Card(
        engine=ENGINE,
        model=model.name,
        title=recipe.title,
        description=recipe.description,
        generative_ai=True,
        tasks=model.tasks,
        honours=honours(model),
        sizes=recipe.sizes,
        min_side=recipe.min_side,
        max_side=recipe.max_side,
        side_multiple=recipe.side_multiple,
        min_frames=recipe.min_frames,
        max_frames=recipe.max_frames,
        max_fps=60,
        max_pixel_frames=recipe.max_pixels * recipe.max_frames,
        default_width=recipe.width,
        default_height=recipe.height,
        default_frames=recipe.frames,
        default_fps=recipe.fps,
        default_steps=None if "steps" in recipe.left_out else recipe.steps,
        max_steps=recipe.max_steps,
        deterministic=options.batch_of(recipe) == 1,
        resumes=options.resumes(recipe),
        ends_alone=any(
            "last_image" in one.arguments and one.task is Task.TEXT_TO_VIDEO and one.task in model.tasks
            for one in recipe.variants
        ),
        license=license_note(model),
        prompt_tokens=prompt_tokens(model),
        params=frozenset({"loras"}) if recipe.loras or (model.image and model.image.loras) else frozenset(),
    )


def prompt_tokens(model: Model) -> int | None:
    """How much of a prompt is read, in tokens: by the pipeline, else by the stage that makes its image."""
    if model.recipe.prompt_tokens is not None or model.image is None:
        return model.recipe.prompt_tokens
    return model.image.prompt_tokens


def honours(model: Model) -> frozenset[str]:
    """The optional request fields that change this model's result."""
    fields = {"seed"}
    for variant in model.recipe.variants:
        if variant.task in model.tasks:
            fields |= _OPTIONAL_FIELDS & variant.arguments.keys()
        if variant.via_image and model.image is not None and model.image.honours_negative_prompt:
            fields.add("negative_prompt")
    if Task.IMAGE_TO_VIDEO not in model.tasks:
        fields.discard("image")
    if model.recipe.sound_rate is not None:
        fields.add("generate_audio")
    return frozenset(fields)


def license_note(model: Model) -> str:
    if model.image is None or model.image.license == model.recipe.license:
        return model.recipe.license
    return f"{model.recipe.license}; the text-to-image stage: {model.image.license}"
