"""A server of the files in a folder, with the product's protocol and its answer, as a process of its own.

`python -m tests.api.file_server FOLDER WAY` prints its port. `/counts` tells how bytes have left the files so far.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx2
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reelwright.api import connection
from reelwright.api.connection_limit import ConnectionLimit
from reelwright.api.delivery import Download
from tests.api.wire import refuse
from tests.processes import Process
from tests.servers import ROOT

EPOLLOUT = 0x4


class FileServer:
    """Leave its block to end it.

    `way`: `memory` takes every file for cached, `disk` none; sendfile(2) is `unfit` for any; descriptors are `used up`.
    """

    def __init__(self, folder: Path, log: Path, way: str) -> None:
        self._log = log
        command = [sys.executable, "-m", "tests.api.file_server", str(folder), way]
        with log.open("ab") as stderr:
            self._process = Process(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self.log_text()
        self.pid, self.port = self._process.pid, int(line)
        self.descriptors = descriptors(self.pid)
        """How many are open while nobody is connected."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            pass

    def log_text(self) -> str:
        return self._log.read_text()

    def get(self, path: str) -> httpx2.Response:
        """The answer on a connection of its own. A server that is held up by another one does not give it in time."""
        return httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)

    def counts(self) -> Counter[str]:
        return Counter(self.get("/counts").json())


def descriptors(pid: int) -> int:
    """How many the process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def waits_for_room(pid: int) -> int:
    """How many sockets the process waits to write to, by what it has told epoll(7)."""
    waiting = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if str(link.readlink()) != "anon_inode:[eventpoll]":
                continue
            watched = Path(f"/proc/{pid}/fdinfo/{link.name}").read_text()
        except FileNotFoundError:  # closed meanwhile
            continue
        lines = (line.split() for line in watched.splitlines() if line.startswith("tfd:"))
        waiting += sum(bool(int(words[words.index("events:") + 1], 16) & EPOLLOUT) for words in lines)
    return waiting


def application(folder: Path, counts: Counter[str]) -> Starlette:
    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        return Download(folder / name, "application/octet-stream", {"ETag": f'"{name}"'})

    async def hello(request: Request) -> Response:
        return PlainTextResponse("hello")

    async def told(request: Request) -> Response:
        return JSONResponse(counts)

    return Starlette(routes=[Route("/files/{name}", file), Route("/hello", hello), Route("/counts", told)])


def watch(counts: Counter[str]) -> None:
    """Counts the bytes that system calls take from files, those in other threads apart."""

    def counted(call: Callable[..., int]) -> Callable[..., int]:
        def counting(*arguments: Any) -> int:
            done = call(*arguments)
            here = threading.current_thread() is threading.main_thread()
            counts[call.__name__ if here else f"{call.__name__} in a thread"] += done
            return done

        return counting

    for name in ("sendfile", "preadv", "pread"):
        setattr(os, name, counted(getattr(os, name)))


def go(way: str) -> None:
    def refusal(number: int) -> Callable[..., int]:
        def refuse(*_: object) -> int:
            raise OSError(number, os.strerror(number))

        return refuse

    match way:
        case "memory" | "disk":
            connection._in_memory = lambda file, position, length: way == "memory"
        case "unfit":
            os.sendfile = refusal(errno.EINVAL)
        case "used up":
            os.dup = refusal(errno.EMFILE)


class Announced(uvicorn.Server):
    """Prints its port when it accepts connections."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent reads it


def main(folder: Path, way: str) -> None:
    logging.basicConfig()
    counts: Counter[str] = Counter()
    watch(counts)
    go(way)
    app = application(folder, counts)
    http = partial(connection.Connection, refusal=refuse, limit=ConnectionLimit(10_000))
    config = uvicorn.Config(app, http=http, port=0, lifespan="off", log_config=None, access_log=False)
    uvloop.run(Announced(config).serve())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
