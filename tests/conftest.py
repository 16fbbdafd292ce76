"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import httpx2
import pytest

from tests.contract import checking
from tests.databases import DATABASES, Cluster, Settings, fresh_database, running_postgres
from tests.objects import STORES, ObjectServer
from tests.servers import SOURCES, ServerProcess

# The tests start a hundred processes. Without bytecode on the disk each would compile all that it imports, which takes
# it two seconds of CPU longer.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

os.environ["PYTHONPATH"] = SOURCES

# A shell starts what runs in its background deaf to Ctrl-C; the programs that the tests interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.running"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One real server for all tests that leave it as they found it."""
    running = ServerProcess(tmp_path_factory.mktemp("shared") / "data").start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    """Every answer is compared with the API's document."""
    with checking(server.url) as client:
        yield client


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One Postgres for all tests, started by the first that needs it."""
    with running_postgres() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def postgres(cluster: Cluster) -> Iterator[str]:
    """The URL of a database of Postgres for this module only."""
    with cluster.database() as url:
        yield url


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """The settings of a fresh database: SQLite, or what `ON_BOTH` says. Postgres has its tables in it already."""
    with fresh_database(request, getattr(request, "param", "sqlite"), empty=False) as settings:
        yield settings


@pytest.fixture(scope="module", params=DATABASES)
def shared_database(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """The settings of an empty database for all tests of a module, which run on SQLite and then on Postgres."""
    with fresh_database(request, request.param, empty=True) as settings:
        yield settings


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """One S3 server for all tests, started by the first that needs it."""
    running = ObjectServer(tmp_path_factory.mktemp("swift")).start()
    yield running
    running.kill()


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """The settings of a fresh store: the data directory, or what `ON_BOTH_STORES` says."""
    yield from _store(request, getattr(request, "param", "folder"))


@pytest.fixture(scope="module", params=STORES)
def shared_store(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """The settings of a store for all tests of a module, which run on a folder and then on a bucket."""
    yield from _store(request, request.param)


def _store(request: pytest.FixtureRequest, kind: str) -> Iterator[Settings]:
    if kind == "folder":
        yield {}
        return
    with request.getfixturevalue("object_server").bucket() as settings:
        yield settings
