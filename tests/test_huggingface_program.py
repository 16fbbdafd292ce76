"""The unmodified program with the Hugging Face engine: environment variables alone lead it to the fake service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cli.command import run
from tests.databases import run_sql
from tests.fakes.huggingface import KEYS, TOKEN, ConnectProxy, FakeHuggingFace, Reply
from tests.servers import ServerProcess, eventually

QUICK = {"poll_seconds": 0.02, "first_wait_seconds": 0.05, "idle_seconds": 1.0, "connect_seconds": 2.0}
OPENING = {"phase": "submitting", "provider": "endpoint", "model": "endpoint", "stage": "video"}
SLEEP_MODE = (
    "The model might be in sleep mode. Try again after 1\u20132 minutes or duplicate the model space on Hugging Face."
)


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeHuggingFace]:
    with FakeHuggingFace() as running:
        yield running


@pytest.fixture(scope="module")
def environment(fake: FakeHuggingFace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("wire")
    with ConnectProxy(fake.port, folder / "ca.pem") as proxy:
        yield {
            **proxy.environment(),
            "SSL_CERT_DIR": "",
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(folder / "hf"),
            "REELWRIGHT_ENGINE": "auto",
            "REELWRIGHT_ENGINE_OPTIONS": json.dumps({"huggingface": QUICK}),
        }


@pytest.fixture(scope="module")
def program(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("program") / "data", **environment).start()
    yield server
    assert server.stop() == 0
    assert TOKEN not in server.log_text()


@pytest.fixture(autouse=True)
def _fresh(fake: FakeHuggingFace) -> None:
    fake.reset()


def generate(server: ServerProcess, **headers: str) -> httpx2.Response:
    body = {"prompt": "A red fox in the snow", "motion_bucket_id": 127, "noise_aug_strength": 0.02}
    return httpx2.post(f"{server.url}/api/video/generate", json=body, headers=headers, timeout=60)


def test_a_token_makes_a_real_video(program: ServerProcess, fake: FakeHuggingFace) -> None:
    answer = generate(program)
    assert answer.status_code == 200, answer.text
    assert answer.content == fake.clip
    assert answer.headers["X-Engine"] == "huggingface"
    video = httpx2.get(f"{program.url}/v1/videos/{answer.headers['X-Video-Id']}").json()
    assert video["made_with"]["provider"] == "fal-ai"
    assert video["model"] == "Wan-AI/Wan2.2-TI2V-5B"
    assert set(video["dropped_fields"]) == {"motion_bucket_id", "noise_aug_strength"}
    assert fake.strangers_with_token == []


NATIVE_ANSWERS: list[tuple[str, dict[str, Reply], int, dict[str, Any]]] = [
    (
        "bad token",
        {"submit": Reply(status=401, body={"error": "Invalid credentials"})},
        401,
        {"error": "Invalid Hugging Face API token", "suggestion": None},
    ),
    (
        "no such model",
        {"submit": Reply(status=404, body={"error": "Repository not found"})},
        404,
        {"error": "Model not found. The model might be unavailable or in sleep mode.", "suggestion": SLEEP_MODE},
    ),
    (
        "rate limited",
        {"submit": Reply(status=429, headers={"Retry-After": "1"}, body={"error": "slow down"})},
        429,
        {"error": "Rate limit exceeded. Please wait a few minutes before trying again.", "suggestion": None},
    ),
    (
        "loading",
        {"submit": Reply(status=503, headers={"Retry-After": "1"}, body={"error": "loading", "estimated_time": 99})},
        503,
        {"error": "Model is currently loading. Please wait 1-2 minutes and try again.", "suggestion": SLEEP_MODE},
    ),
    (
        "refused",
        {"submit": Reply(status=422, body={"detail": "content policy violation: moderation"})},
        422,
        {"error": "Prompt refused by the provider"},
    ),
    (
        "empty",
        {"cdn": Reply(body=b"")},
        500,
        {"error": "Received empty response from Hugging Face API", "suggestion": SLEEP_MODE},
    ),
    (
        "HTML with 200",
        {"cdn": Reply(body=b"<!doctype html><html>sorry</html>")},
        500,
        {"error": "Failed to generate video", "suggestion": SLEEP_MODE},
    ),
    (
        "garbage MP4",
        {"cdn": Reply(body=b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 500)},
        500,
        {"error": "Failed to generate video"},
    ),
    (
        "out of credits",
        {"submit": Reply(status=402, body={"error": "no credits"})},
        500,
        {"error": "Failed to generate video"},
    ),
    ("upstream 500", {"submit": Reply(status=500, body={"error": "boom"})}, 500, {"error": "Failed to generate video"}),
]


@pytest.mark.parametrize(
    ("case", "script", "status", "expected"), NATIVE_ANSWERS, ids=[row[0] for row in NATIVE_ANSWERS]
)
def test_every_failure_upstream_has_the_contracts_answer(
    program: ServerProcess,
    fake: FakeHuggingFace,
    case: str,
    script: dict[str, Reply],
    status: int,
    expected: dict[str, Any],
) -> None:
    for step, reply in script.items():
        fake.script(step, reply)
    answer = generate(program)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["success"] is False
    assert body | expected == body
    assert TOKEN not in answer.text
    if status in (429, 503):
        assert int(answer.headers["Retry-After"]) > 0
    if body["error"] == "Failed to generate video":
        assert body["message"]
        assert body["duration"].endswith("s")


def test_kill_9_after_the_upstream_accepted_is_never_billed_twice(
    environment: dict[str, str], fake: FakeHuggingFace, tmp_path: Path
) -> None:
    server = ServerProcess(tmp_path / "data", **environment).start()
    fake.polls = 1_000_000
    accepted = generate(server, Prefer="respond-async").json()["id"]
    fake.wait_for("status")
    server.kill()
    fake.polls = 1
    server.start()
    url = f"{server.url}/v1/videos/{accepted}"
    video = eventually(lambda: (v := httpx2.get(url).json())["status"] == "completed" and v)
    assert video["made_with"]["resumed"] is True
    assert len(fake.requests("submit")) == 1
    assert httpx2.get(f"{url}/content").content == fake.clip
    assert server.stop() == 0


@pytest.fixture(scope="module")
def keys_only(environment: dict[str, str]) -> dict[str, str]:
    keys = {"FAL_KEY": KEYS["fal-ai"], "REPLICATE_API_TOKEN": KEYS["replicate"]}
    return {name: value for name, value in environment.items() if name != "HF_TOKEN"} | keys


def test_a_providers_own_key_is_enough_and_no_crash_bills_twice(
    keys_only: dict[str, str], fake: FakeHuggingFace, tmp_path: Path
) -> None:
    server = ServerProcess(tmp_path / "data", **keys_only).start()
    reason = httpx2.get(f"{server.url}/health").json()["engine"]["reason"]
    assert reason == "FAL_KEY and REPLICATE_API_TOKEN are set; each video is billed to one of their accounts"
    fake.polls = 1_000_000
    accepted = generate(server, Prefer="respond-async").json()["id"]
    fake.wait_for("status")
    assert not any(key in str(run_sql(server, "SELECT * FROM videos")) for key in KEYS.values())
    server.kill()
    fake.polls = 1
    server.start()
    url = f"{server.url}/v1/videos/{accepted}"
    video = eventually(lambda: (v := httpx2.get(url).json())["status"] == "completed" and v)
    assert (video["made_with"]["provider"], video["made_with"]["resumed"]) == ("fal-ai", True)
    assert {entry.host for entry in fake.log} == {"huggingface.co", "queue.fal.run", "v3.fal.media"}
    assert len(fake.requests("submit")) == 1

    fake.script("submit", Reply(status=401, body=f"no such key: {KEYS['fal-ai']}".encode()), provider="fal-ai")
    assert generate(server).status_code == 200, "replicate has an account of its own"
    fake.script("submit", Reply(status=401, body=b"nor that one"), provider="replicate")
    refused = generate(server)
    told = "fal-ai does not accept FAL_KEY. no such key: [token]"
    assert (refused.status_code, refused.json()["details"]) == (401, told)
    assert server.stop() == 0
    assert fake.strangers_with_token == []
    assert not any(key in server.log_text() for key in KEYS.values())


def test_the_doctor_tests_each_key(keys_only: dict[str, str], fake: FakeHuggingFace, tmp_path: Path) -> None:
    routes = [["fal-ai", "Wan-AI/Wan2.2-TI2V-5B"], ["wavespeed", "Wan-AI/Wan2.2-TI2V-5B"]]
    given = {
        "REPLICATE_API_TOKEN": "r8_" + "wrong" * 5,
        "NOVITA_API_KEY": "too short",
        "REELWRIGHT_ENGINE_OPTIONS": json.dumps({"huggingface": {"text_to_video": routes}}),
    }
    found = run("doctor", "--json", cwd=tmp_path, **keys_only | given)
    rows = {row["name"]: row for row in json.loads(found.stdout)}
    told = "fal-ai accepts it; its account is billed for each video."
    assert (rows["FAL_KEY"]["ok"], rows["FAL_KEY"]["detail"]) == (True, told)
    assert rows["REPLICATE_API_TOKEN"]["ok"] is rows["NOVITA_API_KEY"]["ok"] is False
    assert rows["REPLICATE_API_TOKEN"]["detail"] == "replicate does not accept REPLICATE_API_TOKEN"
    left_out = rows["Route wavespeed:Wan-AI/Wan2.2-TI2V-5B"]
    assert (left_out["ok"], left_out["remedy"]) == (None, "Set WAVESPEED_API_KEY or HF_TOKEN")
    assert "FAL_KEY" in rows["Chosen engine"]["detail"]
    assert {entry.step for entry in fake.log} == {"account"}
    assert not any(key in found.stdout + found.stderr for key in KEYS.values())


def test_what_an_endpoint_may_have_begun_is_not_sent_twice(fake: FakeHuggingFace, tmp_path: Path) -> None:
    options = {"huggingface": {**QUICK, "endpoint_url": f"http://127.0.0.1:{fake.port}/endpoint", "slots": 1}}
    fake.script("endpoint", Reply(hang=True))
    engine = {"REELWRIGHT_ENGINE": "huggingface", "REELWRIGHT_ENGINE_OPTIONS": json.dumps(options)}
    server = ServerProcess(tmp_path / "data", **engine).start()
    eventually(lambda: "engine loaded" in server.log_text())
    begun, queued = (generate(server, Prefer="respond-async").json()["id"] for _ in range(2))
    fake.wait_for("endpoint")
    assert checkpoints(server) == {begun: OPENING, queued: None}
    httpx2.post(f"{server.url}/v1/videos/{begun}/cancel")
    fake.wait_for("endpoint", times=2)
    assert checkpoints(server) == {begun: None, queued: OPENING}
    server.kill()
    server.start()
    url = f"{server.url}/v1/videos/{queued}"
    video = eventually(lambda: (v := httpx2.get(url).json())["status"] == "failed" and v)
    assert video["error"]["code"] == "unknown_outcome"
    assert len(fake.requests("endpoint")) == 2
    assert server.stop() == 0


def checkpoints(server: ServerProcess) -> dict[str, Any]:
    """What is stored of each video that has not ended."""
    rows = run_sql(server, "SELECT id, checkpoint FROM videos")
    return {video_id: checkpoint and json.loads(checkpoint) for video_id, checkpoint in rows}


def test_a_cancel_reaches_the_provider(program: ServerProcess, fake: FakeHuggingFace) -> None:
    fake.polls = 1_000_000
    video_id = generate(program, Prefer="respond-async").json()["id"]
    fake.wait_for("status")
    cancelled = httpx2.post(f"{program.url}/v1/videos/{video_id}/cancel").json()
    assert cancelled["error"]["code"] == "cancelled"
    fake.wait_for("cancel")


def test_a_sick_provider_is_seen_in_health(program: ServerProcess, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=500, body={"error": "boom"}), provider="fal-ai")
    assert generate(program).status_code == 200
    health = httpx2.get(f"{program.url}/health").json()
    assert "fal-ai" in json.dumps(health["engines"]["huggingface"])


def test_one_reelwright_is_anothers_endpoint(tmp_path: Path) -> None:
    upstream = ServerProcess(tmp_path / "upstream").start()
    options = {"huggingface": {"endpoint_url": f"{upstream.url}/models/reelwright/sketch"}}
    front = ServerProcess(
        tmp_path / "front",
        REELWRIGHT_ENGINE="huggingface",
        REELWRIGHT_ENGINE_OPTIONS=json.dumps(options),
        REELWRIGHT_KEEP_WARM_S="5",
    ).start()
    body = {"prompt": "Campfire sparks at night", "width": 128, "height": 128, "num_frames": 8, "seed": 3}
    answer = httpx2.post(f"{front.url}/api/video/generate", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    behind = httpx2.get(f"{upstream.url}/v1/videos").json()["data"][0]
    assert (behind["prompt"], behind["seed"], behind["size"], behind["num_frames"]) == (body["prompt"], 3, "128x128", 8)
    assert httpx2.get(f"{upstream.url}/v1/videos/{behind['id']}/content").content == answer.content
    warm = eventually(lambda: (w := httpx2.get(f"{front.url}/health").json()["keep_warm"])["state"] == "awake" and w)
    assert warm["every_s"] == 5
    assert (front.stop(), upstream.stop()) == (0, 0)
