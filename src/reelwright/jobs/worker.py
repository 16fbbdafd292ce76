"""The engines' processes of this server, and their slots: a slot is room for one job in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Self

from reelwright.engines.child import EngineChild, RenderListener, Spec
from reelwright.engines.engine import RenderJob
from reelwright.errors import Code, EngineError
from reelwright.media.clip import Clip

MOST_CRASHES = 3
"""A job that runs on an upstream server is given up when its process here has died so often."""


class Slot:
    """Room for one job in an engine's process. It is given back at the end of its `with` block."""

    def __init__(self, pool: Pool, index: int) -> None:
        self._pool = pool
        self._index = index

    async def render(self, job: RenderJob, listener: RenderListener) -> tuple[Clip, Mapping[str, Any]]:
        """Run one job in this slot. Returns the clip and the facts that shaped it. Raises `EngineError`.

        Cancelling the task cancels the job. A job on an upstream server outlives the process that waits for it: a new
        process goes on from the last checkpoint, as after a restart of the server.
        """
        saved = job.checkpoint

        async def keep(state: Mapping[str, Any]) -> None:
            nonlocal saved
            await listener.checkpoint(state)
            saved = state

        remembering = replace(listener, checkpoint=keep)
        crashes = 0
        while True:
            if not self.ready:
                listener.stage("starting the engine")
            child = await self._pool.child(self._index, job.trace)
            listener.stage(None)
            try:
                return await child.render(job, remembering, self._pool.is_wanted)
            except EngineError as error:
                crashes += 1
                # With only the initial checkpoint stored, nobody knows whether the job was submitted upstream.
                unknown = job.initial_checkpoint_stored and saved is None
                if error.code is not Code.ENGINE_CRASHED or crashes == MOST_CRASHES or unknown:
                    raise
                if not self._pool.can_resume:
                    raise
                job = replace(job, checkpoint=saved, initial_checkpoint_stored=False)

    @property
    def ready(self) -> bool:
        """Whether a job would begin at once, because the engine is loaded."""
        return self._pool.loaded(self._index)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.free(self._index)


class Pool:
    """The processes of one engine. A process is started when a job needs it, then reused, and replaced when it dies."""

    def __init__(
        self, spec: Spec, children: int, slots: int, environment: Mapping[str, str], on_log: Callable[[str], None]
    ) -> None:
        """`slots`: how many jobs one process takes at a time."""
        self._spec = spec
        self._slots = slots
        self._environment = environment
        self._on_log = on_log
        self._children: list[EngineChild | None] = [None] * children
        self._starting = [asyncio.Lock() for _ in range(children)]
        self._taken = [0] * children
        self._closed = False
        self.on_free: Callable[[], None] = lambda: None
        """Called when a slot is given back."""
        self.on_loaded: Callable[[Mapping[str, Any], Mapping[str, Any]], None] = lambda _facts, _state: None
        """Called with the facts and the state of each process whose engine has loaded."""
        self.is_wanted: Callable[[], bool] = lambda: False
        """Whether a job waits for a slot."""
        self.restarts = 0
        """How many processes have died, by a crash or a kill, and were replaced."""

    def take(self) -> Slot | None:
        """Take a slot in the process with the fewest jobs; None when all slots are taken."""
        index = min(range(len(self._taken)), key=self._taken.__getitem__)
        if self._taken[index] == self._slots:
            return None
        self._taken[index] += 1
        return Slot(self, index)

    @property
    def can_resume(self) -> bool:
        """Whether a new process can go on with a job whose process has died: the job runs on an upstream server, and
        this server is not stopping."""
        return self._spec.upstream and not self._closed

    @property
    def has_room(self) -> bool:
        return min(self._taken) < self._slots

    def free(self, index: int) -> None:
        """Give back a slot that `take` has given."""
        self._taken[index] -= 1
        self.on_free()

    def loaded(self, index: int) -> bool:
        child = self._children[index]
        return child is not None and child.alive

    def states(self) -> list[Mapping[str, Any]]:
        """The state that each living process has reported last."""
        return [dict(child.state) for child in self._children if child is not None and child.alive and child.state]

    async def child(self, index: int, trace: str | None = None) -> EngineChild:
        """The process with that index; it is started if it does not run. Raises `EngineError`."""
        async with self._starting[index]:
            child = self._children[index]
            if child is None or not child.alive:
                if child is not None:
                    self.restarts += 1
                    await child.gone()  # only then is its device memory free
                child = await EngineChild.start(self._spec.of_child(index), self._environment, self._on_log, trace)
                self._children[index] = child
                self.on_loaded(child.facts, child.state)
            return child

    async def close(self) -> None:
        self._closed = True
        await asyncio.gather(*(child.kill() for child in self._children if child is not None))


class Worker:
    """The pools of this server by the engines' names."""

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self._pools = pools

    def watch(self, on_free: Callable[[str], None], is_wanted: Callable[[str], bool]) -> None:
        """Set the callbacks: `on_free` is called with an engine's name when one of its slots becomes free; `is_wanted`
        says whether a job of that engine waits for a slot."""
        for name, pool in self._pools.items():
            pool.on_free = partial(on_free, name)
            pool.is_wanted = partial(is_wanted, name)

    def offers(self, engine: str) -> bool:
        return engine in self._pools

    def has_room(self, engine: str) -> bool:
        """Whether `take` would give a slot."""
        return self._pools[engine].has_room

    def take(self, engine: str) -> Slot | None:
        """Take a slot of that engine; None when all are taken."""
        return self._pools[engine].take()

    def states(self) -> Mapping[str, list[Mapping[str, Any]]]:
        """The states that the processes have reported, by engine."""
        return {name: states for name, pool in self._pools.items() if (states := pool.states())}

    def restarts(self) -> Mapping[str, int]:
        """How many processes have died and were replaced, by engine."""
        return {name: pool.restarts for name, pool in self._pools.items()}

    async def warm(self, engine: str) -> None:
        """Start the engine's first process before a job needs it. Raises `EngineError`."""
        await self._pools[engine].child(0)

    async def close(self) -> None:
        """Kill all processes."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
