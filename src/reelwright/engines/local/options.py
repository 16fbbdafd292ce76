"""The options of the local engine: JSON in, checked values out. Nothing here imports torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from reelwright.engines.local.overrides import NUMBERS, SETTINGS, changed
from reelwright.engines.local.overrides import wrong as _wrong
from reelwright.engines.local.recipe import ImageRecipe, Placement, Recipe
from reelwright.engines.local.recipes import GENERIC, IMAGE_RECIPES, RECIPES
from reelwright.engines.options import check_names
from reelwright.errors import ConfigurationError
from reelwright.video import Task

SPEEDS = ("auto", "plain", "exact", "fast")
QUANTIZATIONS = ("int8", "float8", "layerwise")

_MODEL_KEYS = NUMBERS | SETTINGS | {"recipe", "source", "revision", "image", "image_source", "tasks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A recipe with its weights: `source` is a folder or a Hub id, `image` the text → image stage if one is needed."""

    name: str
    recipe: Recipe
    source: str
    revision: str | None = None
    image: ImageRecipe | None = None
    tasks: tuple[Task, ...]

    @classmethod
    def parse(cls, name: str, value: object) -> Self:
        """`value`: None (the built-in recipe of that name), a folder or Hub id, or a mapping of the keys below.

        Keys: `recipe`, `source`, `revision`, `image` (an image recipe's name, or None for images only),
        `image_source`, `tasks`, and what overrides.py changes in the recipe.
        """
        fields = _fields(name, value)
        recipe = _recipe(name, fields)
        source = fields.get("source") or recipe.repo
        if not source:
            raise ConfigurationError(f"Local model {name!r} has no source: name a folder or a Hugging Face repository.")
        image = _image(name, recipe, fields)
        return cls(
            name=name,
            recipe=recipe,
            source=source,
            revision=fields.get("revision"),
            image=image,
            tasks=_tasks(name, recipe, image, fields),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that can be set on the engine. Times in seconds, memory in bytes.

    `share`: the part of the device's memory that is this process's, where several share it. `batch`: how many
    compatible requests may share one denoising run (1: none, every result exact); `batch_window`: how long the first of
    them waits for company. `checkpoint_steps` and `checkpoint_seconds`: whichever comes first. `quantization`: weights
    in 8 bits, half of their memory; `attention`: diffusers' name of an attention backend. `gpus_per_video`: so many
    compute each video together, with all weights in their memory. `preload`: the model that is loaded when the engine
    starts. `lora_folder`: where requests may name LoRA files; `lora_hub`: whether they may name Hub ids. `image`: the
    text → image stage of models that need one.
    """

    models: Mapping[str, Model]
    device: str = "auto"
    placement: Placement | None = None
    memory: int | None = None
    share: float = 1.0
    speed: str = "auto"
    quantization: str | None = None
    attention: str | None = None
    compile: bool | None = None
    gpus_per_video: int = 1
    batch: int = 1
    batch_window: float = 0.05
    idle_seconds: float = 900.0
    preload: str | None = None
    checkpoint_steps: int = 5
    checkpoint_seconds: float = 30.0
    preview_seconds: float = 2.0
    lora_folder: str | None = None
    lora_hub: bool = False
    image: str = "sdxl-turbo"

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Self:
        """Raises ConfigurationError naming the option, its value and what is allowed."""
        check_names("local", options, {f.name for f in dataclasses.fields(cls)})
        values = {key: value for key, value in options.items() if value is not None}
        values["models"] = _models(values.get("models"), values.get("image", "sdxl-turbo"))
        if values.get("placement") in ("auto", ""):
            del values["placement"]
        if "placement" in values:
            values["placement"] = _placement(values["placement"])
        elif values.get("gpus_per_video", 1) != 1:
            values["placement"] = Placement.RESIDENT
        parsed = cls(**values)
        parsed._check()
        return parsed

    @property
    def slots(self) -> int:
        """How many jobs the engine takes at a time: without batching a second would only wait; with it as many as may
        share a run, twice, so that the next ones are there while the last are decoded and encoded.
        """
        largest = max(self.batch_of(model.recipe) for model in self.models.values())
        return 1 if largest == 1 else 2 * largest

    def mode(self, *, accelerator: bool) -> str:
        """The speed mode: what was chosen, else `exact` on a GPU and `plain` without one."""
        return self.speed if self.speed != "auto" else "exact" if accelerator else "plain"

    def batch_of(self, recipe: Recipe) -> int:
        """How many requests of this recipe may share a run here."""
        return min(self.batch, recipe.batches)

    def resumes(self, recipe: Recipe) -> bool:
        """Whether a killed job of this recipe goes on here: the first-block cache remembers what no checkpoint has."""
        cached = self.speed == "fast" and "first_block_cache" in recipe.levers and self.gpus_per_video == 1
        return recipe.resumes and not cached

    def _check(self) -> None:
        if self.speed not in SPEEDS:
            raise _wrong("speed", self.speed, f"one of {', '.join(SPEEDS)}")
        if self.quantization not in (None, *QUANTIZATIONS):
            raise _wrong("quantization", self.quantization, f"one of {', '.join(QUANTIZATIONS)}, or null")
        if self.quantization == "layerwise" and self.gpus_per_video > 1:
            raise _wrong("quantization", self.quantization, "int8 or float8 with gpus_per_video above 1")
        if isinstance(self.share, bool) or not isinstance(self.share, int | float) or not 0 < self.share <= 1:
            raise _wrong("share", self.share, "a number above 0 and at most 1")
        if self.preload is not None and self.preload not in self.models:
            raise _wrong("preload", self.preload, f"one of the models: {', '.join(self.models)}")
        for name, least in (("batch", 1), ("checkpoint_steps", 1), ("gpus_per_video", 1)):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < least:
                raise _wrong(name, getattr(self, name), f"a whole number of at least {least}")
        for name in ("batch_window", "idle_seconds", "checkpoint_seconds", "preview_seconds"):
            if not isinstance(getattr(self, name), int | float) or getattr(self, name) < 0:
                raise _wrong(name, getattr(self, name), "a number of seconds, not negative")
        if self.gpus_per_video > 1:
            self._check_together()

    def _check_together(self) -> None:
        """What several GPUs of one video cannot do."""
        together = f"with gpus_per_video {self.gpus_per_video}"
        if self.placement is not Placement.RESIDENT:
            raise _wrong("placement", str(self.placement), f"auto or resident {together}")
        if self.batch > 1:
            raise _wrong("batch", self.batch, f"1 {together}")
        if self.device not in ("auto", "cuda", "cpu"):
            raise _wrong("device", self.device, f"auto or cuda {together}")


def _models(value: object, image: str) -> Mapping[str, Model]:
    if not value:
        value = [name for name in RECIPES if name != GENERIC.name]
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple):
        value = dict(part.split("=", 1) if "=" in part else (part, None) for part in value)
    if not isinstance(value, Mapping):
        raise _wrong("models", value, "names, name=folder pairs, or a mapping of names to models")
    return {name: Model.parse(name, _with_image(fields, image)) for name, fields in value.items()}


def _with_image(value: object, image: str) -> dict[str, Any]:
    fields = {"source": value} if isinstance(value, str) else dict(value) if isinstance(value, Mapping) else {}
    fields.setdefault("image", image)
    return fields


def _fields(name: str, value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {"source": value}
    if not isinstance(value, Mapping):
        raise _wrong(f"models[{name}]", value, "a folder, a Hugging Face repository, or a mapping")
    unknown = value.keys() - _MODEL_KEYS
    if unknown:
        raise _wrong(f"models[{name}]", sorted(unknown)[0], f"the keys {', '.join(sorted(_MODEL_KEYS))}")
    return dict(value)


def _recipe(name: str, fields: Mapping[str, Any]) -> Recipe:
    wanted = fields.get("recipe", name if name in RECIPES else GENERIC.name)
    if wanted not in RECIPES:
        raise _wrong(f"models[{name}].recipe", wanted, f"one of {', '.join(RECIPES)}")
    return changed(RECIPES[wanted], name, fields)


def _image(name: str, recipe: Recipe, fields: Mapping[str, Any]) -> ImageRecipe | None:
    if not any(variant.via_image for variant in recipe.variants) or fields.get("image") is None:
        return None
    wanted = fields["image"]
    if wanted not in IMAGE_RECIPES:
        raise _wrong(f"models[{name}].image", wanted, f"one of {', '.join(IMAGE_RECIPES)}")
    image = IMAGE_RECIPES[wanted]
    return dataclasses.replace(image, repo=fields["image_source"]) if fields.get("image_source") else image


def _tasks(name: str, recipe: Recipe, image: ImageRecipe | None, fields: Mapping[str, Any]) -> tuple[Task, ...]:
    possible = tuple(v.task for v in recipe.variants if not v.via_image or image is not None)
    if "tasks" not in fields:
        return possible[:1] if recipe.name == GENERIC.name else possible
    wanted = tuple(fields["tasks"])
    if not wanted or not set(wanted) <= set(possible):
        raise _wrong(f"models[{name}].tasks", list(wanted), f"some of {', '.join(possible)}")
    return tuple(Task(task) for task in wanted)


def _placement(value: object) -> Placement:
    try:
        return Placement(value)  # type: ignore[arg-type]
    except ValueError:
        raise _wrong("placement", value, f"auto or one of {', '.join(Placement)}") from None
