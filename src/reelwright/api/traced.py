"""ASGI middleware: a server span for each request, in the caller's trace if it sent a `traceparent`.

Names: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server. The query is left out, since clients
may put anything into it.
"""

from __future__ import annotations

from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwright.api.metrics import METHODS
from reelwright.api.request_log import QUIET_PATHS
from reelwright.tracing import Kind, Tracer


class Traced:
    """The outermost middleware, added only if tracing is on. Health checks and scrapes get no span and no log line."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in QUIET_PATHS:
            await self._app(scope, receive, send)
            return
        known = scope["method"] in METHODS
        method = scope["method"] if known else "HTTP"
        facts: dict[str, Any] = {
            "http.request.method": method if known else "_OTHER",
            "url.scheme": scope["scheme"],
            "url.path": scope["path"],
            "network.protocol.version": scope["http_version"],
        }
        if scope.get("server"):
            facts["server.address"], facts["server.port"] = scope["server"][0], scope["server"][1] or 0
        state: dict[str, Any] = scope.setdefault("state", {})
        parent = Headers(scope=scope).get("traceparent")
        with self._tracer.begin(method, facts, kind=Kind.SERVER, parent=parent) as span, span.current():

            async def send_noting_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status: int = message["status"]
                    span.note({"http.response.status_code": status})
                    if status >= 500:
                        span.fail(str(status))
                await send(message)

            try:
                await self._app(scope, receive, send_noting_status)
            finally:
                if route := state.get("route"):
                    span.rename(f"{method} {route}")
                    span.note({"http.route": route})
