"""`/mcp`: the Model Context Protocol over streamable HTTP, for assistants; needs the extra `mcp`.

It is a client of the public API, in this process: each tool call goes through the key gate and the routes with the
caller's own key, as if it had come over the network. No sessions are kept, since a request holds all that its answer
needs. So no memory is held between requests, and any server behind a load balancer can answer any request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from httpx2 import ASGITransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwright.api.body import MAX_JSON_COMMAS, read_body
from reelwright.client import AsyncClient
from reelwright.client.mcp.server import Context, tool_server
from reelwright.client.mcp.tools import Reach
from reelwright.errors import BadRequest, Code

PATH = "/mcp"
_CREDENTIALS = ("authorization", "x-api-key", "api-key")


class Assistants:
    """The route `/mcp`, and the protocol's server behind it."""

    def __init__(
        self,
        api: ASGIApp,
        *,
        keyed: Callable[[], bool],
        closing: Callable[[], Coroutine[Any, Any, None]],
        max_body_bytes: int,
    ) -> None:
        """`api`: the routes with the key gate in front. `keyed`: whether requests need an API key now. `closing`
        returns when the server stops."""
        self._api = _without_streams(api)
        self._keyed = keyed
        self._closing = closing
        self._max_body_bytes = max_body_bytes
        self._sessions = StreamableHTTPSessionManager(
            tool_server(self._connect, local=False, saves=False), stateless=True, max_request_body_size=max_body_bytes
        )
        # GET would listen to a session and DELETE end one. There are none, and then the protocol wants 405.
        self.route = Route(PATH, endpoint=_Endpoint(self._answer), methods=["POST"], include_in_schema=False)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Within this context requests are answered. Those that are under way at its end are cancelled."""
        return self._sessions.run()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reads the body under the server's own limits of size, time and number of values."""
        raw = await read_body(Request(scope, receive), self._max_body_bytes)
        if raw.count(b",") > MAX_JSON_COMMAS:
            raise BadRequest(f"The JSON has more than {MAX_JSON_COMMAS:,} values", code=Code.MALFORMED_BODY)
        await self._sessions.handle_request(scope, _once(raw, receive), send)

    @asynccontextmanager
    async def _connect(self, context: Context) -> AsyncGenerator[Reach]:
        request = context.request
        assert request is not None  # this transport has one for every call
        key = {name: request.headers[name] for name in _CREDENTIALS if name in request.headers}
        # An exception in a route becomes a 500 that does not show it; `raise_app_exceptions` would raise it here again.
        transport = ASGITransport(self._api, client=request.client or ("127.0.0.1", 0), raise_app_exceptions=False)
        origin = f"{request.base_url.scheme}://{request.base_url.netloc}"
        async with AsyncClient(origin, transport=transport, headers=key) as client:
            url = str(request.base_url).rstrip("/")
            yield Reach(client=client, url=url, keyed=self._keyed(), closing=self._closing)


class _Endpoint:
    """Makes an object of an ASGI app: Starlette's `Route` would take a function or method for a view."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _once(raw: bytes, receive: Receive) -> Receive:
    """A `receive` that returns the body, which was read already, and then what the given `receive` returns."""
    body: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]

    async def again() -> Message:
        return body.pop() if body else await receive()

    return again


def _without_streams(api: ASGIApp) -> ASGIApp:
    """The API without its event streams, because `ASGITransport` cannot stream an answer.

    A client whose request for events is answered with 404 polls instead.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/events"):
            await Response(status_code=404)(scope, receive, send)
        else:
            await api(scope, receive, send)

    return app
