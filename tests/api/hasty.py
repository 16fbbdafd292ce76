"""An event loop whose clock runs a hundred times too fast, for time-outs that a test should not wait for."""

from __future__ import annotations

import asyncio

HASTE = 100


class HastyLoop(asyncio.SelectorEventLoop):
    """Run it together with `ticking`: the selector sleeps in real seconds."""

    def time(self) -> float:
        return super().time() * HASTE


async def ticking() -> None:
    """Wakes the loop every 10 ms of real time, until it is cancelled."""
    while True:  # noqa: ASYNC110 - waking the loop is the point
        await asyncio.sleep(0.01)
