"""A moderation service: a real HTTP server on a loopback address, in both forms that are understood."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Judge:
    """Flags texts that hold `violence`. `plain`: it answers in the plain form. `status`: what it answers with;
    `silent`: nothing before the end of the block.
    """

    def __init__(self, *, plain: bool = False) -> None:
        self.asked: list[tuple[Mapping[str, str], Any]] = []
        self.status = 200
        self.silent = False
        self._plain = plain
        self._end = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02))
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/moderations"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, body: Any) -> Any:
        flags = ["violence" in text for text in body["input"]]
        if self._plain:
            return {"allowed": not any(flags), "reason": "No fights here." if any(flags) else None}
        return {
            "id": "modr-1",
            "model": "omni-moderation-latest",
            "results": [{"flagged": flag, "categories": {"violence": flag, "hate": False}} for flag in flags],
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        judge = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                judge.asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
                if judge.silent:
                    judge._end.wait()
                    return
                answer = json.dumps(judge._answer(body)).encode()
                self.send_response(judge.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
