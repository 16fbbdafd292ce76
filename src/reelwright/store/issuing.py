"""Creates, changes and revokes API keys, with the checks that the API and the command line share. Sync code."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reelwright import ids
from reelwright.errors import BadRequest, Code, NotFound, invalid
from reelwright.store.audit import Action, Entry, Who
from reelwright.store.key_text import digest_of, hint_of, new_key
from reelwright.store.keys import LIMITS, USUAL_SCOPES, ApiKey, ApiKeys, Scope

MAX_NAME = 100
MAX_OWNER = 64
MAX_LIMIT = 10**15 - 1
"""The largest whole number that a header can tell (RFC 9651, 3.3.1)."""
MAX_KEEP_S = 30 * 86_400.0

OWNER = rf"[A-Za-z0-9][A-Za-z0-9._@+-]{{0,{MAX_OWNER - 1}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A key with its text, which is shown this once: only its digest is stored."""

    key: ApiKey
    text: str


class Issuer:
    """All methods raise `BadRequest` that names a field, and `NotFound` for an id that is no key's."""

    def __init__(self, rows: ApiKeys, now: Callable[[], datetime], by: Who) -> None:
        self._rows = rows
        self._now = now
        self._by = by

    def create(
        self,
        *,
        name: str,
        owner: str | None = None,
        scopes: Collection[str] = USUAL_SCOPES,
        expires_at: datetime | None = None,
        limits: Mapping[str, int | None] | None = None,
    ) -> Issued:
        """Create a key. `owner` None: it is its own owner, and shares its videos with no other key."""
        now, text = self._now(), new_key()
        key_id = ids.key_id(int(now.timestamp() * 1000))
        key = ApiKey(
            id=key_id,
            name=_name(name),
            owner=key_id if owner is None else _owner(owner),
            scopes=_scopes(scopes),
            limits=_limits(limits or {}),
            hint=hint_of(text),
            created_at=now,
            expires_at=_later(expires_at, now),
        )
        self._rows.add(key, digest_of(text), self._entry(Action.KEY_CREATED, key_id))
        return Issued(key=key, text=text)

    def change(self, key_id: str, changes: Mapping[str, Any]) -> ApiKey:
        """`changes`: any of `name`, `scopes`, `expires_at`, `limits`; these limits replace all that it had."""
        key = self._open(key_id)
        checks: Mapping[str, Callable[[Any], Any]] = {
            "name": _name,
            "scopes": _scopes,
            "limits": _limits,
            "expires_at": lambda at: _later(at, self._now()),
        }
        key = dataclasses.replace(key, **{field: checks[field](value) for field, value in changes.items()})
        if not self._rows.change(key, self._entry(Action.KEY_CHANGED, key_id)):
            raise _revoked(key_id)
        return key

    def rotate(self, key_id: str, keep_s: float = 0.0) -> Issued:
        """Give a key a new text; the one before stays valid for `keep_s` more seconds."""
        if not 0 <= keep_s <= MAX_KEEP_S:
            raise invalid("keep_s", keep_s, f"Must be from 0 to {MAX_KEEP_S:,.0f} seconds.")
        key, text = self._open(key_id), new_key()
        until, entry = self._now() + timedelta(seconds=keep_s), self._entry(Action.KEY_ROTATED, key_id)
        if not self._rows.rotate(key_id, digest_of(text), hint_of(text), until, entry):
            raise _revoked(key_id)
        return Issued(key=dataclasses.replace(key, hint=hint_of(text)), text=text)

    def revoke(self, key_id: str) -> ApiKey:
        """Make a key invalid. Its videos, and the record of what it has used, stay."""
        self._rows.revoke(key_id, self._now(), self._entry(Action.KEY_REVOKED, key_id))
        return self.get(key_id)

    def get(self, key_id: str) -> ApiKey:
        key = self._rows.get(key_id)
        if key is None:
            raise NotFound("There is no API key with this id", field="id")
        return key

    def _entry(self, action: Action, key_id: str) -> Entry:
        return self._by.did(action, key_id, self._now())

    def _open(self, key_id: str) -> ApiKey:
        key = self.get(key_id)
        if key.revoked_at is not None:
            raise _revoked(key_id)
        return key


def _revoked(key_id: str) -> BadRequest:
    return BadRequest(f"The API key {key_id} is revoked. Make a new one.", code=Code.CONFLICT, field="id")


def _name(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise invalid("name", name, f"Must have 1 to {MAX_NAME} printable characters.")
    return name.strip()


def _owner(owner: object) -> str:
    if not isinstance(owner, str) or not re.fullmatch(OWNER, owner):
        allowed = f"Must have 1 to {MAX_OWNER} letters, digits and . _ @ + -, and begin with a letter or digit."
        raise invalid("owner", owner, allowed)
    return owner


def _scopes(scopes: object) -> frozenset[Scope]:
    known = [scope.value for scope in Scope]
    if isinstance(scopes, str) or not isinstance(scopes, Collection) or not scopes:
        raise invalid("scopes", scopes, f"Must be a list of {', '.join(known)}.")
    for one in scopes:
        if one not in known:
            raise invalid("scopes", one, f"There are {', '.join(known)}.")
    return frozenset(Scope(one) for one in scopes)


def _limits(limits: object) -> Mapping[str, int | None]:
    if not isinstance(limits, Mapping):
        raise invalid("limits", limits, f"Must be an object with any of {', '.join(LIMITS)}.")
    for name, most in limits.items():
        if name not in LIMITS:
            raise invalid("limits", name, f"There are {', '.join(LIMITS)}.")
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= MAX_LIMIT):
            raise invalid(f"limits[{name}]", most, "Must be a whole number of at least 1, or null for no limit.")
    return dict(limits)


def _later(moment: datetime | None, now: datetime) -> datetime | None:
    if moment is not None and moment <= now:
        raise invalid("expires_at", moment.isoformat(timespec="seconds"), "Must be in the future.")
    return moment
