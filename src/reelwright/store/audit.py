"""The table `audit`: who made, read and deleted what, who was refused, and what happened to keys. Never a prompt.

Rows are only added, and removed when their time is over; the database itself refuses to change one. What changes
something is told within the transaction of that change: neither is there without the other.

The order is that of the ids, which are made when a row is written. Sync code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright import ids
from reelwright.store.database import tables
from reelwright.store.prepared import run
from reelwright.store.transactions import Transactions

audit = sa.Table(
    "audit",
    tables,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
)

COMMAND = "command"
"""The `key` of entries about `reelwright keys` and `fleet`, which whoever can write the database can run."""
SERVER = "server"
"""The `key` of entries about what the server does by itself, such as removing an expired video or uploaded file."""
REMOVED_AT_ONCE = 20_000
"""The most rows that one sweep removes, so that the transaction stays short."""


class Action(StrEnum):
    CREATED = "video.created"
    READ = "video.read"
    CANCELLED = "video.cancelled"
    DELETED = "video.deleted"
    MOVED = "video.moved"
    SHARED = "video.shared"
    UPLOADED = "file.created"
    REMOVED = "file.deleted"
    REFUSED = "request.refused"
    PAUSED = "engine.paused"
    RESUMED = "engine.resumed"
    DRAINED = "worker.drained"
    UNDRAINED = "worker.resumed"
    KEY_CREATED = "key.created"
    KEY_CHANGED = "key.changed"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What somebody did. `action`: one of `Action`, or of a later release.

    `key`: the id of the API key, `COMMAND`, `SERVER`, or empty: no key, or a wrong one. `about`: the id of the video,
    file, key or process, or the engine. `code`: why it was refused. `number`: of requests, where several are one entry.
    `address`: where they came from; empty when that is unknown, or several.
    """

    at: datetime
    action: str
    key: str
    about: str = ""
    code: str = ""
    number: int = 1
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who does something: the first part of an `Entry`."""

    key: str
    address: str = ""

    def did(self, action: Action, about: str, at: datetime) -> Entry:
        return Entry(at=at, action=action, key=self.key, about=about, address=self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which entries are wanted; None: any. `after`: the id of the last one that was seen."""

    key: str | None = None
    action: str | None = None
    about: str | None = None
    since: datetime | None = None
    after: str | None = None
    newest_first: bool = True


_COLUMNS = tuple(column.name for column in audit.columns)


class Audit:
    def __init__(self, database: Transactions, *, kept: bool = True) -> None:
        """`kept`: False switches the audit off."""
        self.kept = kept
        self._database = database
        named = ":{}" if database.sqlite else "%({})s"
        values = ", ".join(named.format(name) for name in _COLUMNS)
        into = f"INSERT INTO audit ({', '.join(_COLUMNS)}) VALUES"
        self._insert = f"{into} ({values})"
        beside = ", ".join(f"%(audit_{name})s" for name in _COLUMNS)
        self._beside = f"WITH told AS ({into} ({beside}))"

    def beside(self, entry: Entry | None) -> tuple[str, Mapping[str, Any]]:
        """What writes the entry along with an INSERT, as its beginning and further values: on Postgres that saves a way
        to the database. Empty where there is nothing to write, or the database cannot do it: then `add` writes it."""
        if not self.kept or entry is None or self._database.sqlite:
            return "", {}
        return self._beside, {f"audit_{name}": value for name, value in _row(entry, entry.at).items()}

    def add(self, connection: sa.Connection, entry: Entry | None) -> None:
        """Add an entry within the transaction of the change that it is about."""
        if self.kept and entry is not None:
            run(connection, self._insert, _row(entry, entry.at))

    def write(self, entries: Sequence[Entry], now: datetime) -> None:
        """Add entries that were gathered in memory, in a transaction of their own."""
        if self.kept and entries:
            with self._database.begin() as connection:
                connection.exec_driver_sql(self._insert, [_row(entry, now) for entry in entries])

    def page(self, asked: Asked, limit: int) -> Sequence[tuple[str, Entry]]:
        """At most `limit` entries with their ids, in the order of these."""
        order = audit.c.id.desc() if asked.newest_first else audit.c.id.asc()
        query = sa.select(audit).order_by(order).limit(limit)
        for column, value in ((audit.c.key, asked.key), (audit.c.action, asked.action), (audit.c.about, asked.about)):
            if value is not None:
                query = query.where(column == value)
        if asked.since is not None:
            # An entry may be written later than it happened, never earlier: so its id is not before `since`.
            query = query.where(audit.c.id >= _first_id(asked.since), audit.c.at >= asked.since.timestamp())
        if asked.after is not None:
            query = query.where(audit.c.id < asked.after if asked.newest_first else audit.c.id > asked.after)
        with self._database.connect() as connection:
            return [(row["id"], _entry(row)) for row in connection.execute(query).mappings()]

    def forget(self, before: datetime) -> None:
        """Remove entries that were written before that time, at most `REMOVED_AT_ONCE`."""
        old = sa.select(audit.c.id).where(audit.c.id < _first_id(before)).order_by(audit.c.id).limit(REMOVED_AT_ONCE)
        with self._database.begin() as connection:
            connection.execute(sa.delete(audit).where(audit.c.id.in_(old)))


def facts(entry_id: str, entry: Entry) -> dict[str, Any]:
    """An entry in the form of the API and the command line."""
    told = {**dataclasses.asdict(entry), "at": entry.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    return {"id": entry_id, **told, "action": str(entry.action)}


def _row(entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "id": ids.audit_id(int(now.timestamp() * 1000)),
        "at": entry.at.timestamp(),
        "action": str(entry.action),
        "key": entry.key,
        "about": entry.about,
        "code": entry.code,
        "number": entry.number,
        "address": entry.address,
    }


def _entry(row: Any) -> Entry:
    return Entry(
        at=datetime.fromtimestamp(row["at"], UTC),
        action=row["action"],
        key=row["key"],
        about=row["about"],
        code=row["code"],
        number=row["number"],
        address=row["address"],
    )


def _first_id(moment: datetime) -> str:
    """The smallest id that an entry written from that time on can have."""
    return ids.audit_id(max(0, int(moment.timestamp() * 1000)), lambda bits: 0)
