"""`reelwright generate` with a server of its own, and `reelwright serve`: the real thing, end to end."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import av
import pytest

from tests.cli.command import run, run_in_terminal, start
from tests.servers import eventually

LONG = ("generate", "waves at dusk", "--engine", "sketch", "--frames", "600", "--size", "640x384")


def servers_below(folder: Path) -> list[int]:
    """The processes of this machine that were started with a data folder below `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.startswith(os.fsencode(folder)) for word in words):
            found.append(int(entry.parent.name))
    return found


def test_a_prompt_becomes_a_file_and_nothing_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    result = run(
        "generate", "snow on a pine forest", "-o", "out.mp4", "--engine", "sketch", "--frames", "5", "--fps", "10",
        "--size", "128x96", "--seed", "3", cwd=tmp_path, TMPDIR=str(tmp_path / "temporary"),
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "out.mp4\n"), result.stderr
    with av.open(tmp_path / "out.mp4") as container:
        (stream,) = container.streams.video
        assert (stream.width, stream.height, stream.frames, stream.average_rate) == (128, 96, 5, 10)
    assert "seed 3, engine sketch" in result.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
    assert servers_below(tmp_path / "temporary") == []


def test_a_given_data_folder_keeps_the_videos(tmp_path: Path) -> None:
    options = ["--engine", "sketch", "--frames", "2", "--size", "64x64", "--data-dir", str(tmp_path / "data"), "--json"]
    result = run("generate", "fog", *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    video = json.loads(result.stdout)
    assert any(video["id"] in path.name for path in (tmp_path / "data").rglob("*"))
    assert servers_below(tmp_path / "data") == []


def test_ctrl_c_cancels_the_job_and_stops_the_server(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    done = run_in_terminal(
        *LONG,
        cwd=tmp_path,
        on_screen=lambda screen: "\x03" if "rendering" in screen else None,
        TMPDIR=str(tmp_path / "temporary"),
    )
    assert done.returncode == 130, done.screen
    assert "Cancelled video_" in done.screen
    assert list((tmp_path / "temporary").iterdir()) == []
    assert servers_below(tmp_path / "temporary") == []


def test_a_server_does_not_outlive_a_killed_command(tmp_path: Path) -> None:
    with start(*LONG, "--data-dir", str(tmp_path / "data"), "-q", cwd=tmp_path) as process:
        eventually(lambda: (tmp_path / "data").exists())
        process.send_signal(signal.SIGKILL)
    eventually(lambda: servers_below(tmp_path / "data") == [])


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["a sea", "--engine", "nonsense"], {}, "'nonsense' is not an engine"),
        (["a sea"], {"PORT": "3001", "REELWRIGHT_MAX_QUEUED": "no"}, "REELWRIGHT_MAX_QUEUED"),
        (["a sea", "--engine", "sketch", "--fps", "99"], {}, "99"),
    ],
)
def test_what_the_server_refuses_is_told(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], message: str
) -> None:
    result = run("generate", *arguments, cwd=tmp_path, **environment)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_serve_runs_until_sigterm(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    flags = ["--engine", "sketch", "--data-dir", str(tmp_path / "data"), "--log-format", "json"]
    with start("serve", "--port", port, *flags, cwd=tmp_path) as process:
        eventually(lambda: _listening(port))
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0
    assert all(json.loads(line) for line in stderr.splitlines())


def test_serve_on_a_taken_port_exits_2_and_names_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("serve", "--port", str(port), cwd=tmp_path)
    assert result.returncode == 2
    assert f"127.0.0.1:{port}" in result.stderr


def _listening(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0
