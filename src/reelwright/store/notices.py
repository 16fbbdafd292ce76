"""The connection that hears what other processes tell through Postgres (LISTEN and NOTIFY).

A notice is part of the commit that it tells of. Nothing depends on one: who misses it finds the rows a little later.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import psycopg
import structlog

_PROBE = "reelwright_probe"

RECONNECT_S = 0.3
PROBE_S = 2.0
"""How long a process waits for its own test notice, in seconds, before it assumes that none arrive."""

OnNotice = Callable[[str, str], None]
OnState = Callable[[bool], None]


class Notices:
    """Receives notices on a connection of its own, which also holds an advisory lock: Postgres releases it when the
    process dies, and so shows its death."""

    def __init__(self, url: str, session: int, channels: Sequence[str]) -> None:
        """`url`: the address of Postgres itself, without a pooler in between. `session`: the number of the lock."""
        self._url = url
        self._session = session
        self._channels = channels
        self._told_deaf = False
        self._log = structlog.get_logger("reelwright.fleet")

    async def listen(self, on_notice: OnNotice, on_state: OnState) -> None:
        """Receive notices until the task is cancelled, connecting anew when the connection is lost.

        Calls `on_notice(channel, text)` for each notice, `on_state(True)` when notices arrive and the lock is held from
        now on, and `on_state(False)` when they do not: there is a pooler in between, or no connection.
        """
        while True:
            try:
                async with self._connection() as connection:
                    for channel in (*self._channels, _PROBE):
                        await connection.execute(f"LISTEN {channel}")
                    if await self._heard(connection, on_notice):
                        await connection.execute("SELECT pg_try_advisory_lock(%s::bigint)", (self._session,))
                        on_state(True)
                        async for notice in connection.notifies():
                            on_notice(notice.channel, notice.payload)
                    else:
                        self._tell_deaf()
                        on_state(False)
                        await asyncio.sleep(60)  # the pooler may be gone then
            except psycopg.Error as error:
                self._log.debug("not listening", reason=str(error).partition("\n")[0])
            on_state(False)
            await asyncio.sleep(RECONNECT_S)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=5,
            application_name="reelwright",
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=10_000,
        )
        try:
            yield connection
        finally:
            with contextlib.suppress(psycopg.Error):
                await connection.close()

    async def _heard(self, connection: psycopg.AsyncConnection, on_notice: OnNotice) -> bool:
        """Whether a notice arrives: PgBouncer in transaction mode says OK to LISTEN, and none ever does.

        It comes from another connection. One's own is heard even there, together with the answer to the statement.
        """
        nonce = secrets.token_hex(8)
        async with self._connection() as sender:
            await sender.execute("SELECT pg_notify(%s, %s)", (_PROBE, nonce))
        async for notice in connection.notifies(timeout=PROBE_S):
            if notice.payload == nonce:
                return True
            on_notice(notice.channel, notice.payload)
        return False

    def _tell_deaf(self) -> None:
        if not self._told_deaf:
            self._told_deaf = True
            self._log.warning(
                "notices of Postgres do not arrive, so this process looks once a second (a pooler in transaction mode? "
                "DATABASE_LISTEN_URL names Postgres itself)"
            )
