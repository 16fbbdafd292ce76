"""The outermost layer: a request id on every answer, safe headers, one log line, and a 500 that tells nothing."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
QUIET_PATHS = frozenset({"/health", "/ready", "/metrics"})

RequestEnded = Callable[[str, str | None, int, float], None]
"""Told of every answer: method, route (None when no route took it), status, seconds."""


def elapsed(request: Request) -> float:
    """Seconds since the request's headers arrived."""
    return time.perf_counter() - float(request.state.begun)


def request_id(request: Request) -> str:
    """The id of this request, as it stands in `X-Request-Id`."""
    return str(request.state.request_id)


class RequestLog:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, request_ended: RequestEnded) -> None:
        self._app = app
        self._request_ended = request_ended
        self._log = structlog.get_logger("reelwright.api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        scope.setdefault("state", {})["begun"] = begun
        asked = Request(scope).headers.get("x-request-id", "")
        identity = asked if _SANE_ID.fullmatch(asked) else f"req_{secrets.token_hex(12)}"
        scope["state"]["request_id"] = identity
        status, finished = 0, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, finished
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = identity
                headers["X-Content-Type-Options"] = "nosniff"
            elif message["type"] == "http.response.body":
                finished = not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            self._log.exception("request broke", request=identity, path=scope["path"])
            # The handler inside CORS has answered already, unless the answer broke off half-way.
            if not finished:
                raise
        finally:
            seconds = time.perf_counter() - begun
            self._request_ended(scope["method"], scope["state"].get("route"), status, seconds)
            if scope["path"] not in QUIET_PATHS:
                milliseconds = round(seconds * 1000, 1)
                self._log.info("request", method=scope["method"], path=scope["path"], status=status, ms=milliseconds)
