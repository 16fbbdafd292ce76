"""Translates addresses of requests and answers: what a proxy has changed, the path prefix, and a slash at the end.

Routes always see the server's own path (`/v1/videos`), whatever the client asked for; addresses in answers are those by
which the client reaches the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

PREFIX = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9._~-]{1,64}){1,8}")
FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-prefix")
MOST_PEERS = 100
"""How many peers the log names at most."""


def local(request: Request, path: str) -> str:
    """The address of one of this server's paths (`/v1/videos/…`), without scheme and host."""
    return prefix(request) + path


def base_url(request: Request) -> str:
    """This server's own address as the client knows it, with a slash at the end."""
    return str(request.base_url)


def prefix(request: Request) -> str:
    """The path prefix under which the client reaches this server, such as `/reel`; mostly empty."""
    # Starlette's own name for it: `Request.base_url` reads it, and its routes, which see the bare path, do not.
    return str(request.scope.get("app_root_path", ""))


class Addresses:
    """ASGI middleware around everything else: from here on, a request looks as if no proxy had been there.

    `X-Forwarded-For`, `-Proto` and `-Prefix` count when the peer is trusted; those of others change nothing.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[str], root_path: str, known: Callable[[str], bool]) -> None:
        """`trusted`: addresses and networks of proxies, or `*`. `root_path`: the prefix where no proxy tells one.

        `known`: whether there is such a path here. One that is was stripped already, though it may begin like a prefix.
        """
        self._proxies = ProxyHeadersMiddleware(app, list(trusted))  # type: ignore[arg-type]
        self._root_path = root_path
        self._known = known
        self._untrusted: set[str] = set()
        self._log = structlog.get_logger("reelwright.api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            before = self._prefix(scope)
            scope["app_root_path"] = before
            scope["path"] = self._own_path(scope["path"], before)
        await self._proxies(scope, receive, send)  # type: ignore[arg-type]

    def _prefix(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        peer = (scope.get("client") or ("", 0))[0]
        if peer not in self._proxies.trusted_hosts:
            if any(name in headers for name in FORWARDED):
                self._note(peer)
            return self._root_path
        told = headers.get("x-forwarded-prefix", "").strip().rstrip("/")
        return told if PREFIX.fullmatch(told) else self._root_path

    def _own_path(self, path: str, before: str) -> str:
        """The path without a slash at the end, and without the prefix, which a proxy may have taken off already."""
        path = path.removesuffix("/") or "/"
        if before and f"{path}/".startswith(f"{before}/") and not self._known(path):
            return path.removeprefix(before) or "/"
        return path

    def _note(self, peer: str) -> None:
        """Log once that this peer sends such headers and is not trusted: it is most likely a proxy that was not
        configured."""
        if peer in self._untrusted or len(self._untrusted) == MOST_PEERS:
            return
        self._untrusted.add(peer)
        self._log.warning(
            "X-Forwarded headers ignored",
            peer=peer,
            remedy="If this is your proxy, add it to REELWRIGHT_TRUSTED_PROXIES.",
        )
