"""A fleet in trouble: answers that are lost, processes that are away, a network that keeps notices back.

The processes reach their Postgres through a proxy that does what networks do. Where a fleet waits for seconds to be
sure that somebody is dead, the rows are made older.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from reelwright.store.fleet_queue import TTL_S
from tests.api.videos import Video, create, ended, look, made
from tests.databases import Cluster
from tests.postgres_proxy import PostgresProxy
from tests.servers import ServerProcess, WorkerProcess, eventually

CLAIM = "next AS MATERIALIZED"
COMPLETE = "made_with="


@dataclass(kw_only=True)
class Fleet:
    """One server has its own way to Postgres, the other one and the workers go through the proxy."""

    url: str
    proxy: PostgresProxy
    server: ServerProcess
    other: ServerProcess
    folder: Path

    def worker(self, name: str, **settings: str) -> WorkerProcess:
        return WorkerProcess(self.folder, name, DATABASE_URL=self.proxy.url, **settings)

    def sql(self, statement: str, *values: object) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            text: Any = statement
            answer = connection.execute(text, values or None)
            return list(answer.fetchall()) if answer.description else []

    def attempt(self, video: Video) -> int:
        return int(self.sql("SELECT attempt FROM videos WHERE id = %s", video["id"])[0][0])

    def holder(self, video: Video) -> str | None:
        name: str | None = self.sql("SELECT worker FROM videos WHERE id = %s", video["id"])[0][0]
        return name

    def call_dead(self, name: str) -> None:
        """As if it had been away for a minute, and the servers had been there for an hour."""
        self.sql("UPDATE workers SET steady_since = steady_since - 3600 WHERE slots = 0")
        self.sql("UPDATE workers SET beat_at = beat_at - 60 WHERE id = %s", name)
        eventually(lambda: not self.sql("SELECT 1 FROM workers WHERE id = %s", name))


@pytest.fixture(scope="module")
def fleet(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet") / "data"
    with cluster.database() as url, PostgresProxy(url) as proxy:
        none = {"REELWRIGHT_WORKERS": "0"}
        server = ServerProcess(folder, "server", DATABASE_URL=url, **none)
        other = ServerProcess(folder, "other", DATABASE_URL=proxy.url, **none)
        with server, other:
            yield Fleet(url=url, proxy=proxy, server=server, other=other, folder=folder)
            assert "Traceback" not in server.log_text() + other.log_text()


@pytest.fixture
def http(fleet: Fleet) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=fleet.server.url, timeout=60) as client:
        yield client


@pytest.fixture
def other(fleet: Fleet) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=fleet.other.url, timeout=60) as client:
        yield client


def running(http: httpx2.Client, prompt: str, **fields: Any) -> Video:
    video = create(http, prompt, **fields)
    eventually(lambda: look(http, video)["status"] == "in_progress")
    return video


def test_a_claim_whose_answer_is_lost_is_made_again(fleet: Fleet, http: httpx2.Client) -> None:
    with fleet.worker("loses a claim"):
        made(http)
        fleet.sql("INSERT INTO paused VALUES ('toy')")
        video = create(http)
        time.sleep(0.3)  # what the notice of it has woken finds nothing
        lost = fleet.proxy.lose_answer(CLAIM)
        fleet.sql("DELETE FROM paused RETURNING pg_notify('reelwright_work', 'toy')")
        eventually(lost.is_set)
        assert ended(http, video)["status"] == "completed"
        assert fleet.attempt(video) == 2


def test_an_end_whose_answer_is_lost_is_recorded_once(fleet: Fleet, http: httpx2.Client) -> None:
    with fleet.worker("loses an end") as worker:
        made(http)
        lost = fleet.proxy.lose_answer(COMPLETE)
        video = ended(http, create(http))
        assert lost.is_set()
        assert (video["status"], fleet.attempt(video)) == ("completed", 1)
        assert http.get(f"/v1/videos/{video['id']}/content").content[4:8] == b"ftyp"
        assert made(http)["status"] == "completed"  # its slot is free again
        assert "Traceback" not in worker.log_text()


def test_a_database_that_is_away_costs_no_attempt(fleet: Fleet, http: httpx2.Client, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with fleet.worker("cut off", TOY_OPTIONS='{"slots": 5}') as worker:
        videos = [running(http, f"until {go}") for _ in range(5)]
        with fleet.proxy.away():
            go.touch()  # they end while nobody can be told
            eventually(lambda: "database busy" in worker.log_text())
            time.sleep(3)
        assert [ended(http, video)["status"] for video in videos] == ["completed"] * 5
        assert [fleet.attempt(video) for video in videos] == [1] * 5


def test_a_process_that_was_away_and_has_a_successor_changes_nothing(
    fleet: Fleet, http: httpx2.Client, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    with fleet.worker("zombie") as zombie:
        video = running(http, f"until {go}")
        was = fleet.holder(video)
        assert was
        assert zombie.process
        zombie.process.send_signal(signal.SIGSTOP)
        with fleet.worker("successor") as successor:
            fleet.call_dead(was)
            eventually(lambda: fleet.attempt(video) == 2)
            zombie.process.send_signal(signal.SIGCONT)
            eventually(lambda: "declared dead" in zombie.log_text())
            assert fleet.attempt(video) == 2
            go.touch()
            last = ended(http, video)
            assert last["status"] == "completed"
            eventually(lambda: f"finished video={video['id']}" in successor.log_text())
            assert f"finished video={video['id']}" not in zombie.log_text()
            assert fleet.attempt(video) == 2
        # It is one of the fleet again.
        assert made(http)["status"] == "completed"


def test_a_process_that_was_away_and_has_no_successor_goes_on(
    fleet: Fleet, http: httpx2.Client, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    with fleet.worker("away") as away:
        video = running(http, f"until {go}")
        was = fleet.holder(video)
        assert was
        assert away.process
        away.process.send_signal(signal.SIGSTOP)
        fleet.call_dead(was)
        eventually(lambda: fleet.holder(video) is None)
        away.process.send_signal(signal.SIGCONT)
        eventually(lambda: fleet.holder(video) not in (None, was))
        go.touch()
        assert ended(http, video)["status"] == "completed"
        assert fleet.attempt(video) == 1


def test_a_worker_that_is_started_again_takes_its_own_job_over_at_once(
    fleet: Fleet, http: httpx2.Client, tmp_path: Path
) -> None:
    worker = fleet.worker("again")
    with worker:
        video = running(http, f"until {tmp_path / 'go'}")
        fleet.sql("UPDATE workers SET steady_since = beat_at")  # nobody may call anybody dead for now
        worker.kill()
        worker.start()
        eventually(lambda: fleet.attempt(video) == 2, TTL_S)
        (tmp_path / "go").touch()
        assert ended(http, video)["status"] == "completed"


def test_without_notices_all_is_as_true_and_a_little_later(
    fleet: Fleet, http: httpx2.Client, other: httpx2.Client, tmp_path: Path
) -> None:
    fleet.proxy.deaf = True
    try:
        fleet.proxy.cut()  # they connect anew, and find that they hear nothing
        with fleet.worker("deaf") as worker:
            eventually(lambda: "notices of Postgres do not arrive" in worker.log_text())
            eventually(lambda: "notices of Postgres do not arrive" in fleet.other.log_text())
            eventually(lambda: fleet.sql("SELECT session FROM workers WHERE slots = 1") == [(None,)])
            video = running(http, f"until {tmp_path / 'never'}")
            assert http.post(f"/v1/videos/{video['id']}/cancel").json()["status"] == "failed"
            eventually(lambda: not fleet.sql("SELECT 1 FROM workers WHERE running LIKE %s", f"%{video['id']}%"))
            assert ended(other, create(http))["status"] == "completed"
            # Followed elsewhere than it is made, and nobody tells.
            slow = create(http, "slow 1")
            assert ended(other, slow)["status"] == "completed"
    finally:
        fleet.proxy.deaf = False
        fleet.proxy.cut()


def test_followers_miss_nothing_while_their_connections_end(
    fleet: Fleet, http: httpx2.Client, other: httpx2.Client
) -> None:
    stop = threading.Event()

    def cut() -> None:
        while not stop.wait(0.5):
            fleet.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()"
            )

    with fleet.worker("busy") as worker:
        cutting = threading.Thread(target=cut)
        cutting.start()
        try:
            for _ in range(6):
                video = create(http, "slow 0.7")
                with other.stream("GET", f"/v1/videos/{video['id']}/events") as events:
                    told = "".join(events.iter_text())
                assert "event: completed" in told
        finally:
            stop.set()
            cutting.join()
        assert "Traceback" not in worker.log_text()


def test_a_hang_up_cancels_what_nobody_else_waits_for_on_any_server(fleet: Fleet, http: httpx2.Client) -> None:
    body = {"prompt": "slow 30", "engine": "toy", "width": 64, "height": 64, "num_frames": 4}

    def ask(prompt: str) -> str:
        """A client that gives up after two seconds. Returns the video's id."""
        with contextlib.suppress(httpx2.ReadTimeout):
            httpx2.post(f"{fleet.server.url}/api/video/generate", json={**body, "prompt": prompt}, timeout=2)
        return str(fleet.sql("SELECT id FROM videos WHERE request LIKE %s", f"%{prompt}%")[0][0])

    with fleet.worker("waits", TOY_OPTIONS='{"slots": 2}'):
        alone = ask("slow 31")
        last = eventually(lambda: (v := look(http, {"id": alone}))["status"] == "failed" and v)
        assert last["error"]["code"] == "cancelled"

        def follow() -> None:
            found = eventually(lambda: fleet.sql("SELECT id FROM videos WHERE request LIKE '%slow 6.5%'"))
            with contextlib.suppress(httpx2.ReadTimeout):
                httpx2.get(f"{fleet.other.url}/v1/videos/{found[0][0]}", headers={"Prefer": "wait=30"}, timeout=30)

        follower = threading.Thread(target=follow)
        follower.start()
        shared = ask("slow 6.5")
        follower.join()
        assert look(http, {"id": shared})["status"] == "completed"
