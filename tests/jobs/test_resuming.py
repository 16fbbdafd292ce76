"""What was ended by time or by its engine goes on from its checkpoint, as a new video."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.databases import ON_BOTH, run_sql
from tests.jobs.test_durability import StartServer, ended, start, submit, video
from tests.servers import ServerProcess, eventually

__all__ = ["start"]


def resume(server: ServerProcess, video_id: str, **fields: Any) -> httpx2.Response:
    return httpx2.post(f"{server.url}/v1/videos/{video_id}/resume", json=fields)


def checkpoints(server: ServerProcess, video_id: str) -> list[str]:
    return sorted(path.name for path in (server.data_dir / "checkpoints" / video_id).glob("*"))


@ON_BOTH
def test_a_job_that_was_ended_by_time_goes_on_where_it_was(start: StartServer) -> None:
    """Through a restart in between, and on the command line."""
    server = start(REELWRIGHT_JOB_LIMIT_S="1")
    failed = submit(server, "resume 0.1", num_frames=20)
    end = ended(server, failed)
    assert (end["error"]["code"], end["resumable"]) == ("timed_out", True)
    assert len(checkpoints(server, failed)) == 1
    server.kill()
    server = start()
    assert len(checkpoints(server, failed)) == 1

    command = [sys.executable, "-m", "reelwright.cli", "resume", failed, "--server", server.url]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    new = told.split("\t")[0]
    assert new != failed
    done = ended(server, new)

    assert (done["status"], done["resumed_from_video_id"], done["resumable"]) == ("completed", failed, False)
    assert (done["prompt"], done["seed"]) == (end["prompt"], end["seed"])
    assert 1 < done["made_with"]["first_frame"] < 20
    assert video(server, failed)["status"] == "failed"
    eventually(lambda: checkpoints(server, new) == [])
    # It may be done again, until the failed one is deleted.
    assert ended(server, resume(server, failed, metadata={"try": "2"}).json()["id"])["metadata"] == {"try": "2"}
    httpx2.delete(f"{server.url}/v1/videos/{failed}")
    assert checkpoints(server, failed) == []
    assert resume(server, failed).status_code == 404


@ON_BOTH
def test_one_that_waits_in_line_to_go_on_does_so_after_a_kill(start: StartServer, tmp_path: Path) -> None:
    server = start(REELWRIGHT_JOB_LIMIT_S="1")
    failed = submit(server, "resume 0.1", num_frames=20)
    ended(server, failed)
    server.kill()
    server = start()
    first = submit(server, f"until {tmp_path / 'go'}")
    eventually(lambda: video(server, first)["status"] == "in_progress")
    new = resume(server, failed).json()["id"]
    assert video(server, new)["status"] == "queued"
    server.kill()
    (tmp_path / "go").touch()
    server.start()
    assert ended(server, new)["made_with"]["first_frame"] > 1


@pytest.mark.parametrize("how", ["cancelled", "without a checkpoint", "long ago", "completed"])
def test_what_has_no_work_to_go_on_from_is_refused(how: str, start: StartServer) -> None:
    limit = "1" if how in ("without a checkpoint", "long ago") else ""
    server = start(REELWRIGHT_JOB_LIMIT_S=limit, REELWRIGHT_SWEEP_S="0.2")
    prompts = {"without a checkpoint": "slow 30", "completed": "resume 0"}
    one = submit(server, prompts.get(how, "resume 0.1"), num_frames=4 if how == "completed" else 20)
    if how == "cancelled":
        eventually(lambda: checkpoints(server, one))
        httpx2.post(f"{server.url}/v1/videos/{one}/cancel")
    assert ended(server, one)["resumable"] is (how == "long ago")
    if how == "long ago":
        run_sql(server, "UPDATE videos SET completed_at = completed_at - 90000")
        eventually(lambda: run_sql(server, "SELECT checkpoint FROM videos") == [(None,)])
    answer = resume(server, one)
    assert answer.status_code == 409
    assert "nothing of its work is kept" in answer.json()["error"]["message"]
    assert resume(server, one, prompt="another").status_code == 400
