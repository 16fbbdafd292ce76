"""The outbox: sends deliveries when they are due, a few at a time to one receiver.

The rows say what is to be sent and when; what waits for its time is only there. In memory are the deliveries that are
due now and that this process has taken, in one queue a receiver, so that a slow receiver only delays its own messages.

On Postgres there may be other processes: it looks for what they have left at intervals as well. On SQLite it looks when
something is due.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import structlog

from reelwright.clock import Clock
from reelwright.errors import Busy
from reelwright.jobs.threads import RETRY_S, Threads
from reelwright.store.deliveries import Deliveries, Delivery, Due

AT_ONCE = 64
TO_ONE_RECEIVER = 4
LOOK_S = 60.0
"""It looks so often at least while a try is to come: the clock may be set, and stands still while a machine sleeps."""
LOOK_AT_OTHERS_S = 5.0
"""It looks so often for what other processes have left, if there may be any: the schedule's shortest pause."""
LEAVE_S = 1.0
"""A server that stops waits so long for the tries that are under way. One that it does not wait for is made again."""

Send = Callable[[str, int], Awaitable[Delivery | None]]
"""Makes the try with that number of a delivery (its id). Returns the delivery when there is to be another one."""


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
        """`me`: this process's id in `workers` now. `look_s`: the most seconds between two looks even if no try is to
        come; None: it does not look then."""
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
        self._sooner = asyncio.Event()
        self._log = structlog.get_logger("reelwright.webhooks")

    def add(self, delivery: Delivery) -> None:
        """This process has written the delivery's row, or its next try."""
        if delivery.worker is None:
            self.look()
        else:
            self._queue(delivery.due)

    def look(self) -> None:
        """There may be something to send, or the next try may be sooner than the loop knows."""
        self._sooner.set()

    async def run(self) -> None:
        """Send what is due, for ever. When it is cancelled it lets the tries under way end, for a moment."""
        try:
            while True:
                self._sooner.clear()
                pause = await self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._sooner.wait()
        finally:
            self._waiting.clear()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=LEAVE_S)
            for task in self._tasks:
                task.cancel()

    async def _look(self) -> float | None:
        """Queue what has become due. Returns the seconds until it is to look again, None when no try is to come."""
        try:
            while (pause := await self._pause()) is not None and pause <= 0:
                taken = await self._threads.write(self._deliveries.claim, self._me(), self._clock.now(), self._ids)
                if not taken:
                    return RETRY_S  # another process is taking it
                for due in taken:
                    self._queue(due)
        except Busy:
            return RETRY_S
        return self._look_s if pause is None else min(self._look_s or LOOK_S, pause)

    async def _pause(self) -> float | None:
        """The seconds until the next try is due that nobody makes yet; None when there is none."""
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
        """Begin as many tries as may be under way, one receiver after the other."""
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
            following = await self._insist(due)
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

    async def _insist(self, due: Due) -> Delivery | None:
        """A receiver's failure is a result; what is tried again here is a database that does not answer."""
        while True:
            try:
                return await self._send(due.id, due.fence)
            except Busy:
                await asyncio.sleep(RETRY_S)


def _receiver(url: str) -> str:
    """Who is behind a URL: those with the same receiver wait for each other."""
    return urlsplit(url).netloc.lower()
