"""Standard input, output and error, made usable where a shell or a service manager has closed them or a disk is
full."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EBADF)


class _Forgiving(io.FileIO):
    """A text stream whose writes never fail: what cannot be written is dropped."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return memoryview(data).nbytes


def open_streams() -> None:
    """Open /dev/null for each closed stream, and make stderr a stream whose writes never fail.

    The next file that is opened, a database for example, would otherwise get the number of the closed stream, and
    printed text would be written into it. stderr must not fail, because a job goes on when nobody can read its
    progress."""
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
    """Start the program anew in UTF-8 mode (PEP 540) where the locale is C: there Python may read names and prompts as
    ASCII."""
    if sys.getfilesystemencoding() == "ascii" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, sys.orig_argv)


def unwritable(error: OSError) -> str | None:
    """A sentence that says why stdout cannot be written; empty when its reader has gone, as `head` does; None when the
    error has to do with something else.

    What stdout has buffered is dropped, because Python would fail on it once more when it exits.
    """
    if error.filename is not None or error.errno not in (errno.EPIPE, *_UNWRITABLE):
        return None
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return "" if error.errno == errno.EPIPE else f"The output cannot be written: {error.strerror}."
