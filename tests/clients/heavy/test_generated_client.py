"""A Python client that openapi-python-client makes from the document."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.servers import ServerProcess

pytestmark = pytest.mark.client("openapi-python-client", "pypi:openapi-python-client")

HERE = Path(__file__).parent
FILES = ("video/mp4", "video/webm", "image/jpeg", "image/png", "image/webp", "image/gif")
CONFIG = {"content_type_overrides": dict.fromkeys(FILES, "application/octet-stream"), "post_hooks": []}
"""The generator takes one media type for a file."""


@pytest.fixture(scope="module")
def seen(python: Path, keyed: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a program saw that uses the client."""
    folder = tmp_path_factory.mktemp("generated")
    document, config = folder / "openapi.json", folder / "config.yaml"
    document.write_bytes(httpx2.get(f"{keyed.url}/openapi.json", timeout=30).content)
    config.write_text(json.dumps(CONFIG))
    generator = [python, "-m", "openapi_python_client", "generate", "--path", document, "--config", config]
    options = ["--meta", "none", "--output-path", folder / "made"]
    made = subprocess.run([*generator, *options], capture_output=True, text=True, timeout=200, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    program = [python, HERE / "generated_client.py", folder, keyed.url]
    run = subprocess.run(program, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))


def test_a_video_is_made_in_json_and_in_a_form(seen: dict[str, Any]) -> None:
    assert seen["statuses"] == ["completed", "completed"]


def test_it_is_downloaded(seen: dict[str, Any]) -> None:
    assert seen["content"][4:8] == seen["at_once"][4:8] == "ftyp"


def test_lists_deletions_and_errors_are_read(seen: dict[str, Any]) -> None:
    assert (seen["listed"], seen["deleted"]) == (3, True)
    assert "Invalid model: 'unheard-of'" in seen["refused"]
