"""Servers that the public clients talk to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from tests.api.asks import picture
from tests.api.videos import Gate, create
from tests.servers import ServerProcess, eventually

CROWD = 120
ALIAS = "stability-ai/stable-video-diffusion"
VERSION = "3f0457e4619daac51203dedb472816fd4af51f3149fa7a9e0b5ffcf1b8172438"


@pytest.fixture(scope="session")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that reaches images on 127.0.0.1, which the product never does, and has names for others' models."""
    aliases = json.dumps({ALIAS: "toy", VERSION: "toy"})
    folder = tmp_path_factory.mktemp("near")
    server = ServerProcess(folder / "data", REACHABLE="127.0.0.1", REELWRIGHT_MODEL_ALIASES=aliases).start()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that asks for a key, "right", and lets one job wait."""
    folder = tmp_path_factory.mktemp("keyed")
    server = ServerProcess(folder / "data", REELWRIGHT_API_KEYS="right", REELWRIGHT_MAX_QUEUED="1").start()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def picture_url() -> Iterator[str]:
    """The address of a PNG."""

    class Pictures(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = picture()
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/picture.png"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with 120 videos: one is being made, the others wait for it."""
    folder = tmp_path_factory.mktemp("crowd")
    server = ServerProcess(folder / "data", REELWRIGHT_DRAIN_S="0").start()
    with httpx2.Client(base_url=server.url, timeout=30) as http:
        first = create(http, Gate(folder).prompt)
        eventually(lambda: http.get(f"/v1/videos/{first['id']}").json()["status"] == "in_progress")
        for number in range(1, CROWD):
            create(http, f"paint {number}")
    yield server
    assert server.stop() == 0
