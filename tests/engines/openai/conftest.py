from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.engines.openai import ending
from tests.engines.openai.stage import Stage
from tests.fakes.videos import TOKEN


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("REELWRIGHT_UPSTREAM_TOKEN", TOKEN)
    monkeypatch.setattr(ending, "AGAIN_S", 0.05)
    stage = Stage(tmp_path)
    yield stage
    stage.wait_for_ends()
    stage.close()
