"""API keys: asked for everywhere but on the allow list, told apart from nothing, leaked nowhere."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.api.asks import PATH, SMALL
from tests.contract import checking
from tests.servers import ServerProcess, eventually

ALICE, BOB = "alice-canary-8f2b61/+==/", "bob-canary-77aa01"
TOKEN = "hf_canaryTokenThatMustNeverLeak"
ALLOWED = {"/", "/health", "/ready", "/favicon.ico", "/playground/{name}"}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    environment = {"REELWRIGHT_API_KEYS": f"{ALICE}, {BOB}", "HF_TOKEN": TOKEN, "REELWRIGHT_LOG_FORMAT": "json"}
    environment |= {"REELWRIGHT_LOG_LEVEL": "debug"}
    running = ServerProcess(tmp_path_factory.mktemp("keys") / "data", **environment).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def alice(locked: ServerProcess) -> Iterator[httpx2.Client]:
    with checking(locked.url, headers={"Authorization": f"Bearer {ALICE}"}) as client:
        yield client


@pytest.fixture(scope="module")
def bob(locked: ServerProcess) -> Iterator[httpx2.Client]:
    with checking(locked.url, headers={"X-API-Key": BOB}) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(locked: ServerProcess) -> Iterator[httpx2.Client]:
    with checking(locked.url) as client:
        yield client


def make(client: httpx2.Client) -> str:
    answer = client.post(PATH, json={"prompt": "paint", **SMALL}, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    video_id = str(answer.json()["id"])
    eventually(lambda: client.get(f"/v1/videos/{video_id}").json()["status"] == "completed")
    return video_id


def assert_asks_for_a_key(answer: httpx2.Response) -> None:
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_route_and_method_asks_for_a_key(alice: httpx2.Client, stranger: httpx2.Client) -> None:
    paths: dict[str, Any] = alice.get("/openapi.json").json()["paths"]
    assert {PATH, "/v1/videos", "/v1/videos/{video_id}/content", "/health"} <= set(paths)
    asked = 0
    for path, methods in paths.items():
        for method in [*methods, "options", "head", "put", "patch"]:
            answer = stranger.request(method.upper(), re.sub(r"\{\w+\}", "x", path))
            if path in ALLOWED:
                assert answer.status_code != 401
            else:
                assert_asks_for_a_key(answer)
                asked += 1
    assert asked > 20


@pytest.mark.parametrize("path", ["/nope", "/health/x", "/playground/", "/openapi.json/x", "/docs/a/b"])
def test_what_is_not_on_the_allow_list_asks_too(stranger: httpx2.Client, path: str) -> None:
    assert_asks_for_a_key(stranger.get(path))


def test_the_probes_and_the_pages_do_not_ask(stranger: httpx2.Client) -> None:
    assert [stranger.get(path).status_code for path in ("/health", "/ready")] == [200, 200]
    assert stranger.get("/").status_code != 401
    assert stranger.get("/docs").status_code == 200
    assert {} not in stranger.get("/openapi.json").json()["security"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": ALICE},
        {"Authorization": f"Basic {ALICE}"},
        {"Authorization": f"Bearer {ALICE[:-1]}"},
        {"Authorization": f"Bearer {ALICE}x"},
        {"Authorization": f"Bearer {ALICE}, {BOB}"},
        {"Authorization": f"Bearer {ALICE.upper()}"},
        {"Authorization": "Bearer wrong", "X-API-Key": "wrong"},
        {"X-API-Key": ""},
        {"X-API-Key": "x" * 10_000},
        {"Cookie": f"key={ALICE}"},
    ],
)
def test_a_wrong_key_is_told_in_the_contracts_words(stranger: httpx2.Client, headers: dict[str, str]) -> None:
    answer = stranger.post(PATH, json={"prompt": "paint", **SMALL}, headers=headers)
    assert_asks_for_a_key(answer)
    assert answer.json() == {"success": False, "error": "Missing or invalid API key"}


def test_a_key_in_the_address_is_no_key(stranger: httpx2.Client) -> None:
    assert_asks_for_a_key(stranger.get("/v1/videos", params={"key": ALICE, "api_key": ALICE}))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token"])
def test_the_scheme_may_be_written_in_several_ways(stranger: httpx2.Client, scheme: str) -> None:
    assert stranger.get("/v1/videos", headers={"Authorization": f"{scheme} {ALICE}"}).status_code == 200


def test_a_body_is_not_read_before_the_key(stranger: httpx2.Client) -> None:
    assert_asks_for_a_key(stranger.post(PATH, content=b"x" * 20_000_000, headers={"Content-Type": "text/plain"}))


def test_owners_cannot_see_each_others_videos(alice: httpx2.Client, bob: httpx2.Client) -> None:
    """Bob's answers about Alice's video are those about a video that never was."""
    video_id, never = make(alice), "video_00000000000000000000000000"
    calls = (("GET", ""), ("GET", "/content"), ("GET", "/events"), ("POST", "/cancel"), ("DELETE", ""))
    for method, rest in calls:
        foreign = bob.request(method, f"/v1/videos/{video_id}{rest}")
        unknown = bob.request(method, f"/v1/videos/{never}{rest}")
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.content == unknown.content
        assert shape(foreign) == shape(unknown)
    assert video_id not in bob.get("/v1/videos").text
    assert alice.get(f"/v1/videos/{video_id}/content").status_code == 200


def shape(answer: httpx2.Response) -> dict[str, str]:
    varying = ("date", "x-request-id")
    return {name: value for name, value in answer.headers.items() if name.lower() not in varying}


def test_an_idempotency_key_is_its_owners_own(alice: httpx2.Client, bob: httpx2.Client) -> None:
    headers = {"Idempotency-Key": "the same for both", "Prefer": "respond-async"}
    ids = [
        client.post(PATH, json={"prompt": prompt, **SMALL}, headers=headers).json()["id"]
        for client, prompt in ((alice, "paint a"), (bob, "paint b"), (alice, "paint a"))
    ]
    assert ids[0] == ids[2] != ids[1]


def test_secrets_are_nowhere(locked: ServerProcess, alice: httpx2.Client, stranger: httpx2.Client) -> None:
    """Not in an answer, not in a log line (at debug level), not in a file: neither keys nor the token."""
    answers = [
        stranger.get("/health"),
        stranger.get("/ready"),
        alice.get("/openapi.json"),
        alice.get("/v1/models"),
        alice.post(PATH, json={"prompt": "fail engine_failed", **SMALL}),
        alice.post(PATH, json={"prompt": "raise", **SMALL}),
        alice.post(PATH, json={"prompt": f"environment {TOKEN}", "engine": "nope"}),
        stranger.get("/v1/videos", headers={"Authorization": f"Bearer {ALICE}x"}),
    ]
    make(alice)
    told = "".join(str(answer.headers) + answer.text for answer in answers)
    written = b"".join(path.read_bytes() for path in locked.data_dir.rglob("*") if path.is_file())
    for secret in (ALICE, BOB, TOKEN):
        assert secret not in told
        assert secret not in locked.log_text()
        assert secret.encode() not in written


def test_the_time_does_not_tell_whether_anothers_id_exists(locked: ServerProcess, alice: httpx2.Client) -> None:
    """In turns, so that the machine's own moods meet both; the best of several tries."""
    theirs = make(alice)
    nobodys = theirs[:-10] + "0000000000"
    headers = {"X-API-Key": BOB}
    for _ in range(5):
        times: dict[str, list[float]] = {theirs: [], nobodys: []}
        with httpx2.Client(base_url=locked.url, headers=headers) as bob:
            for _ in range(200):
                for video_id, taken in times.items():
                    begun = time.perf_counter()
                    answer = bob.get(f"/v1/videos/{video_id}")
                    taken.append(time.perf_counter() - begun)
                    assert answer.status_code == 404
        ratio = statistics.median(times[theirs]) / statistics.median(times[nobodys])
        if 0.93 < ratio < 1.07:
            return
    raise AssertionError(f"another's id takes {ratio:.2f} times as long as none")
