"""The ComfyUIs that are configured: who is healthy, who is asked first, and what is still to be ended there."""

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
"""So often a ComfyUI is looked at that has nothing to do for us."""
LOOK_SECONDS = 5.0
"""A look at its health takes no longer."""
CLASSES_SECONDS = 30.0
"""So long it may take to list its node classes: one with many custom nodes collects them anew each time."""
SECOND_LOOK_SECONDS = 2.0
"""A job that was cancelled while it waited may have begun in between: so long after the first it is looked again."""
UNWANTED_SECONDS = 3600.0
"""So long it is tried to end a job at a ComfyUI that does not answer."""
CANCELLER = "comfyui-cancel"
"""The name of the threads that end jobs."""


@dataclass(frozen=True, slots=True)
class Place:
    """One ComfyUI with one workflow, as a route of `Failover`."""

    provider: str
    model: str


class Condition:
    """What is known of one ComfyUI. Times are monotonic, in seconds."""

    def __init__(self, server: ComfyUI) -> None:
        self.server = server
        self.jobs = 0
        """How many of ours it has now."""
        self.answers: bool | None = None
        self.waiting = 0
        self.stalled = False
        self.classes: frozenset[str] | None = None
        self.unwanted: dict[str, float] = {}
        """Jobs to be ended, and until when it is tried."""
        self._standing_since: float | None = None
        self._version: str | None = None
        self._changed = True
        """Whether it may have other nodes than `classes` says."""

    def lacks(self, classes: Collection[str]) -> list[str]:
        """Which of these node classes it does not know, as far as it was asked."""
        return [] if self.classes is None else sorted(set(classes) - self.classes)

    def look(self, limits: JobLimits, stall_seconds: float) -> None:
        """Raises nothing; afterwards `answers` tells whether it did."""
        try:
            stats = self.server.look_around(limits)
            self.waiting = self.server.waiting(limits)
            if self.waiting:
                self.stands(self.server.queue(limits).stands_still, stall_seconds)
            else:
                self.stands(False, stall_seconds)
        except (EngineError, httpx2.HTTPError):
            self.answers = False
        else:
            self._changed = self._changed or self.answers is False or stats.version != self._version
            self.answers, self._version = True, stats.version

    def learn(self, limits: JobLimits) -> None:
        """Ask for its node classes, where it may have been restarted with other ones. Raises nothing."""
        if not (self.answers and self._changed):
            return
        with suppress(EngineError, httpx2.HTTPError):
            self.classes = self.server.classes(limits)
            self._changed = False

    def stands(self, still: bool, stall_seconds: float) -> bool:
        """Note whether jobs wait there and none runs; whether that has gone on for so long that it is stalled."""
        now = time.monotonic()
        self._standing_since = (self._standing_since or now) if still else None
        self.stalled = self._standing_since is not None and now - self._standing_since >= stall_seconds
        return self.stalled


class Servers:
    """All of them. `check` looks at each in turn for ever, in a thread of its own."""

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
        """The one at that address, if it is still configured."""
        return next((server for server in self.all if server.url == url), None)

    def places(self, model: str, *, first: str | None = None) -> list[Place]:
        """Where the workflow may be made: `first`, if any, then the healthy, of these who has the fewest jobs of ours.

        The first of them has one more from now on, so that a job which begins in the same moment goes elsewhere; `move`
        says what becomes of it.
        """
        wanted = self._classes.get(model, ())

        def order(condition: Condition) -> tuple[bool, bool, bool, bool, int]:
            missing = bool(condition.lacks(wanted))
            unfit = (missing, condition.stalled, condition.answers is False)
            return (condition.server.name != first, *unfit, condition.jobs)

        with self._lock:
            ordered = sorted(self._conditions.values(), key=order)
            ordered[0].jobs += 1
        return [Place(one.server.name, model) for one in ordered]

    def others(self, name: str) -> bool:
        """Whether another one than this could be asked."""
        return any(
            one.answers is not False and not one.stalled and not self._breakers.open(other)
            for other, one in self._conditions.items()
            if other != name
        )

    def move(self, source: str, target: str | None) -> None:
        """A job of ours that was at the one is at the other now, or nowhere."""
        with self._lock:
            self._conditions[source].jobs -= 1
            if target is not None:
                self._conditions[target].jobs += 1

    # --- ending jobs ------------------------------------------------------------------------------------------------

    def end(self, server: ComfyUI, prompt_id: str) -> None:
        """End a job there that nobody waits for any more; in a thread, and later again where it does not answer."""
        self._conditions[server.name].unwanted[prompt_id] = time.monotonic() + UNWANTED_SECONDS
        threading.Thread(target=self._end, args=(server.name, prompt_id), name=CANCELLER, daemon=True).start()

    def end_now(self, server: ComfyUI, prompt_id: str) -> bool:
        """End a job there; whether it is certain that it is gone."""
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
        """Look at all of them, again and again; the first time after a while."""
        while True:
            wait(CHECK_SECONDS)
            for condition in self._conditions.values():
                self._check(condition)

    def check_once(self) -> None:
        """Look at all of them, side by side; takes no longer than one look, and their classes are known a bit later."""
        looks = [threading.Thread(target=self._check, args=(one,), daemon=True) for one in self._conditions.values()]
        for look in looks:
            look.start()
        until = time.monotonic() + LOOK_SECONDS
        for look in looks:
            look.join(max(0.0, until - time.monotonic()))

    def _check(self, condition: Condition) -> None:
        with limited_by(_brief()) as limits:
            condition.look(limits, self._stall_seconds)
        for prompt_id, until in list(condition.unwanted.items()):
            if time.monotonic() > until or (condition.answers and self.end_now(condition.server, prompt_id)):
                condition.unwanted.pop(prompt_id, None)
        with limited_by(_brief(CLASSES_SECONDS)) as limits:
            condition.learn(limits)

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
