"""What one key may have: each limit holds to the letter, is told in the answers' headers, and is nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.keyholders import House, holding, house, new_admin
from tests.api.videos import Gate, cancel, create, ended, look, made
from tests.databases import ON_BOTH, Settings, run_sql
from tests.servers import ServerProcess, eventually

SMALL = {"prompt": "paint", "model": "toy", "size": "64x64", "num_frames": 4, "fps": 4}
"""One second of video."""
DAILY = {"video_seconds_per_day": 3}


@pytest.fixture(scope="module")
def locked(shared_database: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("limits") / "data", shared_database, REELWRIGHT_MAX_QUEUED="5") as running:
        yield running


def members(answer: httpx2.Response, header: str = "RateLimit") -> dict[str, dict[str, str]]:
    """The parameters of each policy, by its name."""
    found = {}
    for member in answer.headers.get(header, "").split(", "):
        if member:
            name, *parameters = member.split(";")
            found[name.strip('"')] = dict(one.split("=") for one in parameters)
    return found


def ask(client: httpx2.Client, **fields: Any) -> httpx2.Response:
    return client.post("/v1/videos", json={**SMALL, **fields})


def test_a_minutes_requests_are_counted_told_and_refused(locked: House) -> None:
    with locked.holder(limits={"requests_per_minute": 5}) as client:
        answers = [client.get("/v1/videos") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert members(answers[0], "RateLimit-Policy") == {
        "requests": {"q": "5", "w": "60"},
        "waiting": {"q": "4", "qu": '"jobs"'},
    }
    assert [members(answer)["requests"]["r"] for answer in answers] == ["4", "3", "2", "1", "0", "0", "0"]
    assert members(answers[0])["requests"]["t"] == "12"
    assert 10 <= int(answers[-1].headers["Retry-After"]) <= 12
    assert answers[-1].json()["error"]["code"] == "rate_limited"


def test_after_retry_after_the_next_request_is_taken(locked: House) -> None:
    with locked.holder(limits={"requests_per_minute": 60}) as client:
        refused = next(answer for _ in range(200) if (answer := client.get("/v1/videos")).status_code == 429)
        assert refused.headers["Retry-After"] == "1"
        threading.Event().wait(1)
        assert client.get("/v1/videos").status_code == 200


def test_a_key_s_limits_are_no_others(locked: House) -> None:
    with locked.holder(limits={"requests_per_minute": 1}) as one, locked.holder() as other:
        assert [one.get("/v1/videos").status_code for _ in range(2)] == [200, 429]
        answer = other.get("/v1/videos")
        assert (answer.status_code, "requests" in members(answer, "RateLimit-Policy")) == (200, False)
    public = httpx2.get(f"{locked.server.url}/health")
    assert "RateLimit-Policy" not in public.headers


def test_seconds_of_a_day_are_exact_and_a_failure_gives_them_back(locked: House, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate, locked.holder(limits=DAILY) as client:
        first = ask(client)
        assert members(first)["video-seconds"]["r"] == "2"
        assert 0 < int(members(first)["video-seconds"]["t"]) <= 86_400
        assert members(first, "RateLimit-Policy")["video-seconds"] == {"q": "3", "w": "86400", "qu": '"seconds"'}
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: ask(client, prompt=gate.prompt), range(6)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429, 429]
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["error"]["code"] == "quota_exceeded"
        assert "3 seconds of video a day (UTC), and 3 are used" in refused.json()["error"]["message"]
        assert (refused.headers["x-should-retry"], members(refused)["video-seconds"]["r"]) == ("false", "0")
        assert 0 < int(refused.headers["Retry-After"]) <= 86_400
        held = next(answer for answer in answers if answer.status_code == 200)
        cancel(client, held.json())
        again = ask(client)
        assert (again.status_code, members(again)["video-seconds"]["r"]) == (200, "0")
        assert ask(client).status_code == 429


def test_one_video_longer_than_the_day_is_refused_with_nothing_counted(locked: House) -> None:
    with locked.holder(limits=DAILY) as client:
        assert ask(client, num_frames=16).status_code == 429
        assert members(ask(client))["video-seconds"]["r"] == "2"


def test_pixels_times_frames_of_a_day(locked: House) -> None:
    most = 64 * 64 * 4 * 2
    with locked.holder(limits={"pixel_frames_per_day": most}) as client:
        answers = [ask(client) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [members(answer)["pixel-frames"]["r"] for answer in answers] == [str(most // 2), "0", "0"]


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/api/video/generate", {"prompt": "x"}, lambda body: body["error"]),
        ("/models/reelwright/toy", {"inputs": "x"}, lambda body: body["error"]),
        ("/v1/predictions", {"input": {"prompt": "x"}}, lambda body: body["detail"]),
        ("/api/v1/videos", {"model": "toy", "prompt": "x"}, lambda body: body["error"]["message"]),
    ],
)
def test_a_refusal_is_told_in_the_callers_dialect(locked: House, path: str, body: dict[str, Any], told: Any) -> None:
    with locked.holder(limits={"pixel_frames_per_day": 1}) as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 429
    assert "pixels × frames a day" in told(answer.json())
    assert int(answer.headers["Retry-After"]) >= 1


def test_stored_bytes_refuse_the_next_video_until_some_are_deleted(locked: House) -> None:
    with locked.holder(limits={"stored_bytes": 1}) as client:
        video = made(client)
        refused = ask(client)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "quota_exceeded")
        assert "Delete some of them" in refused.json()["error"]["message"]
        assert client.delete(f"/v1/videos/{video['id']}").status_code == 200
        assert ask(client).status_code == 200


def test_uploaded_files_take_of_the_same_bytes_and_give_them_back(locked: House) -> None:
    def left(client: httpx2.Client) -> int:
        return int(client.get("/v1/usage").json()["limits"]["stored-bytes"]["left"])

    def upload(client: httpx2.Client, size: int) -> httpx2.Response:
        return client.post("/v1/files", files={"content": b"x" * size})

    key = locked.make(owner="acme", limits={"stored_bytes": 1_000})
    with holding(locked.server, key["key"]) as client, locked.holder(owner="acme") as colleague:
        first = upload(client, 600)
        assert first.status_code == 201
        assert members(first)["stored-bytes"]["r"] == "400"
        refused = upload(client, 401)
        assert refused.status_code == 429
        assert "uploaded files may take 1,000 bytes, and take 600" in refused.json()["detail"]
        assert upload(client, 400).status_code == 201
        assert left(client) == 0
        assert ask(client).status_code == 429  # a video asks for room, too
        assert len(client.get("/v1/files").json()["results"]) == 2
        assert upload(colleague, 5_000).status_code == 201  # another key of the owner has its own share
        assert left(client) == 0
        # Whichever key of the owner removes it, the bytes are given back to the one that sent it.
        assert colleague.delete(f"/v1/files/{first.json()['id']}").status_code == 204
        assert left(client) == 600
        assert ask(client).status_code == 200
    told = locked.admin.get("/v1/audit", params={"about": first.json()["id"]}).json()["data"]
    assert [one["action"] for one in told] == ["file.deleted", "file.created"]
    assert told[1]["key"] == key["id"] != told[0]["key"]


def test_of_files_that_come_at_one_moment_only_those_that_find_room_stay(locked: House) -> None:
    def upload(client: httpx2.Client) -> int:
        return client.post("/v1/files", files={"content": b"x" * 400}).status_code

    with locked.holder(limits={"stored_bytes": 1_000}) as client, ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(upload, [client] * 16)) == [201] * 2 + [429] * 14
        assert len(client.get("/v1/files").json()["results"]) == 2


@pytest.mark.parametrize("own", [None, 2])
def test_a_keys_jobs_that_wait_have_a_bound_and_others_find_room(
    locked: House, tmp_path: Path, own: int | None
) -> None:
    """Where a key has no bound of its own, it may have nine tenths of the queue: 4 of 5 here."""
    most = own or 4
    limits = {"waiting": own} if own else {}
    with Gate(tmp_path) as gate, locked.holder(limits=limits) as greedy, locked.holder() as modest:
        running = create(greedy, gate.prompt)
        eventually(lambda: look(greedy, running)["status"] == "in_progress")
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: ask(greedy), range(6)))
        assert sorted(answer.status_code for answer in answers) == [200] * most + [429] * (6 - most)
        refused = next(answer for answer in answers if answer.status_code == 429)
        error = refused.json()["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "queue_full")
        assert f"This API key is at its limit: {most} jobs of it wait" in error["message"]
        assert {members(answer)["waiting"]["r"] for answer in answers} == {str(n) for n in range(most)}
        video = create(modest)
        gate.open()
        assert ended(modest, video)["status"] == "completed"


@ON_BOTH
def test_as_many_jobs_of_a_key_run_as_may_and_the_others_wait_for_them_alone(
    database: Settings, tmp_path: Path
) -> None:
    settings = {**database, "TOY_OPTIONS": '{"slots": 4}', "REELWRIGHT_KEY_MAX_RUNNING": "2"}
    with house(tmp_path / "data", settings) as locked, locked.holder() as one, locked.holder() as other:
        with Gate(tmp_path, "a") as first, Gate(tmp_path, "b") as rest:
            videos = [create(one, first.prompt, seed=1), *(create(one, rest.prompt, seed=2 + n) for n in range(3))]

            def states() -> list[str]:
                return [look(one, video)["status"] for video in videos]

            eventually(lambda: states() == ["in_progress", "in_progress", "queued", "queued"])
            foreign = made(other)
            assert foreign["status"] == "completed"
            assert states() == ["in_progress", "in_progress", "queued", "queued"]
            first.open()
            eventually(lambda: states() == ["completed", "in_progress", "in_progress", "queued"])
            cancel(one, videos[1])
            eventually(lambda: states() == ["completed", "failed", "in_progress", "in_progress"])
        eventually(lambda: states() == ["completed", "failed", "completed", "completed"])


def test_of_two_servers_on_one_postgres_none_gives_out_what_the_other_has(postgres: str, tmp_path: Path) -> None:
    """240 requests at once to both: exactly a minute's are taken, but for what comes in while they run."""
    settings = {"DATABASE_URL": postgres, "REELWRIGHT_WORKERS": "0"}
    admin_key = new_admin(tmp_path / "data", settings)
    servers = [ServerProcess(tmp_path / "data", name, **settings) for name in ("first", "second")]
    with servers[0], servers[1], holding(servers[0], admin_key) as admin:
        told = admin.post("/v1/keys", json={"name": "x", "limits": {"requests_per_minute": 120}}).json()
        clients = [httpx2.Client(base_url=one.url, headers={"X-API-Key": told["key"]}, timeout=30) for one in servers]
        eventually(lambda: clients[1].get("/v1/models").status_code == 200)
        run_sql(servers[0], "DELETE FROM request_buckets")
        eventually(lambda: clients[0].get("/v1/models").status_code == 200)
        (at,) = run_sql(servers[0], "SELECT at FROM request_buckets")[0]
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda n: clients[n % 2].get("/v1/models").status_code, range(240)))
        (now,) = run_sql(servers[0], "SELECT extract(epoch FROM clock_timestamp())")[0]
        came_in = (float(now) - float(at)) * 2 + 1
        # What one process has drawn and nobody has asked it for is at most its share: two each.
        assert 120 - 4 - 1 <= taken.count(200) <= 120 + came_in
        assert set(taken) == {200, 429}
        for client in clients:
            client.close()
