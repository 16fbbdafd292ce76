"""`reelwright mcp` as a process: its own server, its files, its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest

from tests.cli.command import environment, run, start
from tests.cli.test_own_server import servers_below
from tests.mcp.assistants import SMALL, call, made, over_stdio, picture, text
from tests.servers import ServerProcess, eventually

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


async def test_a_server_of_its_own_makes_a_file_and_ends_with_the_assistant(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    options = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path / "temporary")}
    async with over_stdio("--engine", "sketch", cwd=tmp_path, **options) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert "saved on this machine" in (tools["get_video"].description or "")
        result = await call(client, "generate_video", prompt="a campfire", wait_s=60, **SMALL)
        assert not result.is_error, text(result)
        file = Path(result.structured_content["file"])
        assert file.parent == tmp_path / "reelwright-videos"
        assert str(file) in text(result)
        os.utime(file, (1, 1))
        again = await made(client, "get_video", video_id=result.structured_content["id"])
        assert again["file"] == str(file)
    _check(file)
    eventually(lambda: servers_below(tmp_path / "temporary") == [])
    assert list((tmp_path / "temporary").iterdir()) == []


def _check(file: Path) -> None:
    """It is the video, and was fetched once."""
    assert file.stat().st_mtime == 1
    with av.open(file) as container:
        assert container.streams.video[0].frames == 3


async def test_a_local_picture_is_read_and_nothing_else(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "a photo.png").write_bytes(picture())
    (tmp_path / "secret.txt").write_text("canary-secret-5511")
    (tmp_path / "huge.png").write_bytes(picture() + bytes(11_900_001))
    async with over_stdio("--server", server.url, cwd=tmp_path, HOME=str(tmp_path)) as client:
        for name in ("a photo.png", "~/a photo.png", (tmp_path / "a photo.png").as_uri()):
            video = await made(client, "generate_video", prompt="it moves", image=name, wait_s=60, **SMALL)
            assert video["has_image"] is True
            assert "file" not in video
        for name, words in (
            ("secret.txt", "not a PNG, JPEG or WebP"),
            ("missing.png", "no file"),
            ("huge.png", "11.9 MB"),
            ("/dev/zero", "no file"),
            (str(tmp_path), "no file"),
            ("~nobody-by-this-name/x.png", "not a path"),
            ("nul\0byte.png", "image"),
        ):
            result = await call(client, "generate_video", prompt="x", image=name)
            assert result.is_error
            assert words in text(result)
            assert "canary" not in text(result)


async def test_a_folder_that_cannot_be_written_is_told(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with over_stdio("--server", server.url, "--output", str(tmp_path / "file" / "x"), cwd=tmp_path) as client:
        result = await call(client, "generate_video", prompt="x", wait_s=60, **SMALL)
    assert result.is_error
    assert "--output" in text(result)


async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with over_stdio("--server", "http://127.0.0.1:9", cwd=tmp_path) as client:
        result = await call(client, "list_models")
    assert result.is_error
    assert "No server answers at http://127.0.0.1:9" in text(result)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_its_server(tmp_path: Path, number: signal.Signals) -> None:
    """Standard input stays open: whoever sends the signal is not the assistant."""
    with start("mcp", "--engine", "sketch", "--data-dir", str(tmp_path / "data"), cwd=tmp_path) as process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(HELLO) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "reelwright"
            process.send_signal(number)
            assert process.wait(120) == 130
        finally:
            process.kill()
    assert servers_below(tmp_path / "data") == []


def test_stdout_carries_the_protocol_only(server: ServerProcess, tmp_path: Path) -> None:
    messages = [
        HELLO,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "no_tool", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 4, "method": "nonsense"},
    ]
    done = run(
        "mcp", "--server", server.url, cwd=tmp_path, stdin="\n".join(["{broken", *map(json.dumps, messages)]) + "\n"
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert {answer["jsonrpc"] for answer in answers} == {"2.0"}
    assert {1, 2, 3, 4} >= {answer.get("id") for answer in answers if answer.get("id")} >= {1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "nonsense"], "'nonsense' is not an engine"),
        (["--server", "ftp://x"], "ftp://x"),
        (["--server", "http://127.0.0.1:9", "--engine", "sketch"], "--engine"),
    ],
)
def test_wrong_usage_is_told_on_stderr(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = run("mcp", *arguments, cwd=tmp_path, HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['mcp'] = sys.modules['mcp_types'] = None\n"
        "from reelwright.cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "mcp"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'reelwright[mcp]'" in done.stderr
