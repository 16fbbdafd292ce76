"""LiteLLM: its SDK, and its proxy between the OpenAI client and this server."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from tests.api.asks import picture
from tests.processes import Process
from tests.servers import ServerProcess, eventually, free_port

pytestmark = [
    pytest.mark.client("LiteLLM (SDK and proxy)", "pypi:litellm"),
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def seen(python: Path, near: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the SDK saw."""
    path = tmp_path_factory.mktemp("litellm") / "picture.png"
    path.write_bytes(picture())
    program = [python, HERE / "litellm_sdk.py", f"{near.url}/v1", path]
    run = subprocess.run(program, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout.splitlines()[-1]))


def test_a_video_is_made_and_fetched(seen: dict[str, Any]) -> None:
    assert (seen["status"], seen["content"][4:8]) == ("completed", "ftyp")


def test_an_openai_model_means_the_configured_engine(seen: dict[str, Any]) -> None:
    assert seen["retired"] == "completed"


def test_a_picture_is_set_in_motion(seen: dict[str, Any]) -> None:
    assert seen["moved"] == "completed"


def test_remix_and_list(seen: dict[str, Any]) -> None:
    assert seen["remixed"] == "completed"
    assert seen["listed"] >= 4


def test_an_unknown_model_is_told(seen: dict[str, Any]) -> None:
    assert "Invalid model: 'unheard-of'" in seen["refused"]


@pytest.fixture(scope="module")
def proxy(python: Path, near: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of LiteLLM's proxy in front of the server, and its key."""
    folder = tmp_path_factory.mktemp("proxy")
    model = {"model": "openai/toy", "api_base": f"{near.url}/v1", "api_key": "any"}
    key = "sk-" + secrets.token_hex(32)
    config = {
        "model_list": [{"model_name": "film", "litellm_params": model}],
        "general_settings": {"master_key": key},
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    port = free_port()
    program = [python.with_name("litellm"), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = Process(program, cwd=folder, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return httpx2.get(f"{url}/health/liveliness", timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    with process:
        eventually(answers, 120, 0.2)
        yield url, key


def test_the_openai_client_through_the_proxy(proxy: tuple[str, str]) -> None:
    url, key = proxy
    with OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as client:
        video = client.videos.create(model="film", prompt="paint", size="64x64", seconds="1")  # type: ignore[arg-type]
        eventually(lambda: client.videos.retrieve(video.id).status == "completed", 60, 0.2)
        assert client.videos.download_content(video.id).read()[4:8] == b"ftyp"
