"""The deliveries of a video's webhooks over HTTP and on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
from standardwebhooks import Webhook as Verifier

from tests.fakes.receiver import HOST, Receiver
from tests.servers import ServerProcess, eventually


def test_deliveries_are_shown_and_resent(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", REACHABLE=HOST, WEBHOOK_SCHEDULE="[0]").start()

    def command(*arguments: str) -> str:
        environment = {**os.environ, "REELWRIGHT_DATA_DIR": str(server.data_dir)}
        run = [sys.executable, "-m", "reelwright.cli", "webhooks", *arguments]
        return subprocess.run(run, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout

    with Receiver(500, 200) as receiver:
        body = {"prompt": "paint", "model": "toy", "size": "64x64", "num_frames": 2, "webhook": receiver.url}
        video_id = httpx2.post(f"{server.url}/v1/videos", json=body).json()["id"]
        url = f"{server.url}/v1/videos/{video_id}/webhooks"
        failed = eventually(lambda: [one for one in httpx2.get(url).json()["data"] if one["state"] == "failed"])
        assert (failed[0]["tries"], failed[0]["last_status"], failed[0]["event"]) == (1, 500, "video.completed")
        told = command(video_id, "--server", server.url, "--resend", failed[0]["id"], "--json")
        assert json.loads(told)[0]["id"] == failed[0]["id"]
        delivered = eventually(lambda: [one for one in httpx2.get(url).json()["data"] if one["state"] == "delivered"])
        assert delivered[0]["tries"] == 2
        assert "delivered" in command(video_id, "--server", server.url)
        message = receiver.received[-1]
        Verifier(command("--secret").strip()).verify(message.body, dict(message.headers))
    assert httpx2.post(f"{url}/msg_none/resend").status_code == 404
    assert server.stop() == 0
