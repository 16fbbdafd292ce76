"""What is true of every route: HEAD where there is GET, a slash at the end, OPTIONS, and a 405."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.asks import SMALL, picture, read_answer
from tests.api.videos import Gate, create, made
from tests.servers import ServerProcess


@pytest.fixture(scope="module")
def video(http: httpx2.Client) -> dict[str, Any]:
    return made(http)


@pytest.fixture(scope="module")
def readable(http: httpx2.Client, video: dict[str, Any]) -> list[str]:
    """The address of every route that is read, as the OpenAPI document names them, and of the page's files."""
    paths = http.get("/openapi.json").json()["paths"]
    values = {"video_id": video["id"], "prediction_id": video["id"], "model": "toy", "owner": "toy", "name": "toy"}
    documented = [
        re.sub(r"\{(\w+)(:path)?\}", lambda match: values.get(match[1], "x"), path)
        for path, methods in paths.items()
        if "get" in methods
    ]
    assert {"/health", "/v1/models/toy", f"/v1/videos/{video['id']}/events"} <= set(documented)
    return [*documented, "/", "/openapi.json", "/favicon.ico", "/playground/page.js", f"/videos/{video['id']}/content"]


def comparable(answer: httpx2.Response) -> dict[str, str]:
    """The headers but for what differs between any two answers."""
    path = answer.request.url.path.rstrip("/")
    changing = {"date", "x-request-id", *(["content-length"] if path in ("/metrics", "/health", "/v1/videos") else [])}
    return {name: value for name, value in answer.headers.items() if name not in changing}


def test_head_goes_wherever_get_does(http: httpx2.Client, readable: list[str]) -> None:
    for path in readable:
        head, get = http.head(path), http.get(path)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        told = comparable(get)
        told.pop("transfer-encoding", None)  # a HEAD has nothing to transfer
        assert comparable(head) == told, path
        assert head.headers["X-Content-Type-Options"] == "nosniff"
        assert "X-Request-Id" in head.headers


def test_head_of_an_event_stream_that_goes_on_ends_at_once(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        events = f"/v1/videos/{create(http, gate.prompt)['id']}/events"
        answer = http.head(events, timeout=5)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Type"].startswith("text/event-stream")


def test_after_a_head_the_connection_goes_on(server: ServerProcess, video: dict[str, Any]) -> None:
    """No byte of a body may follow: it would be taken for the next answer."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for path in (f"/v1/videos/{video['id']}", f"/v1/videos/{video['id']}/events", "/v1/models", "/nope"):
            connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(1)
            assert head.startswith(b"HTTP/1.1 404" if path == "/nope" else b"HTTP/1.1 200"), head
        connection.sendall(f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert read_answer(connection)[0] == 200


def test_a_slash_at_the_end_is_the_same_route(http: httpx2.Client, readable: list[str]) -> None:
    for path in readable:
        slashed, plain = http.get(f"{path.removesuffix('/')}/"), http.get(path)
        assert slashed.status_code == plain.status_code, path
        assert comparable(slashed) == comparable(plain), path
    assert http.get("/nope/").status_code == 404
    assert http.get("/health//").status_code == 404


def test_a_body_arrives_at_a_path_with_a_slash(http: httpx2.Client) -> None:
    """A redirect would lose it: clients repeat a 307 without the file, or as a GET."""
    fields = {name: str(value) for name, value in SMALL.items()}
    form = http.post("/v1/videos/", data={"prompt": "paint", **fields}, files={"input_reference": picture()})
    assert (form.status_code, form.json()["has_image"]) == (200, True)
    native = http.post("/api/video/generate/", json={"prompt": "paint", **SMALL})
    assert (native.status_code, native.headers["Content-Type"]) == (200, "video/mp4")
    assert http.request("DELETE", f"/v1/videos/{form.json()['id']}/").json()["deleted"] is True


def test_a_probe_with_a_slash_needs_no_key_and_everything_else_does(keyed: httpx2.Client) -> None:
    assert keyed.get("/health/").status_code == 200
    assert keyed.head("/health").status_code == 200
    for method in ("GET", "HEAD", "OPTIONS", "PUT"):
        assert keyed.request(method, "/v1/videos/").status_code == 401, method


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    server = ServerProcess(
        tmp_path_factory.mktemp("keyed") / "data", REELWRIGHT_API_KEYS="right-key-0123456789"
    ).start()
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        yield client
    server.stop()


METHODS = {
    "/v1/videos": "GET, HEAD, POST, OPTIONS",
    "/v1/videos/x": "GET, HEAD, POST, DELETE, OPTIONS",
    "/videos/x/content": "GET, HEAD, OPTIONS",
    "/v1/models": "GET, HEAD, OPTIONS",
    "/v1/predictions": "GET, HEAD, POST, OPTIONS",
    "/v1/predictions/x/cancel": "POST, OPTIONS",
    "/models/a/b": "POST, OPTIONS",
    "/api/video/generate": "POST, OPTIONS",
    "/health": "GET, HEAD, OPTIONS",
    "/": "GET, HEAD, OPTIONS",
}


@pytest.mark.parametrize("path", METHODS)
def test_options_tells_the_methods(http: httpx2.Client, path: str) -> None:
    answer = http.options(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Allow"] == METHODS[path]


def test_options_of_the_whole_server(server: ServerProcess) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"OPTIONS * HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        status, headers, body = read_answer(connection)
        assert (status, headers["Allow"], body) == (204, "GET, HEAD, POST, DELETE, OPTIONS", b"")


def test_options_of_a_path_that_is_not_there(http: httpx2.Client) -> None:
    assert http.options("/nope").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", METHODS)
def test_another_method_is_told_in_the_dialects_words(http: httpx2.Client, path: str, method: str) -> None:
    answer = http.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == METHODS[path]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Request-Id" in answer.headers
    message = f"The method {method} is not allowed for {path}. Allowed: {METHODS[path]}."
    body = answer.json()
    match path.split("/")[1:3]:
        case ["v1", "predictions"]:
            assert body == {"title": "Method not allowed", "detail": message, "status": 405}
        case ["v1" | "videos", *_]:
            told = {"message": message, "type": "invalid_request_error", "param": None, "code": "method_not_allowed"}
            assert body == {"error": told}
        case ["models", *_]:
            assert body == {"error": message}
        case _:
            assert body == {"success": False, "error": message, "timestamp": body["timestamp"]}
