"""What bounds the requests that are made for one job: its deadline, its cancel, and the size and silence of an answer.

A context variable tells which job a thread works for. The HTTP client reads it (`network`), so that a job's limits also
bind libraries that know nothing of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from reelwright.engines.engine import Report
from reelwright.engines.upstream.outcomes import NextStep, UpstreamError, bad_output
from reelwright.errors import Cancelled, Code, EngineError

ANSWER_BYTES = 4 * 1024 * 1024
"""How many bytes an answer may have that is not a video."""
SUBMIT_GRACE_SECONDS = 0.4
"""How long a cancelled job still waits for the answer to a request that starts work: the answer names the work, which
can then be cancelled upstream."""
LONGEST_POLL_PAUSE = 12
"""The longest pause between two looks at a job, as a multiple of `poll_seconds`."""
POLLS_PER_SECOND = 100
"""All jobs of the process together look no more often than this (a look costs about 2 ms of CPU)."""


class JobLimits:
    """The limits of one job. The job's thread calls them between its requests, and the HTTP client within them."""

    def __init__(
        self,
        report: Report | None,
        seconds: float,
        idle_seconds: float,
        poll_seconds: float,
        active_jobs: Callable[[], int] = lambda: 1,
    ) -> None:
        """`report` tells of a cancel; None: the job cannot be cancelled. `seconds`: until its deadline. `idle_seconds`:
        how long an upstream may say nothing. `poll_seconds`: the shortest pause between two looks at a job.
        `active_jobs` tells how many jobs share the process now.
        """
        self._report = report
        self._started = time.monotonic()
        self._deadline = self._started + seconds
        self._route_deadline = math.inf
        self._poll_seconds = poll_seconds
        self._active_jobs = active_jobs
        self._received = 0
        self._allowance: float = ANSWER_BYTES
        self._submitting = False
        self._cancel_seen: float | None = None
        self.idle_seconds = idle_seconds
        self.silence = idle_seconds
        """How long the upstream may say nothing, in seconds."""

    def left(self) -> float:
        """Seconds until the job's deadline, or that of its present route if that is earlier."""
        return min(self._deadline, self._route_deadline) - time.monotonic()

    def check(self) -> None:
        """Raises `Cancelled` when the job has been cancelled, `EngineError` after its deadline, and `UpstreamError`
        when the time for its present route is up."""
        now = time.monotonic()
        if self._report is not None:
            try:
                self._report.wait(0)
            except Cancelled:
                self._cancel_seen = self._cancel_seen or now
                if not self._submitting or now - self._cancel_seen >= SUBMIT_GRACE_SECONDS:
                    raise
        if now >= self._deadline:
            spent = self._deadline - self._started
            raise EngineError(f"The upstream did not finish within {spent:.0f} s.", code=Code.TIMED_OUT)
        if now >= self._route_deadline:
            message = "The provider did not finish in its time."
            raise UpstreamError(message, code=Code.TIMED_OUT, next_step=NextStep.NEXT, unhealthy=True, running=True)

    def wait(self, seconds: float) -> None:
        """Sleep for so long, but not beyond the deadline. Raises as `check`; a cancel ends the sleep at once."""
        pause = max(0.0, min(seconds, self.left()))
        if self._report is None:
            time.sleep(pause)
        else:
            self._report.wait(pause)
        self.check()

    def poll_pause(self) -> None:
        """Sleep between two looks at a job. The longer the job has taken, the longer the pause, so that waiting stays
        cheap."""
        elapsed = time.monotonic() - self._started
        longest = LONGEST_POLL_PAUSE * self._poll_seconds
        self.wait(max(self._poll_seconds, min(elapsed / 20, longest), self._active_jobs() / POLLS_PER_SECOND))

    def expect(self, allowance: float = ANSWER_BYTES, *, patient: bool = False) -> None:
        """Set the bounds of the next answer: at most `allowance` bytes. `patient`: it may begin at any time before the
        deadline; otherwise within `idle_seconds`."""
        self._allowance = allowance
        self.silence = math.inf if patient else self.idle_seconds

    def begin(self) -> None:
        """A request is about to be sent: its answer is counted from 0. Raises as `check`."""
        self.check()
        self._received = 0

    def received(self, size: int) -> None:
        """So many bytes of the answer have come. Raises `UpstreamError` when they are more than were allowed."""
        self._received += size
        if self._received > self._allowance:
            raise bad_output(f"the answer is larger than {self._allowance:.0f} bytes")

    @contextmanager
    def submitting(self) -> Iterator[None]:
        """Within the block a request that starts work is under way: a cancel waits for its answer, for at most
        `SUBMIT_GRACE_SECONDS`. Raises as `check`.
        """
        self.check()
        self._submitting = True
        try:
            yield
        finally:
            self._submitting = False

    @contextmanager
    def route_limit(self, seconds: float | None) -> Iterator[None]:
        """Within the block the job also has to end within `seconds`, if any: the limit of its present route."""
        self._route_deadline = math.inf if seconds is None else time.monotonic() + seconds
        try:
            yield
        finally:
            self._route_deadline = math.inf


_LIMITS: ContextVar[JobLimits | None] = ContextVar("reelwright_upstream_limits", default=None)


@contextmanager
def limited_by(limits: JobLimits) -> Iterator[JobLimits]:
    """Inside the block, every request of this thread keeps to `limits`."""
    token = _LIMITS.set(limits)
    try:
        yield limits
    finally:
        _LIMITS.reset(token)


def current_limits() -> JobLimits | None:
    """The limits of the job that this thread works for."""
    return _LIMITS.get()
