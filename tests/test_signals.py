"""What a running server does about signals: it drains, or goes on; and whatever hangs, it is gone in time."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.servers import ServerProcess, eventually

LATE_S = 5.0


def submit(server: ServerProcess, prompt: str) -> str:
    fields = {"prompt": prompt, "engine": "toy", "width": 64, "height": 64, "num_frames": 4}
    return str(httpx2.post(f"{server.url}/v1/videos", json=fields, timeout=30).json()["id"])


def video(server: ServerProcess, video_id: str) -> Any:
    return httpx2.get(f"{server.url}/v1/videos/{video_id}", timeout=30).json()


def running(server: ServerProcess, prompt: str) -> str:
    video_id = submit(server, prompt)
    eventually(lambda: video(server, video_id)["status"] == "in_progress")
    return video_id


def exit_code(server: ServerProcess, number: int, within_s: float) -> int:
    assert server.process
    server.process.send_signal(number)
    return server.process.wait(within_s)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_to_end_lets_the_running_job_end(tmp_path: Path, number: signal.Signals) -> None:
    with ServerProcess(tmp_path / "data") as server:
        gate = tmp_path / "gate"
        video_id = running(server, f"until {gate}")
        assert server.process
        server.process.send_signal(number)
        eventually(lambda: "stopping" in server.log_text())
        gate.touch()
        assert server.process.wait(120) == 0
        server.start()
        assert video(server, video_id)["status"] == "completed"
        server.process.send_signal(signal.SIGUSR1)
        server.process.send_signal(signal.SIGUSR2)
        eventually(lambda: server.log_text().count("signal ignored") == 2)
        assert httpx2.get(f"{server.url}/health").status_code == 200


def test_a_signal_to_the_whole_group_drains_too(tmp_path: Path) -> None:
    """systemd tells all processes of a unit, a terminal its whole group."""
    with ServerProcess(tmp_path / "data") as server:
        gate = tmp_path / "gate"
        video_id = running(server, f"until {gate}")
        assert server.process
        eventually(lambda: server.log_text().count("engine loaded") == 2)
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        assert children
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT):
            for child in children:
                os.kill(int(child), number)
        server.process.terminate()
        eventually(lambda: "stopping" in server.log_text())
        gate.touch()
        assert server.process.wait(120) == 0
        assert "was killed" not in server.log_text()
        server.start()
        assert video(server, video_id)["status"] == "completed"


def test_the_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        video_id = running(server, "slow 30")
        assert server.process
        server.process.terminate()
        eventually(lambda: "stopping" in server.log_text())
        assert exit_code(server, signal.SIGTERM, 3) == 0
        server.start()
        assert video(server, video_id)["status"] in ("queued", "in_progress")


def test_a_name_server_that_does_not_answer_holds_up_nothing(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", NAMES_HANG="1", REELWRIGHT_DRAIN_S="0.5") as server:
        picture = {"prompt": "paint", "engine": "toy", "input_reference": "https://hangs.example/picture.png"}

        def ask() -> None:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.post(f"{server.url}/v1/videos", json=picture, timeout=60)

        assert server.process
        threads = Path(f"/proc/{server.process.pid}/task")
        before = len(list(threads.iterdir()))
        asking = [threading.Thread(target=ask) for _ in range(12)]
        for one in asking:
            one.start()
        eventually(lambda: len(list(threads.iterdir())) >= before + len(asking))
        assert httpx2.get(f"{server.url}/ready").status_code == 200
        assert exit_code(server, signal.SIGTERM, 0.5 + LATE_S) == 0
        for one in asking:
            one.join(10)
