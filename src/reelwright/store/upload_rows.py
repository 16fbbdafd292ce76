"""The table `uploads`: how many bytes of uploaded files each key has, beside those of its videos.

The files themselves say who owns them (`uploads.py`); a row says which key pays for one. Sync code; every method is
one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from reelwright import ids
from reelwright.store.audit import SERVER, Action, Audit, Who
from reelwright.store.database import tables
from reelwright.store.fleet_queue import LOCK
from reelwright.store.keys import OverLimit
from reelwright.store.transactions import Transactions

uploads = sa.Table(
    "uploads",
    tables,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)


STORED_BYTES = "+".join(
    f"(SELECT coalesce(sum(bytes), 0) FROM {table} WHERE key = {{key}})" for table in ("videos", "uploads")
)
"""What the finished videos and the uploaded files of a key take, in SQL; `{key}` stands for the key."""


class UploadRows:
    def __init__(self, database: Transactions, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def check(self, key: str, size: int, most: int | None) -> None:
        """Raises `OverLimit` when the key has no room for so many bytes; `most`: how many it may have in all."""
        if most is not None:
            with self._database.connect() as connection:
                _left(connection, key, most, size, counted=False)

    def add(self, upload_id: str, size: int, most: int | None, by: Who, now: datetime) -> int | None:
        """A file is there from now on, and is that key's. Returns how many bytes are left to the key by its limit
        `most`. Raises `OverLimit`: then it does not count, and is to be removed."""
        with self._database.begin() as connection:
            if most is not None and not self._database.sqlite:
                locked = sa.text("SELECT pg_advisory_xact_lock(:lock, hashtext(:key))")
                connection.execute(locked, {"lock": LOCK, "key": by.key})
            # The change comes first: from it on SQLite lets nobody else change anything.
            connection.execute(sa.insert(uploads).values(id=upload_id, key=by.key, bytes=size))
            left = None if most is None else _left(connection, by.key, most, size, counted=True)
            self._audit.add(connection, by.did(Action.UPLOADED, upload_id, now))
        return left

    def remove(self, upload_ids: Sequence[str], by: Who, now: datetime) -> None:
        """Their files are gone: their bytes are their keys' again."""
        if upload_ids:
            self._remove(uploads.c.id.in_(upload_ids), by, now)

    def forget(self, before: datetime, now: datetime) -> None:
        """The time of those from before that moment is over."""
        first = ids.file_id(int(before.timestamp() * 1000), lambda bits: 0)
        self._remove(uploads.c.id < first, Who(key=SERVER), now)

    def _remove(self, which: sa.ColumnElement[bool], by: Who, now: datetime) -> None:
        with self._database.begin() as connection:
            gone = connection.execute(sa.delete(uploads).where(which).returning(uploads.c.id)).scalars().all()
            for upload_id in gone:
                self._audit.add(connection, by.did(Action.REMOVED, upload_id, now))


def _left(connection: sa.Connection, key: str, most: int, size: int, *, counted: bool) -> int:
    """What is left of a key's bytes with that many more, which are `counted` already or not. Raises `OverLimit`."""
    query = sa.text(f"SELECT {STORED_BYTES.format(key=':key')}")
    used = int(connection.execute(query, {"key": key}).scalar_one()) - (size if counted else 0)
    if used + size > most:
        raise OverLimit("stored_bytes", most, used)
    return most - used - size
