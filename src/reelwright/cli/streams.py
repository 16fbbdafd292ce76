"""The three standard streams, whatever a shell, a service manager or a full disk has made of them."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EBADF)


class _Forgiving(io.FileIO):
    """Takes everything: what cannot be written is lost."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return memoryview(data).nbytes


def open_streams() -> None:
    """Open those that are closed, and make stderr one that never fails.

    A closed one's number would go to the next file that is opened, a database say, and receive what is printed.
    Progress and logs that nobody can read are no reason to leave a job.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - they are open as long as the process
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    encoding = sys.stderr.encoding if sys.stderr else "utf-8"
    raw = _Forgiving(2, "w", closefd=False)
    sys.stderr = io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=True)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace" if sys.stdout.errors == "strict" else sys.stdout.errors)


def in_utf8() -> None:
    """In the C locale, where Python may take names and prompts for ASCII: begin anew in UTF-8 (PEP 540)."""
    if sys.getfilesystemencoding() == "ascii" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, sys.orig_argv)


def unwritable(error: OSError) -> str | None:
    """Why stdout takes nothing more, for a person; empty when its reader has gone, as `head` does. None: another fault.

    What is still to be written is dropped, so that Python's end does not stumble over it once more.
    """
    if error.filename is not None or error.errno not in (errno.EPIPE, *_UNWRITABLE):
        return None
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return "" if error.errno == errno.EPIPE else f"The output cannot be written: {error.strerror}."
