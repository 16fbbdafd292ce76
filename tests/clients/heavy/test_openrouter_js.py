"""The AI SDK (`ai` from npm) with OpenRouter's provider, driven by node (`openrouter.mjs`)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.asks import picture
from tests.servers import ServerProcess

pytestmark = pytest.mark.client("AI SDK with @openrouter/ai-sdk-provider (Node.js)", "npm:@openrouter/ai-sdk-provider")

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def seen(
    heavy_node: str,
    near: ServerProcess,
    keyed: ServerProcess,
    picture_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What the script saw."""
    path = tmp_path_factory.mktemp("openrouter") / "picture.png"
    path.write_bytes(picture(width=90, height=160))
    arguments = [f"{near.url}/api/v1", f"{keyed.url}/api/v1", str(path), picture_url]
    program = [heavy_node, "openrouter.mjs", *arguments]
    run = subprocess.run(program, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))


def test_a_video_is_made_and_fetched(seen: dict[str, Any]) -> None:
    plain = seen["plain"]
    assert (plain["begins"], plain["mediaType"], plain["warnings"]) == ("ftyp", "video/mp4", [])
    assert plain["metadata"]["cost"] == 0
    assert plain["metadata"]["generationId"].startswith("video_")


def test_a_picture_by_bytes_and_by_address(seen: dict[str, Any]) -> None:
    assert seen["pictures"] == ["ftyp", "ftyp"]


def test_an_aspect_ratio_and_options_of_the_provider(seen: dict[str, Any]) -> None:
    assert (seen["shaped"]["begins"], seen["passed"]["begins"]) == ("ftyp", "ftyp")


def test_several_videos(seen: dict[str, Any]) -> None:
    assert seen["several"] == 2


def test_a_key_is_asked_for(seen: dict[str, Any]) -> None:
    assert seen["withKey"]["begins"] == "ftyp"
    assert seen["wrongKey"] == {"name": "AI_APICallError", "message": "Missing or invalid API key", "status": 401}


def test_a_failed_job_is_an_error_in_its_own_words(seen: dict[str, Any]) -> None:
    assert (seen["refused"]["name"], seen["refused"]["message"]) == ("AI_APICallError", "Prompt refused")


def test_what_cannot_be_is_refused_by_name(seen: dict[str, Any]) -> None:
    for what, named in (("tooLong", "duration"), ("noSuchModel", "model"), ("sound", "generate_audio")):
        assert seen[what]["status"] == 400
        assert seen[what]["message"].startswith(f"Invalid {named}: ")
