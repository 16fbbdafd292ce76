"""The store: the database and the files of one server, opened and closed together."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from reelwright.store.database import DatabaseLock, open_database
from reelwright.store.deliveries import Deliveries
from reelwright.store.files import DirectoryLock, Files
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
    locks: tuple[DirectoryLock, DatabaseLock]

    def open(self) -> None:
        """Lock, make folders and tables. Raises `ConfigurationError`, for one when another server is at work here."""
        directory, database = self.locks
        directory.acquire(f"the server with process id {os.getpid()} on {socket.gethostname()}")
        self.files.prepare()
        database.acquire()
        self.records.create_tables()
        self.deliveries.create_tables()
        self.secret()

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
        locks=(DirectoryLock(folder), DatabaseLock(database)),
    )
