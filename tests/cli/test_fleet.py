"""`reelwright worker` and `reelwright fleet` on a real Postgres, with a real server and a real worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cli.command import run, start
from tests.servers import ServerProcess, eventually


@pytest.fixture(scope="module")
def server(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """It makes no videos itself."""
    folder = tmp_path_factory.mktemp("fleet") / "data"
    running = ServerProcess(folder, DATABASE_URL=postgres, REELWRIGHT_WORKERS="0")
    yield running.start()
    assert running.stop() == 0


def fleet(server: ServerProcess, folder: Path) -> Any:
    assert server.database_url
    told = run("fleet", "--json", "--database-url", server.database_url, cwd=folder)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_a_worker_comes_works_is_drained_and_goes(server: ServerProcess, postgres: str, tmp_path: Path) -> None:
    def ask(*arguments: str) -> str:
        told = run("fleet", *arguments, cwd=tmp_path, DATABASE_URL=postgres)
        assert told.returncode == 0, told.stderr
        return told.stdout

    def submit() -> str:
        return str(httpx2.post(f"{server.url}/v1/videos", json={"prompt": "a pond", "size": "64x64"}).json()["id"])

    def status(video_id: str) -> str:
        return str(httpx2.get(f"{server.url}/v1/videos/{video_id}").json()["status"])

    waiting = submit()
    eventually(lambda: fleet(server, tmp_path)["engines"]["sketch"]["waiting"] == 1)
    assert "nobody makes these" in ask()
    settings = {"DATABASE_URL": postgres, "REELWRIGHT_DATA_DIR": str(server.data_dir)}
    with start("worker", "--engine", "sketch", cwd=tmp_path, **settings) as worker:
        eventually(lambda: status(waiting) == "completed")
        processes = fleet(server, tmp_path)["processes"]
        assert [(list(one["engines"]), one["slots"]) for one in processes] == [([], 0), (["sketch"], 1)]
        name = processes[1]["id"]

        ask("drain", name)
        eventually(lambda: fleet(server, tmp_path)["processes"][1]["draining"])
        late = submit()
        ask("pause", "sketch")
        ask("resume", name)
        facts = fleet(server, tmp_path)
        assert (facts["engines"]["sketch"]["paused"], facts["processes"][1]["draining"]) == (True, False)
        assert status(late) == "queued"
        ask("resume", "sketch")
        eventually(lambda: status(late) == "completed")

        kept = run("audit", "--json", "--key", "command", cwd=tmp_path, **settings)
        assert [(one["action"], one["about"]) for one in map(json.loads, kept.stdout.splitlines())] == [
            ("worker.drained", name),
            ("engine.paused", "sketch"),
            ("worker.resumed", name),
            ("engine.resumed", "sketch"),
        ]

        worker.terminate()
        _, said = worker.communicate(timeout=120)
        assert worker.returncode == 0
    assert "✅ Video generation worker running" in said
    assert name in said
    assert [one["engines"] for one in fleet(server, tmp_path)["processes"]] == [{}]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("drain", "worker_nobody"), "There is no process worker_nobody"),
        (("resume", "sketch"), "no process and no paused engine sketch"),
    ],
)
def test_what_is_not_there_is_told(
    arguments: tuple[str, ...], told: str, server: ServerProcess, postgres: str, tmp_path: Path
) -> None:
    result = run("fleet", *arguments, cwd=tmp_path, DATABASE_URL=postgres)
    assert (result.returncode, result.stdout) == (2, "")
    assert told in result.stderr


def test_without_postgres_there_is_no_fleet(tmp_path: Path) -> None:
    for command in (("fleet",), ("worker",), ("serve", "--workers", "0")):
        result = run(*command, cwd=tmp_path)
        assert result.returncode == 2
        assert "DATABASE_URL" in result.stderr
    away = "postgresql://reelwright:secret@127.0.0.1:9/nothing"
    for command in (("fleet",), ("worker", "--engine", "sketch")):
        result = run(*command, cwd=tmp_path, DATABASE_URL=away)
        assert result.returncode == 2
        assert result.stderr.startswith("Error: The Postgres of DATABASE_URL does not answer")
        assert "secret" not in result.stderr


def test_a_worker_whose_engine_cannot_work_here_says_so(postgres: str, tmp_path: Path) -> None:
    result = run("worker", "--engine", "huggingface", cwd=tmp_path, DATABASE_URL=postgres)
    assert result.returncode == 2
    assert "HF_TOKEN is not set" in result.stderr
