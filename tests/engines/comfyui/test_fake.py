"""The fake springs the traps that a real ComfyUI was measured to have: whoever falls into them is seen."""

from __future__ import annotations

import io
import json
import ssl
import struct
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import httpx2
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosedError

from tests.engines.comfyui.wire import ended, heard, job_id, post, run, socket, upload, view
from tests.fakes.comfyui import MIDDLE, NEW, OLD, USUAL, ComfyUIProcess, FakeComfyUI, Reply
from tests.fakes.comfyui.graphs import from_picture, node, saved_by, stills, wan
from tests.servers import eventually

Made = Callable[..., FakeComfyUI]


@pytest.fixture
def comfyui(tmp_path: Path) -> Iterator[Made]:
    """Starts fakes; they end with the test."""
    running: list[FakeComfyUI] = []

    def make(**knobs: Any) -> FakeComfyUI:
        running.append(FakeComfyUI(tmp_path, **knobs).__enter__())
        return running[-1]

    yield make
    for one in running:
        one.__exit__(None, None, None)


def test_a_job_is_a_real_video_that_carries_its_whole_graph(comfyui: Made) -> None:
    fake = comfyui()
    graph = wan(prompt="a secret fox", width=96, height=64, frames=9, fps=12, prefix="reelwright/v-1")
    entry = run(fake, graph)

    [item] = entry["outputs"]["50"]["images"]
    assert item == {"filename": "v-1_00001_.mp4", "subfolder": "reelwright", "type": "output"}
    assert (entry["outputs"]["50"]["animated"], entry["status"]["status_str"]) == ([True], "success")
    assert entry["status"]["messages"][-1][0] == "execution_success"
    answer = view(fake, item)
    assert answer.headers["Content-Type"] == "video/mp4"
    with av.open(io.BytesIO(answer.content)) as video:
        stream = video.streams.video[0]
        assert (stream.width, stream.height, stream.frames, stream.average_rate) == (96, 64, 9, 12)
        assert "a secret fox" in video.metadata["prompt"]


def test_frames_depend_on_the_seed_and_grids_round_down(comfyui: Made) -> None:
    fake = comfyui()

    def frames(**fields: Any) -> list[bytes]:
        [item] = run(fake, wan(**fields))["outputs"]["50"]["images"]
        with av.open(io.BytesIO(view(fake, item).content)) as video:
            return [frame.to_ndarray(format="rgb24").tobytes() for frame in video.decode(video=0)]

    first, same, other = (frames(seed=seed, prefix=f"{n}") for n, seed in enumerate([7, 7, 8]))
    assert first == same != other
    assert len(frames(frames=7, prefix="grid")) == 5  # 4n + 1, without a word


@pytest.mark.parametrize(
    ("saver", "inputs", "suffix"),
    [
        ("SaveWEBM", {"filename_prefix": "w", "codec": "vp9", "fps": 8.0, "crf": 32.0}, ".webm"),
        (
            "SaveAnimatedWEBP",
            {"filename_prefix": "a", "fps": 8.0, "lossless": False, "quality": 80, "method": "default"},
            ".webp",
        ),
        ("SaveImage", {"filename_prefix": "f"}, ".png"),
        ("PreviewImage", {}, ".png"),
    ],
)
def test_other_savers_list_what_they_save(comfyui: Made, saver: str, inputs: dict[str, Any], suffix: str) -> None:
    fake = comfyui()
    output = run(fake, saved_by(saver, **inputs))["outputs"]["50"]
    assert len(output["images"]) == (5 if suffix == ".png" else 1)
    assert ("animated" in output) == (suffix != ".png")
    for item in output["images"]:
        assert item["filename"].endswith(suffix)
        assert item["type"] == ("temp" if saver == "PreviewImage" else "output")
        assert view(fake, item).status_code == 200


def test_the_suites_videos_are_gifs(comfyui: Made) -> None:
    fake = comfyui()
    given = {"frame_rate": 8, "loop_count": 0, "filename_prefix": "v", "pingpong": False, "save_output": False}
    [item] = run(fake, saved_by("VHS_VideoCombine", format="video/h264-mp4", **given))["outputs"]["50"]["gifs"]
    assert (item["type"], item["format"], Path(item["fullpath"]).suffix) == ("temp", "video/h264-mp4", ".mp4")
    assert view(fake, item).content[4:8] == b"ftyp"


# --- submission -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [USUAL, NEW])
def test_a_twin_costs_nothing(comfyui: Made, version: str) -> None:
    fake = comfyui(version=version, hold_at=1)
    job = job_id()
    assert [post(fake, wan(), job).status_code for _ in range(2)] == [200, 200]
    running, pending = httpx2.get(f"{fake.url}/queue").json().values()
    assert [item[1] for item in [*running, *pending]] == [job, job]

    fake.turn(hold_at=None)
    fake.ledger.wait_for("ended", times=2, id=job)
    assert (fake.ledger.count("began", id=job), fake.ledger.executions(job)) == (2, 1)
    assert len(fake.files()) == 1
    assert eventually(lambda: ended(fake, job)["outputs"])["50"]["images"][0]["filename"] == fake.files()[0].name


def test_a_job_between_two_twins_takes_the_old_cache_away(comfyui: Made) -> None:
    for version, executions in ((USUAL, 2), (NEW, 1)):
        fake = comfyui(version=version, hold_at=0)
        job = job_id()
        post(fake, wan(seed=9), job)
        between = fake.foreign(1, seed=5)
        post(fake, wan(seed=9), job)
        fake.turn(hold_at=None)
        fake.ledger.wait_for("ended", times=2, id=job)
        assert fake.ledger.executions(job) == executions, version
        assert fake.ledger.executions(between[0]) == 1


def test_a_number_kills_the_worker_and_nothing_tells(comfyui: Made) -> None:
    fake = comfyui(stall=True)
    job = job_id()
    assert post(fake, wan(seed=2), job, number=5).status_code == 200
    assert post(fake, wan(seed=3), job, number=5).status_code == 500
    post(fake, wan(seed=1), job_id(), number=1)
    assert len(httpx2.get(f"{fake.url}/queue").json()["queue_pending"]) == 3  # it stays in all the same

    fake.turn(stall=False)
    eventually(lambda: not fake.worker_lives)
    assert post(fake, wan(), job_id()).status_code == 200
    queue = httpx2.get(f"{fake.url}/queue").json()
    assert (queue["queue_running"], len(queue["queue_pending"]) > 0) == ([], True)


def test_a_half_good_prompt_is_accepted_with_errors(comfyui: Made) -> None:
    fake = comfyui()
    bad = node("SaveImage", images=["8", 0])
    answer = post(fake, wan() | {"60": bad}, job := job_id())
    assert answer.status_code == 200
    assert answer.json()["node_errors"]["60"]["errors"][0]["type"] == "required_input_missing"
    assert list(ended(fake, job)["outputs"]) == ["50"]


def test_only_the_target_runs(comfyui: Made) -> None:
    fake = comfyui()
    graph = wan() | {"60": node("PreviewImage", images=["8", 0])}
    assert set(run(fake, graph)["outputs"]) == {"50", "60"}
    assert set(run(fake, graph, partial_execution_targets=["60"])["outputs"]) == {"60"}


BAD: list[tuple[str, Callable[[dict[str, Any]], Any], str]] = [
    ("7", lambda graph: graph["7"]["inputs"].pop("steps"), "required_input_missing"),
    ("7", lambda graph: graph["7"]["inputs"].update(seed=2**64), "value_bigger_than_max"),
    ("7", lambda graph: graph["7"]["inputs"].update(seed=-1), "value_smaller_than_min"),
    ("7", lambda graph: graph["7"]["inputs"].update(steps="many"), "invalid_input_type"),
    ("7", lambda graph: graph["7"]["inputs"].update(positive=["4"]), "bad_linked_input"),
    ("7", lambda graph: graph["7"]["inputs"].update(latent_image=["4", 0]), "return_type_mismatch"),
    ("1", lambda graph: graph["1"]["inputs"].update(unet_name="none.safetensors"), "value_not_in_list"),
    ("99", lambda graph: graph["7"]["inputs"].update(positive=["99", 0]), "exception_during_validation"),
]


@pytest.mark.parametrize(("where", "spoil", "kind"), BAD, ids=[row[2] for row in BAD])
def test_a_bad_prompt_is_refused_by_node(comfyui: Made, where: str, spoil: Any, kind: str) -> None:
    graph = wan()
    spoil(graph)
    answer = post(comfyui(), graph, job_id())
    assert answer.status_code == 400
    errors = [reason["type"] for one in answer.json()["node_errors"].values() for reason in one["errors"]]
    if where in graph:
        assert answer.json()["error"]["type"] == "prompt_outputs_failed_validation"
        assert answer.json()["node_errors"][where]["class_type"] == graph[where]["class_type"]
        assert errors == [kind]
    else:
        assert errors in (["exception_during_inner_validation"], ["exception_during_validation"])
        assert "/home/ada" in answer.text


def test_what_is_no_prompt(comfyui: Made) -> None:
    old = comfyui()
    assert post(old, {"1": node("VAELoader", vae_name="wan_2.1_vae.safetensors")}).json()["error"]["type"] == (
        "prompt_no_outputs"
    )
    assert httpx2.post(f"{old.url}/api/prompt", json={}).json()["error"]["type"] == "no_prompt"
    assert httpx2.post(f"{old.url}/prompt", content=b"{").status_code == 500
    page = post(old, {"nodes": [{"id": 1}], "links": [], "version": 0.4})
    assert (page.status_code, page.json()["error"]["details"]) == (400, "Node ID '#nodes'")
    unknown = post(old, wan() | {"70": node("NoSuch")})
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (400, "invalid_prompt")
    assert post(old, stills(), "any string").json()["prompt_id"] == "any string"


def test_newer_versions_want_uuids_and_name_what_is_missing(comfyui: Made) -> None:
    fake = comfyui(version=NEW)
    for name in ("any string", str(uuid.uuid4()).upper(), uuid.uuid4().hex):
        assert post(fake, stills(), name).json()["error"]["type"] == "invalid_prompt_id"
    error = post(fake, wan() | {"70": node("NoSuch", "My node")}, job_id()).json()["error"]
    assert error["type"] == "missing_node_type"
    assert error["extra_info"] == {"node_id": "70", "class_type": "NoSuch", "node_title": "My node"}


# --- the cache ------------------------------------------------------------------------------------------------------


def test_a_cached_output_is_listed_although_its_file_is_gone(comfyui: Made) -> None:
    fake = comfyui()
    [first] = run(fake, wan())["outputs"]["50"]["images"]
    fake.lose_files()
    [again] = run(fake, wan())["outputs"]["50"]["images"]
    assert (again, view(fake, again).status_code) == (first, 404)

    before = fake.ledger.count("node", kind="KSampler")
    [other] = run(fake, wan(prefix="other"))["outputs"]["50"]["images"]
    assert view(fake, other).status_code == 200
    assert fake.ledger.count("node", kind="KSampler") == before  # only the saver ran


def test_versions_between_forget_cached_outputs_without_a_client(comfyui: Made) -> None:
    for version, outputs in ((USUAL, 1), (MIDDLE, 0), (NEW, 1)):
        fake = comfyui(version=version)
        run(fake, wan())
        job = post(fake, wan()).json()["prompt_id"]
        assert len(ended(fake, job)["outputs"]) == outputs, version
        assert len(run(fake, wan())["outputs"]) == 1


def test_free_empties_the_cache(comfyui: Made) -> None:
    fake = comfyui()
    run(fake, wan())
    httpx2.post(f"{fake.url}/free", json={"unload_models": True, "free_memory": True})
    run(fake, wan())
    assert fake.ledger.executions() == 2


# --- the socket -----------------------------------------------------------------------------------------------------


def test_a_socket_is_told_everything_in_order(comfyui: Made) -> None:
    fake = comfyui(previews=True)
    job = job_id()
    with socket(fake, job) as one:
        one.send(json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}))
        heard(one, "feature_flags")
        post(fake, wan(steps=2), job)
        messages = heard(one, "executing", None)

    events = [message["type"] for message in messages if isinstance(message, dict)]
    wanted = ["execution_start", "execution_cached", "executing", "progress", "executed", "execution_success"]
    assert [event for event in dict.fromkeys(events) if event in wanted] == wanted
    assert {"status", "progress_state"} <= set(events)
    states = [
        message["data"]["nodes"] for message in messages if isinstance(message, dict) and "nodes" in message["data"]
    ]
    assert states[-1]["7"]["state"] == "finished"
    previews = [message for message in messages if isinstance(message, bytes)]
    kind, length = struct.unpack(">II", previews[0][:8])
    assert (len(previews), kind, json.loads(previews[0][8 : 8 + length])["prompt_id"]) == (2, 4, job)
    assert Image.open(io.BytesIO(previews[0][8 + length :])).format == "JPEG"


def test_without_a_client_everybody_sees_the_previews(comfyui: Made) -> None:
    fake = comfyui(previews=True)
    with socket(fake, "somebody-else") as one:
        post(fake, wan(steps=1))
        messages = heard(one, "progress")
        while not isinstance(message := one.recv(timeout=10), bytes):
            messages.append(json.loads(message))
        assert struct.unpack(">II", message[:8]) == (1, 1)  # and nothing says whose it is


def test_a_second_socket_takes_all_and_leaves_the_first_deaf(comfyui: Made) -> None:
    fake = comfyui(hold_at=1)
    job = job_id()
    with socket(fake, job) as first:
        post(fake, wan(steps=2), job)
        heard(first, "progress")
        with socket(fake, job) as second:
            [told] = [message for message in heard(second, "executing") if message["type"] == "executing"]
            assert told["data"] == {"node": "7"}  # of what it missed, only where it is, and of no prompt
        eventually(lambda: fake.sockets_open == 1)
        fake.turn(hold_at=None)
        ended(fake, job)
        with pytest.raises(TimeoutError):
            first.recv(timeout=0.1)


def test_a_socket_can_break_be_silent_or_be_refused(comfyui: Made) -> None:
    fake = comfyui(ws_drop_after=3)
    with socket(fake, "a") as one:
        post(fake, wan(), job_id(), client_id="a")
        with pytest.raises(ConnectionClosedError) as broken:
            heard(one, "execution_success")
    assert broken.value.rcvd is None  # seen as 1006
    fake.turn(ws_drop_after=None, ws_silent=True)
    with socket(fake, "b") as one:
        run(fake, wan(), client_id="b")
        with pytest.raises(TimeoutError):
            one.recv(timeout=0.05)
    fake.turn(ws_refused=403)
    with pytest.raises(Exception, match="403"), socket(fake, "c"):
        pass


# --- cancelling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [OLD, USUAL])
def test_an_interrupt_that_names_nobody_hurts_whoever_runs(comfyui: Made, version: str) -> None:
    fake = comfyui(version=version, hold_at=1)
    [stranger] = fake.foreign()
    fake.ledger.wait_for("began", id=stranger)
    body = {"prompt_id": job_id()} if version == OLD else {}  # the old one does not read the id
    assert httpx2.post(f"{fake.url}/interrupt", json=body).status_code == 200
    status = ended(fake, stranger)["status"]
    assert (status["status_str"], status["messages"][-1][0]) == ("error", "execution_interrupted")
    assert fake.ledger.ids("hurt") == [stranger]


def test_an_interrupt_by_id_hurts_nobody_else(comfyui: Made) -> None:
    fake = comfyui(hold_at=1)
    [stranger] = fake.foreign()
    post(fake, wan(), job := job_id())
    fake.ledger.wait_for("began", id=stranger)
    assert httpx2.post(f"{fake.url}/interrupt", json={"prompt_id": job}).status_code == 200
    assert httpx2.post(f"{fake.url}/queue", json={"delete": [job, "unknown"]}).status_code == 200
    fake.turn(hold_at=None)
    assert ended(fake, stranger)["status"]["completed"] is True
    assert (fake.ledger.count("began", id=job), fake.ledger.count("hurt")) == (0, 0)


def test_jobs_can_be_asked_for_and_cancelled_by_id(comfyui: Made) -> None:
    fake = comfyui(version=NEW, hold_at=1)
    first, second = job_id(), job_id()
    post(fake, wan(), first)
    post(fake, wan(seed=2), second)
    jobs = f"{fake.url}/api/jobs"
    fake.ledger.wait_for("began", id=first)
    assert [httpx2.get(f"{jobs}/{one}").json()["status"] for one in (first, second)] == ["in_progress", "pending"]
    cancelled = [httpx2.post(f"{jobs}/{one}/cancel").json() for one in (second, first, "unknown")]
    assert cancelled == [{"cancelled": True}, {"cancelled": True}, {"cancelled": False}]
    ended(fake, first)
    assert httpx2.get(f"{jobs}/{first}").json()["status"] == "cancelled"
    missing = httpx2.get(f"{jobs}/{second}")
    assert (missing.status_code, missing.json()) == (404, {"error": "Job not found"})
    old = httpx2.get(f"{comfyui(version=USUAL).url}/api/jobs/{first}")
    assert (old.status_code, old.content) == (404, b"")


def test_failures_are_in_the_history_with_their_tracebacks(comfyui: Made) -> None:
    fake = comfyui(fail_at=1, fail_with=["torch.OutOfMemoryError", "CUDA out of memory."], fail_times=1)
    kind, error = run(fake, wan())["status"]["messages"][-1]
    assert (kind, error["exception_type"], error["node_type"]) == (
        "execution_error",
        "torch.OutOfMemoryError",
        "KSampler",
    )
    assert "/home/ada" in error["traceback"][0]
    assert run(fake, wan())["status"]["completed"] is True


# --- files ----------------------------------------------------------------------------------------------------------


def test_uploads(comfyui: Made) -> None:
    fake = comfyui(max_upload=100_000)
    picture = io.BytesIO()
    Image.new("RGB", (80, 48), (200, 90, 40)).save(picture, "PNG")
    names = [upload(fake, "in.png", content).json()["name"] for content in (picture.getvalue(), b"x", b"x", b"y")]
    assert names == ["in.png", "in (1).png", "in (1).png", "in (2).png"]
    kept = upload(fake, "in.png", picture.getvalue(), subfolder="reelwright", overwrite="true").json()
    assert kept == {"name": "in.png", "subfolder": "reelwright", "type": "input"}
    assert upload(fake, "in.png", b"x", type="elsewhere").status_code == 500
    assert upload(fake, "in.png", b"x" * 100_001).status_code == 413

    graph = from_picture("reelwright/in.png", width=64, height=64)
    assert run(fake, graph)["status"]["completed"] is True
    absent = post(fake, from_picture("none.png")).json()["node_errors"]["9"]["errors"][0]
    assert (absent["type"], "none.png" in absent["details"]) == ("custom_validation_failed", True)
    assert run(fake, from_picture("in (1).png"))["status"]["status_str"] == "error"  # no picture, seen at run time only


def test_views(comfyui: Made) -> None:
    fake = comfyui()
    [item] = run(fake, wan())["outputs"]["50"]["images"]
    whole = view(fake, item)
    part = view(fake, item, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert view(fake, item, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert view(fake, item, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    wrong = [{"filename": "none.mp4"}, {"filename": "../x"}, {"type": "nowhere"}, {"subfolder": "../.."}]
    assert [view(fake, item | one).status_code for one in wrong] == [404, 400, 400, 403]

    fake.turn(replies={"view": [1, {"cut": 100}]})
    with pytest.raises(httpx2.RemoteProtocolError):
        view(fake, item)


def test_signed_addresses_see_who_brings_a_key(comfyui: Made) -> None:
    fake = comfyui(signed_views=True, auth="header")
    key = {"X-API-Key": fake.knobs.token}
    httpx2.post(f"{fake.url}/prompt", json={"prompt": wan(), "prompt_id": "a", "client_id": "a"}, headers=key)
    fake.ledger.wait_for("ended")
    name = {"filename": fake.files()[0].name, "subfolder": "video"}
    sent = httpx2.get(f"{fake.url}/view", params=name, headers=key)
    assert (sent.status_code, sent.headers["Location"].startswith("https://localhost:")) == (302, True)
    with httpx2.Client(verify=ssl.create_default_context(cafile=fake.ca)) as client:
        assert client.get(sent.headers["Location"]).content == fake.files()[0].read_bytes()
        client.get(sent.headers["Location"], headers=key)
    assert fake.ledger.count("leaked") == 1


def test_doors(comfyui: Made) -> None:
    fake = comfyui(auth="bearer")
    url = f"{fake.url}/system_stats"
    right = {"Authorization": f"Bearer {fake.knobs.token}"}
    assert [httpx2.get(url, headers=headers).status_code for headers in ({}, right)] == [401, 200]
    with pytest.raises(Exception, match="401"), socket(fake, "a"):
        pass
    fake.turn(ws_auth=False)
    with socket(fake, "a"):
        pass
    fake.turn(auth="query")
    assert httpx2.get(f"{url}?token={fake.knobs.token}").json()["system"]["comfyui_version"] == USUAL
    fake.turn(auth=None)
    assert httpx2.get(url, headers={"Origin": "http://evil.example"}).status_code == 403
    info = httpx2.get(f"{fake.url}/object_info").json()
    assert info["KSampler"]["input"]["required"]["seed"][1]["max"] == 2**64 - 1
    assert info["SaveVideo"]["input"]["required"]["codec"][0] == "COMBO"
    assert httpx2.get(f"{fake.url}/object_info/NoSuch").json() == {}


# --- its end --------------------------------------------------------------------------------------------------------


def test_a_restart_loses_all_but_the_files(comfyui: Made) -> None:
    fake = comfyui()
    done = job_id()
    post(fake, wan(), done)
    ended(fake, done)
    fake.turn(hold_at=1)
    jobs = [job_id(), job_id()]
    with socket(fake, "a") as one:
        for seed, job in enumerate(jobs):
            post(fake, wan(seed=seed + 5), job)
        fake.ledger.wait_for("began", id=jobs[0])
        fake.die()
        with pytest.raises(ConnectionClosedError):
            heard(one, "execution_success")
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(fake.url)
    fake.turn(hold_at=None)
    fake.rise()
    assert [httpx2.get(f"{fake.url}/history/{job}").json() for job in [done, *jobs]] == [{}, {}, {}]
    assert httpx2.get(f"{fake.url}/prompt").json() == {"exec_info": {"queue_remaining": 0}}
    assert len(fake.files()) == 1


def test_a_killed_process_keeps_its_ledger(tmp_path: Path) -> None:
    with ComfyUIProcess(tmp_path / "comfyui") as fake:
        fake.turn(hold_at=1)
        post(fake, wan(), job := job_id())
        fake.ledger.wait_for("began", id=job)
        fake.kill()
        fake.start()
        assert httpx2.get(f"{fake.url}/history/{job}").json() == {}
        post(fake, wan(), job)
        assert ended(fake, job)["status"]["completed"] is True
    assert (fake.ledger.count("began", id=job), fake.ledger.executions(job)) == (2, 2)


def test_an_answer_can_be_lost_after_the_work(comfyui: Made) -> None:
    fake = comfyui(replies={"prompt": (1, Reply(cut=0))})
    with pytest.raises(httpx2.RemoteProtocolError):
        post(fake, wan(), job := job_id())
    assert ended(fake, job)["status"]["completed"] is True
    fake.turn(replies={"prompt": [-1, {"status": 503, "before": True}]})
    assert [post(fake, wan(), job_id()).status_code for _ in range(2)] == [503, 503]
    assert fake.ledger.count("submitted") == 1
