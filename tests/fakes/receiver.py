"""A webhook receiver: a real HTTP server on a loopback address, which answers as it is told and keeps what it got."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

HOST = "127.0.0.2"
"""Stands for the public Internet; 127.0.0.1 stands for what may not be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Answers with `statuses` one after the other, then with the last one for ever."""

    def __init__(self, *statuses: int, host: str = HOST, location: str = "", slow: bool = False) -> None:
        """`location`: where redirects lead. `slow`: no answer before `hurry` is set."""
        self.received: list[Message] = []
        self.hurry = threading.Event()
        self._statuses = statuses or (200,)
        self._location = location
        if not slow:
            self.hurry.set()
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02))
        self.url = f"http://{host}:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hurry.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                receiver.received.append(Message(path=self.path, headers=dict(self.headers), body=body))
                place = min(len(receiver.received), len(receiver._statuses)) - 1
                receiver.hurry.wait()
                self.send_response(receiver._statuses[place])
                if receiver._location:
                    self.send_header("Location", receiver._location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
