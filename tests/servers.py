"""Starts the real server as a process of its own on a free port, and ends it one way or the other."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import time
import weakref
from pathlib import Path
from typing import Self

import httpx2

from reelwright.engines.huggingface.access import VARIABLES
from tests.fakes import server as program
from tests.processes import Forked, Process

ROOT = Path(__file__).parent.parent
SOURCES = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
"""`PYTHONPATH` of what the tests start: the program of this checkout, also where another one is installed."""
_STORE = ("REELWRIGHT_S3_", "AWS_")
START_LIMIT_S = 120
STOP_LIMIT_S = 40
quickly = False
"""Whether servers begin with their imports behind them, as in tests; measurements start the program itself."""
_all: weakref.WeakSet[ServerProcess] = weakref.WeakSet()


class ServerProcess:
    """One server on its data directory. `start` may be called again after the process has ended.

    A `with` block starts it and kills it. Where a test stops it itself and fails before, it ends with the tests.
    """

    role: tuple[str, ...] = ()
    wrapper: tuple[str, ...] = ()
    """A program that is followed by the server's own command and becomes it."""

    def __init__(self, data_dir: Path, name: str | None = None, **environment: str) -> None:
        """`name`: of its log. `environment`: settings by their names; nothing is inherited that would choose an
        engine."""
        self.data_dir = data_dir
        self.database_url = environment.get("DATABASE_URL")
        self.store = {name: value for name, value in environment.items() if name.startswith(_STORE)}
        self._environment = environment
        self.process: Process[bytes] | Forked | None = None
        self.log = data_dir.parent / f"{name or data_dir.name}.log"
        self.url = ""
        _all.add(self)

    def start(self) -> ServerProcess:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("REELWRIGHT_", "AWS_"))}
        for name in ("HF_TOKEN", *VARIABLES):
            inherited.pop(name, None)
        # `make coverage` measures engines' processes that leave by themselves; they get no variable that is not named.
        measured = {"REELWRIGHT_ENGINE_ENVIRONMENT": "COVERAGE_*"} if "COVERAGE_PROCESS_CONFIG" in os.environ else {}
        environment = {
            **inherited,
            **measured,
            "PORT": "0",
            "REELWRIGHT_DATA_DIR": str(self.data_dir),
            "REELWRIGHT_ENGINE": "sketch",
            "NODE_ENV": "development",
            "PYTHONPATH": SOURCES,
            **self._environment,
        }
        self.log.touch()
        before = self.log.stat().st_size
        for_new_programs = any(name.startswith(("LD_", "PYTHON")) for name in self._environment)
        if quickly and not (self.wrapper or for_new_programs):
            self.process = Forked(program.run, [*self.role], env=environment, cwd=self.data_dir.parent, stderr=self.log)
        else:
            command = [*self.wrapper, sys.executable, "-m", program.__name__, *self.role]
            with self.log.open("ab") as log:
                self.process = Process(command, env=environment, cwd=self.data_dir.parent, stderr=log)
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            text = self.log.read_bytes()[before:].decode("utf-8", "replace")
            if found := re.search(r"(?:Server: |Check: |\"server\": ?\")http://(?:localhost|127\.0\.0\.1):(\d+)", text):
                address = "[::1]" if "::1" in self._environment.get("HOST", "") else "127.0.0.1"
                self.url = f"http://{address}:{found[1]}"
                with contextlib.suppress(httpx2.TransportError):
                    if httpx2.get(f"{self.url}/health").status_code == 200:
                        return self
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the server did not start:\n{self.log_text()}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """What a power cut or the kernel's memory killer does to the server."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        with self.process:
            return self.process.wait(STOP_LIMIT_S)


class WorkerProcess(ServerProcess):
    """A worker: it makes videos with the toy engine, and answers no request but those for its health."""

    role = ("worker",)

    def __init__(self, data_dir: Path, name: str | None = None, **environment: str) -> None:
        super().__init__(data_dir, name, **{"REELWRIGHT_WORKER_PORT": "0", **environment})


def logs() -> list[tuple[str, str]]:
    """Of every server that is still at hand: what it is, and the end of its log. Shown with a test that has failed."""
    told = []
    for server in _all:
        if server.process is not None and server.log.exists():
            ended = server.process.poll()
            state = "running" if ended is None else f"ended with {ended}"
            told.append((f"log of {server.log.stem} ({state})", server.log_text()[-4000:]))
    return told


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def eventually(condition, limit_s: float = 60.0, every_s: float = 0.02):  # type: ignore[no-untyped-def]
    """The first true value of `condition()`; fails when it stays false for `limit_s`."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(every_s)
    raise AssertionError(f"not within {limit_s} s: {condition}")
