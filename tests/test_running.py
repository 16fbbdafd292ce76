"""Whatever a test hangs in, it fails, is named, and the others run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import long
from tests.servers import SOURCES

LIMITS = """
[pytest]
timeout = 2
timeout_method = signal
leave_timeout = 5
faulthandler_timeout = {second}
faulthandler_exit_on_timeout = true
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""

HANGING = """
import asyncio, signal, threading
from concurrent.futures import ThreadPoolExecutor
import pytest

never = threading.Event()

def test_a_pool_that_waits_for_its_threads():
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: never.wait(), range(3)))

def test_after_the_pool():
    pass

def test_a_thread_that_is_waited_for_on_the_way_out():
    thread = threading.Thread(target=never.wait)
    thread.start()
    try:
        thread.join()
    finally:
        thread.join()

@pytest.fixture
def never_ends():
    yield
    never.wait()

def test_whose_fixture_does_not_end(never_ends):
    pass

def test_that_failed_and_whose_fixture_does_not_end(never_ends):
    raise AssertionError

async def test_a_thread_of_the_loop():
    await asyncio.to_thread(never.wait)

def test_after_all():
    pass
"""

DEAF = """
import signal, threading

def test_that_hears_no_signal():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    threading.Event().wait()

def test_after_it():
    pass
"""


def run(folder: Path, tests: str, *options: str, second: int = 200) -> str:
    """The output of a run of its own, which ends by itself and is not green."""
    (folder / "pytest.ini").write_text(LIMITS.format(second=second))
    (folder / "test_hanging.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-p", "tests.running", "-rfE", "--tb=no", *options, "."]
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("options", [("-p", "no:xdist"), ("-n1",)], ids=["alone", "xdist"])
def test_a_test_that_hangs_fails_whatever_it_hangs_in(tmp_path: Path, options: tuple[str, ...]) -> None:
    """The threads that hang are left behind, and do not keep the program from its end."""
    told = run(tmp_path, HANGING, *options)
    named = set(re.findall(r"^(FAILED|ERROR) test_hanging.py::(\w+)", told, re.MULTILINE))
    assert named == {
        ("FAILED", "test_a_pool_that_waits_for_its_threads"),
        ("FAILED", "test_a_thread_that_is_waited_for_on_the_way_out"),
        ("ERROR", "test_whose_fixture_does_not_end"),
        ("FAILED", "test_that_failed_and_whose_fixture_does_not_end"),
        ("ERROR", "test_that_failed_and_whose_fixture_does_not_end"),
        ("FAILED", "test_a_thread_of_the_loop"),
        ("ERROR", "test_a_thread_of_the_loop"),
    }
    assert "4 failed, 3 passed" in told


def test_a_test_that_cannot_be_interrupted_ends_its_process_once_and_the_others_run(tmp_path: Path) -> None:
    told = run(tmp_path, DEAF, "-n1", "--dist=loadfile", second=4)
    assert re.search("^FAILED test_hanging.py::test_that_hears_no_signal - worker 'gw0' crashed", told, re.MULTILINE)
    assert "1 failed, 1 passed" in told


def test_what_is_listed_as_long_or_never_as_long_is_there() -> None:
    """A renamed test would fall out of `make test`, or into it, and nobody would see it."""
    lines = long.LIST.read_text().splitlines()
    names = [*long.ALWAYS, *(line.split(maxsplit=1)[1] for line in lines if not line.startswith("#"))]
    assert [name for name in names if not _is_there(name)] == []


def _is_there(name: str) -> bool:
    file, _, function = name.partition("[")[0].partition("::")
    path = long.LIST.parent.parent / file
    return path.is_file() and (not function or f"def {function}(" in path.read_text())
