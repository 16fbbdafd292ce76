"""Reads from the query which videos of a list a client wants."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request

from reelwright.api.request_options import read_metadata
from reelwright.engines.catalog import check_text
from reelwright.errors import invalid
from reelwright.store.search import Shape, VideoFilter
from reelwright.video import Status

MAX_QUERY = 200
"""How many characters a search may have."""
MAX_MODEL = 200


def read_filter(request: Request, q: str, status: Status | None, model: str | None, shape: Shape | None) -> VideoFilter:
    """The filter of a list. Raises `BadRequest` for a text that is too long, or that cannot be stored in a database."""
    check_text("q", q, MAX_QUERY)
    check_text("model", model or "", MAX_MODEL)
    return VideoFilter(
        words=q.split(), status=status, model=model or None, shape=shape, metadata=_wanted_metadata(request)
    )


def _wanted_metadata(request: Request) -> Mapping[str, str]:
    """The names and values of `metadata[name]=value` in the query."""
    wanted: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        match = re.fullmatch(r"metadata\[((?:(?!\]\[).)+)\]", name, re.DOTALL)
        if match and match[1] not in wanted:
            wanted[match[1]] = value
        elif name.startswith("metadata"):
            raise invalid("metadata", f"{name}={value}", "Write metadata[name]=value, each name once.")
    return read_metadata(wanted)
