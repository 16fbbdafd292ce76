"""Runs an engine and watches it. The facts of a video then list the paths written that are none of its jobs' files, and
every progress that the engine has reported.

A server takes only the latest progress, a few times a second; here none is left out. A job whose id begins with `HELD`
is held after each of its reports, so that it can be cancelled in the middle however quick the engine is.

The writes are seen by Python's audit events (PEP 578). A file that compiled code opens by itself is not seen.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.host import build

ELSEWHERE = "written_elsewhere"
"""The name of the fact that lists those paths. It is absent when there are none."""

HELD = "held_"
HELD_S = 60.0
"""How long, in seconds, a job is held after each report if nobody cancels it."""

PROGRESS = "progress_told"
"""The name of the fact that lists each progress of the job, as `[done, total]`."""

_PATHS = {
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rmdir": 1,
    "os.truncate": 1,
    "os.rename": 2,
    "os.link": 2,
    "os.symlink": 2,
}
"""Audit events, and how many of their first arguments are paths that are changed."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Audited:
    """An `Engine` that wraps another one: that which `engine` names (see `host.build`), built with `options`."""

    def __init__(self, engine: str, options: Mapping[str, Any]) -> None:
        self._engine = build(engine, options)
        self._lock = threading.Lock()
        self._jobs: dict[str, RenderJob] = {}
        self._written: set[str] = set()
        # Asked for now, because the first call writes a test file: within `_notice` that would be an event itself.
        self._temporary = Path(tempfile.gettempdir()).absolute()
        sys.addaudithook(self._notice)

    def load(self) -> Mapping[str, Any]:
        return self._engine.load()

    def state(self) -> Mapping[str, Any]:
        return self._engine.state()

    def generate(self, job: RenderJob, report: Report) -> Made:
        told = ObservedReport(report, HELD_S if job.video_id.startswith(HELD) else 0.0)
        with self._lock:
            self._jobs[job.video_id] = job
        try:
            made = self._engine.generate(job, told)
        finally:
            with self._lock:
                del self._jobs[job.video_id]
                written = sorted(self._written)
        facts = {**made.facts, PROGRESS: told.progressed}
        return replace(made, facts=facts | {ELSEWHERE: written} if written else facts)

    def _notice(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._jobs:
            return
        if event == "open":
            path, _, flags = arguments
            changed = [path] if isinstance(flags, int) and flags & _WRITING else []
        else:
            changed = list(arguments[: _PATHS.get(event, 0)])
        for path in changed:
            if isinstance(path, str | bytes | os.PathLike):
                where = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - links stay as they are written
                if not self._allowed(where):
                    self._written.add(str(where))

    def _allowed(self, path: Path) -> bool:
        """Whether an engine may write there: in its jobs' scratch folders, their clips, the folder for temporary files,
        devices, and compiled modules."""
        if "__pycache__" in path.parts or path.is_relative_to("/dev") or path.is_relative_to("/proc"):
            return True
        own = [*self._jobs.values()]
        if any(path == job.clip or path.is_relative_to(job.scratch) for job in own):
            return True
        return path.is_relative_to(self._temporary)


class ObservedReport:
    """A `Report` that passes on each report of the engine, and keeps the progress."""

    def __init__(self, report: Report, held_s: float) -> None:
        """`held_s`: how many seconds to wait for a cancel after each report."""
        self.progressed: list[tuple[int, int]] = []
        self._report = report
        self._held_s = held_s
        self.moved, self.wait = report.moved, report.wait

    def progress(self, done: int, total: int) -> None:
        self.progressed.append((done, total))
        self._report.progress(done, total)
        self.wait(self._held_s)

    def stage(self, name: str | None) -> None:
        self._report.stage(name)
        self.wait(self._held_s)

    def preview(self, data: bytes, media_type: str) -> None:
        self._report.preview(data, media_type)
        self.wait(self._held_s)

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        self._report.checkpoint(state)
        self.wait(self._held_s)
