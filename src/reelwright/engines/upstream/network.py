"""An HTTP client that keeps to the limits of the job that it is used for.

- It waits for the network in slices of 0.25 s and checks the job's limits between them, so that the deadline or a
  cancel ends any wait. An answer that is longer than allowed is broken off.
- Credentials are sent only to the origins that they are configured for, also after a redirect.
- Only the configured addresses may be asked without TLS.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import httpcore2
import httpx2

from reelwright.engines.upstream.job_limits import current_limits
from reelwright.engines.upstream.outcomes import bad_output

if TYPE_CHECKING:
    import socket
    import ssl

SLICE_SECONDS = 0.25
"""How long a thread waits for the network before it looks for a cancel."""
PIECE_BYTES = 256 * 1024
"""How much is read from the network at once: this much is still in a core's cache when it is hashed, more is not."""
KEEPALIVE_SECONDS = 2.0
"""Idle connections are given up before a server's usual 5 s: reusing one that is just closing loses a request."""
MAX_REDIRECTS = 3

NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
"""Errors after which the upstream cannot have seen the request."""

_CREDENTIALS = ("authorization", "x-api-key", "cookie")
_ASKED = "reelwright.origin"
"""The name, among a request's extensions, of the origin that it was made for: a redirect inherits it."""


def origin_of(url: str | httpx2.URL) -> str:
    """Scheme, host and port of an address, as credentials are bound to them; a scheme's own port is left out."""
    parsed = httpx2.URL(url)
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"


class Network:
    """Builds HTTP clients and keeps their rules. Times are in seconds."""

    def __init__(
        self,
        *,
        trusted: Collection[str],
        secret_headers: Collection[str] = (),
        secrets: Mapping[str, Collection[str]] | None = None,
        connect_seconds: float,
        idle_seconds: float,
        transport: httpx2.BaseTransport | None = None,
        asked: Callable[[httpx2.Request], None] | None = None,
        answered: Callable[[httpx2.Response], None] | None = None,
        redirected: Callable[[httpx2.Response], None] | None = None,
    ) -> None:
        """`trusted`: the configured addresses; only their origins get credentials and may be asked over plain HTTP.
        `secret_headers`: what carries credentials beside the usual headers. `secrets`: single credentials, each with
        the addresses whose origins alone may get it. What was set for one origin goes to no other one, trusted or not.

        `transport` replaces the network (its owner passes it through `sliced` to keep cancels quick). `asked` sees each
        request before it is sent, `answered` each answer before its body is read, `redirected` each redirect before it
        is followed.
        """
        self._trusted = {origin_of(url) for url in trusted}
        self._secret_headers = (*_CREDENTIALS, *secret_headers)
        self._homes = {secret: {origin_of(url) for url in urls} for secret, urls in (secrets or {}).items()}
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._transport = transport
        self._asked = asked
        self._answered = answered
        self._redirected = redirected

    def client(self) -> httpx2.Client:
        """A client; any number of threads may share it."""
        client = httpx2.Client(
            transport=self._transport,
            trust_env=self._transport is None,
            limits=httpx2.Limits(
                max_connections=None, max_keepalive_connections=64, keepalive_expiry=KEEPALIVE_SECONDS
            ),
            event_hooks={"request": [self._before], "response": [self._after]},
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
        )
        if self._transport is None:
            # Made by the client from the environment (proxies, certificates): one for each kind of address.
            for transport in (client._transport, *client._mounts.values()):
                if isinstance(transport, httpx2.HTTPTransport):
                    sliced(transport)
        return client

    def _before(self, request: httpx2.Request) -> None:
        limits = current_limits()
        connect, idle = self._connect_seconds, self._idle_seconds
        if limits is not None:
            limits.begin()
            connect, idle = min(connect, limits.left()), min(idle, limits.left())
        if self._asked is not None:
            self._asked(request)
        origin = origin_of(request.url)
        if origin not in self._trusted and request.url.scheme != "https":
            raise bad_output("its address is not an https one")
        moved = request.extensions.setdefault(_ASKED, origin) != origin
        for name in self._secret_headers:
            if (value := request.headers.get(name)) is not None and (moved or self._foreign(value, origin)):
                del request.headers[name]
        # These bound single waits; how long the whole answer may take is up to the job's limits (_SlicedStream).
        request.extensions["timeout"] = {"connect": connect, "read": idle, "write": idle, "pool": idle}

    def _foreign(self, credential: str, origin: str) -> bool:
        if origin not in self._trusted:
            return True
        return any(secret in credential and origin not in homes for secret, homes in self._homes.items())

    def _after(self, response: httpx2.Response) -> None:
        if response.has_redirect_location:
            if self._redirected is not None:
                self._redirected(response)
            return
        if (limits := current_limits()) is not None:
            limits.silence = limits.idle_seconds
        if self._answered is not None:
            self._answered(response)


def sliced(transport: httpx2.HTTPTransport) -> httpx2.HTTPTransport:
    """The same transport, changed so that its reads keep to the limits of the thread that reads."""
    transport._pool._network_backend = _SlicedBackend()
    return transport


class _SlicedBackend(httpcore2.NetworkBackend):
    def __init__(self) -> None:
        self._network = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        return _PlainStream(self._network.connect_tcp(host, port, timeout, local_address, socket_options))


class _SlicedStream(httpcore2.NetworkStream):
    """A connection whose reads wait in slices: a slice's time-out loses no bytes, so the next read just goes on."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        limits = current_limits()
        if limits is None:
            return self._stream.read(max_bytes, timeout)
        quiet_since = time.monotonic()
        while True:
            limits.check()
            try:
                data = self._receive(max_bytes, max(0.001, min(SLICE_SECONDS, limits.silence, limits.left())))
            except httpcore2.ReadTimeout:
                if time.monotonic() - quiet_since >= limits.silence:
                    raise
            else:
                limits.received(len(data))
                return data

    def _receive(self, max_bytes: int, seconds: float) -> bytes:
        return self._stream.read(max_bytes, seconds)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        return _SlicedStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return cast(Any, self._stream.get_extra_info(info))


class _PlainStream(_SlicedStream):
    """A connection without TLS: takes what there is at once, in larger pieces, and waits only when there is nothing.

    Each system call of a thread hands the interpreter over to another one; the library makes four for each 64 kB.
    """

    def _receive(self, max_bytes: int, seconds: float) -> bytes:
        sock: socket.socket = self._stream.get_extra_info("socket")
        if sock.gettimeout() != 0:
            sock.settimeout(0)  # a write sets its own
        try:
            try:
                return sock.recv(max(max_bytes, PIECE_BYTES))
            except BlockingIOError:
                poll = select.poll()
                poll.register(sock, select.POLLIN)
                if not poll.poll(seconds * 1000):
                    raise httpcore2.ReadTimeout from None
                return sock.recv(max(max_bytes, PIECE_BYTES))
        except OSError as error:
            raise httpcore2.ReadError(error) from error
