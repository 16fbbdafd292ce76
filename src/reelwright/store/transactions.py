"""Transactions on the database, and group commit for SQLite.

SQLite has one writer at a time, and an fsync takes milliseconds. So one thread makes all writes of this process: it
takes all calls that wait, writes them in one common transaction, and commits with one fsync. Each transaction of a call
is still all-or-nothing, by a savepoint where others came before it. A caller gets its result after the common commit.

Postgres has many writers and groups their commits itself: there each transaction is committed by itself, in a pool of
threads.
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
from reelwright.store.prepared import Prepared

P = ParamSpec("P")
T = TypeVar("T")

MOST_TOGETHER = 128
"""The most calls in one common commit."""
POSTGRES_THREADS = 4


class Transactions:
    """Opens transactions. Within `together` all transactions of the thread are parts of one.

    All methods raise `DatabaseBusy`, `DatabaseFull` and `DatabaseLost`.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        # A statement of Postgres is a transaction by itself: BEGIN and COMMIT would be two more ways there and back.
        self._unwrapped = engine if self.sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._here = threading.local()
        self._prepared: dict[str, Prepared] = {}

    def prepared(self, text: str) -> Prepared:
        """A statement as text, with `:names` for its parameters; compiled when it is first asked for."""
        if (known := self._prepared.get(text)) is None:
            known = self._prepared[text] = Prepared(sa.text(text), self.engine.dialect)
        return known

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction for writing: committed at the end of the block, rolled back by an exception."""
        common: _Common | None = getattr(self._here, "common", None)
        with store_errors(), common.part() if common else self.engine.begin() as connection:
            yield connection

    @contextmanager
    def statement(self) -> Iterator[sa.Connection]:
        """A connection for one statement that changes something. On Postgres it is committed when it is answered: what
        the block raises later undoes nothing."""
        with self.begin() if self.sqlite else self.connect() as connection:
            yield connection

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A connection for reading. It sees what the common transaction of this thread has written."""
        common: _Common | None = getattr(self._here, "common", None)
        with store_errors(), nullcontext(common.connection) if common else self._unwrapped.connect() as connection:
            yield connection

    @contextmanager
    def together(self) -> Iterator[_Common]:
        """Within the block all transactions of this thread are parts of a common one, which is committed at its end."""
        with store_errors(), self.engine.connect() as connection:
            self._here.common = common = _Common(connection)
            try:
                yield common
                if common.aborted_by is not None:
                    raise common.aborted_by
                connection.commit()
            except BaseException:
                # If COMMIT fails, SQLite keeps the transaction open but SQLAlchemy thinks it is closed: so roll back on
                # the driver itself.
                common.driver.rollback()
                raise
            finally:
                self._here.common = None


class _Common:
    """The common transaction of several calls (SQLite). A `part` is one transaction of a call."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.begin_error: sa.exc.OperationalError | None = None
        """The error with which BEGIN failed. Later parts fail with it at once: each try waits `BUSY_TIMEOUT_MS`."""
        self.aborted_by: BaseException | None = None
        """The error at which SQLite rolled back the whole transaction, such as a full disk: all parts have failed."""
        self._begun = False
        self._parts = 0
        """How many parts have been written or are under way. If any, the next part needs a savepoint of its own."""

    @property
    def driver(self) -> Any:
        """The sqlite3 connection."""
        return self.connection.connection.driver_connection

    @contextmanager
    def part(self) -> Iterator[sa.Connection]:
        if self.aborted_by is not None:
            # SQLite has rolled everything back; a SAVEPOINT outside a transaction would silently begin a new one.
            raise self.aborted_by
        self._begin()
        # On the driver: a savepoint by SQLAlchemy takes as long as the statement that it protects.
        driver, first = self.driver, self._parts == 0
        if not first:
            driver.execute("SAVEPOINT part")
        self._parts += 1
        try:
            yield self.connection
        except BaseException as error:
            self._parts -= 1
            self._roll_back_part(error, first)
            raise
        if not first:
            driver.execute("RELEASE part")

    def _roll_back_part(self, error: BaseException, first: bool) -> None:
        driver = self.driver
        if first:
            driver.rollback()
            self._begun = False
        elif driver.in_transaction:
            driver.execute("ROLLBACK TO part")
            driver.execute("RELEASE part")
        else:
            self.aborted_by = error

    def _begin(self) -> None:
        if self._begun:
            return
        if self.begin_error is not None:
            raise self.begin_error
        try:
            self.connection.exec_driver_sql("BEGIN IMMEDIATE")
        except sa.exc.OperationalError as error:
            self.begin_error = error
            raise
        self._begun = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    work: Callable[[], Any]
    future: Future[Any]


class GroupCommit(Executor):
    """An executor with one thread. The calls that wait are run in one common transaction.

    A future gets its result when the commit is safe on the disk. If the commit fails, so do all calls in it: none of
    them has changed anything.
    """

    def __init__(self, transactions: Transactions, on_lost_disk: Callable[[], None]) -> None:
        """`on_lost_disk` is called, in the writing thread, when an fsync of the database fails. It has to end the
        process.

        After a failed fsync nobody knows what is on the disk, and a second fsync would succeed although the kernel has
        dropped the pages (https://lwn.net/Articles/752063/).
        """
        self._transactions = transactions
        self._on_lost_disk = on_lost_disk
        self._waiting: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
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
            self._waiting.put(_Call(work=lambda: fn(*args, **kwargs), future=future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._starting:
            self._closed = True
            thread = self._thread
        if cancel_futures:
            for call in self._take(None):
                call.future.cancel()
        self._waiting.put(None)
        if wait and thread is not None:
            thread.join()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            self._commit(self._take(first))

    def _take(self, first: _Call | None) -> list[_Call]:
        """The calls that wait, at most `MOST_TOGETHER`; `first` was taken already."""
        calls = [first] if first else []
        while len(calls) < MOST_TOGETHER:
            try:
                call = self._waiting.get_nowait()
            except queue.Empty:
                break
            if call is None:
                self._waiting.put(None)  # shut down: the mark goes behind the calls that were taken
                break
            calls.append(call)
        return calls

    def _commit(self, calls: list[_Call]) -> None:
        calls = [call for call in calls if call.future.set_running_or_notify_cancel()]
        tell: list[Callable[[], None]] = []
        refused: BaseException | None = None
        try:
            with self._transactions.together() as common:
                for call in calls:
                    try:
                        tell.append(partial(call.future.set_result, call.work()))
                    except BaseException as error:  # noqa: BLE001 - the edge of the thread: it belongs to who waits
                        tell.append(partial(call.future.set_exception, error))
                refused = common.begin_error and store_error(common.begin_error)
        except BaseException as error:  # noqa: BLE001 - the commit failed, and with it all of them
            if isinstance(error, DatabaseLost):
                self._on_lost_disk()
            tell = [partial(call.future.set_exception, error) for call in calls]
        for one in tell:
            one()
        while refused is not None and (late := self._take(None)):
            # They came while the first call waited for the lock, so they have waited as long: they fail, too.
            for call in late:
                if call.future.set_running_or_notify_cancel():
                    call.future.set_exception(refused)


def writing_threads(transactions: Transactions, on_lost_disk: Callable[[], None]) -> Executor:
    """The executor for calls that write to this database."""
    return (
        GroupCommit(transactions, on_lost_disk)
        if transactions.sqlite
        else ThreadPoolExecutor(POSTGRES_THREADS, "database")
    )
