from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.video_server import FakeVideoServer


@pytest.fixture
def fake() -> Iterator[FakeVideoServer]:
    """A server whose jobs do what the test says."""
    with FakeVideoServer() as server:
        yield server
