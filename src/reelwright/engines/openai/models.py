"""The models behind `/v1/videos`, as data: written in the options, or read from an upstream's list of models."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from reelwright.engines.engine import Card
from reelwright.errors import ConfigurationError
from reelwright.video import Task

UNKNOWN = "upstream"
"""The name of the card whose model only its server knows."""

COMMON = frozenset({"seed", "negative_prompt", "num_inference_steps", "guidance_scale"})
"""The fields that a server is assumed to honour when nobody has said which: those of vLLM-Omni and SGLang."""
PARAMS = frozenset({"guidance_scale_2", "flow_shift", "boundary_ratio", "true_cfg_scale"})
"""Their further fields, which `extra_params` may hold."""

_NUMBERS = (
    "min_side",
    "max_side",
    "side_multiple",
    "min_frames",
    "max_frames",
    "max_fps",
    "max_pixel_frames",
    "default_width",
    "default_height",
    "default_frames",
    "default_fps",
    "default_steps",
    "max_steps",
    "prompt_tokens",
)
_TEXTS = ("title", "description", "license")
_SWITCHES = ("generative_ai", "deterministic", "ends_alone", "paid")
_FIELDS = frozenset(
    {
        "seed",
        "negative_prompt",
        "num_inference_steps",
        "guidance_scale",
        "motion_bucket_id",
        "noise_aug_strength",
        "generate_audio",
        "image",
        "last_image",
    }
)
_OWN = ("name", "model", "tasks", "honours", "sizes", "params")
KNOWN = (*_OWN, *_TEXTS, *_NUMBERS, *_SWITCHES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model. `name` is ours; `sent` is the server's name for it, None where it is left out.

    `card` has what is known of the fields of `Card`, in their types.
    """

    name: str
    sent: str | None
    card: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def unknown(cls, sent: str | None = None) -> Self:
        """The model of a server that has told nothing about it, maybe not even its name."""
        return cls(name=sent or UNKNOWN, sent=sent)

    def __hash__(self) -> int:
        return hash((self.name, self.sent))


def models_in(given: object) -> tuple[Model, ...]:
    """Names and cards out of a list, or out of an answer to `GET /v1/models`. Raises `ConfigurationError`."""
    if isinstance(given, Mapping):
        given = given.get("data")
    if not isinstance(given, list | tuple):
        return ()
    found = tuple(_model(one) for one in given)
    names = [one.name for one in found]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise ConfigurationError(f"Invalid models of the openai engine: {double!r} is there twice. Rename one.")
    return found


def _model(given: Any) -> Model:
    match given:
        case str(name) if name:
            return Model(name=name, sent=name)
        case {"id": str(name), "card": Mapping() as card} if name:
            # The card of another Reelwright. Entries that a newer version has added are left out.
            told = {key: value for key, value in card.items() if key in KNOWN and value is not None}
            return Model(name=name, sent=name, card=_card(name, {**told, "honours": _known(card.get("honours", ()))}))
        case {"id": str(name)} if name:
            return Model(name=name, sent=name)
        case {"name": str(name)} if name:
            sent = given.get("model", name)
            if sent is None or (isinstance(sent, str) and sent):
                return Model(name=name, sent=sent, card=_card(name, given))
    raise ConfigurationError(
        f"Invalid models of the openai engine: {str(given)[:80]!r}. Give a name, or a card "
        '{"name": …, "sizes": [[832, 480]], "max_frames": 81, …}.'
    )


def _known(names: Iterable[Any]) -> list[Any]:
    return [name for name in names if name in _FIELDS]


def _card(name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    if unknown := sorted(set(given) - set(KNOWN)):
        raise ConfigurationError(
            f"Unknown entry of the model {name!r} of the openai engine: {unknown[0]!r}. Known: {', '.join(KNOWN)}."
        )
    card: dict[str, Any] = {}
    for key, value in given.items():
        if key not in ("name", "model"):
            card[key] = _value(name, key, value)
    return card


def _value(model: str, key: str, value: Any) -> Any:
    """The value in the type that `Card` wants."""
    match key, value:
        case "tasks", [*words] if words and all(word in tuple(Task) for word in words):
            return tuple(Task(word) for word in words)
        case "honours", [*words] if set(words) <= _FIELDS:
            return frozenset(words)
        case "params", [*words] if all(isinstance(word, str) for word in words):
            return frozenset(words)
        case "sizes", [*sizes] if all(_is_size(size) for size in sizes):
            return tuple((int(size[0]), int(size[1])) for size in sizes)
        case _, bool() if key in _SWITCHES:
            return value
        case _, int() if key in _NUMBERS and not isinstance(value, bool) and value >= 1:
            return value
        case _, str() if key in _TEXTS:
            return value
    wanted = {
        "tasks": f"a list out of {', '.join(Task)}",
        "honours": f"a list out of {', '.join(sorted(_FIELDS))}",
        "params": "a list of names",
        "sizes": "a list of [width, height]",
    }.get(key, "true or false" if key in _SWITCHES else "text" if key in _TEXTS else "a whole number above 0")
    raise ConfigurationError(f"Invalid {key} of the model {model!r} of the openai engine: {value!r}. Give {wanted}.")


def _is_size(size: object) -> bool:
    return (
        isinstance(size, list | tuple) and len(size) == 2 and all(isinstance(side, int) and side > 0 for side in size)
    )


def to_card(model: Model, engine: str, served_by: str) -> Card:
    """The card that the API shows. `served_by`: the servers that make its videos, in words."""
    told = dict(model.card)
    tasks = told.pop("tasks", tuple(Task))
    honours = told.pop("honours", COMMON) | ({"image"} if Task.IMAGE_TO_VIDEO in tasks else set())
    if told.get("sizes"):
        told = {**_of_sizes(told["sizes"]), **told}
    values: dict[str, Any] = {
        "title": "Upstream" if model.name == UNKNOWN else model.name.rpartition("/")[2],
        "description": f"Made by {served_by}.",
        "generative_ai": True,
        "paid": None,
        "params": PARAMS,
        "max_side": 2048,
        "max_pixel_frames": 1920 * 1088 * 600,
        "deterministic": False,
        **told,
    }
    return Card(engine=engine, model=model.name, tasks=tasks, honours=frozenset(honours), resumes=True, **values)


def _of_sizes(sizes: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    """Where only some sizes are made, the first is the default, and they bound the sides."""
    sides = [side for size in sizes for side in size]
    return {
        "default_width": sizes[0][0],
        "default_height": sizes[0][1],
        "min_side": min(sides),
        "max_side": max(sides),
    }
