"""CpuGate at short work: few threads at a time, the first come first, and nobody kept for long."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from reelwright.engines.upstream import cpu_gate as module
from reelwright.engines.upstream.cpu_gate import CpuGate, CpuSlot
from tests.servers import eventually

LONG_S = 60.0
"""Longer than any test takes: who goes on has been given a slot."""


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets it, in seconds. It is long until a test says otherwise."""

    def be(seconds: float) -> None:
        monkeypatch.setattr(module, "PATIENCE_S", seconds)

    be(LONG_S)
    return be


@pytest.fixture
def open_room(monkeypatch: pytest.MonkeyPatch, patience: Callable[[float], None]) -> Iterator[Callable[..., Room]]:
    """Makes a room with so many cores."""
    rooms: list[Room] = []

    def open_one(cores: int | None) -> Room:
        monkeypatch.setattr(os, "cpu_count", lambda: cores)
        rooms.append(Room(CpuGate()))
        return rooms[-1]

    yield open_one
    for room in rooms:
        room.clear()


@pytest.fixture
def narrow(open_room: Callable[..., Room]) -> Room:
    """One core."""
    return open_room(1)


class Worker:
    """A thread that comes for a slot, works until it is let go, and leaves."""

    def __init__(self, gate: CpuGate, at_work: list[Worker]) -> None:
        self._gate = gate
        self._at_work = at_work
        self._leave = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with self._gate.slot():
            self._at_work.append(self)
            self._leave.wait()
            self._at_work.remove(self)

    def leave(self) -> None:
        self._leave.set()

    @property
    def waits(self) -> bool:
        """For its slot, or for being let go: in either case nothing moves before somebody else does."""
        frame = sys._current_frames().get(self.thread.ident or 0)
        return frame is not None and frame.f_code is threading.Condition.wait.__code__


class Room:
    """Workers who share the slots."""

    def __init__(self, gate: CpuGate) -> None:
        self.gate = gate
        self.at_work: list[Worker] = []
        """Those whose slot it is, or who went without, in the order of their beginning."""
        self._workers: list[Worker] = []

    def comes(self) -> Worker:
        """One more, who is at work or in the line behind all others when this returns."""
        worker = Worker(self.gate, self.at_work)
        self._workers.append(worker)
        eventually(lambda: worker.waits)
        return worker

    def go(self, worker: Worker) -> None:
        worker.leave()
        worker.thread.join(10)
        assert not worker.thread.is_alive()

    def clear(self) -> None:
        """Everybody leaves."""
        for worker in self._workers:
            worker.leave()
        for worker in self._workers:
            self.go(worker)

    def places(self) -> int:
        """How many get a slot at once when nobody has one."""
        assert self.at_work == []
        for _ in range(4):
            self.comes()
        places = len(self.at_work)
        self.clear()
        return places


def test_no_more_than_there_are_cores(open_room: Callable[..., Room]) -> None:
    room = open_room(2)
    workers = [room.comes() for _ in range(5)]
    assert room.at_work == workers[:2]
    room.go(workers[1])
    eventually(lambda: len(room.at_work) == 2)
    assert workers[3].waits
    assert workers[4].waits
    assert room.at_work == [workers[0], workers[2]]


def test_an_unknown_number_of_cores_is_one(open_room: Callable[..., Room]) -> None:
    assert open_room(None).places() == 1


def test_in_the_order_of_their_coming(narrow: Room) -> None:
    workers = [narrow.comes() for _ in range(6)]
    for number, worker in enumerate(workers):
        eventually(lambda number=number: narrow.at_work == [workers[number]])
        narrow.go(worker)
    assert narrow.places() == 1


def test_a_newcomer_does_not_overtake_who_is_just_woken(narrow: Room, patience: Callable[[float], None]) -> None:
    for _ in range(20):
        with narrow.gate.slot() as slot:
            waiting = narrow.comes()
            patience(0)
            slot.end()
            assert not narrow.gate.take()
        patience(LONG_S)
        eventually(lambda waiting=waiting: narrow.at_work == [waiting])
        narrow.go(waiting)


def test_who_has_waited_long_enough_goes_without(narrow: Room, patience: Callable[[float], None]) -> None:
    first = narrow.comes()
    patience(0.02)
    without = [narrow.comes() for _ in range(2)]
    eventually(lambda: set(narrow.at_work) == {first, *without})
    patience(LONG_S)
    patient = narrow.comes()
    for worker in without:  # they have no slot to hand on
        narrow.go(worker)
    assert patient.waits
    assert narrow.at_work == [first]
    narrow.go(first)
    eventually(lambda: narrow.at_work == [patient])
    narrow.go(patient)
    assert narrow.places() == 1


def test_a_turn_that_takes_too_long_is_for_the_next(narrow: Room, patience: Callable[[float], None]) -> None:
    with narrow.gate.slot() as in_time:
        worker = narrow.comes()
        in_time.release_if_late()
        other = narrow.comes()  # would be given what was given up
        assert narrow.at_work == []
    eventually(lambda: narrow.at_work == [worker])
    narrow.go(worker)
    eventually(lambda: narrow.at_work == [other])
    narrow.go(other)

    patience(0)
    with narrow.gate.slot() as late:
        patience(LONG_S)
        next_one, last = narrow.comes(), narrow.comes()
        assert narrow.at_work == []
        late.release_if_late()
        eventually(lambda: narrow.at_work == [next_one])
        late.release_if_late()
    assert last.waits  # the end of a slot that is over gives nothing away
    assert narrow.at_work == [next_one]
    narrow.go(next_one)
    eventually(lambda: narrow.at_work == [last])
    narrow.go(last)
    assert narrow.places() == 1


def test_a_second_end_changes_nothing(narrow: Room) -> None:
    with narrow.gate.slot() as slot:
        slot.end()
        slot.end()
    assert narrow.places() == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_ends_the_turn(narrow: Room, error: type[BaseException]) -> None:
    begun: list[tuple[CpuSlot, Worker]] = []

    def fail() -> None:
        with narrow.gate.slot() as slot:
            begun.append((slot, narrow.comes()))
            assert narrow.at_work == []
            raise error

    with pytest.raises(error):
        fail()
    [(slot, worker)] = begun
    eventually(lambda: narrow.at_work == [worker])
    slot.end()
    narrow.go(worker)
    assert narrow.places() == 1
