"""Filters a list of videos: turns what is wanted into conditions on the rows, for SQLite and Postgres alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.video import Status


class Shape(StrEnum):
    """Which side of a video is the longer one."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"
    SQUARE = "square"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFilter:
    """Which videos are wanted: those that fulfil every condition that is set. None or empty sets none.

    `words`: each one is found in the prompt, in the names of engine and model (`engine/model`) or in the size
    (`512x512`), whatever its case; or it is the seed or the id. `model`: the name of a model, of an engine, or both as
    `engine/model`. `metadata`: entries that the video has.
    """

    words: Sequence[str] = ()
    status: Status | None = None
    model: str | None = None
    shape: Shape | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


NO_FILTER = VideoFilter()


def conditions(filter_by: VideoFilter, rows: sa.Table, *, on_sqlite: bool) -> Iterator[sa.ColumnElement[bool]]:
    """SQL conditions, all of which a row of the table `rows` (the videos) has to fulfil to pass the filter."""
    if filter_by.status is not None:
        yield rows.c.status == filter_by.status.value
    if filter_by.model is not None:
        # In rows that are older than the column `model` it is empty: their request names the model.
        name = sa.func.coalesce(sa.func.nullif(rows.c.model, ""), _part(rows, "model", on_sqlite))
        full = rows.c.engine + "/" + name
        yield sa.or_(rows.c.engine == filter_by.model, name == filter_by.model, full == filter_by.model)
    if filter_by.shape is not None:
        across, down = (sa.cast(_part(rows, side, on_sqlite), sa.Integer) for side in ("width", "height"))
        sides = {Shape.LANDSCAPE: across > down, Shape.PORTRAIT: across < down, Shape.SQUARE: across == down}
        yield sides[filter_by.shape]
    for entry, value in filter_by.metadata.items():
        yield _has(rows, entry, value, on_sqlite)
    if filter_by.words:
        parts = (_part(rows, name, on_sqlite) for name in ("prompt", "model", "width", "height", "seed"))
        prompt, model, width, height, seed = parts
        told = sa.func.lower(prompt + " " + rows.c.engine + "/" + model + " " + width + "x" + height)
        for word in filter_by.words:
            yield sa.or_(told.contains(word.lower(), autoescape=True), seed == word, rows.c.id == word)


def _part(rows: sa.Table, name: str, on_sqlite: bool) -> sa.ColumnElement[str]:
    """SQL for one field of the stored request (a JSON object), as text."""
    if on_sqlite:
        return sa.cast(sa.func.json_extract(rows.c.request, f"$.{name}"), sa.Text)
    part: sa.ColumnElement[Any] = sa.cast(rows.c.request, sa.JSON)[name].as_string()
    return part


def _has(rows: sa.Table, name: str, value: str, on_sqlite: bool) -> sa.ColumnElement[bool]:
    """SQL that is true where the metadata has that entry. On SQLite by `json_each`, since the paths of `json_extract`
    cannot express every name."""
    if not on_sqlite:
        told: sa.ColumnElement[bool] = rows.c.metadata[name].as_string() == value
        return told
    entry = sa.func.json_each(rows.c.metadata).table_valued("key", "value")
    return sa.exists(sa.select(1).select_from(entry).where(entry.c.key == name, entry.c.value == value))
