"""The worker: the engine processes of this server, and a slot in one of them for each job that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Self

from reelwright.engines.child import EngineChild, Spec, Watch
from reelwright.engines.engine import RenderJob
from reelwright.errors import Code, EngineError
from reelwright.media.clip import Clip

MOST_CRASHES = 3
"""A job at somebody else's machine whose process has died so often is given up."""


class Slot:
    """Room for one job in an engine's process; it is free again at the end of the `with` block."""

    def __init__(self, pool: Pool, index: int) -> None:
        self._pool = pool
        self._index = index

    async def render(self, job: RenderJob, watch: Watch) -> tuple[Clip, Mapping[str, Any]]:
        """Run one job here; returns the clip and the facts. Raises `EngineError`. Cancelling the task cancels it.

        A job that waits for somebody else's machine outlives the process that waited: it goes on in the next one, from
        what it saved last, as it would after a restart of the server.
        """
        saved = job.checkpoint

        async def keep(state: Mapping[str, Any]) -> None:
            nonlocal saved
            await watch.checkpoint(state)
            saved = state

        remembering = replace(watch, checkpoint=keep)
        crashes = 0
        while True:
            if not self.ready:
                watch.stage("starting the engine")
            child = await self._pool.child(self._index, job.trace)
            watch.stage(None)
            try:
                return await child.render(job, remembering, self._pool.is_wanted)
            except EngineError as error:
                crashes += 1
                # With the card's opening stored and nothing else, nobody knows whether something was sent.
                unknown = job.opened and saved is None
                if error.code is not Code.ENGINE_CRASHED or crashes == MOST_CRASHES or unknown:
                    raise
                if not self._pool.goes_on:
                    raise
                job = replace(job, checkpoint=saved, opened=False)

    @property
    def ready(self) -> bool:
        """Whether a job given to it now would begin at once: the engine is loaded."""
        return self._pool.loaded(self._index)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.free(self._index)


class Pool:
    """The processes of one engine. One is started when a job needs it, reused, and replaced when it has died."""

    def __init__(
        self, spec: Spec, children: int, slots: int, environment: Mapping[str, str], on_log: Callable[[str], None]
    ) -> None:
        """`slots`: how many jobs one process takes side by side."""
        self._spec = spec
        self._slots = slots
        self._environment = environment
        self._on_log = on_log
        self._children: list[EngineChild | None] = [None] * children
        self._starting = [asyncio.Lock() for _ in range(children)]
        self._taken = [0] * children
        self._closed = False
        self.on_free: Callable[[], None] = lambda: None
        """Called whenever a slot is given back."""
        self.on_loaded: Callable[[Mapping[str, Any], Mapping[str, Any]], None] = lambda _facts, _state: None
        """Called with the facts and the state of a process whose engine has loaded."""
        self.is_wanted: Callable[[], bool] = lambda: False
        """Whether a job waits for a slot."""
        self.restarts = 0
        """How many processes have died, by a crash or a kill, and were replaced."""

    def take(self) -> Slot | None:
        """A slot of the process that has the fewest jobs; None when all are taken."""
        index = min(range(len(self._taken)), key=self._taken.__getitem__)
        if self._taken[index] == self._slots:
            return None
        self._taken[index] += 1
        return Slot(self, index)

    @property
    def goes_on(self) -> bool:
        """Whether its jobs outlive a process: they are done elsewhere, and this server is not stopping."""
        return self._spec.upstream and not self._closed

    @property
    def has_room(self) -> bool:
        return min(self._taken) < self._slots

    def free(self, index: int) -> None:
        """What `take` gave is free again."""
        self._taken[index] -= 1
        self.on_free()

    def loaded(self, index: int) -> bool:
        child = self._children[index]
        return child is not None and child.alive

    def states(self) -> list[Mapping[str, Any]]:
        """What the living processes last said of themselves."""
        return [dict(child.state) for child in self._children if child is not None and child.alive and child.state]

    async def child(self, index: int, trace: str | None = None) -> EngineChild:
        """The process with that number; started, if need be. Raises `EngineError`."""
        async with self._starting[index]:
            child = self._children[index]
            if child is None or not child.alive:
                if child is not None:
                    self.restarts += 1
                    await child.gone()  # what it held of the device is free then
                child = await EngineChild.start(self._spec.of_child(index), self._environment, self._on_log, trace)
                self._children[index] = child
                self.on_loaded(child.facts, child.state)
            return child

    async def close(self) -> None:
        self._closed = True
        await asyncio.gather(*(child.kill() for child in self._children if child is not None))


class Worker:
    """The pools of this server, by the engine's name."""

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self._pools = pools

    def watch(self, on_free: Callable[[str], None], is_wanted: Callable[[str], bool]) -> None:
        """`on_free` is told the engine's name whenever one of its slots becomes free. `is_wanted`: whether a job of
        that engine waits for one."""
        for name, pool in self._pools.items():
            pool.on_free = partial(on_free, name)
            pool.is_wanted = partial(is_wanted, name)

    def offers(self, engine: str) -> bool:
        return engine in self._pools

    def has_room(self, engine: str) -> bool:
        """Whether `take` would give a slot."""
        return self._pools[engine].has_room

    def take(self, engine: str) -> Slot | None:
        """A slot of that engine; None when all are taken."""
        return self._pools[engine].take()

    def states(self) -> Mapping[str, list[Mapping[str, Any]]]:
        """The processes' own states by engine, where they have any."""
        return {name: states for name, pool in self._pools.items() if (states := pool.states())}

    def restarts(self) -> Mapping[str, int]:
        """How many processes were replaced, by engine."""
        return {name: pool.restarts for name, pool in self._pools.items()}

    async def warm(self, engine: str) -> None:
        """Start the engine's first process before a job needs it. Raises `EngineError`."""
        await self._pools[engine].child(0)

    async def close(self) -> None:
        """Kill all processes."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
