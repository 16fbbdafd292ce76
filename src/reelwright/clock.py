"""The clock, which objects get as an argument so that tests can set the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is stored or shown, monotonic time for durations and deadlines."""

    def now(self) -> datetime:
        """The wall time, in UTC and with its time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that is never set forwards or back."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def iso_milliseconds(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`, as JavaScript's `toISOString` writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
