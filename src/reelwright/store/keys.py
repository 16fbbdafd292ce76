"""The table `api_keys`: who may use the API, what for and how much. A key itself is never kept, only its SHA-256.

All processes hold the keys in memory. A change tells them (Postgres: a notice that is part of the commit), and each row
counts its changes: the sum of all counts says cheaply whether there is anything new, whatever the order of commits.

Sync code; every method is one transaction.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

import sqlalchemy as sa

from reelwright.store.audit import Audit, Entry
from reelwright.store.channels import KEYS
from reelwright.store.database import tables
from reelwright.store.prepared import Prepared
from reelwright.store.transactions import Transactions

api_keys = sa.Table(
    "api_keys",
    tables,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("limits", sa.Text, nullable=False),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("earlier", sa.Text),
    sa.Column("earlier_until", sa.Float),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float),
    sa.Column("revoked_at", sa.Float),
    sa.Column("used_at", sa.Float),
    sa.Column("version", sa.BigInteger, nullable=False),
)

USED_EACH_S = 60.0
"""The time of a key's last use is written at most once in so many seconds."""


class Scope(StrEnum):
    """What a key may do: make and change videos; see its own videos; manage keys and see everybody's videos and use."""

    GENERATE = "generate"
    READ = "read"
    ADMIN = "admin"


USUAL_SCOPES = frozenset({Scope.GENERATE, Scope.READ})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimits:
    """How much one key may use; None: as much as there is.

    `requests_per_minute` fill a bucket of that size. `waiting`, `running`: jobs at one time. `video_seconds` and
    `pixel_frames` (width × height × frames) are of the videos that are asked for within a day (UTC) and do not fail.
    `stored_bytes`: of its finished videos and uploaded files.
    """

    requests_per_minute: int | None = None
    waiting: int | None = None
    running: int | None = None
    video_seconds_per_day: int | None = None
    pixel_frames_per_day: int | None = None
    stored_bytes: int | None = None

    def overridden(self, own: Mapping[str, int | None]) -> Self:
        """These limits with a key's own ones in their place."""
        return dataclasses.replace(self, **own)


LIMITS = tuple(one.name for one in dataclasses.fields(KeyLimits))
NO_LIMITS = KeyLimits()


class OverLimit(Exception):
    """A job, or an uploaded file, that its key may not have now.

    `limit`: a field of `KeyLimits`; `used` of `most` are used already.
    """

    def __init__(self, limit: str, most: int, used: int) -> None:
        super().__init__(limit)
        self.limit = limit
        self.most = most
        self.used = used


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as its row has it. `limits`: those that differ from the server's defaults. `hint`: how it begins.

    `owner` has the videos: keys of one owner share them.
    """

    id: str
    name: str
    owner: str
    scopes: frozenset[Scope]
    hint: str
    created_at: datetime
    limits: Mapping[str, int | None] = field(default_factory=dict)
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One text with which a key can be used: its digest (hex SHA-256), and until when it is valid."""

    digest: str
    key: ApiKey
    until: datetime | None


class ApiKeys:
    """The rows of API keys. Each change stores its `entry` of the audit in the same transaction."""

    def __init__(self, database: Transactions, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        changes = sa.func.coalesce(sa.func.sum(api_keys.c.version), 0).label("changes")
        counts = sa.select(sa.func.count().label("keys"), changes).select_from(api_keys)
        self._counts = Prepared(counts, database.engine.dialect)

    def add(self, key: ApiKey, digest: str, entry: Entry) -> None:
        row = {**_row(key), "digest": digest, "created_at": key.created_at.timestamp(), "version": 1}
        with self._database.begin() as connection:
            connection.execute(sa.insert(api_keys).values(row))
            self._audit.add(connection, entry)
            self._tell(connection)

    def change(self, key: ApiKey, entry: Entry) -> bool:
        """Store the key's name, scopes, limits and expiry. False when it is revoked, or there is none."""
        row = _row(key)
        return self._change(key.id, entry, **{name: row[name] for name in ("name", "scopes", "limits", "expires_at")})

    def rotate(self, key_id: str, digest: str, hint: str, earlier_until: datetime, entry: Entry) -> bool:
        """Give the key a new text; the one before stays valid until that time.

        False when it is revoked, or there is none.
        """
        until = earlier_until.timestamp()
        return self._change(key_id, entry, digest=digest, hint=hint, earlier=api_keys.c.digest, earlier_until=until)

    def revoke(self, key_id: str, now: datetime, entry: Entry) -> bool:
        """Make the key invalid from now on. False when there is none, or it is revoked already."""
        return self._change(key_id, entry, revoked_at=now.timestamp())

    def _change(self, key_id: str, entry: Entry, **values: Any) -> bool:
        row = sa.update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        with self._database.begin() as connection:
            changed = connection.execute(row.values(**values, version=api_keys.c.version + 1).returning(api_keys.c.id))
            if changed.first() is None:
                return False
            self._audit.add(connection, entry)
            self._tell(connection)
        return True

    def _tell(self, connection: sa.Connection) -> None:
        if not self._database.sqlite:
            connection.execute(sa.select(sa.func.pg_notify(KEYS, "")))

    def get(self, key_id: str) -> ApiKey | None:
        with self._database.connect() as connection:
            row = connection.execute(sa.select(api_keys).where(api_keys.c.id == key_id)).mappings().first()
        return _key(row) if row else None

    def all(self) -> Sequence[ApiKey]:
        """All keys, also revoked ones, the oldest first."""
        query = sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        with self._database.connect() as connection:
            return [_key(row) for row in connection.execute(query).mappings()]

    def state(self) -> tuple[int, int]:
        """The number of keys and of all changes to them. It differs whenever anything has changed."""
        with self._database.connect() as connection:
            (row,) = self._counts.all(connection)
        return int(row["keys"]), int(row["changes"])

    def secrets(self) -> Sequence[Secret]:
        """The valid texts of all keys that are not revoked."""
        query = sa.select(api_keys).where(api_keys.c.revoked_at.is_(None))
        with self._database.connect() as connection:
            rows = connection.execute(query).mappings().all()
        found = []
        for row in rows:
            key = _key(row)
            found.append(Secret(digest=row["digest"], key=key, until=key.expires_at))
            if row["earlier"] is not None:
                ends = [one for one in (_time(row["earlier_until"]), key.expires_at) if one is not None]
                found.append(Secret(digest=row["earlier"], key=key, until=min(ends)))
        return found

    def note_use(self, used: Mapping[str, datetime]) -> None:
        """Store when keys were used last, by their ids, unless that was stored less than `USED_EACH_S` before."""
        late = sa.or_(api_keys.c.used_at.is_(None), api_keys.c.used_at <= sa.bindparam("at") - USED_EACH_S)
        update = sa.update(api_keys).where(api_keys.c.id == sa.bindparam("this"), late)
        rows = [{"this": this, "at": at.timestamp()} for this, at in sorted(used.items())]
        with self._database.begin() as connection:
            connection.execute(update.values(used_at=sa.bindparam("at")), rows)


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "scopes": " ".join(sorted(key.scopes)),
        "limits": json.dumps(dict(key.limits)),
        "hint": key.hint,
        "expires_at": key.expires_at.timestamp() if key.expires_at else None,
    }


def _key(row: Any) -> ApiKey:
    # A later release on the same database may have stored limits or scopes that this one does not know: left out.
    limits = {name: most for name, most in json.loads(row["limits"]).items() if name in LIMITS}
    return ApiKey(
        id=row["id"],
        name=row["name"],
        owner=row["owner"],
        scopes=frozenset(scope for scope in Scope if scope in row["scopes"].split()),
        hint=row["hint"],
        created_at=datetime.fromtimestamp(row["created_at"], UTC),
        limits=limits,
        expires_at=_time(row["expires_at"]),
        revoked_at=_time(row["revoked_at"]),
        used_at=_time(row["used_at"]),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
