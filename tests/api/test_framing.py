"""What is no sound HTTP/1.1 is refused in words, in the caller's dialect; and HTTP/1.0 is spoken."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import httpx2
import pytest

from tests.api.asks import PATH, SMALL, nothing_is_stored
from tests.api.videos import Gate, create
from tests.api.wire import Wire, chunked, request, wire
from tests.servers import ServerProcess

JSON = "Content-Type: application/json"
BODY = json.dumps({"prompt": "paint", **SMALL}).encode()

FAULTS: dict[str, tuple[bytes, int, str]] = {
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", 400, "no Host header"),
    "two hosts": (b"GET /health HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n", 400, "2 Host headers"),
    "a host that is none": (b"GET /health HTTP/1.1\r\nHost: [\r\n\r\n", 400, "not a host name"),
    "a host with a path": (b"GET /health HTTP/1.1\r\nHost: localhost/x\r\n\r\n", 400, "not a host name"),
    "another coding": (request(PATH, headers=["Transfer-Encoding: gzip, chunked"]), 501, "'gzip, chunked'"),
    "chunked not last": (request(PATH, headers=["Transfer-Encoding: chunked, gzip"]), 400, "Transfer-Encoding"),
    "only gzip": (request(PATH, headers=["Transfer-Encoding: gzip"]), 501, "'gzip'"),
    "nearly chunked": (request(PATH, headers=["Transfer-Encoding: xchunked"]), 501, "'xchunked'"),
    "chunked twice": (request(PATH, headers=["Transfer-Encoding: chunked"] * 2), 400, "Transfer-Encoding"),
    "coding, length": (request(PATH, b"{}", ["Transfer-Encoding: chunked"]), 400, "Content-Length"),
    "length, coding": (
        request(PATH, headers=["Content-Length: 2", "Transfer-Encoding: chunked"]),
        400,
        "Content-Length",
    ),
    "two lengths": (request(PATH, b"{}", ["Content-Length: 2"]), 400, "Duplicate Content-Length"),
    "a list of lengths": (request(PATH, headers=["Content-Length: 2, 2"]), 400, "Content-Length"),
    "a negative length": (request(PATH, headers=["Content-Length: -2"]), 400, "Content-Length"),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "HTTP/1.0"),
    "a folded line": (request("/health", headers=["X: a", " b"], method="GET"), 400, "whitespace"),
    "a NUL": (request("/health", headers=["X: a\0b"], method="GET"), 400, "header value"),
    "a space before the colon": (request("/health", headers=["X : a"], method="GET"), 400, "header"),
    "a space in the address": (b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "HTTP/"),
    "an address that is none": (b"GET http:// HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "address"),
    "bytes in the address": (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "address"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400, "not https"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "HTTP/2 is not spoken here"),
    "HTTP/2.0 in words": (b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n", 400, "HTTP/2.0 is not spoken here"),
    "HTTP/0.9 in words": (b"GET /health HTTP/0.9\r\nHost: localhost\r\n\r\n", 400, "HTTP/0.9 is not spoken here"),
    "another method": (b"BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "method"),
    "a large head": (request("/health", headers=["X: " + "x" * 70_000], method="GET"), 431, "64 KiB"),
    "a long address": (request("/" + "x" * 70_000, method="GET"), 431, "64 KiB"),
    "many small headers": (request("/health", headers=["a:"] * 17_000, method="GET"), 431, "64 KiB"),
    "a chunk size that is none": (
        request(PATH, headers=[JSON, "Transfer-Encoding: chunked"]) + b"zz\r\n",
        400,
        "chunk size",
    ),
    "a chunk that is longer": (
        request(PATH, headers=[JSON, "Transfer-Encoding: chunked"]) + b"1\r\n{}\r\n",
        400,
        "chunk data",
    ),
}


def assert_closed(line: Wire) -> None:
    with contextlib.suppress(ConnectionError):  # a reset, where what it had sent was not read
        assert line.rest() == b""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_request_is_refused_in_words(server: ServerProcess, fault: str) -> None:
    raw, status, words = FAULTS[fault]
    with wire(server) as line, nothing_is_stored(server):
        line.send(raw)
        answer = line.answer()
        assert answer.status == status
        assert answer.json()["success"] is False
        assert words in answer.json()["error"]
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert re.fullmatch(r"req_[0-9a-f]{24}", answer.headers["X-Request-Id"])
        assert answer.headers["Connection"] == "close"
        assert_closed(line)


@pytest.mark.parametrize(
    ("path", "where"),
    [("/v1/videos", "error"), ("/v1/predictions", "detail"), ("/models/toy/toy", "error"), (PATH, "error")],
)
def test_the_answer_is_in_the_paths_dialect(server: ServerProcess, path: str, where: str) -> None:
    with wire(server) as line:
        line.send(request(path, headers=["Transfer-Encoding: gzip, chunked", "X-Request-Id: mine"]))
        answer = line.answer()
    assert "gzip, chunked" in str(answer.json()[where])
    assert ("success" in answer.json()) == (path == PATH)
    assert answer.headers["X-Request-Id"] == "mine"


def test_what_came_before_a_fault_is_answered_first(server: ServerProcess) -> None:
    with wire(server) as line:
        line.send(request(PATH, BODY, [JSON]) + request("/health", method="GET") + b"\0\0\r\n")
        assert line.answer().headers["Content-Type"] == "video/mp4"
        assert line.answer().json()["status"] == "healthy"
        assert line.answer().status == 400
        assert_closed(line)


def test_a_client_that_goes_on_sending_learns_the_fault(server: ServerProcess) -> None:
    """A connection that is closed at once is reset, and the client's answer with it."""
    with wire(server) as line:
        line.send(request(PATH, headers=["Transfer-Encoding: gzip, chunked"]))
        for _ in range(20):
            line.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        assert line.answer().status == 501


TRAILER = b"Authorization: Bearer wrong\r\nX-Request-Id: trailer\r\nHost: evil.example\r\nIdempotency-Key: \x01\r\n"


def test_trailer_fields_never_count_as_headers(server: ServerProcess) -> None:
    trailer = TRAILER.replace(b"\x01", b"x" * 1_000)
    with wire(server) as line:
        line.send(request(PATH, headers=[JSON, "Transfer-Encoding: chunked"]) + chunked(BODY, trailer=trailer))
        answer = line.answer()
        assert answer.status == 200
        assert answer.headers["X-Request-Id"] != "trailer"
        line.send(request("/health", method="GET"))
        assert line.answer().status == 200


@pytest.mark.parametrize("piece", [b"X-A: " + b"y" * 8_000 + b"\r\n", b"a:\r\n" * 2_000, b"X-A" + b"y" * 8_000])
def test_trailer_fields_without_end_are_cut_off(server: ServerProcess, piece: bytes) -> None:
    with wire(server) as line, nothing_is_stored(server):
        line.send(
            request(PATH, headers=[JSON, "Transfer-Encoding: chunked"]) + b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
        )
        line.send(*[piece] * 60)
        answer = line.answer()
        assert (answer.status, answer.headers["Connection"]) == (431, "close")
        assert "64 KiB" in answer.json()["error"]
        assert_closed(line)


def test_a_chunk_extension_without_end_is_cut_off(server: ServerProcess) -> None:
    with wire(server) as line:
        line.send(request(PATH, headers=[JSON, "Transfer-Encoding: chunked"]) + b"2;")
        line.send(*[b"x=y;" * 2_000] * 60)
        assert line.answer().status == 431


def test_http_1_0_needs_no_host(server: ServerProcess) -> None:
    with wire(server) as line:
        line.send(b"GET /health HTTP/1.0\r\n\r\n")
        answer = line.answer()
        assert answer.status == 200
        assert answer.headers["Connection"] == "close"
        assert_closed(line)


def test_a_foreign_host_is_not_answered_to_in_http_1_0_either(server: ServerProcess) -> None:
    with wire(server) as line:
        line.send(b"GET /health HTTP/1.0\r\nHost: evil.example\r\n\r\n")
        assert line.answer().status == 421


def test_a_video_in_http_1_0(server: ServerProcess) -> None:
    head = f"POST {PATH} HTTP/1.0\r\n{JSON}\r\nExpect: 100-continue\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    with wire(server) as line:
        line.send(head, BODY)
        first = line._file.peek()
        assert first.startswith(b"HTTP/1.1 200"), "HTTP/1.0 has no 100 Continue"
        answer = line.answer()
        assert int(answer.headers["Content-Length"]) == len(answer.body)
        assert_closed(line)


def test_events_in_http_1_0_end_with_the_connection(server: ServerProcess, http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = create(http, gate.prompt)
        with wire(server) as line:
            line.send(f"GET /v1/videos/{video['id']}/events HTTP/1.0\r\n\r\n".encode())
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += line._file.readline()
            assert head.startswith(b"HTTP/1.1 200")
            assert b"transfer-encoding" not in head.lower()
            assert line._file.readline().startswith(b"id: ")  # no length of a chunk before it
            gate.open()
            events = line.rest().decode()
    assert "event: completed" in events
    assert all(re.match(r"(id|event|data): |: |$", text) for text in events.split("\n"))
