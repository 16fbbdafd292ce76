"""Follows a job that a ComfyUI has taken until it is in the history, or until it is clear that it is lost.

A job that is not in the history may wait, run or be lost. The queue says which, but its answer holds whole graphs, so
it is asked seldom. It is always asked before the history: a job that ends between the two questions is then found in
one of them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx2

from reelwright.engines.comfyui.listener import Listener
from reelwright.engines.comfyui.options import Options
from reelwright.engines.comfyui.refusals import Absent, lost, stalled
from reelwright.engines.comfyui.server import ComfyUI, State
from reelwright.engines.comfyui.servers import Servers
from reelwright.engines.engine import Report
from reelwright.engines.upstream.job_limits import JobLimits
from reelwright.engines.upstream.outcomes import UpstreamError
from reelwright.errors import Code

CERTAIN_SECONDS = 5.0
"""The seconds between two questions about the queue, while the web socket says nothing about the job."""
LONGEST_PAUSE = 6.0
"""The longest pause, in seconds, before a ComfyUI that does not answer is asked again."""
SLICE_SECONDS = 0.25
"""How often a waiting thread checks for a cancel, in seconds."""

_FINAL = frozenset({Code.UPSTREAM_UNAUTHORIZED, Code.UPSTREAM_FORBIDDEN})
"""Errors that end the job here at once, because asking again would bring the same."""


class Following:
    def __init__(
        self,
        *,
        server: ComfyUI,
        servers: Servers,
        prompt_id: str,
        options: Options,
        limits: JobLimits,
        report: Report,
        listener: Listener,
        certain: bool,
    ) -> None:
        """`certain`: the server has just said itself that it took the job."""
        self._server = server
        self._servers = servers
        self._condition = servers.of(server.name)
        self._prompt_id = prompt_id
        self._options = options
        self._limits = limits
        self._report = report
        self._listener = listener
        self._misses = 0
        self._asked_at = time.monotonic() if certain else -CERTAIN_SECONDS
        self._silent_since: float | None = None
        self._pause = options.poll_seconds

    def entry(self) -> Mapping[str, Any]:
        """Wait for the job's end. Returns its entry in the history. Raises `UpstreamError`, `Cancelled`.

        While the server does not answer, this waits until the job's limits end it: the server may be alive and busy. A
        server that refuses connections is left after `stall_seconds`, if there is another one.
        """
        while True:
            try:
                found = self._look()
                stuck = found is State.PENDING and self._server.queue(self._limits).is_stuck
            except (UpstreamError, httpx2.TransportError) as error:
                self._tolerate(error)
            else:
                if isinstance(found, Mapping):
                    return found
                self._silent_since, self._pause = None, self._options.poll_seconds
                self._judge(found, stuck)
            self._wait(self._pause)

    def _look(self) -> State | Mapping[str, Any] | None:
        """Ask once where the job is. Returns its entry in the history if it has ended, its state if the queue was
        asked, or else None."""
        if (entry := self._server.history(self._prompt_id, self._limits)) is not None:
            return entry
        now = time.monotonic()
        quiet = now - max(self._asked_at, self._listener.heard_at) >= CERTAIN_SECONDS
        if not quiet and not self._misses:
            return None
        self._asked_at = now
        return self._server.state(self._prompt_id, self._limits)

    def _judge(self, found: State | None, stuck: bool) -> None:
        """Raises `UpstreamError` when the job is lost, or when this ComfyUI executes nothing any more."""
        match found:
            case State.UNKNOWN:
                self._misses += 1
                if self._misses >= self._options.lost_looks:
                    raise lost(self._server.name)
                return
            case State.PENDING:
                self._report.stage("waiting in the queue of ComfyUI")
                if self._condition.note_stuck(stuck, self._options.stall_seconds):
                    raise stalled(self._server.name)
            case State.RUNNING:
                self._report.stage(None)  # also when the web socket reports no progress
                self._condition.note_stuck(False, self._options.stall_seconds)
        self._misses = 0

    def _tolerate(self, error: UpstreamError | httpx2.TransportError) -> None:
        """The server gave no good answer: make the pause longer, or raise the error that ends the job here."""
        if isinstance(error, UpstreamError) and error.code in _FINAL:
            error.running = True
            raise error
        if isinstance(error, UpstreamError) and error.code is Code.TIMED_OUT:
            raise error  # from the job's limits, not from the server
        now = time.monotonic()
        self._silent_since = self._silent_since or now
        refused = isinstance(error, UpstreamError) and error.status is None
        if (
            refused
            and now - self._silent_since >= self._options.stall_seconds
            and self._servers.others(self._server.name)
        ):
            fault = Absent(self._server.name)
            fault.running = True
            raise fault from error
        self._pause = min(self._pause * 1.5, LONGEST_PAUSE)

    def _wait(self, seconds: float) -> None:
        """Sleep so long; shorter if the web socket says that something has ended."""
        until = time.monotonic() + max(seconds, 0.0)
        while True:
            self._limits.check()
            left = until - time.monotonic()
            if left <= 0 or self._listener.wait(min(left, SLICE_SECONDS)):
                return
