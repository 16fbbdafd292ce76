"""Group commit on a real SQLite: together in one commit, each unit of work for itself, and nobody told too early."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.errors import DatabaseBusy, DatabaseFull, DatabaseLost
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
        assert self._entered.wait(60)

    def _wait(self) -> None:
        self._entered.set()
        assert self._open.wait(60)

    def open(self) -> None:
        self._open.set()
        self._future.result(10)


def driver_error(code: int) -> sa.exc.OperationalError:
    """What SQLAlchemy makes of an error of SQLite."""
    error = sqlite3.OperationalError("as SQLite words it")
    error.sqlite_errorcode = code
    return sa.exc.OperationalError("statement", {}, error)


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


def insert_pair(transactions: Transactions, number: int, *, fails: bool = False) -> int:
    """Two rows in one transaction; a failing one fails when both are written."""
    with transactions.begin() as connection:
        for row in (number, number + 1):
            connection.execute(sa.text("INSERT INTO t VALUES (:x)"), {"x": row})
        if fails:
            raise KeyError(f"half-way through {number}")
    return number


def seen_by_another(tmp_path: Path) -> list[int]:
    """The rows as another process sees them."""
    with closing(sqlite3.connect(tmp_path / "reelwright.db")) as other:
        return [x for (x,) in other.execute("SELECT x FROM t ORDER BY x")]


def write_from_another(tmp_path: Path, number: int) -> None:
    """Another process writes at once, or raises: it does not wait for a lock."""
    with closing(sqlite3.connect(tmp_path / "reelwright.db", timeout=0, isolation_level=None)) as other:
        other.execute("INSERT INTO t VALUES (?)", [number])


def listen(transactions: Transactions) -> list[str]:
    """What SQLite is told from now on to begin, divide and end transactions, as it runs it."""
    told: list[str] = []

    def note(statement: str) -> None:
        if statement.split()[0] in ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT"):
            told.append(statement.strip())

    def attend(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        connection.set_trace_callback(note)

    sa.event.listen(transactions.engine, "checkout", attend)
    return told


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


@pytest.mark.parametrize("ends", ["bad good", "good bad", "good bad good", "bad bad good good", "bad good bad good"])
def test_a_transaction_is_kept_whole_or_not_at_all(
    tmp_path: Path, transactions: Transactions, threads: GroupCommit, ends: str
) -> None:
    door, commits = Door(threads), count_commits(transactions)
    units = [(number * 10, end == "bad") for number, end in enumerate(ends.split())]
    futures = [threads.submit(insert_pair, transactions, number, fails=fails) for number, fails in units]
    door.open()
    for (number, fails), future in zip(units, futures, strict=True):
        if fails:
            with pytest.raises(KeyError, match=f"half-way through {number}"):
                future.result(10)
        else:
            assert future.result(10) == number
    assert commits() == 1
    kept = [row for number, fails in units if not fails for row in (number, number + 1)]
    assert seen_by_another(tmp_path) == kept


def test_when_all_units_fail_nothing_is_left_and_the_next_commit_begins_anew(
    tmp_path: Path, transactions: Transactions, threads: GroupCommit
) -> None:
    door = Door(threads)
    futures = [threads.submit(insert_pair, transactions, number, fails=True) for number in (10, 20)]
    door.open()
    for future in futures:
        with pytest.raises(KeyError):
            future.result(10)
    write_from_another(tmp_path, 1)
    # From this thread, too, which is not the writing one.
    assert insert(transactions, 2) == 2
    assert threads.submit(insert_pair, transactions, 10).result(10) == 10
    assert seen_by_another(tmp_path) == [1, 2, 10, 11]


def test_only_what_comes_after_a_kept_unit_needs_a_savepoint(transactions: Transactions, threads: GroupCommit) -> None:
    door, told = Door(threads), listen(transactions)
    futures = [
        threads.submit(insert_pair, transactions, 10, fails=True),
        threads.submit(insert_pair, transactions, 20),
        threads.submit(insert_pair, transactions, 30, fails=True),
        threads.submit(insert_pair, transactions, 40),
    ]
    door.open()
    assert [future.exception(10) is None for future in futures] == [False, True, False, True]
    assert told == [
        *("BEGIN IMMEDIATE", "ROLLBACK"),
        "BEGIN IMMEDIATE",
        *("SAVEPOINT part", "ROLLBACK TO part", "RELEASE part"),
        *("SAVEPOINT part", "RELEASE part"),
        "COMMIT",
    ]


def test_a_failed_first_unit_keeps_no_lock_while_the_next_ones_run(
    tmp_path: Path, transactions: Transactions, threads: GroupCommit
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def look_on() -> list[int]:
        reached.set()
        assert go_on.wait(60)
        return rows(transactions)

    door = Door(threads)
    failing = threads.submit(insert_pair, transactions, 10, fails=True)
    looking = threads.submit(look_on)
    writing = threads.submit(insert, transactions, 20)
    door.open()
    assert reached.wait(60)
    write_from_another(tmp_path, 1)
    go_on.set()
    assert looking.result(10) == [1]  # nothing of the failed unit, and no snapshot from before it
    assert writing.result(10) == 20
    assert isinstance(failing.exception(10), KeyError)
    assert seen_by_another(tmp_path) == [1, 20]


def test_a_unit_that_only_reads_begins_no_transaction(
    tmp_path: Path, transactions: Transactions, threads: GroupCommit
) -> None:
    read, go_on = threading.Event(), threading.Event()

    def read_twice() -> tuple[list[int], list[int]]:
        before = rows(transactions)
        read.set()
        assert go_on.wait(60)
        return before, rows(transactions)

    told = listen(transactions)
    future = threads.submit(read_twice)
    assert read.wait(60)
    write_from_another(tmp_path, 1)
    go_on.set()
    assert future.result(10) == ([], [1])
    assert told == []


def test_a_unit_that_reads_and_fails_undoes_nothing_of_the_others(
    tmp_path: Path, transactions: Transactions, threads: GroupCommit
) -> None:
    def read_and_fail() -> None:
        raise KeyError(str(rows(transactions)))

    door = Door(threads)
    futures: list[Future[object]] = [
        threads.submit(insert_pair, transactions, 10),
        threads.submit(read_and_fail),
        threads.submit(insert_pair, transactions, 20),
    ]
    door.open()
    with pytest.raises(KeyError, match=r"\[10, 11\]"):  # it has seen the unit before it
        futures[1].result(10)
    assert (futures[0].result(10), futures[2].result(10)) == (10, 20)
    assert seen_by_another(tmp_path) == [10, 11, 20, 21]


def test_outside_of_a_unit_each_transaction_is_one_of_its_own(tmp_path: Path, transactions: Transactions) -> None:
    with transactions.together():
        with pytest.raises(KeyError):
            insert_pair(transactions, 10, fails=True)
        insert(transactions, 20)
        assert seen_by_another(tmp_path) == []
    assert seen_by_another(tmp_path) == [20]


@pytest.mark.parametrize("before", [[], [1]])
def test_who_catches_the_error_of_a_transaction_keeps_all_but_that_one(
    tmp_path: Path, transactions: Transactions, threads: GroupCommit, before: list[int]
) -> None:
    def careless() -> int:
        with suppress(KeyError):
            insert_pair(transactions, 10, fails=True)
        insert(transactions, 20)
        with suppress(KeyError):
            insert_pair(transactions, 30, fails=True)
        return 20

    door = Door(threads)
    earlier = [threads.submit(insert, transactions, number) for number in before]
    careless_one = threads.submit(careless)
    door.open()
    assert [future.result(10) for future in earlier] == before
    assert careless_one.result(10) == 20
    assert seen_by_another(tmp_path) == [*before, 20]


def test_a_transaction_within_another_is_undone_alone(
    tmp_path: Path, transactions: Transactions, threads: GroupCommit
) -> None:
    def nested() -> None:
        with transactions.begin() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            with suppress(KeyError):
                insert_pair(transactions, 10, fails=True)
            connection.execute(sa.text("INSERT INTO t VALUES (2)"))

    threads.submit(nested).result(10)
    assert seen_by_another(tmp_path) == [1, 2]


@pytest.mark.parametrize("own_first", [False, True])
def test_what_sqlite_undoes_is_told_though_somebody_caught_the_error(
    tmp_path: Path, transactions: Transactions, threads: GroupCommit, own_first: bool
) -> None:
    def careless() -> str:
        if own_first:
            insert(transactions, 50)
        with suppress(DatabaseFull), transactions.begin() as connection:
            connection.exec_driver_sql("ROLLBACK")  # as SQLite does by itself when the disk is full
            raise driver_error(sqlite3.SQLITE_FULL)
        return "well"

    door = Door(threads)
    futures: list[Future[object]] = [] if own_first else [threads.submit(insert, transactions, 0)]
    futures += [threads.submit(careless), threads.submit(insert, transactions, 2)]
    door.open()
    for future in futures:
        with pytest.raises(DatabaseFull):
            future.result(10)
    assert seen_by_another(tmp_path) == []
    assert threads.submit(insert, transactions, 3).result(10) == 3


def test_a_unit_reads_what_it_wrote_and_others_do_not_before_the_commit(
    transactions: Transactions, threads: GroupCommit
) -> None:
    written, seen = threading.Event(), threading.Event()

    def write_and_read() -> list[int]:
        insert(transactions, 7)
        found = rows(transactions)
        written.set()
        assert seen.wait(60)
        return found

    future = threads.submit(write_and_read)
    assert written.wait(60)
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
            raise driver_error(sqlite3.SQLITE_IOERR_FSYNC)

    door = Door(threads)
    futures = [threads.submit(insert, transactions, number) for number in (1, 2)]
    door.open()
    for future in futures:
        with pytest.raises(DatabaseLost):
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
            raise driver_error(sqlite3.SQLITE_FULL)

    door = Door(threads)
    futures: list[Future[object]] = [
        threads.submit(insert, transactions, 1),
        threads.submit(undone),
        threads.submit(insert, transactions, 2),
        threads.submit(insert, transactions, 3),
    ]
    door.open()
    for future in futures:
        with pytest.raises(DatabaseFull):
            future.result(10)
    assert rows(transactions) == []
    assert threads.submit(insert, transactions, 4).result(10) == 4


def test_without_a_connection_all_are_told(transactions: Transactions, threads: GroupCommit) -> None:
    door = Door(threads)
    futures = [threads.submit(insert, transactions, number) for number in (1, 2)]

    @sa.event.listens_for(transactions.engine, "checkout")
    def _fail(_connection: object, _record: object, _proxy: object) -> None:
        raise driver_error(sqlite3.SQLITE_CANTOPEN)

    door.open()
    for future in futures:
        with pytest.raises(DatabaseBusy):
            future.result(10)
    sa.event.remove(transactions.engine, "checkout", _fail)
    assert threads.submit(insert, transactions, 3).result(10) == 3


def test_who_waits_behind_a_locked_database_is_refused_with_the_first(
    tmp_path: Path, transactions: Transactions, threads: GroupCommit
) -> None:
    waited: list[object] = []

    def hurry(connection: sqlite3.Connection, *_: object) -> None:
        waited.append(connection.execute("PRAGMA busy_timeout=300"))

    sa.event.listen(transactions.engine, "checkout", hurry)
    with closing(sqlite3.connect(tmp_path / "reelwright.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        futures = [threads.submit(insert, transactions, number) for number in range(20)]
        for future in futures:
            with pytest.raises(DatabaseBusy):
                future.result(10)
        assert len(waited) < 10  # not one after the other
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
