"""Limits the requests of each API key with a token bucket.

A process that is alone with its database keeps the buckets in memory. In a fleet they are rows (`store/buckets.py`),
from which each process draws a sixtieth of a minute's tokens at a time. So it writes at most once a second for a key,
and does not ask an empty bucket again before the next token is due.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from reelwright.clock import Clock
from reelwright.jobs.threads import Threads
from reelwright.store.buckets import Buckets

MOST_BUCKETS = 10_000
_SHARE = 60


@dataclass(slots=True, kw_only=True)
class _Bucket:
    """`tokens`: those that this process may spend. `shared`: those that were left in the row. `closed_until`: the row
    has none before that time. `at`: when `tokens` was brought up to date. Times are monotonic, in seconds."""

    tokens: float
    at: float
    shared: float = 0.0
    closed_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """`wait_s`: 0 when the request is allowed, otherwise the seconds until one is. `left`: how many more are allowed
    now."""

    left: int
    wait_s: float


class Requests:
    def __init__(self, rows: Buckets | None, threads: Threads, clock: Clock) -> None:
        """`rows`: None where this process is alone."""
        self._rows = rows
        self._threads = threads
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    async def take(self, key: str, per_minute: int) -> Taken:
        """Count one request of that key. Raises `Busy` when the database does not answer."""
        bucket = self._bucket(key, per_minute)
        if self._rows is None:
            self._fill(bucket, per_minute)
        elif bucket.tokens < 1 and self._clock.monotonic() >= bucket.closed_until:
            async with bucket.lock:  # requests that wait here share one draw
                if bucket.tokens < 1 and self._clock.monotonic() >= bucket.closed_until:
                    await self._draw(self._rows, key, bucket, per_minute)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return Taken(left=int(bucket.tokens + bucket.shared), wait_s=0.0)
        if self._rows is None:
            return Taken(left=0, wait_s=_wait(bucket.tokens, per_minute))
        return Taken(left=0, wait_s=max(0.001, bucket.closed_until - self._clock.monotonic()))

    def _bucket(self, key: str, per_minute: int) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            full = float(per_minute) if self._rows is None else 0.0
            bucket = self._buckets[key] = _Bucket(tokens=full, at=self._clock.monotonic())
            while len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket

    def _fill(self, bucket: _Bucket, per_minute: int) -> None:
        now = self._clock.monotonic()
        bucket.tokens = min(per_minute, bucket.tokens + (now - bucket.at) * per_minute / 60)
        bucket.at = now

    async def _draw(self, rows: Buckets, key: str, bucket: _Bucket, per_minute: int) -> None:
        wanted = max(1, per_minute // _SHARE)
        taken, shared = await self._threads.write(rows.draw, key, per_minute, wanted)
        bucket.tokens += taken
        bucket.shared = shared
        if not taken:
            bucket.closed_until = self._clock.monotonic() + _wait(shared, per_minute)


def _wait(tokens: float, per_minute: int) -> float:
    """Seconds until the bucket has a whole token."""
    return (1 - tokens) * 60 / per_minute
