"""The operation and the schemas of `/v1/audit` in the OpenAPI document."""

from __future__ import annotations

from functools import partial

from reelwright.api.audit import MOST, NAME, USUAL
from reelwright.api.schema.json_schema import Schema, array, flag, nullable, record, ref, text, whole
from reelwright.api.schema.keys import TAG
from reelwright.api.schema.openai import VOICE
from reelwright.api.schema.operations import DATABASE, FIELD, Operation, answer, operation, query_parameter
from reelwright.ids import AUDIT_ID
from reelwright.store.audit import COMMAND, SERVER, Action

_operation = partial(operation, TAG, VOICE)

_ENTRY_ID = text(pattern=f"^{AUDIT_ID}$")
_WHO = f"The id of an API key, `{COMMAND}` (the command line), `{SERVER}`, or empty: no key, or a wrong one"

_MOMENT: Schema = {
    "description": "A day or a time in ISO 8601, as 2026-11-29T12:00:00Z",
    "anyOf": [text(format="date"), text(format="date-time")],
}


def schemas() -> dict[str, Schema]:
    return {
        "AuditEntry": record(
            {
                "object": text(const="audit.entry"),
                "id": _ENTRY_ID,
                "at": text("When it was, in UTC", format="date-time"),
                "action": text("One of these words, or one that a later release adds", examples=[*Action]),
                "key": text(_WHO),
                "about": text("The id of the video or key; empty for a refused request"),
                "code": text("Why it was refused: the error's code; else empty"),
                "number": whole("How many equal requests this entry stands for", minimum=1),
                "address": text("The address that they came from; empty if unknown, or if there were several"),
            }
        ),
        "Audit": record(
            {
                "object": text(const="list"),
                "data": array(ref("AuditEntry")),
                "first_id": nullable(_ENTRY_ID),
                "last_id": nullable(_ENTRY_ID),
                "has_more": flag(),
            }
        ),
    }


def operations() -> dict[tuple[str, str], Operation]:
    return {
        ("/v1/audit", "get"): _operation(
            "listAudit",
            "Read the audit: who did what, and when",
            {"200": answer("A page of the audit", "Audit")},
            DATABASE | FIELD,
            [
                query_parameter("key", text(_WHO, pattern=NAME)),
                query_parameter("action", text(enum=[*Action])),
                query_parameter("about", text("The id of one video or key", pattern=NAME)),
                query_parameter("since", _MOMENT),
                query_parameter(
                    "after",
                    {**_ENTRY_ID, "description": "The id of the last entry already read; the page begins after it"},
                ),
                query_parameter("limit", whole(minimum=1, maximum=MOST, default=USUAL)),
                query_parameter("order", text(enum=["asc", "desc"], default="desc")),
            ],
        ),
    }
