"""Builds everything, starts and stops it. The only place that connects objects."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from reelwright import __version__
from reelwright.api import openai, openrouter, replicate
from reelwright.api.addresses import Addresses
from reelwright.api.connection import Refusal
from reelwright.api.docs_page import docs_router
from reelwright.api.drafting import Drafting
from reelwright.api.envelope import Envelope
from reelwright.api.errors import Answers
from reelwright.api.guard import EXPOSED_HEADERS, LOOPBACK_NAMES, CrossOrigin, KeyGate, Keys, Neighbourhood, Origins
from reelwright.api.health import health_router
from reelwright.api.huggingface import HUGGINGFACE, huggingface_router
from reelwright.api.jsonrpc import JSONRPC
from reelwright.api.metrics import Metrics, RouteName, metrics_router
from reelwright.api.models import MODELS, models_router
from reelwright.api.native import NATIVE, native_router
from reelwright.api.openai import OPENAI, OpenAIVideos, openai_router
from reelwright.api.openrouter import OPENROUTER, OpenRouterVideos, openrouter_router
from reelwright.api.page import page_router
from reelwright.api.replicate import REPLICATE, Predictions, replicate_router
from reelwright.api.replicate_files import FileCalls, files_router
from reelwright.api.replicate_models import ReplicateModels, replicate_models_router
from reelwright.api.routes import Methods, is_path
from reelwright.api.schema.document import document
from reelwright.api.traced import Traced
from reelwright.api.uploads import Intake
from reelwright.api.webhooks import webhooks_router
from reelwright.clock import Clock, SystemClock
from reelwright.engines.catalog import Catalog
from reelwright.engines.huggingface.engine import endpoint_token
from reelwright.engines.huggingface.keep_warm import KeepWarm
from reelwright.errors import ConfigurationError, EngineError, ReelwrightError
from reelwright.jobs.durable import Durable
from reelwright.jobs.events import Live
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.janitor import Janitor, Reads
from reelwright.jobs.queue import Queue
from reelwright.jobs.traces import Traces
from reelwright.jobs.variants import Variants
from reelwright.jobs.video_job import Threads, VideoJob
from reelwright.jobs.webhooks import SCHEDULE, Webhooks
from reelwright.jobs.worker import Bench, Worker
from reelwright.outbound import Outbound
from reelwright.settings import Settings, secret_names
from reelwright.store.database import DatabaseLock, open_database
from reelwright.store.deliveries import Deliveries
from reelwright.store.files import DirectoryLock, Files
from reelwright.store.records import Records
from reelwright.store.secret import signing_secret
from reelwright.store.transactions import Transactions, writing_threads
from reelwright.store.uploads import Uploads
from reelwright.tracing import NO_TRACES, Tracer

if TYPE_CHECKING:
    from reelwright.api.mcp import Assistants

BESIDE_THREADS = 3
MEDIA_THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One running server's parts, as far as its start, its stop and its tests need them."""

    asgi: ASGIApp
    refusal: Refusal
    api: FastAPI
    records: Records
    queue: Queue
    job: VideoJob
    worker: Worker
    durable: Durable
    webhooks: Webhooks
    catalog: Catalog
    live: Live
    janitor: Janitor
    assistants: Assistants | None
    warmth: KeepWarm | None
    files: Files
    database: sa.Engine
    workflows: sa.Engine
    lock: DirectoryLock
    database_lock: DatabaseLock
    threads: Threads
    log: structlog.stdlib.BoundLogger


def build(
    settings: Settings,
    catalog: Catalog,
    outbound: Outbound,
    webhook_schedule: Sequence[float] = SCHEDULE,
    tracer: Tracer = NO_TRACES,
) -> Server:
    """All objects, connected; nothing is started and nothing is written yet."""
    clock, metrics, traces = SystemClock(), Metrics(catalog.default), Traces(tracer)
    live = Live(on_end=metrics.job_ended)
    log = structlog.get_logger("reelwright")
    turn, place = threading.Lock(), (settings.database_url, settings.data_dir.absolute())
    database = open_database(*place, turn)
    workflows = database if settings.database_url else open_database(*place, turn, safe=False)
    transactions = Transactions(database)
    records, files = Records(transactions), Files(settings.data_dir)
    integrity = Integrity(files, clock)
    threads = Threads(
        database=writing_threads(transactions, lambda: _lost_disk(log)),
        beside=ThreadPoolExecutor(BESIDE_THREADS, "beside"),
        media=ThreadPoolExecutor(MEDIA_THREADS, "media"),
    )
    webhooks = Webhooks(
        deliveries=Deliveries(transactions),
        records=records,
        outbound=outbound,
        clock=clock,
        threads=threads.database,
        secret=lambda: signing_secret(settings.data_dir.absolute()),
        bodies={
            "openai": openai.webhook_body,
            "openrouter": openrouter.webhook_body,
            "replicate": replicate.webhook_body,
        },
        signatures={"openrouter": openrouter.sign},
        traces=traces,
        schedule=webhook_schedule,
    )
    worker = Worker(
        {
            name: Bench(
                offer.spec,
                children=settings.workers,
                slots=offer.slots,
                environment=_child_environment(),
                on_log=lambda line, name=name: log.info("engine", name=name, line=line),  # type: ignore[misc]
            )
            for name, offer in catalog.offers.items()
            if not offer.problem
        }
    )
    metrics.watch(live.active, worker.restarts)
    job = VideoJob(
        records=records,
        files=files,
        worker=worker,
        live=live,
        clock=clock,
        threads=threads,
        timeout_s=settings.job_timeout_s,
        generative=frozenset(
            card.engine for offer in catalog.offers.values() for card in offer.cards if card.generative_ai
        ),
        webhooks=webhooks,
        integrity=integrity,
        traces=traces,
    )
    durable = Durable(
        workflows,
        executor_id=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        # One more than there are slots: it waits while the last clip is encoded, so the engine never does.
        queues={name: worker.capacity(name) + 1 for name, offer in catalog.offers.items() if not offer.problem},
        attempt=job.run,
        send=webhooks.send,
    )
    queue = Queue(
        records=records,
        durable=durable,
        job=job,
        worker=worker,
        live=live,
        clock=clock,
        threads=threads,
        max_queued=settings.max_queued,
        keep_days=settings.keep_days,
        files=files,
        integrity=integrity,
        webhooks=webhooks,
        traces=traces,
        deterministic=frozenset((card.engine, card.model) for card in catalog.cards() if card.deterministic),
        openings={(card.engine, card.model): card.opening for card in catalog.cards() if card.opening},
    )
    reads = Reads(clock)
    uploads = Uploads(settings.data_dir / "uploads", files)
    janitor = Janitor(
        records=records,
        files=files,
        uploads=uploads,
        queue=queue,
        webhooks=webhooks,
        durable=durable,
        reads=reads,
        clock=clock,
        threads=threads,
        budget_bytes=int(settings.keep_gb * 1e9) if settings.keep_gb else None,
        period_s=settings.sweep_s,
    )
    mcp = [JSONRPC] if settings.mcp else []
    answers = Answers([OPENROUTER, *mcp, MODELS, REPLICATE, OPENAI, HUGGINGFACE, NATIVE], clock.now)
    # The document is ours (`schema`): FastAPI knows nothing of bodies that are parsed by hand.
    api = FastAPI(title="Reelwright", version=__version__, openapi_url=None, redirect_slashes=False)
    answers.install(api)

    async def database_ready() -> str | None:
        try:
            await asyncio.wait_for(asyncio.to_thread(records.check_writable), 3)
        except (sa.exc.SQLAlchemyError, TimeoutError):
            return "the database takes no writes"
        return None

    async def storage_ready() -> str | None:
        try:
            await asyncio.to_thread(files.check_writable)
        except OSError as error:
            return f"the data directory cannot be written ({error.strerror})"
        return None

    async def engine_ready() -> str | None:
        return catalog.offers[catalog.default].problem

    warmth = _keep_warm(settings, clock)

    def facts() -> Mapping[str, Any]:
        active = live.active()
        running = sum(1 for video in active if video.status == "in_progress")
        return {
            "engine": {"name": catalog.default, "reason": catalog.reason},
            "queue": {"running": running, "waiting": len(active) - running},
            **({"engines": states} if (states := worker.states()) else {}),
            **({"keep_warm": warmth.state} if warmth else {}),
        }

    checks = {"database": database_ready, "storage": storage_ready, "engine": engine_ready}
    api.include_router(health_router(clock, facts, checks))
    drafting = Drafting(catalog, Intake(files, outbound))
    max_body_bytes = int(settings.max_body_mb * 1e6)
    api.include_router(
        native_router(queue=queue, drafting=drafting, integrity=integrity, clock=clock, max_body_bytes=max_body_bytes)
    )
    videos = OpenAIVideos(
        queue=queue,
        catalog=catalog,
        variants=Variants(files, integrity, threads.media),
        live=live,
        reads=reads,
        drafting=drafting,
        outbound=outbound,
        max_body_bytes=max_body_bytes,
    )
    api.include_router(openai_router(videos))
    api.include_router(
        huggingface_router(
            queue=queue, catalog=catalog, drafting=drafting, integrity=integrity, max_body_bytes=max_body_bytes
        )
    )
    file_calls = FileCalls(uploads=uploads, clock=clock, max_body_bytes=max_body_bytes)
    replicate_models = ReplicateModels(catalog=catalog, started=clock.now(), secret=webhooks.secret_of)
    predictions = Predictions(
        queue=queue,
        drafting=drafting,
        models=replicate_models,
        files=file_calls,
        outbound=outbound,
        max_body_bytes=max_body_bytes,
    )
    api.include_router(replicate_router(predictions))
    api.include_router(files_router(file_calls))
    api.include_router(replicate_models_router(replicate_models))
    jobs = OpenRouterVideos(
        queue=queue,
        catalog=catalog,
        drafting=drafting,
        integrity=integrity,
        reads=reads,
        outbound=outbound,
        max_body_bytes=max_body_bytes,
        started=clock.now(),
    )
    api.include_router(openrouter_router(jobs))
    api.include_router(webhooks_router(queue, webhooks))
    api.include_router(models_router(catalog, int(clock.now().timestamp()), replicate_models))
    api.include_router(
        metrics_router(metrics, lambda: asyncio.get_running_loop().run_in_executor(threads.beside, records.stored))
    )
    api.include_router(page_router())
    api.include_router(docs_router(lambda: document(api, catalog, keys=bool(settings.api_keys))))
    assistants = _assistants(api, settings, answers, live) if settings.mcp else None
    if assistants:
        api.router.routes.append(assistants.route)
    return Server(
        asgi=_guarded(api, settings, answers, metrics, tracer),
        refusal=_refusal(api, settings, answers, metrics),
        api=api,
        records=records,
        queue=queue,
        job=job,
        worker=worker,
        durable=durable,
        webhooks=webhooks,
        catalog=catalog,
        live=live,
        janitor=janitor,
        assistants=assistants,
        warmth=warmth,
        files=files,
        database=database,
        workflows=workflows,
        lock=DirectoryLock(settings.data_dir.absolute()),
        database_lock=DatabaseLock(database),
        threads=threads,
        log=log,
    )


def _keep_warm(settings: Settings, clock: Clock) -> KeepWarm | None:
    url = settings.engine_options.get("huggingface", {}).get("endpoint_url")
    if settings.keep_warm_s is None or not url:
        return None
    token = endpoint_token(url, settings.hf_token, settings.endpoint_token)
    return KeepWarm(endpoint_url=url, token=token, interval_s=settings.keep_warm_s, clock=clock)


def _assistants(api: FastAPI, settings: Settings, answers: Answers, live: Live) -> Assistants:
    """Imported only here: it takes 25 MB and most of a second."""
    try:
        from reelwright.api.mcp import Assistants
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"REELWRIGHT_MCP is on, but the package {error.name} is missing. "
            "Install it with: pip install 'reelwright[mcp]'"
        ) from None
    return Assistants(
        KeyGate(api, keys=Keys(settings.api_keys), answer=answers.render),
        keyed=bool(settings.api_keys),
        closing=live.closing,
        max_body_bytes=int(settings.max_body_mb * 1e6),
    )


def _guarded(api: FastAPI, settings: Settings, answers: Answers, metrics: Metrics, tracer: Tracer) -> ASGIApp:
    """The layers around the routes, outermost last."""
    methods = Methods(RouteName(api), api.routes)
    gate = KeyGate(methods, keys=Keys(settings.api_keys), answer=answers.render)
    origins = Origins(settings.client_url, any_local=settings.node_env != "production" and settings.loopback)
    cors = CrossOrigin(gate, origins=origins, exposed=EXPOSED_HEADERS)
    own = {f"[{settings.host}]" if ":" in settings.host else settings.host, *settings.allowed_hosts}
    hosts = LOOPBACK_NAMES | {name.lower() for name in own} if settings.loopback else None
    neighbourhood = Neighbourhood(cors, origins=origins, hosts=hosts, answer=answers.render)
    enveloped = Envelope(neighbourhood, metrics.request_ended)
    return _addressed(Traced(enveloped, tracer) if tracer.on else enveloped, api, settings)


def _addressed(app: ASGIApp, api: FastAPI, settings: Settings) -> Addresses:
    """An app that sees requests as if no proxy had been there."""
    return Addresses(
        app,
        trusted=settings.trusted_proxies,
        root_path=settings.root_path,
        known=lambda path: is_path(api.routes, path),
    )


def _refusal(api: FastAPI, settings: Settings, answers: Answers, metrics: Metrics) -> Refusal:
    """What the connection answers to what is no request: an error in the dialect of its path, where that is known."""

    def refuse(error: ReelwrightError) -> ASGIApp:
        async def refused(scope: Scope, receive: Receive, send: Send) -> None:
            await answers.render(Request(scope), error)(scope, receive, send)

        return _addressed(Envelope(refused, metrics.request_ended), api, settings)

    return refuse


def _child_environment() -> dict[str, str]:
    """What an engine child inherits: no secret setting, and nothing named `REELWRIGHT_…` (its own are in its spec)."""
    secret = secret_names()
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in secret and not name.upper().startswith("REELWRIGHT_")
    }


def _lost_disk(log: structlog.stdlib.BoundLogger) -> None:
    log.critical("the disk of the database does not keep what is written: the server ends at once")
    os._exit(1)


class Drain:
    """How long running jobs may still take: `seconds`, counted from the first signal to stop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: float | None = None

    def begin(self) -> None:
        if self._begun is None:
            self._begun = time.monotonic()

    @property
    def left(self) -> float:
        if self._begun is None:
            return self._seconds
        return max(0.0, self._seconds - (time.monotonic() - self._begun))


@asynccontextmanager
async def running(server: Server, drain: Drain) -> AsyncIterator[Server]:
    """The server at work: locks the directory, migrates, recovers, warms the engine; drains and closes at the end."""
    server.lock.acquire(f"the server with process id {os.getpid()} on {socket.gethostname()}")
    try:
        server.files.prepare()
        await asyncio.to_thread(server.database_lock.acquire)
        await asyncio.to_thread(server.records.create_tables)
        await server.webhooks.prepare()
        await server.durable.launch()
        await server.queue.recover()
        server.files.remove_stale_scratch(frozenset(video.id for video in server.live.active()))
        beside = [asyncio.create_task(_warm(server)), asyncio.create_task(server.janitor.run())]
        beside.append(asyncio.create_task(server.webhooks.run(server.durable)))
        if server.warmth:
            beside.append(asyncio.create_task(server.warmth.run()))
        try:
            async with AsyncExitStack() as stack:
                if server.assistants:
                    await stack.enter_async_context(server.assistants.running())
                yield server
        finally:
            for task in beside:
                task.cancel()
            server.queue.hold()
            await _drain(server, drain)
            server.queue.close()
            server.job.abandon()
            await server.durable.requeue(own=True)
            await server.worker.close()
            await server.durable.close()
    finally:
        for pool in (server.threads.database, server.threads.beside, server.threads.media):
            pool.shutdown(wait=False, cancel_futures=True)
        server.database_lock.release()
        server.database.dispose()
        server.workflows.dispose()
        server.lock.release()


async def _warm(server: Server) -> None:
    """Load the default engine before the first job asks for it. A failure is told with the first job."""
    with contextlib.suppress(EngineError):
        await server.worker.warm(server.catalog.default)
        server.log.info("engine loaded", name=server.catalog.default)


async def _drain(server: Server, drain: Drain) -> None:
    """Give running jobs what is left of their time; then they go back to the queue, for the next start."""
    if not server.job.running:
        return
    server.log.info("stopping", running=server.job.running, seconds=round(drain.left, 1))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.job.quiet(), drain.left)
