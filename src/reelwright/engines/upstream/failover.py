"""Which route is asked when, and when no more.

The policy, in full:

- Routes are asked in their configured order. A route whose provider's breaker is open is asked after the others.
- A fault that would be the same everywhere, or that somebody must decide about, ends the job: a moderation refusal, a
  refused token (401), missing credits (402), a missing permission (403), a rejected request (other 4xx), a result that
  is not a video, and a request whose fate is not known.
- "Not here" (404, 410, no provider serves the model), 408, 5xx, no connection, a failed generation and a provider that
  exceeds its time: the next route is asked; the same one is not asked again for this job.
- "Not now" (429, 503): the next route is asked. When all have been asked, those that said "not now" are asked again
  after the shortest wait that one of them named (`Retry-After`, `ratelimit`, `estimated_time`), or else after our own
  growing wait; at most `tries` rounds in all, and never when the wait would outlast the job's deadline.
- A job that a provider has accepted is never sent again unless the provider reported its failure or confirmed its
  cancel.

The error that ends a job is the last "not now" if there was one, because the client can do something about it, and
the first other fault if not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from reelwright.engines.upstream.outcomes import NextStep, UpstreamError
from reelwright.errors import Cancelled, Code, EngineError

T = TypeVar("T")


class Route(Protocol):
    """A provider, by the name that the video's record shows, and the model that it is asked for."""

    @property
    def provider(self) -> str: ...

    @property
    def model(self) -> str: ...


R = TypeVar("R", bound=Route)


@dataclass(slots=True)
class _Health:
    failures: int = 0
    opened_at: float | None = None
    last_error: str | None = None


class Breakers:
    """One circuit breaker per provider, in memory: it opens after several failures in a row.

    An open breaker moves its provider behind the others; it never forbids the only provider there is. After
    `seconds` the provider is asked in its order again, and one more failure opens the breaker at once.
    """

    def __init__(self, *, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._health: dict[str, _Health] = {}
        self._lock = threading.Lock()

    def succeeded(self, provider: str) -> None:
        with self._lock:
            self._health[provider] = _Health()

    def failed(self, provider: str, error: EngineError) -> None:
        with self._lock:
            health = self._health.setdefault(provider, _Health())
            health.failures += 1
            health.last_error = error.code.value
            if health.failures >= self._limit:
                health.opened_at = self._clock()

    def open(self, provider: str) -> bool:
        with self._lock:
            return self._left(self._health.get(provider)) > 0

    def state(self) -> dict[str, dict[str, Any]]:
        """Per provider asked so far: `state` (closed, open), `failures` in a row, `last_error`, `retry_in` seconds."""
        with self._lock:
            return {
                provider: {
                    "state": "open" if self._left(health) > 0 else "closed",
                    "failures": health.failures,
                    "last_error": health.last_error,
                    "retry_in": round(self._left(health), 1),
                }
                for provider, health in self._health.items()
            }

    def _left(self, health: _Health | None) -> float:
        if health is None or health.opened_at is None:
            return 0.0
        return max(0.0, health.opened_at + self._seconds - self._clock())


class Failover:
    """One job's way through its routes."""

    def __init__(
        self,
        *,
        tries: int,
        first_wait_seconds: float,
        breakers: Breakers,
        wait: Callable[[float], None],
        seconds_left: Callable[[], float],
    ) -> None:
        """`tries` bounds the rounds through the routes; `wait` sleeps that many seconds."""
        self._tries = tries
        self._first_wait_seconds = first_wait_seconds
        self._breakers = breakers
        self._wait = wait
        self._seconds_left = seconds_left
        self.tries: list[Mapping[str, Any]] = []
        """What was asked so far and how it ended: provider, model, outcome."""

    def run(self, routes: Sequence[R], attempt: Callable[[R], T], *, first: R | None = None) -> T:
        """Ask the routes and return the first success. Raises the `EngineError` that the policy above names.

        `first`: the route where the job is under way already. It is asked before all others, even if its breaker is
        open.
        """
        waiting = list(routes)
        fault: UpstreamError | None = None
        for round_number in range(self._tries):
            not_now: dict[R, UpstreamError] = {}
            for route in sorted(waiting, key=lambda route: route != first and self._breakers.open(route.provider)):
                result = self._ask(route, attempt)
                if not isinstance(result, UpstreamError):
                    return result
                fault = fault or result
                if result.next_step is NextStep.LATER:
                    not_now[route] = result
            waiting = [route for route in waiting if route in not_now]
            if not waiting:
                break
            fault = list(not_now.values())[-1]
            seconds = self._next_wait(not_now.values(), round_number)
            if round_number + 1 == self._tries or seconds >= self._seconds_left():
                break
            self._wait(seconds)
        assert fault is not None, "there is at least one route"
        raise fault

    def _ask(self, route: R, attempt: Callable[[R], T]) -> T | UpstreamError:
        try:
            result = attempt(route)
        except EngineError as error:
            self._note(route, error)
            if isinstance(error, UpstreamError) and error.next_step is not NextStep.STOP:
                return error
            raise
        self._breakers.succeeded(route.provider)
        self.tries.append({"provider": route.provider, "model": route.model, "outcome": "completed"})
        return result

    def _note(self, route: Route, error: EngineError) -> None:
        self.tries.append({"provider": route.provider, "model": route.model, "outcome": error.code.value})
        if error.unhealthy if isinstance(error, UpstreamError) else error.code is Code.TIMED_OUT:
            self._breakers.failed(route.provider, error)
        elif isinstance(error, UpstreamError) and not isinstance(error, Cancelled):
            # An answer, whatever it says, shows that the provider is alive.
            self._breakers.succeeded(route.provider)

    def _next_wait(self, faults: Iterable[UpstreamError], round_number: int) -> float:
        own = self._first_wait_seconds * 2**round_number
        return min(own if fault.wait is None else fault.wait for fault in faults)
