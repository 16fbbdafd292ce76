"""The outbox: makes the tries of webhook deliveries when they are due, a few at a time for one receiver.

The rows say what is to be sent and when; a delivery that waits for its next try is only there. In memory are the
deliveries that are due now and that this process has taken, in one queue for each receiver, so that a slow receiver
delays only its own messages.

On SQLite the outbox reads the rows when something is due. On Postgres it also reads them at intervals, since another
process may have left deliveries behind.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import structlog

from reelwright.clock import Clock
from reelwright.errors import Busy
from reelwright.jobs.threads import RETRY_S, Threads
from reelwright.loop import Loop
from reelwright.store.deliveries import Deliveries, Delivery, Due

AT_ONCE = 64
"""Tries under way at one time, in all."""
TO_ONE_RECEIVER = 4
"""Tries under way at one time to one receiver."""
LOOK_S = 60.0
"""The longest pause, in seconds, while a try is to come: the clock may be set, and stands still while a machine
sleeps."""
LOOK_AT_OTHERS_S = 5.0
"""The longest pause where there are other processes: as long as the shortest pause of the schedule of tries."""
LEAVE_S = 1.0
"""How long a server that stops waits for the tries under way. A try that takes longer is made again later."""

Send = Callable[[str, int], Awaitable[Delivery | None]]
"""Makes one try of a delivery: (its id, its fencing token) → the delivery when there is to be another try, else
None."""


class Outbox:
    def __init__(
        self,
        *,
        deliveries: Deliveries,
        threads: Threads,
        clock: Clock,
        send: Send,
        me: Callable[[], str],
        look_s: float | None,
    ) -> None:
        """`me`: the id of this process in the rows, which changes when it registers anew. `look_s`: the longest pause
        while no try is to come; None: without end."""
        self._deliveries = deliveries
        self._threads = threads
        self._clock = clock
        self._send = send
        self._waiting: dict[str, deque[Due]] = {}
        self._sending: Counter[str] = Counter()
        self._known: set[Due] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._me = me
        self._look_s = look_s
        self._pause_s: float | None = 0.0
        self._loop = Loop("webhooks", self._look, lambda: self._pause_s)
        self._log = structlog.get_logger("reelwright.webhooks")

    def add(self, delivery: Delivery) -> None:
        """Take over a delivery whose row, or whose next try, this process has just written."""
        if delivery.worker is None:
            self._loop.wake()  # its try may be due sooner than the loop would look
        else:
            self._queue(delivery.due)

    async def run(self) -> None:
        """Make the tries that are due, until the task is cancelled; then let those under way end, for a moment."""
        try:
            await self._loop.run()
        finally:
            self._waiting.clear()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=LEAVE_S)
            for task in self._tasks:
                task.cancel()

    async def _look(self) -> None:
        """Queue what has become due, and find out when the next try is."""
        while (pause := await self._until_next_try()) is not None and pause <= 0:
            taken = await self._threads.write(self._deliveries.claim, self._me(), self._clock.now(), self._ids)
            if not taken:
                pause = RETRY_S  # another process is taking it at this moment
                break
            for due in taken:
                self._queue(due)
        self._pause_s = self._look_s if pause is None else min(self._look_s or LOOK_S, pause)

    async def _until_next_try(self) -> float | None:
        """Seconds until the next try is due that no process makes yet; None when there is none."""
        upcoming = await self._threads.read(self._deliveries.next_try, self._me(), self._ids)
        return (upcoming - self._clock.now()).total_seconds() if upcoming else None

    @property
    def _ids(self) -> frozenset[str]:
        return frozenset(due.id for due in self._known)

    def _queue(self, due: Due) -> None:
        if due in self._known:
            return
        self._known.add(due)
        self._waiting.setdefault(_receiver(due.url), deque()).append(due)
        self._begin()

    def _begin(self) -> None:
        """Begin as many of the queued tries as may be under way, one receiver after the other."""
        for receiver in list(self._waiting):
            if len(self._tasks) == AT_ONCE:
                return
            queue = self._waiting[receiver]
            while queue and len(self._tasks) < AT_ONCE and self._sending[receiver] < TO_ONE_RECEIVER:
                self._sending[receiver] += 1
                task = asyncio.create_task(self._try(queue.popleft(), receiver))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if not queue:
                del self._waiting[receiver]

    async def _try(self, due: Due, receiver: str) -> None:
        following: Delivery | None = None
        try:
            following = await self._try_retrying(due)
            self._known.discard(due)
        except Exception:  # noqa: BLE001 - the edge of a task: recorded; not tried again before the next start
            self._log.exception("webhook not sent", delivery=due.id)
        finally:
            self._sending[receiver] -= 1
            if not self._sending[receiver]:
                del self._sending[receiver]
        self._tasks.discard(asyncio.current_task())
        self._begin()
        if following:
            self.add(following)

    async def _try_retrying(self, due: Due) -> Delivery | None:
        """Make the try, and again while the database does not answer. A failure of the receiver is a result."""
        while True:
            try:
                return await self._send(due.id, due.fence)
            except Busy:
                await asyncio.sleep(RETRY_S)


def _receiver(url: str) -> str:
    """The host and port of a URL. Messages to the same one wait for each other."""
    return urlsplit(url).netloc.lower()
