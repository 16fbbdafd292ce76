"""What is Postgres' own: that the rows are there, a crash, and addresses that lead nowhere.

What the server does with its rows is tested on both databases, by a parameter (`tests/databases.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.databases import Cluster, run_sql
from tests.jobs.test_durability import ended, refused, submit, video
from tests.servers import ServerProcess, eventually


@pytest.fixture(scope="module")
def server(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path_factory.mktemp("postgres") / "data", DATABASE_URL=postgres).start()
    yield running
    assert running.stop() == 0


def test_a_job_runs_and_its_row_is_in_postgres(server: ServerProcess) -> None:
    one = ended(server, submit(server, "paint"))
    assert one["status"] == "completed"
    assert httpx2.get(f"{server.url}{one['video_url']}").content[4:8] == b"ftyp"
    assert not (server.data_dir / "reelwright.db").exists()
    assert run_sql(server, "SELECT id, status FROM videos") == [(one["id"], "completed")]
    assert httpx2.get(f"{server.url}/ready").json()["checks"]["database"] == "ok"


def test_a_postgres_that_is_not_there_is_told(tmp_path: Path) -> None:
    nowhere = "postgres://somebody:secret@127.0.0.1:9/nothing"
    second = refused(REELWRIGHT_DATA_DIR=str(tmp_path / "data"), PORT="0", DATABASE_URL=nowhere)
    assert second.returncode == 2
    assert second.stderr.startswith("The Postgres of DATABASE_URL does not answer: ")
    assert "secret" not in second.stderr


def test_another_kind_of_database_is_refused(tmp_path: Path) -> None:
    second = refused(REELWRIGHT_DATA_DIR=str(tmp_path / "data"), PORT="0", DATABASE_URL="mysql://localhost/videos")
    assert second.returncode == 2
    assert "postgresql://user:password@host/name" in second.stderr


def test_a_postgres_that_crashes_is_told_as_busy_and_costs_no_job(
    server: ServerProcess, cluster: Cluster, tmp_path: Path
) -> None:
    running = submit(server, f"until {tmp_path / 'go'}")
    eventually(lambda: video(server, running)["status"] == "in_progress")
    cluster.crash()
    (tmp_path / "go").touch()  # it ends while Postgres is away
    body, seen = {"prompt": "paint", "engine": "toy", "width": 64, "height": 64, "num_frames": 4}, []

    def accepted() -> str | None:
        answer = httpx2.post(f"{server.url}/v1/videos", json=body)
        seen.append(answer.status_code)
        return str(answer.json()["id"]) if answer.status_code == 200 else None

    late = eventually(accepted)
    assert set(seen) <= {503, 200}
    assert [ended(server, one)["status"] for one in (running, late)] == ["completed"] * 2
    eventually(lambda: run_sql(server, "SELECT attempt FROM videos WHERE id = ?", running) == [(1,)])
