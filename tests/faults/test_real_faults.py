"""Faults of the machine, made for real and met by a running server: a full disk under the database, a kill right after
a cancel, a name server that is silent, a damaged page."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.api.videos import SMALL
from tests.cli.command import run
from tests.databases import ON_BOTH, Cluster, Settings, run_sql
from tests.jobs.test_durability import refused
from tests.servers import ServerProcess, eventually

ROOM = 24 << 20
"""Bytes of the little disk; a new database of Postgres has 8 MB."""


@contextmanager
def little_disk() -> Iterator[Path]:
    """A disk of its own, in memory. Not below pytest's folder, which Postgres' user may not enter."""
    with tempfile.TemporaryDirectory() as above:
        Path(above).chmod(0o755)
        folder = Path(above) / "little"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this machine lets nobody mount a tmpfs")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def tablespace(cluster: Cluster, folder: Path) -> Iterator[str]:
    """The URL of a database of that Postgres whose tables lie in the folder."""
    shutil.chown(folder, cluster.data_folder.owner())
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE little LOCATION '{folder}'")  # type: ignore[arg-type]
        try:
            with cluster.database("TABLESPACE little") as url:
                yield url
        finally:
            connection.execute("DROP TABLESPACE little")


@pytest.fixture
def on_a_little_disk(request: pytest.FixtureRequest, tmp_path: Path, database: Settings) -> Iterator[Any]:
    """A running server, and the disk that its database is on."""
    with little_disk() as disk:
        if not database:
            with ServerProcess(disk / "data") as server:
                yield server, disk
            return
        cluster = request.getfixturevalue("cluster")
        with tablespace(cluster, disk) as url, ServerProcess(tmp_path / "data", DATABASE_URL=url) as server:
            yield server, disk


def post(server: ServerProcess, prompt: str = "paint", **fields: Any) -> httpx2.Response:
    return httpx2.post(f"{server.url}/v1/videos", json={"prompt": prompt, **SMALL, **fields}, timeout=30)


def look(server: ServerProcess, video_id: str) -> dict[str, Any]:
    answer = httpx2.get(f"{server.url}/v1/videos/{video_id}", timeout=30)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ended(server: ServerProcess, video_id: str) -> tuple[str | None] | None:
    """The code of its failure, if any, once it has ended."""
    video = look(server, video_id)
    if video["status"] not in ("completed", "failed"):
        return None
    return ((video["error"] or {}).get("code"),)


def fill(disk: Path) -> Path:
    """A file that takes all the room that there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    assert shutil.disk_usage(disk).free < 4096
    return ballast


@ON_BOTH
def test_a_full_disk_under_the_database_is_told_and_left_behind(
    on_a_little_disk: tuple[ServerProcess, Path], tmp_path: Path
) -> None:
    server, disk = on_a_little_disk
    accepted = [post(server).json()["id"]]
    eventually(lambda: look(server, accepted[0])["status"] == "completed")
    gate = tmp_path / "gate"
    accepted.append(post(server, f"until {gate}").json()["id"])
    eventually(lambda: look(server, accepted[1])["status"] == "in_progress")

    ballast = fill(disk)
    # What the database has put aside already, it may still use.
    long = "x" * 20_000
    refused = []
    for _ in range(1_000):
        answer = post(server, f"paint {long}")
        if answer.status_code == 200:
            accepted.append(answer.json()["id"])
            continue
        refused.append(answer)
        if len(refused) == 3:
            break
    assert [answer.status_code for answer in refused] == [507] * 3
    assert refused[0].json()["error"]["code"] == "storage_full"
    assert int(refused[0].headers["Retry-After"]) > 0
    assert httpx2.get(f"{server.url}/health").status_code == 200
    assert {row[0] for row in run_sql(server, "SELECT id FROM videos")} == set(accepted)
    gate.touch()  # its end may find no room: then it is recorded once there is some

    ballast.unlink()
    accepted.append(eventually(lambda: (answer := post(server)).status_code == 200 and answer).json()["id"])
    ends = [eventually(lambda one=one: ended(server, one), 60)[0] for one in accepted]
    # On SQLite the videos lie on the same disk: a job that met it full has failed, and can be repeated.
    assert {code for code in ends if code} <= ({"storage_full"} if not server.database_url else set())
    assert (ends[0], ends[-1]) == (None, None)
    assert len(httpx2.get(f"{server.url}/v1/videos?limit=100").json()["data"]) == min(100, len(accepted))
    assert server.stop() == 0


def test_a_kill_after_an_acknowledged_cancel_leaves_no_file(tmp_path: Path) -> None:
    """Of jobs at every point: waiting, rendering, with a checkpoint, being encoded, in place."""
    with ServerProcess(tmp_path / "data", TOY_OPTIONS='{"slots": 6}') as server:
        for chance in range(2):
            large = {"size": "320x192", "num_frames": 48}
            jobs = [post(server, "noise", seed=100 * chance + n, **large).json()["id"] for n in range(3)]
            jobs += [post(server, "resume 0.05", num_frames=60, seed=100 * chance + n).json()["id"] for n in range(3)]
            jobs += [post(server, "slow 5").json()["id"] for _ in range(2)]
            eventually(lambda: sum(look(server, one)["progress"] > 0 for one in jobs) >= 3)  # noqa: B023
            threading.Event().wait(0.3 * chance)  # at another point each time
            with ThreadPoolExecutor(len(jobs)) as pool:
                ends = list(pool.map(lambda one: httpx2.post(f"{server.url}/v1/videos/{one}/cancel"), jobs))
            server.kill()
            assert {answer.status_code for answer in ends} == {200}
            cancelled = [one.json()["id"] for one in ends if one.json()["status"] == "failed"]
            assert cancelled
            server.start()
            eventually(lambda: left_of(server, cancelled) == [], 60)  # noqa: B023
            assert {look(server, one)["error"]["code"] for one in cancelled} == {"cancelled"}
        assert server.stop() == 0
        assert left_of(server, cancelled) == []


def left_of(server: ServerProcess, jobs: list[str]) -> list[str]:
    files = [path.name for path in server.data_dir.rglob("*") if not path.name.startswith("reelwright.db")]
    return [name for name in files if any(one in name for one in jobs)]


@contextmanager
def silent_name_server(address: str) -> Iterator[list[bytes]]:
    """Takes every question and answers none; what it was asked."""
    asked: list[bytes] = []
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listening:
        try:
            listening.bind((address, 53))
        except PermissionError:
            pytest.skip("this machine lets nobody listen on port 53")
        listening.settimeout(0.05)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    asked.append(listening.recv(512))
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield asked
        finally:
            over.set()
            thread.join()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a process a name server of its own")
def test_a_silent_name_server_of_the_moderation_holds_up_nobody(tmp_path: Path) -> None:
    address = "127.0.0.99"
    settings = {
        "NAME_SERVER": address,
        "REELWRIGHT_MODERATION_URL": "http://judge.example/v1/moderations",
        "REELWRIGHT_MODERATION_TIMEOUT_S": "5",
        "REELWRIGHT_DRAIN_S": "0.5",
    }
    with silent_name_server(address) as asked, ServerProcess(tmp_path / "data", **settings) as server:
        with ThreadPoolExecutor(24) as pool:
            asking = [pool.submit(post, server) for _ in range(24)]
            eventually(lambda: asked)
            for path in ("/health", "/ready", "/v1/videos", "/"):
                assert httpx2.get(f"{server.url}{path}", timeout=30).status_code == 200
            assert not any(one.done() for one in asking)  # nobody has waited for the look-ups
            answers = [one.result() for one in asking]
        assert {(one.status_code, one.headers["Retry-After"]) for one in answers} == {(503, "10")}
        assert run_sql(server, "SELECT count(*) FROM videos") == [(0,)]
        assert any(b"judge" in question for question in asked)
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 0.5 + 5


def test_a_damaged_page_is_found_by_the_doctor_and_at_the_start(tmp_path: Path) -> None:
    """The file opens and its tables are there; one page in the middle holds something else."""
    with ServerProcess(tmp_path / "data") as server:
        jobs = [post(server, f"paint {'x' * 3000} number {n}").json()["id"] for n in range(6)]
        eventually(lambda: all(look(server, one)["status"] == "completed" for one in jobs), 60)
        assert server.stop() == 0
        damage(server.data_dir / "reelwright.db", b"number 3")
        doctor = run("doctor", cwd=tmp_path, REELWRIGHT_DATA_DIR=str(server.data_dir))
        assert doctor.returncode == 1
        assert "SQLite is damaged" in doctor.stdout
        assert "Restore a backup" in doctor.stdout
    told = refused(REELWRIGHT_DATA_DIR=str(server.data_dir), PORT="0")
    assert told.returncode == 2
    assert "is damaged. Restore a backup" in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


def damage(database: Path, text: bytes) -> None:
    """Overwrite the page where that stands last."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    page = database.read_bytes().rindex(text) // size
    with database.open("r+b") as file:
        file.seek(page * size)
        file.write(b"\xff" * size)
