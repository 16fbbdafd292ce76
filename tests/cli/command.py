"""Runs the real `reelwright` command in a process of its own, with pipes or in a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reelwright.engines.huggingface.access import VARIABLES
from tests.processes import Process

_COMMAND = (sys.executable, "-m", "reelwright.cli")
_LIMIT_S = 120.0


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without anything that steers the command, plus `extra`."""
    steering = (
        "REELWRIGHT_",
        "HF_TOKEN",
        *VARIABLES,
        "PORT",
        "HOST",
        "NODE_ENV",
        "CLIENT_URL",
        "NO_COLOR",
        "FORCE_COLOR",
        "COLUMNS",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return kept | {"TERM": "xterm-256color"} | extra


def start(*arguments: str, cwd: Path, **extra: str) -> Process[str]:
    """The command under way, in a process group of its own as a shell would start it."""
    return Process(
        [*_COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(**extra),
        process_group=0,
    )


def run(*arguments: str, cwd: Path, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
    """The command at its end."""
    return subprocess.run(
        [*_COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(**extra),
        timeout=_LIMIT_S,
    )


@dataclass
class Terminal:
    """The command in a terminal of 100 columns: what it showed there, and its stdout (a pipe)."""

    screen: str
    stdout: str
    returncode: int


def run_in_terminal(
    *arguments: str, cwd: Path, on_screen: Callable[[str], str | None] | None = None, **extra: str
) -> Terminal:
    """`on_screen` sees the screen so far whenever it changes; what it returns is typed (once it returns something)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process: Process[bytes] = Process(
        [*_COMMAND, *arguments],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        cwd=cwd,
        env=environment(**extra),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    screen = b""
    deadline = time.monotonic() + _LIMIT_S
    with process, os.fdopen(master, "r+b", buffering=0):
        while time.monotonic() < deadline and (chunk := _read(master)) is not None:
            screen += chunk
            if on_screen is not None and (keys := on_screen(screen.decode(errors="replace"))):
                os.write(master, keys.encode())
                on_screen = None
        stdout, _ = process.communicate(timeout=_LIMIT_S)
    return Terminal(screen.decode(errors="replace"), stdout.decode(), process.returncode)


def _read(master: int) -> bytes | None:
    """What is new on the screen; None when the terminal was closed."""
    with contextlib.suppress(OSError):
        ready, _, _ = select.select([master], [], [], 1.0)
        if not ready:
            return b""
        return os.read(master, 65536) or None
    return None
