"""The field names of a dialect: which of our fields each one stands for, and what it is called in an error.

A dialect differs in its names only: it says which of them stand for which of our fields (`fields.VideoFields` and
`PICTURES`); what is checked after that is the same for all dialects. An error names a field as the client sent it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelwright.api.fields import VideoFields
from reelwright.errors import BadRequest

PICTURES = ("image", "last_image")
"""The pictures that a video begins and ends with."""

OWN = frozenset({*VideoFields.model_fields, *PICTURES})
"""Our fields, by our names."""

MAX_NAMED = 10
"""How many unknown fields an error names; a body may have thousands."""
MAX_NAME_CHARACTERS = 80
_NOTHING: tuple[object, ...] = (None, False, "", [], {}, "false", "0", "none")
"""Values by which a client says that it does not want something: leaving it out loses nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedFields:
    """A body's fields by our names.

    `values`: by our names. `names`: under which name each was sent, by our names. `unused`: names that were sent and
    have no effect.
    """

    values: Mapping[str, Any]
    names: Mapping[str, str]
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The names of one dialect.

    `renamed`: the dialect's names for our fields. `hidden`: our fields that it has no such name for. `beside`: what the
    dialect reads itself. `tolerated`: what its clients send to other servers and nothing here can do; it is left out,
    and the video's `warnings` name it. `prefix` stands before a field's name in an error. `labels` are the names of
    fields that were sent in another way, a model in the path for one.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    tolerated: frozenset[str] = frozenset()
    prefix: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def translate(self, fields: Mapping[str, Any]) -> TranslatedFields:
        """The fields by our names. Raises `BadRequest` for unknown ones, all at once, and for contradictions."""
        values: dict[str, Any] = {}
        names: dict[str, str] = {}
        unused: list[str] = []
        unknown: list[str] = []
        for name, value in fields.items():
            own = self.renamed.get(name, name)
            if name in self.beside:
                continue
            if name in self.tolerated:
                if value not in _NOTHING:
                    unused.append(name)
            elif own not in OWN or (name in self.hidden and name not in self.renamed):
                unknown.append(name)
            elif values.get(own) is None:
                values[own], names[own] = value, name
            elif value is not None and value != values[own]:
                told = f"{self.prefix}{name}"
                raise BadRequest(f"Invalid {told}: it contradicts {names[own]}. Send one of them.", field=told)
        if unknown and values.get("prompt"):  # a missing prompt is told first
            raise unknown_fields(unknown, self.known(), self.prefix)
        return TranslatedFields(values=values, names=names, unused=tuple(unused))

    def label(self, own: str, names: Mapping[str, str]) -> str:
        """The client's name for a field of ours. `names`: under which names it sent fields, by our names."""
        if own in self.labels:
            return self.labels[own]
        if own in names:
            return self.prefix + names[own]
        return self.prefix + next((name for name, meant in self.renamed.items() if meant == own), own)

    def relabel(self, error: BadRequest, names: Mapping[str, str]) -> BadRequest:
        """The error with the client's name of the field in place of ours."""
        own = error.field
        if own not in OWN:
            return error
        if own in ("width", "height") and own not in names:
            whole = next((names[name] for name in ("size", "resolution") if name in names), None)
            if whole is not None:
                return error.renamed(self.prefix + whole, f"{own} ")
        return error.renamed(self.label(own, names))

    def known(self) -> list[str]:
        """All names that a client may send."""
        own = {name for name in OWN if name not in self.hidden}
        return sorted(own | self.renamed.keys() | self.beside | self.tolerated)


def unknown_fields(unknown: Sequence[str], known: Iterable[str], prefix: str = "") -> BadRequest:
    """The error for fields that nobody knows: names all of them at once, and those that there are."""
    shown = [name[:MAX_NAME_CHARACTERS] for name in unknown]
    told = ", ".join(repr(name) for name in shown[:MAX_NAMED])
    more = f" and {len(shown) - MAX_NAMED:,} more" if len(shown) > MAX_NAMED else ""
    what = "Unknown field" if len(shown) == 1 else "Unknown fields"
    message = f"{what}: {told}{more}. Known fields are {', '.join(sorted(known))}."
    return BadRequest(message, field=prefix + shown[0])
