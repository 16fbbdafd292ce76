"""All that makes videos in this process: how it is connected, how it starts, and how it stops."""

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
from reelwright.jobs.adopting import Adopting
from reelwright.jobs.checkpoints import Checkpoints
from reelwright.jobs.duplicates import Duplicates
from reelwright.jobs.events import LiveVideos
from reelwright.jobs.feed import Feed, LocalFeed, SharedFeed
from reelwright.jobs.finishing import Finishing
from reelwright.jobs.fleet import Fleet, member_of
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.janitor import Janitor, Reads
from reelwright.jobs.keyring import Keyring
from reelwright.jobs.overseer import Overseer
from reelwright.jobs.queue import Queue
from reelwright.jobs.recorder import Recorder
from reelwright.jobs.refining import Refining
from reelwright.jobs.requests import Requests
from reelwright.jobs.scheduler import LocalScheduler, Scheduler
from reelwright.jobs.threads import Threads
from reelwright.jobs.traces import Traces
from reelwright.jobs.trail import Trail
from reelwright.jobs.uploading import Uploading
from reelwright.jobs.variants import Variants
from reelwright.jobs.video_job import Steps, VideoJob
from reelwright.jobs.webhooks import Forms, Webhooks
from reelwright.jobs.worker import Pool, Worker
from reelwright.outbound import Outbound
from reelwright.store.channels import KEYS, NEWS, PROGRESS, WORK
from reelwright.store.keys import KeyLimits
from reelwright.store.store import Store
from reelwright.video import Video

IO_THREADS = 3
MEDIA_THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may be made and kept.

    `children`: processes of each engine. `of_a_key`: the limits of an API key that has none of its own. `max_queued`:
    waiting jobs. `keep_days`: how long a video is kept. `keep_bytes`: the size of the store; None: no bound. `sweep_s`:
    seconds between two sweeps of the janitor. `silence_s`, `total_s`: when a job fails (`VideoJob`). `redirects`:
    clients fetch files from the bucket themselves. `upscale_on`: the device of upscaling models. `audit_days`: how long
    entries of the audit are kept.
    """

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
    """The parts that make videos, connected. `engine`: the default one."""

    store: Store
    queue: Queue
    job: VideoJob
    worker: Worker
    live: LiveVideos
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
    uploading: Uploading
    engine: str

    async def start(self) -> list[asyncio.Task[None]]:
        """Take up the jobs that have not ended. Returns the background tasks, for `stop`."""
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
        """Load the default engine before the first job needs it. If that fails, the first job tells why."""
        if not self.worker.offers(self.engine):
            return
        with contextlib.suppress(EngineError):
            await self.worker.warm(self.engine)

    async def stop(
        self, loops: Sequence[asyncio.Task[None]], drained: Coroutine[Any, Any, None], seconds: float
    ) -> None:
        """Stop everything that `start` began, in this order:

        1. No job begins any more. First, or the jobs that end would make room for others.
        2. The jobs under way may end, until `drained` returns, after at most `seconds`.
        3. The engines' processes are killed, and the other jobs are interrupted. Their rows stay as they are: the next
           start goes on with them, and another process of a fleet at once.
        4. The background tasks end. After the jobs, since these need them: a webhook is sent when a job has ended, and
           a process of a fleet that beats no more loses its jobs.
        5. What was gathered for the audit is written; nothing is added to it from here on.
        6. This process gives up its place in the fleet, which frees its jobs. Last, or another process would begin jobs
           that still run here.

        The threads and the database are closed afterwards by whoever opened them: all steps use them.
        """
        self.scheduler.stop()
        await self._drain(drained, seconds)
        await self.job.stop(self.worker.close)
        for task in loops:
            task.cancel()
        await asyncio.wait(loops)
        with contextlib.suppress(Busy):
            await self.trail.write()
        await self.scheduler.leave()

    async def _drain(self, drained: Coroutine[Any, Any, None], seconds: float) -> None:
        if not self.job.running:
            drained.close()
            return
        _log.info("stopping", running=self.job.running, seconds=round(seconds, 1))
        waits = {asyncio.create_task(self.job.idle()), asyncio.create_task(drained)}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


_log = structlog.get_logger("reelwright")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """The objects that most parts use."""

    store: Store
    catalog: Catalog
    limits: Limits
    clock: Clock
    threads: Threads
    live: LiveVideos
    integrity: Integrity
    duplicates: Duplicates
    webhooks: Webhooks
    traces: Traces
    environment: Mapping[str, str]
    on_end: Callable[[Video], None]

    @property
    def alone(self) -> bool:
        """Whether no other process works on the database."""
        return not self.store.shared


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
    """Connect the parts; nothing is started yet.

    `configured_keys`: API keys in addition to those of the database. `environment`: that of the engines' processes.
    `on_end` is called with each video whose end this process has recorded.
    """
    threads = _threads(store)
    webhooks = Webhooks(
        deliveries=store.deliveries,
        records=store.records,
        outbound=outbound,
        clock=clock,
        threads=threads,
        secret=store.secret,
        forms=forms,
        traces=traces,
        me=lambda: scheduler.name,
        alone=not store.shared,
    )
    shared = _Shared(
        store=store,
        catalog=catalog,
        limits=limits,
        clock=clock,
        threads=threads,
        live=LiveVideos(alone=not store.shared),
        integrity=Integrity(store.files, clock, redirects=limits.redirects),
        duplicates=_duplicates(catalog),
        webhooks=webhooks,
        traces=traces,
        environment=environment,
        on_end=on_end,
    )
    keyring = _keyring(shared, configured_keys)
    worker, job = _worker(shared), _video_job(shared)
    scheduler, feed = _local(shared, job, worker) if shared.alone else _fleet(shared, job, worker, keyring)
    queue = _queue(shared, job, scheduler, feed)
    trail = Trail(store.audit, clock, threads)
    reads = Reads(clock, trail)
    uploading = Uploading(store.uploads, store.upload_rows, threads, clock)
    return Jobs(
        store=store,
        queue=queue,
        job=job,
        worker=worker,
        live=shared.live,
        feed=feed,
        scheduler=scheduler,
        webhooks=shared.webhooks,
        integrity=shared.integrity,
        variants=Variants(store.files, shared.integrity, threads.media),
        reads=reads,
        janitor=_janitor(shared, queue, reads, uploading),
        threads=threads,
        keyring=keyring,
        requests=Requests(store.buckets if store.shared else None, threads, clock),
        trail=trail,
        overseer=Overseer(store=store, queue=queue, scheduler=scheduler, feed=feed, threads=threads, clock=clock),
        uploading=uploading,
        engine=catalog.default,
    )


def _threads(store: Store) -> Threads:
    return Threads(
        database=store.writing,
        io=ThreadPoolExecutor(IO_THREADS, "io"),
        media=ThreadPoolExecutor(MEDIA_THREADS, "media"),
    )


def _duplicates(catalog: Catalog) -> Duplicates:
    return Duplicates(frozenset((card.engine, card.model) for card in catalog.possible_cards() if card.deterministic))


def _keyring(shared: _Shared, configured: Sequence[str]) -> Keyring:
    return Keyring(
        configured=configured,
        rows=shared.store.keys,
        limits=shared.limits.of_a_key,
        clock=shared.clock,
        threads=shared.threads,
        alone=shared.alone,
    )


def _video_job(shared: _Shared) -> VideoJob:
    store, threads, limits, catalog = shared.store, shared.threads, shared.limits, shared.catalog
    offers = catalog.offers.values()
    generative = frozenset(card.engine for offer in offers for card in offer.cards if card.generative_ai)
    steps = Steps(
        adopting=Adopting(
            records=store.records,
            files=store.files,
            threads=threads,
            integrity=shared.integrity,
            duplicates=shared.duplicates,
        ),
        checkpoints=Checkpoints(store.records, store.files, threads),
        refining=Refining(
            catalog.refinements, device=limits.upscale_on, environment=shared.environment, threads=threads
        ),
        finishing=Finishing(store.files, generative),
        recorder=Recorder(
            records=store.records,
            files=store.files,
            live=shared.live,
            webhooks=shared.webhooks,
            threads=threads,
            clock=shared.clock,
            on_end=shared.on_end,
        ),
    )
    return VideoJob(
        steps=steps,
        files=store.files,
        live=shared.live,
        threads=threads,
        integrity=shared.integrity,
        traces=shared.traces,
        send_webhooks=lambda lease: shared.webhooks.send_later(lease.due),
        silence_s=limits.silence_s,
        total_s=limits.total_s,
    )


def _local(shared: _Shared, job: VideoJob, worker: Worker) -> tuple[Scheduler, Feed]:
    """For a process that is alone with its database: the queue and the news are in memory."""
    scheduler = LocalScheduler(
        records=shared.store.records,
        job=job,
        worker=worker,
        live=shared.live,
        threads=shared.threads,
        webhooks=shared.webhooks,
        duplicates=shared.duplicates,
        clock=shared.clock,
        initial_checkpoints={
            (card.engine, card.model): card.initial_checkpoint
            for card in shared.catalog.possible_cards()
            if card.initial_checkpoint
        },
    )
    return scheduler, LocalFeed(shared.store.records, shared.live, shared.threads)


def _fleet(shared: _Shared, job: VideoJob, worker: Worker, keyring: Keyring) -> tuple[Scheduler, Feed]:
    """For one process of many: the queue and the news are in Postgres."""
    from reelwright.store.notices import Notices  # here, because psycopg takes 8 MB, which SQLite does not need

    store, limits = shared.store, shared.limits
    usable = {name: offer for name, offer in shared.catalog.offers.items() if worker.offers(name)}
    member = member_of(
        models={name: offer.makes() for name, offer in usable.items()},
        slots=sum(offer.slots * (offer.children or limits.children) for offer in usable.values()),
        version=__version__,
        address=f"{socket.gethostname()}:{os.getpid()}",
        milliseconds=int(shared.clock.now().timestamp() * 1000),
    )
    assert store.listen_url is not None
    assert member.session is not None
    feed = SharedFeed(
        rows=store.following,
        records=store.records,
        live=shared.live,
        threads=shared.threads,
        me=lambda: fleet.name,
        makes=job.has,
    )
    fleet = Fleet(
        member=member,
        queue=store.fleet_queue,
        following=store.following,
        notices=Notices(store.listen_url, member.session, (WORK, NEWS, PROGRESS, KEYS)),
        presence=store.presence,
        job=job,
        worker=worker,
        live=shared.live,
        feed=feed,
        keyring=keyring,
        threads=shared.threads,
        webhooks=shared.webhooks,
        duplicates=shared.duplicates,
        clock=shared.clock,
    )
    return fleet, feed


def _queue(shared: _Shared, job: VideoJob, scheduler: Scheduler, feed: Feed) -> Queue:
    store, limits = shared.store, shared.limits
    return Queue(
        records=store.records,
        annotations=store.annotations,
        job=job,
        scheduler=scheduler,
        live=shared.live,
        feed=feed,
        clock=shared.clock,
        threads=shared.threads,
        max_queued=limits.max_queued,
        keep_days=limits.keep_days,
        files=store.files,
        resumable=store.resumable,
        integrity=shared.integrity,
        webhooks=shared.webhooks,
        traces=shared.traces,
        duplicates=shared.duplicates,
        on_end=shared.on_end,
    )


def _janitor(shared: _Shared, queue: Queue, reads: Reads, uploading: Uploading) -> Janitor:
    store, limits = shared.store, shared.limits
    return Janitor(
        records=store.records,
        chores=store.chores,
        audit=store.audit,
        resumable=store.resumable,
        files=store.files,
        uploads=uploading,
        queue=queue,
        webhooks=shared.webhooks,
        reads=reads,
        clock=shared.clock,
        threads=shared.threads,
        budget_bytes=limits.keep_bytes,
        audit_days=limits.audit_days,
        period_s=limits.sweep_s,
    )


def _worker(shared: _Shared) -> Worker:
    catalog, children = shared.catalog, shared.limits.children

    def tell(engine: str, line: str) -> None:
        _log.info("engine", name=engine, line=line)

    usable = {name: offer for name, offer in catalog.offers.items() if children and not offer.problem}
    pools = {
        name: Pool(offer.spec, offer.children or children, offer.slots, shared.environment, partial(tell, name))
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
