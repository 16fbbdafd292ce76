"""Child processes of the tests. Each has an end: a test that fails, or waits too long, leaves none behind."""

from __future__ import annotations

import subprocess
from types import TracebackType
from typing import AnyStr


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
