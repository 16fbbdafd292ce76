"""The `@huggingface/inference` package from npm: of its methods only `request` takes an address."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import run_node
from tests.servers import ServerProcess

pytestmark = pytest.mark.client("@huggingface/inference (Node.js)", "npm:@huggingface/inference")


@pytest.fixture(scope="module")
def seen(node: str, near: ServerProcess) -> dict[str, Any]:
    """What the script saw."""
    return run_node(node, "huggingface.mjs", f"{near.url}/models/reelwright/toy")


def test_a_request_to_an_address_is_answered_with_the_video(seen: dict[str, Any]) -> None:
    assert (seen["type"], seen["head"]) == ("video/mp4", "ftyp")


def test_a_bad_parameter_is_told_by_its_name(seen: dict[str, Any]) -> None:
    refused = seen["refused"]
    assert refused["status"] == 400
    assert refused["body"]["error"].startswith("Invalid parameters.fps: 0.")


def test_its_task_method_takes_no_address(seen: dict[str, Any]) -> None:
    """docs/dialects/huggingface.md says so; when it becomes wrong, the page can say more."""
    assert seen["task"]
