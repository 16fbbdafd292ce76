"""The operations and schemas of `/health`, `/ready` and `/metrics` in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from reelwright.api.schema.json_schema import Schema, array, record, text, whole, words
from reelwright.api.schema.native import VOICE
from reelwright.api.schema.operations import Operation, answer

TAG = "server"


def schemas() -> dict[str, Schema]:
    return {
        "Health": record(
            {
                "status": text(const="healthy"),
                "message": text(const="Video generation API is running"),
                "timestamp": text(format="date-time"),
                "version": text("The version of the server"),
                "engine": record({"name": text("The default engine"), "reason": text("Why it is")}),
                "queue": record({"running": whole(minimum=0), "waiting": whole(minimum=0)}),
                "engines": words(array(words({})), "What each engine tells of its processes"),
                "keep_warm": words({}, "When the endpoint was last asked, and how it is"),
            },
            optional=("engines", "keep_warm"),
        ),
        "Readiness": record(
            {
                "status": text(enum=["ready", "unavailable"]),
                "checks": words(text(), "`ok` or the problem, by what was looked at"),
                "warnings": array(text(), "What is wrong here and keeps nobody from making videos"),
                "timestamp": text(format="date-time"),
                "reason": text("All problems, as sentences"),
            },
            optional=("reason", "warnings"),
        ),
    }


def operations() -> dict[tuple[str, str], Operation]:
    metrics = {
        "200": {
            "description": "The metrics in the form that the scraper asks for",
            "content": {
                "text/plain": {"schema": text()},
                "application/openmetrics-text": {"schema": text()},
            },
        }
    }
    return {
        ("/health", "get"): _operation(
            "getHealth", "Whether the server runs", {"200": answer("It runs", "Health")}, public=True
        ),
        ("/ready", "get"): _operation(
            "getReadiness",
            "Whether the server could make a video now",
            {"200": answer("It could", "Readiness"), "503": answer("It could not make a video", "Readiness")},
            public=True,
        ),
        ("/metrics", "get"): _operation("getMetrics", "The server's metrics (Prometheus)", metrics),
    }


def _operation(identity: str, summary: str, answers: dict[str, Any], *, public: bool = False) -> Operation:
    return Operation(id=identity, tag=TAG, summary=summary, voice=VOICE, answers=answers, public=public)
