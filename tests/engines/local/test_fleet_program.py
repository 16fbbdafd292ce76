"""The local engine on two machines that share no folder: what one began in the middle of denoising, the other ends."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.databases import run_sql
from tests.engines.local.conftest import TinyFolder
from tests.engines.local.test_program import BODY
from tests.objects import ObjectServer
from tests.servers import ServerProcess, WorkerProcess, eventually

STEPS = 25
LIMIT_S = 180
"""Two engines import torch, on one core each."""


@pytest.fixture
def machines(
    tmp_path: Path, postgres: str, object_server: ObjectServer, tiny_folder: TinyFolder
) -> Iterator[tuple[ServerProcess, list[ServerProcess]]]:
    """A server that makes no videos, and two workers, each with a data directory of its own; one bucket."""
    model = {"recipe": "svd", "source": str(tiny_folder("svd")), "image_source": str(tiny_folder("sdxl"))}
    options = {"local": {"models": {"svd": model}, "device": "cpu", "checkpoint_steps": 1}}
    with object_server.bucket() as bucket, ExitStack() as stack:
        settings = {
            **bucket,
            "DATABASE_URL": postgres,
            "REELWRIGHT_ENGINE": "local",
            "REELWRIGHT_ENGINE_OPTIONS": json.dumps(options),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        server = ServerProcess(tmp_path / "server", REELWRIGHT_WORKERS="0", **settings)
        workers: list[ServerProcess] = [WorkerProcess(tmp_path / name, **settings) for name in ("a", "b")]
        yield stack.enter_context(server), [stack.enter_context(worker) for worker in workers]


def look(server: ServerProcess, video_id: str) -> dict[str, Any]:
    return dict(httpx2.get(f"{server.url}/v1/videos/{video_id}").json())


def submit(server: ServerProcess) -> str:
    answer = httpx2.post(f"{server.url}/v1/videos", json={**BODY, "num_inference_steps": STEPS})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def file_of(server: ServerProcess, video_id: str) -> str:
    video = eventually(lambda: (v := look(server, video_id))["status"] in ("completed", "failed") and v, LIMIT_S)
    assert video["status"] == "completed", video["error"]
    return hashlib.sha256(httpx2.get(f"{server.url}/v1/videos/{video_id}/content").content).hexdigest()


def test_a_job_killed_on_one_machine_ends_on_another_with_the_same_file(
    machines: tuple[ServerProcess, list[ServerProcess]],
) -> None:
    server, workers = machines
    killed = submit(server)
    eventually(lambda: 30 <= look(server, killed)["progress"] < 90, LIMIT_S, every_s=0.05)
    [(holder,)] = run_sql(server, "SELECT worker FROM videos WHERE id = ?", killed)
    [first] = [worker for worker in workers if holder in worker.log_text()]
    first.kill()
    shutil.rmtree(first.data_dir)  # that machine is gone, with all that was on it
    resumed = file_of(server, killed)
    facts = look(server, killed)["made_with"]
    assert facts["resumed_from_step"] > 0
    assert run_sql(server, "SELECT attempt FROM videos WHERE id = ?", killed) == [(2,)]

    httpx2.delete(f"{server.url}/v1/videos/{killed}")  # else an equal request gets its file
    undisturbed = submit(server)
    assert file_of(server, undisturbed) == resumed
    assert look(server, undisturbed)["made_with"]["resumed_from_step"] == 0
