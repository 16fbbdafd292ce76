"""The jobs that one process waits for side by side, each with a watch of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from reelwright.engines.engine import RenderJob, Report
from reelwright.engines.upstream.watch import Watch, watched

W = TypeVar("W", bound=Watch)


class Crowd(Generic[W]):
    def __init__(self, kind: type[W], *, idle_seconds: float, poll_seconds: float) -> None:
        """`kind`: of the watches. The seconds are theirs."""
        self._kind = kind
        self._idle_seconds = idle_seconds
        self._poll_seconds = poll_seconds
        self._under_way: set[str] = set()

    @contextmanager
    def joined(self, job: RenderJob, report: Report) -> Iterator[W]:
        """Within the block the job is one of them, and the thread obeys its watch. A job that fails leaves no clip."""
        watch = self._kind(
            report, job.seconds_left, self._idle_seconds, self._poll_seconds, lambda: len(self._under_way)
        )
        self._under_way.add(job.video_id)
        try:
            with watched(watch):
                yield watch
        except BaseException:
            job.clip.unlink(missing_ok=True)
            raise
        finally:
            self._under_way.discard(job.video_id)
