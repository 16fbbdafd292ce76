"""Describes operations of the API. Their error answers follow from the error codes and the dialects' status tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelwright.api.errors import COME_BACK_S, Dialect
from reelwright.api.guard import SAFE_METHODS
from reelwright.api.schema.json_schema import Schema, ref
from reelwright.errors import Code

ALWAYS = frozenset({Code.MISDIRECTED, Code.INTERNAL, Code.MALFORMED_REQUEST, Code.HEAD_TOO_LARGE, Code.NOT_IMPLEMENTED})
ASKS_FOR_KEY = frozenset({Code.UNAUTHORIZED, Code.RATE_LIMITED, Code.FORBIDDEN})
CHANGES = frozenset({Code.FORBIDDEN})
"""The error of a request that may change something and that a page of another site has sent."""
DATABASE = frozenset({Code.UNAVAILABLE})
"""The error of a request that uses the database, when the database does not answer."""
NAMES_ONE = frozenset({Code.NOT_FOUND})
FIELD = frozenset({Code.INVALID_FIELD})
BODY = FIELD | {Code.MALFORMED_BODY, Code.UNSUPPORTED_MEDIA_TYPE, Code.BODY_TOO_LARGE, Code.BODY_TOO_SLOW}
SUBMITS = (
    BODY
    | DATABASE
    | {
        Code.PROMPT_MISSING,
        Code.PROMPT_EMPTY,
        Code.MODEL_NOT_FOUND,
        Code.MODEL_NOT_READY,
        Code.ENGINE_NOT_CONFIGURED,
        Code.IDEMPOTENCY_CONFLICT,
        Code.QUEUE_FULL,
        Code.QUOTA_EXCEEDED,
        Code.STORAGE_FULL,
    }
)
FILE = DATABASE | {Code.CORRUPT, Code.NOT_FOUND, Code.RANGE_NOT_SATISFIABLE, Code.PRECONDITION_FAILED}
RENDERS = frozenset(
    {
        *(code for code in Code if code.startswith("upstream_")),
        Code.REFUSED,
        Code.BAD_OUTPUT,
        Code.TIMED_OUT,
        Code.UNKNOWN_OUTCOME,
        Code.OUT_OF_MEMORY,
        Code.ENGINE_CRASHED,
        Code.ENGINE_FAILED,
        Code.CANCELLED,
    }
)
"""The errors of a job, which a request that waits for its video answers with."""

REQUEST_ID = {"X-Request-Id": ref("RequestId", "headers")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How a dialect's errors appear in the document.

    `error`: the name of their schema. `name`: the beginning of the names of the dialect's error answers.
    """

    dialect: Dialect
    name: str
    error: str
    media_type: str = "application/json"

    def answer(self, status: int) -> str:
        """The name of the dialect's error answer with that status."""
        return f"{self.name}{status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. `codes`: its errors, beside those that any operation can have. `public`: it never asks
    for an API key."""

    id: str
    tag: str
    summary: str
    voice: Voice
    answers: Mapping[str, Any]
    codes: frozenset[Code] = frozenset()
    parameters: Sequence[Schema] = ()
    body: Mapping[str, Any] | None = None
    public: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    def describe(self, method: str, description: str) -> dict[str, Any]:
        """The operation object of the document."""
        codes = self.codes | ALWAYS
        codes |= frozenset() if self.public else ASKS_FOR_KEY
        codes |= frozenset() if method in SAFE_METHODS else CHANGES
        statuses = sorted({self.voice.dialect.statuses[code] for code in codes})
        errors = {str(status): ref(self.voice.answer(status), "responses") for status in statuses}
        answers = {
            status: {**answer, "headers": {**answer.get("headers", {}), **REQUEST_ID}}
            for status, answer in self.answers.items()
        }
        return {
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "description": description,
            **({"parameters": [*self.parameters]} if self.parameters else {}),
            **({"requestBody": self.body} if self.body else {}),
            "responses": {**errors, **answers},
            **({"security": []} if self.public else {}),
            **self.more,
        }


def error_answers(voices: Iterable[Voice]) -> dict[str, Any]:
    """The error answers of all dialects, by name: one for each HTTP status, described by the codes that have it."""
    found: dict[str, Any] = {}
    for voice in voices:
        by_status: dict[int, list[Code]] = {}
        for code, status in voice.dialect.statuses.items():
            by_status.setdefault(status, []).append(code)
        for status, codes in sorted(by_status.items()):
            found[voice.answer(status)] = _error_answer(voice, status, codes)
    return found


def _error_answer(voice: Voice, status: int, codes: Sequence[Code]) -> dict[str, Any]:
    headers: dict[str, Any] = dict(REQUEST_ID)
    if any(code in COME_BACK_S for code in codes):
        headers["Retry-After"] = ref("RetryAfter", "headers")
    if Code.RATE_LIMITED in codes:
        headers["RateLimit"] = ref("RateLimit", "headers")
        headers["RateLimit-Policy"] = ref("RateLimitPolicy", "headers")
    if Code.UNAUTHORIZED in codes:
        headers["WWW-Authenticate"] = ref("Authenticate", "headers")
    if Code.RANGE_NOT_SATISFIABLE in codes:
        headers["Content-Range"] = ref("ContentRange", "headers")
    return {
        "description": ", ".join(f"`{code}`" for code in codes),
        "headers": headers,
        "content": {voice.media_type: {"schema": ref(voice.error)}},
    }


def answer(description: str, schema: str, **headers: Schema) -> dict[str, Any]:
    """A JSON answer. The names of `headers` are written with underscores instead of hyphens."""
    return {
        "description": description,
        **({"headers": {name.replace("_", "-"): header for name, header in headers.items()}} if headers else {}),
        "content": {"application/json": {"schema": ref(schema)}},
    }


def path_parameter(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def query_parameter(name: str, schema: Schema, **more: Any) -> Schema:
    return {"name": name, "in": "query", "schema": schema, **more}


def header_parameter(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": schema}


def operation(
    tag: str,
    voice: Voice,
    identity: str,
    summary: str,
    answers: Mapping[str, Any],
    codes: frozenset[Code] = frozenset(),
    parameters: Sequence[Schema] = (),
    body: Mapping[str, Any] | None = None,
) -> Operation:
    """An operation. Each dialect gives its `tag` and `voice` once, by `functools.partial`."""
    return Operation(
        id=identity,
        tag=tag,
        summary=summary,
        voice=voice,
        answers=answers,
        codes=codes,
        parameters=parameters,
        body=body,
    )
