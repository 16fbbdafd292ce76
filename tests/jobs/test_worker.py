"""Slots: whoever waits gets one in turn, and a free one is told."""

from __future__ import annotations

import asyncio

import pytest

from reelwright.engines.child import Spec
from reelwright.jobs.worker import Bench, Worker


@pytest.mark.parametrize("release_first", [True, False])
async def test_a_slot_meant_for_one_who_goes_away_is_told_as_free(release_first: bool) -> None:
    bench = Bench(Spec(engine="toy"), children=1, slots=1, environment={}, on_log=print)
    told: list[str] = []
    Worker({"toy": bench}).watch(told.append)
    seat = await bench.seat()
    waiting = asyncio.create_task(bench.seat())
    await asyncio.sleep(0)  # it waits
    if release_first:
        seat.release()
        waiting.cancel()
    else:
        waiting.cancel()
        seat.release()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert bench.idle
    assert told[-1:] == ["toy"]


async def test_a_slot_that_somebody_waits_for_is_not_told() -> None:
    bench = Bench(Spec(engine="toy"), children=1, slots=1, environment={}, on_log=print)
    told: list[str] = []
    Worker({"toy": bench}).watch(told.append)
    first = await bench.seat()
    waiting = asyncio.create_task(bench.seat())
    await asyncio.sleep(0)
    first.release()
    assert told == []
    second = await waiting
    second.release()
    second.release()  # changes nothing
    assert told == ["toy"]
