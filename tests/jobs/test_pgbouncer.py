"""A fleet behind a real PgBouncer in transaction mode: no notices, no session lock, and nothing is lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests.api.videos import create, ended, look
from tests.databases import Cluster, pooled
from tests.servers import ServerProcess, WorkerProcess, eventually

pytestmark = pytest.mark.skipif(
    shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin") is None,
    reason="PgBouncer is missing (Debian: pgbouncer)",
)


@pytest.fixture(scope="module")
def urls(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """The database through the pooler, and itself."""
    with cluster.database() as url, tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with pooled(url, Path(folder)) as pooler:
            yield pooler, url


def sql(url: str, statement: str) -> list[tuple[object, ...]]:
    text: object = statement
    with psycopg.connect(url, autocommit=True) as connection:
        answer = connection.execute(text)  # type: ignore[call-overload]
        return list(answer.fetchall()) if answer.description else []


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pooled") / "data"


def test_jobs_run_are_told_and_are_taken_over(urls: tuple[str, str], data_dir: Path, tmp_path: Path) -> None:
    pooler, url = urls
    workers = [WorkerProcess(data_dir, name, DATABASE_URL=pooler) for name in ("a", "b")]
    server = ServerProcess(data_dir, "server", DATABASE_URL=pooler, REELWRIGHT_WORKERS="0")
    with server, workers[0], workers[1], httpx2.Client(base_url=server.url, timeout=60) as http:
        for process in (server, *workers):
            eventually(lambda process=process: "notices of Postgres do not arrive" in process.log_text())
        many = [create(http) for _ in range(50)]
        assert [ended(http, one)["status"] for one in many] == ["completed"] * 50
        assert sql(url, "SELECT count(*) FROM workers WHERE session IS NOT NULL") == [(0,)]

        held = create(http, f"until {tmp_path / 'go'}")
        eventually(lambda: look(http, held)["status"] == "in_progress")
        [(name,)] = sql(url, "SELECT worker FROM videos WHERE completed_at IS NULL")
        [holder] = [worker for worker in workers if str(name) in worker.log_text()]
        holder.kill()
        # Nothing but time tells that it is dead: it is made to pass.
        sql(url, "UPDATE workers SET steady_since = steady_since - 60, beat_at = beat_at - 10")
        eventually(lambda: sql(url, "SELECT attempt FROM videos WHERE completed_at IS NULL") == [(2,)], 30)
        (tmp_path / "go").touch()
        assert ended(http, held)["status"] == "completed"
        for process in (server, *workers):
            assert "Traceback" not in process.log_text()


def test_one_connection_to_postgres_itself_brings_the_notices_back(urls: tuple[str, str], data_dir: Path) -> None:
    pooler, url = urls
    settings = {"DATABASE_URL": pooler, "DATABASE_LISTEN_URL": url}
    with ServerProcess(data_dir, "direct", **settings) as server:
        eventually(lambda: sql(url, "SELECT count(*) FROM workers WHERE session IS NOT NULL") == [(1,)])
        assert "notices of Postgres" not in server.log_text()
