"""The unmodified program with a folder of workflows and a ComfyUI: found, offered and made through HTTP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import httpx2
import pytest

from tests.fakes.comfyui import FakeComfyUI
from tests.servers import ROOT, ServerProcess

GRAPHS = ROOT / "tests" / "engines" / "comfyui" / "graphs"


@pytest.fixture(scope="module")
def comfyui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeComfyUI]:
    with FakeComfyUI(tmp_path_factory.mktemp("comfyui")) as fake:
        yield fake


@pytest.fixture(scope="module")
def program(comfyui: FakeComfyUI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    place = tmp_path_factory.mktemp("program")
    (place / "workflows").mkdir()
    for name in ("single", "image_to_video", "two_stage"):
        shutil.copy(GRAPHS / f"{name}.json", place / "workflows")
    (place / "workflows" / "ui.json").write_text('{"nodes": [], "links": []}')
    options = json.dumps({"comfyui": {"poll_seconds": 0.05}})
    settings = {"REELWRIGHT_ENGINE": "auto", "REELWRIGHT_COMFYUI_URL": comfyui.url}
    with ServerProcess(place / "data", **settings, REELWRIGHT_ENGINE_OPTIONS=options) as server:
        yield server


def posted(comfyui: FakeComfyUI) -> dict[str, dict[str, object]]:
    """The inputs of the graph that was executed last, by node."""
    last = list(httpx2.get(f"{comfyui.url}/history").json().values())[-1]
    return {node: one["inputs"] for node, one in last["prompt"][2].items()}


def test_each_workflow_is_a_model_and_the_choice_is_told(program: ServerProcess) -> None:
    health = httpx2.get(f"{program.url}/health").json()
    assert health["engine"] == {"name": "comfyui", "reason": "REELWRIGHT_COMFYUI_URL is set"}
    models = {one["id"]: one for one in httpx2.get(f"{program.url}/v1/models").json()["data"]}
    assert {"single", "image_to_video", "two_stage"} <= set(models)
    assert "ui" not in models
    assert "num_inference_steps" in json.dumps(models["single"])
    assert "num_inference_steps" not in json.dumps(models["two_stage"])


def test_a_request_is_written_into_the_workflow_and_the_record_tells_what_moved(
    program: ServerProcess, comfyui: FakeComfyUI
) -> None:
    body = {"prompt": "A red fox", "model": "single", "size": "64x64", "num_frames": 8, "seed": 5, "fps": 8}
    answer = httpx2.post(f"{program.url}/api/video/generate", json={**body, "num_inference_steps": 3}, timeout=60)
    assert answer.status_code == 200, answer.text
    sent = posted(comfyui)
    assert (sent["6"]["text"], sent["49"]["fps"]) == ("A red fox", 8)
    assert {name: sent["3"][name] for name in ("seed", "steps", "cfg")} == {"seed": 5, "steps": 3, "cfg": 6}
    assert {name: sent["40"][name] for name in ("width", "height", "length")} == {
        "width": 64,
        "height": 64,
        "length": 9,
    }
    video = httpx2.get(f"{program.url}/v1/videos/{answer.headers['X-Video-Id']}").json()
    assert video["made_with"]["adjusted"]["num_frames"] == [8, 9]

    body = {"prompt": "Two stages", "model": "two_stage", "size": "64x64", "num_frames": 5, "num_inference_steps": 4}
    answer = httpx2.post(f"{program.url}/api/video/generate", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    video = httpx2.get(f"{program.url}/v1/videos/{answer.headers['X-Video-Id']}").json()
    assert "num_inference_steps" in video["dropped_fields"]
    assert posted(comfyui)["57"]["steps"] == 20


def test_a_workflow_that_loads_a_picture_needs_one(program: ServerProcess) -> None:
    refused = httpx2.post(
        f"{program.url}/api/video/generate", json={"prompt": "x", "model": "image_to_video"}, timeout=60
    )
    assert refused.status_code == 400
    assert "the model image_to_video does image-to-video only. Send an image." in refused.json()["error"]
