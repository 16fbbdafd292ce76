"""Commands whose standard streams are closed, full or cut off, or whose locale is C: they work, or say why not."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import pytest

from tests.cli.command import environment, start
from tests.fakes.video_server import MP4, FakeVideoServer
from tests.processes import Process
from tests.servers import eventually, free_port

CLOSED = ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"]
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def in_shell(command: str, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """`reelwright` and what follows it, with bash's redirections; a failed first part of a pipe is the exit code."""
    line = f"set -o pipefail; {shlex.quote(sys.executable)} -m reelwright.cli {command}"
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env=environment(**extra),
        timeout=60,
    )


def completes(fake: FakeVideoServer) -> None:
    def play() -> None:
        fake.until(lambda: fake.jobs, 90)
        fake.complete(next(iter(fake.jobs)))

    threading.Thread(target=play, daemon=True).start()


@pytest.mark.parametrize("closed", CLOSED)
def test_a_video_is_made_with_closed_streams(fake: FakeVideoServer, tmp_path: Path, closed: str) -> None:
    completes(fake)
    done = in_shell(f"generate 'a sea' -o out.mp4 --server {fake.url} {closed}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.mp4").read_bytes() == MP4


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&1 | head -0", "1>/dev/null 2>/dev/full"])
def test_progress_that_nobody_reads_is_no_reason_to_fail(fake: FakeVideoServer, tmp_path: Path, streams: str) -> None:
    completes(fake)
    done = in_shell(f"generate 'a sea' -o out.mp4 --server {fake.url} {streams}", tmp_path)
    assert (tmp_path / "out.mp4").read_bytes() == MP4
    assert done.returncode == (1 if "head" in streams else 0), "only the path on stdout was lost"
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["--help", "--version", "config", "config --json", "doctor --engine sketch"])
def test_a_full_stdout_is_told_in_a_sentence_and_a_reader_that_left_in_none(tmp_path: Path, command: str) -> None:
    full = in_shell(f"{command} > /dev/full", tmp_path)
    assert (full.returncode, full.stderr) == (1, "Error: The output cannot be written: No space left on device.\n")
    cut = in_shell(f"{command} | head -0", tmp_path)
    assert (cut.returncode, cut.stderr) == (1, "")
    assert in_shell(f"{command} {CLOSED[-1]}", tmp_path).stdout == ""


def test_a_file_that_does_not_fit_is_told_and_leaves_nothing(fake: FakeVideoServer, tmp_path: Path) -> None:
    completes(fake)
    done = in_shell(f"generate 'a sea' -o out.mp4 -q --server {fake.url}", tmp_path)
    assert done.returncode == 0
    video_id = next(iter(fake.jobs))
    line = f"ulimit -f 100; trap '' XFSZ; {shlex.quote(sys.executable)} -m reelwright.cli download {video_id} -o b.mp4"
    kept = environment(PYTHONDONTWRITEBYTECODE="1").items()
    full = subprocess.run(
        ["bash", "-c", f"{line} --server {fake.url}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        # Not measured: what `make coverage` writes at the end is larger than a file may be.
        env={name: value for name, value in kept if not name.startswith("COVERAGE_")},
        timeout=60,
    )
    assert (full.returncode, full.stdout) == (1, "")
    assert full.stderr == "Error: b.mp4 cannot be written: File too large. The video stays on the server.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_the_c_locale_keeps_prompts_names_and_the_banner(fake: FakeVideoServer, tmp_path: Path) -> None:
    completes(fake)
    done = in_shell(f"generate 'Café ☕ 夜' --json -q --server {fake.url}", tmp_path, **C_LOCALE)
    assert done.returncode == 0, done.stderr
    assert fake.created[0]["prompt"] == "Café ☕ 夜"
    assert json.loads(done.stdout)["path"] == "café-夜.mp4"
    assert (tmp_path / "café-夜.mp4").read_bytes() == MP4
    process: Process[bytes] = Process(
        [sys.executable, "-m", "reelwright.cli", "serve", "--port", "0", "--engine", "sketch"],
        cwd=tmp_path,
        env=environment(**C_LOCALE),
        stderr=subprocess.PIPE,
    )
    with process as server:
        assert server.stderr
        assert server.stderr.readline().decode() == "✅ Video generation server running\n"


@pytest.mark.parametrize("closed", CLOSED)
def test_a_server_runs_with_closed_streams(tmp_path: Path, closed: str) -> None:
    port = free_port()
    command = f"exec {shlex.quote(sys.executable)} -m reelwright.cli serve --port {port} --engine sketch {closed}"
    with Process(["bash", "-c", command], cwd=tmp_path, env=environment()) as server:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: up(url))
        body = {"prompt": "a sea", "width": 64, "height": 64, "num_frames": 4}
        assert httpx2.post(f"{url}/api/video/generate", json=body, timeout=60).status_code == 200
        own = [str(Path(f"/proc/{server.pid}/fd/{number}").readlink()) for number in range(3)]
        assert not any("reelwright" in path for path in own), "no file of ours where a print would go"
        server.terminate()
        assert server.wait(120) == 0


def up(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health").status_code == 200
    except httpx2.TransportError:
        return False


def test_serve_logs_on_although_the_disk_of_its_log_is_full(tmp_path: Path) -> None:
    port = free_port()
    with (
        Path("/dev/full").open("wb") as full,
        Process(
            [sys.executable, "-m", "reelwright.cli", "serve", "--port", str(port), "--engine", "sketch"],
            cwd=tmp_path,
            env=environment(),
            stderr=full,
        ) as server,
    ):
        eventually(lambda: up(f"http://127.0.0.1:{port}"))
        server.terminate()
        assert server.wait(120) == 0


def test_offline_pull_is_one_sentence(tmp_path: Path) -> None:
    with start(
        "pull", "svd", cwd=tmp_path, HF_ENDPOINT=f"http://127.0.0.1:{free_port()}", HF_HOME=str(tmp_path)
    ) as pull:
        stdout, stderr = pull.communicate(timeout=60)
    assert (pull.returncode, stdout) == (1, "")
    assert stderr.startswith("Error: Model 'svd' cannot be fetched: the Hub could not be reached (stabilityai/")
    assert len(stderr.splitlines()) == 1
