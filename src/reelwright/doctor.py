"""Finds out what can be used on this machine and why the rest cannot: the rows of `reelwright doctor`."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import sqlalchemy as sa

from reelwright.app import bucket_of
from reelwright.engines.catalog import Catalog
from reelwright.engines.comfyui.inspection import LACKING, look_at
from reelwright.engines.comfyui.library import read_library
from reelwright.engines.comfyui.options import Options as ComfyUIOptions
from reelwright.engines.huggingface.access import HOMES, Access
from reelwright.engines.huggingface.account import check_key, check_token
from reelwright.engines.huggingface.options import Options as HuggingFaceOptions
from reelwright.engines.local import devices
from reelwright.engines.local.footprint import Kind, Room, outlook, usable
from reelwright.engines.local.inventory import holdings
from reelwright.engines.local.main_memory import main_memory
from reelwright.engines.local.options import Options
from reelwright.engines.local.recipe import GIB
from reelwright.engines.local.weights import DamagedWeights
from reelwright.engines.openai.options import Options as OpenAIOptions
from reelwright.engines.openai.survey import found_at
from reelwright.engines.refinements import Refinements
from reelwright.engines.upscaler_trial import trial
from reelwright.env_file import ADOPTED, adopt
from reelwright.errors import ConfigurationError, DatabaseBusy, DatabaseLost
from reelwright.listening import listening_sockets
from reelwright.offers import offered
from reelwright.own_commands import as_typed
from reelwright.settings import Settings
from reelwright.store.database import open_database, store_errors
from reelwright.store.files import Files
from reelwright.store.objects import Bucket
from reelwright.telemetry import destination, open_tracer

LEAST_FREE_GB = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row. `ok` None: it does not matter with these settings. `remedy`: what to do when it is not ok."""

    name: str
    ok: bool | None
    detail: str
    remedy: str | None = None


def survey(settings: Settings) -> list[Finding]:
    """Check everything that making a video needs, beginning with Python, the data directory and the database. Asks the
    hub about the token and the providers about their keys, when there are any."""
    adopt(*ADOPTED)
    return [_typed(finding) for finding in _findings(settings)]


def _typed(finding: Finding) -> Finding:
    remedy = None if finding.remedy is None else as_typed(finding.remedy)
    return replace(finding, detail=as_typed(finding.detail), remedy=remedy)


def _findings(settings: Settings) -> list[Finding]:
    catalog = offered(settings)
    return [
        Finding(
            name="Python", ok=True, detail=f"{platform.python_version()} on {platform.system()} {platform.machine()}"
        ),
        _data_directory(settings),
        *_bucket(settings),
        _database(settings),
        _port(settings),
        _encoder(),
        *_traces(),
        *_engines(settings, catalog),
        *_comfyui(settings, catalog),
        *_upstreams(settings, catalog),
        *_upscaling(settings, catalog.refinements),
        Finding(
            name="Chosen engine",
            ok=not catalog.offers[catalog.default].trouble,
            detail=f"{catalog.default} ({catalog.reason})",
        ),
    ]


def _data_directory(settings: Settings) -> Finding:
    files = Files(settings.data_dir)
    try:
        files.prepare()
        files.check_writable()
    except (ConfigurationError, OSError) as error:
        return Finding(
            name="Data directory", ok=False, detail=str(error), remedy="Set REELWRIGHT_DATA_DIR to a folder of yours"
        )
    free = shutil.disk_usage(settings.data_dir).free / 1e9
    return Finding(
        name="Data directory",
        ok=free >= LEAST_FREE_GB,
        detail=f"{settings.data_dir.absolute()}, {free:.0f} GB free",
        remedy=None if free >= LEAST_FREE_GB else "Free some disk space",
    )


def _bucket(settings: Settings) -> Iterator[Finding]:
    address = bucket_of(settings)
    if address is None:
        return
    try:
        Bucket(address, settings.data_dir / "cache").check()
    except ConfigurationError as error:
        problem, _, remedy = error.message.partition(". ")
        yield Finding(name="Bucket", ok=False, detail=problem, remedy=remedy)
        return
    yield Finding(name="Bucket", ok=True, detail=f"{str(address).removeprefix('the bucket ')}, can be written")


def _database(settings: Settings) -> Finding:
    kind = "Postgres" if settings.database_url else "SQLite"
    try:
        engine = open_database(settings.database_url, settings.data_dir.absolute())
        question = "SHOW server_version" if settings.database_url else "SELECT sqlite_version()"
        with store_errors(), engine.connect() as connection:
            version = connection.execute(sa.text(question)).scalar()
            if not settings.database_url and connection.execute(sa.text("PRAGMA quick_check(1)")).scalar() != "ok":
                raise DatabaseLost
        engine.dispose()
    except DatabaseLost:
        remedy = "Restore a backup, or set REELWRIGHT_DATA_DIR (or DATABASE_URL) to start anew"
        return Finding(name="Database", ok=False, detail=f"{kind} is damaged", remedy=remedy)
    except (DatabaseBusy, sa.exc.SQLAlchemyError, ConfigurationError):
        remedy = "Check DATABASE_URL" if settings.database_url else "Stop the program that holds it"
        return Finding(name="Database", ok=False, detail=f"{kind} does not answer", remedy=remedy)
    return Finding(name="Database", ok=True, detail=f"{kind} {version}")


def _port(settings: Settings) -> Finding:
    try:
        for sock in listening_sockets(settings.host, settings.port):
            sock.close()
    except ConfigurationError as error:
        return Finding(name="Port", ok=None, detail=error.message, remedy="A server may be running already")
    return Finding(name="Port", ok=True, detail=f"{settings.host}:{settings.port} is free")


def _encoder() -> Finding:
    try:
        import av

        av.CodecContext.create("libx264", "w")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a binary wheel, this is the place to tell it
        return Finding(
            name="H.264 encoder",
            ok=False,
            detail=type(error).__name__,
            remedy="Reinstall: pip install --force-reinstall av",
        )
    return Finding(name="H.264 encoder", ok=True, detail=f"libx264 in PyAV {av.__version__}")


def _traces() -> Iterator[Finding]:
    try:
        where = destination(os.environ)
        open_tracer(os.environ).close()
    except ConfigurationError as error:
        problem, _, remedy = error.message.partition(". ")
        yield Finding(name="Traces", ok=False, detail=problem, remedy=remedy)
        return
    if where:
        yield Finding(name="Traces", ok=True, detail=f"sent to {where}")


def _engines(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    for name, offer in sorted(catalog.offers.items()):
        needed = name == catalog.default
        if offer.trouble:
            detail, remedy = offer.trouble, _REMEDIES.get(name)
            if offer.spec.options.get("urls"):  # it is configured: the trouble's own text ends with the remedy
                detail, _, remedy = detail.partition(". ")
            elif offer.problem is None:  # it lacks only a model: this text ends with its remedy, too
                detail, _, remedy = detail.partition(": ")
            yield Finding(name=f"Engine {name}", ok=False if needed else None, detail=detail, remedy=remedy)
            continue
        yield Finding(name=f"Engine {name}", ok=True, detail=", ".join(card.model for card in offer.cards))
    if settings.hf_token:
        checked = check_token(settings.hf_token)
        yield Finding(
            name="HF_TOKEN",
            ok=checked.ok,
            detail=f"account {checked.account}" if checked.ok else checked.message,
            remedy=None if checked.ok else "https://huggingface.co/settings/tokens",
        )
    yield from _provider_keys(settings, needed=catalog.default == "huggingface")
    view = None if catalog.offers["local"].problem else devices.ask_torch()
    yield from _gpus(catalog, view)
    if view is not None:
        room = _room(view)
        yield Finding(name="Main memory", ok=True, detail=f"{room.main / GIB:.1f} GiB free")
        yield from _weights(settings, room, needed=catalog.default == "local")


def _comfyui(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    """A row for each file that cannot be a model, each ComfyUI, and each workflow for which a ComfyUI lacks something.

    These rows count as faults only if no workflow works anywhere and the engine is needed.
    """
    options = ComfyUIOptions.parse(catalog.offers["comfyui"].spec.options)
    if not options.urls:
        return
    library = read_library(options.workflows)
    headers = options.headers(settings.comfyui_token)
    with ThreadPoolExecutor(max_workers=8) as threads:
        looks = list(threads.map(lambda url: look_at(url, headers), options.urls))
    lacks = {
        (name, look.name): look.lacks(workflow)
        for name, workflow in library.workflows.items()
        for look in looks
        if not look.problem
    }
    works = any(not missing for missing in lacks.values())
    bad = False if catalog.default == "comfyui" and not works else None
    for problem in library.problems:
        yield Finding(name="Workflow", ok=bad, detail=f"{problem.file}: {problem.what}", remedy=problem.remedy)
    for look in looks:
        if look.problem:
            yield Finding(name="ComfyUI", ok=bad, detail=f"{look.name}: {look.problem}", remedy=look.remedy)
        else:
            yield Finding(name="ComfyUI", ok=True, detail=look.told)
    for (name, where), missing in lacks.items():
        if missing:
            detail = f"{library.workflows[name].file} lacks at {where}: {', '.join(missing[:5])}"
            yield Finding(name="Workflow", ok=bad, detail=detail, remedy=LACKING)


def _provider_keys(settings: Settings, *, needed: bool) -> Iterator[Finding]:
    """A row for each provider key that is set, and one for each route that is left out because no key pays for it."""
    access = Access.of(settings.hf_token, settings.provider_keys)
    for variable, flaw in access.flaws.items():
        problem, _, remedy = flaw.partition(". ")
        yield Finding(name=variable, ok=False if needed else None, detail=problem, remedy=remedy)
    for provider, key in access.keys.items():
        checked = check_key(provider, key)
        problem, _, remedy = checked.message.partition(". ")
        yield Finding(name=HOMES[provider].variable, ok=checked.ok, detail=problem, remedy=remedy or None)
    for route in HuggingFaceOptions.parse(settings.engine_options.get("huggingface", {}), access).left_out:
        own = f"{HOMES[route.provider].variable} or " if route.provider in HOMES else ""
        yield Finding(name=f"Route {route}", ok=None, detail="left out: it has no key", remedy=f"Set {own}HF_TOKEN")


def _upstreams(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    """A row for each server of the openai engine. It counts as a fault if none can be used and the engine is needed."""
    options = OpenAIOptions.parse(catalog.offers["openai"].spec.options)
    if not options.upstreams:
        return
    headers = options.headers(settings.upstream_token)
    first = options.models[0].sent
    with ThreadPoolExecutor(max_workers=8) as threads:
        found = list(threads.map(lambda one: found_at(one, headers, one.model or first), options.upstreams))
    bad = False if catalog.default == "openai" and not any(one.ok for one in found) else None
    for one in found:
        yield Finding(name="Upstream", ok=one.ok or bad, detail=one.detail, remedy=one.remedy)


def _gpus(catalog: Catalog, view: devices.View | None) -> Iterator[Finding]:
    """The devices as torch sees them; without torch, as the machine shows them."""
    machine = devices.look()
    if view is None:
        detail = (
            "found, and no torch that could use it" if machine.gpu else "none found: the local engine would be slow"
        )
        yield Finding(name="GPU", ok=None, detail=detail)
        return
    for gpu in view.gpus:
        room = f", {gpu.free / GIB:.1f} of {gpu.total / GIB:.1f} GiB free" if gpu.total and gpu.free is not None else ""
        yield Finding(name="GPU", ok=True, detail=f"{gpu.name}{room} (torch {view.torch}, {view.build})")
    if trouble := devices.trouble(machine, view, os.environ):
        problem, _, remedy = trouble.partition(". ")
        needed = catalog.default == "local"
        yield Finding(name="GPU", ok=False if needed else None, detail=problem, remedy=remedy)
    elif not view.gpus:
        detail = f"none for torch {view.torch} ({view.build}): the local engine would be slow"
        yield Finding(name="GPU", ok=None, detail=detail)


def _room(view: devices.View) -> Room:
    """The memory that models can use: that of the first GPU, or the main memory where there is none."""
    main = main_memory()
    if not view.gpus:
        return Room(kind=Kind.CPU, device=usable(main), main=usable(main))
    free = view.gpus[0].free
    if free is None:  # Apple's, which is main memory
        return Room(kind=Kind.UNIFIED, device=usable(main), main=usable(main))
    return Room(kind=Kind.CARD, device=usable(free), main=main)


def _weights(settings: Settings, room: Room, *, needed: bool) -> Iterator[Finding]:
    """A row for each model of the local engine that is here or damaged, and one for those that can be fetched."""
    models = Options.parse(settings.engine_options.get("local", {})).models
    absent: dict[str, list[str]] = {}
    for model in models.values():
        found = holdings(model)
        lacking = next((one for one in found if one.problem), None)
        problem = lacking.problem if lacking else None
        place, takes = outlook(model.recipe, room)
        if lacking is None or problem is None:
            size = sum(one.size for one in found) / 1e9
            detail = f"here, {size:.1f} GB on the disk; {place}{f' ({takes})' if takes else ''}"
            yield Finding(name=f"Model {model.name}", ok=True, detail=detail)
        elif any(one.size for one in found) or isinstance(problem, DamagedWeights) or not lacking.fetchable:
            said, _, remedy = problem.message.removeprefix(f"Model {model.name!r} is ").partition(". ")
            bad = isinstance(problem, DamagedWeights) and needed
            yield Finding(name=f"Model {model.name}", ok=False if bad else None, detail=said, remedy=remedy)
        else:
            absent.setdefault(place, []).append(model.name)
    for number, (place, names) in enumerate(absent.items(), 1):
        fetch = "`reelwright pull NAME`" if number == len(absent) else None
        yield Finding(name="Models to fetch", ok=None, detail=f"{place}: {', '.join(names)}", remedy=fetch)


def _upscaling(settings: Settings, refinements: Refinements) -> Iterator[Finding]:
    """Load each upscaling model: an error in one would otherwise be told only after a long render."""
    if settings.upscalers_dir is None:
        return
    if refinements.problem:
        yield Finding(name="Upscaling", ok=False, detail=refinements.problem)
    for upscaler in () if refinements.problem else refinements.upscalers:
        wrong = trial(upscaler, settings.upscale_device)
        detail = wrong or f"{upscaler.name} enlarges {upscaler.factor} times"
        yield Finding(name="Upscaling", ok=not wrong, detail=detail)
    for reason in refinements.passed_over:
        yield Finding(name="Upscaling", ok=None, detail=f"Not offered: {reason}")


_REMEDIES = {
    "comfyui": "Set REELWRIGHT_COMFYUI_URL=http://127.0.0.1:8188 and put API exports into ./workflows",
    "huggingface": "Put HF_TOKEN=… into .env (a token with the Inference Providers permission), or the own key of a "
    f"provider ({', '.join(home.variable for home in HOMES.values())})",
    "local": "pip install 'reelwright[local]', then `reelwright pull svd`",
    "openai": "Set REELWRIGHT_UPSTREAM_URL=http://127.0.0.1:8000 to a server that speaks /v1/videos",
}
