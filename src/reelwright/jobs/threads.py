"""The threads for blocking work. There are three pools, so that a long encode never delays a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

import structlog

from reelwright.errors import DatabaseBusy

T = TypeVar("T")

RETRY_S = 1.0

_log = structlog.get_logger("reelwright.jobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """`database`: writes to the database. `io`: reads of the database, and small files. `media`: encoding, decoding and
    large files.

    Each method returns what the function returns and raises what it raises; functions that use the database raise
    `DatabaseBusy`, `DatabaseFull` and `DatabaseLost`.
    """

    database: Executor
    io: Executor
    media: Executor

    async def write(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function that writes to the database."""
        return await asyncio.get_running_loop().run_in_executor(self.database, function, *arguments)

    async def write_retrying(self, function: Callable[..., T], *arguments: object) -> T:
        """As `write`, but repeated each `RETRY_S` while the database is locked, full or away.

        For what must be stored however long it takes: otherwise an accepted job would be lost.
        """
        while True:
            try:
                return await self.write(function, *arguments)
            except DatabaseBusy as error:
                _log.warning("database busy", reason=error.message)
            await asyncio.sleep(RETRY_S)

    async def read(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function that reads the database, or works on small files."""
        return await asyncio.get_running_loop().run_in_executor(self.io, function, *arguments)

    async def process(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function that encodes, decodes or copies a large file."""
        return await asyncio.get_running_loop().run_in_executor(self.media, function, *arguments)

    def shutdown(self) -> None:
        """Drop the calls that wait in the pools. Calls that run end by themselves; nobody waits for them."""
        for pool in (self.database, self.io, self.media):
            pool.shutdown(wait=False, cancel_futures=True)
