"""One job for one key, one job for equal deterministic requests, and a fresh one for every other."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.asks import count, picture
from tests.api.videos import SMALL, Gate, cancel, create, ended, look, made
from tests.contract import checking
from tests.databases import ON_BOTH, Settings
from tests.servers import ServerProcess, eventually


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shared_database: Settings) -> Iterator[ServerProcess]:
    """On SQLite and then on Postgres."""
    running = ServerProcess(tmp_path_factory.mktemp("keys") / "data", **shared_database).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    with checking(server.url) as client:
        yield client


def with_key(http: httpx2.Client, key: str, path: str = "/v1/videos", **fields: Any) -> httpx2.Response:
    return http.post(path, json={"prompt": "paint", **SMALL, **fields}, headers={"Idempotency-Key": key})


@contextlib.contextmanager
def waiting(server: ServerProcess, prompt: str, **fields: Any) -> Iterator[socket.socket]:
    """A synchronous caller; leaving the block hangs up."""
    body = json.dumps({"prompt": prompt, **SMALL, **fields}).encode()
    head = "POST /v1/videos/sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=30) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        yield connection


def the_one(http: httpx2.Client, prompt: str) -> dict[str, Any]:
    """The newest video with that prompt; empty while there is none."""
    data = http.get("/v1/videos", params={"limit": 20}).json()["data"]
    return next((video for video in data if video["prompt"] == prompt), {})


def test_fifty_at_once_with_one_key_make_one_job(server: ServerProcess, http: httpx2.Client) -> None:
    before = count(server)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: with_key(http, "fifty"), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert count(server) == before + 1
    ended(http, answers[0].json())
    assert with_key(http, "fifty").json()["status"] == "completed"


def test_the_same_key_with_another_wish_is_refused(http: httpx2.Client) -> None:
    video = with_key(http, "same", seed=1).json()
    answer = with_key(http, "same", seed=2)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "idempotency_conflict"
    assert answer.json()["error"]["param"] == "Idempotency-Key"
    # What is asked for is the path as well: another video's remix is another request.
    other = made(http)
    for path, status in ((f"/v1/videos/{video['id']}/remix", 200), (f"/v1/videos/{other['id']}/remix", 422)):
        answer = http.post(path, json={"prompt": "again"}, headers={"Idempotency-Key": "remix"})
        assert answer.status_code == status


def test_a_key_goes_with_the_image(http: httpx2.Client) -> None:
    headers = {"Idempotency-Key": "image", "Content-Type": "image/png"}
    first, again, other = (
        http.post("/models/reelwright/toy", content=picture(width=width), headers=headers) for width in (64, 64, 72)
    )
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 422)
    assert first.headers["X-Video-Id"] == again.headers["X-Video-Id"]


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb", "ü"])
def test_a_bad_key_is_refused(http: httpx2.Client, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = http.post("/v1/videos", json={"prompt": "paint", **SMALL}, headers=headers)
    assert answer.status_code == (200 if key == "ü" else 400)


def test_a_deleted_videos_key_is_free_again(http: httpx2.Client) -> None:
    first = with_key(http, "deleted").json()
    assert http.delete(f"/v1/videos/{first['id']}").status_code == 200
    assert with_key(http, "deleted").json()["id"] != first["id"]


@ON_BOTH
def test_a_key_is_kept_across_a_restart(tmp_path: Path, database: Settings) -> None:
    server = ServerProcess(tmp_path / "data", **database).start()
    with httpx2.Client(base_url=server.url, timeout=30) as http:
        video = with_key(http, "kept").json()
        seeded = made(http, "paint", seed=11)
    assert server.stop() == 0
    server.start()
    with httpx2.Client(base_url=server.url, timeout=30) as http:
        assert with_key(http, "kept").json()["id"] == video["id"]
        assert with_key(http, "kept", fps=3).status_code == 422
        again = create(http, "paint", seed=11)
        assert again["status"] == "completed"
        assert again["id"] != seeded["id"]
    assert server.stop() == 0


@ON_BOTH
def test_keys_belong_to_their_owners(tmp_path: Path, database: Settings) -> None:
    server = ServerProcess(
        tmp_path / "data", **database, REELWRIGHT_API_KEYS="the-first-key-01,the-second-key-2"
    ).start()
    with httpx2.Client(base_url=server.url, timeout=30) as http:
        ids = []
        for owner, known in (("the-first-key-01", False), ("the-second-key-2", False), ("the-first-key-01", True)):
            http.headers["Authorization"] = f"Bearer {owner}"
            ids.append((with_key(http, "shared").json()["id"], made(http, "paint", seed=5)["id"]))
            # What another owner has made is given to nobody else.
            assert look(http, {"id": ids[-1][1]})["made_with"].get("shared", False) is known
        assert ids[0][0] == ids[2][0]
        assert not {*ids[0], *ids[2]} & set(ids[1])
        # Another owner's video cannot be told from one that does not exist.
        http.headers["Authorization"] = "Bearer the-second-key-2"
        foreign = http.get(f"/v1/videos/{ids[0][0]}")
        missing = http.get("/v1/videos/video_00000000000000000000000000")
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json() == missing.json()
        assert {video["id"] for video in http.get("/v1/videos").json()["data"]} == set(ids[1])
    assert server.stop() == 0


def test_equal_requests_with_a_seed_are_rendered_once(http: httpx2.Client) -> None:
    first = made(http, "paint once", seed=77)
    ids = {first["id"], create(http, "paint once", seed=77)["id"]}
    native = {"prompt": "paint once", "engine": "toy", "width": 64, "height": 64, "num_frames": 4, "seed": 77}
    ids.add(http.post("/api/video/generate", json=native).headers["X-Video-Id"])
    assert len(ids) == 3
    assert [look(http, {"id": one})["made_with"].get("shared", False) for one in sorted(ids)] == [False, True, True]
    for other in ({"seed": 78}, {"seed": 77, "fps": 5}, {"seed": 77, "prompt": "paint twice"}):
        assert "shared" not in made(http, **{"prompt": "paint once", **other})["made_with"]


def test_thirty_equal_ones_at_once_are_rendered_once(http: httpx2.Client) -> None:
    with ThreadPoolExecutor(30) as pool:
        videos = list(pool.map(lambda _: create(http, "paint together", seed=5), range(30)))
    assert len({video["id"] for video in videos}) == 30
    ends = [ended(http, video) for video in videos]
    assert {end["status"] for end in ends} == {"completed"}
    assert sum("shared" not in end["made_with"] for end in ends) == 1


def test_requests_without_a_seed_are_always_fresh(http: httpx2.Client) -> None:
    videos = [create(http, "paint afresh") for _ in range(3)]
    assert len({video["id"] for video in videos}) == 3
    assert len({video["seed"] for video in videos}) == 3


def test_a_failed_video_says_nothing_of_another(http: httpx2.Client) -> None:
    failed = ended(http, create(http, "refuse", seed=3))
    assert create(http, "refuse", seed=3)["id"] != failed["id"]


def test_a_cancelled_one_says_nothing_of_another(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        first = create(http, gate.prompt, seed=4)
        cancel(http, first)
        second = create(http, gate.prompt, seed=4)
    assert ended(http, second)["status"] == "completed"


def test_of_two_who_wait_for_the_same_one_may_go(server: ServerProcess, http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate, waiting(server, gate.prompt, seed=9) as staying:
        stays = eventually(lambda: (v := the_one(http, gate.prompt)).get("status") == "in_progress" and v)
        with waiting(server, gate.prompt, seed=9):
            eventually(lambda: the_one(http, gate.prompt)["id"] != stays["id"])
        eventually(lambda: the_one(http, gate.prompt)["status"] == "failed")
        assert look(http, stays)["status"] == "in_progress"
        gate.open()
        assert staying.recv(12) == b"HTTP/1.1 200"


def test_when_all_who_wait_have_gone_the_job_is_cancelled(
    server: ServerProcess, http: httpx2.Client, tmp_path: Path
) -> None:
    with Gate(tmp_path) as gate:
        with waiting(server, gate.prompt, seed=9), waiting(server, gate.prompt, seed=9):
            eventually(lambda: the_one(http, gate.prompt).get("status") == "in_progress")
        video = eventually(lambda: (v := the_one(http, gate.prompt))["status"] == "failed" and v)
    assert video["error"]["code"] == "cancelled"


def test_who_was_promised_the_video_gets_it_though_others_hang_up(
    server: ServerProcess, http: httpx2.Client, tmp_path: Path
) -> None:
    with Gate(tmp_path) as gate:
        with waiting(server, gate.prompt, seed=9):
            eventually(lambda: the_one(http, gate.prompt).get("status") == "in_progress")
            promised = create(http, gate.prompt, seed=9)
        eventually(lambda: look(http, promised)["status"] == "in_progress")
    assert ended(http, promised)["status"] == "completed"


def test_many_hang_ups_and_joins_leave_nobody_with_anothers_cancel(server: ServerProcess, http: httpx2.Client) -> None:
    """Whoever stays gets the video, however many of those who asked for the same have just hung up."""

    def join(_: int) -> int:
        with waiting(server, "slow 0.05", seed=1234):
            pass
        answer = http.post("/v1/videos/sync", json={"prompt": "slow 0.05", **SMALL, "seed": 1234})
        http.delete(f"/v1/videos/{answer.headers.get('X-Video-Id', 'none')}")
        return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(join, range(40))) <= {200, 404, 409}
