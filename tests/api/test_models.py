"""`GET /v1/models`: what this server can make videos with."""

from __future__ import annotations

import httpx2
import pytest


def test_every_model_has_its_card(http: httpx2.Client) -> None:
    answer = http.get("/v1/models").json()
    assert answer["object"] == "list"
    models = {model["id"]: model for model in answer["data"]}
    assert answer["data"][0]["default"] is True
    assert sum(model["default"] for model in answer["data"]) == 1
    for model in models.values():
        assert (model["object"], type(model["created"])) == ("model", int)
        assert model["card"]["engine"] == model["owned_by"]
    card = models["toy"]["card"]
    assert card["tasks"] == ["text-to-video", "image-to-video"]
    assert card["honours"] == ["image", "seed"]
    assert card["deterministic"] is True
    assert models["sketch"]["card"]["generative_ai"] is False


@pytest.mark.parametrize("name", ["toy", "sketch"])
def test_one_model(http: httpx2.Client, name: str) -> None:
    listed = next(model for model in http.get("/v1/models").json()["data"] if model["id"] == name)
    assert http.get(f"/v1/models/{name}").json() == listed


@pytest.mark.parametrize("name", ["unheard-of", "Lightricks/LTX-Video", "..%2f..", "a" * 3_000])
def test_an_unknown_model_is_404(http: httpx2.Client, name: str) -> None:
    answer = http.get(f"/v1/models/{name}")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", "model")
    assert len(error["message"]) < 300


def test_a_model_with_a_nul_character_is_no_route(http: httpx2.Client) -> None:
    """It is refused at the door, before anybody knows that the path names a model."""
    answer = http.get("/v1/models/%00")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "Route not found"
