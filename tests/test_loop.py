"""A background loop: its rounds, its pauses, and that no failure ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from reelwright import loop as module
from reelwright.errors import Busy
from reelwright.loop import Loop


@asynccontextmanager
async def running(loop: Loop) -> AsyncIterator[None]:
    task = asyncio.create_task(loop.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})


class Rounds:
    """Counts rounds. `error` is raised in each of them, when it is set."""

    def __init__(self) -> None:
        self.number = 0
        self.error: Exception | None = None
        self._ended = asyncio.Condition()

    async def work(self) -> None:
        async with self._ended:
            self.number += 1
            self._ended.notify_all()
        if self.error:
            raise self.error

    async def reach(self, number: int) -> None:
        async with asyncio.timeout(20), self._ended:
            await self._ended.wait_for(lambda: self.number >= number)


@pytest.mark.parametrize(("error", "level"), [(Busy("away"), "debug"), (RuntimeError("a bug"), "error")])
async def test_a_round_that_fails_is_recorded_and_repeated(
    error: Exception, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    rounds = Rounds()
    rounds.error = error
    with capture_logs() as logs:
        async with running(Loop("sweep", rounds.work, 0.01)):
            await rounds.reach(3)
            rounds.error = None
            await rounds.reach(rounds.number + 2)
    assert {(line["loop"], line["log_level"]) for line in logs} == {("sweep", level)}


async def test_a_database_that_is_away_is_asked_again_sooner_than_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    rounds = Rounds()
    rounds.error = Busy("away")
    async with running(Loop("sweep", rounds.work, 3600)):
        await rounds.reach(3)


async def test_it_waits_until_it_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = Rounds()
    loop = Loop("claim", rounds.work, lambda: None)
    async with running(loop):
        await rounds.reach(1)
        for _ in range(50):
            await asyncio.sleep(0)
        assert rounds.number == 1
        loop.wake()
        await rounds.reach(2)


async def test_what_happens_during_a_round_begins_the_next_one() -> None:
    rounds = Rounds()

    async def work() -> None:
        if rounds.number == 0:
            loop.wake()
        await rounds.work()

    loop = Loop("claim", work, lambda: None)
    async with running(loop):
        await rounds.reach(2)


async def test_the_first_round_comes_at_once_or_after_a_pause() -> None:
    async def first(at_once: bool) -> int:
        rounds = Rounds()
        async with running(Loop("beat", rounds.work, 3600, at_once=at_once)):
            for _ in range(50):
                await asyncio.sleep(0)
            return rounds.number

    assert (await first(True), await first(False)) == (1, 0)


async def test_a_pause_is_asked_for_after_each_round() -> None:
    rounds, pauses = Rounds(), iter([0.0, 0.001, 0.0])
    work: Callable[[], Awaitable[None]] = rounds.work
    async with running(Loop("feed", work, lambda: next(pauses, 3600.0))):
        await rounds.reach(4)
        for _ in range(50):
            await asyncio.sleep(0)
    assert rounds.number == 4
