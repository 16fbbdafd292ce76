"""One HTTP/1.1 connection of uvicorn, that does not wait for a request's head for ever, nor read it without end.

It sends files by sendfile(2): their bytes do not pass through Python, and other threads run meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NoReturn

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_S = 10.0
"""A connection that has not sent the whole head of a request this long after it began is closed."""

MAX_HEAD_BYTES = 64 * 1024

SEND_FILE = "reelwright.send_file"
"""The ASGI extension whose value is a `SendFile`, for an answer that has begun."""
PIECE_BYTES = 1024 * 1024
"""Others have their turn on the loop after so many bytes."""
NOW: int | None = getattr(os, "RWF_NOWAIT", None)
"""Linux: read what is in memory, or nothing."""

SendFile = Callable[[int, int, int], Awaitable[int]]
"""Sends from an open file, from a position, that many bytes of the body. Returns how many it has sent: fewer when the
rest must be sent in another way. Raises `ClientDisconnect` when the client has gone."""


class Connection(HttpToolsProtocol):
    """Give it to uvicorn as `http`. Between requests uvicorn's own keep-alive time-out counts."""

    _patience: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _room: asyncio.Future[None] | None = None
    _served: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_S, transport.close)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_whole()
        if self._served is not None and not self._served.response_complete:
            # uvicorn tells only the last of several requests that came behind each other.
            self._served.disconnected = True
            self._served.message_event.set()
        self._has_room()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._patience is None:
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_S, self.transport.close)

    def on_headers_complete(self) -> None:
        self._head_is_whole()
        super().on_headers_complete()
        if self.cycle is not None and self.cycle.scope is self.scope and self.scheme == "http":
            extensions: dict[str, Any] = {SEND_FILE: partial(self._send_file, self.cycle)}
            self.scope["extensions"] = extensions

    def _head_is_whole(self) -> None:
        self._head_bytes = 0
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    async def _send_file(self, cycle: RequestResponseCycle, file: int, position: int, count: int) -> int:
        """Implements `SendFile`. Raises OSError when the file is shorter than that."""
        await asyncio.sleep(0)  # the loop writes the head of the answer
        if self.transport.is_closing():
            self._give_up(cycle)
        if self.transport.get_write_buffer_size():
            return 0
        try:
            # Its own descriptor: uvloop watches the other one, and closes it with the connection.
            target = os.dup(self.transport.get_extra_info("socket").fileno())
        except OSError:  # none is free
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
        # uvicorn notes it later, and only for the last of several requests that came behind each other.
        cycle.disconnected = True
        raise ClientDisconnect

    async def _wait_for_room(self, target: int) -> None:
        """Until the client has taken something of what was sent, or has gone."""
        self._room = self.loop.create_future()
        self.loop.add_writer(target, self._has_room)
        try:
            await self._room
        finally:
            self.loop.remove_writer(target)
            self._room = None

    def _has_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)


def _in_memory(file: int, position: int, length: int) -> bool:
    """Whether the kernel seems to have that part of the file at hand, so that sending it does not wait for a disk."""
    if NOW is None:
        return False
    byte = bytearray(1)
    with contextlib.suppress(OSError):  # EAGAIN: not in memory; EOPNOTSUPP: the file system cannot tell
        return all(os.preadv(file, [byte], at, NOW) for at in (position, position + length - 1))
    return False
