"""The Replicate dialect where its client cannot show it: raw bodies, waits, problems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.videos import Gate
from tests.servers import eventually

SMALL: dict[str, Any] = {"width": 64, "height": 64, "num_frames": 4}
URL = "/v1/models/reelwright/toy/predictions"


def problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.json()) == {"title", "detail", "status"}
    assert answer.json()["status"] == status
    return dict(answer.json())


def ask(http: httpx2.Client, prompt: str, prefer: str | None = None, **fields: Any) -> httpx2.Response:
    headers = {"Prefer": prefer} if prefer else {}
    return http.post(URL, json={"input": {"prompt": prompt, **SMALL, **fields}}, headers=headers)


def test_without_a_preference_nothing_is_waited_for(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        answer = ask(http, gate.prompt)
        assert answer.status_code == 201
        prediction = answer.json()
        assert prediction["status"] in ("starting", "processing")
        # A wait that is over says "starting": the client takes anything else for the end.
        over = ask(http, gate.prompt, prefer="wait=1", seed=1).json()
        assert (over["status"], over["output"]) == ("starting", None)
        gate.open()
    own = prediction["urls"]["get"]
    done = eventually(lambda: (p := http.get(own).json())["status"] == "succeeded" and p)
    assert httpx2.get(done["output"]).content[4:8] == b"ftyp"
    assert done["logs"].startswith("100%|")


def test_a_wait_ends_with_the_job(http: httpx2.Client) -> None:
    for prefer in ("wait", "wait=60", "respond-async, wait=30; x=y"):
        assert ask(http, "paint", prefer=prefer).json()["status"] == "succeeded"


def test_a_prediction_is_a_video_in_every_dialect(http: httpx2.Client) -> None:
    prediction = ask(http, "paint", prefer="wait", seed=9).json()
    video = http.get(f"/v1/videos/{prediction['id']}").json()
    assert (video["status"], video["seed"], video["model"]) == ("completed", 9, "toy")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "prompt"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": {"prompt": "paint"}, "version": 5}, "version"),
        ({"input": {"prompt": "paint"}, "version": "unheard-of"}, "unheard-of"),
        ({"input": {"prompt": "paint"}, "inputs": {}}, "inputs"),
        ({"input": {"prompt": "paint"}, "webhook": 5}, "webhook"),
        ({"input": {"prompt": "paint"}, "webhook_events_filter": ["end"]}, "webhook_events_filter"),
        ({"input": {"prompt": "a\0"}}, "prompt"),
        ({"input": {"prompt": "\ud800"}}, "prompt"),
        (
            {"input": {"prompt": "paint", "frames_per_second": 0}},
            "- input.frames_per_second: Invalid input.frames_per_second: 0.",
        ),
    ],
)
def test_a_bad_body_is_named(http: httpx2.Client, body: dict[str, Any], named: str) -> None:
    raw = json.dumps(body).encode()
    answer = http.post("/v1/predictions", content=raw, headers={"Content-Type": "application/json"})
    assert named in problem(answer, 422)["detail"]


def test_malformed_bodies_are_refused_in_this_dialect(http: httpx2.Client) -> None:
    for raw in (b"{", b"[]", b'{"input": {"prompt": NaN}}', b"\xff", b"[" * 100_000):
        problem(http.post("/v1/predictions", content=raw, headers={"Content-Type": "application/json"}), 422)
    problem(http.post("/v1/predictions", content=b"x", headers={"Content-Type": "text/plain"}), 415)
    problem(http.get("/v1/predictions/nonsense"), 404)
    problem(http.post("/v1/predictions/nonsense/cancel"), 404)
    problem(http.get("/v1/predictions", params={"cursor": "\0"}), 422)
    problem(http.get("/v1/models/nobody/nothing/versions/1"), 422)


def test_a_version_tells_the_form_of_the_output(http: httpx2.Client) -> None:
    version = http.get("/v1/models/reelwright/toy/versions/abc").json()
    assert version["id"] == "abc"
    assert version["openapi_schema"]["components"]["schemas"]["Output"]["format"] == "uri"
