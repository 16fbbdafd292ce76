"""Reads what a request says beside the fields of the video: preferences, idempotency key, metadata, priority,
webhook."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request

from reelwright.api.addresses import base_url
from reelwright.api.body import Body, parse_json
from reelwright.engines.catalog import check_text
from reelwright.errors import BadRequest, invalid
from reelwright.ids import is_video_id
from reelwright.outbound import Outbound
from reelwright.store.records import IdempotencyKey
from reelwright.video import Webhook

IDEMPOTENCY_KEPT_S = 24 * 3600
MAX_KEY_CHARACTERS = 255
MAX_METADATA = 16
MAX_METADATA_NAME = 64
MAX_METADATA_VALUE = 512
PRIORITIES = range(-10, 11)


def preferences(request: Request) -> dict[str, str]:
    """The preferences of `Prefer` (RFC 7240) by lower-case name, with their values; `wait=5` is {"wait": "5"}."""
    found: dict[str, str] = {}
    for token in ",".join(request.headers.getlist("prefer")).split(","):
        name, _, value = token.partition(";")[0].partition("=")
        if name.strip():
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def wait_seconds(request: Request, default: float, longest: float) -> float:
    """How long `Prefer: wait[=n]` asks to wait: 0 without it, `default` without a number, at most `longest`."""
    value = preferences(request).get("wait")
    if value is None:
        return 0
    if value == "":
        return default
    if not re.fullmatch(r"[0-9]{1,6}", value):
        raise invalid("Prefer", f"wait={value}", "wait takes a whole number of seconds.")
    return min(float(value), longest)


def idempotency(request: Request, body: Body) -> IdempotencyKey | None:
    """The request's `Idempotency-Key`, with the digest of what was asked for: the path and the body."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS or not key.isprintable():
        raise BadRequest(
            f"Invalid Idempotency-Key: it must have 1 to {MAX_KEY_CHARACTERS} printable characters.",
            field="Idempotency-Key",
        )
    asked = f"{request.url.path.removeprefix('/v1')} {body.digest()}"
    return IdempotencyKey(key=key, digest=hashlib.sha256(asked.encode()).hexdigest(), kept_s=IDEMPOTENCY_KEPT_S)


def read_cursor(name: str, value: str | None) -> str | None:
    """The id of the last video that the client has seen in a list."""
    if value is not None and not is_video_id(value):
        raise invalid(name, value, "Must be the id of a video.")
    return value


def read_metadata(value: object) -> Mapping[str, str]:
    """What the client attaches to a video: at most 16 names with string values. It may be the text of the object."""
    if value is None:
        return {}
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = parse_json(value)
    if not isinstance(value, dict) or not all(isinstance(inner, str) for inner in value.values()):
        raise invalid("metadata", value, "Must be an object whose values are strings.")
    if len(value) > MAX_METADATA:
        raise invalid("metadata", f"{len(value)} names", f"At most {MAX_METADATA} are allowed.")
    for name, text in value.items():
        check_text("metadata", name, MAX_METADATA_NAME)
        check_text(f"metadata[{name}]", text, MAX_METADATA_VALUE)
    return value


def read_changes(value: object) -> Mapping[str, str | None]:
    """Entries of a video's metadata to set, and those to remove: their values are null."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = parse_json(value)
    if not isinstance(value, dict):
        raise invalid("metadata", value, "Must be an object: a string sets an entry, null removes it.")
    kept = read_metadata({name: inner for name, inner in value.items() if inner is not None})
    removed = [name for name in value if value[name] is None]
    for name in removed:
        check_text("metadata", name, MAX_METADATA_NAME)
    return {**dict.fromkeys(removed), **kept}


def read_priority(value: object) -> int:
    """A whole number from -10 (sooner) to 10 (later)."""
    if value is None:
        return 0
    number = re.fullmatch(r"(-?[0-9]{1,2})(\.0)?", str(value))
    if isinstance(value, bool) or number is None or int(number[1]) not in PRIORITIES:
        raise invalid("priority", value, f"Must be a whole number from {PRIORITIES[0]} (sooner) to {PRIORITIES[-1]}.")
    return int(number[1])


def read_webhook(
    request: Request,
    value: object,
    events: tuple[str, ...],
    dialect: str,
    outbound: Outbound,
    *,
    field: str = "webhook",
) -> Webhook | None:
    """Whom to tell about those events. Raises `BadRequest` for a URL that could never be reached, by its field."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(field, value, "Must be an http or https URL.")
    outbound.check(value, field)
    return Webhook(url=value, dialect=dialect, events=events, base_url=base_url(request))


async def hung_up(request: Request) -> None:
    """Returns when the client has gone. The body has been read, so nothing else can arrive."""
    receive: Callable[[], Awaitable[Any]] = request.receive
    while (await receive())["type"] != "http.disconnect":
        pass
