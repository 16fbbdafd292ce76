"""The one thread that owns the device: takes waiting tickets, puts compatible ones together, runs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from reelwright.engines.local.ticket import Ticket
from reelwright.errors import Cancelled, EngineLost


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """`window`: seconds that the first of a batch waits for company; `idle`: seconds without work until `rest`."""

    window: float
    idle: float


class Conductor:
    """`play` runs tickets to their end and raises nothing. `seats` tells how many may share a run with a ticket."""

    def __init__(
        self,
        play: Callable[[list[Ticket]], None],
        rest: Callable[[], None],
        seats: Callable[[Ticket], int],
        tempo: Tempo,
    ) -> None:
        self._play = play
        self._rest = rest
        self._seats = seats
        self._tempo = tempo
        self._waiting: list[Ticket] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._conduct, name="conductor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def perform(self, ticket: Ticket) -> None:
        """Have `ticket` run; returns when it is over. A cancelled one that still waits is taken out at once."""
        with self._changed:
            self._waiting.append(ticket)
            self._changed.notify_all()
        while not ticket.over.wait(0.05):
            if not self._thread.is_alive():
                raise EngineLost("The local engine has stopped working; a new one is started for the next job.")
            try:
                ticket.report.wait(0)
            except Cancelled as cancelled:
                self._withdraw(ticket, cancelled)

    def _withdraw(self, ticket: Ticket, cancelled: Cancelled) -> None:
        with self._changed:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                self._changed.notify_all()
                ticket.fail(cancelled)
                return
        # It runs: the watcher meets the cancel at the next step, and until then the frames are in use.

    def _conduct(self) -> None:
        while True:
            self._play(self._next())

    def _next(self) -> list[Ticket]:
        with self._changed:
            while True:
                if not self._changed.wait_for(lambda: self._waiting, timeout=self._tempo.idle):
                    self._rest()
                    self._changed.wait_for(lambda: self._waiting)
                first = self._waiting[0]
                seats = self._seats(first)
                if seats == 1 or self._gathered(first, seats):
                    batch = [ticket for ticket in self._waiting if _together(first, ticket)][:seats]
                    self._waiting = [ticket for ticket in self._waiting if ticket not in batch]
                    return batch

    def _gathered(self, first: Ticket, seats: int) -> bool:
        """Wait for company until the seats are taken or the window closes. False when `first` itself has left."""
        deadline = time.monotonic() + self._tempo.window
        while first in self._waiting:
            left = deadline - time.monotonic()
            if left <= 0 or sum(_together(first, ticket) for ticket in self._waiting) >= seats:
                return True
            self._changed.wait(left)
        return False


def _together(first: Ticket, other: Ticket) -> bool:
    """A ticket that goes on from a checkpoint travels alone."""
    if first is other:
        return True
    fresh = first.snapshot is None and other.snapshot is None
    return fresh and first.plan.company() == other.plan.company()
