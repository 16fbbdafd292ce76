"""The same durability on a real Postgres: one server on one database, with kill -9 in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests.jobs.test_durability import ended, refused, submit, video
from tests.servers import ServerProcess, eventually


@pytest.fixture(scope="module")
def server(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Runs when a test begins; those that kill it start it again."""
    running = ServerProcess(tmp_path_factory.mktemp("postgres") / "data", DATABASE_URL=postgres).start()
    yield running
    assert running.stop() == 0


def test_a_job_runs_and_its_row_is_in_postgres(server: ServerProcess, postgres: str) -> None:
    one = ended(server, submit(server, "paint"))
    assert one["status"] == "completed"
    assert httpx2.get(f"{server.url}{one['video_url']}").content[4:8] == b"ftyp"
    assert not (server.data_dir / "reelwright.db").exists()
    with psycopg.connect(postgres) as connection:
        row = connection.execute("SELECT status FROM videos WHERE id = %s", [one["id"]]).fetchone()
    assert row == ("completed",)
    assert httpx2.get(f"{server.url}/ready").json()["checks"]["database"] == "ok"


def test_every_accepted_job_finishes_after_kill_9(server: ServerProcess, postgres: str) -> None:
    first = submit(server, "slow 30")
    eventually(lambda: video(server, first)["progress"] > 0)
    waiting = [submit(server, f"paint {number}") for number in range(3)]
    server.kill()
    # The killed job is rendered anew from its beginning; this time it is a fast one, so that the test is short.
    with psycopg.connect(postgres) as connection:
        connection.execute("UPDATE videos SET request = replace(request, 'slow 30', 'slow 0.1')")
    server.start()
    assert [ended(server, one)["status"] for one in (first, *waiting)] == ["completed"] * 4


def test_a_killed_job_goes_on_from_its_checkpoint(server: ServerProcess) -> None:
    one = submit(server, "resume 0.1", num_frames=30)
    eventually(lambda: video(server, one)["progress"] >= 10)
    server.kill()
    before = len(server.log_text())
    server.start()
    eventually(lambda: "recovered" in server.log_text()[before:])
    assert eventually(lambda: video(server, one)["progress"]) >= 10
    assert ended(server, one)["status"] == "completed"


def test_keys_metadata_and_deleting(server: ServerProcess) -> None:
    body = {"prompt": "paint", "engine": "toy", "seed": 5, "metadata": {"film": "one"}}
    headers = {"Idempotency-Key": "the-same"}
    first, again = (httpx2.post(f"{server.url}/v1/videos", json=body, headers=headers).json()["id"] for _ in range(2))
    assert first == again
    ended(server, first)
    # A deterministic request that was made before gets the same file.
    twin = httpx2.post(f"{server.url}/v1/videos", json=body).json()
    assert twin["status"] == "completed"
    assert twin["id"] != first
    assert httpx2.delete(f"{server.url}/v1/videos/{twin['id']}").json()["deleted"]
    found = httpx2.get(f"{server.url}/v1/videos", params={"metadata[film]": "one", "limit": 5}).json()["data"]
    assert [one["id"] for one in found] == [first]
    assert httpx2.delete(f"{server.url}/v1/videos/{first}").json()["deleted"]
    assert httpx2.get(f"{server.url}/v1/videos/{first}").status_code == 404


def test_a_running_job_is_cancelled(server: ServerProcess) -> None:
    one = submit(server, "slow 30")
    eventually(lambda: video(server, one)["progress"] > 0)
    cancelled = httpx2.post(f"{server.url}/v1/videos/{one}/cancel").json()
    assert cancelled["error"]["code"] == "cancelled"
    assert ended(server, submit(server, "paint"))["status"] == "completed"


def test_a_second_server_on_the_database_is_refused(server: ServerProcess, postgres: str, tmp_path: Path) -> None:
    second = refused(REELWRIGHT_DATA_DIR=str(tmp_path / "other"), PORT="0", DATABASE_URL=postgres)
    assert second.returncode == 2
    assert "Another Reelwright server works on the database" in second.stderr
    assert ended(server, submit(server, "paint"))["status"] == "completed"


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
