"""curl: the README's own line, and what a download tool or a video player asks for."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest

from reelwright.media.probe import probe
from tests.api.videos import Gate, create, look, made
from tests.processes import Process
from tests.servers import ROOT, ServerProcess, eventually

pytestmark = [
    pytest.mark.client("curl", "run:curl --version"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt install curl)"),
]


def curl(*arguments: str, folder: Path | None = None) -> bytes:
    """What curl wrote to stdout."""
    run = subprocess.run(["curl", "-sS", *arguments], capture_output=True, timeout=60, cwd=folder, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


def test_the_readmes_line_leaves_a_video(server: ServerProcess, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    [line] = re.findall(r"^curl -X POST .*?\n```", text, re.MULTILINE | re.DOTALL)
    words = shlex.split(line.removesuffix("```").replace("\\\n", " "))
    small = [word.replace("http://localhost:3001", server.url) for word in words[1:]]
    # As it stands there, only smaller.
    body = json.loads(small[small.index("-d") + 1])
    small[small.index("-d") + 1] = json.dumps({**body, "size": "64x64", "num_frames": 4})
    curl(*small, folder=tmp_path)
    assert probe(tmp_path / "sunset.mp4").num_frames == 4


@pytest.mark.parametrize(
    "asked", [["--http2"], ["--http1.0"], ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket"]]
)
def test_another_version_may_be_asked_for(server: ServerProcess, asked: list[str], tmp_path: Path) -> None:
    if asked == ["--http2"] and b"HTTP2" not in curl("--version"):
        pytest.skip("this curl is built without HTTP/2")
    body = json.dumps({"prompt": "paint", "engine": "toy", "size": "64x64", "num_frames": 4})
    post = ["-H", "Content-Type: application/json", "-d", body, "-o", "paint.mp4", "-w", "%{http_code} %{http_version}"]
    assert curl(*asked, *post, f"{server.url}/api/video/generate", folder=tmp_path) == b"200 1.1"
    assert probe(tmp_path / "paint.mp4").num_frames == 4


def test_a_packed_body(server: ServerProcess, tmp_path: Path) -> None:
    body = json.dumps({"prompt": "paint", "engine": "toy", "size": "64x64", "num_frames": 4}).encode()
    (tmp_path / "body.gz").write_bytes(gzip.compress(body))
    headers = ["-H", "Content-Type: application/json", "-H", "Content-Encoding: gzip"]
    curl(*headers, "--data-binary", "@body.gz", "-o", "paint.mp4", f"{server.url}/api/video/generate", folder=tmp_path)
    assert probe(tmp_path / "paint.mp4").num_frames == 4


@pytest.fixture(scope="module")
def content(server: ServerProcess, http: httpx2.Client) -> str:
    """The address of a finished video."""
    return f"{server.url}/v1/videos/{made(http)['id']}/content"


def test_a_broken_download_is_taken_up_again(content: str, tmp_path: Path) -> None:
    whole = curl(content)
    (tmp_path / "part.mp4").write_bytes(whole[:500])
    curl("-C", "-", "-o", "part.mp4", content, folder=tmp_path)
    assert (tmp_path / "part.mp4").read_bytes() == whole


def test_ranges(content: str) -> None:
    whole = curl(content)
    assert curl("-r", "0-99", content) == whole[:100]
    assert curl("-r", "-7", content) == whole[-7:]
    several = curl("-D", "-", "-r", "0-1,10-11,-2", content)
    assert several.startswith(b"HTTP/1.1 206")
    for part in (whole[:2], whole[10:12], whole[-2:]):
        assert b"\r\n\r\n" + part + b"\r\n" in several


def test_a_range_beyond_the_end_says_how_long_the_file_is(content: str) -> None:
    whole = curl(content)
    answer = curl("-D", "-", "-r", "99999999-", content)
    assert answer.startswith(b"HTTP/1.1 416")
    assert f"content-range: bytes */{len(whole)}".encode() in answer.lower()
    assert b'"code":"range_not_satisfiable"' in answer


def test_head_and_if_none_match(content: str, tmp_path: Path) -> None:
    whole = curl(content)
    head = curl("-I", content).decode().lower()
    assert f"content-length: {len(whole)}\r\n" in head
    assert "accept-ranges: bytes\r\n" in head
    for _ in range(2):
        answer = curl("--etag-compare", "tag", "--etag-save", "tag", "-w", "%{http_code}", content, folder=tmp_path)
    assert answer == b"304"


def test_events_arrive_while_the_job_runs(server: ServerProcess, http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = create(http, gate.with_preview)
        url = f"{server.url}/v1/videos/{video['id']}/events"
        with Process(["curl", "-sSN", url], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            kinds = []
            for line in process.stdout:
                if line.startswith("event: "):
                    kinds.append(line.split()[1])
                if kinds and kinds[-1] == "preview" and not (tmp_path / "gate").exists():
                    assert look(http, video)["status"] == "in_progress"
                    gate.open()
            assert process.wait(120) == 0
    assert kinds[-1] == "completed"
    assert "preview" in kinds


def test_a_form_with_a_file(server: ServerProcess, http: httpx2.Client, tmp_path: Path) -> None:
    from tests.api.asks import picture

    (tmp_path / "fox.png").write_bytes(picture())
    fields = ("prompt=paint", "model=toy", "size=64x64", "num_frames=4", "input_reference=@fox.png")
    form = [word for field in fields for word in ("-F", field)]
    video = json.loads(curl(*form, f"{server.url}/v1/videos", folder=tmp_path))
    assert video["has_image"] is True
    eventually(lambda: look(http, video)["status"] == "completed")
