"""The ComfyUIs that are configured: which are healthy, which is asked first, and which jobs are still to be ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2

from reelwright.engines.comfyui.server import ComfyUI
from reelwright.engines.upstream.failover import Breakers
from reelwright.engines.upstream.job_limits import JobLimits, limited_by
from reelwright.errors import EngineError

CHECK_SECONDS = 30.0
"""The seconds between two health checks of each ComfyUI."""
LOOK_SECONDS = 5.0
"""The time limit of a health check, in seconds."""
CLASSES_SECONDS = 30.0
"""The time limit of the list of node classes, in seconds: a ComfyUI with many custom nodes takes long for it."""
SECOND_LOOK_SECONDS = 2.0
"""A job that waited when it was cancelled may have begun just then: after so many seconds it is checked again."""
UNWANTED_SECONDS = 3600.0
"""For how many seconds the engine tries to end a job at a ComfyUI that does not answer."""
CANCELLER = "comfyui-cancel"
"""The name of the threads that end jobs."""


@dataclass(frozen=True, slots=True)
class Route:
    """One ComfyUI with one workflow, as a route of `Failover`."""

    provider: str
    model: str


class Condition:
    """What is known of one ComfyUI. Times are monotonic, in seconds."""

    def __init__(self, server: ComfyUI) -> None:
        self.server = server
        self.jobs = 0
        """How many of this engine's jobs it has now."""
        self.answers: bool | None = None
        self.waiting = 0
        self.stalled = False
        self.classes: frozenset[str] | None = None
        self.unwanted: dict[str, float] = {}
        """The jobs that are to be ended there, each with the time at which trying ends."""
        self._stuck_since: float | None = None
        self._version: str | None = None
        self._changed = True
        """Whether it may have other nodes than `classes` says."""

    def lacks(self, classes: Collection[str]) -> list[str]:
        """The node classes, of these, that it is known to lack."""
        return [] if self.classes is None else sorted(set(classes) - self.classes)

    def check_health(self, limits: JobLimits, stall_seconds: float) -> None:
        """Check its health. Raises nothing; `answers` says afterwards whether it answered."""
        try:
            stats = self.server.fetch_stats(limits)
            self.waiting = self.server.waiting(limits)
            if self.waiting:
                self.note_stuck(self.server.queue(limits).is_stuck, stall_seconds)
            else:
                self.note_stuck(False, stall_seconds)
        except (EngineError, httpx2.HTTPError):
            self.answers = False
        else:
            self._changed = self._changed or self.answers is False or stats.version != self._version
            self.answers, self._version = True, stats.version

    def fetch_classes(self, limits: JobLimits) -> None:
        """Ask for its node classes, unless they are known and it was not restarted since. Raises nothing."""
        if not (self.answers and self._changed):
            return
        with suppress(EngineError, httpx2.HTTPError):
            self.classes = self.server.classes(limits)
            self._changed = False

    def note_stuck(self, stuck: bool, stall_seconds: float) -> bool:
        """Note `stuck`: jobs wait there and none runs. True when that has been so for `stall_seconds`: it is
        stalled."""
        now = time.monotonic()
        self._stuck_since = (self._stuck_since or now) if stuck else None
        self.stalled = self._stuck_since is not None and now - self._stuck_since >= stall_seconds
        return self.stalled


class Servers:
    """All configured ComfyUIs. `check` runs in a thread of its own, for ever."""

    def __init__(
        self,
        servers: Sequence[ComfyUI],
        *,
        breakers: Breakers,
        stall_seconds: float,
        exclusive: bool,
        classes: Mapping[str, Collection[str]],
    ) -> None:
        """`classes`: the node classes that each workflow uses, by its name."""
        self._conditions = {server.name: Condition(server) for server in servers}
        self._breakers = breakers
        self._stall_seconds = stall_seconds
        self._exclusive = exclusive
        self._classes = classes
        self._lock = threading.Lock()

    @property
    def all(self) -> tuple[ComfyUI, ...]:
        return tuple(condition.server for condition in self._conditions.values())

    def of(self, name: str) -> Condition:
        return self._conditions[name]

    def named(self, url: str) -> ComfyUI | None:
        """The ComfyUI at that address, if it is still configured."""
        return next((server for server in self.all if server.url == url), None)

    def routes(self, model: str, *, first: str | None = None) -> list[Route]:
        """The ComfyUIs for this workflow in the order in which they are asked: `first`, if any, then healthy ones, then
        those with fewer jobs of this engine.

        The job counts for the first of them from now on, so that another job that begins in the same moment goes
        elsewhere. `move` is called when the job goes to another one, or ends.
        """
        wanted = self._classes.get(model, ())

        def order(condition: Condition) -> tuple[bool, bool, bool, bool, int]:
            missing = bool(condition.lacks(wanted))
            unfit = (missing, condition.stalled, condition.answers is False)
            return (condition.server.name != first, *unfit, condition.jobs)

        with self._lock:
            ordered = sorted(self._conditions.values(), key=order)
            ordered[0].jobs += 1
        return [Route(one.server.name, model) for one in ordered]

    def others(self, name: str) -> bool:
        """Whether there is another ComfyUI that could be asked."""
        return any(
            one.answers is not False and not one.stalled and not self._breakers.open(other)
            for other, one in self._conditions.items()
            if other != name
        )

    def move(self, source: str, target: str | None) -> None:
        """Count a job of this engine that was at `source` for `target` from now on, or for none."""
        with self._lock:
            self._conditions[source].jobs -= 1
            if target is not None:
                self._conditions[target].jobs += 1

    # --- ending jobs ------------------------------------------------------------------------------------------------

    def end(self, server: ComfyUI, prompt_id: str) -> None:
        """End a job there that was given up: in a thread of its own, and again later if the ComfyUI does not answer."""
        self._conditions[server.name].unwanted[prompt_id] = time.monotonic() + UNWANTED_SECONDS
        threading.Thread(target=self._end, args=(server.name, prompt_id), name=CANCELLER, daemon=True).start()

    def end_now(self, server: ComfyUI, prompt_id: str) -> bool:
        """End a job there. True when it is certainly gone."""
        try:
            with limited_by(_brief()) as limits:
                return server.cancel(prompt_id, limits, exclusive=self._exclusive)
        except (EngineError, httpx2.HTTPError):
            return False

    def _end(self, name: str, prompt_id: str) -> None:
        condition = self._conditions[name]
        gone = self.end_now(condition.server, prompt_id)
        time.sleep(SECOND_LOOK_SECONDS)
        if self.end_now(condition.server, prompt_id) and gone:
            condition.unwanted.pop(prompt_id, None)

    # --- health -----------------------------------------------------------------------------------------------------

    def check(self, wait: Callable[[float], None] = time.sleep) -> None:
        """Check the health of all, for ever; the first time after one pause."""
        while True:
            wait(CHECK_SECONDS)
            for condition in self._conditions.values():
                self._check(condition)

    def check_once(self) -> None:
        """Check the health of all at the same time. Their node classes are asked for after that."""
        looks = [threading.Thread(target=self._check, args=(one,), daemon=True) for one in self._conditions.values()]
        for look in looks:
            look.start()
        until = time.monotonic() + LOOK_SECONDS
        for look in looks:
            look.join(max(0.0, until - time.monotonic()))

    def _check(self, condition: Condition) -> None:
        with limited_by(_brief()) as limits:
            condition.check_health(limits, self._stall_seconds)
        for prompt_id, until in list(condition.unwanted.items()):
            if time.monotonic() > until or (condition.answers and self.end_now(condition.server, prompt_id)):
                condition.unwanted.pop(prompt_id, None)
        with limited_by(_brief(CLASSES_SECONDS)) as limits:
            condition.fetch_classes(limits)

    def state(self) -> dict[str, Any]:
        """For `/health`: per ComfyUI its version, load and what it lacks."""
        wanted = set().union(*self._classes.values()) if self._classes else set()
        breakers = self._breakers.state()
        return {name: _told(one, wanted, breakers.get(name)) for name, one in self._conditions.items()}


def _told(condition: Condition, wanted: Collection[str], breaker: Mapping[str, Any] | None) -> dict[str, Any]:
    stats = condition.server.stats
    return {
        "answers": condition.answers,
        "version": stats.version if stats else None,
        "vram_free": stats.vram_free if stats else None,
        "queue": condition.waiting,
        "stalled": condition.stalled,
        "missing_classes": condition.lacks(wanted),
        "breaker": breaker,
    }


def _brief(seconds: float = LOOK_SECONDS) -> JobLimits:
    return JobLimits(None, seconds, seconds, seconds)
