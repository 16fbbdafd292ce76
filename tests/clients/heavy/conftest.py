"""The environment of the large clients: their Python, beside ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import ROOT


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter that has the packages of requirements.txt."""
    path = ROOT / ".venv" / "clients" / "bin" / "python"
    if not path.exists():
        pytest.skip("the large clients are not installed; run `make test-clients`")
    return path
