"""The one database engine, shared by our rows and the durable job engine: SQLite in the data directory, or Postgres."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from reelwright.errors import ConfigurationError

BUSY_TIMEOUT_MS = 4_000
"""How long SQLite waits for another writer before the client is told to come back."""

LOCK_NUMBER = 0x7265656C
"""The advisory lock of Postgres that the server holds: the letters `reel`."""
LOCK_PATIENCE_S = 5.0
"""Postgres may take a moment to notice that a killed server has gone."""


def open_database(url: str | None, data_dir: Path, turn: threading.Lock | None = None, safe: bool = True) -> sa.Engine:
    """A pooled engine for `url` (Postgres), or for `reelwright.db` in `data_dir` when it is None.

    SQLite runs in WAL mode with `synchronous=FULL`: a commit is on the disk when it returns. Not `safe`
    (`synchronous=NORMAL`), a commit outlives the process and reaches the disk with the next safe one at the latest,
    since the log is written in order. `turn` is shared by all engines on the same file: one writes at a time.
    """
    if url:
        address = _postgres_address(url)
        return sa.create_engine(address, pool_pre_ping=True, pool_size=8, max_overflow=16)
    # Not written as text: a folder's name may hold `?` or `%`.
    address = sa.URL.create("sqlite", database=str(data_dir / "reelwright.db"))
    engine = sa.create_engine(address, module=_sqlite_module(), pool_size=8)

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        # Writers begin with the write lock: a deferred read that turns into a write gives BUSY at once under load.
        connection.isolation_level = "IMMEDIATE"
        synchronous = "FULL" if safe else "NORMAL"
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    _take_turns(engine, turn or threading.Lock())
    return engine


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


class DatabaseLock:
    """One server a database. On SQLite the lock of the data directory does it; on Postgres an advisory lock.

    The lock belongs to a connection that is kept for it, so it ends with the process, however that ends.
    """

    def __init__(self, database: sa.Engine) -> None:
        self._database = database
        self._connection: sa.Connection | None = None

    def acquire(self) -> None:
        """Raises `ConfigurationError` when Postgres does not answer or another server works on this database."""
        if self._database.dialect.name == "sqlite":
            return
        try:
            connection = self._database.connect().execution_options(isolation_level="AUTOCOMMIT")
        except sa.exc.OperationalError as error:
            reason = str(error.orig).partition("\n")[0]
            raise ConfigurationError(f"The Postgres of DATABASE_URL does not answer: {reason}") from None
        question, deadline = sa.text("SELECT pg_try_advisory_lock(:number)"), time.monotonic() + LOCK_PATIENCE_S
        while not connection.execute(question, {"number": LOCK_NUMBER}).scalar():
            if time.monotonic() > deadline:
                connection.close()
                raise ConfigurationError(
                    "Another Reelwright server works on the database of DATABASE_URL. Stop it, or use another database."
                )
            time.sleep(0.2)
        self._connection = connection

    def release(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()  # closed for good, not handed back to the pool with its lock
            self._connection.close()
            self._connection = None


def _take_turns(engine: sa.Engine, turn: threading.Lock) -> None:
    """One writer at a time in this process.

    SQLite has one write lock a file. Connections that find it taken sleep and try again, up to 100 ms at a time, which
    made sixteen callers wait for seconds; a lock of the process wakes the next one at once.
    """

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _take(
        connection: sa.Connection, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool
    ) -> None:
        notes = connection.connection.record_info
        if notes is None or notes.get("writing") or statement.lstrip()[:6].upper() in ("SELECT", "PRAGMA"):
            return
        if not turn.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
            busy = sqlite3.OperationalError("database is locked")
            raise sa.exc.OperationalError(statement, parameters, busy)
        notes["writing"] = True

    @sa.event.listens_for(engine, "checkin")
    def _give_back(_connection: object, record: ConnectionPoolEntry) -> None:
        if record.record_info and record.record_info.pop("writing", False):
            turn.release()


def _sqlite_module() -> ModuleType:
    """The standard library's SQLite, unless it is one that the job engine cannot use.

    From Python 3.12 on `dbos` needs SQLite 3.42 for its migrations; Debian 12 has 3.40.
    """
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
        import pysqlite3  # type: ignore[import-not-found, unused-ignore]

        module: ModuleType = pysqlite3
        return module
    return sqlite3
