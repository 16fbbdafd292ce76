"""Connects the routes with each other and with the layers around them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from reelwright import __version__
from reelwright.api import openrouter, replicate, video_object
from reelwright.api.addresses import Addresses
from reelwright.api.admin import AdminCalls, admin_router
from reelwright.api.audit import AuditCalls, audit_router, tells_refusals
from reelwright.api.bodies import Bodies
from reelwright.api.connection import Refusal
from reelwright.api.docs_page import docs_router
from reelwright.api.drafting import Drafting
from reelwright.api.errors import ErrorResponder
from reelwright.api.extension import ExtensionParser
from reelwright.api.guard import EXPOSED_HEADERS, LOOPBACK_NAMES, CrossOrigin, HostAndOriginCheck, KeyGate, Origins
from reelwright.api.health import Check, Probe, health_router
from reelwright.api.huggingface import HUGGINGFACE, huggingface_router
from reelwright.api.input_images import InputImages
from reelwright.api.jsonrpc import JSONRPC
from reelwright.api.keys import KeyCalls, keys_router
from reelwright.api.limits import Meter
from reelwright.api.metrics import Metrics, RouteName, metrics_router
from reelwright.api.models import MODELS, models_router
from reelwright.api.moderation import Moderation, Rules
from reelwright.api.native import NATIVE, native_router
from reelwright.api.openai import OPENAI, OpenAIVideos, openai_router
from reelwright.api.openrouter import OPENROUTER, OpenRouterVideos, openrouter_router
from reelwright.api.page import page_router
from reelwright.api.replicate import REPLICATE, Predictions, replicate_router
from reelwright.api.replicate_files import FileCalls, files_router
from reelwright.api.replicate_models import ReplicateModels, replicate_models_router
from reelwright.api.request_log import RequestLog
from reelwright.api.routes import Methods, is_path
from reelwright.api.schema.document import document
from reelwright.api.sharing import Links, sharing_router
from reelwright.api.traced import Traced
from reelwright.api.videos import Videos
from reelwright.api.webhooks import webhooks_router
from reelwright.clock import Clock
from reelwright.engines.catalog import Catalog
from reelwright.errors import Busy, ConfigurationError, ReelwrightError
from reelwright.jobs.jobs import Jobs
from reelwright.jobs.webhooks import SCHEDULE, Forms
from reelwright.outbound import Outbound
from reelwright.store.keys import Scope as KeyScope
from reelwright.tracing import Tracer

if TYPE_CHECKING:
    from reelwright.api.mcp import Assistants


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may come in, and with what.

    `pages`: origins whose pages may use this server, and with `any_local_page` those of every local port. `hosts`: the
    names by which it may be called, None: by any. `proxies` and `root_path`: see `Addresses`. `max_body_bytes`: the
    longest body; `max_bodies_bytes`: what all of them may have at one time. `mcp`: whether assistants have a route.
    `moderation`: which prompts are refused.
    """

    pages: Sequence[str]
    any_local_page: bool
    hosts: frozenset[str] | None
    proxies: Sequence[str]
    root_path: str
    max_body_bytes: int
    max_bodies_bytes: int
    mcp: bool
    moderation: Rules = field(default_factory=Rules)


def own_names(host: str, allowed: Sequence[str]) -> frozenset[str]:
    """The host names of a server that listens on a loopback address, and those that were allowed beside them."""
    own = {f"[{host}]" if ":" in host else host, *allowed}
    return LOOPBACK_NAMES | {name.lower() for name in own}


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """`asgi`: all routes behind the access checks. `routes`: the same without them. `refusal`: see `Connection`."""

    asgi: ASGIApp
    refusal: Refusal
    routes: FastAPI
    assistants: Assistants | None


def webhook_forms(schedule: Sequence[float] = SCHEDULE) -> Forms:
    """The bodies and signatures that the dialects' clients expect."""
    return Forms(
        bodies={
            "openai": video_object.webhook_body,
            "openrouter": openrouter.webhook_body,
            "replicate": replicate.webhook_body,
        },
        signatures={"openrouter": openrouter.sign},
        schedule=schedule,
    )


def build_api(
    *,
    jobs: Jobs,
    catalog: Catalog,
    outbound: Outbound,
    clock: Clock,
    metrics: Metrics,
    tracer: Tracer,
    access: Access,
    health: Mapping[str, Any],
) -> Api:
    """`health`: what `/health` shows beside engine and queue; a value may be a function."""
    mcp = [JSONRPC] if access.mcp else []
    errors = ErrorResponder(
        [OPENROUTER, *mcp, MODELS, REPLICATE, OPENAI, HUGGINGFACE, NATIVE], clock.now, tells_refusals(jobs.trail)
    )
    # The document is ours (`schema`): FastAPI knows nothing of bodies that are parsed by hand.
    routes = FastAPI(title="Reelwright", version=__version__, openapi_url=None, redirect_slashes=False)
    errors.install(routes)
    _health(routes, jobs, catalog, clock, health)
    _dialects(routes, jobs, catalog, outbound, clock, access)
    _management(routes, jobs, catalog, clock, access)
    routes.include_router(_metrics(metrics, jobs, lambda request: KeyScope.ADMIN in request.state.caller.scopes))
    routes.include_router(page_router())
    routes.include_router(
        docs_router(lambda keyed: document(routes, catalog, keys=keyed), lambda: jobs.keyring.asked_for)
    )
    assistants = _assistants(routes, access, errors, jobs, clock) if access.mcp else None
    if assistants:
        routes.router.routes.append(assistants.route)
    return Api(
        asgi=_guarded(routes, access, jobs, errors, metrics, tracer, clock),
        refusal=_refusal(routes, access, errors, metrics),
        routes=routes,
        assistants=assistants,
    )


def build_worker_api(jobs: Jobs, catalog: Catalog, clock: Clock, metrics: Metrics, health: Mapping[str, Any]) -> Api:
    """The routes of a worker: its health and its metrics."""
    routes = FastAPI(title="Reelwright", version=__version__, openapi_url=None, redirect_slashes=False)
    errors = ErrorResponder([NATIVE], clock.now)
    errors.install(routes)
    _health(routes, jobs, catalog, clock, health)
    routes.include_router(_metrics(metrics, jobs, lambda _: True))
    logged = RequestLog(RouteName(routes), metrics.request_ended)

    def refuse(error: ReelwrightError) -> ASGIApp:
        async def refused(scope: Scope, receive: Receive, send: Send) -> None:
            await errors.render(Request(scope), error)(scope, receive, send)

        return RequestLog(refused, metrics.request_ended)

    return Api(asgi=logged, refusal=refuse, routes=routes, assistants=None)


def _metrics(metrics: Metrics, jobs: Jobs, shows_keys: Callable[[Request], bool]) -> APIRouter:
    stored = jobs.store.records.stored
    return metrics_router(metrics, lambda: asyncio.ensure_future(jobs.threads.read(stored)), shows_keys)


def _health(routes: FastAPI, jobs: Jobs, catalog: Catalog, clock: Clock, more: Mapping[str, Any]) -> None:
    def database_ready() -> str | None:
        try:
            jobs.store.check_database()
        except Busy:
            return "the database takes no writes"
        except FileNotFoundError:
            return "the file of the database is gone: what is written now is lost at the next start"
        return None

    def storage_ready() -> str | None:
        try:
            jobs.store.files.check_writable()
        except Busy:
            return "the storage of the videos takes no writes"
        except OSError as error:
            return f"the data directory cannot be written ({error.strerror})"
        return None

    async def engine_ready() -> str | None:
        return catalog.offers[catalog.default].trouble

    def facts() -> Mapping[str, Any]:
        lines = jobs.scheduler.backlog().values()
        return {
            "engine": {"name": catalog.default, "reason": catalog.reason},
            "queue": {
                "running": sum(line.running for line in lines),
                "waiting": sum(line.waiting for line in lines),
            },
            **({"engines": states} if (states := jobs.worker.states()) else {}),
            **{name: value() if callable(value) else value for name, value in more.items()},
        }

    checks: Mapping[str, Check] = {
        "database": Probe(database_ready, late="the database takes no writes"),
        "storage": Probe(storage_ready, late="the storage of the videos takes no writes"),
        "engine": engine_ready,
    }
    routes.include_router(health_router(clock, facts, checks, lambda: catalog.damages))


def _dialects(routes: FastAPI, jobs: Jobs, catalog: Catalog, outbound: Outbound, clock: Clock, access: Access) -> None:
    """The routes that make videos, and those about them."""
    most, started = access.max_body_bytes, clock.now()
    videos = Videos(queue=jobs.queue, variants=jobs.variants, integrity=jobs.integrity, reads=jobs.reads)
    input_images = InputImages(jobs.store.files, outbound)
    drafting = Drafting(catalog, input_images, Moderation(access.moderation))
    extensions = ExtensionParser(
        queue=jobs.queue, drafting=drafting, integrity=jobs.integrity, input_images=input_images
    )
    files = FileCalls(uploads=jobs.uploading, max_body_bytes=most)
    models = ReplicateModels(catalog=catalog, started=started, secret=jobs.webhooks.secret_of)
    openai = OpenAIVideos(
        videos=videos,
        catalog=catalog,
        live=jobs.live,
        feed=jobs.feed,
        drafting=drafting,
        extensions=extensions,
        outbound=outbound,
        max_body_bytes=most,
    )
    predictions = Predictions(
        videos=videos, drafting=drafting, models=models, files=files, outbound=outbound, max_body_bytes=most
    )
    openrouter_videos = OpenRouterVideos(
        videos=videos,
        catalog=catalog,
        drafting=drafting,
        extensions=extensions,
        outbound=outbound,
        max_body_bytes=most,
        started=started,
    )
    links = Links(jobs.store.link_secret, jobs.threads)
    for router in (
        native_router(videos=videos, drafting=drafting, extensions=extensions, clock=clock, max_body_bytes=most),
        openai_router(openai),
        sharing_router(
            queue=jobs.queue,
            videos=videos,
            links=links,
            audit=jobs.store.audit,
            threads=jobs.threads,
            clock=clock,
            max_body_bytes=most,
        ),
        huggingface_router(videos=videos, catalog=catalog, drafting=drafting, max_body_bytes=most),
        replicate_router(predictions),
        files_router(files),
        replicate_models_router(models),
        openrouter_router(openrouter_videos),
        webhooks_router(videos, jobs.webhooks),
        models_router(catalog, int(started.timestamp()), models),
    ):
        routes.include_router(router)


def _management(routes: FastAPI, jobs: Jobs, catalog: Catalog, clock: Clock, access: Access) -> None:
    """The routes about keys, and those for admins."""
    keys = KeyCalls(
        rows=jobs.store.keys,
        keyring=jobs.keyring,
        usage=jobs.store.usage,
        threads=jobs.threads,
        clock=clock,
        max_body_bytes=access.max_body_bytes,
    )
    routes.include_router(keys_router(keys))
    routes.include_router(admin_router(AdminCalls(jobs.overseer, catalog)))
    routes.include_router(audit_router(AuditCalls(jobs.store.audit, jobs.trail, jobs.threads)))


def _assistants(routes: FastAPI, access: Access, errors: ErrorResponder, jobs: Jobs, clock: Clock) -> Assistants:
    """Imported only here: it takes 25 MB and most of a second."""
    try:
        from reelwright.api.mcp import Assistants
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"REELWRIGHT_MCP is on, but the package {error.name} is missing. "
            "Install it with: pip install 'reelwright[mcp]'"
        ) from None
    # What its requests carry lies in the body of the one to `/mcp`, for which there is room already.
    return Assistants(
        _gate(_with_room(routes, access, jobs), jobs, errors, clock),
        keyed=lambda: jobs.keyring.asked_for,
        closing=jobs.live.closing,
        max_body_bytes=access.max_body_bytes,
    )


def _gate(app: ASGIApp, jobs: Jobs, errors: ErrorResponder, clock: Clock) -> KeyGate:
    return KeyGate(app, keys=jobs.keyring, meter=Meter(jobs.requests, clock), answer=errors.render)


def _with_room(app: ASGIApp, access: Access, jobs: Jobs) -> Bodies:
    """The app, behind the bound of all request bodies together (`Bodies`)."""
    return Bodies(app, most=access.max_bodies_bytes, longest=access.max_body_bytes, spool=jobs.store.files.spool)


def _guarded(
    routes: FastAPI, access: Access, jobs: Jobs, errors: ErrorResponder, metrics: Metrics, tracer: Tracer, clock: Clock
) -> ASGIApp:
    """The layers around the routes, outermost last."""
    methods = Methods(RouteName(routes), routes.routes)
    gate = _gate(_with_room(methods, access, jobs), jobs, errors, clock)
    origins = Origins(access.pages, any_local=access.any_local_page)
    cors = CrossOrigin(gate, origins=origins, exposed=EXPOSED_HEADERS)
    checked = HostAndOriginCheck(cors, origins=origins, hosts=access.hosts, answer=errors.render)
    logged = RequestLog(checked, metrics.request_ended)
    return _addressed(Traced(logged, tracer) if tracer.on else logged, routes, access)


def _addressed(app: ASGIApp, routes: FastAPI, access: Access) -> Addresses:
    """An app that sees requests as if no proxy had been there."""
    return Addresses(
        app,
        trusted=access.proxies,
        root_path=access.root_path,
        known=lambda path: is_path(routes.routes, path),
    )


def _refusal(routes: FastAPI, access: Access, errors: ErrorResponder, metrics: Metrics) -> Refusal:
    """Answers what is no correct request with an error, in the dialect of its path as far as that is known."""

    def refuse(error: ReelwrightError) -> ASGIApp:
        async def refused(scope: Scope, receive: Receive, send: Send) -> None:
            await errors.render(Request(scope), error)(scope, receive, send)

        return _addressed(RequestLog(refused, metrics.request_ended), routes, access)

    return refuse
