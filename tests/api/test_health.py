"""`/health` and `/ready`: their shapes, and what they say when the database or the disk is in trouble."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from reelwright.app import build
from reelwright.offers import offered
from reelwright.outbound import Outbound
from reelwright.settings import load_settings
from tests.api.asks import PATH, SMALL, count, generate
from tests.databases import Settings, locked_rows
from tests.servers import ServerProcess, eventually


def test_health_has_the_contracts_shape(http: httpx2.Client) -> None:
    answer = http.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert list(body)[:3] == ["status", "message", "timestamp"]
    assert (body["status"], body["message"]) == ("healthy", "Video generation API is running")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
    assert abs(datetime.fromisoformat(body["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert body["engine"] == {"name": "sketch", "reason": "chosen in the settings"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_ready_tells_of_each_check(http: httpx2.Client) -> None:
    answer = http.get("/ready")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], set(body["checks"].values())) == ("ready", {"ok"})


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, shared_database: Settings) -> Iterator[ServerProcess]:
    """A server whose database and folders may be tampered with."""
    running = ServerProcess(tmp_path_factory.mktemp("own") / "data", **shared_database).start()
    yield running
    assert running.stop() == 0


def test_a_locked_database_is_told_at_once_and_costs_no_job(own: ServerProcess) -> None:
    with httpx2.Client(base_url=own.url, timeout=30) as http:
        accepted = [
            http.post(PATH, json={"prompt": "slow 0.5", **SMALL}, headers={"Prefer": "respond-async"}).json()["id"]
            for _ in range(2)
        ]
        eventually(lambda: http.get(f"/v1/videos/{accepted[0]}").json()["status"] == "in_progress")
        before = count(own)
        with locked_rows(own):
            told: list[httpx2.Response] = []
            callers = [
                threading.Thread(target=lambda: told.append(httpx2.get(f"{own.url}/ready", timeout=30))),
                threading.Thread(
                    target=lambda: told.append(
                        httpx2.post(f"{own.url}{PATH}", json={"prompt": "paint", **SMALL}, timeout=30)
                    )
                ),
            ]
            for caller in callers:
                caller.start()
            waits = []
            while any(caller.is_alive() for caller in callers):
                waits.append(http.get("/health").elapsed)
            assert sorted(waits)[len(waits) // 2] < timedelta(seconds=0.1)
            ready, busy = sorted(told, key=lambda answer: answer.request.method)
            assert ready.status_code == 503
            assert ready.json()["status"] == "unavailable"
            assert ready.json()["reason"] == "database: the database takes no writes"
            assert busy.status_code == 503
            assert busy.json() == {"success": False, "error": "The database is busy"}
            assert 1 <= int(busy.headers["Retry-After"]) <= 5
        assert count(own) == before
        for video_id in accepted:
            video = eventually(lambda i=video_id: (v := http.get(f"/v1/videos/{i}").json())["completed_at"] and v)
            assert video["status"] == "completed", video["error"]
        assert http.get("/ready").status_code == 200
        assert generate(http, "paint").status_code == 200


def test_a_data_directory_that_is_gone_is_told(own: ServerProcess) -> None:
    (own.data_dir / "work").rename(own.data_dir / "elsewhere")
    (own.data_dir / "work").write_text("a file in the place of the folder")
    answer = httpx2.get(f"{own.url}/ready")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "storage: the data directory cannot be written (Not a directory)"
    assert str(own.data_dir) not in answer.text
    assert httpx2.get(f"{own.url}/health").status_code == 200
    (own.data_dir / "work").unlink()
    (own.data_dir / "elsewhere").rename(own.data_dir / "work")
    assert httpx2.get(f"{own.url}/ready").status_code == 200


@pytest.mark.parametrize("gone", ["videos", "images", "uploads", "checkpoints", "reelwright.db"])
def test_a_part_of_the_store_that_is_gone_is_told(own: ServerProcess, gone: str) -> None:
    if not (own.data_dir / gone).exists():
        pytest.skip("the database is a Postgres")
    (own.data_dir / gone).rename(own.data_dir / "elsewhere")
    try:
        answer = httpx2.get(f"{own.url}/ready")
        assert answer.status_code == 503
        assert ("the file of the database is gone" if gone.endswith(".db") else "storage") in answer.json()["reason"]
        if gone == "videos":
            failed = httpx2.post(f"{own.url}{PATH}", json={"prompt": "paint", **SMALL}, timeout=30)
            assert failed.status_code == 503
            assert failed.json()["error"] == "The storage of the videos is gone. Ask whoever runs this server."
    finally:
        (own.data_dir / "elsewhere").rename(own.data_dir / gone)
    assert httpx2.get(f"{own.url}/ready").status_code == 200


async def test_an_engine_that_cannot_work_is_told(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, engine="huggingface", hf_token="")
    built = build(settings, offered(settings), Outbound())
    transport = httpx2.ASGITransport(app=built.api.routes)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["engine"] == "Server configuration error: HF_TOKEN is not set"
    built.store.close()
