"""Equal requests share the work and the file, and nothing else; through the real server, on SQLite and on Postgres."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.videos import Gate, cancel, create, ended, look, made
from tests.databases import ON_BOTH, Settings, run_sql
from tests.fakes.receiver import HOST, Receiver
from tests.servers import ServerProcess, eventually

SLOTS = '{"slots": 3}'


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, shared_database: Settings) -> Iterator[ServerProcess]:
    """With three slots: a duplicate that took one would be seen."""
    settings = {"TOY_OPTIONS": SLOTS, "REACHABLE": HOST, "REELWRIGHT_SWEEP_S": "0.2", **shared_database}
    running = ServerProcess(tmp_path_factory.mktemp("duplicates") / "data", **settings).start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def http(own: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=own.url, timeout=60) as client:
        yield client


@pytest.fixture
def seed() -> int:
    """Of requests that no other test makes."""
    return random.randrange(2**31)


def renders(server: ServerProcess, *videos: dict[str, Any]) -> list[str]:
    """Those of the videos that an engine has worked on, as the log tells."""
    lines = [line for line in server.log_text().splitlines() if "rendering" in line]
    return [video["id"] for video in videos if any(video["id"] in line for line in lines)]


def content(http: httpx2.Client, video: dict[str, Any]) -> bytes:
    return http.get(f"/v1/videos/{video['id']}/content").raise_for_status().content


def delete(http: httpx2.Client, video: dict[str, Any]) -> None:
    assert http.delete(f"/v1/videos/{video['id']}").json()["deleted"]


def gone(http: httpx2.Client, video: dict[str, Any]) -> bool:
    return http.get(f"/v1/videos/{video['id']}").status_code == 404


def test_one_rendering_serves_all_who_ask_for_the_same(
    own: ServerProcess, http: httpx2.Client, tmp_path: Path, seed: int
) -> None:
    with Gate(tmp_path) as gate:
        first = create(http, gate.prompt, seed=seed, metadata={"who": "alice"})
        eventually(lambda: look(http, first)["status"] == "in_progress")
        second, third = (create(http, gate.prompt, seed=seed, metadata={"who": who}) for who in ("bob", "carol"))
        assert len({first["id"], second["id"], third["id"]}) == 3
        eventually(lambda: {look(http, one)["status"] for one in (second, third)} == {"in_progress"})
        other = made(http, seed=seed)  # a duplicate holds no slot
    ends = [ended(http, one) for one in (first, second, third)]
    assert [one["status"] for one in ends] == ["completed"] * 3
    assert [one["metadata"]["who"] for one in ends] == ["alice", "bob", "carol"]
    assert [one["made_with"].get("shared") for one in ends] == [None, True, True]
    assert ["render_s" in one["made_with"] for one in ends] == [True, False, False]
    assert renders(own, first, second, third, other) == [first["id"], other["id"]]
    assert len({content(http, one) for one in ends}) == 1
    paths = [own.data_dir / "videos" / f"{one['id']}-1.mp4" for one in ends]
    assert len({path.stat().st_ino for path in paths}) == 1
    # And a later one gets the file that is there, at once.
    late = create(http, gate.prompt, seed=seed, metadata={"who": "dave"})
    assert (late["status"], late["metadata"]) == ("completed", {"who": "dave"})
    assert renders(own, late) == []
    delete(http, first)
    for one in (second, third, late):
        assert content(http, one)[4:8] == b"ftyp"
        thumbnail = http.get(f"/v1/videos/{one['id']}/content", params={"variant": "thumbnail"})
        assert thumbnail.status_code == 200


def test_without_a_seed_each_is_rendered(own: ServerProcess, http: httpx2.Client) -> None:
    pair = [made(http), made(http)]
    assert renders(own, *pair) == [one["id"] for one in pair]


def test_progress_and_previews_are_told_to_both(http: httpx2.Client, tmp_path: Path, seed: int) -> None:
    """Whoever comes later is told what the earlier one was told already: the engine shows nothing new for it."""

    def told(video: dict[str, Any], last: str) -> set[str]:
        kinds: set[str] = set()
        with http.stream("GET", f"/v1/videos/{video['id']}/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    kinds.add(line.removeprefix("event: ").rpartition(".")[2])
                if last in kinds:
                    break
        return kinds

    with Gate(tmp_path) as gate:
        first = create(http, gate.with_preview, seed=seed)
        assert "preview" in told(first, "preview")
        second = create(http, gate.with_preview, seed=seed)
        assert "preview" in told(second, "preview")
        for video in (first, second):
            assert "preview" in told(video, "preview")  # and again to who asks later
    for video in (first, second):
        assert ended(http, video)["status"] == "completed"


@pytest.mark.parametrize("ends", [cancel, delete])
@pytest.mark.parametrize("leader", [True, False])
def test_who_goes_leaves_the_other(
    own: ServerProcess, http: httpx2.Client, tmp_path: Path, seed: int, ends: Any, leader: bool
) -> None:
    with Gate(tmp_path) as gate:
        pair = [create(http, gate.prompt, seed=seed) for _ in range(2)]
        eventually(lambda: {look(http, one)["status"] for one in pair} == {"in_progress"})
        goes, stays = pair if leader else reversed(pair)
        ends(http, goes)
        assert look(http, stays)["status"] == "in_progress"
    assert ended(http, stays)["status"] == "completed"
    assert renders(own, *pair) == [pair[0]["id"]]
    assert content(http, stays)[4:8] == b"ftyp"
    if ends is cancel:
        assert look(http, goes)["error"]["code"] == "cancelled"
        assert http.get(f"/v1/videos/{goes['id']}/content").status_code == 400
    else:
        assert gone(http, goes)
    eventually(lambda: list((own.data_dir / "videos").glob(f"{goes['id']}*")) == [])


def test_the_rendering_ends_when_nobody_wants_it_any_more(
    own: ServerProcess, http: httpx2.Client, tmp_path: Path, seed: int
) -> None:
    pair = [create(http, "slow 60", seed=seed) for _ in range(2)]
    eventually(lambda: {look(http, one)["status"] for one in pair} == {"in_progress"})
    for one in pair:
        cancel(http, one)
    with Gate(tmp_path) as gate:  # all three slots are free again
        others = [create(http, gate.prompt) for _ in range(3)]
        eventually(lambda: {look(http, one)["status"] for one in others} == {"in_progress"})


def test_a_hang_up_ends_only_what_nobody_else_waits_for(http: httpx2.Client, tmp_path: Path, seed: int) -> None:
    body = {"engine": "toy", "width": 64, "height": 64, "num_frames": 4, "seed": seed}
    with Gate(tmp_path) as gate:
        with pytest.raises(httpx2.TimeoutException):
            http.post("/api/video/generate", json={**body, "prompt": gate.prompt}, timeout=0.7)
        stays = create(http, gate.prompt, seed=seed)
    assert ended(http, stays)["status"] == "completed"


def test_each_has_its_own_webhook(http: httpx2.Client, tmp_path: Path, seed: int) -> None:
    with Receiver() as alice, Receiver() as bob, Receiver() as late, Gate(tmp_path) as gate:
        pair = [create(http, gate.prompt, seed=seed, webhook=receiver.url) for receiver in (alice, bob)]
        cancel(http, pair[0])
        gate.open()
        ended(http, pair[1])
        pair.append(create(http, gate.prompt, seed=seed, webhook=late.url))
        for receiver, video, event in zip(
            (alice, bob, late), pair, ("video.failed", "video.completed", "video.completed"), strict=True
        ):
            message = eventually(lambda receiver=receiver: receiver.received and receiver.received[0])
            told = json.loads(message.body)
            assert (told["type"], told["data"]["id"]) == (event, video["id"])
            assert len(receiver.received) == 1


def test_a_failure_is_not_shared(own: ServerProcess, http: httpx2.Client, tmp_path: Path, seed: int) -> None:
    with Gate(tmp_path) as gate:
        blocked = [create(http, gate.prompt) for _ in range(3)]
        pair = [create(http, "raise", seed=seed) for _ in range(2)]
    for one in blocked:
        ended(http, one)
    assert [ended(http, one)["error"]["code"] for one in pair] == ["engine_failed"] * 2
    assert renders(own, *pair) == [one["id"] for one in pair]


def test_each_of_many_is_rendered_when_none_comes_to_anything(
    own: ServerProcess, http: httpx2.Client, tmp_path: Path, seed: int
) -> None:
    with Gate(tmp_path) as gate:
        blocked = [create(http, gate.prompt) for _ in range(3)]
        many = [create(http, "raise", seed=seed) for _ in range(25)]  # more than an interrupted job is begun again
    ends = [ended(http, one) for one in (*blocked, *many)][3:]
    assert {one["error"]["message"] for one in ends} == {"The engine failed with RuntimeError"}
    assert len(renders(own, *many)) == 25
    eventually(lambda: http.get("/health").json()["queue"] == {"running": 0, "waiting": 0})


def test_who_is_deleted_while_the_file_is_written_takes_it_from_nobody(
    own: ServerProcess, http: httpx2.Client, seed: int
) -> None:
    pair = [create(http, "noise", seed=seed, size="320x184", num_frames=60) for _ in range(2)]
    folder = own.data_dir / "videos"
    eventually(lambda: [*folder.glob(f"{pair[0]['id']}-1.mp4.*.part")])
    delete(http, pair[0])
    assert ended(http, pair[1])["status"] == "completed"
    assert content(http, pair[1])
    assert renders(own, *pair) == [pair[0]["id"]]
    eventually(lambda: not [*folder.glob(f"{pair[0]['id']}*")])
    assert "attempt broke" not in own.log_text()


def test_a_place_in_line_and_a_priority_are_each_ones_own(
    own: ServerProcess, http: httpx2.Client, tmp_path: Path, seed: int
) -> None:
    with Gate(tmp_path) as gate:
        blocked = [create(http, gate.prompt) for _ in range(3)]
        eventually(lambda: {look(http, one)["status"] for one in blocked} == {"in_progress"})
        patient = create(http, "slow 0.2", seed=seed, priority=10)
        between = create(http, "slow 0.2")
        urgent = create(http, "slow 0.2", seed=seed, priority=-10)
        assert [look(http, one)["queue_position"] for one in (urgent, between, patient)] == [1, 2, 3]
        cancel(http, blocked[0])  # one slot: the urgent one begins, and its duplicate with it
        eventually(lambda: look(http, patient)["status"] == "in_progress")
        assert look(http, urgent)["status"] == "in_progress"
        assert [ended(http, one)["status"] for one in (urgent, patient, between)] == ["completed"] * 3
    assert renders(own, urgent, patient) == [urgent["id"]]


def test_one_expires_and_the_other_stays(own: ServerProcess, http: httpx2.Client, seed: int) -> None:
    pair = [made(http, seed=seed) for _ in range(2)]
    for goes, stays in (pair, [pair[1], made(http, seed=seed)]):
        run_sql(own, "UPDATE videos SET expires_at = 0 WHERE id = ?", goes["id"])
        eventually(lambda goes=goes: gone(http, goes))
        assert content(http, stays)[4:8] == b"ftyp"


def test_a_damaged_file_is_given_to_nobody(own: ServerProcess, http: httpx2.Client, seed: int) -> None:
    first = made(http, seed=seed)
    path = own.data_dir / "videos" / f"{first['id']}-1.mp4"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    second = made(http, seed=seed)
    assert content(http, second)[4:8] == b"ftyp"
    assert renders(own, second) == [second["id"]]


def test_a_key_still_answers_with_the_same_object(http: httpx2.Client, seed: int) -> None:
    body = {"prompt": "paint", "model": "toy", "size": "64x64", "num_frames": 4, "seed": seed}
    first, again, other = (
        http.post("/v1/videos", json=body, headers={"Idempotency-Key": f"{key}-{seed}"}).json()["id"]
        for key in ("one", "one", "two")
    )
    assert first == again != other
    ended(http, {"id": first})
    late, repeated = (
        http.post("/v1/videos", json=body, headers={"Idempotency-Key": f"late-{seed}"}).json() for _ in range(2)
    )
    assert late["id"] == repeated["id"] not in (first, other)
    assert late["status"] == "completed"


@ON_BOTH
def test_both_are_made_after_kill_9(tmp_path: Path, database: Settings, seed: int) -> None:
    own = ServerProcess(tmp_path / "data", TOY_OPTIONS=SLOTS, **database).start()
    try:
        with httpx2.Client(base_url=own.url, timeout=60) as client, Gate(tmp_path) as gate:
            pair = [create(client, gate.prompt, seed=seed, metadata={"who": who}) for who in ("alice", "bob")]
            eventually(lambda: {look(client, one)["status"] for one in pair} == {"in_progress"})
            own.kill()
        own.start()
        with httpx2.Client(base_url=own.url, timeout=60) as client:
            ends = [ended(client, one) for one in pair]
            assert [(one["status"], one["metadata"]["who"]) for one in ends] == [
                ("completed", "alice"),
                ("completed", "bob"),
            ]
            assert len({content(client, one) for one in ends}) == 1
        assert renders(own, *pair) == [pair[0]["id"]]
        assert own.stop() == 0
    finally:
        if own.process and own.process.poll() is None:
            own.kill()
