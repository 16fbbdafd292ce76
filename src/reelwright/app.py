"""Builds the parts of a server and connects them; starts and stops them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from reelwright.api.assembly import Access, Api, build_api, build_worker_api, own_names, webhook_forms
from reelwright.api.metrics import Metrics
from reelwright.api.moderation import Rules
from reelwright.clock import Clock, SystemClock
from reelwright.engines.catalog import Catalog
from reelwright.engines.huggingface.engine import endpoint_token
from reelwright.engines.huggingface.keep_warm import KeepWarm
from reelwright.engines.inherited import inherited
from reelwright.errors import ConfigurationError
from reelwright.jobs.jobs import Jobs, Limits, build_jobs
from reelwright.jobs.traces import Traces
from reelwright.jobs.webhooks import SCHEDULE
from reelwright.outbound import Outbound
from reelwright.settings import Settings, no_keys
from reelwright.store.keys import KeyLimits
from reelwright.store.objects import BucketAddress
from reelwright.store.store import Store, build_store
from reelwright.tracing import NO_TRACES, Tracer

SHARE_OF_THE_QUEUE = 0.9
"""The share of the queue that the waiting jobs of one API key may take, where no setting says how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The parts of one server.

    `warmth`: keeps a dedicated endpoint awake, if a setting asks for that. `worker`: the name of a process that only
    works; None for a server. `must_ask`: an address at which other machines can reach the server, which therefore does
    not start without API keys; None: it is not reachable, or a setting allows everybody in.
    """

    api: Api
    jobs: Jobs
    store: Store
    catalog: Catalog
    warmth: KeepWarm | None
    worker: str | None
    must_ask: str | None
    log: structlog.stdlib.BoundLogger


def build(
    settings: Settings,
    catalog: Catalog,
    outbound: Outbound,
    webhook_schedule: Sequence[float] = SCHEDULE,
    tracer: Tracer = NO_TRACES,
    *,
    worker_only: bool = False,
) -> Server:
    """Build all objects and connect them. Nothing is started and nothing is written yet.

    `worker_only`: the process makes videos, and answers no requests but those for its health and metrics. Raises
    `ConfigurationError`.
    """
    if settings.workers == 0 and not settings.database_url:
        raise ConfigurationError(
            "REELWRIGHT_WORKERS is 0: other processes are to make the videos, which needs Postgres. Set DATABASE_URL."
        )
    clock, metrics = SystemClock(), Metrics(catalog.default)
    log = structlog.get_logger("reelwright")
    store = build_store(
        settings.data_dir,
        settings.database_url,
        settings.database_listen_url,
        lambda: _lost_disk(log),
        bucket_of(settings),
        audited=settings.audit_days > 0,
    )
    jobs = build_jobs(
        store=store,
        catalog=catalog,
        outbound=outbound,
        clock=clock,
        traces=Traces(tracer),
        limits=_limits(settings),
        forms=webhook_forms(webhook_schedule),
        environment=inherited(os.environ, settings.engine_environment),
        configured_keys=settings.api_keys,
        on_end=metrics.job_ended,
    )
    metrics.watch(jobs.scheduler.backlog, jobs.worker.restarts)
    warmth = _keep_warm(settings, clock)
    health = {"keep_warm": lambda: warmth.state} if warmth else {}
    if worker_only:
        api = build_worker_api(jobs, catalog, clock, metrics, health)
    else:
        api = build_api(
            jobs=jobs,
            catalog=catalog,
            outbound=outbound,
            clock=clock,
            metrics=metrics,
            tracer=tracer,
            access=_access(settings),
            health=health,
        )
    name = jobs.scheduler.name if worker_only else None
    must_ask = settings.host if settings.must_ask and not worker_only else None
    return Server(
        api=api, jobs=jobs, store=store, catalog=catalog, warmth=warmth, worker=name, must_ask=must_ask, log=log
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        children=1 if settings.workers is None else settings.workers,
        max_queued=settings.max_queued,
        keep_days=settings.keep_days,
        keep_bytes=int(settings.keep_gb * 1e9) if settings.keep_gb else None,
        sweep_s=settings.sweep_s,
        silence_s=settings.job_timeout_s,
        total_s=settings.job_limit_s or None,
        redirects=settings.downloads == "redirect",
        upscale_on=settings.upscale_device,
        audit_days=settings.audit_days,
        of_a_key=_limits_of_a_key(settings),
    )


def bucket_of(settings: Settings) -> BucketAddress | None:
    """The bucket that holds the files; None when the data directory does."""
    if settings.bucket is None:
        return None
    bucket, prefix = settings.bucket
    return BucketAddress(
        bucket=bucket,
        prefix=prefix,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key=settings.aws_access_key_id,
        secret_key=settings.aws_secret_access_key,
        session_token=settings.aws_session_token,
    )


def _limits_of_a_key(settings: Settings) -> KeyLimits:
    """The limits of an API key that has none of its own. No single key can fill the queue: others find room in it."""
    return KeyLimits(
        requests_per_minute=settings.key_requests_per_minute,
        waiting=settings.key_max_waiting or max(1, int(settings.max_queued * SHARE_OF_THE_QUEUE)),
        running=settings.key_max_running,
        video_seconds_per_day=settings.key_video_seconds_per_day,
        pixel_frames_per_day=settings.key_pixel_frames_per_day,
        stored_bytes=int(settings.key_stored_gb * 1e9) if settings.key_stored_gb else None,
    )


def _access(settings: Settings) -> Access:
    return Access(
        pages=settings.client_url,
        any_local_page=settings.node_env != "production" and settings.loopback,
        hosts=own_names(settings.host, settings.allowed_hosts) if settings.loopback else None,
        proxies=settings.trusted_proxies,
        root_path=settings.root_path,
        max_body_bytes=int(settings.max_body_mb * 1e6),
        max_bodies_bytes=int(settings.max_bodies_mb * 1e6),
        mcp=settings.mcp,
        moderation=Rules(
            words=settings.refused_words,
            url=settings.moderation_url,
            token=settings.moderation_token,
            seconds=settings.moderation_timeout_s,
            fail_open=settings.moderation_fail == "open",
        ),
    )


def _keep_warm(settings: Settings, clock: Clock) -> KeepWarm | None:
    url = settings.engine_options.get("huggingface", {}).get("endpoint_url")
    if settings.keep_warm_s is None or not url:
        return None
    token = endpoint_token(url, settings.hf_token, settings.endpoint_token)
    return KeepWarm(endpoint_url=url, token=token, interval_s=settings.keep_warm_s, clock=clock)


def _lost_disk(log: structlog.stdlib.BoundLogger) -> None:
    log.critical("the disk of the database does not keep what is written: the server ends at once")
    os._exit(1)


class Drain:
    """The time that running jobs still have: `seconds` from the first signal to stop, and none after a second one."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: float | None = None
        self._cut = asyncio.Event()

    def begin(self) -> None:
        if self._begun is None:
            self._begun = time.monotonic()

    def cut(self) -> None:
        """No time is left from now on."""
        self._seconds = 0.0
        self._cut.set()

    @property
    def left(self) -> float:
        if self._begun is None:
            return self._seconds
        return max(0.0, self._seconds - (time.monotonic() - self._begun))

    async def over(self) -> None:
        """Returns when no time is left."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._cut.wait(), self.left)


@asynccontextmanager
async def running(server: Server, drain: Drain) -> AsyncIterator[Server]:
    """Within the block the server works. Its beginning opens the store, takes up unfinished jobs and loads the engine;
    its end drains the jobs and closes everything."""
    try:
        await asyncio.to_thread(server.store.open)
        with server.store.damage_told():
            await server.jobs.keyring.look()
        if server.must_ask and not server.jobs.keyring.asked_for:
            raise no_keys(server.must_ask)
        loops = await server.jobs.start()
        if server.warmth:
            loops.append(asyncio.create_task(server.warmth.run()))
        try:
            async with AsyncExitStack() as stack:
                if server.api.assistants:
                    await stack.enter_async_context(server.api.assistants.running())
                yield server
        finally:
            await server.jobs.stop(loops, drain.over(), drain.left)
    finally:
        server.jobs.threads.shutdown()
        server.store.close()
