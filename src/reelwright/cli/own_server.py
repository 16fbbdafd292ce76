"""Starts a server for one command: a child process on a free loopback port, stopped when the command ends."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from reelwright.cli.connection import Failed, Refused

_START_S = 60.0
_STOP_S = 15.0


@contextmanager
def own_server(data_dir: Path | None, engine: str | None) -> Generator[tuple[str, str]]:
    """Starts `reelwright serve` and gives its URL and an API key that only this process knows.

    `data_dir` None: a temporary folder, removed at the end. `engine` None: the configured one.
    """
    with tempfile.TemporaryDirectory(prefix="reelwright-") as scratch:
        log = Path(scratch) / "server.log"
        key = secrets.token_urlsafe(32)
        port = _free_port()
        flags = ["--host", "127.0.0.1", "--port", str(port), "--data-dir", str(data_dir or Path(scratch) / "data")]
        if engine:
            flags += ["--engine", engine]
        environment = os.environ | {"REELWRIGHT_API_KEYS": key, "REELWRIGHT_DRAIN_S": "2"}
        with log.open("wb") as output:
            server = subprocess.Popen(
                [sys.executable, "-P", "-m", "reelwright.cli", "serve", *flags],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                process_group=0,  # Ctrl-C reaches this process alone, which then cancels the job and stops the server.
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_up(server, url, log)
            yield url, key
        finally:
            _stop(server)


def end_with_parent() -> None:
    """In a child: the kernel sends SIGTERM when its parent ends without having stopped it (prctl(2), Linux)."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    from reelwright.client import APIError, Client, Unreachable

    deadline = time.monotonic() + _START_S
    with Client(url) as client:
        while time.monotonic() < deadline:
            if server.poll() is not None:
                _tell_why(server.returncode, log)
            try:
                client.health()
                return
            except (Unreachable, APIError):
                time.sleep(0.02)
    raise Failed(f"The server did not answer within {_START_S:g} s. Its last words:\n{_last_words(log)}")


def _tell_why(returncode: int, log: Path) -> NoReturn:
    kind = Refused if returncode == 2 else Failed
    raise kind(f"The server ended at its start (exit code {returncode}):\n{_last_words(log)}")


def _last_words(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return "\n".join(lines[-8:]) or "(none)"


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()
    server.wait()
