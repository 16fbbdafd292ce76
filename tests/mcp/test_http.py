"""`/mcp` of the server: behind the guard, without sessions, and gone when it is off."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.shared.exceptions import MCPError

from tests.cli.command import environment
from tests.mcp.assistants import SMALL, call, made, over_http, picture, text
from tests.servers import ServerProcess, eventually

ACCEPT = {"Accept": "application/json, text/event-stream"}
KEY = "mcp-key-with-canary-3377"


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("mcp") / "data"
    running = ServerProcess(folder, REELWRIGHT_MCP="true", REELWRIGHT_MAX_BODY_MB="1").start()
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log_text()


def message(method: str, identity: int = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "method": method, "params": params}


def ask(server: ServerProcess, body: Any, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(f"{server.url}/mcp", json=body, headers=ACCEPT | named, timeout=30)


def test_it_is_off_by_default(server: ServerProcess) -> None:
    answer = ask(server, message("tools/list"))
    assert (answer.status_code, answer.json()["error"]) == (404, "Route not found")


def test_the_guard_stands_before_it(open_server: ServerProcess) -> None:
    assert ask(open_server, message("tools/list"), Host="evil.example").status_code == 421
    assert ask(open_server, message("tools/list"), Origin="https://evil.example").status_code == 403
    assert ask(open_server, message("tools/list"), Origin="null").status_code == 403
    listed = ask(open_server, message("tools/list"), Origin="http://localhost:8080")
    assert listed.status_code == 200
    assert listed.headers["access-control-allow-origin"] == "http://localhost:8080"
    assert listed.headers["x-request-id"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_is_no_session_to_listen_to_or_to_end(open_server: ServerProcess, method: str) -> None:
    answer = httpx2.request(method, f"{open_server.url}/mcp", headers=ACCEPT)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 5000, 400),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": [' + b"1," * 30_000 + b"1]}", 400),
        (b'{"a": "' + b"x" * 1_000_001 + b'"}', 413),
    ],
    ids=["empty", "broken", "not UTF-8", "deep", "wide", "large"],
)
@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28"])
def test_a_bad_body_is_refused(open_server: ServerProcess, body: bytes, status: int, version: str) -> None:
    headers = ACCEPT | {"Content-Type": "application/json", "MCP-Protocol-Version": version}
    answer = httpx2.post(f"{open_server.url}/mcp", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert httpx2.get(f"{open_server.url}/health").status_code == 200


@pytest.mark.parametrize("value", ["NaN", "-Infinity", '"\\ud800"', "[NaN]"])
def test_values_that_are_no_json_are_refused(open_server: ServerProcess, value: str) -> None:
    asked = json.dumps(message("tools/call", name="generate_video", arguments={"prompt": "x", "seed": "here"}))
    body = asked.replace('"here"', value)
    headers = ACCEPT | {"Content-Type": "application/json"}
    answer = httpx2.post(f"{open_server.url}/mcp", content=body, headers=headers)
    if answer.status_code == 200:
        result = json.loads(answer.text.partition("data: ")[2] or answer.text)["result"]
        assert result["isError"] is True
        assert "rror executing" not in result["content"][0]["text"]
    else:
        assert answer.status_code == 400


async def test_no_file_of_the_servers_machine_is_read(open_server: ServerProcess, tmp_path: Path) -> None:
    secret = tmp_path / "photo.png"
    secret.write_bytes(picture())
    async with over_http(open_server.url) as client:
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == "generate_video"]
        assert "path of a file" not in tool.input_schema["properties"]["image"]["description"]
        for name in (str(secret), secret.as_uri(), f" {secret}", secret.as_uri().upper()):
            result = await call(client, "generate_video", prompt="x", image=name)
            assert result.is_error
            assert "cannot read files" in text(result)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_many_assistants_at_once(open_server: ServerProcess, mode: str) -> None:
    async def one(number: int) -> str:
        async with over_http(open_server.url, mode) as client:
            video = await made(client, "generate_video", prompt=f"number {number}", wait_s=60, **SMALL)
            assert video["status"] == "completed"
            return str(video["prompt"])

    assert await asyncio.gather(*(one(number) for number in range(8))) == [f"number {n}" for n in range(8)]


async def test_nothing_is_left_of_those_who_have_gone(open_server: ServerProcess, tmp_path: Path) -> None:
    """Fifty hang up in the midst of a wait; the server's memory of them ends with the connection."""
    assert open_server.process
    descriptors = Path(f"/proc/{open_server.process.pid}/fd")
    waits = message("tools/call", name="generate_video")
    waits["params"]["arguments"] = {"prompt": f"until {tmp_path / 'go'}", "model": "toy", "wait_s": 600, **SMALL}
    before = len(_names(descriptors))
    async with httpx2.AsyncClient(timeout=0.3, headers=ACCEPT) as http:

        async def hang_up() -> None:
            with pytest.raises(httpx2.TimeoutException):
                await http.post(f"{open_server.url}/mcp", json=waits)

        await asyncio.gather(*(hang_up() for _ in range(50)))
    # The job that began has opened some of its own: its engine, its frames, the database.
    eventually(lambda: len(_names(descriptors)) <= before + 20, 60)
    async with over_http(open_server.url) as client:
        videos = (await made(client, "list_videos", limit=100))["videos"]
        for video in videos:
            if video["status"] in ("queued", "in_progress"):
                await made(client, "cancel_video", video_id=video["id"])


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_keys(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", REELWRIGHT_MCP="true", REELWRIGHT_API_KEYS=KEY).start()
    try:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"X_API_Key": "wrong"}):
            answer = ask(server, message("tools/list"), **headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        with pytest.RaisesGroup(pytest.RaisesExc(MCPError, match="Missing or invalid API key"), flatten_subgroups=True):
            async with over_http(server.url, authorization="Bearer wrong") as client:
                await client.list_tools()
        for header in ({"authorization": f"Bearer {KEY}"}, {"x_api_key": KEY}):
            async with over_http(server.url, **header) as client:
                assert (await made(client, "list_videos"))["videos"] == []
    finally:
        assert server.stop() == 0
    assert KEY not in server.log_text()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_stop_ends_the_waits_with_an_answer(tmp_path: Path, mode: str) -> None:
    """The assistant learns the video's id, and the server is not held up by those who wait for a queued video."""
    server = ServerProcess(tmp_path / "data", REELWRIGHT_MCP="true", REELWRIGHT_DRAIN_S="1").start()
    try:
        async with over_http(server.url, mode) as client:
            fields = {"prompt": f"until {tmp_path / 'never'}", "model": "toy", **SMALL}
            first = await made(client, "generate_video", **fields)
            await asyncio.to_thread(eventually, lambda: _status(server, first["id"]) == "in_progress")
            waits = asyncio.Event()

            async def progress(done: float, total: float | None, message: str | None) -> None:
                waits.set()

            arguments = {"video_id": first["id"], "wait_s": 600}
            waiting = asyncio.create_task(client.call_tool("get_video", arguments, progress_callback=progress))
            await waits.wait()
            stopping = asyncio.create_task(asyncio.to_thread(server.stop))
            result = await waiting
            assert result.structured_content["status"] == "in_progress"
            assert await stopping == 0
    finally:
        server.kill()
    assert "Traceback" not in server.log_text()


def _status(server: ServerProcess, video_id: str) -> str:
    return str(httpx2.get(f"{server.url}/v1/videos/{video_id}").json()["status"])


LOADED = """
import json, sys
from pathlib import Path
from reelwright.app import build
from reelwright.offers import offered
from reelwright.outbound import Outbound
from reelwright.settings import load_settings
settings = load_settings(data_dir=Path(sys.argv[1]), engine="sketch")
build(settings, offered(settings), Outbound())
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_a_server_without_it_does_not_load_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert {"mcp", "mcp_types", "sse_starlette", "jwt", "jsonschema"} & set(json.loads(done.stdout)) == set()


def test_without_the_extra_the_start_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['mcp'] = sys.modules['mcp_types'] = None\n"
        "from reelwright.cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "serve", "--mcp", "--port", "0", "--engine", "sketch"],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 2
    assert "pip install 'reelwright[mcp]'" in done.stderr
    assert "Traceback" not in done.stderr
