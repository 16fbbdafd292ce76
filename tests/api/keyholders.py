"""A server with an admin, and clients of it with keys that the admin has made, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.cli.command import run
from tests.contract import checking
from tests.databases import Settings
from tests.servers import ServerProcess


def new_admin(data_dir: Path, database: Settings) -> str:
    """The text of a key with the scope `admin`, made by the command before the server's first start."""
    arguments = ("keys", "create", "--name", "operator", "--scope", "admin")
    made = run(*arguments, cwd=data_dir.parent, REELWRIGHT_DATA_DIR=str(data_dir), **database)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@contextmanager
def holding(server: ServerProcess, key: str) -> Iterator[httpx2.Client]:
    """A client with that key; each answer is compared with the API's document."""
    with checking(server.url, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


class House:
    """`admin` is a client with an admin's key. `settings`: of its database."""

    def __init__(self, server: ServerProcess, admin: httpx2.Client, settings: Settings) -> None:
        self.server = server
        self.admin = admin
        self.settings = settings

    def make(self, **fields: Any) -> dict[str, Any]:
        """A new key as the server tells it, with its text."""
        answer = self.admin.post("/v1/keys", json={"name": "ann", **fields})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    @contextmanager
    def holder(self, **fields: Any) -> Iterator[httpx2.Client]:
        """A client with a new key."""
        with holding(self.server, self.make(**fields)["key"]) as client:
            yield client


@contextmanager
def house(data_dir: Path, database: Settings, **settings: str) -> Iterator[House]:
    key = new_admin(data_dir, database)
    with ServerProcess(data_dir, **database, **settings) as server, holding(server, key) as admin:
        yield House(server, admin, database)
