"""The worker: owns the engine children of this process and gives them jobs, at most as many as they have slots."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

from reelwright.engines.child import EngineChild, Job, Spec, Watch
from reelwright.errors import EngineError
from reelwright.media.clip import Clip


class Seat:
    """One taken slot of a bench; it is free again at the end of the `with` block."""

    def __init__(self, bench: Bench, place: int) -> None:
        self._bench = bench
        self._place = place
        self._taken = True

    async def render(self, job: Job, watch: Watch) -> tuple[Clip, Mapping[str, Any]]:
        """Run one job here; returns the clip and the facts. Raises `EngineError`. Cancelling the task cancels it."""
        child = await self._bench.child(self._place, job.trace)
        return await child.render(job, watch)

    @property
    def ready(self) -> bool:
        """Whether a job given to it now would begin at once: the engine is loaded."""
        return self._bench.loaded(self._place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """A second release changes nothing."""
        if self._taken:
            self._taken = False
            self._bench.give_back(self._place)


class Bench:
    """The children of one engine. A child is started when a job needs it, reused, and replaced when it has died."""

    def __init__(
        self, spec: Spec, children: int, slots: int, environment: Mapping[str, str], on_log: Callable[[str], None]
    ) -> None:
        """`slots`: how many jobs one child takes side by side."""
        self.capacity = children * slots
        self._spec = spec
        self._environment = environment
        self._on_log = on_log
        self._places: list[EngineChild | None] = [None] * children
        self._starting = [asyncio.Lock() for _ in range(children)]
        self._free = asyncio.Semaphore(self.capacity)
        self._taken = [0] * children
        self._waiting = 0
        self.on_free: Callable[[], None] = lambda: None
        """Told when a slot is given back that nobody waits for."""
        self.restarts = 0
        """How many children have died, by a crash or a kill, and were replaced."""

    @property
    def idle(self) -> bool:
        """True when a job given to it now would start at once."""
        return not self._free.locked() and self._waiting == 0

    def loaded(self, place: int) -> bool:
        child = self._places[place]
        return child is not None and child.alive

    def states(self) -> list[Mapping[str, Any]]:
        """What the living children last said of themselves."""
        return [dict(child.state) for child in self._places if child is not None and child.alive and child.state]

    async def warm(self) -> None:
        """Start the first child before a job needs it."""
        await self.child(0)

    async def seat(self) -> Seat:
        """Wait for a free slot, in the order of asking."""
        self._waiting += 1
        try:
            await self._free.acquire()
        except BaseException:
            self._waiting -= 1
            if self.idle:
                self.on_free()  # the slot was meant for this one
            raise
        self._waiting -= 1
        place = min(range(len(self._places)), key=self._taken.__getitem__)
        self._taken[place] += 1
        return Seat(self, place)

    def give_back(self, place: int) -> None:
        """What `seat` took is free again."""
        self._taken[place] -= 1
        self._free.release()
        if self.idle:
            self.on_free()

    async def close(self) -> None:
        await asyncio.gather(*(child.kill() for child in self._places if child is not None))

    async def child(self, place: int, trace: str | None = None) -> EngineChild:
        async with self._starting[place]:
            child = self._places[place]
            if child is None or not child.alive:
                self.restarts += child is not None
                share = self._spec.shares[place] if self._spec.shares else {}
                child = await EngineChild.start(self._spec, {**self._environment, **share}, self._on_log, trace)
                self._places[place] = child
            return child


class Worker:
    """All benches of this process, by the engine's name."""

    def __init__(self, benches: Mapping[str, Bench]) -> None:
        self._benches = benches

    def watch(self, on_free: Callable[[str], None]) -> None:
        """`on_free` is told the engine's name whenever one of its slots becomes free that nobody waits for."""
        for name, bench in self._benches.items():
            bench.on_free = partial(on_free, name)

    def idle(self, engine: str) -> bool:
        """Whether a job given to that engine now would begin at once."""
        bench = self._benches.get(engine)
        return bench is not None and bench.idle

    def capacity(self, engine: str) -> int:
        """How many jobs of that engine run here side by side; 0 when it is not offered."""
        bench = self._benches.get(engine)
        return bench.capacity if bench else 0

    async def free_seat(self, engine: str) -> Seat | None:
        """A slot of that engine if one is free at this moment, without waiting."""
        return await self._benches[engine].seat() if self.idle(engine) else None

    def states(self) -> Mapping[str, list[Mapping[str, Any]]]:
        """The children's own states by engine, where they have any."""
        return {name: states for name, bench in self._benches.items() if (states := bench.states())}

    def restarts(self) -> Mapping[str, int]:
        """How many children were replaced, by engine."""
        return {name: bench.restarts for name, bench in self._benches.items()}

    async def warm(self, engine: str) -> None:
        await self._benches[engine].warm()

    async def seat(self, engine: str) -> Seat:
        """Wait for a slot of that engine. Raises `EngineError` when this process does not offer it."""
        bench = self._benches.get(engine)
        if bench is None:
            raise EngineError(f"The engine {engine} is not available on this server")
        return await bench.seat()

    async def close(self) -> None:
        """Kill all children."""
        await asyncio.gather(*(bench.close() for bench in self._benches.values()))
