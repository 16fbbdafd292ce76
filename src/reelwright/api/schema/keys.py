"""The operations and schemas of `/v1/keys` and `/v1/usage` in the OpenAPI document."""

from __future__ import annotations

from functools import partial
from typing import Any

from reelwright.api.limits import POLICIES
from reelwright.api.schema.json_schema import Schema, array, flag, nullable, number, record, ref, text, whole, words
from reelwright.api.schema.openai import VOICE
from reelwright.api.schema.operations import (
    BODY,
    DATABASE,
    FIELD,
    NAMES_ONE,
    Operation,
    answer,
    operation,
    path_parameter,
    query_parameter,
)
from reelwright.errors import Code
from reelwright.ids import KEY_ID
from reelwright.store.issuing import MAX_KEEP_S, MAX_LIMIT, MAX_NAME, OWNER
from reelwright.store.key_text import KEY
from reelwright.store.keys import LIMITS, Scope

TAG = "keys"
_operation = partial(operation, TAG, VOICE)

_KEY = path_parameter("key_id", text("The id of an API key", pattern=f"^{KEY_ID}$"))
_LIMIT = nullable(whole("Null: as much as there is", minimum=1, maximum=MAX_LIMIT))
_MOMENT = nullable(whole("Seconds since 1970", minimum=0))
_ENDED = frozenset({Code.CONFLICT})


def schemas() -> dict[str, Schema]:
    facts = {
        "id": text(pattern=f"^{KEY_ID}$"),
        "object": text(const="key"),
        "name": text("By which people know it"),
        "owner": text("Whose its videos are"),
        "scopes": array(text(enum=[*Scope])),
        "hint": text("How its text begins"),
        "created_at": whole("Seconds since 1970"),
        "expires_at": _MOMENT,
        "revoked_at": _MOMENT,
        "last_used_at": {**_MOMENT, "description": "To the minute"},
        "limits": record(dict.fromkeys(LIMITS, _LIMIT), "What it may have: its own limits, else the server's"),
        "own_limits": record(dict.fromkeys(LIMITS, _LIMIT), "Its own limits", optional=LIMITS),
    }
    return {
        "Key": record(facts, "An API key, without its text"),
        "KeyWithText": record({**facts, "key": text("Shown this once", pattern=f"^{KEY}$")}, "A new API key"),
        "KeyList": record({"object": text(const="list"), "data": array(ref("Key"))}),
        "RevokedKey": record({"id": text(), "object": text(const="key.revoked"), "revoked": flag(const=True)}),
        "CreateKey": _needing_name(_fields("name", "owner", "scopes", "expires_at", "limits")),
        "ChangeKey": _fields("name", "scopes", "expires_at", "limits"),
        "RotateKey": _fields("keep_s"),
        "Usage": record(
            {
                "object": text(const="list"),
                "data": array(ref("UsedInADay")),
                "key": text("The id of the key that asks; empty where no key is asked for"),
                "scopes": array(text("Of the key that asks; none where no key is asked for", enum=[*Scope])),
                "limits": words(ref("LimitLeft"), f"Of the key that asks, any of {', '.join(_names())}"),
            }
        ),
        "UsedInADay": record(
            {
                "object": text(const="usage"),
                "day": text("In UTC", pattern=r"^\d{4}-\d\d-\d\d$"),
                "key": text("The key's id; empty where no key was asked for"),
                "jobs": whole("That were submitted on that day", minimum=0),
                "completed": whole("Of them", minimum=0),
                "failed": whole("Of them, or cancelled", minimum=0),
                "video_seconds": number("Of the finished videos", minimum=0),
                "engine_seconds": number("Of the attempts that made them", minimum=0),
                "cost_usd": number("As providers told it; 0 where none did", minimum=0),
            }
        ),
        "LimitLeft": record({"most": whole(minimum=1), "left": whole(minimum=0)}),
    }


def operations() -> dict[tuple[str, str], Operation]:
    one = [_KEY]
    return {
        ("/v1/keys", "get"): _operation("listKeys", "All API keys", {"200": answer("They are", "KeyList")}, DATABASE),
        ("/v1/keys", "post"): _operation(
            "createKey",
            "Make an API key",
            {"201": answer("Its text is shown this once", "KeyWithText")},
            BODY | DATABASE,
            body=_body("CreateKey", required=True),
        ),
        ("/v1/keys/{key_id}", "get"): _operation(
            "getKey", "One API key", {"200": answer("It is", "Key")}, DATABASE | NAMES_ONE, one
        ),
        ("/v1/keys/{key_id}", "post"): _operation(
            "changeKey",
            "Change an API key",
            {"200": answer("As it is now", "Key")},
            BODY | DATABASE | NAMES_ONE | _ENDED,
            one,
            _body("ChangeKey"),
        ),
        ("/v1/keys/{key_id}", "delete"): _operation(
            "revokeKey",
            "End an API key",
            {"200": answer("It opens no door now", "RevokedKey")},
            DATABASE | NAMES_ONE,
            one,
        ),
        ("/v1/keys/{key_id}/rotate", "post"): _operation(
            "rotateKey",
            "Give an API key another text",
            {"200": answer("It is shown this once", "KeyWithText")},
            BODY | DATABASE | NAMES_ONE | _ENDED,
            one,
            _body("RotateKey"),
        ),
        ("/v1/usage", "get"): _operation(
            "getUsage",
            "What was used each day",
            {"200": answer("In the order of the days", "Usage")},
            DATABASE | FIELD,
            [
                query_parameter("from", text("The first day (UTC); absent: 30 days in all", format="date")),
                query_parameter("to", text("The last day (UTC); absent: today", format="date")),
                query_parameter("key", text("The id of one key; others than one's own for the scope admin only")),
            ],
        ),
    }


def _needing_name(fields: Schema) -> Schema:
    properties = fields["properties"]
    name = {**properties["name"], "type": "string"}
    return {**fields, "properties": {**properties, "name": name}, "required": ["name"]}


def _fields(*names: str) -> Schema:
    known = {
        "name": text("By which people know it", minLength=1, maxLength=MAX_NAME),
        "owner": text("Whose its videos are; absent: its own", pattern=f"^{OWNER}$"),
        "scopes": array(text(enum=[*Scope]), minItems=1, default=["generate", "read"]),
        "expires_at": number("Seconds since 1970; null: never"),
        "limits": {
            "type": "object",
            "description": "Instead of the server's own",
            "properties": dict.fromkeys(LIMITS, _LIMIT),
            "additionalProperties": False,
        },
        "keep_s": number("Seconds that the text before is still good for", minimum=0, maximum=MAX_KEEP_S, default=0),
    }
    # Null means that the field is absent, except for `expires_at`, where it means "never". `_needing_name` forbids it
    # for the name of a new key.
    properties = {name: nullable(known[name]) for name in names}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _body(schema: str, *, required: bool = False) -> dict[str, Any]:
    return {"required": required, "content": {"application/json": {"schema": ref(schema)}}}


def _names() -> list[str]:
    return [f"`{policy.name}`" for policy in POLICIES.values()]
