"""The room that all request bodies have together: in memory, and beyond their first megabyte on the disk.

A body that arrives is counted until its request lets go of it. While it arrives only its beginning is in memory; to be
read it must be there as a whole, and those that are there as a whole take turns.
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
"""Of a body that arrives."""
WHOLE_BODIES = 4
"""So many of the longest bodies are in memory as a whole at one time."""
TURN_S = 20.0
"""So long a body that has arrived waits for its turn."""
COME_BACK_S = 5.0
OWNERS_SHARE = 0.5
"""No key takes more than that of the room."""

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_HELD = "body"
"""The request's own, in the state of its scope."""


class Bodies:
    """ASGI middleware inside the key gate: what the bodies of the requests within it take, it gives and takes back."""

    def __init__(self, app: ASGIApp, *, most: int, longest: int, spool: Callable[[], IO[bytes]]) -> None:
        """`most` bytes at one time; `longest`: of one body. `spool` makes a file without a name, on a disk."""
        self._app = app
        self._most = max(most, longest)
        self._taken: dict[str, int] = {}
        self._turns = _Turns(WHOLE_BODIES * longest)
        self._spool = spool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        held = state[_HELD] = Held(self, state.get("owner", ""))
        try:
            await self._app(scope, receive, send)
        finally:
            held.release()

    def take(self, owner: str, count: int) -> None:
        """Raises `Busy` when there is no room for so many bytes more."""
        own, all_of_them = self._taken.get(owner, 0) + count, sum(self._taken.values()) + count
        if all_of_them > self._most or (owner and own > max(self._most * OWNERS_SHARE, self._turns.most)):
            raise Busy("The server has as many request bodies as it can hold. Try again soon.", retry_after=COME_BACK_S)
        self._taken[owner] = own

    def give_back(self, owner: str, count: int) -> None:
        self._taken[owner] -= count
        if self._taken[owner] == 0:
            del self._taken[owner]

    @property
    def turns(self) -> _Turns:
        return self._turns

    async def spool(self) -> IO[bytes]:
        return await run_in_threadpool(self._spool)


class _Turns:
    """Bytes of memory, given in the order of asking."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._free = most
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, count: int) -> int:
        """Returns how many were taken: never more than there are. Raises `Busy` after `TURN_S`."""
        count = min(count, self.most)
        if self._free >= count and not self._waiting:
            self._free -= count
            return count
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((count, turn))
        try:
            async with asyncio.timeout(TURN_S):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.give_back(count)
            else:
                self._waiting.remove((count, turn))
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
            count, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= count
                turn.set_result(None)


class Held:
    """What one request's body takes."""

    def __init__(self, bodies: Bodies, owner: str) -> None:
        self._bodies = bodies
        self._owner = owner
        self._taken = self._loaded = 0

    def take(self, count: int) -> None:
        """So many bytes more have come. Raises `Busy`."""
        self._bodies.take(self._owner, count)
        self._taken += count

    async def load(self, count: int) -> None:
        """So many bytes are to be in memory at once. Raises `Busy`."""
        self._loaded += await self._bodies.turns.take(count)

    async def spool(self) -> IO[bytes]:
        return await self._bodies.spool()

    def release(self) -> None:
        """The body is not needed any more."""
        if self._taken:
            self._bodies.give_back(self._owner, self._taken)
        if self._loaded:
            self._bodies.turns.give_back(self._loaded)
        self._taken = self._loaded = 0


def release_body(request: Request) -> None:
    """For a request that has been read and goes on for long."""
    held_by(request).release()


def held_by(request: Request) -> Held:
    """What the request's body takes of the room."""
    held: Held = request.scope["state"][_HELD]
    return held


class Arriving:
    """A body while it arrives. Use it in a `with` block, which closes its file."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._buffer = bytearray()
        self._file: IO[bytes] | None = None
        self.size = 0

    def __enter__(self) -> Arriving:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    async def add(self, piece: bytes) -> None:
        """Raises `Busy` when there is no room for it."""
        self._held.take(len(piece))
        self.size += len(piece)
        self._buffer += piece
        if len(self._buffer) >= IN_MEMORY_BYTES:
            await self._to_disk()

    async def whole(self) -> bytes:
        """All of it, once it has come. Raises `Busy`."""
        if self._file is None:
            return bytes(self._buffer)
        await self._to_disk()
        await self._held.load(self.size)
        return await run_in_threadpool(_read, self._file)

    async def _to_disk(self) -> None:
        try:
            if self._file is None:
                self._file = await self._held.spool()
            piece, self._buffer = self._buffer, bytearray()
            await run_in_threadpool(self._file.write, piece)
        except OSError as error:
            if error.errno not in _NO_SPACE:
                raise
            raise Busy("The disk is full", code=Code.STORAGE_FULL, retry_after=60) from None


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
