"""The numbered steps, on SQLite and on Postgres: from nothing, from the first release, and not from the future."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from reelwright.errors import ConfigurationError
from reelwright.store.database import open_database
from reelwright.store.migrations import STEPS, migrate
from reelwright.store.store import tables
from tests.databases import ON_BOTH, Settings, fresh_database, run_sql
from tests.jobs.test_durability import refused
from tests.servers import ServerProcess, eventually

BEFORE = (Path(__file__).parent / "before_migrations.sql").read_text()
"""A database of the last release without numbered steps: a job that runs, one that waits, one that has failed."""
RUNNING, WAITING, FAILED = (
    f"video_{ulid}"
    for ulid in ("01M8JCXRSTHHEV22JJE9811TWN", "01M8JCXVWZX4CTMFYKGVHZS4XQ", "01M8JCXX4WWASZ2F2T0RTKB4HB")
)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """An empty one."""
    with fresh_database(request, getattr(request, "param", "sqlite"), empty=True) as settings:
        yield settings


@pytest.fixture
def engine(database: Settings, tmp_path: Path) -> Iterator[sa.Engine]:
    (tmp_path / "data").mkdir()
    opened = open_database(database.get("DATABASE_URL"), tmp_path / "data")
    yield opened
    opened.dispose()


def fill(engine: sa.Engine) -> None:
    """Make it a database of the first release."""
    with engine.begin() as connection:
        for statement in BEFORE.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)


def columns(engine: sa.Engine) -> dict[str, set[str]]:
    found = sa.inspect(engine)
    return {name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()}


def indexes(engine: sa.Engine) -> set[str | None]:
    found = sa.inspect(engine)
    return {index["name"] for name in found.get_table_names() for index in found.get_indexes(name)}


@ON_BOTH
def test_the_steps_make_what_the_statements_know(engine: sa.Engine) -> None:
    schema = migrate(engine, tables)
    made = columns(engine)
    for table in tables.sorted_tables:
        assert made[table.name] == {column.name for column in table.columns}
        assert {index.name for index in table.indexes} <= indexes(engine)
    again = migrate(engine, tables)
    assert again.id == schema.id
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version FROM schema").scalars().all() == [len(STEPS)]


@ON_BOTH
def test_the_first_release_s_tables_become_the_same(engine: sa.Engine, tmp_path: Path) -> None:
    fill(engine)
    assert migrate(engine, tables).id
    (tmp_path / "new").mkdir()
    new = open_database(None, tmp_path / "new")
    migrate(new, tables)
    assert columns(engine) == columns(new)
    assert indexes(engine) - {None} >= indexes(new) - {None}
    new.dispose()


@ON_BOTH
@pytest.mark.parametrize("old", [False, True])
def test_of_five_processes_one_migrates(database: Settings, engine: sa.Engine, tmp_path: Path, old: bool) -> None:
    if old:
        fill(engine)
    program = (
        "import sys; from pathlib import Path; from reelwright.store.database import open_database, tables; "
        "from reelwright.store.migrations import migrate; "
        "print(migrate(open_database(sys.argv[1] or None, Path(sys.argv[2])), tables).id)"
    )
    command = [sys.executable, "-c", program, database.get("DATABASE_URL", ""), str(tmp_path / "data")]

    def run(_: int) -> str:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    with ThreadPoolExecutor(5) as pool:
        assert len(set(pool.map(run, range(5)))) == 1
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM schema").scalar_one() == 1


@ON_BOTH
def test_a_database_of_another_program_is_not_touched(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE videos (title TEXT)")
    before = columns(engine)
    with pytest.raises(ConfigurationError, match="another program's"):
        migrate(engine, tables)
    assert columns(engine) == before


def test_a_column_that_somebody_dropped_is_named(engine: sa.Engine) -> None:
    migrate(engine, tables)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE videos DROP COLUMN remixed_from")
    with pytest.raises(ConfigurationError, match="its table videos lacks remixed_from"):
        migrate(engine, tables)


@ON_BOTH
def test_a_failing_step_leaves_nothing(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE deliveries (id TEXT)")
    before = columns(engine)
    with pytest.raises(ConfigurationError, match=r"step 1\): it seems to be another program's"):
        migrate(engine, tables)
    assert columns(engine) == before


@ON_BOTH
def test_a_newer_release_may_say_that_this_program_is_too_old(
    database: Settings, engine: sa.Engine, tmp_path: Path
) -> None:
    migrate(engine, tables)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE schema SET version = {len(STEPS) + 3}, oldest = {len(STEPS)}")
    assert migrate(engine, tables).id  # newer, but this program may still work on it
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE schema SET oldest = {len(STEPS) + 1}")
    told = refused(REELWRIGHT_DATA_DIR=str(tmp_path / "data"), PORT="0", **database)
    assert told.returncode == 2
    assert told.stderr.startswith("The database was made by a newer Reelwright")
    assert len(told.stderr.strip().splitlines()) == 1


@ON_BOTH
def test_the_unfinished_jobs_of_the_first_release_are_made(
    database: Settings, engine: sa.Engine, tmp_path: Path
) -> None:
    fill(engine)
    server = ServerProcess(tmp_path / "data", **database).start()
    try:
        with httpx2.Client(base_url=server.url, timeout=60) as http:

            def look(video_id: str) -> dict[str, Any]:
                return dict(http.get(f"/v1/videos/{video_id}").raise_for_status().json())

            for video_id in (RUNNING, WAITING):
                eventually(lambda video_id=video_id: look(video_id)["status"] == "completed")
                assert http.get(f"/v1/videos/{video_id}/content").content[4:8] == b"ftyp"
            assert look(RUNNING)["metadata"] == {"film": "one"}
            assert look(FAILED)["error"]["code"] == "refused"
        assert run_sql(server, "SELECT attempt FROM videos WHERE id = ?", RUNNING) == [(2,)]
        assert server.stop() == 0
    finally:
        if server.process and server.process.poll() is None:
            server.kill()


# --- the files and their database -------------------------------------------------------------------------------------


def a_directory_with_a_video(folder: Path) -> tuple[ServerProcess, Path]:
    """A stopped server, and the file that it has made."""
    server = ServerProcess(folder / "data", REELWRIGHT_SWEEP_S="0.1").start()
    body = {"prompt": "paint", "engine": "toy", "width": 64, "height": 64, "num_frames": 4}
    video_id = httpx2.post(f"{server.url}/api/video/generate", json=body, timeout=60).headers["X-Video-Id"]
    assert server.stop() == 0
    return server, folder / "data" / "videos" / f"{video_id}-1.mp4"


def test_a_start_with_another_database_removes_no_file(tmp_path: Path, postgres: str) -> None:
    server, file = a_directory_with_a_video(tmp_path)
    told = refused(REELWRIGHT_DATA_DIR=str(server.data_dir), PORT="0", DATABASE_URL=postgres)
    assert told.returncode == 2
    assert told.stderr.startswith(f"The files in the folder {server.data_dir} belong to another database than ")
    assert "Nothing was removed." in told.stderr
    assert file.exists()
    server.start()
    assert httpx2.get(f"{server.url}/v1/videos/{file.stem.removesuffix('-1')}/content").status_code == 200
    assert server.stop() == 0


def test_a_start_with_an_empty_database_removes_no_file(tmp_path: Path) -> None:
    server, file = a_directory_with_a_video(tmp_path)
    for name in ("database-id", "reelwright.db"):  # with and without a directory that knows its database
        (server.data_dir / name).unlink()
        if name == "database-id":
            server.start()  # as a directory of the first release: it gets one
            assert server.stop() == 0
            assert (server.data_dir / name).exists()
    for known in (True, False):
        if not known:
            (server.data_dir / "database-id").unlink()
            (server.data_dir / "reelwright.db").unlink()
        for _ in range(2):  # whoever restarts it by itself does not wear it down
            told = refused(REELWRIGHT_DATA_DIR=str(server.data_dir), PORT="0")
            assert told.returncode == 2
            assert "belong to another database" in told.stderr
            assert file.exists()


@pytest.mark.parametrize("damage", ["garbage", "cut", "overwritten"])
def test_a_damaged_database_is_told_in_a_sentence(tmp_path: Path, damage: str) -> None:
    server, file = a_directory_with_a_video(tmp_path)
    database = server.data_dir / "reelwright.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = database.read_bytes()
    match damage:
        case "garbage":
            database.write_bytes(b"this was a database once. " * 400)
        case "cut":
            database.write_bytes(whole[: len(whole) // 2])
        case "overwritten":
            database.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    told = refused(REELWRIGHT_DATA_DIR=str(server.data_dir), PORT="0")
    assert told.returncode == 2
    assert told.stderr.startswith(f"The database {database} is damaged. Restore a backup")
    assert len(told.stderr.strip().splitlines()) == 1
    assert file.exists()
