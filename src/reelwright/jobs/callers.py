"""Who makes a request: the owner of the videos, what the API key may do, and the errors when it is at a limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reelwright.errors import Busy, Code
from reelwright.store.audit import Action, Entry, Who
from reelwright.store.keys import NO_LIMITS, USUAL_SCOPES, KeyLimits, OverLimit, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller of one request. `owner` has the videos; `key`: the id of the API key, empty where none is needed.

    `left`: how much the key may still use, by the names of its limits, as this request has found; the answer's headers
    tell it. `address`: the client's address, empty where it is not known.
    """

    owner: str = ""
    key: str = ""
    scopes: frozenset[Scope] = USUAL_SCOPES
    limits: KeyLimits = NO_LIMITS
    left: dict[str, int] = field(default_factory=dict)
    address: str = ""

    def entry(self, action: Action, about: str, now: datetime) -> Entry:
        """An entry of the audit: the caller does `action` with `about`."""
        return self.who.did(action, about, now)

    @property
    def who(self) -> Who:
        return Who(key=self.key, address=self.address)


STORED_RETRY_S = 3600.0
WAITING_RETRY_S = 30.0

_WORDS: Mapping[str, str] = {
    "waiting": "{most:,} jobs of it wait, as many as may",
    "video_seconds_per_day": "it may ask for {most:,} seconds of video a day (UTC), and {used:,} are used",
    "pixel_frames_per_day": "it may ask for {most:,} pixels × frames a day (UTC), and {used:,} are used",
    "stored_bytes": "its videos and uploaded files may take {most:,} bytes, and take {used:,}. Delete some of them",
}


def refusal(over: OverLimit, now: datetime) -> Busy:
    """The error for what is over a limit of its key. It says after how many seconds to come back."""
    message = f"This API key is at its limit: {_WORDS[over.limit].format(most=over.most, used=over.used)}."
    if over.limit == "waiting":
        return Busy(message, code=Code.QUEUE_FULL, retry_after=WAITING_RETRY_S)
    seconds = STORED_RETRY_S if over.limit == "stored_bytes" else until_tomorrow(now)
    return Busy(message, code=Code.QUOTA_EXCEEDED, retry_after=seconds)


def until_tomorrow(now: datetime) -> float:
    """Seconds until the next day begins (UTC)."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - now).total_seconds()
