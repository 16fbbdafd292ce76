"""Which videos of a list are wanted, as conditions on the rows; the same on SQLite and Postgres."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.video import Status


class Shape(StrEnum):
    """How a picture lies."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"
    SQUARE = "square"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is None or empty asks for nothing; everything that is asked for must be so.

    `words`: each stands somewhere in the prompt, the names of engine and model (`engine/model`) or the size
    (`512x512`), upper and lower case being the same, or is the seed or the id. `model`: a model, an engine, or both as
    `engine/model`.
    """

    words: Sequence[str] = ()
    status: Status | None = None
    model: str | None = None
    shape: Shape | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


EVERYTHING = Sought()


def conditions(sought: Sought, rows: sa.Table, *, on_sqlite: bool) -> Iterator[sa.ColumnElement[bool]]:
    """What a row of `rows` (the videos) must fulfil."""
    if sought.status is not None:
        yield rows.c.status == sought.status.value
    if sought.model is not None:
        # Videos of before there was this column have an empty one.
        name = sa.func.coalesce(sa.func.nullif(rows.c.model, ""), _part(rows, "model", on_sqlite))
        full = rows.c.engine + "/" + name
        yield sa.or_(rows.c.engine == sought.model, name == sought.model, full == sought.model)
    if sought.shape is not None:
        across, down = (sa.cast(_part(rows, side, on_sqlite), sa.Integer) for side in ("width", "height"))
        sides = {Shape.LANDSCAPE: across > down, Shape.PORTRAIT: across < down, Shape.SQUARE: across == down}
        yield sides[sought.shape]
    for entry, value in sought.metadata.items():
        yield _has(rows, entry, value, on_sqlite)
    if sought.words:
        parts = (_part(rows, name, on_sqlite) for name in ("prompt", "model", "width", "height", "seed"))
        prompt, model, width, height, seed = parts
        told = sa.func.lower(prompt + " " + rows.c.engine + "/" + model + " " + width + "x" + height)
        for word in sought.words:
            yield sa.or_(told.contains(word.lower(), autoescape=True), seed == word, rows.c.id == word)


def _part(rows: sa.Table, name: str, on_sqlite: bool) -> sa.ColumnElement[str]:
    """A value of the request, as text."""
    if on_sqlite:
        return sa.cast(sa.func.json_extract(rows.c.request, f"$.{name}"), sa.Text)
    part: sa.ColumnElement[Any] = sa.cast(rows.c.request, sa.JSON)[name].as_string()
    return part


def _has(rows: sa.Table, name: str, value: str, on_sqlite: bool) -> sa.ColumnElement[bool]:
    """Whether the metadata has that entry. SQLite's JSON paths cannot name every name."""
    if not on_sqlite:
        told: sa.ColumnElement[bool] = rows.c.metadata[name].as_string() == value
        return told
    entry = sa.func.json_each(rows.c.metadata).table_valued("key", "value")
    return sa.exists(sa.select(1).select_from(entry).where(entry.c.key == name, entry.c.value == value))
