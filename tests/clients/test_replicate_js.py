"""The `replicate` package from npm, as it is, driven by node (`replicate.mjs`)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asks import picture
from tests.clients.conftest import CROWD, Secure, run_node
from tests.servers import ServerProcess

pytestmark = pytest.mark.client("replicate (Node.js)", "npm:replicate")


@pytest.fixture(scope="module")
def seen(
    node: str, near: ServerProcess, crowd: ServerProcess, secure: Secure, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the script saw."""
    path = tmp_path_factory.mktemp("js") / "picture.png"
    path.write_bytes(picture())
    addresses = [f"{base}/v1" for base in (near.url, crowd.url, secure.url)]
    return run_node(node, "replicate.mjs", *addresses, str(path), NODE_EXTRA_CA_CERTS=secure.authority)


def test_pictures_arrive_in_every_form_and_by_every_way(seen: dict[str, Any]) -> None:
    assert len(seen["pictures"]) == 10
    for way, (status, image) in seen["pictures"].items():
        assert status == "succeeded", way
        assert image.startswith("data:image/png;base64," if way == "uri" else "http://127.0.0.1:"), way
    assert len(seen["pictures"]["uri"][1]) == 61  # its head, then an ellipsis


def test_a_token_in_the_input_is_not_told_again(seen: dict[str, Any]) -> None:
    assert (seen["leaked"]["status"], seen["leaked"]["message"]) == (422, False)


def test_files_are_kept_and_removed(seen: dict[str, Any]) -> None:
    files = seen["files"]
    assert (files["same"], files["listed"], files["deleted"]) == (True, True, True)
    file = files["file"]
    assert (file["name"], file["content_type"], file["metadata"]) == ("füchse.png", "image/png", {"team": "red"})
    assert files["gone"]["status"] == 404


def test_every_way_to_wait(seen: dict[str, Any]) -> None:
    waits = seen["waits"]
    assert (waits["block"], waits["poll"], waits["short"]) == ("string", "string", "string")
    assert waits["told"][0] in ("starting", "processing")
    assert waits["told"][1] == "succeeded"
    assert seen["stopped"][-1] == "canceled"


def test_a_prediction_by_its_models_version(seen: dict[str, Any]) -> None:
    prediction = seen["prediction"]
    assert (prediction["status"], prediction["model"], prediction["source"]) == ("succeeded", "reelwright/toy", "api")
    assert prediction["input"] == {"prompt": "paint", "width": 64, "height": 64, "num_frames": 4, "fps": 8, "seed": 7}
    assert prediction["metrics"]["total_time"] >= prediction["metrics"]["predict_time"] > 0
    assert seen["progress"] == {"percentage": 1, "current": 100, "total": 100}


def test_models_and_versions(seen: dict[str, Any]) -> None:
    models = seen["models"]
    assert models["listed"] == ["reelwright/sketch", "reelwright/toy"]
    assert (models["versions"], models["version"], models["byVersion"]) == ([True], True, "string")
    assert models["prompt"]["x-order"] == 0
    assert models["output"] == {"type": "string", "format": "uri", "title": "Output"}
    assert seen["account"]["username"] == "reelwright"


def test_a_webhook_is_verified(seen: dict[str, Any]) -> None:
    webhook = seen["webhook"]
    assert (webhook["valid"], webhook["asRequest"], webhook["forged"]) == (True, True, False)
    prediction = webhook["prediction"]
    assert prediction["status"] == "succeeded"
    assert prediction["webhook"].endswith("/hook")
    assert prediction["webhook_events_filter"] == ["completed"]


def test_the_list_goes_over_all_pages(seen: dict[str, Any]) -> None:
    assert seen["listed"] == CROWD


def test_over_https_the_output_is_a_file_and_so_is_what_was_uploaded(seen: dict[str, Any]) -> None:
    assert seen["secure"] == ["FileOutput", "video/mp4", "ftyp"]


def test_errors_say_what_is_wrong(seen: dict[str, Any]) -> None:
    errors = seen["errors"]
    assert errors["stream"]["message"] == "Prediction does not support streaming"
    assert errors["failed"]["message"] == "Prediction failed: Prompt refused"
    for name in ("model", "modelFacts", "deployment", "deployments", "training", "collection", "hardware"):
        body = errors[name]["body"]
        assert (errors[name]["status"], body["status"], body["title"]) == (404, 404, "Not found"), name
    assert "reelwright/toy" in errors["model"]["body"]["detail"]
    assert "no deployments" in errors["deployment"]["body"]["detail"]
    version = errors["version"]["body"]
    assert (version["status"], version["title"]) == (422, "Input validation failed")
    assert version["detail"].startswith("- version: ")
