"""The entries of the audit that are no changes: which files were read, and which requests were refused.

A write for each would cost too much, so they are gathered in memory and written together. A file that one key reads
again within ten minutes (a player asks for many ranges) is one entry. Refusals are counted by key and code, and each
count becomes an entry once a minute, so a flood of refused requests does not fill the disk. A process that is killed
loses what it has not written yet.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from reelwright.clock import Clock
from reelwright.errors import Code
from reelwright.jobs.callers import Caller
from reelwright.jobs.threads import Threads
from reelwright.loop import Loop
from reelwright.store.audit import Action, Audit, Entry

WRITE_EACH_S = 5.0
COUNTED_S = 60.0
"""Refusals with one key and code become an entry each so many seconds."""
SAME_READ_S = 600.0
MOST_READS = 10_000
"""Reads that wait to be written, and reads that are remembered as written; more are dropped."""

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
"""The codes of refusals that the audit counts. A malformed request is not one of them."""


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
        self._loop = Loop("audit", self._write_due, WRITE_EACH_S, at_once=False)

    def read(self, caller: Caller, video_id: str) -> None:
        """Note that the caller has read the file of that video."""
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
        """Count a request of the caller that was refused with that code."""
        if not self._rows.kept or code not in REFUSALS:
            return
        count = self._refused.get((caller.key, code))
        if count is None:
            count = self._refused[caller.key, code] = _Count(self._clock.now(), caller.address)
        count.number += 1
        if count.address != caller.address:
            count.address = ""

    async def write(self) -> None:
        """Write all that was gathered. When the database refuses it, it is kept for the next try. Raises `Busy`."""
        reads, self._reads = self._reads, []
        refused, self._refused = self._refused, {}
        self._counted_at = self._clock.monotonic()
        try:
            await self._threads.write(self._rows.write, [*reads, *map(_entry, refused.items())], self._clock.now())
        except BaseException:
            self._reads = [*reads, *self._reads]
            self._refused = _merged(refused, self._refused)
            raise

    async def run(self) -> None:
        """Write what was gathered, at intervals, until the task is cancelled."""
        await self._loop.run()

    async def _write_due(self) -> None:
        counted = self._refused and self._clock.monotonic() - self._counted_at >= COUNTED_S
        if self._reads or counted:
            await self.write()


def _entry(counted: tuple[tuple[str, Code], _Count]) -> Entry:
    (key, code), count = counted
    return Entry(at=count.since, action=Action.REFUSED, key=key, code=code, number=count.number, address=count.address)


def _merged(earlier: _Counts, later: _Counts) -> _Counts:
    for what, count in later.items():
        if (before := earlier.get(what)) is None:
            earlier[what] = count
        else:
            before.number += count.number
            before.address = before.address if before.address == count.address else ""
    return earlier
