"""The API keys in memory: those of the configuration, and a copy of those in the database.

A request's key is found by its digest in this copy, without asking the database. The copy is refreshed when a notice
says that a key has changed (Postgres), and at short intervals in any case; from then on a revoked key is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reelwright.clock import Clock
from reelwright.jobs.callers import Caller
from reelwright.jobs.threads import Threads
from reelwright.loop import Loop
from reelwright.store.key_text import digest_of
from reelwright.store.keys import USED_EACH_S, USUAL_SCOPES, ApiKeys, KeyLimits, Scope, Secret

ALONE_LOOK_S = 0.5
"""Seconds between two refreshes on SQLite, where the command `reelwright keys` changes the server's file."""
HEARD_LOOK_S = 5.0
"""The same on Postgres, where a notice tells of a change at once."""
DEAF_LOOK_S = 1.0
"""The same on Postgres while no notices arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """What a key stands for. `until`: when it expires, in seconds since the epoch. `recorded`: it has a row, in which
    the time of its last use is noted."""

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
        """`configured`: the keys of the configuration. `limits`: those of every key that has none of its own. `alone`:
        no other process works on the database, so no notices come."""
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
        self._refreshing = asyncio.Lock()
        self._loop = Loop("keys", self._refresh, lambda: self._look_s)

    @property
    def limits(self) -> KeyLimits:
        """The limits of a key that has none of its own."""
        return self._limits

    @property
    def asked_for(self) -> bool:
        """Whether a request needs a key: keys exist, or existed. The end of the last key does not open the server."""
        return bool(self._configured) or self._state[0] > 0

    def find(self, key: str, address: str = "") -> Caller | None:
        """The caller with that key, from that address; None when the key is wrong, expired or revoked.

        The key is looked up by its SHA-256: the time that takes may depend on the digest, which nobody can choose.
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
        """A notice says that a key has changed: refresh now."""
        self._loop.wake()

    def hears(self, heard: bool) -> None:
        """Note whether notices arrive from now on. Some may be lost, so refresh now."""
        self._look_s = HEARD_LOOK_S if heard else DEAF_LOOK_S
        self._loop.wake()

    async def look(self) -> None:
        """Refresh the copy of the database's keys. Raises `Busy`."""
        async with self._refreshing:  # one at a time: an older read that ends later would let in a revoked key
            state = await self._threads.read(self._rows.state)
            if state != self._state:
                found = await self._threads.read(self._rows.secrets)
                self._stored = {one.digest: self._holder(one) for one in found}
                self._state = state

    async def run(self) -> None:
        """Refresh the copy, and note which keys were used, until the task is cancelled."""
        await self._loop.run()

    async def _refresh(self) -> None:
        await self.look()
        await self._note_use()

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
