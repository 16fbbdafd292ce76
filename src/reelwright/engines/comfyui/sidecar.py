"""The sidecar of a workflow: its title, the places of its fields, and what it can do. Read from JSON and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from reelwright.engines.comfyui.fields import FIELDS, IMAGE_FIELDS, TEXT_FIELDS, place_of
from reelwright.engines.comfyui.problem import Problem

VERSION = 1
_TEXTS = ("title", "description", "license", "output", "workflow")
_LIMITS = ("max_side", "side_multiple", "max_fps", "max_pixel_frames", "frames")
_FRAMES = ("min", "max", "step")
_DEFAULTS = tuple(name for name in FIELDS if name not in IMAGE_FIELDS and name != "prompt")
_KEYS = ("reelwright", *_TEXTS, "graph", "inputs", "bounds", "limits", "defaults", "deterministic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of what the model behind the graph makes; None: the card decides. Sides in pixels, lengths in
    frames."""

    max_side: int | None = None
    side_multiple: int | None = None
    max_fps: int | None = None
    max_pixel_frames: int | None = None
    min_frames: int | None = None
    max_frames: int | None = None
    frames_step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """`inputs` are the places of each field as (node, input); none: the field is not to be honoured. `bounds` are the
    least and the greatest value by place. `defaults` are the values of fields where a request gives none.
    """

    title: str | None = None
    description: str | None = None
    license: str | None = None
    output: str | None = None
    inputs: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    bounds: Mapping[tuple[str, str], tuple[float | None, float | None]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    deterministic: bool = False


def parse_sidecar(file: str, data: Mapping[str, Any]) -> Sidecar:
    """The sidecar in this JSON object. Raises `Problem` that names the key, the value and the remedy."""
    return _Reader(file).sidecar(data)


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file

    def sidecar(self, data: Mapping[str, Any]) -> Sidecar:
        self._known(data, _KEYS, "key")
        if data.get("reelwright") != VERSION:
            self._refuse("reelwright", data.get("reelwright"), f"This version reads {VERSION}")
        texts = {name: self._text(name, data[name]) for name in _TEXTS if data.get(name) is not None}
        texts.pop("workflow", None)
        deterministic = data.get("deterministic", False)
        if not isinstance(deterministic, bool):
            self._refuse("deterministic", deterministic, "Write true or false")
        return Sidecar(
            **texts,
            inputs=self._inputs(self._object("inputs", data)),
            bounds=self._bounds(self._object("bounds", data)),
            limits=self._limits(self._object("limits", data)),
            defaults=self._defaults(self._object("defaults", data)),
            deterministic=deterministic,
        )

    def _inputs(self, data: Mapping[str, Any]) -> dict[str, tuple[tuple[str, str], ...]]:
        self._known(data, FIELDS, "field in `inputs`")
        return {name: self._places(name, value) for name, value in data.items()}

    def _places(self, name: str, value: object) -> tuple[tuple[str, str], ...]:
        items = () if value is None else (value,) if isinstance(value, str) else value
        if not isinstance(items, Sequence) or not all(isinstance(item, str) and all(place_of(item)) for item in items):
            self._refuse(f"inputs.{name}", value, 'Give a list of places, such as ["6.text"]; an empty one: none')
        return tuple(place_of(item) for item in items)

    def _bounds(self, data: Mapping[str, Any]) -> dict[tuple[str, str], tuple[float | None, float | None]]:
        bounds = {}
        for name, value in data.items():
            match value:
                case [low, high] if all(place_of(name)) and self._numbers(low, high):
                    bounds[place_of(name)] = (low, high)
                case _:
                    self._refuse(f"bounds.{name}", value, "Give [least, greatest] of a place such as 3.seed")
        return bounds

    @staticmethod
    def _numbers(*values: object) -> bool:
        return all(value is None or _is_number(value) for value in values)

    def _limits(self, data: Mapping[str, Any]) -> Limits:
        self._known(data, _LIMITS, "limit")
        frames = self._object("frames", data)
        self._known(frames, _FRAMES, "limit of the frames")
        told = {name: self._whole(f"limits.{name}", data[name]) for name in _LIMITS[:-1] if data.get(name) is not None}
        least, most, step = (
            self._whole(f"limits.frames.{name}", frames[name]) if frames.get(name) is not None else None
            for name in _FRAMES
        )
        if least and most and least > most:
            self._refuse("limits.frames", dict(frames), "`min` is to be no more than `max`")
        return Limits(**told, min_frames=least, max_frames=most, frames_step=step)

    def _defaults(self, data: Mapping[str, Any]) -> dict[str, Any]:
        self._known(data, _DEFAULTS, "field in `defaults`")
        for name, value in data.items():
            right = isinstance(value, str) if name in TEXT_FIELDS else _is_number(value)
            if not right:
                self._refuse(f"defaults.{name}", value, "Give a text" if name in TEXT_FIELDS else "Give a number")
        return dict(data)

    def _object(self, name: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        value = data.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._refuse(name, value, "Give an object")
        return value

    def _known(self, data: Mapping[str, Any], known: Sequence[str], what: str) -> None:
        if unknown := sorted(set(data) - set(known)):
            raise Problem(self._file, f"It has an unknown {what}: {unknown[0]!r}", f"Known: {', '.join(known)}.")

    def _text(self, name: str, value: object) -> str:
        if isinstance(value, int) and name == "output" and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip() or len(value) > 2000:
            self._refuse(name, value, "Give a text of at most 2,000 characters")
        return value.strip()

    def _whole(self, name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self._refuse(name, value, "Give a whole number from 1")
        return value

    def _refuse(self, name: str, value: object, remedy: str) -> NoReturn:
        shown = repr(value)
        raise Problem(self._file, f"Its `{name}` is {shown if len(shown) < 80 else shown[:77] + '...'}", f"{remedy}.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
