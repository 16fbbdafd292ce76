"""Webhooks at work in this process: a real database and a real outbox, but no engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from standardwebhooks import Webhook as Verifier

from reelwright import ids
from reelwright.clock import SystemClock
from reelwright.jobs.threads import Threads
from reelwright.jobs.traces import Traces
from reelwright.jobs.webhooks import Forms, Webhooks
from reelwright.outbound import Outbound
from reelwright.store.database import open_database, tables
from reelwright.store.deliveries import Deliveries, Delivery, State
from reelwright.store.migrations import migrate
from reelwright.store.records import Records
from reelwright.store.secret import signing_secret
from reelwright.store.transactions import Transactions
from reelwright.tracing import NO_TRACES
from reelwright.video import Failure, MadeFile, Status, Task, Video, VideoSpec, Webhook
from tests.databases import Settings
from tests.fakes.receiver import HOST, Message

BOTH = ("video.completed", "video.failed")
FILE = MadeFile(key="x.mp4", size=1, sha256="0" * 64, width=64, height=64, num_frames=4, fps=12.0, codec="h264")


@dataclass(kw_only=True)
class House:
    """Webhooks at work, with the tables, but no engines."""

    webhooks: Webhooks
    deliveries: Deliveries
    records: Records
    database: sa.Engine
    secret: str

    def video(self, webhook: Webhook | None, owner: str = "ann") -> Video:
        """A new video in the queue."""
        now = SystemClock().now()
        spec = VideoSpec(
            prompt="Grüße, 世界 🌍",
            engine="toy",
            model="toy",
            task=Task.TEXT_TO_VIDEO,
            width=64,
            height=64,
            num_frames=4,
            fps=12,
            seed=1,
        )
        made = Video(
            id=ids.video_id(int(now.timestamp() * 1000)),
            owner=owner,
            status=Status.QUEUED,
            spec=spec,
            created_at=now,
        )
        self.records.insert(made, 100, webhook=webhook)
        return made

    def begin(self, video: Video) -> Video:
        claimed = self.records.claim(video.id, ids.LOCAL_WORKER, SystemClock().now())
        assert claimed
        return claimed[0]

    def complete(self, video: Video) -> Video:
        begun = self.begin(video)
        assert self.records.complete(video.id, begun.attempt, FILE, {}, SystemClock().now())
        return self._now(video)

    def fail(self, video: Video) -> Video:
        assert self.records.fail(video.id, None, Failure(code="refused", message="No"), SystemClock().now())
        return self._now(video)

    def _now(self, video: Video) -> Video:
        found = self.records.get(video.id)
        assert found
        return found

    async def announce(self, video: Video) -> None:
        """As a job does when it has begun or ended."""
        self.webhooks.send_later(await asyncio.to_thread(self.webhooks.record_deliveries, video))

    async def only(self, video: Video) -> Delivery:
        (delivery,) = await self.webhooks.list(video.id)
        return delivery


@asynccontextmanager
async def house(
    data_dir: Path,
    settings: Settings,
    schedule: Sequence[float] = (0.0, 0.05, 3600.0),
    outbound: Outbound | None = None,
    me: str = "house",
) -> AsyncIterator[House]:
    """`settings` choose the database. `me`: the name of this process; it is one of the fleet while its house stands."""
    database = open_database(settings.get("DATABASE_URL"), data_dir)
    transactions = Transactions(database)
    records, deliveries = Records(transactions), Deliveries(transactions)
    pool = ThreadPoolExecutor(2)
    webhooks = Webhooks(
        deliveries=deliveries,
        records=records,
        outbound=outbound or Outbound(allow=lambda address: str(address) == HOST, ports=range(65536)),
        clock=SystemClock(),
        threads=Threads(database=pool, io=pool, media=pool),
        secret=lambda: signing_secret(transactions, data_dir),
        forms=Forms(bodies={"openai": envelope, "replicate": bare}, signatures={}, schedule=schedule),
        traces=Traces(NO_TRACES),
        me=lambda: me,
        alone=database.dialect.name == "sqlite",
    )
    migrate(database, tables)
    with database.begin() as connection:
        connection.execute(JOIN, {"me": me})
    at_work = asyncio.create_task(webhooks.run())
    try:
        yield House(
            webhooks=webhooks,
            deliveries=deliveries,
            records=records,
            database=database,
            secret=signing_secret(transactions, data_dir),
        )
    finally:
        at_work.cancel()
        await asyncio.wait({at_work})
        pool.shutdown()
        bury(database, me)
        database.dispose()


JOIN = sa.text(
    "INSERT INTO workers (id, engines, slots, version, address, started_at, beat_at, steady_since, draining, running)"
    " VALUES (:me, '{}', 0, '', '', 0, 0, 0, false, '{}')"
)


def bury(database: sa.Engine, me: str) -> None:
    """That process has ended: as the reaper does, or the process itself when it stops."""
    with database.begin() as connection:
        connection.execute(sa.text("DELETE FROM workers WHERE id = :me"), {"me": me})


def envelope(event: str, video: Video, base_url: str) -> dict[str, Any]:
    return {"type": event, "data": {"id": video.id, "prompt": video.spec.prompt, "base": base_url}}


def bare(_event: str, video: Video, base_url: str) -> dict[str, Any]:
    return {"id": video.id, "status": video.status, "base": base_url}


def draft(url: str, *events: str, dialect: str = "openai") -> Webhook:
    return Webhook(url=url, dialect=dialect, events=events or BOTH, base_url="http://reelwright.example/")


async def until(condition: Callable[[], Any], limit_s: float = 60) -> Any:
    """The first true value of `condition()`, which may be a coroutine function."""
    async with asyncio.timeout(limit_s):
        while True:
            value = condition()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.02)


async def settled(home: House, video: Video) -> Delivery:
    async def ended() -> Delivery | None:
        delivery = await home.only(video)
        return delivery if delivery.state is not State.PENDING else None

    found = await until(ended)
    assert isinstance(found, Delivery)
    return found


async def tried_twice(home: House, video: Video) -> Delivery:
    """The delivery when it has failed twice; its next try is an hour away."""

    async def failed_twice() -> Delivery | None:
        delivery = await home.only(video)
        return delivery if delivery.tries == 2 else None

    found = await until(failed_twice)
    assert isinstance(found, Delivery)
    return found


def read(message: Message, secret: str) -> Any:
    """The body, once the library that receivers use has verified it."""
    return Verifier(secret).verify(message.body, dict(message.headers))
