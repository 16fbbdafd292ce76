"""A client that is slow with a request, or sends too much of its head, is cut off. The real protocol, a fast clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from reelwright.api.connection import SEND_STALL_S, Connection
from reelwright.api.connection_limit import ConnectionLimit
from tests.api.hasty import HASTE, HastyLoop
from tests.api.wire import refuse

KEEP_ALIVE_S = 300
LARGE = 30_000_000
"""More than the kernel keeps for a client that does not read."""
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/slow":
        await asyncio.sleep(30)
    while scope["path"] != "/unread" and (await receive()).get("more_body"):
        pass
    await PlainTextResponse("hello" if scope["path"] != "/large" else "x" * LARGE)(scope, receive, send)


def talk(with_server: Talk, loop_factory: Callable[[], asyncio.AbstractEventLoop] = HastyLoop) -> None:
    """Runs a conversation with one connection of the server."""

    async def conversation() -> None:
        config = uvicorn.Config(
            hello, http=Connection, lifespan="off", log_config=None, timeout_keep_alive=KEEP_ALIVE_S
        )
        config.load()
        loop, state = asyncio.get_running_loop(), ServerState()
        server = await loop.create_server(
            lambda: Connection(config, state, {}, refusal=refuse, limit=ConnectionLimit(100)), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            async with asyncio.timeout(20 * HASTE):
                await with_server(reader, writer)
        finally:
            writer.close()
            server.close()

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


POST = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"


def test_a_body_that_nobody_reads_is_cut_off() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(POST % b"/unread")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        begun = asyncio.get_running_loop().time()
        while not reader.at_eof() and reader.exception() is None:
            writer.write(b"x")
            await asyncio.sleep(1)
        assert asyncio.get_running_loop().time() - begun > 5

    talk(drip)


def test_a_body_that_nobody_reads_may_come_in_time() -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            writer.write(POST % b"/unread" + b"x" * 400)
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(5)
            writer.write(b"x" * 600)
            await asyncio.sleep(30)  # idle between requests
        writer.write(HEAD + b"\r\n")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")

    talk(late)


@pytest.mark.parametrize("last", [b"", b"\r\n"])
def test_an_idle_connection_ends_whatever_was_sent_last(last: bytes) -> None:
    async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(POST % b"/unread")
        await reader.readuntil(b"hello")
        writer.write(b"x" * 1_000)
        begun = asyncio.get_running_loop().time()
        while not reader.at_eof() and reader.exception() is None:
            writer.write(last)
            await asyncio.sleep(10)
        assert asyncio.get_running_loop().time() - begun > KEEP_ALIVE_S / 2

    talk(idle)


def test_a_head_that_the_server_does_not_read_yet_is_waited_for() -> None:
    async def crowded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.replace(b"/ ", b"/slow ") + b"\r\n" + HEAD + b"\r\n" + HEAD)
        for _ in range(2):
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"\r\n")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")

    talk(crowded)


@pytest.mark.parametrize("line", [b"X-Header: " + b"x" * 1_000 + b"\r\n", b"x" * 1_000])
def test_a_head_without_end_is_cut_off(line: bytes) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        answer = asyncio.create_task(reader.read())
        sent = 0
        with contextlib.suppress(ConnectionError):
            while not answer.done() and sent < 5_000_000:
                writer.write(line)
                sent += len(line)
                await writer.drain()
                await asyncio.sleep(0)
        assert sent < 5_000_000
        assert b"is too large" in await answer

    talk(endless, asyncio.new_event_loop)  # in real time, so that it is the length that counts


async def connection_is_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int) -> int:
    """How much came of an answer until the end of the connection."""
    transport = cast(asyncio.ReadTransport, writer.transport)
    transport.resume_reading()
    received = 0
    with contextlib.suppress(ConnectionError):
        while received < length and (data := await reader.read(1 << 20)):
            received += len(data)
    return received


@pytest.mark.parametrize("connection", [b"keep-alive", b"close"])
def test_an_answer_that_nobody_takes_is_cut_off(connection: bytes) -> None:
    async def ask_and_sleep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cast(asyncio.ReadTransport, writer.transport).pause_reading()
        writer.write(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: %b\r\n\r\n" % connection)
        await asyncio.sleep(2 * SEND_STALL_S)
        assert await connection_is_closed(reader, writer, LARGE) < LARGE

    talk(ask_and_sleep)


def test_an_answer_that_is_taken_slowly_comes_whole() -> None:
    async def sip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.replace(b"/ ", b"/large ") + b"\r\n")
        received = 0
        while received < LARGE:
            received += len(await reader.readexactly(3_000_000))
            await asyncio.sleep(SEND_STALL_S / 4)

    talk(sip)
