"""Vercel's `ai` and `@ai-sdk/replicate` from npm, driven by node (`ai_sdk.mjs`)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asks import picture
from tests.clients.conftest import run_node
from tests.servers import ServerProcess

pytestmark = pytest.mark.client("ai with @ai-sdk/replicate (Node.js)", "npm:@ai-sdk/replicate")


@pytest.fixture(scope="module")
def seen(heavy_node: str, near: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script saw."""
    path = tmp_path_factory.mktemp("ai") / "picture.png"
    path.write_bytes(picture(width=96, height=160))
    return run_node(heavy_node, "heavy/ai_sdk.mjs", f"{near.url}/v1", str(path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", [128, 64, 8, 4, False]),
        ("version", [64, 64, 12, 6, False]),
        ("frame", [64, 64, 12, 6, True]),
        ("options", [64, 64, 8, 4, False]),
        ("polled", [64, 64, 12, 6, False]),
    ],
)
def test_what_was_asked_for_is_made(seen: dict[str, Any], name: str, expected: list[Any]) -> None:
    made = seen[name]
    assert (made["magic"], made["types"], made["warnings"]) == (["ftyp"], ["video/mp4"], [])
    assert made["seen"] == expected


def test_its_words_are_shown_again(seen: dict[str, Any]) -> None:
    assert seen["plain"]["input"] == {"prompt": "paint", "size": "128x64", "duration": 0.5, "fps": 8, "seed": 9}
    assert seen["picture"]["input"]["image"].startswith("data:image/png;base64,")


def test_a_shape_and_a_pictures_shape(seen: dict[str, Any]) -> None:
    for name, ratio in (("shape", 9 / 16), ("picture", 96 / 160)):
        width, height, *_ = seen[name]["seen"]
        assert width / height == pytest.approx(ratio, rel=0.05), name
    assert seen["picture"]["seen"][-1] is True


def test_several_at_once(seen: dict[str, Any]) -> None:
    assert seen["several"]["magic"] == ["ftyp"] * 3


def test_options_of_other_models_are_told(seen: dict[str, Any]) -> None:
    told = {warning.partition(" ")[0] for warning in seen["options"]["told"]}
    assert told == {"motion_bucket_id", "prompt_optimizer", "decoding_t"}


def test_errors_say_what_is_wrong(seen: dict[str, Any]) -> None:
    errors = seen["errors"]
    assert errors["failed"]["message"] == "Video generation failed: Prompt refused"
    assert (errors["long"]["status"], errors["unknown"]["status"]) == (422, 422)
    assert "input.duration" in errors["long"]["message"]
    assert "Unknown field: 'foo'" in errors["unknown"]["message"]
