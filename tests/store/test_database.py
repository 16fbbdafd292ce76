"""What SQLite is really told, and what happens when somebody else holds the database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from reelwright.errors import DatabaseBusy, DatabaseFull, DatabaseLost
from reelwright.store.database import open_database, store_error, store_errors, tables
from reelwright.store.migrations import migrate
from reelwright.store.records import Records
from reelwright.store.transactions import Transactions


def test_the_pragmas_are_in_force_on_every_connection(tmp_path: Path) -> None:
    database = open_database(None, tmp_path)
    with database.connect() as first, database.connect() as second:
        for connection in (first, second):
            told = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
            assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 4_000}
    database.dispose()


@pytest.mark.parametrize(
    "name", ["plain", "with space", "quest?ion", "hash#tag", "per%20cent", "日本", "a&b=c", "semi;colon"]
)
def test_a_data_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    database = open_database(None, folder)
    migrate(database, tables)
    assert (folder / "reelwright.db").exists()
    database.dispose()


def test_a_commit_survives_the_connection(tmp_path: Path) -> None:
    database = open_database(None, tmp_path)
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    with closing(sqlite3.connect(tmp_path / "reelwright.db")) as other:
        assert other.execute("SELECT x FROM t").fetchall() == [(1,)]
    database.dispose()


def test_a_writer_waits_for_a_short_lock_and_fails_on_a_long_one(tmp_path: Path) -> None:
    database = open_database(None, tmp_path)
    records = Records(Transactions(database))
    migrate(database, tables)
    records.check_writable()
    with closing(sqlite3.connect(tmp_path / "reelwright.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with database.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=50")  # stays on the pooled connection
        assert records.get("video_00000000000000000000000000") is None  # reads go on
        with pytest.raises(DatabaseBusy):
            records.check_writable()
        holder.execute("ROLLBACK")
    records.check_writable()
    database.dispose()


def test_what_a_driver_raises_is_told_by_its_code(tmp_path: Path) -> None:
    sqlite = {
        sqlite3.SQLITE_BUSY: DatabaseBusy,
        sqlite3.SQLITE_BUSY_SNAPSHOT: DatabaseBusy,
        sqlite3.SQLITE_FULL: DatabaseFull,
        sqlite3.SQLITE_IOERR_WRITE: DatabaseLost,
        sqlite3.SQLITE_CORRUPT: DatabaseLost,
        sqlite3.SQLITE_READONLY: DatabaseLost,
    }
    for code, kind in sqlite.items():
        error = sqlite3.OperationalError("in any language")
        error.sqlite_errorcode = code
        assert type(store_error(error)) is kind
        assert type(store_error(sa.exc.OperationalError("", {}, error))) is kind
    postgres = {
        psycopg.errors.DiskFull: DatabaseFull,
        psycopg.errors.AdminShutdown: DatabaseBusy,
        psycopg.errors.QueryCanceled: DatabaseBusy,
        psycopg.errors.TooManyConnections: DatabaseBusy,
        psycopg.errors.DeadlockDetected: DatabaseBusy,
        psycopg.errors.DataCorrupted: DatabaseLost,
        psycopg.OperationalError: DatabaseBusy,  # the connection was closed
    }
    for raised, kind in postgres.items():
        assert type(store_error(raised("x"))) is kind
        assert type(store_error(sa.exc.OperationalError("", {}, raised("x")))) is kind
    assert store_error(sa.exc.IntegrityError("", {}, psycopg.errors.UniqueViolation("x"))) is None
    assert store_error(KeyError()) is None
    (tmp_path / "reelwright.db").write_bytes(b"no database at all, though its name says so" * 30)
    with pytest.raises(DatabaseLost), store_errors(), open_database(None, tmp_path).connect():
        pass


def test_a_postgres_url_is_taken_as_people_write_it(tmp_path: Path) -> None:
    for url in ("postgres://u:s3cret@db/x", "postgresql://u:s3cret@db/x", "postgresql+psycopg://u:s3cret@db/x"):
        database = open_database(url, tmp_path)
        assert database.url.drivername == "postgresql+psycopg"
        assert "s3cret" not in repr(database)
