"""The Hugging Face task dialect where its client cannot show it: raw bodies and errors."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
import pytest

from tests.api.asks import picture

URL = "/models/reelwright/toy"
SMALL: dict[str, Any] = {"width": 64, "height": 64, "num_frames": 4}
JSON = {"Content-Type": "application/json"}


def refused(answer: httpx2.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) <= {"error", "estimated_time"}
    return dict(answer.json())


def test_the_answer_is_the_video(http: httpx2.Client) -> None:
    body = {"inputs": "paint", "parameters": {**SMALL, "seed": 4}, "options": {"wait_for_model": True}}
    answer = http.post(URL, json=body)
    assert (answer.status_code, answer.headers["Content-Type"], answer.headers["X-Seed"]) == (200, "video/mp4", "4")
    assert answer.content[4:8] == b"ftyp"


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": base64.b64encode(picture()).decode(), "parameters": SMALL},
        {"inputs": base64.b64encode(picture("JPEG")).decode(), "parameters": {"prompt": "paint", **SMALL}},
        {"inputs": f"data:image/png;base64,{base64.b64encode(picture()).decode()}"},
    ],
)
def test_base64_is_an_image(http: httpx2.Client, body: dict[str, Any]) -> None:
    answer = http.post(URL, json=body)
    assert answer.status_code == 200, answer.text
    assert http.get(f"/v1/videos/{answer.headers['X-Video-Id']}").json()["has_image"] is True


@pytest.mark.parametrize("prompt", ["paint", "iVBORw0KGgo is no picture", "aGVsbG8gd29ybGQ="])
def test_a_prompt_is_not_taken_for_an_image(http: httpx2.Client, prompt: str) -> None:
    answer = http.post(URL, json={"inputs": prompt, "parameters": SMALL})
    assert answer.status_code == 200, answer.text
    assert http.get(f"/v1/videos/{answer.headers['X-Video-Id']}").json()["prompt"] == prompt


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"inputs": ""},
        {"inputs": " "},
        {"inputs": 5},
        {"inputs": None},
        {"inputs": ["paint"]},
        {"inputs": "a\0"},
        {"inputs": "p" * 1_000_000},
        {"inputs": "paint", "parameters": []},
        {"inputs": "paint", "parameters": {"promt": 1}},
        {"inputs": "paint", "parameters": {"num_frames": 1.5}},
        {"inputs": "paint", "parameters": {"target_size": {"width": 64}}},
        {"inputs": "not base64", "parameters": {"prompt": "paint"}},
        {"inputs": "paint", "model": "x"},
    ],
)
def test_a_bad_body_is_refused(http: httpx2.Client, body: dict[str, Any]) -> None:
    assert len(refused(http.post(URL, json=body), 400)["error"]) < 500


def test_malformed_bodies_are_refused_in_this_dialect(http: httpx2.Client) -> None:
    for raw in (b"{", b"[]", b'{"inputs": NaN}', b"\xff", json.dumps({"inputs": "\ud800"}).encode(), b""):
        refused(http.post(URL, content=raw, headers=JSON), 400)
    refused(http.post(URL, content=b"", headers={"Content-Type": "image/png"}), 400)
    refused(http.post(URL, content=b"GIF89a", headers={"Content-Type": "image/gif"}), 400)
    refused(http.post(URL, content=picture()[:60]), 400)
    refused(http.post(URL, content=b"x", headers={"Content-Type": "text/plain"}), 415)
    refused(http.get("/models/a"), 404)


def test_unknown_models_are_404(http: httpx2.Client) -> None:
    error = refused(http.post("/models/nobody/nothing", json={"inputs": "paint"}), 404)
    assert "reelwright/toy" in error["error"]


@pytest.mark.parametrize(
    ("code", "status", "estimated"),
    [
        ("upstream_loading", 503, 7.2),
        ("upstream_rate_limited", 429, None),
        ("upstream_unauthorized", 502, None),
        ("refused", 422, None),
        ("engine_failed", 500, None),
    ],
)
def test_errors_have_hugging_faces_status(http: httpx2.Client, code: str, status: int, estimated: float | None) -> None:
    answer = http.post(URL, json={"inputs": f"fail {code}", "parameters": SMALL})
    assert refused(answer, status).get("estimated_time") == estimated
