"""The secrets that sign webhooks and shared links: rows of the database, so all processes that work on it sign alike.

Each is made when it is first wanted. Releases before kept that of webhooks in a file of the data directory; where there
is one and no row yet, the row gets its secret. The file stays for a return to that release, and is not read again.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from reelwright.errors import ConfigurationError, DatabaseBusy, DatabaseLost
from reelwright.store.database import FILE as DATABASE_FILE
from reelwright.store.database import open_database
from reelwright.store.transactions import Transactions

FILE = "webhook-secret"
SECRET_BYTES = 32

WEBHOOK, LINK = "webhook", "link"

_READ = sa.text("SELECT value FROM secrets WHERE name = :name")
_MAKE = sa.text("INSERT INTO secrets (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING")


def signing_secret(database: Transactions, data_dir: Path) -> str:
    """The secret that signs webhooks: `whsec_` and base 64, as Standard Webhooks writes a symmetric secret.

    It is created if there is none yet.
    """
    return _kept(database, WEBHOOK, lambda: _of_the_release_before(data_dir) or _new())


def link_secret(database: Transactions) -> str:
    """The secret that signs links to shared videos: 64 hexadecimal digits. It is created if there is none yet."""
    return _kept(database, LINK, lambda: secrets.token_hex(SECRET_BYTES))


def stored_secret(data_dir: Path, database_url: str | None) -> str:
    """The secret of the server that works, or has worked, on this database. Changes nothing.

    Raises `ConfigurationError` when none has yet, or the database cannot be read.
    """
    found = None
    if database_url or (data_dir / DATABASE_FILE).exists():
        database = Transactions(open_database(database_url, data_dir))
        try:
            with database.connect() as connection:
                made = sa.inspect(connection).has_table("secrets")
            found = _known(database, WEBHOOK) if made else _of_the_release_before(data_dir)
        except (DatabaseBusy, DatabaseLost) as error:
            raise ConfigurationError(f"{error.message}: `reelwright doctor` says more.") from None
        finally:
            database.engine.dispose()
    if not found:
        raise ConfigurationError("There is no secret yet: the first start of the server on this database makes it.")
    return found


def _kept(database: Transactions, name: str, make: Callable[[], str]) -> str:
    if known := _known(database, name):
        return known
    with database.begin() as connection:
        connection.execute(_MAKE, {"name": name, "value": make()})
    return _kept(database, name, make)  # another process may have stored one at the same moment: then its secret counts


def _known(database: Transactions, name: str) -> str | None:
    with database.connect() as connection:
        return connection.execute(_READ, {"name": name}).scalar()


def _new() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _of_the_release_before(data_dir: Path) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        return (data_dir / FILE).read_text().strip()
    return None
