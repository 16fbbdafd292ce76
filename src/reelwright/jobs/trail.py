"""What is told to the audit beside the changes: whose files were read, and who was refused.

Neither is worth a write of its own: both are gathered in memory and written together. A file that one key reads again
within ten minutes (a player asks for many ranges) is one entry. Refusals are counted by key and kind, an entry a
minute: so nobody fills the disk by knocking at the door. What a killed process had not written yet is lost.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

import structlog

from reelwright.clock import Clock
from reelwright.errors import Busy, Code
from reelwright.jobs.callers import Caller
from reelwright.jobs.threads import Threads
from reelwright.store.audit import Action, Audit, Entry

WRITE_EACH_S = 5.0
COUNTED_S = 60.0
"""Refusals of one kind become an entry so often."""
SAME_READ_S = 600.0
MOST_READS = 10_000
"""Of which a process knows that they were written lately, or are to be."""

REFUSALS = frozenset(
    {
        Code.UNAUTHORIZED,
        Code.FORBIDDEN,
        Code.MISDIRECTED,
        Code.RATE_LIMITED,
        Code.QUEUE_FULL,
        Code.QUOTA_EXCEEDED,
        Code.REFUSED,
    }
)
"""What this server refuses somebody, beside requests that are wrong."""


@dataclass(slots=True)
class _Count:
    since: datetime
    address: str
    number: int = 0


_Counts = dict[tuple[str, Code], _Count]


class Trail:
    def __init__(self, rows: Audit, clock: Clock, threads: Threads) -> None:
        self._rows = rows
        self._clock = clock
        self._threads = threads
        self._reads: list[Entry] = []
        self._read_at: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._refused: _Counts = {}
        self._counted_at = clock.monotonic()
        self._log = structlog.get_logger("reelwright.audit")

    def read(self, caller: Caller, video_id: str) -> None:
        """The file of that video was asked for."""
        if not self._rows.kept:
            return
        who, now = (caller.key or caller.address, video_id), self._clock.monotonic()
        if now - self._read_at.get(who, -SAME_READ_S) < SAME_READ_S or len(self._reads) >= MOST_READS:
            return
        self._read_at[who] = now
        self._read_at.move_to_end(who)
        if len(self._read_at) > MOST_READS:
            self._read_at.popitem(last=False)
        self._reads.append(caller.entry(Action.READ, video_id, self._clock.now()))

    def refused(self, caller: Caller, code: Code) -> None:
        """A request was not let in, or its job not taken. There are as many counts as keys and kinds."""
        if not self._rows.kept or code not in REFUSALS:
            return
        count = self._refused.get((caller.key, code))
        if count is None:
            count = self._refused[caller.key, code] = _Count(self._clock.now(), caller.address)
        count.number += 1
        if count.address != caller.address:
            count.address = ""

    async def write(self) -> None:
        """All that was gathered, now. What the database does not take is tried again. Raises `Busy`."""
        reads, self._reads = self._reads, []
        refused, self._refused = self._refused, {}
        self._counted_at = self._clock.monotonic()
        try:
            await self._threads.write(self._rows.write, [*reads, *map(_entry, refused.items())], self._clock.now())
        except BaseException:
            self._reads = [*reads, *self._reads]
            self._refused = _together(refused, self._refused)
            raise

    async def run(self) -> None:
        """For ever: write what there is to write."""
        while True:
            await asyncio.sleep(WRITE_EACH_S)
            try:
                due = self._refused and self._clock.monotonic() - self._counted_at >= COUNTED_S
                if self._reads or due:
                    await self.write()
            except Busy as error:
                self._log.debug("audit not written", reason=error.message)
            except Exception:  # noqa: BLE001 - a loop that must not end: recorded
                self._log.exception("audit not written")


def _entry(counted: tuple[tuple[str, Code], _Count]) -> Entry:
    (key, code), count = counted
    return Entry(at=count.since, action=Action.REFUSED, key=key, code=code, number=count.number, address=count.address)


def _together(earlier: _Counts, later: _Counts) -> _Counts:
    for what, count in later.items():
        if (before := earlier.get(what)) is None:
            earlier[what] = count
        else:
            before.number += count.number
            before.address = before.address if before.address == count.address else ""
    return earlier
