"""A client that is slow with a request's head, or sends too much of it, is cut off. The real protocol, a fast clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from reelwright.api.connection import Connection
from reelwright.errors import ReelwrightError
from tests.api.hasty import HASTE, HastyLoop, ticking

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse("hello")(scope, receive, send)


def refuse(error: ReelwrightError) -> ASGIApp:
    return PlainTextResponse(error.message, 400)


def talk(with_server: Talk, loop_factory: Callable[[], asyncio.AbstractEventLoop] = HastyLoop) -> None:
    """Runs a conversation with one connection of the server."""

    async def conversation() -> None:
        ticks = asyncio.create_task(ticking())
        config = uvicorn.Config(hello, http=Connection, lifespan="off", log_config=None, timeout_keep_alive=300)
        config.load()
        loop, state = asyncio.get_running_loop(), ServerState()
        server = await loop.create_server(lambda: Connection(config, state, {}, refusal=refuse), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            async with asyncio.timeout(20 * HASTE):
                await with_server(reader, writer)
        finally:
            writer.close()
            server.close()
            ticks.cancel()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(conversation())


async def is_cut_off(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True


HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, HEAD + b"X-Header: x"])
def test_a_head_that_does_not_come_is_not_waited_for(sent: bytes) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        begun = asyncio.get_running_loop().time()
        assert await is_cut_off(reader)
        assert asyncio.get_running_loop().time() - begun > 5

    talk(slow)


def test_a_head_that_drips_is_cut_off() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        # A line that meets a closed connection is answered with a reset, after which there is no end of the stream.
        while not reader.at_eof() and reader.exception() is None:
            writer.write(b"X-Header: x\r\n")
            await asyncio.sleep(1)

    talk(drip)


def test_the_head_of_a_later_request_is_not_waited_for_either() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"\r\n")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(30)  # idle between requests
        writer.write(HEAD)
        assert await is_cut_off(reader)

    talk(slow)


def test_a_quick_head_with_a_slow_answer_is_fine() -> None:
    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n1")
        await asyncio.sleep(30)  # longer than a head may take
        writer.write(b"2")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")

    talk(patient)


def test_requests_behind_each_other_are_answered() -> None:
    async def pipeline(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b"x" * 500_000
        post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        for request in (HEAD + b"\r\n", post, post, HEAD + b"\r\n"):
            writer.write(request)
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")

    talk(pipeline)


@pytest.mark.parametrize("line", [b"X-Header: " + b"x" * 1_000 + b"\r\n", b"x" * 1_000])
def test_a_head_without_end_is_cut_off(line: bytes) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof() and sent < 5_000_000:
                writer.write(line)
                sent += len(line)
                await writer.drain()
                await asyncio.sleep(0)
        assert sent < 5_000_000

    talk(endless, asyncio.new_event_loop)  # in real time, so that it is the length that counts
