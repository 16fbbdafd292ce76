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
    assert done["logs"].splitlines()[-1].startswith("100%|")


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
    problem(http.get("/v1/models/nobody/nothing/versions/1"), 404)
    problem(http.get("/v1/models/reelwright/toy/versions/1"), 404)
    problem(http.post("/v1/models/nobody/nothing/predictions", json={"input": {"prompt": "paint"}}), 404)


def test_a_model_and_its_version_tell_what_goes_in_and_out(http: httpx2.Client) -> None:
    model = http.get("/v1/models/reelwright/toy").json()
    version = model["latest_version"]
    assert http.get("/v1/models/reelwright/toy/versions").json()["results"] == [version]
    for name in (version["id"], "toy"):
        assert http.get(f"/v1/models/reelwright/toy/versions/{name}").json() == {**version, "id": name}
    schemas = version["openapi_schema"]["components"]["schemas"]
    assert schemas["Output"]["format"] == "uri"
    inputs = schemas["Input"]["properties"]
    assert [inputs[name]["x-order"] for name in inputs] == list(range(len(inputs)))
    assert next(iter(inputs)) == "prompt"
    assert schemas["Input"]["required"] == ["prompt"]
    assert inputs["width"] == {
        **{
            "title": "Width",
            "type": "integer",
            "description": "Width in pixels",
            "x-order": inputs["width"]["x-order"],
        },
        **{"default": 512, "minimum": 64, "maximum": 1920, "multipleOf": 8},
    }
    # Every input that it names is taken.
    asked = {name: value.get("default", 7) for name, value in inputs.items() if value["type"] == "integer"}
    assert ask(http, "paint", prefer="wait", **{**asked, **SMALL}).json()["status"] == "succeeded"
    assert model in http.get("/v1/models").json()["results"]


def test_an_unknown_model_is_told_to_both_clients(http: httpx2.Client) -> None:
    answer = http.get("/v1/models/nobody/nothing")
    told = answer.json()
    assert (answer.status_code, told["title"], told["status"], told["error"]["param"]) == (
        404,
        "Not found",
        404,
        "model",
    )
    assert "reelwright/toy" in told["detail"]


@pytest.mark.parametrize(
    "what", ["deployments", "deployments/a/b/predictions", "trainings/x", "collections", "hardware"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_there_is_not_is_told(http: httpx2.Client, method: str, what: str) -> None:
    assert f"no {what.split('/')[0]}" in problem(http.request(method, f"/v1/{what}", json={}), 404)["detail"]


def test_the_input_is_shown_as_it_was_sent(http: httpx2.Client) -> None:
    sent = {
        "prompt": " paint ",
        "frames_per_second": 8,
        "video_length": "4_frames_with_svd",
        "size": "64*64",
        "seed": -1,
        "go_fast": True,
        "last_frame_image": None,
    }
    prediction = http.post(URL, json={"input": sent}, headers={"Prefer": "wait"}).json()
    assert prediction["input"] == sent
    assert http.get(prediction["urls"]["get"]).json() == prediction
    video = http.get(f"/v1/videos/{prediction['id']}").json()
    assert (video["size"], video["fps"], video["num_frames"]) == ("64x64", 8, 4)
    assert video["seed"] >= 0
    assert prediction["logs"].splitlines()[0] == f"Using seed: {video['seed']}"


def test_what_is_kept_of_an_input_is_bounded(http: httpx2.Client) -> None:
    bulk = {"reference_images": ["x" * 40_000] * 20, "go_fast": True}
    prediction = http.post(URL, json={"input": {"prompt": "paint", **bulk}}, headers={"Prefer": "wait"}).json()
    assert prediction["input"] == {
        "prompt": "paint",
        "go_fast": True,
        "reference_images": "… (too long to be kept)",
    }


# What the models' own pages give as examples, with their values where they fit the toy's card.
EXAMPLES: dict[str, dict[str, Any]] = {
    "wan-2.2-fast": {"num_frames": 81, "resolution": "480p", "aspect_ratio": "9:16", "frames_per_second": 16}
    | {
        "go_fast": True,
        "sample_shift": 12,
        "interpolate_output": True,
        "lora_scale_transformer": 1,
        "last_image": None,
    },
    "wan-2.1": {"sample_steps": 30, "sample_guide_scale": 5, "fast_mode": "Balanced", "max_area": "832x480"},
    "wan-2.5": {"size": "640*384", "duration": 5, "enable_prompt_expansion": True, "negative_prompt": "fog"},
    "ltx-video": {"cfg": 3, "steps": 30, "aspect_ratio": "3:2", "image_noise_scale": 0.15, "target_size": 640},
    "kling": {"mode": "pro", "duration": 10, "end_image": None, "aspect_ratio": "1:1", "cfg_scale": 0.5},
    "hailuo": {"duration": 6, "resolution": "768p", "prompt_optimizer": True, "first_frame_image": None},
    "veo": {
        "duration": 8,
        "resolution": "720p",
        "generate_audio": True,
        "aspect_ratio": "16:9",
        "reference_images": [],
    },
    "seedance": {"fps": 24, "duration": 5, "resolution": "480p", "aspect_ratio": "adaptive", "camera_fixed": False},
    "svd": {"video_length": "14_frames_with_svd", "sizing_strategy": "maintain_aspect_ratio", "frames_per_second": 6}
    | {"motion_bucket_id": 127, "cond_aug": 0.02, "decoding_t": 14},
    "hunyuan": {"width": 448, "height": 256, "video_length": 29, "infer_steps": 20, "embedded_guidance_scale": 6},
    "sora": {"seconds": 4, "aspect_ratio": "portrait"},
    "zeroscope": {"num_frames": 24, "fps": 24, "guidance_scale": 12.5, "remove_watermark": False, "batch_size": 1},
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_inputs_of_well_known_models_are_taken(http: httpx2.Client, name: str) -> None:
    answer = http.post(URL, json={"input": {"prompt": "paint", **EXAMPLES[name]}})
    assert answer.status_code == 201, answer.text
    prediction = answer.json()
    assert prediction["input"] == {"prompt": "paint", **EXAMPLES[name]}
    http.post(prediction["urls"]["cancel"]).raise_for_status()
    if name == "kling":
        assert any(warning.startswith("cfg_scale was not used") for warning in prediction["warnings"])
        assert not any("end_image" in warning for warning in prediction["warnings"])


def test_what_is_not_used_stands_in_the_logs(http: httpx2.Client) -> None:
    done = ask(http, "paint", prefer="wait", go_fast=True, negative_prompt="fog").json()
    assert done["warnings"] == [
        "negative_prompt was not used: the model toy cannot do it.",
        "go_fast was not used: the model toy has no such option.",
    ]
    assert all(warning in done["logs"].splitlines() for warning in done["warnings"])


def test_unknown_fields_are_told_all_at_once_in_this_dialects_words(http: httpx2.Client) -> None:
    told = problem(ask(http, "paint", foo=1, bar=2), 422)["detail"]
    assert told.startswith("- input.foo: Unknown fields: 'foo', 'bar'. Known fields are ")
    assert "first_frame_image" in told
    top = problem(http.post(URL, json={"inputs": {}, "foo": 1}), 422)["detail"]
    assert top.startswith("- inputs: Unknown fields: 'inputs', 'foo'. Known fields are input, ")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"image": "ftp://x/y.png"}, "input.image"),
        ({"start_image": "data:image/png;base64,AAAA"}, "input.start_image"),
        ({"first_frame_image": 5}, "input.first_frame_image"),
        ({"duration": 1e9}, "input.duration"),
        ({"frames_per_second": 0}, "input.frames_per_second"),
        ({"aspect_ratio": "wide"}, "input.aspect_ratio"),
        ({"video_length": "many"}, "input.video_length"),
        ({"image": "data:image/png;base64,AAAA", "start_image": "data:image/png;base64,AAAB"}, "input.start_image"),
    ],
)
def test_a_field_is_named_as_it_was_sent(http: httpx2.Client, fields: dict[str, Any], named: str) -> None:
    detail = problem(http.post(URL, json={"input": {"prompt": "paint", **fields}}), 422)["detail"]
    assert detail.startswith(f"- {named}: Invalid {named}: "), detail
