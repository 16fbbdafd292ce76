from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.engines.huggingface.access import HOMES
from reelwright.engines.huggingface.render import CANCELLER
from tests.engines.huggingface.stage import Stage
from tests.engines.remote import join_threads
from tests.fakes.huggingface import TOKEN, FakeHuggingFace


@pytest.fixture
def fake() -> Iterator[FakeHuggingFace]:
    with FakeHuggingFace() as fake:
        yield fake


@pytest.fixture
def stage(fake: FakeHuggingFace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for home in HOMES.values():
        monkeypatch.delenv(home.variable, raising=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield Stage(fake, tmp_path / "jobs")
    join_threads(CANCELLER)
    # Whatever a test did: no host but the hub, its router and the endpoint ever saw the token, and no key went to
    # anybody but its own provider.
    assert fake.strangers_with_token == []
