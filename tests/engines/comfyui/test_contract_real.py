"""What the engine relies on, asked of the fake and of a real ComfyUI alike: neither may answer otherwise.

The real one is named with REELWRIGHT_TEST_COMFYUI=http://127.0.0.1:8188. Its graphs are core nodes that need no model;
its files stay in `reelwright-contract` of its output folder.
"""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import httpx2
import pytest
from PIL import Image

from tests.engines.comfyui.wire import ComfyUI, ended, heard, job_id, post, run, socket, upload, view
from tests.fakes.comfyui import NEW, USUAL, FakeComfyUI
from tests.fakes.comfyui.graphs import node, stills, wan
from tests.servers import eventually

REAL = os.environ.get("REELWRIGHT_TEST_COMFYUI", "").rstrip("/")


@dataclass(frozen=True, slots=True)
class Real:
    """A ComfyUI that somebody else has started."""

    url: str


@pytest.fixture(scope="module", params=[USUAL, NEW, *(["real"] if REAL else [])])
def comfyui(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyUI]:
    if request.param == "real":
        yield Real(REAL)
        return
    with FakeComfyUI(tmp_path_factory.mktemp("comfyui"), version=request.param) as fake:
        yield fake


def prefix() -> str:
    """A folder of its own, so that no other run has taken the names."""
    return f"reelwright-contract/{uuid.uuid4().hex}/clip"


def busy(**more: Any) -> dict[str, Any]:
    """A graph that keeps a CPU for a while."""
    return stills(width=640, height=480, frames=150, prefix=prefix(), **more)


def item_of(entry: dict[str, Any]) -> dict[str, Any]:
    [item] = entry["outputs"]["50"]["images"]
    assert isinstance(item, dict)
    return item


def test_a_job_from_its_submission_to_its_file(comfyui: ComfyUI) -> None:
    folder = prefix()
    answer = post(comfyui, stills(width=96, height=64, frames=6, fps=12, prefix=folder), job := job_id())
    assert answer.status_code == 200
    assert (answer.json()["prompt_id"], answer.json()["node_errors"]) == (job, {})
    assert isinstance(answer.json()["number"], int | float)

    entry = ended(comfyui, job)
    assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("success", True)
    kinds = [kind for kind, _ in entry["status"]["messages"]]
    assert (kinds[0], kinds[-1]) == ("execution_start", "execution_success")
    assert {"execution_cached"} <= set(kinds)
    assert (entry["prompt"][1], entry["prompt"][4]) == (job, ["50"])
    item = item_of(entry)
    name = f"{folder.rpartition('/')[2]}_00001_.mp4"
    assert (item["filename"], item["subfolder"], item["type"]) == (name, folder.rpartition("/")[0], "output")

    whole = view(comfyui, item)
    assert whole.headers["Content-Type"] == "video/mp4"
    with av.open(io.BytesIO(whole.content)) as video:
        stream = video.streams.video[0]
        assert (stream.width, stream.height, stream.frames, stream.average_rate) == (96, 64, 6, 12)
        assert json.loads(video.metadata["prompt"])["50"]["class_type"] == "SaveVideo"  # the graph goes with the file
    part = view(comfyui, item, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert view(comfyui, item, headers={"Range": f"bytes={len(whole.content)}-"}).status_code == 416
    assert view(comfyui, item, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    wrong = [{"filename": "none.mp4"}, {"filename": "../x"}, {"type": "nowhere"}, {"subfolder": "../.."}]
    assert [view(comfyui, item | one).status_code for one in wrong] == [404, 400, 400, 403]


def test_a_twin_is_executed_once(comfyui: ComfyUI) -> None:
    graph = stills(seed=77, prefix=prefix())
    job = job_id()
    assert [post(comfyui, graph, job).status_code for _ in range(2)] == [200, 200]
    item = item_of(ended(comfyui, job))
    eventually(lambda: httpx2.get(f"{comfyui.url}/prompt").json()["exec_info"]["queue_remaining"] == 0)
    assert item_of(ended(comfyui, job)) == item
    second = item | {"filename": item["filename"].replace("00001", "00002")}
    assert (view(comfyui, item).status_code, view(comfyui, second).status_code) == (200, 404)


def test_another_prefix_saves_what_the_cache_has(comfyui: ComfyUI) -> None:
    graph = stills(seed=78, prefix=prefix())
    first = item_of(run(comfyui, graph))
    assert item_of(run(comfyui, graph)) == first
    graph["50"]["inputs"]["filename_prefix"] = prefix()
    entry = run(comfyui, graph)
    cached = next(data["nodes"] for kind, data in entry["status"]["messages"] if kind == "execution_cached")
    assert (set(cached), item_of(entry) != first) == ({"1", "2", "49"}, True)
    assert view(comfyui, item_of(entry)).status_code == 200


def test_a_half_good_prompt_is_accepted_with_errors(comfyui: ComfyUI) -> None:
    bad = node("SaveImage", images=["2", 0])
    answer = post(comfyui, stills(prefix=prefix()) | {"60": bad}, job := job_id())
    assert (answer.status_code, answer.json()["prompt_id"]) == (200, job)
    told = answer.json()["node_errors"]["60"]
    assert (told["errors"][0]["type"], told["class_type"]) == ("required_input_missing", "SaveImage")
    assert (told["errors"][0]["extra_info"]["input_name"], told["dependent_outputs"]) == ("filename_prefix", ["60"])
    assert list(ended(comfyui, job)["outputs"]) == ["50"]


def test_only_the_target_runs(comfyui: ComfyUI) -> None:
    graph = stills(prefix=prefix()) | {"60": node("PreviewImage", images=["2", 0])}
    assert set(run(comfyui, graph, partial_execution_targets=["50"])["outputs"]) == {"50"}
    assert set(run(comfyui, graph)["outputs"]) == {"50", "60"}


REFUSED = [
    ("1", {"width": "wide"}, "invalid_input_type"),
    ("1", {"width": 10**6}, "value_bigger_than_max"),
    ("2", {"amount": -3}, "value_smaller_than_min"),
    ("2", {"image": ["1"]}, "bad_linked_input"),
    ("2", {"image": ["49", 0]}, "return_type_mismatch"),
    ("50", {"codec": "no-such-codec"}, "value_not_in_list"),
]


@pytest.mark.parametrize(("where", "inputs", "kind"), REFUSED, ids=[row[2] for row in REFUSED])
def test_a_bad_value_is_refused_by_its_node(comfyui: ComfyUI, where: str, inputs: dict[str, Any], kind: str) -> None:
    graph = stills(prefix=prefix())
    graph[where]["inputs"] |= inputs
    if kind == "return_type_mismatch":
        graph["49"]["inputs"]["images"] = ["1", 0]  # or it would be a cycle
    answer = post(comfyui, graph | {"60": node("PreviewImage", images=["2", 0])}, job_id())
    told = answer.json()["node_errors"][where]
    assert told["errors"][0]["type"] == kind
    assert told["errors"][0]["extra_info"]["input_name"] == next(iter(inputs))
    assert told["class_type"] == graph[where]["class_type"]


def test_a_model_file_that_is_not_there(comfyui: ComfyUI) -> None:
    graph = wan()
    graph["1"]["inputs"]["unet_name"] = "no-such-file.safetensors"
    answer = post(comfyui, graph, job_id())
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "prompt_outputs_failed_validation")
    told = answer.json()["node_errors"]["1"]
    assert (told["class_type"], told["errors"][0]["type"]) == ("UNETLoader", "value_not_in_list")
    assert told["errors"][0]["extra_info"]["received_value"] == "no-such-file.safetensors"


def test_what_is_no_prompt(comfyui: ComfyUI) -> None:
    def kind(answer: httpx2.Response) -> str:
        assert answer.status_code == 400
        return str(answer.json()["error"]["type"])

    assert kind(post(comfyui, {"1": node("PrimitiveInt", value=1)}, job_id())) == "prompt_no_outputs"
    assert kind(post(comfyui, stills() | {"70": node("NoSuchNode")}, job_id())) in (
        "invalid_prompt",
        "missing_node_type",
    )
    assert kind(httpx2.post(f"{comfyui.url}/api/prompt", json={})) == "no_prompt"
    assert httpx2.post(f"{comfyui.url}/prompt", content=b"{").status_code == 500
    assert post(comfyui, {"nodes": [{"id": 1}], "links": [], "version": 0.4}, job_id()).status_code in (400, 500)


def test_a_failure_is_told_in_the_history(comfyui: ComfyUI) -> None:
    entry = run(comfyui, stills(prefix="../../out"))
    assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("error", False)
    kind, error = entry["status"]["messages"][-1]
    assert (kind, error["node_id"], error["node_type"]) == ("execution_error", "50", "SaveVideo")
    assert {"exception_message", "exception_type", "traceback", "current_inputs"} <= set(error)


def test_uploads_are_idempotent_by_name_and_content(comfyui: ComfyUI) -> None:
    folder = {"subfolder": f"reelwright-contract-{uuid.uuid4().hex}"}
    picture = io.BytesIO()
    Image.new("RGB", (80, 48), (200, 90, 40)).save(picture, "PNG")
    names = [
        upload(comfyui, "in.png", content, **folder).json()["name"] for content in (picture.getvalue(), b"no", b"no")
    ]
    assert names == ["in.png", "in (1).png", "in (1).png"]
    kept = upload(comfyui, "in.png", picture.getvalue(), overwrite="true", **folder).json()
    assert kept == {"name": "in.png", "type": "input", **folder}
    assert upload(comfyui, "in.png", b"x", type="elsewhere").status_code == 500

    graph = stills(prefix=prefix())
    graph["1"] = node("LoadImage", image=f"{folder['subfolder']}/in.png")
    assert run(comfyui, graph)["status"]["completed"] is True
    graph["1"]["inputs"]["image"] = f"{folder['subfolder']}/in (1).png"
    assert run(comfyui, graph)["status"]["status_str"] == "error"  # that it is no picture is seen at run time only
    graph["1"]["inputs"]["image"] = "no-such.png"
    told = post(comfyui, graph, job_id()).json()["node_errors"]["1"]["errors"][0]
    assert told["type"] == "custom_validation_failed"


def test_a_socket_is_told_of_its_own_job(comfyui: ComfyUI) -> None:
    job = job_id()
    with socket(comfyui, job) as one:
        post(comfyui, stills(seed=79, prefix=prefix()), job)
        messages = [message for message in heard(one, "executing", None) if isinstance(message, dict)]
    events = [message["type"] for message in messages]
    wanted = ["execution_start", "execution_cached", "executing", "executed", "execution_success"]
    assert [event for event in dict.fromkeys(events) if event in wanted] == wanted
    ours = [message["data"] for message in messages if message["type"] in [*wanted, "progress_state"]]
    assert {data["prompt_id"] for data in ours} == {job}
    states = [message["data"]["nodes"] for message in messages if message["type"] == "progress_state"]
    assert {"value", "max", "state", "node_id", "prompt_id"} <= set(states[-1]["50"])
    assert item_of(ended(comfyui, job))["filename"]


def test_what_waits_can_be_taken_out_and_is_nowhere_then(comfyui: ComfyUI) -> None:
    first, second = job_id(), job_id()
    post(comfyui, busy(seed=80), first)
    post(comfyui, busy(seed=81), second)
    queue = httpx2.get(f"{comfyui.url}/queue").json()
    assert second in [item[1] for item in queue["queue_pending"]]
    delete = httpx2.post(f"{comfyui.url}/queue", json={"delete": [second, job_id()]})
    assert (delete.status_code, delete.content) == (200, b"")
    assert httpx2.post(f"{comfyui.url}/interrupt", json={"prompt_id": second}).status_code == 200
    assert ended(comfyui, first)["status"]["completed"] is True  # nobody interrupted it
    assert httpx2.get(f"{comfyui.url}/history/{second}").json() == {}
    assert httpx2.get(f"{comfyui.url}/queue").json() == {"queue_running": [], "queue_pending": []}


def test_jobs_by_id_where_there_are_any(comfyui: ComfyUI) -> None:
    job = job_id()
    entry_url, cancel_url = f"{comfyui.url}/api/jobs/{job}", f"{comfyui.url}/api/jobs/{job}/cancel"
    missing = httpx2.get(entry_url)
    assert missing.status_code == 404
    if not missing.content:
        pytest.skip("This version has no jobs by id.")
    assert missing.json() == {"error": "Job not found"}
    post(comfyui, stills(prefix=prefix()), job)
    ended(comfyui, job)
    told = httpx2.get(entry_url).json()
    assert (told["id"], told["status"], "50" in told["outputs"]) == (job, "completed", True)
    assert httpx2.post(cancel_url).json() == {"cancelled": False}


def test_what_it_is_and_has(comfyui: ComfyUI) -> None:
    stats = httpx2.get(f"{comfyui.url}/system_stats").json()
    assert stats["system"]["comfyui_version"][0].isdigit()
    assert {"name", "type", "vram_total", "vram_free"} <= set(stats["devices"][0])
    assert httpx2.get(f"{comfyui.url}/features").json()["supports_preview_metadata"] is True
    info = httpx2.get(f"{comfyui.url}/object_info/KSampler").json()["KSampler"]["input"]["required"]
    assert info["seed"][0] == "INT"
    assert (info["seed"][1]["min"], info["seed"][1]["max"]) == (0, 2**64 - 1)
    samplers = info["sampler_name"]
    assert "euler" in (samplers[1]["options"] if samplers[0] == "COMBO" else samplers[0])
    assert httpx2.get(f"{comfyui.url}/object_info/NoSuchNode").json() == {}
    save = httpx2.get(f"{comfyui.url}/object_info/SaveVideo").json()["SaveVideo"]
    assert (save["output_node"], {"video", "filename_prefix"} <= set(save["input"]["required"])) == (True, True)
    assert httpx2.get(f"{comfyui.url}/history/{job_id()}").json() == {}
    evil = httpx2.get(f"{comfyui.url}/system_stats", headers={"Origin": "http://evil.example"})
    assert evil.status_code == 403
