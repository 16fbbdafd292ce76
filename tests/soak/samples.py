"""What a server's processes take, read from /proc (Linux), and how it grows."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import ServerProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One process at one moment. `at`: seconds since the begin; `memory`: proportional set size, in bytes."""

    at: float
    memory: int
    files: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The data directory at one moment, in seconds since the begin, bytes and files."""

    at: float
    database: int
    files: int


class Sampler(threading.Thread):
    """Looks every `every_s` seconds, until `over`."""

    def __init__(self, server: ServerProcess, over: threading.Event, every_s: float) -> None:
        super().__init__()
        self._server = server
        self._over = over
        self._every_s = every_s
        self.processes: dict[int, list[Sample]] = {}
        self.disk: list[Disk] = []

    def run(self) -> None:
        begun = time.monotonic()
        while not self._over.wait(self._every_s):
            at = time.monotonic() - begun
            for pid in family(self._server):
                if (seen := look_at(pid, at)) is not None:
                    self.processes.setdefault(pid, []).append(seen)
            files = list(files_below(self._server.data_dir))
            database = sum(size_of(path) for path in files if path.name.startswith("reelwright.db"))
            self.disk.append(Disk(at=at, database=database, files=len(files)))


def files_below(folder: Path) -> Iterator[Path]:
    """Those that are there, also while folders come and go (`Path.rglob` raises when one goes)."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in names)


def family(server: ServerProcess) -> list[int]:
    """The process ids of the server and of its children; the server's is the first."""
    assert server.process
    children: list[str] = []
    for task in Path(f"/proc/{server.process.pid}/task").glob("*/children"):
        try:
            children += task.read_text().split()
        except OSError:  # a thread that has just ended
            continue
    return [server.process.pid, *map(int, children)]


def look_at(pid: int, at: float) -> Sample | None:
    """None when it has ended."""
    process = Path(f"/proc/{pid}")
    try:
        told = (process / "smaps_rollup").read_text().split("\n")
        memory = next(int(line.split()[1]) for line in told if line.startswith("Pss:")) << 10
        files, threads = (len(list((process / name).iterdir())) for name in ("fd", "task"))
    except (OSError, StopIteration):
        return None
    return Sample(at=at, memory=memory, files=files, threads=threads)


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def growth(samples: Sequence[Any], of: str) -> float:
    """How much a value grows in a minute, by the straight line that fits its last two thirds best (least squares)."""
    last = samples[len(samples) // 3 :]
    if len(last) < 2:
        return 0.0
    times, values = [one.at for one in last], [float(getattr(one, of)) for one in last]
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((at - middle) ** 2 for at in times)
    return 60 * sum((at - middle) * (value - mean) for at, value in zip(times, values, strict=True)) / spread


def told(samples: Sequence[Sample]) -> Iterator[str]:
    """A process's row of the table, after its name."""
    for name, unit, digits in (("memory", 1 << 20, 1), ("files", 1, 0), ("threads", 1, 0)):
        values = [getattr(one, name) / unit for one in samples]
        yield f"{values[0]:.{digits}f} / {max(values):.{digits}f} / {values[-1]:.{digits}f}"
        yield f"{growth(samples, name) / unit:+.2f}"
