"""Transactions on the one database, and group commit for SQLite.

SQLite has one writer at a time, and a disk takes milliseconds to say that a commit is safe. So one thread makes all of
this process's writes: what waits for it is written in one transaction and made safe by one flush. Each unit of work
keeps its own transactions all-or-nothing, by savepoints where others came before, and nobody is told what came of it
before the common commit.

Postgres has many writers and groups their commits itself: there each transaction is its own, in a pool of threads.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa

from reelwright.errors import DatabaseLost
from reelwright.store.database import store_error, store_errors

P = ParamSpec("P")
T = TypeVar("T")

MOST_TOGETHER = 128
"""Units of work in one commit."""
POSTGRES_THREADS = 4


class Transactions:
    """Where rows are read and written. Within `together` (one thread) all transactions are parts of one.

    All methods raise `DatabaseBusy`, `DatabaseFull` and `DatabaseLost`.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        self._here = threading.local()

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction: committed at the end, undone by an exception."""
        common: _Common | None = getattr(self._here, "common", None)
        with store_errors(), common.part() if common else self.engine.begin() as connection:
            yield connection

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """For reading. It sees what the common transaction of this thread has written."""
        common: _Common | None = getattr(self._here, "common", None)
        with store_errors(), nullcontext(common.connection) if common else self.engine.connect() as connection:
            yield connection

    @contextmanager
    def together(self) -> Iterator[_Common]:
        """One commit at the end for all transactions of this thread until then."""
        with store_errors(), self.engine.connect() as connection:
            self._here.common = common = _Common(connection)
            try:
                yield common
                if common.lost is not None:
                    raise common.lost
                connection.commit()
            except BaseException:
                # If COMMIT fails, SQLite keeps the transaction open, but SQLAlchemy takes it for closed.
                common.driver.rollback()
                raise
            finally:
                self._here.common = None


class _Common:
    """The transaction that several units of work share (SQLite)."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.refused: sa.exc.OperationalError | None = None
        """Why the database did not let it begin: whoever comes later is not kept waiting once more."""
        self.lost: BaseException | None = None
        """What made SQLite undo the whole of it (a full disk, for one): all parts are gone."""
        self._begun = False
        self._parts = 0
        """Parts that are kept or under way: the next one needs a savepoint, so that it can be undone alone."""

    @property
    def driver(self) -> Any:
        """The connection as the driver knows it."""
        return self.connection.connection.driver_connection

    @contextmanager
    def part(self) -> Iterator[sa.Connection]:
        if self.lost is not None:
            # SQLite has undone everything: a SAVEPOINT outside a transaction would silently begin a new one.
            raise self.lost
        self._begin()
        # Asked of the driver itself: a savepoint by SQLAlchemy costs as much as the statement that it protects.
        driver, alone = self.driver, self._parts == 0
        if not alone:
            driver.execute("SAVEPOINT part")
        self._parts += 1
        try:
            yield self.connection
        except BaseException as error:
            self._parts -= 1
            self._undo(error, alone)
            raise
        if not alone:
            driver.execute("RELEASE part")

    def _undo(self, error: BaseException, alone: bool) -> None:
        driver = self.driver
        if alone:
            driver.rollback()
            self._begun = False
        elif driver.in_transaction:
            driver.execute("ROLLBACK TO part")
            driver.execute("RELEASE part")
        else:
            self.lost = error

    def _begin(self) -> None:
        if self._begun:
            return
        if self.refused is not None:
            raise self.refused
        try:
            self.connection.exec_driver_sql("BEGIN IMMEDIATE")
        except sa.exc.OperationalError as error:
            self.refused = error
            raise
        self._begun = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    work: Callable[[], Any]
    future: Future[Any]


class GroupCommit(Executor):
    """Runs units of work in one thread; those that wait meanwhile are committed together.

    A future has its result when its work is safe on the disk. When the commit fails, so do all units that were part of
    it: none of them has happened.
    """

    def __init__(self, transactions: Transactions, on_lost_disk: Callable[[], None]) -> None:
        """`on_lost_disk` is called, in the writing thread, when the disk refuses to make a commit safe.

        What it holds is then not known, and a second fsync would tell success for pages that the kernel has dropped
        (https://lwn.net/Articles/752063/): the process must not go on.
        """
        self._transactions = transactions
        self._on_lost_disk = on_lost_disk
        self._waiting: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        with self._starting:
            if self._closed:
                raise RuntimeError("cannot schedule new work after shutdown")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="database", daemon=True)
                self._thread.start()
            self._waiting.put(_Unit(work=lambda: fn(*args, **kwargs), future=future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._starting:
            self._closed = True
            thread = self._thread
        if cancel_futures:
            for unit in self._take(None):
                unit.future.cancel()
        self._waiting.put(None)
        if wait and thread is not None:
            thread.join()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            self._commit(self._take(first))

    def _take(self, first: _Unit | None) -> list[_Unit]:
        """What waits, at most as many as go together."""
        units = [first] if first else []
        while len(units) < MOST_TOGETHER:
            try:
                unit = self._waiting.get_nowait()
            except queue.Empty:
                break
            if unit is None:
                self._waiting.put(None)  # the end: after what came before it
                break
            units.append(unit)
        return units

    def _commit(self, units: list[_Unit]) -> None:
        units = [unit for unit in units if unit.future.set_running_or_notify_cancel()]
        tell: list[Callable[[], None]] = []
        refused: BaseException | None = None
        try:
            with self._transactions.together() as common:
                for unit in units:
                    try:
                        tell.append(partial(unit.future.set_result, unit.work()))
                    except BaseException as error:  # noqa: BLE001 - the edge of the thread: it belongs to who waits
                        tell.append(partial(unit.future.set_exception, error))
                refused = common.refused and store_error(common.refused)
        except BaseException as error:  # noqa: BLE001 - the commit failed, and with it all of them
            if isinstance(error, DatabaseLost):
                self._on_lost_disk()
            tell = [partial(unit.future.set_exception, error) for unit in units]
        for one in tell:
            one()
        while refused is not None and (late := self._take(None)):
            # They came while the first one waited for the lock: they have waited long enough.
            for unit in late:
                if unit.future.set_running_or_notify_cancel():
                    unit.future.set_exception(refused)


def writing_threads(transactions: Transactions, on_lost_disk: Callable[[], None]) -> Executor:
    """What runs units of work on this database."""
    return (
        GroupCommit(transactions, on_lost_disk)
        if transactions.sqlite
        else ThreadPoolExecutor(POSTGRES_THREADS, "database")
    )
