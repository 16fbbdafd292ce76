"""`reelwright bench`, as a process: against the real server, and against one whose jobs do what the test says."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.cli.load import spread
from tests.cli.command import run, run_in_terminal, start
from tests.fakes.video_server import FakeVideoServer
from tests.servers import ServerProcess

TOY = ("--engine", "toy", "--size", "64x64", "--frames", "4")


def figures(stdout: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stdout)
    return found


def plays(fake: FakeVideoServer, *failing: int) -> None:
    """Ends the fake's jobs as they come, those with these numbers badly."""

    def play() -> None:
        while not fake.stopped:
            with fake.changed:
                fake.changed.wait_for(lambda: fake.stopped or open_jobs(fake), 1)
            for video_id in open_jobs(fake):
                if int(video_id.removeprefix("video_")) in failing:
                    fake.fail(video_id, "engine_failed", "It broke.")
                else:
                    fake.complete(video_id)

    threading.Thread(target=play, daemon=True).start()


def open_jobs(fake: FakeVideoServer) -> list[str]:
    return [video_id for video_id, job in list(fake.jobs.items()) if not job.finished]


def test_a_real_server_is_measured_and_left_as_it_was(server: ServerProcess, tmp_path: Path) -> None:
    def videos() -> list[str]:
        return [video["id"] for video in httpx2.get(f"{server.url}/v1/videos?limit=100").json()["data"]]

    before = videos()
    result = run("bench", "paint", "-n", "6", "-c", "2", *TOY, "--server", server.url, "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = figures(result.stdout)
    assert (found["requests"], found["concurrency"], found["completed"], found["failed"]) == (6, 2, 6, {})
    assert (found["engine"], found["model"], found["size"], found["num_frames"]) == ("toy", "toy", "64x64", 4)
    for name in ("latency_s", "wait_s", "render_s", "finish_s"):
        one = found[name]
        assert 0 <= one["min"] <= one["p50"] <= one["p95"] <= one["p99"] <= one["max"]
        assert one["min"] <= one["mean"] <= one["max"]
    assert found["render_s"]["mean"] + found["finish_s"]["mean"] <= found["latency_s"]["mean"]
    assert found["videos_per_second"] == pytest.approx(6 / found["seconds"], rel=0.01)
    assert found["frames_per_second"] == pytest.approx(24 / found["seconds"], rel=0.01)
    assert found["first_s"] > 0
    assert result.stderr.splitlines() == [f"{number} of 6 videos" for number in range(1, 7)]
    assert videos() == before


def test_the_figures_are_a_table_and_a_sentence(server: ServerProcess, tmp_path: Path) -> None:
    result = run("bench", "paint", "-n", "2", "-q", *TOY, "--server", server.url, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    *rows, sentence = result.stdout.splitlines()
    assert [row.split("\t")[0] for row in rows] == ["latency", "waiting", "rendering", "finishing"]
    assert all(float(cell) >= 0 for row in rows for cell in row.split("\t")[1:])
    assert sentence.startswith("2 videos (64x64, 4 frames, toy), 1 at a time, in ")
    assert "videos/s" in sentence


def test_so_many_at_a_time_and_no_more(fake: FakeVideoServer, tmp_path: Path) -> None:
    most: list[int] = []

    def play() -> None:
        fake.until(lambda: open_jobs(fake), 90)
        fake.complete(open_jobs(fake)[0])
        for _ in range(7):  # each time one is ended the next one comes, until all nine have come
            fake.until(lambda: len(open_jobs(fake)) == 3, 90)
            most.append(len(open_jobs(fake)))
            fake.complete(open_jobs(fake)[0])
        plays(fake)

    thread = threading.Thread(target=play)
    thread.start()
    result = run("bench", "-n", "9", "-c", "3", "--server", fake.url, "--json", "--keep", cwd=tmp_path)
    thread.join()
    assert result.returncode == 0, result.stderr
    assert most == [3] * 7
    assert len(fake.created) == 10, "nine, and the first one"
    assert {frozenset(draft) for draft in fake.created} == {frozenset({"prompt"})}, "no seed: each is made afresh"
    assert len(fake.jobs) == 10, "kept"


def test_failures_are_counted_by_their_code_and_exit_1(fake: FakeVideoServer, tmp_path: Path) -> None:
    plays(fake, 2, 4)
    result = run("bench", "-n", "5", "--server", fake.url, "--json", "-q", cwd=tmp_path)
    assert result.returncode == 1
    found = figures(result.stdout)
    assert (found["completed"], found["failed"]) == (3, {"engine_failed": 2})
    assert "2 of 5 videos failed: engine_failed × 2." in result.stderr
    assert list(fake.jobs) == [], "the failed ones are removed too"


def test_when_the_first_one_fails_nothing_is_measured(server: ServerProcess, tmp_path: Path) -> None:
    result = run("bench", "fail upstream_loading", "-n", "5", *TOY, "--server", server.url, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert "It went wrong [upstream_loading" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--server", "http://127.0.0.1:1"], "reelwright serve"),
        (["--server", "ftp://x"], "Invalid server"),
        (["-n", "0"], "-n"),
        (["--engine", "nonsense"], "'nonsense' is not an engine"),
    ],
)
def test_wrong_usage_exits_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = run("bench", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_what_a_server_refuses_exits_2(server: ServerProcess, tmp_path: Path) -> None:
    result = run("bench", "paint", "--engine", "toy", "--size", "7x7", "--server", server.url, cwd=tmp_path)
    assert result.returncode == 2
    assert "multiple of 8" in result.stderr


def test_a_terminal_shows_how_many_are_done(fake: FakeVideoServer, tmp_path: Path) -> None:
    plays(fake)
    done = run_in_terminal("bench", "-n", "4", "--server", fake.url, cwd=tmp_path)
    assert done.returncode == 0, done.screen
    for shown in ("videos", "━", "4/4"):
        assert shown in done.screen


@pytest.mark.parametrize("keep", [False, True])
def test_ctrl_c_typed_in_a_terminal_leaves_no_job(fake: FakeVideoServer, tmp_path: Path, keep: bool) -> None:
    def interrupt(screen: str) -> str | None:
        if len(fake.jobs) == 1:
            for video_id in open_jobs(fake):
                fake.complete(video_id)
        return "\x03" if "0/5" in screen and len(open_jobs(fake)) == 3 else None

    arguments = ["bench", "-n", "5", "-c", "3", "--server", fake.url, *(["--keep"] if keep else [])]
    done = run_in_terminal(*arguments, cwd=tmp_path, on_screen=interrupt)
    assert (done.returncode, done.stdout) == (130, ""), done.screen
    assert open_jobs(fake) == []
    states = [job.body["error"]["code"] for job in fake.jobs.values() if job.body["error"]]
    assert states == (["cancelled"] * 3 if keep else [])


def test_sigterm_leaves_no_job(fake: FakeVideoServer, tmp_path: Path) -> None:
    with start("bench", "-n", "5", "--server", fake.url, "-q", cwd=tmp_path) as process:
        fake.until(lambda: any(path.endswith("/events") for _, path, _ in fake.seen), 90)
        process.terminate()
        process.communicate(timeout=120)
    assert process.returncode == 130
    assert list(fake.jobs) == []


def test_without_a_server_one_of_its_own_is_measured(tmp_path: Path) -> None:
    result = run("bench", "-n", "1", "--engine", "sketch", "--size", "64x64", "--frames", "2", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert figures(result.stdout)["engine"] == "sketch"
    assert list(tmp_path.iterdir()) == []


def test_percentiles_are_values_that_were_measured() -> None:
    assert spread([]) is None
    assert spread([3.0]) == {"mean": 3.0, "min": 3.0, "p50": 3.0, "p95": 3.0, "p99": 3.0, "max": 3.0}
    hundred = spread([float(number) for number in range(100, 0, -1)])
    assert hundred == {"mean": 50.5, "min": 1.0, "p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
