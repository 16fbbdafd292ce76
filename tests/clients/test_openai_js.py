"""The `openai` package from npm, as it is, driven by node (`openai.mjs`)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asks import picture
from tests.clients.conftest import CROWD, run_node
from tests.servers import ServerProcess

pytestmark = pytest.mark.client("openai (Node.js)", "npm:openai")


@pytest.fixture(scope="module")
def seen(
    node: str,
    near: ServerProcess,
    crowd: ServerProcess,
    picture_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What the script saw."""
    path = tmp_path_factory.mktemp("js") / "picture.png"
    path.write_bytes(picture())
    arguments = [f"{near.url}/v1", f"{crowd.url}/v1", picture_url, str(path)]
    return run_node(node, "openai.mjs", *arguments)


def test_a_video_is_made(seen: dict[str, Any]) -> None:
    plain = seen["plain"]
    assert (plain["status"], plain["object"], plain["size"], plain["seconds"]) == ("completed", "video", "64x64", "0.5")


def test_images_arrive_by_url_file_and_bytes(seen: dict[str, Any]) -> None:
    assert seen["images"] == [["completed", True]] * 3


def test_nested_fields_arrive(seen: dict[str, Any]) -> None:
    assert seen["nested"] == ["completed", {"team": "red"}]


def test_remix(seen: dict[str, Any]) -> None:
    assert seen["remix"] == [True, "repaint"]


def test_an_extension(seen: dict[str, Any]) -> None:
    assert seen["extended"] == ["completed", True, "1.5"]


def test_a_failed_video_is_not_an_exception(seen: dict[str, Any]) -> None:
    assert seen["failed"] == ["failed", {"code": "refused", "message": "Prompt refused"}]


def test_the_list_goes_over_all_pages(seen: dict[str, Any]) -> None:
    assert seen["listed"] == CROWD


def test_the_three_variants(seen: dict[str, Any]) -> None:
    content = seen["content"]
    assert content["video"][4:8] == "ftyp"
    assert content["thumbnail"][8:12] == "WEBP"
    assert content["spritesheet"][:3] == "\xff\xd8\xff"


def test_delete(seen: dict[str, Any]) -> None:
    assert seen["deleted"] == {"id": seen["plain"]["id"], "object": "video.deleted", "deleted": True}


def test_errors_have_their_classes(seen: dict[str, Any]) -> None:
    errors = seen["errors"]
    assert [errors[name]["kind"] for name in ("gone", "model", "edit", "extend")] == [
        "NotFoundError",
        "BadRequestError",
        "BadRequestError",
        "NotFoundError",
    ]
    assert (errors["model"]["param"], errors["model"]["code"]) == ("model", "model_not_found")
    assert errors["gone"]["id"].startswith("req_")
