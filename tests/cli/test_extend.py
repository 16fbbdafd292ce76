"""`extend`, `--last-image` and `--sound`, as processes against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import PIL.Image

from reelwright.media.probe import probe
from reelwright.media.sound import read_sound
from tests.cli.command import run
from tests.servers import ServerProcess

SMALL = ("--size", "64x64", "--frames", "6", "--fps", "6", "--quiet")


def test_a_video_ends_with_a_picture_and_goes_on(server: ServerProcess, tmp_path: Path) -> None:
    PIL.Image.new("RGB", (64, 64), (200, 120, 40)).save(tmp_path / "end.png")
    prompt = ("generate", "A calm sea", "--server", server.url, *SMALL)
    made = run(*prompt, "--last-image", "end.png", "--sound", "--json", "-o", "a.mp4", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    video = json.loads(made.stdout)
    assert (video["has_last_image"], video["generate_audio"]) == (True, True)
    assert read_sound(tmp_path / "a.mp4", 2) is not None

    longer = ("extend", video["id"], "It rains", "--server", server.url)
    result = run(*longer, "--frames", "4", "-o", "b.mp4", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "b.mp4\n"), result.stderr
    assert "10 frames at 6 a second" in result.stderr
    assert probe(tmp_path / "b.mp4").num_frames == 10
    detached = run(*longer, "--seconds", "1", "--detach", cwd=tmp_path)
    assert detached.stdout.startswith("video_")
    again = run(*longer, "-o", "b.mp4", cwd=tmp_path)
    assert (again.returncode, "--force" in again.stderr) == (2, True)


def test_what_cannot_go_on_exits_2(server: ServerProcess, tmp_path: Path) -> None:
    absent = run("extend", "video_1", "It rains", "--server", server.url, cwd=tmp_path)
    assert (absent.returncode, "no video with this id" in absent.stderr) == (2, True)
    nothing = run("extend", "video_1", "It rains", "--last-image", "none.png", "--server", server.url, cwd=tmp_path)
    assert (nothing.returncode, "Cannot read the image none.png" in nothing.stderr) == (2, True)
