"""`batch`, as a process: a video of each line, gone on with when it is run again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import run, start
from tests.servers import ServerProcess, eventually

SMALL = ("--size", "64x64", "--frames", "4", "--fps", "4")


def batch(server: ServerProcess, folder: Path, *arguments: str):  # type: ignore[no-untyped-def]
    return run("batch", *arguments, "--server", server.url, cwd=folder)


def test_each_line_becomes_a_video_and_is_not_made_twice(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("A fox in the snow\n\n# a remark\nSunset, at sea\n")
    first = batch(server, tmp_path, "prompts.txt", *SMALL)
    assert first.returncode == 0, first.stderr
    assert sorted(first.stdout.split()) == ["prompts/001-a-fox-in-the-snow.mp4", "prompts/002-sunset-at-sea.mp4"]
    assert "2/2" in first.stderr

    (tmp_path / "prompts" / "001-a-fox-in-the-snow.mp4").unlink()
    again = batch(server, tmp_path, "prompts.txt", *SMALL, "--json")
    assert "1 of 2 are in prompts already" in again.stderr
    video = json.loads(again.stdout)
    assert (video["prompt"], video["path"]) == ("A fox in the snow", "prompts/001-a-fox-in-the-snow.mp4")
    assert (tmp_path / video["path"]).read_bytes()[4:8] == b"ftyp"
    assert batch(server, tmp_path, "prompts.txt", *SMALL).stdout == ""


def test_lines_of_json_have_fields_and_names_of_their_own(server: ServerProcess, tmp_path: Path) -> None:
    lines = [{"prompt": "A fox", "seed": 7, "output": "fox.mp4", "size": "128x64"}, {"prompt": "Too quick", "fps": 500}]
    (tmp_path / "shots.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    done = batch(server, tmp_path, "shots.jsonl", "-o", "films", *SMALL, "--json")
    assert done.returncode == 1
    video = json.loads(done.stdout)
    assert (video["seed"], video["size"], video["num_frames"]) == (7, "128x64", 4)
    assert "002-too-quick.mp4  refused: Invalid fps: 500" in done.stderr
    assert "1 of 2 failed" in done.stderr
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["fox.mp4"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "# nothing\n", "a.txt holds no prompt"),
        ("a.jsonl", "{}\n", 'a.jsonl, line 1: give an object with a "prompt"'),
        ("a.jsonl", '{"prompt": "x", "output": "../y.mp4"}', "line 1: output '../y.mp4' is not the name"),
        ("a.jsonl", '{"prompt": "x", "output": "y.mp4"}\n' * 2, "line 2: line 1 has the output 'y.mp4' already"),
        ("a.jsonl", "nonsense", "line 1: no JSON"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text)
    result = run("batch", name, "--server", "http://127.0.0.1:9", cwd=tmp_path)
    assert (result.returncode, told in result.stderr) == (2, True), result.stderr


def test_an_interrupted_batch_cancels_its_jobs_and_makes_them_when_it_is_run_again(
    server: ServerProcess, tmp_path: Path
) -> None:
    (tmp_path / "slow.txt").write_text("A long walk along the sea\n")
    arguments = ("batch", "slow.txt", "--server", server.url, "--size", "512x512", "--frames", "600", "--fps", "60")
    under_way = start(*arguments, cwd=tmp_path)
    with under_way:
        found = eventually(lambda: _working(server))
        under_way.terminate()
        under_way.wait(120)
    eventually(lambda: _status(server, found) == "failed")
    done = run("batch", "slow.txt", "--server", server.url, *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def _working(server: ServerProcess) -> str | None:
    import httpx2

    listed = httpx2.get(f"{server.url}/v1/videos", params={"status": "in_progress"}).json()["data"]
    return next((str(video["id"]) for video in listed if video["prompt"] == "A long walk along the sea"), None)


def _status(server: ServerProcess, video_id: str) -> str:
    import httpx2

    return str(httpx2.get(f"{server.url}/v1/videos/{video_id}").json()["status"])
