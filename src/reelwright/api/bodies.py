"""Bounds how much memory and disk all request bodies together take.

A body's bytes count from their arrival until its request releases it. While a body arrives, its first megabyte is in
memory and the rest in a file. To be parsed it is loaded into memory as a whole; how many bytes may be loaded at the
same time is bounded, too, and bodies beyond that wait.
"""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from reelwright.errors import Busy, Code

IN_MEMORY_BYTES = 1_000_000
"""How much of a body that arrives is in memory; the rest is in a file."""
WHOLE_BODIES = 4
"""How many bodies of the greatest length may be loaded at the same time."""
LOAD_WAIT_S = 20.0
"""How long a body that has arrived waits to be loaded."""
COME_BACK_S = 5.0
OWNERS_SHARE = 0.5
"""The largest share of all bodies' bytes that one key may have."""

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_RESERVATION = "body"
"""The name of a request's `BodyReservation` in the state of its scope."""


class Bodies:
    """ASGI middleware inside the key gate: counts the bytes of all bodies of the requests that pass it.

    Each request gets a `BodyReservation`, which is released when the request has been answered.
    """

    def __init__(self, app: ASGIApp, *, most: int, longest: int, spool: Callable[[], IO[bytes]]) -> None:
        """`most`: bytes of all bodies together; `longest`: of one body. `spool` makes a file without a name on a
        disk."""
        self._app = app
        self._most = max(most, longest)
        self._taken: dict[str, int] = {}
        self._loading = _ByteSemaphore(WHOLE_BODIES * longest)
        self._spool = spool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        reservation = state[_RESERVATION] = BodyReservation(self, state.get("owner", ""))
        try:
            await self._app(scope, receive, send)
        finally:
            reservation.release()

    def take(self, owner: str, count: int) -> None:
        """Raises `Busy` when there is no room for so many bytes more."""
        own, all_of_them = self._taken.get(owner, 0) + count, sum(self._taken.values()) + count
        if all_of_them > self._most or (owner and own > max(self._most * OWNERS_SHARE, self._loading.most)):
            raise Busy("The server has as many request bodies as it can hold. Try again soon.", retry_after=COME_BACK_S)
        self._taken[owner] = own

    def give_back(self, owner: str, count: int) -> None:
        self._taken[owner] -= count
        if self._taken[owner] == 0:
            del self._taken[owner]

    @property
    def loading(self) -> _ByteSemaphore:
        return self._loading

    async def spool(self) -> IO[bytes]:
        return await run_in_threadpool(self._spool)


class _ByteSemaphore:
    """A semaphore of bytes: whoever asks first gets them first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._free = most
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, count: int) -> int:
        """Wait for `count` bytes, or for all there are if these are fewer. Returns how many were taken.

        Raises `Busy` after `LOAD_WAIT_S`.
        """
        count = min(count, self.most)
        if self._free >= count and not self._waiting:
            self._free -= count
            return count
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((count, granted))
        try:
            async with asyncio.timeout(LOAD_WAIT_S):
                await granted
        except BaseException as error:
            if granted.done() and not granted.cancelled():
                self.give_back(count)
            else:
                self._waiting.remove((count, granted))
                self._next()
            if isinstance(error, TimeoutError):
                raise Busy("The server has too many large bodies to read. Try again soon.") from None
            raise
        return count

    def give_back(self, count: int) -> None:
        self._free += count
        self._next()

    def _next(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            count, granted = self._waiting.popleft()
            if not granted.done():
                self._free -= count
                granted.set_result(None)


class BodyReservation:
    """The bytes that one request's body takes of `Bodies`."""

    def __init__(self, bodies: Bodies, owner: str) -> None:
        self._bodies = bodies
        self._owner = owner
        self._taken = self._loaded = 0

    def take(self, count: int) -> None:
        """Count so many more bytes that have arrived. Raises `Busy`."""
        self._bodies.take(self._owner, count)
        self._taken += count

    async def load(self, count: int) -> None:
        """Wait until so many bytes may be loaded into memory. Raises `Busy`."""
        self._loaded += await self._bodies.loading.take(count)

    async def spool(self) -> IO[bytes]:
        return await self._bodies.spool()

    def release(self) -> None:
        """Give all of its bytes back: the body is not needed any more."""
        if self._taken:
            self._bodies.give_back(self._owner, self._taken)
        if self._loaded:
            self._bodies.loading.give_back(self._loaded)
        self._taken = self._loaded = 0


def release_body(request: Request) -> None:
    """Called by a request that has parsed its body and will still take long."""
    reservation_of(request).release()


def reservation_of(request: Request) -> BodyReservation:
    """The reservation of the request's body."""
    reservation: BodyReservation = request.scope["state"][_RESERVATION]
    return reservation


class IncomingBody:
    """A body while it arrives. Use it in a `with` block, which closes its file."""

    def __init__(self, reservation: BodyReservation) -> None:
        self._reservation = reservation
        self._buffer = bytearray()
        self._file: IO[bytes] | None = None
        self.size = 0

    def __enter__(self) -> IncomingBody:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    async def add(self, piece: bytes) -> None:
        """Keep the next piece. Raises `Busy` when there is no room for it."""
        self._reservation.take(len(piece))
        self.size += len(piece)
        self._buffer += piece
        if len(self._buffer) >= IN_MEMORY_BYTES:
            await self._to_disk()

    async def whole(self) -> bytes:
        """The whole body, once all of it has arrived. Raises `Busy`."""
        if self._file is None:
            return bytes(self._buffer)
        await self._to_disk()
        await self._reservation.load(self.size)
        return await run_in_threadpool(_read, self._file)

    async def _to_disk(self) -> None:
        try:
            if self._file is None:
                self._file = await self._reservation.spool()
            piece, self._buffer = self._buffer, bytearray()
            await run_in_threadpool(self._file.write, piece)
        except OSError as error:
            if error.errno not in _NO_SPACE:
                raise
            raise Busy("The disk is full", code=Code.STORAGE_FULL, retry_after=60) from None


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
