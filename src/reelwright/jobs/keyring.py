"""The API keys in memory: those of the configuration, and those of the database as they were a moment ago.

A request finds its key by a digest in a table of this process, and asks no database. A change in the database is heard
of by a notice (Postgres), and looked for in any case: so a revoked key opens no door from that moment on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from reelwright.clock import Clock
from reelwright.errors import Busy
from reelwright.jobs.callers import Caller
from reelwright.jobs.threads import Threads
from reelwright.store.key_text import digest_of
from reelwright.store.keys import USED_EACH_S, USUAL_SCOPES, ApiKeys, KeyLimits, Scope, Secret

ALONE_LOOK_S = 0.5
"""Between two looks on SQLite, where `reelwright keys` changes the file beside the server."""
HEARD_LOOK_S = 5.0
"""The same on Postgres, where a notice comes first; …"""
DEAF_LOOK_S = 1.0
"""… and where none arrives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """`until`: seconds since the epoch. `recorded`: it has a row in which its use is noted."""

    id: str
    owner: str
    scopes: frozenset[Scope]
    limits: KeyLimits
    until: float | None
    recorded: bool


class Keyring:
    def __init__(
        self,
        *,
        configured: Sequence[str],
        rows: ApiKeys,
        limits: KeyLimits,
        clock: Clock,
        threads: Threads,
        alone: bool,
    ) -> None:
        """`configured`: the keys of the configuration. `limits`: of every key that has none of its own."""
        self._configured = {digest_of(key): _of_the_configuration(key, limits) for key in configured}
        self._rows = rows
        self._limits = limits
        self._clock = clock
        self._threads = threads
        self._stored: dict[str, _Holder] = {}
        self._state = (0, 0)
        self._used: dict[str, datetime] = {}
        self._noted: dict[str, float] = {}
        self._look_s = ALONE_LOOK_S if alone else DEAF_LOOK_S
        self._wake = asyncio.Event()
        self._looking = asyncio.Lock()
        self._log = structlog.get_logger("reelwright.keys")

    @property
    def limits(self) -> KeyLimits:
        """Of a key that has none of its own."""
        return self._limits

    @property
    def asked_for(self) -> bool:
        """Whether a request needs a key: there are some, or there were; the last one's end opens the door to nobody."""
        return bool(self._configured) or self._state[0] > 0

    def find(self, key: str, address: str = "") -> Caller | None:
        """Who comes with that key, from that address; None for a wrong, expired or revoked one.

        Found by the SHA-256: how long that takes says nothing of a digest that nobody can choose.
        """
        digest = digest_of(key)
        holder = self._stored.get(digest) or self._configured.get(digest)
        if holder is None:
            return None
        if holder.recorded:
            now = self._clock.now()
            if holder.until is not None and now.timestamp() >= holder.until:
                return None
            self._used[holder.id] = now
        return Caller(owner=holder.owner, key=holder.id, scopes=holder.scopes, limits=holder.limits, address=address)

    def wake(self) -> None:
        """Something has changed."""
        self._wake.set()

    def hears(self, heard: bool) -> None:
        """Whether notices arrive; when they do again, some may have been missed."""
        self._look_s = HEARD_LOOK_S if heard else DEAF_LOOK_S
        self._wake.set()

    async def look(self) -> None:
        """Know what the database knows. Raises `Busy`."""
        async with self._looking:  # or an older look that ends later would let in what is revoked
            state = await self._threads.read(self._rows.state)
            if state != self._state:
                found = await self._threads.read(self._rows.secrets)
                self._stored = {one.digest: self._holder(one) for one in found}
                self._state = state

    async def run(self) -> None:
        """For ever: look for changes, and write down which keys were used."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.look()
                await self._note_use()
            except Busy as error:
                self._log.debug("keys not looked at", reason=error.message)
            except Exception:  # noqa: BLE001 - a loop that must not end: recorded
                self._log.exception("keys not looked at")

    async def _note_use(self) -> None:
        now = self._clock.monotonic()
        due = {one: at for one, at in self._used.items() if now - self._noted.get(one, -USED_EACH_S) >= USED_EACH_S}
        if due:
            await self._threads.write(self._rows.note_use, due)
            self._noted.update(dict.fromkeys(due, now))
            for one in due:
                if self._used.get(one) == due[one]:
                    del self._used[one]

    def _holder(self, secret: Secret) -> _Holder:
        key = secret.key
        return _Holder(
            id=key.id,
            owner=key.owner,
            scopes=key.scopes,
            limits=self._limits.overridden(key.limits),
            until=secret.until.timestamp() if secret.until else None,
            recorded=True,
        )


def _of_the_configuration(key: str, limits: KeyLimits) -> _Holder:
    name = f"key_{digest_of(key)[:16]}"
    return _Holder(id=name, owner=name, scopes=USUAL_SCOPES, limits=limits, until=None, recorded=False)
