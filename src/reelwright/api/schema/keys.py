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
_LIMIT = nullable(whole("Null: no limit", minimum=1, maximum=MAX_LIMIT))
_MOMENT = nullable(whole("Seconds since 1970", minimum=0))
_ENDED = frozenset({Code.CONFLICT})


def schemas() -> dict[str, Schema]:
    facts = {
        "id": text(pattern=f"^{KEY_ID}$"),
        "object": text(const="key"),
        "name": text("The name that people know the key by"),
        "owner": text("The owner of its videos"),
        "scopes": array(text(enum=[*Scope])),
        "hint": text("The first characters of its text"),
        "created_at": whole("Seconds since 1970"),
        "expires_at": _MOMENT,
        "revoked_at": _MOMENT,
        "last_used_at": {**_MOMENT, "description": "When it was last used, to the minute"},
        "limits": record(dict.fromkeys(LIMITS, _LIMIT), "What it may have: its own limits, else the server's"),
        "own_limits": record(dict.fromkeys(LIMITS, _LIMIT), "Its own limits", optional=LIMITS),
    }
    return {
        "Key": record(facts, "An API key, without its text"),
        "KeyWithText": record(
            {**facts, "key": text("The text of the key. It is shown only now", pattern=f"^{KEY}$")}, "A new API key"
        ),
        "KeyList": record({"object": text(const="list"), "data": array(ref("Key"))}),
        "RevokedKey": record({"id": text(), "object": text(const="key.revoked"), "revoked": flag(const=True)}),
        "CreateKey": _needing_name(_fields("name", "owner", "scopes", "expires_at", "limits")),
        "ChangeKey": _fields("name", "scopes", "expires_at", "limits"),
        "RotateKey": _fields("keep_s"),
        "Usage": record(
            {
                "object": text(const="list"),
                "data": array(ref("UsedInADay")),
                "key": text("The id of the key of this request; empty where the server asks for no keys"),
                "scopes": array(
                    text("The scopes of the key of this request; none where the server asks for no keys", enum=[*Scope])
                ),
                "limits": words(
                    ref("LimitLeft"), f"The limits that hold for the key of this request: any of {', '.join(_names())}"
                ),
            }
        ),
        "UsedInADay": record(
            {
                "object": text(const="usage"),
                "day": text("The day, in UTC", pattern=r"^\d{4}-\d\d-\d\d$"),
                "key": text("The key's id; empty where the server asked for no keys"),
                "jobs": whole("Jobs that were submitted on that day", minimum=0),
                "completed": whole("Jobs of that day that were completed", minimum=0),
                "failed": whole("Jobs of that day that failed or were cancelled", minimum=0),
                "video_seconds": number("Length of the finished videos, in seconds", minimum=0),
                "engine_seconds": number("Seconds that engines worked on them", minimum=0),
                "cost_usd": number("The cost as the providers reported it; 0 where none did", minimum=0),
            }
        ),
        "LimitLeft": record({"most": whole(minimum=1), "left": whole(minimum=0)}),
    }


def operations() -> dict[tuple[str, str], Operation]:
    one = [_KEY]
    return {
        ("/v1/keys", "get"): _operation(
            "listKeys", "List all API keys", {"200": answer("The keys", "KeyList")}, DATABASE
        ),
        ("/v1/keys", "post"): _operation(
            "createKey",
            "Make an API key",
            {"201": answer("The key. Its text is shown only now", "KeyWithText")},
            BODY | DATABASE,
            body=_body("CreateKey", required=True),
        ),
        ("/v1/keys/{key_id}", "get"): _operation(
            "getKey", "One API key", {"200": answer("The key", "Key")}, DATABASE | NAMES_ONE, one
        ),
        ("/v1/keys/{key_id}", "post"): _operation(
            "changeKey",
            "Change an API key",
            {"200": answer("The key after the change", "Key")},
            BODY | DATABASE | NAMES_ONE | _ENDED,
            one,
            _body("ChangeKey"),
        ),
        ("/v1/keys/{key_id}", "delete"): _operation(
            "revokeKey",
            "Revoke an API key",
            {"200": answer("The key, which nothing accepts any more", "RevokedKey")},
            DATABASE | NAMES_ONE,
            one,
        ),
        ("/v1/keys/{key_id}/rotate", "post"): _operation(
            "rotateKey",
            "Rotate an API key: give it a new text",
            {"200": answer("The key. Its new text is shown only now", "KeyWithText")},
            BODY | DATABASE | NAMES_ONE | _ENDED,
            one,
            _body("RotateKey"),
        ),
        ("/v1/usage", "get"): _operation(
            "getUsage",
            "Read what keys used on each day",
            {"200": answer("The days in their order", "Usage")},
            DATABASE | FIELD,
            [
                query_parameter(
                    "from", text("The first day (UTC); absent: 29 days before the last one", format="date")
                ),
                query_parameter("to", text("The last day (UTC); absent: today", format="date")),
                query_parameter("key", text("The id of one key; another key than one's own needs the scope `admin`")),
            ],
        ),
    }


def _needing_name(fields: Schema) -> Schema:
    properties = fields["properties"]
    name = {**properties["name"], "type": "string"}
    return {**fields, "properties": {**properties, "name": name}, "required": ["name"]}


def _fields(*names: str) -> Schema:
    known = {
        "name": text("The name that people know the key by", minLength=1, maxLength=MAX_NAME),
        "owner": text("The owner of its videos; absent: the key itself", pattern=f"^{OWNER}$"),
        "scopes": array(text(enum=[*Scope]), minItems=1, default=["generate", "read"]),
        "expires_at": number("Seconds since 1970; null: never"),
        "limits": {
            "type": "object",
            "description": "Limits of this key, in place of the server's defaults",
            "properties": dict.fromkeys(LIMITS, _LIMIT),
            "additionalProperties": False,
        },
        "keep_s": number("For how many seconds the old text still works", minimum=0, maximum=MAX_KEEP_S, default=0),
    }
    # Null means that the field is absent, except for `expires_at`, where it means "never". `_needing_name` forbids it
    # for the name of a new key.
    properties = {name: nullable(known[name]) for name in names}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _body(schema: str, *, required: bool = False) -> dict[str, Any]:
    return {"required": required, "content": {"application/json": {"schema": ref(schema)}}}


def _names() -> list[str]:
    return [f"`{policy.name}`" for policy in POLICIES.values()]
