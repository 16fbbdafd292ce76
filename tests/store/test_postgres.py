"""Connections to a real Postgres: their limits, and a network that dies under them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
import sqlalchemy as sa

from reelwright.errors import DatabaseBusy
from reelwright.store.database import open_database, store_errors, tables
from reelwright.store.migrations import migrate
from reelwright.store.transactions import Transactions
from tests.jobs.test_durability import ended, submit
from tests.postgres_proxy import PostgresProxy
from tests.servers import ServerProcess, eventually

ANSWERED_S = 15.0


@pytest.fixture
def database(postgres: str, tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_database(postgres, tmp_path)
    yield opened
    opened.dispose()


def test_each_connection_has_its_limits_and_its_name(database: sa.Engine) -> None:
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "application_name")
    with database.connect() as first, database.connect() as second:
        for connection in (first, second):
            connection.rollback()  # as the pool does between two uses
            told = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
            assert told == ["4s", "8s", "10s", "reelwright"]
            for _ in range(10):
                connection.exec_driver_sql("SELECT %(n)s", {"n": 1})
            assert connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar() == 0


def test_what_the_address_says_counts(postgres: str, tmp_path: Path) -> None:
    opened = open_database(f"{postgres}&application_name=mine", tmp_path)
    with opened.connect() as connection:
        assert connection.exec_driver_sql("SHOW application_name").scalar() == "mine"
    opened.dispose()


def test_a_statement_that_takes_too_long_ends_as_busy(database: sa.Engine) -> None:
    with pytest.raises(DatabaseBusy), Transactions(database).begin() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(3600)")


def test_a_step_of_migrating_may_take_longer(database: sa.Engine, postgres: str) -> None:
    """Another process is at one, which takes longer than any statement else may."""
    with psycopg.connect(postgres) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [0x7265656D])
        waiting = threading.Thread(target=migrate, args=(database, tables))
        waiting.start()
        waiting.join(10)
        assert waiting.is_alive()
    waiting.join(20)
    assert not waiting.is_alive()
    assert sa.inspect(database).has_table("videos")


def test_a_dead_network_is_told_as_busy(postgres: str, tmp_path: Path) -> None:
    with PostgresProxy(postgres) as proxy:
        database = open_database(proxy.url, tmp_path)

        def ask() -> None:
            with Transactions(database).begin() as connection:
                connection.exec_driver_sql("SELECT 1")

        ask()
        with database.connect() as in_use, proxy.silent():
            # One in use; then what the pool has, and a new one.
            for statement in (lambda: in_use.exec_driver_sql("SELECT 1"), ask):
                with pytest.raises(DatabaseBusy), store_errors():
                    statement()
        ask()
        database.dispose()


def test_a_server_answers_while_the_network_is_dead_and_goes_on_afterwards(postgres: str, tmp_path: Path) -> None:
    with PostgresProxy(postgres) as proxy, ServerProcess(tmp_path / "data", DATABASE_URL=proxy.url) as server:
        before = submit(server, "slow 1")
        with proxy.silent():  # and it ends meanwhile
            answer = httpx2.get(f"{server.url}/v1/videos", timeout=ANSWERED_S)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        eventually(lambda: httpx2.get(f"{server.url}/v1/videos", timeout=30).status_code == 200, 40)
        assert [ended(server, one)["status"] for one in (before, submit(server, "paint"))] == ["completed"] * 2
