"""A proxy in front of a real Postgres that does what networks do: lose an answer, keep something back, be away.

It reads the messages of the protocol (https://www.postgresql.org/docs/current/protocol-message-formats.html) as far as
it needs to know where each one ends and which statement it carries.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

T = TypeVar("T")

_STATEMENT = (b"P", b"Q")
_NOTICE = b"A"


class PostgresProxy:
    """Use it as a context manager; `url` is the database's address through it."""

    def __init__(self, url: str) -> None:
        """`url`: of the database, by its socket's folder (`?host=…`)."""
        parts = urlsplit(url)
        self._socket = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"
        self._address = (
            f"postgresql://{parts.username or 'postgres'}@127.0.0.1:{{}}{parts.path}?sslmode=disable&gssencmode=disable"
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._losing: tuple[bytes, threading.Event] | None = None
        self._held: tuple[bytes, asyncio.Event, threading.Event] | None = None
        self.deaf = False
        """Notices do not get through."""
        self._away = False
        self._silent = False
        self.url = ""

    def __enter__(self) -> PostgresProxy:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = self._address.format(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            if self._server:
                self._server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.cut()
        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """All connections end."""

        async def close() -> None:
            for writer in list(self._writers):
                writer.transport.abort()

        self._run(close())

    @contextmanager
    def away(self) -> Iterator[None]:
        """Within the block there are no connections, and none can be made."""
        self._away = True
        self.cut()
        try:
            yield
        finally:
            self._away = False

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Within the block what is sent is taken, and nothing comes of it: a dead network. A connection that has met
        it stays silent."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False

    def lose_answer(self, text: str) -> threading.Event:
        """The next transaction with a statement that contains `text` is committed, and its answer lost; set then."""
        happened = threading.Event()
        self._losing = (text.encode(), happened)
        return happened

    @contextmanager
    def holding(self, text: str) -> Iterator[threading.Event]:
        """Within the block statements that contain `text` are kept back. The event tells that there is one."""
        held, released = threading.Event(), asyncio.Event()
        self._held = (text.encode(), released, held)
        try:
            yield held
        finally:
            self._held = None
            self._loop.call_soon_threadsafe(released.set)

    async def _unless_silent(self) -> None:
        if self._silent:
            await asyncio.Event().wait()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._away:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, up_writer}
        self._writers |= both
        lost = asyncio.Event()
        pumps = [
            asyncio.create_task(self._upwards(reader, up_writer, lost)),
            asyncio.create_task(self._downwards(up_reader, writer, lost)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for one in both:
            one.transport.abort()
        self._writers -= both

    async def _upwards(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event) -> None:
        losing: threading.Event | None = None
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            first = await reader.readexactly(4)
            await self._unless_silent()
            writer.write(first + await reader.readexactly(struct.unpack("!I", first)[0] - 4))
            async for kind, body in _messages(reader):
                if kind in _STATEMENT:
                    if (held := self._held) and held[0] in body:
                        held[2].set()
                        await held[1].wait()
                    if self._losing and self._losing[0] in body:
                        losing = self._losing[1]
                        self._losing = None
                    if losing and body.lstrip(b"\0").upper().startswith(b"COMMIT"):
                        lost.set()
                        losing.set()
                await self._unless_silent()
                writer.write(kind + struct.pack("!I", len(body) + 4) + body)
                await writer.drain()

    async def _downwards(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            async for kind, body in _messages(reader):
                if lost.is_set():
                    return  # the answer to COMMIT: it has happened, and nobody hears of it
                await self._unless_silent()
                if not (kind == _NOTICE and self.deaf):
                    writer.write(kind + struct.pack("!I", len(body) + 4) + body)
                    await writer.drain()


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, bytes]]:
    while True:
        kind = await reader.readexactly(1)
        length = struct.unpack("!I", await reader.readexactly(4))[0]
        yield kind, await reader.readexactly(length - 4)
