"""Group commit on a real SQLite: together in one commit, each unit of work for itself, and nobody told too early."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.store.database import open_database
from reelwright.store.transactions import GroupCommit, Transactions


@pytest.fixture
def transactions(tmp_path: Path) -> Iterator[Transactions]:
    engine = open_database(None, tmp_path)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    yield Transactions(engine)
    engine.dispose()


@pytest.fixture
def lost() -> list[None]:
    """Grows when the disk is lost."""
    return []


@pytest.fixture
def threads(transactions: Transactions, lost: list[None]) -> Iterator[GroupCommit]:
    threads = GroupCommit(transactions, lambda: lost.append(None))
    yield threads
    threads.shutdown()


class Door:
    """Holds the writing thread until everything that is to go together has been handed over."""

    def __init__(self, threads: GroupCommit) -> None:
        self._open = threading.Event()
        self._entered = threading.Event()
        self._future = threads.submit(self._wait)
        assert self._entered.wait(10)

    def _wait(self) -> None:
        self._entered.set()
        assert self._open.wait(10)

    def open(self) -> None:
        self._open.set()
        self._future.result(10)


def insert(transactions: Transactions, number: int) -> int:
    with transactions.begin() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (:x)"), {"x": number})
    return number


def rows(transactions: Transactions) -> list[int]:
    with transactions.connect() as connection:
        return list(connection.execute(sa.text("SELECT x FROM t ORDER BY x")).scalars())


def count_commits(transactions: Transactions) -> Callable[[], int]:
    commits: list[None] = []
    sa.event.listen(transactions.engine, "commit", lambda _connection: commits.append(None))
    return lambda: len(commits)


def test_what_waits_is_committed_together(transactions: Transactions, threads: GroupCommit) -> None:
    door, commits = Door(threads), count_commits(transactions)
    futures = [threads.submit(insert, transactions, number) for number in range(50)]
    door.open()
    assert [future.result(10) for future in futures] == list(range(50))
    assert commits() == 1
    assert rows(transactions) == list(range(50))


def test_a_unit_that_fails_undoes_itself_alone(transactions: Transactions, threads: GroupCommit) -> None:
    def half() -> None:
        with transactions.begin() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (100)"))
            raise KeyError("half-way")

    door = Door(threads)
    futures: list[Future[object]] = [
        threads.submit(insert, transactions, 1),
        threads.submit(half),
        threads.submit(insert, transactions, 1),  # breaks the primary key
        threads.submit(insert, transactions, 2),
    ]
    door.open()
    with pytest.raises(KeyError, match="half-way"):
        futures[1].result(10)
    with pytest.raises(sa.exc.IntegrityError):
        futures[2].result(10)
    assert (futures[0].result(10), futures[3].result(10)) == (1, 2)
    assert rows(transactions) == [1, 2]


def test_a_unit_reads_what_it_wrote_and_others_do_not_before_the_commit(
    transactions: Transactions, threads: GroupCommit
) -> None:
    written, seen = threading.Event(), threading.Event()

    def write_and_read() -> list[int]:
        insert(transactions, 7)
        found = rows(transactions)
        written.set()
        assert seen.wait(10)
        return found

    future = threads.submit(write_and_read)
    assert written.wait(10)
    assert rows(transactions) == []  # from this thread
    assert not future.done()
    seen.set()
    assert future.result(10) == [7]
    assert rows(transactions) == [7]


def test_when_the_commit_fails_none_of_them_has_happened(
    transactions: Transactions, threads: GroupCommit, lost: list[None]
) -> None:
    failing = threading.Event()
    failing.set()

    @sa.event.listens_for(transactions.engine, "commit")
    def _fail(_connection: sa.Connection) -> None:
        if failing.is_set():
            raise sa.exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

    door = Door(threads)
    futures = [threads.submit(insert, transactions, number) for number in (1, 2)]
    door.open()
    for future in futures:
        with pytest.raises(sa.exc.OperationalError, match="I/O error"):
            future.result(10)
    assert len(lost) == 1
    failing.clear()
    assert threads.submit(insert, transactions, 3).result(10) == 3
    assert rows(transactions) == [3]


def test_when_sqlite_undoes_it_in_the_middle_none_of_them_has_happened(
    transactions: Transactions, threads: GroupCommit
) -> None:
    def undone() -> None:
        # As SQLite does by itself when the disk is full or cannot be read.
        with transactions.begin() as connection:
            connection.exec_driver_sql("ROLLBACK")
            raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    door = Door(threads)
    futures: list[Future[object]] = [
        threads.submit(insert, transactions, 1),
        threads.submit(undone),
        threads.submit(insert, transactions, 2),
        threads.submit(insert, transactions, 3),
    ]
    door.open()
    for future in futures:
        with pytest.raises(sa.exc.OperationalError, match="full"):
            future.result(10)
    assert rows(transactions) == []
    assert threads.submit(insert, transactions, 4).result(10) == 4


def test_without_a_connection_all_are_told(transactions: Transactions, threads: GroupCommit) -> None:
    door = Door(threads)
    futures = [threads.submit(insert, transactions, number) for number in (1, 2)]

    @sa.event.listens_for(transactions.engine, "checkout")
    def _fail(_connection: object, _record: object, _proxy: object) -> None:
        raise sa.exc.OperationalError("connect", {}, sqlite3.OperationalError("unable to open database file"))

    door.open()
    for future in futures:
        with pytest.raises(sa.exc.OperationalError, match="unable to open"):
            future.result(10)
    sa.event.remove(transactions.engine, "checkout", _fail)
    assert threads.submit(insert, transactions, 3).result(10) == 3


def test_who_waits_behind_a_locked_database_is_refused_with_the_first(
    tmp_path: Path, transactions: Transactions, threads: GroupCommit
) -> None:
    limit_s = 0.3
    sa.event.listen(
        transactions.engine,
        "checkout",
        lambda connection, _record, _proxy: connection.execute(f"PRAGMA busy_timeout={int(limit_s * 1000)}"),
    )
    with closing(sqlite3.connect(tmp_path / "reelwright.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        futures = [threads.submit(insert, transactions, number) for number in range(20)]
        for future in futures:
            with pytest.raises(sa.exc.OperationalError, match="locked"):
                future.result(10)
        assert time.monotonic() - begun < 20 * limit_s / 2  # not one after the other
        holder.execute("ROLLBACK")
    assert threads.submit(insert, transactions, 1).result(10) == 1


def test_it_ends_with_what_was_handed_over_and_takes_no_more(transactions: Transactions) -> None:
    threads = GroupCommit(transactions, lambda: None)
    futures = [threads.submit(insert, transactions, number) for number in range(300)]
    threads.shutdown()
    assert all(future.done() for future in futures)
    assert rows(transactions) == list(range(300))
    with pytest.raises(RuntimeError):
        threads.submit(insert, transactions, 1)
