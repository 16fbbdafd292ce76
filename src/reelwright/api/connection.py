"""One HTTP/1.1 connection of uvicorn, made strict: every wait has a time limit, and everything that is read a bound.

- An `Upgrade` that a request asks for is ignored, as RFC 9110 (7.8) allows: the request is read as if it had not asked.
- What RFC 9112 calls faulty is refused: the answer names the fault, and the connection ends.
- Trailer fields never count as headers (RFC 9110, 6.5.1).
- Every phase has a time limit: the head, the body, the rest of a body that is not read, and sending the answer.
- All connections together are bounded: see `ConnectionLimit`.
- Files are sent by sendfile(2): their bytes do not pass through Python, and other threads run meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from functools import partial
from typing import Any, NoReturn

import httptools
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from reelwright.api.connection_limit import KNOWN, ConnectionLimit
from reelwright.api.framing import MAX_HEAD_BYTES, check_head, explain, refuse_size
from reelwright.errors import BadRequest, Busy, Code, ReelwrightError

HEAD_S = 10.0
"""A connection that has not sent the whole head of a request this long after it began is closed."""
UNREAD_S = 10.0
"""A connection that has not sent the whole body of a request this long after the request was answered is closed."""
LINGER_S = 2.0
"""How long a client whose request was faulty may still send while it gets the answer that says so."""
SEND_STALL_S = 60.0
"""A client that has received nothing of what is sent to it for so long is cut off."""
SEND_CHECKS = 6
"""How often the send buffer is checked within that time."""

SEND_FILE = "reelwright.send_file"
"""The ASGI extension whose value is a `SendFile`, for an answer that has begun."""
PIECE_BYTES = 1024 * 1024
"""How many bytes are sent before other tasks of the loop run."""
NOW: int | None = getattr(os, "RWF_NOWAIT", None)
"""Linux: read what is in memory, or nothing."""

SendFile = Callable[[int, int, int], Awaitable[int]]
"""Sends from an open file, from a position, that many bytes of the body. Returns how many it has sent: fewer when the
rest must be sent in another way. Raises `ClientDisconnect` when the client has gone."""

Refusal = Callable[[ReelwrightError], ASGIApp]
"""An application that answers any request with that error."""


class _Part(Enum):
    """What comes next on the connection."""

    REQUEST = auto()
    HEAD = auto()
    BODY = auto()


class Connection(HttpToolsProtocol):
    """The class that uvicorn gets as `http`, with `refusal` and `limit` bound. uvicorn's own keep-alive time-out limits
    the time between two requests."""

    _part = _Part.REQUEST
    _timer: asyncio.TimerHandle | None = None
    _idle_bytes = 0
    """Bytes that have arrived since the last complete head, or since the last piece of a body's content."""
    _stopped_reading = False
    """True after a fault: nothing more is read, because nobody knows where the next request would begin."""
    _fault: ReelwrightError | None = None
    """A fault in the body of the last request."""
    _room: asyncio.Future[None] | None = None
    _served: RequestResponseCycle | None = None
    _send_timer: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, refusal: Refusal, limit: ConnectionLimit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refusal = refusal
        self._limit = limit

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer(HEAD_S)
        if not self._limit.enter(self):
            self._refuse(Busy("The server has as many connections as it can have.", retry_after=1))

    def connection_lost(self, exc: Exception | None) -> None:
        self._limit.leave(self)
        self._cancel_timer()
        self._cancel_send_timer()
        if self._served is not None and not self._served.response_complete:
            # Of pipelined requests, uvicorn tells only the last one that the connection was lost.
            self._served.disconnected = True
            self._served.message_event.set()
        self._has_room()
        super().connection_lost(exc)

    # --- what `ConnectionLimit` uses (`Peer`) ---

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def served(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def dismiss(self) -> None:
        self._stopped_reading = True
        self.transport.abort()

    # --- what arrives ---

    def data_received(self, data: bytes) -> None:
        if self._stopped_reading or self.transport.is_closing():
            return
        self._idle_bytes += len(data)
        try:
            self._parse(data)
            if self._idle_bytes > MAX_HEAD_BYTES:
                refuse_size("framing of the body" if self._part is _Part.BODY else "head")
        except ReelwrightError as error:
            self._refuse(error)
        except httptools.HttpParserError as error:
            self._refuse(explain(error))

    def _parse(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                self.parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as asked:
                rest = rest[asked.args[0] :]
            self._parse_without_upgrade()

    def _parse_without_upgrade(self) -> None:
        """Give the head, without `Upgrade`, to a new parser. The old one would skip the body, because it takes it for
        data of the other protocol."""
        lines = [b"%b: %b\r\n" % (name, value) for name, value in self.headers if name != b"upgrade"]
        start = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
        self.parser.feed_data(start + b"".join(lines) + b"\r\n")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._part = _Part.HEAD
        self._unset_keepalive_if_required()
        if self._timer is None:
            self._start_timer(HEAD_S)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._part is _Part.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.get_method() == b"CONNECT":
            raise BadRequest("CONNECT is not supported: this server is not a proxy.", code=Code.NOT_IMPLEMENTED)
        if self.parser.should_upgrade():
            return
        version = self.parser.get_http_version()
        check_head(version, self.url, self.headers)
        super().on_headers_complete()
        self._part, self._idle_bytes = _Part.BODY, 0
        self._cancel_timer()
        if version == "1.0":
            self.cycle.waiting_for_100_continue = False
        extensions: dict[str, Any] = {KNOWN: partial(self._limit.recognise, self)}
        if self.scheme == "http":
            extensions[SEND_FILE] = partial(self._send_file, self.cycle)
        self.scope["extensions"] = extensions

    def on_body(self, body: bytes) -> None:
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self._part, self._idle_bytes = _Part.REQUEST, 0
        if self.cycle.response_complete:
            self._cancel_timer()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_send_buffer()
        if self.transport.is_closing():
            return
        if self._part is not _Part.REQUEST:  # the next one has begun, or this one's body is still on its way
            self._unset_keepalive_if_required()
        if self._stopped_reading and self.cycle.response_complete:
            self._linger()
        elif self._part is _Part.BODY and self.cycle.response_complete:
            self._start_timer(UNREAD_S)

    # --- timers ---

    def _start_timer(self, seconds: float) -> None:
        self._cancel_timer()
        self._timer = self.loop.call_later(seconds, self._on_timeout, seconds)

    def _on_timeout(self, seconds: float) -> None:
        if self.flow.read_paused:  # reading was paused by us, so the client is not slow
            self._start_timer(seconds)
        else:
            self.transport.close()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_send_buffer()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_send_timer()

    def _watch_send_buffer(self, checks: int = 0, least: float = math.inf) -> None:
        """Abort the connection if its send buffer does not shrink for `SEND_STALL_S`.

        Such a client receives nothing, and closing the transport would wait for it without end. The buffer is checked
        several times within that time: where one answer follows the other, it may be full again at a single check.
        """
        waiting = self.transport.get_write_buffer_size()
        if waiting == 0 or (checks == 0 and self._send_timer is not None):
            return
        if waiting < least:
            checks, least = 0, waiting
        elif checks == SEND_CHECKS:
            self.transport.abort()
            return
        self._cancel_send_timer()
        self._send_timer = self.loop.call_later(SEND_STALL_S / SEND_CHECKS, self._check_send_buffer, checks + 1, least)

    def _check_send_buffer(self, checks: int, least: float) -> None:
        self._send_timer = None
        self._watch_send_buffer(checks, least)

    def _cancel_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    # --- what is faulty ---

    def _refuse(self, error: ReelwrightError) -> None:
        """Answer a request that cannot be read with this error, once the requests before it are answered; then close
        the connection."""
        self._stopped_reading = True
        self._cancel_timer()
        if self._part is _Part.BODY:
            self._break_off(error)
            return
        cycle = RequestResponseCycle(
            scope=self._scope_of_refused(),  # type: ignore[arg-type]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        app: Any = self._refusal(error)
        before, self.cycle = self.cycle, cycle
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, app)
        else:
            self.pipeline.appendleft((cycle, app))

    def _scope_of_refused(self) -> Scope:
        """The ASGI scope of a refused request, with what could be read of it. The path decides the error's dialect."""
        if self._part is _Part.REQUEST:
            self.on_message_begin()
        path = b"/"
        with contextlib.suppress(httptools.HttpParserError):
            path = httptools.parse_url(self.url).path or path
        return {
            **self.scope,
            "headers": [(name, value) for name, value in self.headers if name != b"host"],
            "method": self.parser.get_method().decode() if self.url else "GET",
            "path": path.decode("ascii"),
            "raw_path": path,
            "query_string": b"",
        }

    def _linger(self) -> None:
        """Close the connection once the client has stopped sending. If it were closed earlier, it would be reset, and
        the client could lose the answer."""
        self.transport.write_eof()
        self._start_timer(LINGER_S)

    def _break_off(self, error: ReelwrightError) -> None:
        """Give up the body of a request that has begun. `receive` raises the error; a request that is answered already
        has its connection closed."""
        self.cycle.keep_alive = False
        if self.cycle.response_complete:
            self.transport.close()
            return
        self._fault = error
        self.cycle.message_event.set()

    # --- what is answered ---

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, partial(self._answer, cycle, app))

    async def _answer(
        self, cycle: RequestResponseCycle, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        async def receive_sound() -> Message:
            message = await receive()
            if self._fault is not None and cycle is self.cycle and cycle.more_body and not cycle.response_started:
                raise self._fault
            return message

        async def send_and_stay(message: Message) -> None:
            await send(message)
            if self._stopped_reading and cycle is self.cycle and message["type"] == "http.response.start":
                cycle.keep_alive = True  # the answer says that the connection closes; it is `_linger` that closes it

        sends = _until_closed(cycle, send_and_stay) if scope["http_version"] == "1.0" else send_and_stay
        await app(scope, receive_sound, sends)

    async def _send_file(self, cycle: RequestResponseCycle, file: int, position: int, count: int) -> int:
        """Implements `SendFile`. Raises OSError when the file is shorter than that."""
        await asyncio.sleep(0)  # the loop writes the head of the answer
        if self.transport.is_closing():
            self._give_up(cycle)
        if self.transport.get_write_buffer_size():
            return 0
        try:
            # A duplicate, because uvloop watches the socket's own descriptor, and closes it with the connection.
            target = os.dup(self.transport.get_extra_info("socket").fileno())
        except OSError:  # no descriptor is free
            return 0
        sent = 0
        try:
            while sent < count:
                if self.transport.is_closing():
                    self._give_up(cycle)
                length = min(PIECE_BYTES, count - sent)
                try:
                    if _in_memory(file, position + sent, length):
                        done = os.sendfile(target, file, position + sent, length)
                    else:
                        done = await run_in_threadpool(os.sendfile, target, file, position + sent, length)
                except BlockingIOError:
                    if not self.transport.is_closing():  # it may have been lost while a thread was at it
                        await self._wait_for_room(target)
                    continue
                except ConnectionError:
                    self.transport.close()
                    continue
                except OSError:  # EINVAL: a file that the kernel does not send
                    break
                if done == 0:
                    raise OSError("the file became shorter while it was sent")
                sent += done
                cycle.expected_content_length -= done
                if sent < count:
                    await asyncio.sleep(0)
        finally:
            os.close(target)
        return sent

    @staticmethod
    def _give_up(cycle: RequestResponseCycle) -> NoReturn:
        # uvicorn sets this later, and only for the last of several pipelined requests.
        cycle.disconnected = True
        raise ClientDisconnect

    async def _wait_for_room(self, target: int) -> None:
        """Wait until the client has received some of what was sent, or has gone; after `SEND_STALL_S` it is cut off."""
        self._room = self.loop.create_future()
        self.loop.add_writer(target, self._has_room)
        try:
            async with asyncio.timeout(SEND_STALL_S):
                await self._room
        except TimeoutError:
            self.transport.abort()
        finally:
            self.loop.remove_writer(target)
            self._room = None

    def _has_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)


def _in_memory(file: int, position: int, length: int) -> bool:
    """Whether the kernel seems to have that part of the file in memory, so that sending it does not wait for a disk."""
    if NOW is None:
        return False
    byte = bytearray(1)
    with contextlib.suppress(OSError):  # EAGAIN: not in memory; EOPNOTSUPP: the file system cannot tell
        return all(os.preadv(file, [byte], at, NOW) for at in (position, position + length - 1))
    return False


def _until_closed(cycle: RequestResponseCycle, send: Send) -> Send:
    """`send` for HTTP/1.0, which has no chunks: a body whose length is not known ends with the connection."""
    unframed = False

    async def send_plain(message: Message) -> None:
        nonlocal unframed
        if message["type"] == "http.response.start":
            unframed = all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))
            cycle.chunked_encoding = False if unframed else None
        elif unframed:
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    return send_plain
