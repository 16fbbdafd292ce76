"""LangChain's `Replicate` (langchain-community), as it is (`langchain_replicate.py`)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.asks import picture
from tests.servers import ServerProcess

pytestmark = pytest.mark.client("LangChain Replicate (langchain-community)", "pypi:langchain-community")

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def seen(python: Path, near: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What it saw."""
    path = tmp_path_factory.mktemp("langchain") / "picture.png"
    path.write_bytes(picture())
    environment = {**os.environ, "REPLICATE_BASE_URL": near.url, "REPLICATE_API_TOKEN": "any"}
    program = [python, HERE / "langchain_replicate.py", path]
    run = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize("way", ["plain", "version", "picture"])
def test_a_prompt_becomes_the_address_of_a_video(seen: dict[str, Any], way: str) -> None:
    assert httpx2.get(seen[way]).content[4:8] == b"ftyp"


def test_a_failure_is_an_error(seen: dict[str, Any]) -> None:
    assert seen["refused"] == "Prompt refused"
