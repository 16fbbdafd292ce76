"""A background task that does the same work again and again, for as long as the server runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from reelwright.errors import Busy

RETRY_S = 1.0
"""The longest pause after a round that was `Busy`, and the shortest one after a round that has failed."""


class Loop:
    """Calls one coroutine function in rounds, with a pause after each, until its task is cancelled.

    A round that fails never ends the loop, because nobody would notice that its work is no longer done. `Busy` (the
    database or the bucket does not answer) is logged at debug level, since whoever needs an answer is told it, and the
    round is repeated within `RETRY_S`. Any other error is a bug: it is logged with its traceback, and the round is
    repeated after the usual pause.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        pause_s: float | Callable[[], float | None],
        *,
        at_once: bool = True,
    ) -> None:
        """`name`: what the log calls it. `pause_s`: the seconds between two rounds; a function is asked after each
        round, and its None means: until `wake`. `at_once`: the first round comes without a pause before it."""
        self._name = name
        self._work = work
        self._pause_s = pause_s
        self._at_once = at_once
        self._woken = asyncio.Event()
        self._log = structlog.get_logger("reelwright.loops")

    def wake(self) -> None:
        """Begin the next round now, or right after the one that is under way."""
        self._woken.set()

    async def run(self) -> None:
        """Run until the task is cancelled."""
        if not self._at_once:
            await self._rest(self._pause)
        while True:
            self._woken.clear()  # before the round: what happens during it is for the next one
            try:
                await self._work()
            except Busy as error:
                self._log.debug("round postponed", loop=self._name, reason=error.message)
                await asyncio.sleep(min(RETRY_S, self._pause or RETRY_S))
            except Exception:  # noqa: BLE001 - a loop must not end: recorded
                self._log.exception("round failed", loop=self._name)
                await asyncio.sleep(max(RETRY_S, self._pause or RETRY_S))
            else:
                await self._rest(self._pause)

    @property
    def _pause(self) -> float | None:
        return self._pause_s() if callable(self._pause_s) else self._pause_s

    async def _rest(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
