"""What is usable on this machine and why: the rows behind `reelwright doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from reelwright.app import place_of
from reelwright.engines.catalog import Catalog
from reelwright.engines.choice import gpu
from reelwright.engines.huggingface.account import check_token
from reelwright.env_file import ADOPTED, adopt
from reelwright.errors import ConfigurationError, DatabaseBusy, DatabaseLost
from reelwright.listening import listening_sockets
from reelwright.offers import offered
from reelwright.settings import Settings
from reelwright.store.database import open_database, store_errors
from reelwright.store.files import Files
from reelwright.store.objects import Bucket
from reelwright.telemetry import destination, open_tracer

LEAST_FREE_GB = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row. `ok` None: not needed, told for information. `remedy`: the next step when it is not ok."""

    name: str
    ok: bool | None
    detail: str
    remedy: str | None = None


def survey(settings: Settings) -> list[Finding]:
    """Look at everything that a video needs, from the ground up. Asks the hub about the token when there is one."""
    adopt(*ADOPTED)
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
    place = place_of(settings)
    if place is None:
        return
    try:
        Bucket(place, settings.data_dir / "cache").check()
    except ConfigurationError as error:
        problem, _, remedy = error.message.partition(". ")
        yield Finding(name="Bucket", ok=False, detail=problem, remedy=remedy)
        return
    yield Finding(name="Bucket", ok=True, detail=f"{str(place).removeprefix('the bucket ')}, can be written")


def _database(settings: Settings) -> Finding:
    kind = "Postgres" if settings.database_url else "SQLite"
    try:
        engine = open_database(settings.database_url, settings.data_dir.absolute())
        question = "SHOW server_version" if settings.database_url else "SELECT sqlite_version()"
        with store_errors(), engine.connect() as connection:
            version = connection.execute(sa.text(question)).scalar()
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
            remedy = _REMEDIES.get(name)
            yield Finding(name=f"Engine {name}", ok=False if needed else None, detail=offer.trouble, remedy=remedy)
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
    detail = "found" if gpu() else "none found: the local engine would be slow"
    yield Finding(name="GPU", ok=True if gpu() else None, detail=detail)


_REMEDIES = {
    "huggingface": "Put HF_TOKEN=… into .env (a token with the Inference Providers permission)",
    "local": f"{sys.executable.rsplit('/', 1)[-1]} -m pip install 'reelwright[local]', then `reelwright pull svd`",
}
