"""The Hugging Face Hub as `reelwright pull` sees it: `HF_ENDPOINT` names it. The routes and headers are those of
huggingface.co: a model's description with its files (`?blobs=true`), files by `resolve`, large ones by a redirect to
another host, ranges, gates.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_" + "x" * 34
LARGE = (".safetensors", ".bin")


@dataclass
class Repo:
    """`gated`: only `TOKEN` may read its files. `cut`: after so many bytes a large file's connection breaks, once."""

    files: dict[str, bytes]
    license: str = "apache-2.0"
    gated: bool = False
    commit: str = COMMIT
    cut: dict[str, int] = field(default_factory=dict)
    swapped: dict[str, bytes] = field(default_factory=dict)
    """What is sent instead of a file's content."""
    claimed: dict[str, int] = field(default_factory=dict)
    """The size that is told instead of a file's own."""


@dataclass(frozen=True)
class Asked:
    path: str
    range: str | None
    token: str | None
    host: str


class FakeHub:
    """Serves until the `with` block ends. `log` has what was asked for, `bytes_sent` what went out of large files."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.log: list[Asked] = []
        self.bytes_sent = 0
        self.ranges = True
        self.stall: dict[str, int] = {}
        """After so many bytes of a large file nothing more comes, until `release`."""
        self._released = threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def release(self) -> None:
        """Give up the connections that are stalled."""
        self._released.set()

    def add(self, name: str, folder: Path, **facts: Any) -> Repo:
        """A repository with a folder's files, and others that nobody wants."""
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.repos[name] = Repo(files={"README.md": b"# A model", "whole.safetensors": b"?" * 4096, **files}, **facts)
        return self.repos[name]

    def answer(self, http: BaseHTTPRequestHandler) -> None:
        token = (http.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        path = http.path.partition("?")[0]
        self.log.append(Asked(path, http.headers.get("Range"), token, http.headers.get("Host", "")))
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            self._describe(http, found[1])
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(http, found[1], found[3], token)
        elif found := re.fullmatch(r"/cdn/([^/]+/[^/]+)/(.+)", path):
            self._send_large(http, self.repos[found[1]], found[2])
        else:
            _send(http, 404, b"Not Found", {"X-Error-Code": "EntryNotFound"})

    def _describe(self, http: BaseHTTPRequestHandler, name: str) -> None:
        repo = self.repos.get(name)
        if repo is None:
            # As the real one: who may not see it cannot know whether it is there.
            _send(http, 401, b'{"error":"Invalid username or password."}', {"X-Error-Code": "RepoNotFound"})
            return
        body = {
            "id": name,
            "sha": repo.commit,
            "gated": "auto" if repo.gated else False,
            "cardData": {"license": repo.license},
            "siblings": [
                _sibling(file, data, repo.claimed.get(file, len(data))) for file, data in sorted(repo.files.items())
            ],
        }
        _send(http, 200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _resolve(self, http: BaseHTTPRequestHandler, name: str, file: str, token: str | None) -> None:
        repo = self.repos[name]
        if repo.gated and token != TOKEN:
            told = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model is restricted."}
            _send(http, 401 if token is None else 403, b"Restricted", told)
        elif file not in repo.files:
            _send(http, 404, b"Entry not found", {"X-Error-Code": "EntryNotFound"})
        elif file.endswith(LARGE):
            _send(http, 302, b"", {"Location": f"http://localhost:{self.port}/cdn/{name}/{file}"})
        else:
            _send(http, 200, repo.files[file], {"X-Repo-Commit": repo.commit, "ETag": _git_id(repo.files[file])})

    def _send_large(self, http: BaseHTTPRequestHandler, repo: Repo, file: str) -> None:
        data = repo.swapped.get(file, repo.files[file])
        begun = re.fullmatch(r"bytes=(\d+)-", http.headers.get("Range") or "") if self.ranges else None
        first = int(begun[1]) if begun else 0
        part = data[first:]
        http.send_response(206 if begun else 200)
        http.send_header("Content-Length", str(len(part)))
        if begun:
            http.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        http.end_headers()
        if (most := repo.cut.pop(file, None)) is not None:
            part = part[:most]
            http.close_connection = True
        if (most := self.stall.pop(file, None)) is not None:
            http.wfile.write(part[:most])
            self.bytes_sent += most
            self._released.wait()
            http.close_connection = True
            return
        self.bytes_sent += len(part)
        http.wfile.write(part)


def _sibling(name: str, data: bytes, size: int) -> dict[str, Any]:
    told: dict[str, Any] = {"rfilename": name, "size": size, "blobId": _git_id(data)}
    if name.endswith(LARGE):
        told["lfs"] = {"size": size, "sha256": hashlib.sha256(data).hexdigest(), "pointerSize": 134}
    return told


def _git_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _send(http: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    http.send_response(status)
    for name, value in headers.items():
        http.send_header(name, value)
    http.send_header("Content-Length", str(len(body)))
    http.end_headers()
    if http.command != "HEAD":
        http.wfile.write(body)
