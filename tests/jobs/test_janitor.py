"""The janitor: what has had its time goes, what is in use stays."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.api.asks import picture
from tests.api.videos import Gate, Video, create, look, made
from tests.databases import Settings, run_sql
from tests.servers import ServerProcess, eventually


@pytest.fixture(scope="module")
def tidy(tmp_path_factory: pytest.TempPathFactory, shared_database: Settings) -> Iterator[ServerProcess]:
    """A server that sweeps all the time and has room for no video at all."""
    settings = {"REELWRIGHT_SWEEP_S": "0.1", "REELWRIGHT_KEEP_GB": "0.000005", **shared_database}
    server = ServerProcess(tmp_path_factory.mktemp("tidy") / "data", **settings).start()
    yield server
    assert server.stop() == 0


@pytest.fixture
def client(tidy: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=tidy.url, timeout=30) as client:
        yield client


def gone(http: httpx2.Client, video: Video) -> bool:
    return http.get(f"/v1/videos/{video['id']}").status_code == 404


def files_of(server: ServerProcess, video: Video) -> list[Path]:
    return list((server.data_dir / "videos").glob(f"{video['id']}*"))


def sweep(server: ServerProcess) -> None:
    """Waits until a whole round has passed: an orphan that is old enough is gone after it."""
    marker = server.data_dir / "videos" / "video_marker.mp4"
    for _ in range(2):
        marker.touch()
        os.utime(marker, (0, 0))
        eventually(lambda: not marker.exists())


def test_what_has_expired_goes(tidy: ServerProcess, client: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        old, running = made(client), create(client, gate.prompt)
        eventually(lambda: look(client, running)["status"] == "in_progress")
        for video in (old, running):
            run_sql(tidy, "UPDATE videos SET expires_at = 0 WHERE id = ?", video["id"])
        eventually(lambda: gone(client, old))
        assert files_of(tidy, old) == []
        # What is being made has not had its time, whatever its row says.
        assert look(client, running)["status"] == "in_progress"
    eventually(lambda: gone(client, running))


def test_over_the_budget_the_least_recently_used_goes_first(tidy: ServerProcess, client: httpx2.Client) -> None:
    videos = [made(client, f"paint {number}", num_frames=24) for number in range(4)]
    sweep(tidy)
    # Above the budget, but all of them are fresh.
    assert not any(gone(client, video) for video in videos)
    read_lately, *others = videos
    client.get(f"/v1/videos/{read_lately['id']}/content").raise_for_status()
    hours_ago = [time.time() - hours * 3600 for hours in (9, 1, 3, 2)]
    for video, moment in zip(videos, hours_ago, strict=True):
        run_sql(tidy, "UPDATE videos SET completed_at = ? WHERE id = ?", moment, video["id"])
    eventually(lambda: all(gone(client, video) for video in others))
    assert not gone(client, read_lately)


def test_no_more_goes_than_the_budget_asks_for(tmp_path: Path, database: Settings) -> None:
    server = ServerProcess(tmp_path / "data", **database).start()
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        videos = [made(client, f"paint {number}", num_frames=24) for number in range(3)]
    sizes = [sum(path.stat().st_size for path in files_of(server, video)) for video in videos]
    for video, hours in zip(videos, (1, 3, 2), strict=True):
        run_sql(server, "UPDATE videos SET completed_at = ? WHERE id = ?", time.time() - hours * 3600, video["id"])
    assert server.stop() == 0
    budget = sum(sizes) - 1
    server = ServerProcess(
        server.data_dir, REELWRIGHT_SWEEP_S="0.1", REELWRIGHT_KEEP_GB=f"{budget / 1e9:.9f}", **database
    ).start()
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        eventually(lambda: gone(client, videos[1]))  # the least recently used one
        sweep(server)
        assert not gone(client, videos[0])
        assert not gone(client, videos[2])
    assert server.stop() == 0


ANOTHER = """
CREATE FUNCTION another() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN DELETE FROM videos WHERE id <> OLD.id; RETURN NULL; END'
"""
"""With each video that is deleted, another process deletes all others."""


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_sweep_goes_on_when_another_process_deletes_what_it_is_about_to(tmp_path: Path, database: Settings) -> None:
    server = ServerProcess(tmp_path / "data", REELWRIGHT_SWEEP_S="0.1", **database).start()
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        videos = [made(client, f"paint {number}") for number in range(3)]
        run_sql(server, ANOTHER)
        run_sql(
            server,
            "CREATE TRIGGER another AFTER DELETE ON videos FOR EACH ROW WHEN (pg_trigger_depth() = 0)"
            " EXECUTE FUNCTION another()",
        )
        run_sql(server, "UPDATE videos SET expires_at = 0")
        eventually(lambda: all(gone(client, video) for video in videos))
        sweep(server)
    assert server.stop() == 0
    assert "round failed" not in server.log_text()


def test_orphans_go_and_the_young_stay(tidy: ServerProcess, client: httpx2.Client) -> None:
    videos, images = tidy.data_dir / "videos", tidy.data_dir / "images"
    body = {"prompt": "paint", "model": "toy", "size": "64x64", "num_frames": "4"}
    image = {"input_reference": ("fox.png", picture(width=72))}
    kept = client.post("/v1/videos", data=body, files=image).json()
    eventually(lambda: look(client, kept)["status"] == "completed")
    [in_use] = images.iterdir()
    old = [videos / "video_0.mp4", videos / "video_0.mp4.abc.part", images / "0123abc", in_use]
    young = [videos / "video_1.mp4", images / "4567def"]
    for path in (*old, *young):
        path.touch()
    for path in old:
        os.utime(path, (0, 0))
    eventually(lambda: not any(path.exists() for path in old[:3]))
    assert in_use.exists()
    assert all(path.exists() for path in young)
    client.delete(f"/v1/videos/{kept['id']}")
    eventually(lambda: not in_use.exists())
    for path in young:
        path.unlink()
