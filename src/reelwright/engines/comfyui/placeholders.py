"""Placeholders of other clients in a graph's values: `%prompt%` (SillyTavern and kin), `${prompt}` (SwarmUI).

SwarmUI writes `${seed:1}` with a default, `${seed+42}` with an offset, and numbers as
`"%%_COMFYFIXME_${steps:20}_ENDFIXME_%%"`. A placeholder that is a whole value becomes a value of the field's type; in a
text it becomes part of the text. `filename_prefix` is left alone: ComfyUI has words of its own there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reelwright.engines.comfyui.fields import TEXT_FIELDS, field_named
from reelwright.engines.comfyui.graph import Graph
from reelwright.engines.comfyui.places import Found

_WRAPPED = re.compile(r'"?%%_COMFYFIXME_(.*?)_ENDFIXME_%%"?', re.DOTALL)
_PLACEHOLDER = re.compile(r"%([A-Za-z][A-Za-z_]{1,30})%|\$\{([A-Za-z][A-Za-z_ ]{1,30})(?:\+(\d{1,9}))?(?::([^{}]*))?\}")
_THEIR_OWN = frozenset({"model", "vae", "sampler", "scheduler", "clip_skip", "denoise", "char_avatar", "user_avatar"})
"""Placeholders of those clients that no field of a request fills."""

_PREFIX = "filename_prefix"


def _field(match: re.Match[str]) -> str | None:
    name = match[1] or match[2]
    return "guidance_scale" if name.lower() == "scale" else field_named(name)


def _in(text: str) -> Iterator[re.Match[str]]:
    yield from _PLACEHOLDER.finditer(_WRAPPED.sub(r"\1", text))


def _texts(graph: Graph) -> Iterator[tuple[str, str, str]]:
    for node in graph.nodes:
        for name, value in graph.inputs(node).items():
            if isinstance(value, str) and name != _PREFIX:
                yield node, name, value


def find_placeholders(graph: Graph) -> dict[str, Found]:
    """Where each field has placeholders, and the default that one of them names."""
    places: dict[str, list[tuple[str, str]]] = {}
    own: dict[str, Any] = {}
    for node, name, value in _texts(graph):
        for match in _in(value):
            field = _field(match)
            if field is None:
                continue
            places.setdefault(field, []).append((node, name))
            if match[4]:
                own.setdefault(field, match[4] if field in TEXT_FIELDS else _number(match[4]))
    return {field: Found(places=tuple(dict.fromkeys(at)), own=own.get(field)) for field, at in places.items()}


def foreign_placeholder(graph: Graph) -> tuple[str, str] | None:
    """A place that only another client could fill, and the placeholder that stands there."""
    for node, name, value in _texts(graph):
        plain = _WRAPPED.sub(r"\1", value)
        match = _PLACEHOLDER.fullmatch(plain.strip())
        if match and (match[1] or match[2]).lower() in _THEIR_OWN:
            return f"{node}.{name}", plain.strip()
    return None


def filled(text: str, values: Mapping[str, Any], fit: Callable[[str, Any], Any]) -> Any:
    """The text with the placeholders of these fields filled; `fit(field, value)` makes a number fit its input.

    The values are put in at once, so that a prompt that holds a placeholder stays as it is.
    """
    plain = _WRAPPED.sub(r"\1", text)
    if (whole := _PLACEHOLDER.fullmatch(plain.strip())) and (field := _field(whole)) in values:
        return fit(str(field), _shifted(values[str(field)], whole[3]))

    def put(match: re.Match[str]) -> str:
        field = _field(match)
        return str(_shifted(values[field], match[3])) if field is not None and field in values else match[0]

    return _PLACEHOLDER.sub(put, plain)


def _shifted(value: Any, offset: str | None) -> Any:
    return value + int(offset) if offset and isinstance(value, int) else value


def _number(text: str) -> int | float | None:
    if not re.fullmatch(r"\s*-?\d{1,20}(\.\d{1,20})?\s*", text):
        return None
    return float(text) if "." in text else int(text)
