"""The store: the database and the files of one server, opened and closed together."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
import structlog

from reelwright.errors import ConfigurationError, DatabaseBusy, DatabaseLost
from reelwright.store.annotations import Annotations
from reelwright.store.audit import Audit
from reelwright.store.buckets import Buckets
from reelwright.store.chores import Chores
from reelwright.store.database import FILE as DATABASE_FILE
from reelwright.store.database import check_answers, driver_url, make_private, open_database
from reelwright.store.database import tables as tables  # whole here: every module that adds one is imported
from reelwright.store.deliveries import Deliveries
from reelwright.store.files import DATABASE_ID, STORE_ID, DirectoryLock, Files
from reelwright.store.fleet_queue import FleetQueue
from reelwright.store.folder import FileIdentity
from reelwright.store.following import Followers
from reelwright.store.keys import ApiKeys
from reelwright.store.migrations import Schema, migrate, name_store
from reelwright.store.objects import Bucket, BucketAddress
from reelwright.store.oversight import Oversight
from reelwright.store.presence import Presence
from reelwright.store.private import close_to_others
from reelwright.store.records import Records
from reelwright.store.resumable import Resumable
from reelwright.store.secret import link_secret, signing_secret
from reelwright.store.transactions import Transactions, writing_threads
from reelwright.store.upload_rows import UploadRows
from reelwright.store.uploads import Uploads
from reelwright.store.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """`writing`: the threads in which the database is changed. `secret`: reads the secret that signs webhooks,
    `link_secret` the one that signs the links to share a video.

    `files_are`: where the files lie, in words; `files_setting`: what says so.
    `listen_url`: of the Postgres whose notices tell what other processes do; None: there are none, as with SQLite.
    """

    records: Records
    annotations: Annotations
    deliveries: Deliveries
    files: Files
    uploads: Uploads
    upload_rows: UploadRows
    writing: Executor
    secret: Callable[[], str]
    link_secret: Callable[[], str]
    database: sa.Engine
    folder: Path
    files_are: str
    files_setting: str
    lock: DirectoryLock
    database_file: FileIdentity
    chores: Chores
    resumable: Resumable
    fleet_queue: FleetQueue
    following: Followers
    presence: Presence
    keys: ApiKeys
    usage: Usage
    audit: Audit
    oversight: Oversight
    buckets: Buckets
    listen_url: str | None

    def check_database(self) -> None:
        """Raises `Busy` when the database takes no writes, FileNotFoundError when its file was moved or removed."""
        if not self.shared:
            self.database_file.check()
        self.records.check_writable()

    @property
    def shared(self) -> bool:
        """Whether other processes may work on the same database."""
        return self.listen_url is not None

    @property
    def name(self) -> str:
        """What messages call the database; without its password."""
        address = self.database.url
        if address.get_backend_name() == "sqlite":
            return f"The database {address.database}"
        return f"The database {address.database} on {address.host or 'this machine'}"

    def open(self) -> None:
        """Lock the data directory, and create folders and tables.

        Raises `ConfigurationError`: when another server works on the data directory, for one.
        """
        self._close_to_others()
        if self.shared:
            check_answers(self.database)
        else:
            self.lock.acquire(f"the server with process id {os.getpid()} on {socket.gethostname()}")
        self.files.prepare(alone=not self.shared)
        if not self.shared:
            make_private(self.folder)
        with self.damage_told():
            self._check_that_they_belong_together(migrate(self.database, tables))
        if not self.shared:
            self.database_file.note()
        self.secret()

    def _close_to_others(self) -> None:
        """Before anything there is opened, and locked by that: closing a file again would undo it."""
        try:
            left = close_to_others(self.folder)
        except OSError:  # there is none yet, or it cannot be used: that is told later
            return
        if left:
            structlog.get_logger("reelwright.store").warning(
                "other users of this machine may read the data directory: its modes could not be changed",
                first=left[0],
                paths=len(left),
                remedy="chmod -R go= as the user to whom they belong",
            )

    @contextmanager
    def damage_told(self) -> Iterator[None]:
        """Turns the errors of a database that cannot be used into a `ConfigurationError` that says what to do."""
        try:
            yield
        except DatabaseBusy:
            raise ConfigurationError(f"{self.name} is held by another program. Stop that one first.") from None
        except DatabaseLost:
            raise ConfigurationError(
                f"{self.name} is damaged. Restore a backup, or set REELWRIGHT_DATA_DIR (or DATABASE_URL) to start anew."
            ) from None

    def _check_that_they_belong_together(self, schema: Schema) -> None:
        """The files of videos that a database does not know are removed; so it must be the right database. And the
        files that it knows must be here, or they would be told to be gone.

        Raises `ConfigurationError` when the files are another database's, or are of videos of which it knows none, or
        when the database's files lie elsewhere.
        """
        known = self.files.mark(DATABASE_ID)
        if known is None and (there := self.files.videos()) and not there & self.records.ids():
            known = "another one"
        if known not in (None, schema.id):
            raise ConfigurationError(
                f"The files in {self.files_are} belong to another database than {self.name}. Name that database again, "
                f"or set {self.files_setting} to another place. Nothing was removed."
            )
        here = self.files.mark(STORE_ID)
        if here is None and (schema.store is None or known == schema.id):
            here = self.files.keep_mark(STORE_ID, schema.store or secrets.token_hex(16))
        if here is None or name_store(self.database, here) != here:
            raise ConfigurationError(
                f"{self.name} has its videos in another place than {self.files_are}. Set REELWRIGHT_DATA_DIR or "
                "REELWRIGHT_S3_BUCKET as on the machine that made them. Nothing was removed."
            )
        self.files.keep_mark(DATABASE_ID, schema.id)

    def close(self) -> None:
        """Close the database and release the lock, also after an `open` that failed."""
        self.database.dispose()
        self.lock.release()


def build_store(
    data_dir: Path,
    database_url: str | None,
    listen_url: str | None,
    on_lost_disk: Callable[[], None],
    address: BucketAddress | None,
    *,
    audited: bool,
) -> Store:
    """Connects the parts; nothing is opened yet. `listen_url`: Postgres itself, where `database_url` is that of a
    pooler. `address`: of the bucket that holds the files; None: the data directory does. `audited`: whether it is
    written down who does what.

    `on_lost_disk`: see `GroupCommit`. Raises `ConfigurationError`.
    """
    folder = data_dir.absolute()
    database = open_database(database_url, folder)
    if database_url:
        listen_url = driver_url(open_database(listen_url or database_url, folder))
    transactions = Transactions(database)
    audit = Audit(transactions, kept=audited)
    files = Files(folder, Bucket(address, folder / "cache") if address else None)
    return Store(
        records=Records(transactions, audit),
        annotations=Annotations(transactions),
        deliveries=Deliveries(transactions),
        files=files,
        files_are=str(address or f"the folder {folder}"),
        files_setting="REELWRIGHT_S3_BUCKET" if address else "REELWRIGHT_DATA_DIR",
        uploads=Uploads(files.objects),
        upload_rows=UploadRows(transactions, audit),
        writing=writing_threads(transactions, on_lost_disk),
        secret=lambda: signing_secret(transactions, folder),
        link_secret=lambda: link_secret(transactions),
        database=database,
        folder=folder,
        lock=DirectoryLock(folder),
        database_file=FileIdentity(folder / DATABASE_FILE),
        chores=Chores(transactions),
        resumable=Resumable(transactions),
        fleet_queue=FleetQueue(transactions),
        following=Followers(transactions),
        presence=Presence(folder),
        keys=ApiKeys(transactions, audit),
        usage=Usage(transactions),
        audit=audit,
        oversight=Oversight(transactions, audit),
        buckets=Buckets(transactions),
        listen_url=listen_url if database_url else None,
    )


@contextmanager
def open_fleet(database_url: str, *, audited: bool, changes: bool) -> Iterator[tuple[FleetQueue, Oversight]]:
    """The processes and queues of a fleet, for the command line. `changes`: something is going to be changed, so the
    tables are brought up to date first: there may be none for the audit yet. Raises `ConfigurationError`.
    """
    database = open_database(database_url, Path())
    try:
        check_answers(database)
        transactions = Transactions(database)
        oversight = Oversight(transactions, Audit(transactions, kept=audited))
        try:
            oversight.paused()
        except DatabaseLost:
            raise ConfigurationError("No Reelwright has worked on that database yet: it has no tables.") from None
        if changes:
            migrate(database, tables)
        yield FleetQueue(transactions), oversight
    except DatabaseBusy:
        raise ConfigurationError("The Postgres of the fleet does not answer.") from None
    finally:
        database.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTables:
    """The tables that an operator's commands read and change: API keys, usage, and the audit."""

    keys: ApiKeys
    usage: Usage
    audit: Audit


@contextmanager
def open_tables(data_dir: Path, database_url: str | None, *, audited: bool) -> Iterator[OperatorTables]:
    """Open the tables for an operator's command. A server may work on the same database at the same time, or may never
    have been started: tables that are missing are made. Raises `ConfigurationError`.
    """
    folder = data_dir.absolute()
    database = open_database(database_url, folder)
    try:
        if database_url:
            check_answers(database)
        else:
            folder.mkdir(0o700, parents=True, exist_ok=True)
            if not (folder / DATABASE_FILE).exists():
                make_private(folder)
        migrate(database, tables)
        transactions = Transactions(database)
        audit = Audit(transactions, kept=audited)
        yield OperatorTables(keys=ApiKeys(transactions, audit), usage=Usage(transactions), audit=audit)
    except (DatabaseBusy, DatabaseLost) as error:
        raise ConfigurationError(f"{error.message}: `reelwright doctor` says more.") from None
    finally:
        database.dispose()
