"""Jobs survive the process: kill -9, SIGTERM, two servers, full queues; with real processes.

Where rows decide the outcome, a test runs on SQLite and on Postgres; where the folders, the engine or
the signals do, on SQLite alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.jobs.video_job import MAX_ATTEMPTS
from tests.databases import ON_BOTH, Settings, run_sql
from tests.processes import Process
from tests.servers import SOURCES, ServerProcess, eventually

SMALL = {"width": 64, "height": 64, "num_frames": 4}
StartServer = Callable[..., ServerProcess]


@pytest.fixture
def start(tmp_path: Path, database: Settings) -> Iterator[StartServer]:
    """Starts servers on one data directory and one database, one after the other."""
    started: list[ServerProcess] = []

    def begin(**environment: str) -> ServerProcess:
        server = ServerProcess(tmp_path / "data", **database, **environment)
        started.append(server)
        return server.start()

    yield begin
    for server in started:
        if server.process and server.process.poll() is None:
            server.kill()


def submit(server: ServerProcess, prompt: str, **fields: Any) -> str:
    body = {"prompt": prompt, "engine": "toy", **SMALL, **fields}
    answer = httpx2.post(f"{server.url}/api/video/generate", json=body, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def video(server: ServerProcess, video_id: str) -> dict[str, Any]:
    answer = httpx2.get(f"{server.url}/v1/videos/{video_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ended(server: ServerProcess, video_id: str) -> dict[str, Any]:
    return eventually(lambda: (v := video(server, video_id))["status"] in ("completed", "failed") and v)


@ON_BOTH
def test_every_accepted_job_finishes_after_kill_9(start: StartServer) -> None:
    server = start()
    first = submit(server, "slow 30")
    eventually(lambda: video(server, first)["progress"] > 0)
    waiting = [submit(server, f"paint {number}") for number in range(5)]
    assert {video(server, one)["status"] for one in waiting} == {"queued"}
    server.kill()
    # The killed job is rendered anew from its beginning; this time it is a fast one, so that the test is short.
    run_sql(server, "UPDATE videos SET request = replace(request, 'slow 30', 'slow 0.1')")
    server.start()
    videos = [ended(server, one) for one in (first, *waiting)]
    assert [one["status"] for one in videos] == ["completed"] * 6
    for one in videos:
        content = httpx2.get(f"{server.url}/v1/videos/{one['id']}/content")
        assert content.content[4:8] == b"ftyp"
    assert server.stop() == 0


@ON_BOTH
def test_a_crowd_that_finds_free_slots_does_not_queue(start: StartServer, tmp_path: Path) -> None:
    server = start(TOY_OPTIONS='{"slots": 20}')
    with ThreadPoolExecutor(20) as pool:
        crowd = list(pool.map(lambda _: submit(server, f"until {tmp_path / 'go'}"), range(20)))
    begun = dict.fromkeys(crowd, "in_progress")
    if server.database_url:  # each is claimed a moment later, by whoever has a free slot
        eventually(lambda: dict(run_sql(server, "SELECT id, status FROM videos")) == begun)
    assert dict(run_sql(server, "SELECT id, status FROM videos")) == begun
    (tmp_path / "go").touch()
    assert {ended(server, one)["status"] for one in crowd} == {"completed"}


def test_those_in_line_begin_in_their_order_as_slots_become_free(start: StartServer, tmp_path: Path) -> None:
    server = start()
    first = submit(server, f"until {tmp_path / 'go'}")
    line = [submit(server, "paint") for _ in range(5)]
    (tmp_path / "go").touch()
    ends = [ended(server, one) for one in (first, *line)]
    assert [one["status"] for one in ends] == ["completed"] * 6
    starts = [one["started_at"] for one in ends]
    assert starts == sorted(starts)


@ON_BOTH
def test_more_interrupted_jobs_than_slots_wait_in_line(start: StartServer, tmp_path: Path) -> None:
    go = tmp_path / "go"
    server = start(TOY_OPTIONS='{"slots": 3}')
    interrupted = [submit(server, f"until {go}") for _ in range(3)]
    eventually(lambda: all(video(server, one)["status"] == "in_progress" for one in interrupted))
    server.kill()
    server = start(TOY_OPTIONS='{"slots": 1}')
    late = submit(server, f"until {go}")
    assert video(server, late)["queue_position"] == 3
    cancelled = httpx2.post(f"{server.url}/v1/videos/{interrupted[2]}/cancel").json()
    assert cancelled["error"]["code"] == "cancelled"
    assert video(server, late)["queue_position"] == 2
    go.touch()
    assert [ended(server, one)["status"] for one in (*interrupted[:2], late)] == ["completed"] * 3


def test_a_job_of_an_engine_that_is_gone_is_ended_at_the_start(start: StartServer, tmp_path: Path) -> None:
    server = start()
    running, waiting = (submit(server, f"until {tmp_path / 'go'}") for _ in range(2))
    server.kill()
    run_sql(server, 'UPDATE videos SET request = replace(request, \'"engine": "toy"\', \'"engine": "gone"\')')
    server.start()
    for one in (running, waiting):
        error = ended(server, one)["error"]
        assert error["code"] == "engine_failed"
        assert error["message"] == "The engine gone is not available on this server"
    assert ended(server, submit(server, "paint"))["status"] == "completed"


@ON_BOTH
def test_after_a_restart_the_interrupted_job_comes_first_and_turns_are_kept(start: StartServer, tmp_path: Path) -> None:
    server = start()
    go = tmp_path / "go"
    interrupted, second, third = (submit(server, f"until {go}") for _ in range(3))

    def rows() -> dict[str, tuple[Any, ...]]:
        return {row[0]: row[1:] for row in run_sql(server, "SELECT id, status, attempt, turn FROM videos")}

    eventually(lambda: rows()[interrupted][0] == "in_progress")
    server.kill()
    server.start()
    eventually(lambda: rows()[interrupted][1] == 2)
    assert [rows()[one][:2] for one in (second, third)] == [("queued", 0)] * 2
    late = submit(server, f"until {go}")
    assert [video(server, one)["queue_position"] for one in (second, third, late)] == [1, 2, 3]
    turns = [rows()[one][2] for one in (interrupted, second, third, late)]
    assert turns == sorted(turns)
    go.touch()
    assert {ended(server, one)["status"] for one in (interrupted, second, third, late)} == {"completed"}


@ON_BOTH
def test_a_killed_job_goes_on_from_its_checkpoint(start: StartServer) -> None:
    server = start()
    one = submit(server, "resume 0.1", num_frames=30)
    eventually(lambda: video(server, one)["progress"] >= 10)
    server.kill()
    server.start()
    eventually(lambda: "recovered" in server.log_text())
    resumed = eventually(lambda: video(server, one)["progress"])
    assert resumed >= 10
    assert ended(server, one)["status"] == "completed"
    assert list((server.data_dir / "checkpoints").iterdir()) == []


def test_it_does_so_without_the_folder_that_it_worked_in(start: StartServer) -> None:
    """As on another machine: what it goes on from comes out of the store."""
    server = start()
    one = submit(server, "resume 0.1", num_frames=30)
    eventually(lambda: video(server, one)["progress"] >= 10)
    server.kill()
    shutil.rmtree(server.data_dir / "work")
    server.start()
    assert ended(server, one)["made_with"]["first_frame"] >= 3


def test_a_checkpoint_that_cannot_be_kept_costs_the_job_nothing(start: StartServer) -> None:
    server = start()
    checkpoints = server.data_dir / "checkpoints"
    checkpoints.rmdir()
    checkpoints.write_bytes(b"in the way")
    assert ended(server, submit(server, "resume 0"))["status"] == "completed"
    assert "checkpoint not kept" in server.log_text()


def test_a_file_that_cannot_be_removed_keeps_nobody_from_hearing_of_the_end(start: StartServer) -> None:
    server = start(REELWRIGHT_JOB_LIMIT_S="2")
    one = submit(server, "slow 30")
    eventually(lambda: video(server, one)["progress"] > 0)
    (server.data_dir / "work" / f"{one}-1.clip").mkdir()  # no file, so it cannot be unlinked
    assert ended(server, one)["error"]["code"] == "timed_out"
    assert "files not removed" in server.log_text()
    assert server.stop() == 0


def test_an_unforeseen_error_ends_the_job_and_its_text_is_told_to_nobody(start: StartServer, tmp_path: Path) -> None:
    server, go = start(), tmp_path / "go"
    one = submit(server, f"until {go}")
    eventually(lambda: video(server, one)["status"] == "in_progress")
    (server.data_dir / "videos").rename(server.data_dir / "away")
    (server.data_dir / "videos").write_bytes(b"a file in the place of the folder")
    go.touch()
    error = ended(server, one)["error"]
    assert (error["code"], str(server.data_dir) in str(error)) == ("internal", False)
    assert "attempt broke" in server.log_text()


def test_a_job_that_is_interrupted_again_and_again_is_given_up(start: StartServer) -> None:
    server = start()
    one = submit(server, "slow 60")
    eventually(lambda: video(server, one)["status"] == "in_progress")
    server.kill()
    run_sql(server, f"UPDATE videos SET attempt = {MAX_ATTEMPTS - 1}")
    server.start()
    eventually(lambda: run_sql(server, "SELECT attempt FROM videos") == [(MAX_ATTEMPTS,)])
    assert video(server, one)["status"] == "in_progress"
    server.kill()
    server.start()
    assert "Gave up after" in ended(server, one)["error"]["message"]


@pytest.mark.parametrize("end", ["cancel", "failure"])
def test_a_job_that_is_cancelled_or_fails_leaves_no_files(end: str, start: StartServer) -> None:
    server = start(**({} if end == "cancel" else {"REELWRIGHT_JOB_LIMIT_S": "2"}))
    one = submit(server, "resume 0.1", num_frames=100)
    scratch, kept = server.data_dir / "work" / f"{one}-1", server.data_dir / "checkpoints" / one
    eventually(lambda: scratch.exists() and any(kept.glob("*")))
    if end == "cancel":
        httpx2.post(f"{server.url}/v1/videos/{one}/cancel").raise_for_status()
        eventually(lambda: not kept.exists())
    assert ended(server, one)["status"] == "failed"
    eventually(lambda: not scratch.exists())


def test_a_file_that_is_in_place_is_adopted(start: StartServer) -> None:
    """Killed between the rename and the record: what is left is the file and a job that looks unfinished."""
    server = start()
    one = submit(server, "paint")
    ended(server, one)
    server.kill()
    run_sql(server, "UPDATE videos SET status = 'in_progress', completed_at = NULL, file = NULL")
    server.start()
    assert ended(server, one)["status"] == "completed"
    assert "adopted" in server.log_text()


def test_half_written_files_are_removed_at_start(start: StartServer) -> None:
    server = start()
    server.kill()
    part = server.data_dir / "videos" / "video_00000000000000000000000000.mp4.part"
    part.write_bytes(b"half")
    server.start()
    assert not part.exists()


def test_sigterm_lets_a_running_job_finish(start: StartServer) -> None:
    server = start()
    one = submit(server, "slow 1")
    eventually(lambda: video(server, one)["progress"] > 0)
    assert server.stop() == 0
    server.start()
    assert video(server, one)["status"] == "completed"


def test_sigterm_gives_a_long_job_back_to_the_queue(start: StartServer) -> None:
    server = start(REELWRIGHT_DRAIN_S="0.2")
    one = submit(server, "resume 0.1", num_frames=30)
    eventually(lambda: video(server, one)["progress"] > 0)
    assert server.stop() == 0
    server.start()
    assert ended(server, one)["status"] == "completed"


@pytest.mark.skipif(not shutil.which("strace"), reason="injects the fault with strace: apt-get install strace")
def test_a_disk_that_keeps_nothing_ends_the_server_without_an_acknowledgement(start: StartServer) -> None:
    server = start()
    assert ended(server, submit(server, "before"))["status"] == "completed"
    assert server.process is not None
    attach = ["strace", "-f", "-qq", "-p", str(server.process.pid), "-o", "/dev/null"]
    with Process(
        [*attach, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO"], stderr=subprocess.DEVNULL
    ) as fault:
        tasks = Path(f"/proc/{server.process.pid}/task")
        eventually(lambda: not any("TracerPid:\t0" in one.read_text() for one in tasks.glob("*/status")))
        with pytest.raises(httpx2.TransportError):
            submit(server, "on a lost disk")
        assert server.process.wait(120) == 1
        fault.terminate()
        fault.wait(120)
    server.start()
    assert ended(server, submit(server, "after"))["status"] == "completed"
    assert server.stop() == 0


def test_a_second_server_on_the_data_directory_is_refused_and_told_who_has_it(server: ServerProcess) -> None:
    assert server.process
    second = refused(REELWRIGHT_DATA_DIR=str(server.data_dir), PORT="0")
    assert second.returncode == 2
    assert f"in use by the server with process id {server.process.pid}" in second.stderr


def test_a_taken_port_is_told_before_anything_is_loaded(server: ServerProcess, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    second = refused(REELWRIGHT_DATA_DIR=str(tmp_path / "other"), PORT=port)
    assert second.returncode == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in second.stderr
    assert not (tmp_path / "other").exists()


def test_another_address_wants_keys(tmp_path: Path) -> None:
    second = refused(HOST="0.0.0.0", PORT="0", REELWRIGHT_DATA_DIR=str(tmp_path / "data"))
    assert second.returncode == 2
    assert "REELWRIGHT_API_KEYS" in second.stderr


@ON_BOTH
def test_a_full_queue_is_told_and_stores_nothing(start: StartServer) -> None:
    server = start(REELWRIGHT_MAX_QUEUED="2")
    running = submit(server, "slow 30")
    eventually(lambda: video(server, running)["status"] == "in_progress")
    submit(server, "slow 30")
    submit(server, "slow 30")
    answer = httpx2.post(f"{server.url}/api/video/generate", json={"prompt": "one too many", "engine": "toy"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "queue is full" in answer.json()["error"]


def test_a_crash_of_the_engine_ends_one_job_only(server: ServerProcess) -> None:
    crashed = ended(server, submit(server, "crash"))
    assert (crashed["status"], crashed["error"]["code"]) == ("failed", "engine_crashed")
    assert ended(server, submit(server, "paint"))["status"] == "completed"


def test_an_engine_out_of_memory_ends_one_job_only(start: StartServer) -> None:
    server = start(REELWRIGHT_ENGINE_MEMORY_MB="1500")
    starved = ended(server, submit(server, "hog 4000"))
    assert (starved["status"], starved["error"]["code"]) == ("failed", "out_of_memory")
    assert ended(server, submit(server, "paint"))["status"] == "completed"


def test_the_least_memory_that_may_be_set_is_enough_for_the_default_video(start: StartServer) -> None:
    server = start(REELWRIGHT_ENGINE_MEMORY_MB="192")
    answer = httpx2.post(f"{server.url}/api/video/generate", json={"prompt": "sunset"}, timeout=60)
    assert answer.status_code == 200
    larger = {"prompt": "city", "width": 1280, "height": 720, "num_frames": 48}
    starved = httpx2.post(f"{server.url}/v1/videos/sync", json=larger, timeout=60)
    assert starved.json()["error"]["code"] == "out_of_memory"


def refused(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fakes.server"],
        env={**os.environ, "PYTHONPATH": SOURCES, "REELWRIGHT_ENGINE": "sketch", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
