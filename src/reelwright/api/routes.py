"""Adds to all routes: `HEAD` wherever there is `GET`, an answer to `OPTIONS`, and `Allow` with all methods of a
path."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwright.errors import BadRequest, NotFound

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
OF_THE_SERVER = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
"""What `OPTIONS *` is told, which asks about no path in particular (RFC 9110, 9.3.7)."""


def allowed_methods(routes: Sequence[BaseRoute], path: str) -> Sequence[str]:
    """The methods that a path takes, as they stand in `Allow`; none when there is no such path."""
    taken = {method for method in METHODS if _match(routes, path, method) is Match.FULL}
    if "GET" in taken:
        taken.add("HEAD")
    return (*(method for method in METHODS if method in taken), "OPTIONS") if taken else ()


def is_path(routes: Sequence[BaseRoute], path: str) -> bool:
    """Whether any route has this path, whatever the method."""
    return _match(routes, path, "GET") is not Match.NONE


def _match(routes: Sequence[BaseRoute], path: str, method: str) -> Match:
    """How well the best of the routes fits."""
    best = Match.NONE
    for route in routes:
        scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
        best = max(best, route.matches(scope)[0], key=lambda match: match.value)
        if best is Match.FULL:
            break
    return best


def check_address(path: str, query: bytes) -> None:
    """Refuses NUL characters, which Postgres cannot store in a text, so that all databases answer alike. Raises
    `NotFound` for a path with one, `BadRequest` for a query."""
    if "\0" in path:
        raise NotFound("Route not found")
    if b"%00" in query:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        name = next((name for name, value in pairs if "\0" in name + value), "").replace("\0", "")
        message = f"Invalid {name or 'query'}: it contains a NUL character (U+0000). Remove it."
        raise BadRequest(message, field=name or None)


class Methods:
    """ASGI middleware right around the routes: answers what they themselves do not, `HEAD` and `OPTIONS`."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            path = scope["path"]
            if methods := OF_THE_SERVER if path == "*" else allowed_methods(self._routes, path):
                await Response(status_code=204, headers={"Allow": ", ".join(methods)})(scope, receive, send)
                return
        elif (
            scope["type"] == "http"
            and scope["method"] == "HEAD"
            and _match(self._routes, scope["path"], "HEAD") is not Match.FULL
        ):
            await self._head(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The answer to `GET` without its body, which is not made: an event stream would never end."""
        told = False

        async def send_head(message: Message) -> None:
            nonlocal told
            if not told:
                told = True
                await send(message)
                await send({"type": "http.response.body", "body": b""})

        # Ranges are for GET only; and without the extensions no file is sent by the kernel.
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await self._app({**scope, "method": "GET", "headers": headers, "extensions": {}}, receive, send_head)
