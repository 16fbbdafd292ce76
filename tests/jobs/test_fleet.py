"""Several processes on one Postgres: servers that make no videos themselves, and workers; with real processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.jobs.fleet import LOOK_S
from tests.api.videos import create, ended, look, made
from tests.databases import Cluster, run_sql
from tests.servers import ServerProcess, WorkerProcess, eventually

Start = Callable[..., ServerProcess]


@pytest.fixture
def start(tmp_path: Path, cluster: Cluster) -> Iterator[Start]:
    """Starts processes on one data directory and one database: `start(WorkerProcess, "a")`."""
    with cluster.database() as postgres:
        yield from _start(tmp_path, postgres)


def _start(tmp_path: Path, postgres: str) -> Iterator[Start]:
    started: list[ServerProcess] = []

    def begin(kind: type[ServerProcess], name: str, **environment: str) -> ServerProcess:
        workers = {} if kind is WorkerProcess else {"REELWRIGHT_WORKERS": "0"}
        process = kind(tmp_path / "data", name, **{"DATABASE_URL": postgres, **workers, **environment})
        started.append(process)
        return process.start()

    yield begin
    for process in started:
        if process.process and process.process.poll() is None:
            process.kill()


def client(server: ServerProcess) -> httpx2.Client:
    return httpx2.Client(base_url=server.url, timeout=60)


def attempts(server: ServerProcess, video: dict[str, Any]) -> int:
    return int(run_sql(server, "SELECT attempt FROM videos WHERE id = ?", video["id"])[0][0])


def worker_of(server: ServerProcess, video: dict[str, Any]) -> str | None:
    return run_sql(server, "SELECT worker FROM videos WHERE id = ?", video["id"])[0][0]


def test_a_server_without_workers_hands_its_jobs_to_a_worker(start: Start) -> None:
    server = start(ServerProcess, "server")
    with client(server) as http:
        waiting = create(http)
        assert waiting["status"] == "queued"
        assert look(http, waiting)["queue_position"] == 1
        worker = start(WorkerProcess, "worker")
        assert ended(http, waiting)["status"] == "completed"
        assert http.get(f"/v1/videos/{waiting['id']}/content").content[4:8] == b"ftyp"
        begun = time.monotonic()
        for _ in range(10):
            made(http)
        assert time.monotonic() - begun < 10 * LOOK_S / 2  # told, not found by looking
    assert worker.stop() == 0
    assert server.stop() == 0


def test_a_killed_worker_s_job_is_taken_over_and_a_zombie_changes_nothing(start: Start, tmp_path: Path) -> None:
    server = start(ServerProcess, "server")
    workers = [start(WorkerProcess, name) for name in ("a", "b")]
    eventually(lambda: len(run_sql(server, "SELECT 1 FROM workers WHERE steady_since < beat_at - 15")) == 3, 40)
    with client(server) as http:
        video = create(http, f"until {tmp_path / 'go'}")
        eventually(lambda: look(http, video)["status"] == "in_progress")
        holder = next(one for one in workers if worker_of(server, video) in one.log_text())
        holder.kill()
        eventually(lambda: attempts(server, video) == 2, 30)
        (tmp_path / "go").touch()
        assert ended(http, video)["status"] == "completed"


def test_a_cancel_on_one_server_stops_the_engine_on_another_machine(start: Start, tmp_path: Path) -> None:
    one, other = start(ServerProcess, "one"), start(ServerProcess, "other")
    start(WorkerProcess, "worker")
    with client(one) as http, client(other) as second:
        video = create(http, f"until {tmp_path / 'never'}")
        eventually(lambda: look(second, video)["status"] == "in_progress")
        assert second.post(f"/v1/videos/{video['id']}/cancel").json()["error"]["code"] == "cancelled"
        assert ended(http, video)["error"]["code"] == "cancelled"
        assert made(http)["status"] == "completed"  # in the slot that is free again


def test_events_of_a_job_elsewhere_arrive(start: Start, tmp_path: Path) -> None:
    one, other = start(ServerProcess, "one"), start(ServerProcess, "other")
    start(WorkerProcess, "worker")
    with client(one) as http, client(other) as second:
        video = create(http, f"preview {tmp_path / 'go'}")
        with second.stream("GET", f"/v1/videos/{video['id']}/events") as events:
            seen = ""
            for text in events.iter_text():
                seen += text
                if "event: preview" in seen and '"progress":19' in seen:
                    (tmp_path / "go").touch()
        assert "event: completed" in seen


def test_duplicates_of_a_job_that_runs_elsewhere_are_not_rendered(start: Start, tmp_path: Path) -> None:
    server = start(ServerProcess, "server")
    for name in ("a", "b"):
        start(WorkerProcess, name)
    with client(server) as http:
        first = create(http, f"until {tmp_path / 'go'}", seed=7)
        eventually(lambda: look(http, first)["status"] == "in_progress")
        duplicates = [create(http, f"until {tmp_path / 'go'}", seed=7) for _ in range(3)]
        eventually(lambda: all(look(http, duplicate)["status"] == "in_progress" for duplicate in duplicates))
        assert len({worker_of(server, one) for one in (first, *duplicates)}) == 1
        (tmp_path / "go").touch()
        ends = [ended(http, one) for one in (first, *duplicates)]
        assert [end["status"] for end in ends] == ["completed"] * 4
        assert sum("shared" in end["made_with"] for end in ends) == 3
