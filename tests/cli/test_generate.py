"""`reelwright generate --server`, as a process, against a server whose jobs do what the test says."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import run, run_in_terminal, start
from tests.fakes.video_server import MP4, FakeVideoServer


def job(fake: FakeVideoServer, script: Callable[[str], None]) -> None:
    """Runs `script(video_id)` in a thread once the first video is created and followed."""

    def play() -> None:
        fake.until(lambda: fake.jobs, 90)
        fake.until(lambda: any(path.endswith("/events") for _, path, _ in fake.seen), 90)
        script(next(iter(fake.jobs)))

    threading.Thread(target=play, daemon=True).start()


def completes(fake: FakeVideoServer) -> None:
    def script(video_id: str) -> None:
        for progress in (25, 75):
            fake.advance(video_id, progress)
        fake.complete(video_id)

    job(fake, script)


def test_the_video_goes_to_the_file_and_its_path_to_stdout(fake: FakeVideoServer, tmp_path: Path) -> None:
    completes(fake)
    options = ["--size", "640x384", "--frames", "48", "--fps", "24", "--seed", "9", "--negative-prompt", "fog"]
    options += ["--steps", "5", "--guidance", "3.5", "--motion", "90", "--noise", "0.1", "--engine", "sketch"]
    result = run("generate", "a sea", "-o", "out.mp4", "--server", fake.url, *options, "--model", "m", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "out.mp4\n"), result.stderr
    assert (tmp_path / "out.mp4").read_bytes() == MP4
    assert fake.created == [
        {
            "prompt": "a sea",
            "size": "640x384",
            "num_frames": 48,
            "fps": 24,
            "seed": 9,
            "negative_prompt": "fog",
            "num_inference_steps": 5,
            "guidance_scale": 3.5,
            "motion_bucket_id": 90,
            "noise_aug_strength": 0.1,
            "engine": "sketch",
            "model": "m",
        }
    ]
    lines = result.stderr.splitlines()
    assert [line.partition(": ")[2] for line in lines[:-1]] == [
        "queued, place 1",
        "in_progress, 25 % rendered",
        "in_progress, 75 % rendered",
        "completed",
    ]
    assert lines[-1].startswith("Saved out.mp4: 640×384, 48 frames at 24 a second, seed 9")
    assert "\x1b" not in result.stderr


def test_json_prints_the_video_object_and_stdin_gives_the_prompt(fake: FakeVideoServer, tmp_path: Path) -> None:
    completes(fake)
    result = run("generate", "-", "--json", "-q", cwd=tmp_path, stdin="Fog over\na lake\n", REELWRIGHT_SERVER=fake.url)
    assert (result.returncode, result.stderr) == (0, "")
    video = json.loads(result.stdout)
    assert (video["object"], video["status"], video["prompt"]) == ("video", "completed", "Fog over\na lake")
    assert video["path"] == "fog-over-a-lake.mp4"
    assert (tmp_path / video["path"]).read_bytes() == MP4


def test_an_existing_file_is_never_replaced_unasked(fake: FakeVideoServer, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("mine")
    result = run("generate", "a sea", "-o", "out.mp4", "--server", fake.url, cwd=tmp_path)
    assert result.returncode == 2
    assert "out.mp4 exists. Add --force to replace it" in result.stderr
    assert (tmp_path / "out.mp4").read_text() == "mine"
    assert fake.created == [], "nothing was asked for"
    completes(fake)
    assert run("generate", "a sea", "-o", "out.mp4", "--force", "--server", fake.url, cwd=tmp_path).returncode == 0
    assert (tmp_path / "out.mp4").read_bytes() == MP4


def test_a_failed_job_exits_1_and_leaves_no_file(fake: FakeVideoServer, tmp_path: Path) -> None:
    job(fake, lambda video_id: fake.fail(video_id, "out_of_memory", "The engine ran out of memory."))
    result = run("generate", "a sea", "--json", "--server", fake.url, cwd=tmp_path)
    assert result.returncode == 1
    assert "The engine ran out of memory. [out_of_memory" in result.stderr
    assert json.loads(result.stdout)["error"]["code"] == "out_of_memory"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["a sea", "--fps", "99"], 2, "Invalid fps: 99. Allowed: 1 to 60."),
        (["busy"], 2, "The queue is full. Try again in 3 s."),
        (["broken"], 1, "Internal server error [request req-1]"),
        (["  "], 2, "The prompt is empty."),
        (["a sea", "--image", "nowhere.png"], 2, "Cannot read the image nowhere.png: No such file"),
        (["a sea", "-o", "nowhere/out.mp4"], 2, "There is no folder nowhere"),
        (["a sea", "-o", "out.mov"], 2, "out.mov does not end in .mp4, .webm, .gif, .webp, .jpg"),
        (["a sea", "--frames", "many"], 2, "'many' is not a valid integer"),
        (["a sea", "--data-dir", "x"], 2, "--data-dir is for a server of its own"),
    ],
)
def test_what_cannot_be_done_says_why(
    fake: FakeVideoServer, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    result = run("generate", *arguments, "--server", fake.url, cwd=tmp_path)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "localhost:3001"])
def test_a_server_that_is_not_there_exits_2(tmp_path: Path, server: str) -> None:
    result = run("generate", "a sea", "--server", server, cwd=tmp_path)
    assert result.returncode == 2
    assert server in result.stderr


def test_a_missing_key_exits_2_and_names_the_remedy(fake: FakeVideoServer, tmp_path: Path) -> None:
    fake.key = "right"
    result = run("generate", "a sea", "--server", fake.url, cwd=tmp_path)
    assert result.returncode == 2
    assert "set REELWRIGHT_API_KEY" in result.stderr
    completes(fake)
    assert run("generate", "a sea", "--server", fake.url, cwd=tmp_path, REELWRIGHT_API_KEY="right").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_cancels_the_job(fake: FakeVideoServer, tmp_path: Path, number: signal.Signals) -> None:
    with start("generate", "a sea", "--server", fake.url, cwd=tmp_path) as process:
        fake.until(lambda: any(path.endswith("/events") for _, path, _ in fake.seen), 90)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=120)
    (video,) = fake.jobs.values()
    assert video.body["error"]["code"] == "cancelled"
    assert (process.returncode, stdout) == (130, "")
    assert f"Cancelled {video.body['id']}" in stderr
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []


def test_detach_prints_the_id_and_leaves_the_job(fake: FakeVideoServer, tmp_path: Path) -> None:
    result = run("generate", "a sea", "--detach", "--server", fake.url, cwd=tmp_path)
    (video_id,) = fake.jobs
    assert (result.returncode, result.stdout) == (0, f"{video_id}\n")
    assert run("generate", "a sea", "--detach", cwd=tmp_path).returncode == 2


def test_a_terminal_shows_a_bar_with_stage_percent_and_times(fake: FakeVideoServer, tmp_path: Path) -> None:
    def play(screen: str) -> str | None:
        """The job moves on when its last step is seen."""
        for video_id, video in fake.jobs.items():
            if "queued, place 1" in screen and not video.events:
                fake.advance(video_id, 42)
            elif "42%" in screen and not video.finished:
                fake.complete(video_id)
        return None

    done = run_in_terminal("generate", "a sea", "-o", "o.mp4", "--server", fake.url, cwd=tmp_path, on_screen=play)
    assert (done.returncode, done.stdout) == (0, "o.mp4\n"), done.screen
    for shown in (
        "queued, place 1",
        "rendering",
        "42% rendered",
        "100%",
        "0:00:0",
        "left",
        "━",
        "completed",
        "\x1b[1m",
    ):
        assert shown in done.screen


def test_no_color_leaves_the_bar_without_colour(fake: FakeVideoServer, tmp_path: Path) -> None:
    completes(fake)
    done = run_in_terminal("generate", "a sea", "--server", fake.url, cwd=tmp_path, NO_COLOR="1")
    assert done.returncode == 0
    assert "━" in done.screen
    assert "\x1b[3" not in done.screen, "no SGR colour"


def test_ctrl_c_typed_in_a_terminal_cancels_the_job(fake: FakeVideoServer, tmp_path: Path) -> None:
    job(fake, lambda video_id: fake.advance(video_id, 42))
    done = run_in_terminal(
        "generate",
        "a sea",
        "--server",
        fake.url,
        cwd=tmp_path,
        on_screen=lambda screen: "\x03" if "42%" in screen else None,
    )
    assert done.returncode == 130
    assert "Cancelled video_" in done.screen
    assert [item.body["error"]["code"] for item in fake.jobs.values()] == ["cancelled"]
