"""A connection byte by byte, for what no HTTP library would send."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from reelwright.errors import ReelwrightError
from tests.servers import ServerProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def refuse(error: ReelwrightError) -> ASGIApp:
    """The plainest `Refusal` that a `Connection` can be given."""
    return PlainTextResponse(error.message, 400)


class Wire:
    """Sends packets and reads one answer after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def send(self, *packets: bytes) -> None:
        """Each in a packet of its own."""
        for packet in packets:
            self._connection.sendall(packet)

    def answer(self) -> Answer:
        """The next one but for `100 Continue`. Raises ConnectionError when there is none."""
        status = 100
        while status == 100:
            line = self._file.readline()
            if not line:
                raise ConnectionError("the connection was closed")
            status = int(line.split()[1])
            headers = http.client.parse_headers(self._file)
        length = headers["content-length"]
        body = self._file.read(int(length)) if length is not None else self._file.read()
        return Answer(status=status, headers=headers, body=body)

    def rest(self) -> bytes:
        """All that still comes, until the server closes the connection."""
        return self._file.read()


@contextmanager
def wire(server: ServerProcess, limit_s: float = 30) -> Iterator[Wire]:
    """A connection to the server; a read that takes longer than `limit_s` fails."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=limit_s) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = Wire(connection)
        with line._file:
            yield line


def request(target: str, body: bytes | None = None, headers: Iterable[str] = (), method: str = "POST") -> bytes:
    """A request of HTTP/1.1; `headers` are whole lines. A body comes with its length."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(*pieces: bytes, trailer: bytes = b"") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailer + b"\r\n"
