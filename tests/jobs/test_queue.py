"""The queue through the real server: status without the database, cancels in every race, deletes."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.videos import Gate, cancel, create, ended, look, made
from tests.contract import checking
from tests.databases import Settings, locked_rows, run_sql
from tests.servers import ServerProcess, eventually


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shared_database: Settings) -> Iterator[ServerProcess]:
    """On SQLite and then on Postgres."""
    running = ServerProcess(tmp_path_factory.mktemp("queue") / "data", **shared_database).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    with checking(server.url) as client:
        yield client


def test_a_server_that_is_alone_reads_a_status_without_the_database(
    server: ServerProcess, http: httpx2.Client, tmp_path: Path
) -> None:
    if server.database_url:
        pytest.skip("on Postgres others may have changed it: the row is read")
    with Gate(tmp_path) as gate:
        done = made(http)
        running, queued = create(http, gate.prompt), create(http)
        eventually(lambda: look(http, running)["status"] == "in_progress")
        told = [look(http, video) for video in (done, running, queued)]
        with locked_rows(server):
            assert [look(http, video) for video in (done, running, queued)] == told
        # SQLite's readers are not stopped by that lock: but they would see this.
        ids = [video["id"] for video in told]
        run_sql(server, "UPDATE videos SET created_at = 1 WHERE id IN (?, ?, ?)", *ids)
        assert [look(http, video) for video in (done, running, queued)] == told
    ended(http, queued)


def test_those_who_wait_are_woken_by_the_end(http: httpx2.Client, server: ServerProcess, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate, ThreadPoolExecutor(10) as pool:
        video = create(http, gate.prompt)
        crowd = [pool.submit(ended, http, video) for _ in range(10)]
        eventually(lambda: look(http, video)["status"] == "in_progress")
        assert not any(one.done() for one in crowd)
        gate.open()
        assert [one.result()["status"] for one in crowd] == ["completed"] * 10


def test_a_queued_and_a_running_job_are_cancelled_once(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        running, queued = create(http, gate.prompt), create(http)
        eventually(lambda: look(http, running)["status"] == "in_progress")
        for video in (queued, running):
            ends = [cancel(http, video) for _ in range(3)]
            assert ends[0] == ends[1] == ends[2] == look(http, video)
            assert (ends[0]["status"], ends[0]["error"]["code"]) == ("failed", "cancelled")
        assert made(http)["status"] == "completed"


def test_a_cancel_ends_the_encode(server: ServerProcess, http: httpx2.Client) -> None:
    """Not only the row: what was to be written is not written to its end."""
    noise = {"size": "256x256", "num_frames": 40}
    whole = made(http, "noise", **noise, seed=1)
    [file] = (server.data_dir / "videos").glob(f"{whole['id']}-1.mp4")
    other = create(http, "noise", **noise, seed=2)

    def written() -> int:
        sizes = []
        for part in (server.data_dir / "videos").glob(f"{other['id']}*"):
            with contextlib.suppress(FileNotFoundError):
                sizes.append(part.stat().st_size)
        return max(sizes, default=0)

    eventually(lambda: written() > 0)
    cancel(http, other)
    seen = 0

    def gone() -> bool:
        nonlocal seen
        now = written()
        seen = max(seen, now)
        return now == 0

    eventually(gone)
    assert seen < file.stat().st_size * 0.8


def test_a_finished_job_cannot_be_cancelled(http: httpx2.Client) -> None:
    video = made(http)
    assert cancel(http, video) == video


def test_cancels_that_race_the_finish_leave_one_end(server: ServerProcess, http: httpx2.Client) -> None:
    chance = random.Random(7)

    def race(_: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        length = chance.uniform(0, 0.06)
        video = create(http, f"slow {length:.3f}")
        time.sleep(chance.uniform(0, 0.15))  # any moment of its life
        return video, [cancel(http, video) for _ in range(3)]

    with ThreadPoolExecutor(3) as pool:
        races = list(pool.map(race, range(30)))
    for video, seen in races:
        last = ended(http, video)
        assert {one["status"] for one in seen} == {last["status"]}
        answer = http.get(f"/v1/videos/{video['id']}/content")
        assert answer.status_code == (200 if last["status"] == "completed" else 400)
        files = list((server.data_dir / "videos").glob(f"{video['id']}*"))
        assert bool(files) == (last["status"] == "completed")


def test_a_deaf_engine_is_killed(http: httpx2.Client) -> None:
    first = made(http)["made_with"]["pid"]
    video = create(http, "deaf 60")
    eventually(lambda: look(http, video)["status"] == "in_progress")
    assert cancel(http, video)["error"]["code"] == "cancelled"
    assert made(http)["made_with"]["pid"] != first
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_a_deleted_video_is_gone_with_all_its_files(server: ServerProcess, http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        done = made(http)
        http.get(f"/v1/videos/{done['id']}/content", params={"variant": "thumbnail"}).raise_for_status()
        running, queued = create(http, gate.prompt), create(http)
        eventually(lambda: look(http, running)["status"] == "in_progress")
        for video in (queued, running, done):
            answer = http.delete(f"/v1/videos/{video['id']}")
            assert answer.json() == {"id": video["id"], "object": "video.deleted", "deleted": True}
            for path in ("", "/content", "/events"):
                assert http.get(f"/v1/videos/{video['id']}{path}").status_code == 404
            assert http.delete(f"/v1/videos/{video['id']}").status_code == 404
            assert http.post(f"/v1/videos/{video['id']}/cancel").status_code == 404
        assert made(http)["status"] == "completed"  # the slot is free again
        for video in (queued, running, done):
            assert list((server.data_dir / "videos").glob(f"{video['id']}*")) == []
            assert list((server.data_dir / "work").glob(f"{video['id']}*")) == []


def test_parallel_deletes_and_cancels_never_break(server: ServerProcess, http: httpx2.Client) -> None:
    told = len(server.log_text())
    videos = [create(http, "slow 0.02") for _ in range(10)]

    def attack(number: int) -> int:
        path = f"/v1/videos/{videos[number % 10]['id']}"
        return (http.delete(path) if number % 3 else http.post(f"{path}/cancel")).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(attack, range(60))) <= {200, 404}
    assert {http.get(f"/v1/videos/{video['id']}").status_code for video in videos} == {404}
    assert "Traceback" not in server.log_text()[told:]
