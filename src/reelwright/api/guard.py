"""Decides who may talk to this server, by host names, origins and API keys, before any route sees the request.

A web page that a user happens to visit must not be able to drive a server on their machine. So a loopback server
answers only to its own names (DNS rebinding), and a foreign `Origin` may not change anything (cross-site requests).
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwright.api.connection_limit import KNOWN, network_of
from reelwright.api.limits import Meter
from reelwright.api.routes import check_address
from reelwright.api.scopes import check_scope
from reelwright.errors import Busy, Code, Forbidden, ReelwrightError, Unauthorized
from reelwright.jobs.callers import Caller
from reelwright.jobs.keyring import Keyring
from reelwright.store.keys import NO_LIMITS

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "0.0.0.0"})

PUBLIC_PATHS = re.compile(
    r"/|/admin|/health|/ready|/favicon\.ico|/playground/[^/]+|/openapi\.json|/docs(/[^/]+)?|/share/[^/]+(/content)?"
)
"""Routes that never ask for a key: probes, the static pages, the API's document, and what was shared by a signed link.
Everything else is a job route."""


EXPOSED_HEADERS = (
    "Accept-Ranges",
    "Allow",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "ETag",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Engine",
    "X-Generation-Time",
    "X-Inference-Time-S",
    "X-Model",
    "X-Request-Id",
    "X-Seed",
    "X-Video-Id",
    "X-Video-Size",
    "openai-poll-after-ms",
    "x-should-retry",
)
"""What a page of another origin may read, beside the few headers that CORS lets everyone read."""


class Origins:
    """The origins whose pages may use this server: the listed ones, and in development any port of this machine."""

    LOCAL = r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"
    MOST_STRANGERS = 100

    def __init__(self, listed: Sequence[str], *, any_local: bool) -> None:
        """`any_local`: a page that a development server on any port of this machine serves counts as listed."""
        self.pattern = "|".join([*map(re.escape, listed), *([self.LOCAL] if any_local else [])])
        self._pattern = re.compile(self.pattern)
        self._strangers: set[str] = set()
        self._log = structlog.get_logger("reelwright.api")

    def __contains__(self, origin: str) -> bool:
        return origin != "" and self._pattern.fullmatch(origin) is not None

    def note_stranger(self, origin: str) -> str:
        """Log, once, that this origin was refused. Returns what the operator can do to allow it."""
        remedy = (
            "Serve the page over http and list that origin in CLIENT_URL."
            if origin == "null"
            else "Add it to CLIENT_URL."
        )
        if origin not in self._strangers and len(self._strangers) < self.MOST_STRANGERS:
            self._strangers.add(origin)
            self._log.warning("origin not listed", origin=origin, remedy=remedy)
        return remedy


class HostAndOriginCheck:
    """ASGI middleware, outside CORS: which host names are answered to, and which origins may change something."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: Origins,
        hosts: frozenset[str] | None,
        answer: Callable[[Request, ReelwrightError], Response],
    ) -> None:
        """`hosts`: the names in `Host` that are answered to, without ports; None answers to any."""
        self._app = app
        self._origins = origins
        self._hosts = hosts
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            try:
                self._check_host(headers)
                self._check_origin(scope, headers)
            except ReelwrightError as error:
                await self._answer(Request(scope), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        """Raises `Forbidden` for a host name that is not this server's. A request without `Host` is HTTP/1.0, which no
        browser speaks, so it passes."""
        host = headers.get("host")
        if self._hosts is None or host is None:
            return
        name = re.sub(r":[0-9]*$", "", host).lower()
        if name not in self._hosts:
            raise Forbidden(
                f"This server does not answer to the host name {name[:100]!r}. Add it to REELWRIGHT_ALLOWED_HOSTS.",
                code=Code.MISDIRECTED,
            )

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        origin = headers.get("origin")
        own = f"{scope['scheme']}://{headers.get('host', '')}"
        if origin is None or origin == own or origin in self._origins:
            return
        origin = origin[:100]
        remedy = self._origins.note_stranger(origin)
        preflight = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if scope["method"] not in SAFE_METHODS or preflight:
            raise Forbidden(f"The origin {origin!r} may not use this server. {remedy}")


class CrossOrigin:
    """ASGI middleware: lets the listed origins read the answers in a browser, and any headers be sent (CORS).

    To an origin that is not listed it is as if none had been named: it gets no CORS header at all.
    """

    def __init__(self, app: ASGIApp, *, origins: Origins, exposed: Sequence[str]) -> None:
        """`exposed`: the answers' headers that a page may read."""
        self._origins = origins
        self._cors = CORSMiddleware(
            app,
            allow_origin_regex=origins.pattern,
            allow_credentials=True,
            allow_private_network=True,
            allow_methods=("GET", "POST", "DELETE", "HEAD", "OPTIONS"),
            allow_headers=("*",),
            expose_headers=exposed,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and Headers(scope=scope).get("origin", "") not in self._origins:
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"origin"]}
        await self._cors(scope, receive, send)


class Failures:
    """Counts wrong keys by address, a minute at a time."""

    ALLOWED = 300
    WINDOW_S = 60.0
    MOST_ADDRESSES = 10_000

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, address: str, now: float) -> float:
        """Note one more. Returns how many seconds to wait, 0 while the number is still allowed."""
        begun, number = self._seen.pop(address, (now, 0))
        if now - begun >= self.WINDOW_S:
            begun, number = now, 0
        self._seen[address] = (begun, number + 1)
        while len(self._seen) > self.MOST_ADDRESSES:
            self._seen.popitem(last=False)
        return 0.0 if number < self.ALLOWED else max(1.0, begun + self.WINDOW_S - now)


def _nobody_asks() -> None:
    """Used in place of `KNOWN` for a request that did not come over a `Connection`, such as a tool call at `/mcp`."""


class KeyGate:
    """ASGI middleware, inside CORS. Where the server asks for API keys, a request needs a key whose scopes allow its
    route, and that has requests left. Notes the caller in the ASGI scope."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Keyring,
        meter: Meter,
        answer: Callable[[Request, ReelwrightError], Response],
    ) -> None:
        self._app = app
        self._keys = keys
        self._meter = meter
        self._answer = answer
        self._failures = Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state, app = scope.setdefault("state", {}), self._app
        address = (scope.get("client") or ("", 0))[0]
        state["owner"], state["caller"] = "", Caller(address=address)
        try:
            if not PUBLIC_PATHS.fullmatch(scope["path"]):
                caller = state["caller"] = self._caller(address, Headers(scope=scope))
                state["owner"] = caller.owner
                scope.get("extensions", {}).get(KNOWN, _nobody_asks)()
                await self._meter.count(caller)
                check_scope(caller, scope["method"], scope["path"])
            check_address(scope["path"], scope["query_string"])
        except ReelwrightError as error:
            app = self._answer(Request(scope), error)
        await app(scope, receive, self._telling(state["caller"], send))

    def _telling(self, caller: Caller, send: Send) -> Send:
        """A `send` that adds to the head of the answer what the key has left of its limits."""
        if caller.limits == NO_LIMITS:
            return send

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._meter.tell(caller, MutableHeaders(scope=message))
            await send(message)

        return tell

    def _caller(self, address: str, headers: Headers) -> Caller:
        """The caller to whom this request's key belongs. Raises `Unauthorized`; `Busy` after many wrong keys from an
        address."""
        if not self._keys.asked_for:
            return Caller(address=address)
        scheme, _, credential = headers.get("authorization", "").partition(" ")
        if scheme.lower() in ("bearer", "token"):
            key = credential.strip()
        else:
            key = headers.get("x-api-key") or headers.get("api-key", "")  # Azure's clients send the second
        caller = self._keys.find(key, address)
        if caller is None:
            # Wrong keys are counted by address, so that none can be guessed by trying thousands; a right key never
            # waits.
            if wait := self._failures.count(network_of(address), time.monotonic()):
                raise Busy("Too many requests with a wrong API key", code=Code.RATE_LIMITED, retry_after=wait)
            raise Unauthorized("Missing or invalid API key")
        return caller
