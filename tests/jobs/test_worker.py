"""Slots: as many as there is room for, spread over the processes, and a free one is told."""

from __future__ import annotations

from reelwright.engines.child import Spec
from reelwright.jobs.worker import Pool, Worker


def worker(told: list[str], *, children: int, slots: int) -> Worker:
    pool = Pool(Spec(engine="toy"), children=children, slots=slots, environment={}, on_log=print)
    made = Worker({"toy": pool})
    made.watch(told.append, lambda engine: False)
    return made


async def test_there_are_as_many_slots_as_there_is_room_for() -> None:
    told: list[str] = []
    toy = worker(told, children=2, slots=2)
    taken = [toy.take("toy") for _ in range(4)]
    assert all(taken)
    assert toy.take("toy") is None
    assert told == []
    for slot in taken:
        assert slot
        with slot:
            pass
    assert told == ["toy"] * 4
    assert all(toy.take("toy") for _ in range(4))


async def test_a_slot_is_given_back_when_its_job_breaks() -> None:
    told: list[str] = []
    toy = worker(told, children=1, slots=1)
    slot = toy.take("toy")
    assert slot
    try:
        with slot:
            raise KeyError("broken")
    except KeyError:
        assert told == ["toy"]
    assert toy.take("toy")
