"""SIGTERM at any moment ends a command as Ctrl-C does: injected at one line after another of the event loop's code."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.cli.command import environment, start
from tests.fakes.video_server import FakeVideoServer
from tests.processes import Process
from tests.servers import eventually

LINES = range(60, 3000, 367)
"""Between its first step and its wait for the server's events, `bench` runs some 3,000 lines of that code."""

DRIVER = """
import os, signal, sys

line, left = int(sys.argv.pop(1)), None

def step(frame, event, argument):
    global left
    if event == "line" and left is not None:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGTERM)
    return step

def enter(frame, event, argument):
    global left
    if left is None and frame.f_code.co_name == "run_forever":
        left = line
    rooms = ("/asyncio/", "/anyio/", "/httpx2/", "/httpcore2/", "/client/")
    return step if any(room in frame.f_code.co_filename for room in rooms) else None

from reelwright.cli import main

sys.settrace(enter)
code = main()
sys.settrace(None)
sys.exit(code)
"""


@pytest.mark.parametrize("line", LINES)
def test_sigterm_between_any_two_steps_ends_bench(fake: FakeVideoServer, tmp_path: Path, line: int) -> None:
    command = [sys.executable, "-c", DRIVER, str(line), "bench", "-n", "5", "--server", fake.url, "-q"]
    with Process(command, cwd=tmp_path, env=environment()) as process:
        eventually(lambda: process.poll() is not None or listened_to(fake))
        process.terminate()  # where it got as far as to wait, before its line came
        assert process.wait(120) == 130
    assert [job for job in fake.jobs.values() if not job.finished] == []


def listened_to(fake: FakeVideoServer) -> bool:
    return any(path.endswith("/events") for _, path, _ in fake.seen)


def test_sigterm_ends_a_command_that_a_shell_made_deaf_to_ctrl_c(fake: FakeVideoServer, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = start("bench", "-n", "5", "--server", fake.url, "-q", cwd=tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        fake.until(lambda: listened_to(fake), 90)
        process.terminate()
        assert process.wait(120) == 130
    assert fake.jobs == {}


def test_a_command_under_nohup_goes_on_when_its_terminal_goes(fake: FakeVideoServer, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start("bench", "-n", "1", "--server", fake.url, "-q", cwd=tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    with process:
        fake.until(lambda: listened_to(fake), 90)
        process.send_signal(signal.SIGHUP)
        for number in range(2):  # the one before all others, and the one that counts
            fake.until(lambda number=number: len(fake.jobs) > number, 90)
            fake.complete(list(fake.jobs)[number])
        assert process.wait(120) == 0
