"""Keeps a dedicated endpoint awake: a small request now and then, so that it does not scale to zero between two jobs.

Any answer counts as a sign of life; 503 means that the endpoint is just waking up. Off unless an interval is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from reelwright.clock import Clock, iso_milliseconds
from reelwright.loop import Loop

TIMEOUT_S = 20.0


class KeepWarm:
    """Asks `<endpoint's origin>/health` every `interval_s`. `state` is what `/health` shows of it."""

    def __init__(self, *, endpoint_url: str, token: str | None, interval_s: float, clock: Clock) -> None:
        """`token` is sent to the endpoint's origin only."""
        parts = urlsplit(endpoint_url)
        self._url = f"{parts.scheme}://{parts.netloc}/health"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._interval_s = interval_s
        self._loop = Loop("keep warm", self._round, interval_s)
        self._clock = clock
        self._last: dict[str, Any] = {"state": "not asked yet"}

    @property
    def state(self) -> Mapping[str, Any]:
        return {"every_s": self._interval_s, **self._last}

    async def run(self) -> None:
        """Ask until the task is cancelled, the first time at once."""
        await self._loop.run()

    async def _round(self) -> None:
        self._last = {"state": await self._ask(), "at": iso_milliseconds(self._clock.now())}

    async def _ask(self) -> str:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=self._headers, trust_env=True) as session,
                session.get(self._url, allow_redirects=False) as response,
            ):
                return "waking up" if response.status == 503 else "awake"
        except (aiohttp.ClientError, TimeoutError):
            return "unreachable"
