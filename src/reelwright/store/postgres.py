"""Connections to Postgres with time limits, so that no call waits for ever for a lock, a server or the network.

    another's lock               4 s   Postgres ends the statement
    a statement                  8 s   Postgres ends it
    no answer at all             9 s   this end closes the connection
    a new connection             5 s
    a dead network, unnoticed   11 s   the kernel closes the connection (keepalives)
    an open transaction in which nothing happens (its process has frozen, and may hold locks)   10 s   Postgres ends it

So a request is answered within 15 s, come what may: with the error of a busy database.
"""

from __future__ import annotations

import time
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.abc import PQGen

T = TypeVar("T")

ANSWER_S = 9.0
LIMITS = "SET lock_timeout = 4000; SET statement_timeout = 8000; SET idle_in_transaction_session_timeout = 10000"
"""Sent as a statement and not when connecting: PgBouncer refuses connections with settings that it does not know."""

CONNECTION = {
    "application_name": "reelwright",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    # Named prepared statements belong to a connection, and behind PgBouncer the next transaction may have another one.
    "prepare_threshold": None,
}
"""Defaults, which the parameters in the address override."""

CONNECTIONS = 4
"""The size of one process's pool. Each connection costs Postgres about 1.5 MB of memory."""


class Connection(psycopg.Connection[Any]):
    """A connection that is closed when no answer comes within `answer_s` seconds; None: there is no limit."""

    answer_s: float | None = ANSWER_S

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """As psycopg's own, through which all waiting goes. A call with a `timeout` waits for notices, not for an
        answer."""
        if timeout is not None or self.answer_s is None:
            return super().wait(gen, interval, timeout)
        deadline = time.monotonic() + self.answer_s
        try:
            return super().wait(gen, interval, self.answer_s)
        except psycopg.OperationalError:
            if time.monotonic() < deadline:
                raise
            self.pgconn.finish()  # a late answer would be taken for that to the next statement
            raise psycopg.OperationalError("Postgres does not answer") from None


def open_postgres(address: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        address, pool_pre_ping=True, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=10, hide_parameters=True
    )

    @sa.event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, arguments: Any, named: Any) -> Connection:
        connection = Connection.connect(*arguments, **{**CONNECTION, **named})
        connection.execute(LIMITS)
        connection.commit()
        return connection

    return engine


def wait_without_end(connection: sa.Connection) -> None:
    """Lift the time limits of this connection until its transaction ends. It does not go back to the pool."""
    driver: Any = connection.connection.driver_connection
    driver.answer_s = None
    connection.detach()
    connection.exec_driver_sql("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
