"""The jobs that one engine process works on at the same time, each with limits of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from reelwright.engines.engine import RenderJob, Report
from reelwright.engines.upstream.job_limits import JobLimits, limited_by

W = TypeVar("W", bound=JobLimits)


class ActiveJobs(Generic[W]):
    def __init__(self, kind: type[W], *, idle_seconds: float, poll_seconds: float) -> None:
        """`kind`: the class of the limits, which get `idle_seconds` and `poll_seconds`."""
        self._kind = kind
        self._idle_seconds = idle_seconds
        self._poll_seconds = poll_seconds
        self._under_way: set[str] = set()

    @contextmanager
    def track(self, job: RenderJob, report: Report) -> Iterator[W]:
        """Within the block the job counts as active, and the thread's requests keep to the limits that it gets.

        When the block ends with an exception, the job's clip is removed.
        """
        limits = self._kind(
            report, job.seconds_left, self._idle_seconds, self._poll_seconds, lambda: len(self._under_way)
        )
        self._under_way.add(job.video_id)
        try:
            with limited_by(limits):
                yield limits
        except BaseException:
            job.clip.unlink(missing_ok=True)
            raise
        finally:
            self._under_way.discard(job.video_id)
