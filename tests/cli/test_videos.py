"""`ls`, `show`, `download`, `cancel`, `rm` and `models`, as processes over real HTTP."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from reelwright.client import Client
from tests.cli.command import run
from tests.fakes.video_server import MP4, FakeVideoServer
from tests.servers import ServerProcess


@pytest.fixture
def video_ids(fake: FakeVideoServer) -> list[str]:
    """A completed, a queued and a failed video, the oldest first."""
    ids = [fake.create({"prompt": f"sea\n{number}"}).body["id"] for number in range(3)]
    fake.complete(ids[0])
    fake.fail(ids[2], "engine_failed", "It broke.")
    return ids


def test_ls_lists_the_newest_first(fake: FakeVideoServer, video_ids: list[str], tmp_path: Path) -> None:
    result = run("ls", "--server", fake.url, cwd=tmp_path)
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [(row[0], row[1], row[4]) for row in rows] == [
        (video_ids[2], "failed", "sea 2"),
        (video_ids[1], "queued, place 1", "sea 1"),
        (video_ids[0], "completed", "sea 0"),
    ]
    found = json.loads(run("ls", "--json", "--status", "completed", "--server", fake.url, cwd=tmp_path).stdout)
    assert [video["id"] for video in found] == [video_ids[0]]
    assert len(run("ls", "-n", "2", "--server", fake.url, cwd=tmp_path).stdout.splitlines()) == 2


def test_ls_searches(server: ServerProcess, tmp_path: Path) -> None:
    with Client(server.url) as client:
        for prompt in ("A heron at noon", "A heron at night", "A hare"):
            client.generate(prompt, size="64x64", num_frames=2)

    def found(*options: str) -> list[str]:
        result = run("ls", "--json", *options, "--server", server.url, cwd=tmp_path)
        return [video["prompt"] for video in json.loads(result.stdout)]

    assert found("--query", "heron") == ["A heron at night", "A heron at noon"]
    assert found("--query", "HERON noon", "--model", "sketch") == ["A heron at noon"]
    assert found("--query", "heron", "--model", "svd") == []


def test_ls_pages_through_long_lists(fake: FakeVideoServer, tmp_path: Path) -> None:
    for number in range(130):
        fake.create({"prompt": f"sea {number}"})
    result = run("ls", "--limit", "120", "--server", fake.url, cwd=tmp_path)
    assert len(set(result.stdout.splitlines())) == 120


def test_show_tells_everything(fake: FakeVideoServer, video_ids: list[str], tmp_path: Path) -> None:
    result = run("show", video_ids[2], "--server", fake.url, cwd=tmp_path)
    assert result.returncode == 0
    assert "It broke." in result.stdout
    assert json.loads(run("show", video_ids[2], "--json", "--server", fake.url, cwd=tmp_path).stdout)["seed"] == 7


def test_download_saves_the_file(fake: FakeVideoServer, video_ids: list[str], tmp_path: Path) -> None:
    result = run("download", video_ids[0], "--server", fake.url, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, f"{video_ids[0].lower().replace('_', '-')}.mp4\n")
    assert (tmp_path / result.stdout.strip()).read_bytes() == MP4


def test_download_waits_for_a_video_under_way(fake: FakeVideoServer, video_ids: list[str], tmp_path: Path) -> None:
    def play() -> None:
        fake.until(lambda: any(path.endswith("/events") for _, path, _ in fake.seen), 90)
        fake.complete(video_ids[1])

    thread = threading.Thread(target=play)
    thread.start()
    assert run("download", video_ids[1], "-o", "a.mp4", "--server", fake.url, cwd=tmp_path).returncode == 0
    thread.join()
    assert (tmp_path / "a.mp4").read_bytes() == MP4


def test_download_of_a_failed_video_exits_1(fake: FakeVideoServer, video_ids: list[str], tmp_path: Path) -> None:
    result = run("download", video_ids[2], "--server", fake.url, cwd=tmp_path)
    assert (result.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "It broke. [engine_failed" in result.stderr


def test_cancel_and_rm(fake: FakeVideoServer, video_ids: list[str], tmp_path: Path) -> None:
    result = run("cancel", video_ids[1], "--server", fake.url, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, f"{video_ids[1]}\tfailed, cancelled\n")
    assert run("rm", *video_ids[:2], "--server", fake.url, cwd=tmp_path).returncode == 0
    assert list(fake.jobs) == [video_ids[2]]


def test_a_program_gets_json_from_download_cancel_and_rm(
    fake: FakeVideoServer, video_ids: list[str], tmp_path: Path
) -> None:
    def objects(*arguments: str) -> list[dict[str, object]]:
        result = run(*arguments, "--json", "--server", fake.url, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    (saved,) = objects("download", video_ids[0], "-o", "a.mp4")
    assert (saved["id"], saved["path"]) == (video_ids[0], "a.mp4")
    cancelled = objects("cancel", *video_ids[:2])
    assert [one["status"] for one in cancelled] == ["completed", "failed"]
    assert objects("rm", video_ids[0]) == [{"id": video_ids[0], "deleted": True}]


@pytest.mark.parametrize("command", ["show", "download", "cancel", "rm"])
def test_an_unknown_id_exits_2(fake: FakeVideoServer, tmp_path: Path, command: str) -> None:
    result = run(command, "video_x", "--server", fake.url, cwd=tmp_path)
    assert result.returncode == 2
    assert "There is no video with this id" in result.stderr


def test_no_server_exits_2_and_says_how_to_start_one(tmp_path: Path) -> None:
    result = run("ls", "--server", "http://127.0.0.1:1", cwd=tmp_path)
    assert result.returncode == 2
    assert "reelwright serve" in result.stderr


def test_models(fake: FakeVideoServer, tmp_path: Path) -> None:
    assert run("models", "--server", fake.url, cwd=tmp_path).stdout.split("\t")[0] == "sketch"
    assert json.loads(run("models", "--json", "--server", fake.url, cwd=tmp_path).stdout)[0]["engine"] == "sketch"
