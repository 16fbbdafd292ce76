"""Whether this process still does something while nothing can be counted: weights are loaded, code is compiled.

A process that works uses the processor or reads; one that waits for ever for a lock or a dead disk does neither. What
it has started counts too: compilers run in processes of their own.
"""

from __future__ import annotations

import contextlib
import os
import resource
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PERIOD_S = 0.25

BUSY = 0.02
"""Of one core: less is what waiting threads take to look around."""
MUCH_READ = 1 << 20
"""Bytes; looking into /proc is reading, too."""

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What has been done so far: seconds of the processor, reads from a disk, bytes that were read from any file."""

    seconds: float
    reads: int
    read_bytes: int

    def moved_since(self, earlier: Effort, over_s: float) -> bool:
        """Whether that was more than waiting."""
        worked = self.seconds - earlier.seconds > BUSY * over_s
        return worked or self.reads > earlier.reads or self.read_bytes - earlier.read_bytes > MUCH_READ


def effort() -> Effort:
    """That of this process and of all that it has started, since its beginning."""
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = sum(usage.ru_utime + usage.ru_stime for usage in (own, ended))
    return Effort(
        seconds=seconds + sum(map(_seconds_of, _started(os.getpid()))),
        reads=sum(usage.ru_majflt + usage.ru_inblock for usage in (own, ended)),
        read_bytes=_read_bytes(),
    )


def _started(pid: int) -> Iterator[int]:
    """The living processes that this one has started, and theirs; none where there is no /proc."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                yield child
                yield from _started(child)


def _seconds_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended meanwhile
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def _read_bytes() -> int:
    try:
        return int(Path("/proc/self/io").read_text().split()[1])
    except OSError:
        return 0


class Pulse:
    """Between `start` and `stop`, calls `beat(moved)` every `PERIOD_S` in a thread of its own."""

    def __init__(self, beat: Callable[[bool], None]) -> None:
        self._beat = beat
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No beat begins any more."""
        self._stopped.set()

    def _run(self) -> None:
        before = effort()
        while not self._stopped.wait(PERIOD_S):
            now = effort()
            with contextlib.suppress(OSError):  # the server has gone, and this process ends
                self._beat(now.moved_since(before, PERIOD_S))
            before = now
