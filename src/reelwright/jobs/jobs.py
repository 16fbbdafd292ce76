"""All that makes videos in this process, connected; how it starts, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from reelwright import __version__
from reelwright.clock import Clock
from reelwright.engines.catalog import Catalog
from reelwright.errors import Busy, EngineError
from reelwright.jobs.events import Live
from reelwright.jobs.feed import Feed, LocalFeed, SharedFeed
from reelwright.jobs.finishing import Finishing
from reelwright.jobs.fleet import Fleet, member_of
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.janitor import Janitor, Reads
from reelwright.jobs.keyring import Keyring
from reelwright.jobs.overseer import Overseer
from reelwright.jobs.queue import Queue
from reelwright.jobs.refining import Refining
from reelwright.jobs.requests import Requests
from reelwright.jobs.scheduler import LocalScheduler, Scheduler
from reelwright.jobs.threads import Threads
from reelwright.jobs.traces import Traces
from reelwright.jobs.trail import Trail
from reelwright.jobs.twins import Twins
from reelwright.jobs.variants import Variants
from reelwright.jobs.video_job import VideoJob
from reelwright.jobs.webhooks import Forms, Webhooks
from reelwright.jobs.worker import Pool, Worker
from reelwright.outbound import Outbound
from reelwright.store.keys import KeyLimits
from reelwright.store.notices import KEYS, NEWS, PROGRESS, WORK, Notices
from reelwright.store.store import Store
from reelwright.video import Video

BESIDE_THREADS = 3
MEDIA_THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`children`: processes of each engine. `of_a_key`: what an API key may have that has no limits of its own.
    `keep_bytes` None: the store may grow without a bound. `redirects`: clients fetch files from the bucket themselves.
    `upscale_on`: the device of upscaling models. `audit_days`: so long the audit is kept."""

    children: int
    of_a_key: KeyLimits
    max_queued: int
    keep_days: float
    keep_bytes: int | None
    sweep_s: float
    silence_s: float
    total_s: float | None
    redirects: bool = False
    upscale_on: str = "auto"
    audit_days: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    store: Store
    queue: Queue
    job: VideoJob
    worker: Worker
    live: Live
    feed: Feed
    scheduler: Scheduler
    webhooks: Webhooks
    integrity: Integrity
    variants: Variants
    reads: Reads
    janitor: Janitor
    threads: Threads
    keyring: Keyring
    requests: Requests
    trail: Trail
    overseer: Overseer
    engine: str
    """The default one: it is loaded before the first job asks for it."""

    async def start(self) -> list[asyncio.Task[None]]:
        """Recover the jobs that have not ended. Returns the tasks that run until the server stops."""
        with self.store.damage_told():
            unfinished = await self.threads.read(self.store.records.active)
            resumable = await self.threads.read(self.store.resumable.ids)
        self.store.files.remove_stale_scratch(frozenset(video.id for _, video in unfinished), resumable)
        await self.overseer.look_for_pauses()
        await self.scheduler.start()
        loops: list[Coroutine[Any, Any, None]] = [
            self._warm(),
            self.janitor.run(),
            self.webhooks.run(),
            self.scheduler.run(),
            self.feed.run(),
            self.keyring.run(),
            self.trail.run(),
        ]
        return [asyncio.create_task(loop) for loop in loops]

    async def _warm(self) -> None:
        """A failure is told with the first job."""
        if not self.worker.offers(self.engine):
            return
        with contextlib.suppress(EngineError):
            await self.worker.warm(self.engine)

    async def stop(self, over: Coroutine[Any, Any, None], seconds: float) -> None:
        """In this order: no job begins any more; what runs may end, until `over` returns (in `seconds`, or sooner);
        the others are interrupted, and their rows are found by the next start."""
        self.scheduler.stop()
        if self.job.running:
            _log.info("stopping", running=self.job.running, seconds=round(seconds, 1))
            waits = {asyncio.create_task(self.job.quiet()), asyncio.create_task(over)}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        else:
            over.close()
        await self.job.stop(self.worker.close)

    async def leave(self) -> None:
        """Nothing is under way any more, no job and no webhook: what this process has held is free for the others."""
        with contextlib.suppress(Busy):
            await self.trail.write()
        await self.scheduler.leave()


_log = structlog.get_logger("reelwright")


def build_jobs(
    *,
    store: Store,
    catalog: Catalog,
    outbound: Outbound,
    clock: Clock,
    traces: Traces,
    limits: Limits,
    forms: Forms,
    environment: Mapping[str, str],
    configured_keys: Sequence[str],
    on_end: Callable[[Video], None],
) -> Jobs:
    """Nothing is started yet. `configured_keys`: API keys beside those of the database. `environment`: the engines'
    processes get it. `on_end` is told each video whose end this process has recorded."""
    twins = Twins(frozenset((card.engine, card.model) for card in catalog.possible_cards() if card.deterministic))

    live, files, records = Live(alone=not store.shared), store.files, store.records
    integrity = Integrity(files, clock, redirects=limits.redirects)
    threads = Threads(
        database=store.writing,
        beside=ThreadPoolExecutor(BESIDE_THREADS, "beside"),
        media=ThreadPoolExecutor(MEDIA_THREADS, "media"),
    )
    webhooks = Webhooks(
        deliveries=store.deliveries,
        records=records,
        outbound=outbound,
        clock=clock,
        threads=threads,
        secret=store.secret,
        forms=forms,
        traces=traces,
        me=lambda: scheduler.name,
        alone=not store.shared,
    )
    keyring = Keyring(
        configured=configured_keys,
        rows=store.keys,
        limits=limits.of_a_key,
        clock=clock,
        threads=threads,
        alone=not store.shared,
    )
    worker = _worker(catalog, limits.children, environment)
    generative = frozenset(
        card.engine for offer in catalog.offers.values() for card in offer.cards if card.generative_ai
    )
    job = VideoJob(
        records=records,
        files=files,
        live=live,
        clock=clock,
        threads=threads,
        silence_s=limits.silence_s,
        total_s=limits.total_s,
        refining=Refining(catalog.refinements, device=limits.upscale_on, environment=environment, threads=threads),
        finishing=Finishing(files, generative),
        webhooks=webhooks,
        integrity=integrity,
        traces=traces,
        twins=twins,
        on_end=on_end,
    )
    scheduler, feed = _alone_or_together(
        store, catalog, limits, job, worker, live, keyring, threads, webhooks, twins, clock
    )
    queue = Queue(
        records=records,
        annotations=store.annotations,
        job=job,
        scheduler=scheduler,
        live=live,
        feed=feed,
        clock=clock,
        threads=threads,
        max_queued=limits.max_queued,
        keep_days=limits.keep_days,
        files=files,
        resumable=store.resumable,
        integrity=integrity,
        webhooks=webhooks,
        traces=traces,
        twins=twins,
        on_end=on_end,
    )
    trail = Trail(store.audit, clock, threads)
    reads = Reads(clock, trail)
    janitor = Janitor(
        records=records,
        chores=store.chores,
        audit=store.audit,
        resumable=store.resumable,
        files=files,
        uploads=store.uploads,
        queue=queue,
        webhooks=webhooks,
        reads=reads,
        clock=clock,
        threads=threads,
        budget_bytes=limits.keep_bytes,
        audit_days=limits.audit_days,
        period_s=limits.sweep_s,
    )
    return Jobs(
        store=store,
        queue=queue,
        job=job,
        worker=worker,
        live=live,
        feed=feed,
        scheduler=scheduler,
        webhooks=webhooks,
        integrity=integrity,
        variants=Variants(files, integrity, threads.media),
        reads=reads,
        janitor=janitor,
        threads=threads,
        keyring=keyring,
        requests=Requests(store.buckets if store.shared else None, threads, clock),
        trail=trail,
        overseer=Overseer(store=store, queue=queue, scheduler=scheduler, feed=feed, threads=threads, clock=clock),
        engine=catalog.default,
    )


def _alone_or_together(
    store: Store,
    catalog: Catalog,
    limits: Limits,
    job: VideoJob,
    worker: Worker,
    live: Live,
    keyring: Keyring,
    threads: Threads,
    webhooks: Webhooks,
    twins: Twins,
    clock: Clock,
) -> tuple[Scheduler, Feed]:
    """What begins jobs, and what tells of them: in this process's memory, or through Postgres."""
    if store.listen_url is None:
        scheduler = LocalScheduler(
            records=store.records,
            job=job,
            worker=worker,
            live=live,
            threads=threads,
            webhooks=webhooks,
            twins=twins,
            clock=clock,
            openings={(card.engine, card.model): card.opening for card in catalog.possible_cards() if card.opening},
        )
        return scheduler, LocalFeed(store.records, live, threads)
    usable = {name: offer for name, offer in catalog.offers.items() if worker.offers(name)}
    member = member_of(
        models={name: offer.makes() for name, offer in usable.items()},
        slots=sum(offer.slots * (offer.children or limits.children) for offer in usable.values()),
        version=__version__,
        address=f"{socket.gethostname()}:{os.getpid()}",
        milliseconds=int(clock.now().timestamp() * 1000),
    )
    assert member.session is not None
    feed = SharedFeed(
        rows=store.following,
        records=store.records,
        live=live,
        threads=threads,
        me=lambda: fleet.name,
        makes=job.has,
    )
    fleet = Fleet(
        member=member,
        line=store.line,
        following=store.following,
        notices=Notices(store.listen_url, member.session, (WORK, NEWS, PROGRESS, KEYS)),
        presence=store.presence,
        job=job,
        worker=worker,
        live=live,
        feed=feed,
        keyring=keyring,
        threads=threads,
        webhooks=webhooks,
        twins=twins,
        clock=clock,
    )
    return fleet, feed


def _worker(catalog: Catalog, children: int, environment: Mapping[str, str]) -> Worker:
    def tell(engine: str, line: str) -> None:
        _log.info("engine", name=engine, line=line)

    usable = {name: offer for name, offer in catalog.offers.items() if children and not offer.problem}
    pools = {
        name: Pool(offer.spec, offer.children or children, offer.slots, environment, partial(tell, name))
        for name, offer in usable.items()
    }
    for name, pool in pools.items():
        pool.on_loaded = partial(_tell_loaded, name)
    return Worker(pools)


def _tell_loaded(engine: str, facts: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    device = {"device": facts["device"]} if "device" in facts else {}
    _log.info("engine loaded", name=engine, **device)
    if warning := state.get("warning"):
        _log.warning("engine without the GPU", name=engine, why=warning)
