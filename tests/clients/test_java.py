"""Java's own `java.net.http.HttpClient`, as it is by default (`Video.java`)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.asks import SMALL
from tests.servers import ServerProcess

pytestmark = pytest.mark.client("java.net.http.HttpClient", "run:java -version")

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def java() -> str:
    """The path of a java that runs source files, which takes its compiler."""
    java = shutil.which("java")
    if java is None:
        pytest.skip("java is not installed (Debian: apt install default-jdk-headless)")
    listed = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=True, timeout=60).stdout
    if "jdk.compiler@" not in listed:
        pytest.skip("java is installed without its compiler (Debian: apt install default-jdk-headless)")
    return java


def test_every_request_is_answered_although_it_asks_for_an_upgrade(java: str, server: ServerProcess) -> None:
    body = json.dumps({"prompt": "paint", "model": "toy", "size": "64x64", "num_frames": SMALL["num_frames"]})
    run = subprocess.run(
        [java, "Video.java", server.url, body], cwd=HERE, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        "video 200 video/mp4 HTTP_1_1",
        "video 200 video/mp4 HTTP_1_1",
        "chunked 200 video/mp4 HTTP_1_1",
        "created 200 application/json HTTP_1_1",
        "large 400 application/json HTTP_1_1",
        "get 200 application/json HTTP_1_1",
    ]
