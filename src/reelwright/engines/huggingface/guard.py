"""The watched HTTP client behind huggingface_hub: nothing outlives a job's deadline or its cancel.

huggingface_hub polls for ever, has time-outs per phase only, and cannot be cancelled. Its own hooks make it safe: one
client factory for the whole process, and a context variable that tells which job a thread works for. With a `Watch`
in place every wait for the network is cut into slices, between which the job's deadline and its cancel are looked at;
every answer has an allowance of bytes; every failed status is raised at once; and a token goes to nobody but the hub,
its router and the configured endpoint.
"""

from __future__ import annotations

import math
import select
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpcore2
import httpx2
from huggingface_hub import constants
from huggingface_hub.inference._providers import fal_ai, together, wavespeed, zai_org
from huggingface_hub.utils._http import set_client_factory

from reelwright.engines.engine import Report
from reelwright.engines.huggingface.outcomes import Fault, Scrubber, Then, bad_output, from_status
from reelwright.errors import Cancelled, Code, EngineError

if TYPE_CHECKING:
    import socket
    import ssl

SLICE_SECONDS = 0.25
"""How long a thread waits for the network before it looks for a cancel."""
PIECE_BYTES = 256 * 1024
"""At most this is read from the network at once: more does not stay in a core's cache until it is hashed."""
ANSWER_BYTES = 4 * 1024 * 1024
"""The allowance of an answer that is not a result."""
SUBMIT_GRACE_SECONDS = 0.4
"""How long a cancel waits for the answer to a request that starts work: with it the work can be cancelled upstream."""
LONGEST_POLL_PAUSE = 12
"""The longest pause between two looks at a job, in shortest pauses."""
POLLS_PER_SECOND = 100
"""All jobs of the process together look no more often than this (a look costs about 2 ms of CPU)."""
KEEPALIVE_SECONDS = 2.0
"""Idle connections are given up before a server's usual 5 s: reusing one that is just closing loses a request."""


class ResultAt(Exception):
    """The client is about to fetch the result of a job: here is its address. It is streamed to disk instead."""

    def __init__(self, url: str) -> None:
        super().__init__("the result is ready")
        self.url = url


class Watch:
    """One job's patience: its deadline, its cancel, and what the answer being read may be like."""

    def __init__(
        self,
        report: Report | None,
        seconds: float,
        idle_seconds: float,
        poll_seconds: float,
        crowd: Callable[[], int] = lambda: 1,
    ) -> None:
        """`crowd` tells how many jobs share the process now."""
        self._report = report
        self._started = time.monotonic()
        self._deadline = self._started + seconds
        self._route_deadline = math.inf
        self._poll_seconds = poll_seconds
        self._crowd = crowd
        self._received = 0
        self._allowance: float = ANSWER_BYTES
        self._submitting = False
        self._cancel_seen: float | None = None
        self.idle_seconds = idle_seconds
        self.silence = idle_seconds
        """How long the upstream may say nothing, in seconds."""
        self.inspect: Callable[[httpx2.Response], None] | None = None
        """Set while a job is polled: sees every answer. A fetch without a token is then the fetch of the result."""

    def left(self) -> float:
        return min(self._deadline, self._route_deadline) - time.monotonic()

    def check(self) -> None:
        """Raises `Cancelled` when the job has been cancelled, `Fault` when its time (or the route's) is up."""
        now = time.monotonic()
        if self._report is not None:
            try:
                self._report.wait(0)
            except Cancelled:
                self._cancel_seen = self._cancel_seen or now
                if not self._submitting or now - self._cancel_seen >= SUBMIT_GRACE_SECONDS:
                    raise
        if now >= self._deadline:
            spent = self._deadline - self._started
            raise EngineError(f"The upstream did not finish within {spent:.0f} s.", code=Code.TIMED_OUT)
        if now >= self._route_deadline:
            message = "The provider did not finish in its time."
            raise Fault(message, code=Code.TIMED_OUT, then=Then.NEXT, strike=True, running=True)

    def wait(self, seconds: float) -> None:
        """Sleep, but end at once at a cancel and in time at the deadline."""
        pause = max(0.0, min(seconds, self.left()))
        if self._report is None:
            time.sleep(pause)
        else:
            self._report.wait(pause)
        self.check()

    def poll_pause(self) -> None:
        """The pause between two looks at a job: longer the longer it already takes, so that waiting stays cheap."""
        elapsed = time.monotonic() - self._started
        longest = LONGEST_POLL_PAUSE * self._poll_seconds
        self.wait(max(self._poll_seconds, min(elapsed / 20, longest), self._crowd() / POLLS_PER_SECOND))

    def expect(self, allowance: float = ANSWER_BYTES, *, patient: bool = False) -> None:
        """What the next answer may be: at most `allowance` bytes; when `patient`, begun as late as the deadline."""
        self._allowance = allowance
        self.silence = math.inf if patient else self.idle_seconds

    def begin(self) -> None:
        self.check()
        self._received = 0

    def received(self, size: int) -> None:
        self._received += size
        if self._received > self._allowance:
            raise bad_output(f"the answer is larger than {self._allowance:.0f} bytes")

    @contextmanager
    def submitting(self) -> Iterator[None]:
        """Within the block a request that starts work is under way: a cancel gives its answer a moment to arrive."""
        self.check()
        self._submitting = True
        try:
            yield
        finally:
            self._submitting = False

    @contextmanager
    def route_limit(self, seconds: float | None) -> Iterator[None]:
        """Within the block, `seconds` (if any) bound the time as well."""
        self._route_deadline = math.inf if seconds is None else time.monotonic() + seconds
        try:
            yield
        finally:
            self._route_deadline = math.inf

    @contextmanager
    def polling(self, inspect: Callable[[httpx2.Response], None]) -> Iterator[None]:
        self.expect()
        self.inspect = inspect
        try:
            yield
        finally:
            self.inspect = None


_WATCH: ContextVar[Watch | None] = ContextVar("reelwright_huggingface_watch", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[Watch]:
    """Everything this thread does with huggingface_hub inside the block obeys `watch`."""
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


class Guard:
    """Builds the one HTTP client of the process and keeps its rules. Times are in seconds."""

    def __init__(
        self,
        *,
        scrub: Scrubber,
        connect_seconds: float,
        idle_seconds: float,
        endpoint_url: str | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`transport` replaces the network (its owner passes it through `sliced` to keep cancels quick)."""
        self._scrub = scrub
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._transport = transport
        urls = (constants.ENDPOINT, constants.INFERENCE_PROXY_TEMPLATE, endpoint_url or "")
        self._trusted = {urlsplit(url).netloc for url in urls if url}

    def install(self) -> None:
        """Make this the client of everything in huggingface_hub, and its pauses ours."""
        set_client_factory(self.client)
        for module in (fal_ai, together, wavespeed, zai_org):
            # These poll with `time.sleep`, up to 5 s long: a cancel must not wait for that.
            vars(module)["time"] = _Pauses()
        # Together's client gives up after 150 polls; here the job's deadline decides.
        vars(together)["_VIDEO_MAX_POLL_ATTEMPTS"] = 1_000_000

    def client(self) -> httpx2.Client:
        client = httpx2.Client(
            transport=self._transport,
            trust_env=self._transport is None,
            limits=httpx2.Limits(
                max_connections=None, max_keepalive_connections=64, keepalive_expiry=KEEPALIVE_SECONDS
            ),
            event_hooks={"request": [self._before], "response": [self._after]},
            follow_redirects=True,
            max_redirects=3,
        )
        if self._transport is None:
            # Made by the client from the environment (proxies, certificates): one for each kind of address.
            for transport in (client._transport, *client._mounts.values()):
                if isinstance(transport, httpx2.HTTPTransport):
                    sliced(transport)
        return client

    def _before(self, request: httpx2.Request) -> None:
        authorized = "authorization" in request.headers
        if authorized and request.url.netloc.decode("ascii") not in self._trusted:
            del request.headers["authorization"]
        watch = _WATCH.get()
        connect, idle = self._connect_seconds, self._idle_seconds
        if watch is not None:
            watch.begin()
            if watch.inspect is not None and request.method == "GET" and not authorized:
                raise ResultAt(str(request.url))
            connect, idle = min(connect, watch.left()), min(idle, watch.left())
        # How long an answer may take is the watch's own business: see _SlicedStream.
        request.extensions["timeout"] = {"connect": connect, "read": idle, "write": idle, "pool": idle}

    def _after(self, response: httpx2.Response) -> None:
        request = response.request
        if response.has_redirect_location and "authorization" in request.headers:
            target = request.url.join(response.headers["location"])
            if target.netloc != request.url.netloc:
                message = f"{upstream_name(request.url)} redirected to another host; not followed."
                raise Fault(message, code=Code.UPSTREAM_ERROR)
        watch = _WATCH.get()
        if watch is None or response.has_redirect_location:
            return
        watch.silence = watch.idle_seconds
        if response.status_code >= 400:
            response.read()
            name = upstream_name(request.url)
            raise from_status(response.status_code, response.headers, response.text, name, self._scrub)
        if watch.inspect is not None:
            response.read()
            watch.inspect(response)


def upstream_name(url: httpx2.URL) -> str:
    """Who is behind an address, as it may be shown: the provider behind the router, or the host."""
    if url.host == urlsplit(constants.INFERENCE_PROXY_TEMPLATE).hostname:
        return url.path.split("/")[1]
    return url.host


def sliced(transport: httpx2.HTTPTransport) -> httpx2.HTTPTransport:
    """The same transport, whose reads obey the watch of the thread that reads."""
    transport._pool._network_backend = _SlicedBackend()
    return transport


class _Pauses:
    """Stands for the `time` module in the providers' polling loops."""

    def sleep(self, seconds: float) -> None:
        watch = _WATCH.get()
        if watch is None:
            time.sleep(seconds)
        else:
            watch.poll_pause()


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
        watch = _WATCH.get()
        if watch is None:
            return self._stream.read(max_bytes, timeout)
        quiet_since = time.monotonic()
        while True:
            watch.check()
            try:
                data = self._receive(max_bytes, max(0.001, min(SLICE_SECONDS, watch.silence, watch.left())))
            except httpcore2.ReadTimeout:
                if time.monotonic() - quiet_since >= watch.silence:
                    raise
            else:
                watch.received(len(data))
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
