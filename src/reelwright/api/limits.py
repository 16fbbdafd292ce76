"""The limits of a key as the answers tell them: `RateLimit-Policy` and `RateLimit`
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/10/).

A policy is a limit that the key has: `q` of it, in units `qu` (absent: requests), within `w` seconds (absent: at one
time). `RateLimit` says how much is left (`r`), of those limits that this request has counted or looked at, and in how
many seconds there is all of it again (`t`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from starlette.datastructures import MutableHeaders

from reelwright.clock import Clock
from reelwright.errors import Busy, Code
from reelwright.jobs.callers import Caller, until_tomorrow
from reelwright.jobs.requests import Requests
from reelwright.store.keys import NO_LIMITS, KeyLimits

MINUTE_S, DAY_S = 60, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Policy:
    name: str
    window_s: int | None = None
    unit: str | None = None


POLICIES: Mapping[str, _Policy] = {
    "requests_per_minute": _Policy(name="requests", window_s=MINUTE_S),
    "waiting": _Policy(name="waiting", unit="jobs"),
    "running": _Policy(name="running", unit="jobs"),
    "video_seconds_per_day": _Policy(name="video-seconds", window_s=DAY_S, unit="seconds"),
    "pixel_frames_per_day": _Policy(name="pixel-frames", window_s=DAY_S, unit="pixel-frames"),
    "stored_bytes": _Policy(name="stored-bytes", unit="content-bytes"),
}
"""What each limit is called in the headers."""


class Meter:
    """Counts the requests of keys, and writes what is left into the answers."""

    def __init__(self, requests: Requests, clock: Clock) -> None:
        self._requests = requests
        self._clock = clock

    async def count(self, caller: Caller) -> None:
        """Count one more request. Raises `Busy` when the key has none left."""
        most = caller.limits.requests_per_minute
        if most is None:
            return
        taken = await self._requests.take(caller.key, most)
        caller.left["requests_per_minute"] = taken.left
        if taken.wait_s:
            raise Busy(
                f"This API key may make {most:,} requests a minute.", code=Code.RATE_LIMITED, retry_after=taken.wait_s
            )

    def tell(self, caller: Caller, headers: MutableHeaders) -> None:
        """Write what the key may have, and what is left of it."""
        if caller.limits == NO_LIMITS:
            return
        headers["RateLimit-Policy"] = _policies(caller.limits)
        if caller.left:
            now = self._clock.now()
            headers["RateLimit"] = ", ".join(_left(caller, name, now) for name in POLICIES if name in caller.left)


@lru_cache(1_000)
def _policies(limits: KeyLimits) -> str:
    return ", ".join(_each_policy(limits))


def _each_policy(limits: KeyLimits) -> Iterator[str]:
    for name, policy in POLICIES.items():
        if (most := getattr(limits, name)) is not None:
            window = f";w={policy.window_s}" if policy.window_s else ""
            unit = f';qu="{policy.unit}"' if policy.unit else ""
            yield f'"{policy.name}";q={most}{window}{unit}'


def _left(caller: Caller, name: str, now: datetime) -> str:
    policy, left = POLICIES[name], max(0, caller.left[name])
    match policy.window_s:
        case None:
            again = ""
        case int() if policy.window_s == MINUTE_S:
            most = getattr(caller.limits, name)
            again = f";t={math.ceil((most - left) * MINUTE_S / most)}"
        case _:
            again = f";t={math.ceil(until_tomorrow(now))}"
    return f'"{policy.name}";r={left}{again}'
