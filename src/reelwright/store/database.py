"""Connects to the database, SQLite in the data directory or Postgres, and turns its drivers' errors into the
store's."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reelwright.errors import ConfigurationError, DatabaseBusy, DatabaseFull, DatabaseLost

tables = sa.MetaData()
"""All tables, for building statements. `migrations.py` creates them in the database."""

FILE = "reelwright.db"
"""The name of SQLite's file in the data directory."""

BUSY_TIMEOUT_MS = 4_000
"""How long a statement of SQLite waits for another program's lock before it fails with `DatabaseBusy`."""


def open_database(url: str | None, data_dir: Path) -> sa.Engine:
    """A pooled engine for `url` (Postgres), or for `reelwright.db` in `data_dir` when it is None.

    SQLite runs in WAL mode with `synchronous=FULL`: a commit is on the disk when it returns.
    """
    if url:
        from reelwright.store.postgres import open_postgres

        return open_postgres(_postgres_address(url))
    # Not written as text: a folder's name may hold `?` or `%`.
    address = sa.URL.create("sqlite", database=str(data_dir / FILE))
    engine = sa.create_engine(address, pool_size=8, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        # A transaction takes the write lock when it begins: one that reads first and then writes would fail with
        # SQLITE_BUSY at once, without the time-out, if another one has written in between.
        connection.isolation_level = "IMMEDIATE"
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
        # SQLite's own `lower` changes only the letters of English; the search of prompts is for every language.
        connection.create_function("lower", 1, _lower, deterministic=True)

    return engine


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def make_private(data_dir: Path) -> None:
    """Create SQLite's file, if there is none yet, so that only its owner may read it: it holds secrets. SQLite gives
    its logs the same mode.

    Not while this process has the file open: to close it would release SQLite's own locks (POSIX).
    """
    if not (data_dir / FILE).exists():
        os.close(os.open(data_dir / FILE, os.O_CREAT, 0o600))


def driver_url(database: sa.Engine) -> str:
    """The address of a Postgres in the form that psycopg takes, with its password."""
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


def check_answers(database: sa.Engine) -> None:
    """Raises `ConfigurationError` when Postgres does not answer."""
    try:
        with database.connect():
            return
    except sa.exc.OperationalError as error:
        reason = str(error.orig).partition("\n")[0]
        raise ConfigurationError(f"The Postgres of DATABASE_URL does not answer: {reason}") from None


@contextmanager
def store_errors() -> Iterator[None]:
    """Within it, what SQLAlchemy and the drivers raise when the database fails becomes an error of the store:
    `DatabaseBusy`, `DatabaseFull` or `DatabaseLost`. Errors of ours (a wrong statement, a broken constraint) stay.
    """
    try:
        yield
    except Exception as error:
        if (told := store_error(error)) is None:
            raise
        raise told from error


def store_error(error: BaseException) -> DatabaseBusy | DatabaseLost | None:
    """The store's error for what a driver raised, by its code; None when it does not come from the database's state."""
    if isinstance(error, sa.exc.TimeoutError):  # no connection of the pool became free
        return DatabaseBusy()
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return _sqlite_error(cause)
    # The driver of Postgres is not imported where nothing uses it, so its errors are known by name.
    if type(cause).__module__.partition(".")[0] == "psycopg":
        return _postgres_error(cause)
    return None


def _sqlite_error(error: sqlite3.Error) -> DatabaseBusy | DatabaseLost | None:
    """By SQLite's primary result codes (https://www.sqlite.org/rescode.html)."""
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_NOMEM:
            return DatabaseBusy()
        case sqlite3.SQLITE_FULL:
            return DatabaseFull()
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return DatabaseLost()
    # SQLITE_ERROR: a table that somebody has dropped, for one.
    return DatabaseLost() if isinstance(error, sqlite3.OperationalError) else None


def _postgres_error(error: BaseException | None) -> DatabaseBusy | DatabaseLost | None:
    """By the class of the SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
    from psycopg import InterfaceError, OperationalError

    state: str | None = getattr(error, "sqlstate", None)
    if state is None:  # not Postgres itself: the connection
        return DatabaseBusy() if isinstance(error, OperationalError | InterfaceError) else None
    if state == "53100":
        return DatabaseFull()
    match state[:2]:
        case "08" | "25" | "40" | "53" | "55" | "57":
            return DatabaseBusy()
        case "58" | "F0" | "XX":
            return DatabaseLost()
    return DatabaseLost() if state == "42P01" else None  # a table that somebody has dropped


def _postgres_address(url: str) -> sa.URL:
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        address = None
    if address is None or address.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(
            "DATABASE_URL is not the address of a Postgres: write postgresql://user:password@host/name."
        )
    return address.set(drivername="postgresql+psycopg")
