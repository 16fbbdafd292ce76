"""An event loop whose clock runs a hundred times too fast, for time-outs that a test should not wait for."""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import Any

HASTE = 100
STEP_S = 1.0
"""At most so much passes between two looks at what is ready: nobody's time runs out while the machine stands still."""


class _Clock(selectors.DefaultSelector):
    now = 0.0
    _looked_at = time.monotonic()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        longest = STEP_S / HASTE
        ready = super().select(longest if timeout is None else min(timeout, longest))
        looked_at, self._looked_at = self._looked_at, time.monotonic()
        self.now += min((self._looked_at - looked_at) * HASTE, STEP_S)
        return ready


class HastyLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now
