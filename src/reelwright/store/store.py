"""The store: the database and the files of one server, opened and closed together."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from reelwright.errors import ConfigurationError, DatabaseBusy, DatabaseLost
from reelwright.store.database import DatabaseLock, open_database, tables
from reelwright.store.deliveries import Deliveries
from reelwright.store.files import DirectoryLock, Files
from reelwright.store.migrations import Schema, migrate
from reelwright.store.records import Records
from reelwright.store.secret import signing_secret
from reelwright.store.transactions import Transactions, writing_threads
from reelwright.store.uploads import Uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """`writing`: the threads in which the database is changed. `secret`: reads the secret that signs webhooks."""

    records: Records
    deliveries: Deliveries
    files: Files
    uploads: Uploads
    writing: Executor
    secret: Callable[[], str]
    database: sa.Engine
    folder: Path
    locks: tuple[DirectoryLock, DatabaseLock]

    @property
    def name(self) -> str:
        """The database, as messages call it; without its password."""
        address = self.database.url
        if address.get_backend_name() == "sqlite":
            return f"The database {address.database}"
        return f"The database {address.database} on {address.host or 'this machine'}"

    def open(self) -> None:
        """Lock, make folders and tables. Raises `ConfigurationError`, for one when another server is at work here."""
        directory, database = self.locks
        directory.acquire(f"the server with process id {os.getpid()} on {socket.gethostname()}")
        self.files.prepare()
        database.acquire()
        with self.damage_told():
            self._check_that_they_belong_together(migrate(self.database, tables))
        self.secret()

    @contextmanager
    def damage_told(self) -> Iterator[None]:
        """Within it a database that cannot be used is a `ConfigurationError` that says what to do."""
        try:
            yield
        except DatabaseBusy:
            raise ConfigurationError(f"{self.name} is held by another program. Stop that one first.") from None
        except DatabaseLost:
            raise ConfigurationError(
                f"{self.name} is damaged. Restore a backup, or set REELWRIGHT_DATA_DIR (or DATABASE_URL) to start anew."
            ) from None

    def _check_that_they_belong_together(self, schema: Schema) -> None:
        """The files of videos that a database does not know are removed; so it must be the right database.

        Raises `ConfigurationError` when the directory is another database's, or has videos of which it knows none.
        """
        known = self.files.database_id()
        if known is None and (not (there := self.files.videos()) or there & self.records.ids()):
            self.files.keep_database_id(schema.id)
        elif known != schema.id:
            raise ConfigurationError(
                f"The files in {self.folder} belong to another database than {self.name}. Name that database again, or "
                "set REELWRIGHT_DATA_DIR to another folder. Nothing was removed."
            )

    def close(self) -> None:
        """Give back what `open` has locked, as far as it came."""
        directory, database = self.locks
        database.release()
        self.database.dispose()
        directory.release()


def build_store(data_dir: Path, database_url: str | None, on_lost_disk: Callable[[], None]) -> Store:
    """Connects the parts; nothing is opened yet. `on_lost_disk`: see `GroupCommit`. Raises `ConfigurationError`."""
    folder = data_dir.absolute()
    database = open_database(database_url, folder)
    transactions, files = Transactions(database), Files(data_dir)
    return Store(
        records=Records(transactions),
        deliveries=Deliveries(transactions),
        files=files,
        uploads=Uploads(data_dir / "uploads", files),
        writing=writing_threads(transactions, on_lost_disk),
        secret=lambda: signing_secret(folder),
        database=database,
        folder=folder,
        locks=(DirectoryLock(folder), DatabaseLock(database)),
    )
