"""The environment of the large clients: their Python, beside ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.conftest import node_with
from tests.servers import ROOT

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter that has the packages of requirements.txt."""
    path = ROOT / ".venv" / "clients" / "bin" / "python"
    if not path.exists():
        pytest.skip("the large clients are not installed; run `make test-clients`")
    return path


@pytest.fixture(scope="session")
def heavy_node(python: Path) -> str:
    """The path of node, beside which the packages of heavy/package.json are installed."""
    return node_with(HERE)
