"""The real server and its child process before a ComfyUI: killed, cancelled, refused; and what its clients are told."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx2
import pytest

from tests.engines.comfyui.stage import QUICK, WORKFLOWS
from tests.fakes.comfyui import NEW, OUT_OF_MEMORY, FakeComfyUI
from tests.fakes.comfyui.knobs import Knobs
from tests.servers import ServerProcess, eventually

PROMPT = "A red fox in the snow"
SMALL = {"prompt": PROMPT, "model": "wan", "size": "64x64", "num_frames": 5, "fps": 8}


@pytest.fixture(scope="module")
def comfyui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeComfyUI]:
    with FakeComfyUI(tmp_path_factory.mktemp("comfyui"), version=NEW, auth="bearer") as fake:
        yield fake
        assert fake.ledger.count("hurt") == 0


@pytest.fixture(scope="module")
def server(comfyui: FakeComfyUI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    place = tmp_path_factory.mktemp("server")
    (place / "workflows").mkdir()
    (place / "workflows" / "wan.json").write_text(json.dumps(WORKFLOWS["wan"]))
    settings = {
        "REELWRIGHT_ENGINE": "comfyui",
        "REELWRIGHT_COMFYUI_URL": comfyui.url,
        "REELWRIGHT_COMFYUI_TOKEN": comfyui.knobs.token,
        "REELWRIGHT_ENGINE_OPTIONS": json.dumps({"comfyui": {**QUICK, "preview_seconds": 0.0}}),
        "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"],
    }
    running = ServerProcess(place / "data", **settings).start()
    yield running
    assert running.stop() == 0
    assert comfyui.knobs.token not in running.log_text()
    assert PROMPT not in running.log_text()


@pytest.fixture(autouse=True)
def _well(comfyui: FakeComfyUI) -> Iterator[None]:
    """Each test begins with a ComfyUI that is well."""
    yield
    usual = Knobs()
    names = ("hold_at", "fail_at", "fail_times", "replies", "step_seconds", "previews")
    comfyui.turn(**{name: getattr(usual, name) for name in names})


def submitted(server: ServerProcess, seed: int) -> str:
    answer = httpx2.post(f"{server.url}/v1/videos", json={**SMALL, "seed": seed})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def ended(server: ServerProcess, video: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = httpx2.get(f"{server.url}/v1/videos/{video}").json()
        return told if told["status"] in ("completed", "failed") else None

    found: dict[str, Any] = eventually(look)
    return found


def runs_of(comfyui: FakeComfyUI, video: str) -> tuple[list[str], int]:
    """The ids under which the video was submitted, and how often it was executed."""
    ids = dict.fromkeys(
        entry["id"]
        for entry in comfyui.ledger.entries("submitted")
        if f"/{video}-" in entry["body"]["prompt"]["50"]["inputs"]["filename_prefix"]
    )
    return list(ids), sum(comfyui.ledger.executions(one) for one in ids)


def test_a_video_its_progress_and_nothing_of_the_workflow(server: ServerProcess, comfyui: FakeComfyUI) -> None:
    comfyui.turn(step_seconds=0.1, previews=True, hold_at=1)
    video = submitted(server, 1)
    with httpx2.stream("GET", f"{server.url}/v1/videos/{video}/events", timeout=30) as stream:
        comfyui.turn(hold_at=None)
        kinds = {line.removeprefix("event: ") for line in stream.iter_lines() if line.startswith("event: ")}
    assert {"progress", "preview", "completed"} <= kinds

    told = ended(server, video)
    assert told["made_with"]["provider"] == f"127.0.0.1:{comfyui.port}"
    assert told["made_with"]["comfyui"] == NEW
    content = httpx2.get(f"{server.url}/v1/videos/{video}/content").content
    with av.open(io.BytesIO(content)) as clip:
        assert clip.streams.video[0].frames == 5
        assert set(clip.metadata).isdisjoint({"prompt", "workflow"})
    assert not any(word in content for word in (b"KSampler", b"class_type", PROMPT.encode()))
    state = httpx2.get(f"{server.url}/health").json()["engines"]["comfyui"]
    assert NEW in json.dumps(state)


def child_of(server: ServerProcess) -> int:
    """The process of the engine."""
    assert server.process is not None
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == server.process.pid and b"reelwright" in (folder / "cmdline").read_bytes():
                    return int(folder.name)
            except OSError:
                continue
    raise AssertionError("the server has no child")


@pytest.mark.parametrize("window", ["submitting", "running"])
def test_kill_9_of_the_server_has_no_job_executed_twice(
    server: ServerProcess, comfyui: FakeComfyUI, window: str
) -> None:
    before = comfyui.ledger.count("began")
    comfyui.turn(hold_at=2, **({"replies": {"prompt": [1, {"hang": True}]}} if window == "submitting" else {}))
    video, queued = submitted(server, 10 + before), submitted(server, 11 + before)
    comfyui.ledger.wait_for("began", times=before + 1)
    server.kill()
    comfyui.turn(hold_at=None)
    server.start()
    for one in (video, queued):
        told = ended(server, one)
        assert told["status"] == "completed", told["error"]
        ids, executions = runs_of(comfyui, one)
        assert (len(ids), executions) == (1, 1)
        assert told["made_with"]["request_id"] == ids[0]
        assert httpx2.get(f"{server.url}/v1/videos/{one}/content").status_code == 200


def test_kill_9_of_the_child_has_no_job_executed_twice(server: ServerProcess, comfyui: FakeComfyUI) -> None:
    before = comfyui.ledger.count("began")
    comfyui.turn(hold_at=2)
    video, queued = submitted(server, 20), submitted(server, 21)
    comfyui.ledger.wait_for("began", times=before + 1)
    os.kill(child_of(server), signal.SIGKILL)
    comfyui.turn(hold_at=None)
    assert ended(server, video)["status"] == "completed"
    assert ended(server, queued)["status"] == "completed"
    assert [runs_of(comfyui, one)[1] for one in (video, queued)] == [1, 1]


def test_a_cancel_reaches_comfyui(server: ServerProcess, comfyui: FakeComfyUI) -> None:
    comfyui.turn(hold_at=1)
    running, waiting = submitted(server, 300), submitted(server, 301)
    eventually(lambda: runs_of(comfyui, running)[1] == 1)
    [stranger] = comfyui.foreign()
    for video in (waiting, running):
        assert httpx2.post(f"{server.url}/v1/videos/{video}/cancel").json()["error"]["code"] == "cancelled"
    [job] = runs_of(comfyui, running)[0]
    assert comfyui.ledger.wait_for("ended", id=job)[0]["outcome"] == "interrupted"
    comfyui.turn(hold_at=None)
    assert comfyui.ledger.wait_for("ended", id=stranger)[0]["outcome"] == "success"
    assert runs_of(comfyui, waiting) == ([], 0)


def test_a_comfyui_that_crashes_and_returns_loses_no_video(server: ServerProcess, comfyui: FakeComfyUI) -> None:
    comfyui.turn(hold_at=1)
    videos = [submitted(server, 400 + number) for number in range(3)]
    eventually(lambda: runs_of(comfyui, videos[0])[1] == 1)
    comfyui.die()
    comfyui.turn(hold_at=None)
    comfyui.rise()
    assert [ended(server, video)["status"] for video in videos] == ["completed"] * 3
    assert [runs_of(comfyui, video)[1] for video in videos] == [2, 1, 1]


@pytest.mark.parametrize(
    ("kind", "message", "code"),
    [
        (*OUT_OF_MEMORY, "out_of_memory"),
        ("ValueError", "no such file: /home/ada/ComfyUI/models/a.ckpt", "engine_failed"),
    ],
)
def test_a_failure_is_told_without_the_other_machines_paths(
    server: ServerProcess, comfyui: FakeComfyUI, kind: str, message: str, code: str
) -> None:
    comfyui.turn(fail_at=1, fail_with=[kind, message])
    told = ended(server, submitted(server, 500))
    assert told["error"]["code"] == code
    assert "KSampler" in told["error"]["message"]
    assert "/home/ada" not in json.dumps(told)
