"""Where blocking work runs: three pools of threads, so that a long encode never holds up a commit."""

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
    """`database`: changes of the database. `beside`: reads and small file work. `media`: encodes and large files.

    The three verbs return what the function returns, or raise what it raises. Those that touch the database raise
    `DatabaseBusy`, `DatabaseFull` and `DatabaseLost`.
    """

    database: Executor
    beside: Executor
    media: Executor

    async def write(self, function: Callable[..., T], *arguments: object) -> T:
        """Change the database."""
        return await asyncio.get_running_loop().run_in_executor(self.database, function, *arguments)

    async def insist(self, function: Callable[..., T], *arguments: object) -> T:
        """Change the database, even if it is locked, full or away for a while: no accepted job is lost to that."""
        while True:
            try:
                return await self.write(function, *arguments)
            except DatabaseBusy as error:
                _log.warning("database busy", reason=error.message)
            await asyncio.sleep(RETRY_S)

    async def read(self, function: Callable[..., T], *arguments: object) -> T:
        """Read the database, or do small work with files."""
        return await asyncio.get_running_loop().run_in_executor(self.beside, function, *arguments)

    async def process(self, function: Callable[..., T], *arguments: object) -> T:
        """Encode, decode, copy a large file."""
        return await asyncio.get_running_loop().run_in_executor(self.media, function, *arguments)

    def shutdown(self) -> None:
        """What is under way ends by itself; what waits never begins."""
        for pool in (self.database, self.beside, self.media):
            pool.shutdown(wait=False, cancel_futures=True)
