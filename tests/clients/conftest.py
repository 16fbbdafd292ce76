"""Servers that the public clients talk to."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme

from tests.api.asks import picture
from tests.api.videos import Gate, create
from tests.servers import ServerProcess, eventually

HERE = Path(__file__).parent
CROWD = 120
ALIAS = "stability-ai/stable-video-diffusion"
VERSION = "3f0457e4619daac51203dedb472816fd4af51f3149fa7a9e0b5ffcf1b8172438"


@pytest.fixture(scope="session")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that reaches images on 127.0.0.1, which the product never does, and has names for others' models."""
    aliases = json.dumps({ALIAS: "toy", VERSION: "toy"})
    folder = tmp_path_factory.mktemp("near")
    settings = {"REELWRIGHT_MODEL_ALIASES": aliases, "REELWRIGHT_TRUSTED_PROXIES": "127.0.0.1"}
    server = ServerProcess(folder / "data", REACHABLE="127.0.0.1", **settings).start()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that asks for a key, "right-key-0123456789", and lets one job wait."""
    folder = tmp_path_factory.mktemp("keyed")
    server = ServerProcess(
        folder / "data", REELWRIGHT_API_KEYS="right-key-0123456789", REELWRIGHT_MAX_QUEUED="1"
    ).start()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Secure:
    """A server's address over HTTPS, and the file of the authority that vouches for it."""

    url: str
    authority: str


@pytest.fixture(scope="session")
def secure(near: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    """`near` behind a proxy that ends TLS, as it stands in production."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {**self.headers, "X-Forwarded-Proto": "https", "Accept-Encoding": "identity"}
            answer = httpx2.request(self.command, near.url + self.path, content=body, headers=headers, timeout=60)
            self.send_response(answer.status_code)
            for name in {*answer.headers} - {"transfer-encoding", "connection", "date", "server"}:
                self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            pass

    authority = trustme.CA()
    file = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Secure(url=f"https://localhost:{server.server_port}", authority=str(file))
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def node() -> str:
    """The path of node, beside which the packages of `package.json` are installed."""
    return node_with(HERE)


def node_with(folder: Path) -> str:
    """The path of node, once the packages of that folder's `package.json` are installed in it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed (Debian: apt install nodejs npm)")
    dependencies = json.loads((folder / "package.json").read_text())["dependencies"]
    wanted = {name: version.rpartition("@")[2] for name, version in dependencies.items()}  # also "npm:ai@7.0.173"
    with (folder / "package.json").open() as lock:  # several test processes may come here at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if {name: _installed(folder, name) for name in wanted} != wanted:
            install = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
            subprocess.run(install, cwd=folder, check=True, timeout=120)
    return node


def _installed(folder: Path, package: str) -> str | None:
    facts = folder / "node_modules" / package / "package.json"
    return str(json.loads(facts.read_text())["version"]) if facts.exists() else None


def run_node(node: str, script: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What a script beside this file printed as JSON."""
    inherited = {**os.environ, **environment}
    command = [node, script, *arguments]
    run = subprocess.run(command, cwd=HERE, env=inherited, capture_output=True, text=True, timeout=90, check=False)
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))
