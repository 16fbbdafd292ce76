"""Child processes of the tests. Each has an end: a test that fails, or waits too long, leaves none behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from types import TracebackType
from typing import AnyStr, Self

_template = multiprocessing.get_context("forkserver")


class Process(subprocess.Popen[AnyStr]):  # noqa: TID251 - the one place
    """A child process that the end of its `with` block kills if it still runs.

    `subprocess.Popen` waits there without a limit, so that a child that hangs would hang the tests. Wait for the child
    inside of the block, with a limit, where its own end matters.
    """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        super().__exit__(kind, error, trace)


class Forked:
    """A process that runs a function of a module and has the module's imports behind it: they take two seconds of a
    core, hundreds of times. It is forked from a template that nothing else happens in, so nothing is shared with the
    tests or with another one. Has those methods of `Process` that the tests use.
    """

    def __init__(self, run: Callable[[list[str]], None], arguments: list[str], **started: object) -> None:
        """`started`: `env`, `cwd` and `stderr` (a path) of the process."""
        os.environ["PYTHONPATH"], before = os.pathsep.join(sys.path), os.environ.get("PYTHONPATH")
        _template.set_forkserver_preload([run.__module__])
        self._process = _template.Process(target=_begin, args=(run, arguments), kwargs=started, daemon=True)
        try:
            self._process.start()
        finally:
            if before is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = before
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        wait_for([self._process.sentinel], timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired(str(self._process.name), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()


def _begin(
    run: Callable[[list[str]], None], arguments: list[str], *, env: Mapping[str, str], cwd: Path, stderr: Path
) -> None:
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    file = os.open(stderr, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(file, 2)
    os.close(file)
    run(arguments)
