"""One job's patience: its deadline, its cancel, and what the answer being read may be like.

A context variable tells which job a thread works for: whatever the thread asks of the network then obeys that job's
watch, also inside libraries that know nothing of it (`network`).
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
"""The allowance of an answer that is not a result."""
SUBMIT_GRACE_SECONDS = 0.4
"""How long a cancel waits for the answer to a request that starts work: with it the work can be cancelled upstream."""
LONGEST_POLL_PAUSE = 12
"""The longest pause between two looks at a job, in shortest pauses."""
POLLS_PER_SECOND = 100
"""All jobs of the process together look no more often than this (a look costs about 2 ms of CPU)."""


class Watch:
    """One job's patience: its deadline, its cancel, and what the answer being read may be like."""

    def __init__(
        self,
        report: Report | None,
        seconds: float,
        idle_seconds: float,
        poll_seconds: float,
        crowd: Callable[[], int] = lambda: 1,
    ) -> None:
        """`crowd` tells how many jobs share the process now."""
        self._report = report
        self._started = time.monotonic()
        self._deadline = self._started + seconds
        self._route_deadline = math.inf
        self._poll_seconds = poll_seconds
        self._crowd = crowd
        self._received = 0
        self._allowance: float = ANSWER_BYTES
        self._submitting = False
        self._cancel_seen: float | None = None
        self.idle_seconds = idle_seconds
        self.silence = idle_seconds
        """How long the upstream may say nothing, in seconds."""

    def left(self) -> float:
        return min(self._deadline, self._route_deadline) - time.monotonic()

    def check(self) -> None:
        """Raises `Cancelled` when the job has been cancelled, `UpstreamError` when its time (or the route's) is up."""
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
        """Sleep, but end at once at a cancel and in time at the deadline."""
        pause = max(0.0, min(seconds, self.left()))
        if self._report is None:
            time.sleep(pause)
        else:
            self._report.wait(pause)
        self.check()

    def poll_pause(self) -> None:
        """The pause between two looks at a job: longer the longer it already takes, so that waiting stays cheap."""
        elapsed = time.monotonic() - self._started
        longest = LONGEST_POLL_PAUSE * self._poll_seconds
        self.wait(max(self._poll_seconds, min(elapsed / 20, longest), self._crowd() / POLLS_PER_SECOND))

    def expect(self, allowance: float = ANSWER_BYTES, *, patient: bool = False) -> None:
        """What the next answer may be: at most `allowance` bytes; when `patient`, begun as late as the deadline."""
        self._allowance = allowance
        self.silence = math.inf if patient else self.idle_seconds

    def begin(self) -> None:
        self.check()
        self._received = 0

    def received(self, size: int) -> None:
        self._received += size
        if self._received > self._allowance:
            raise bad_output(f"the answer is larger than {self._allowance:.0f} bytes")

    @contextmanager
    def submitting(self) -> Iterator[None]:
        """Within the block a request that starts work is under way: a cancel gives its answer a moment to arrive."""
        self.check()
        self._submitting = True
        try:
            yield
        finally:
            self._submitting = False

    @contextmanager
    def route_limit(self, seconds: float | None) -> Iterator[None]:
        """Within the block, `seconds` (if any) bound the time as well."""
        self._route_deadline = math.inf if seconds is None else time.monotonic() + seconds
        try:
            yield
        finally:
            self._route_deadline = math.inf


_WATCH: ContextVar[Watch | None] = ContextVar("reelwright_upstream_watch", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[Watch]:
    """Every request that this thread makes inside the block obeys `watch`."""
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


def current_watch() -> Watch | None:
    """The watch of the job that this thread works for."""
    return _WATCH.get()
