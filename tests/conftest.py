"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx2
import pytest

from tests.servers import ServerProcess

# The tests start a hundred processes. Without bytecode on the disk each would compile all that it imports, which takes
# it two seconds of CPU longer.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One real server for all tests that leave it as they found it."""
    running = ServerProcess(tmp_path_factory.mktemp("shared") / "data").start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        yield client
