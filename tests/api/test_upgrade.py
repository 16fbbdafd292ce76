"""A request that asks for an upgrade (h2c, websocket) is read and answered as if it had not asked."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.api.asks import PATH, SMALL, count
from tests.api.wire import Wire, chunked, request, wire
from tests.servers import ServerProcess

JSON = "Content-Type: application/json"
BODY = json.dumps({"prompt": "paint", **SMALL}).encode()
UPGRADES = {
    "java": ["Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk", "Upgrade: h2c"],
    "h2c": ["Connection: Upgrade", "Upgrade: h2c"],
    "websocket": [
        "Connection: keep-alive, upgrade",
        "UPGRADE: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ],
    "several": ["Upgrade: h2c, websocket", "Upgrade: foo/2", "Connection: upgrade"],
}
CUTS: dict[str, Callable[[bytes], list[bytes]]] = {
    "one packet": lambda raw: [raw],
    "head, body": lambda raw: [raw[: raw.index(b"\r\n\r\n") + 4], raw[raw.index(b"\r\n\r\n") + 4 :]],
    "byte by byte": lambda raw: [raw[at : at + 1] for at in range(len(raw))],
}
HIDDEN = request("/v1/videos", method="GET")
HEALTH = request("/health", method="GET")


def assert_video(line: Wire) -> None:
    answer = line.answer()
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "video/mp4"


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("upgrade", UPGRADES)
def test_the_body_is_read(server: ServerProcess, upgrade: str, cut: str) -> None:
    with wire(server) as line:
        for _ in range(2):  # the connection can be used again
            line.send(*CUTS[cut](request(PATH, BODY, [JSON, *UPGRADES[upgrade]])))
            assert_video(line)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("upgrade", UPGRADES)
def test_a_chunked_body_is_read(server: ServerProcess, upgrade: str, cut: str) -> None:
    head = request(PATH, headers=[JSON, *UPGRADES[upgrade], "Transfer-Encoding: chunked"])
    with wire(server) as line:
        line.send(*CUTS[cut](head + chunked(BODY[:7], BODY[7:])))
        assert_video(line)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("upgrade", UPGRADES)
def test_a_body_is_never_the_next_request(server: ServerProcess, upgrade: str, cut: str) -> None:
    with wire(server) as line:
        line.send(*CUTS[cut](request(PATH, HIDDEN, [JSON, *UPGRADES[upgrade]])))
        assert "Malformed JSON" in line.answer().json()["error"]
        line.send(HEALTH)
        assert line.answer().json()["status"] == "healthy"


@pytest.mark.parametrize("upgrade", UPGRADES)
def test_requests_behind_each_other_are_answered_in_turn(server: ServerProcess, upgrade: str) -> None:
    get = request("/health", headers=UPGRADES[upgrade], method="GET")
    post = request(PATH, BODY, [JSON, *UPGRADES[upgrade]])
    with wire(server) as line:
        line.send(get + post + post + get + HEALTH)
        assert line.answer().json()["status"] == "healthy"
        assert_video(line)
        assert_video(line)
        for _ in range(2):
            assert line.answer().json()["status"] == "healthy"


def test_a_crowd_of_upgrades_in_one_packet(server: ServerProcess) -> None:
    get = request("/health", headers=UPGRADES["h2c"], method="HEAD")
    with wire(server) as line:
        line.send(get * 2_000 + request("/health", headers=["Connection: close"], method="GET"))
        answers = line.rest()
    assert answers.count(b"HTTP/1.1 ") == 2_001


@pytest.mark.parametrize("upgrade", UPGRADES)
def test_a_client_that_waits_for_100_gets_it(server: ServerProcess, upgrade: str) -> None:
    with wire(server) as line:
        line.send(
            request(PATH, b"", [JSON, *UPGRADES[upgrade], "Expect: 100-continue"]).replace(
                b"-Length: 0", b"-Length: %d" % len(BODY)
            )
        )
        assert line._file.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert line._file.readline() == b"\r\n"
        line.send(BODY)
        assert_video(line)


@pytest.mark.parametrize("upgrade", UPGRADES)
def test_faults_are_found_beside_an_upgrade(server: ServerProcess, upgrade: str) -> None:
    both = [JSON, *UPGRADES[upgrade], "Transfer-Encoding: chunked"]
    before = count(server)
    for raw in (request(PATH, HIDDEN, both), request(PATH, HIDDEN, ["Host: localhost", *UPGRADES[upgrade]])):
        with wire(server) as line:
            line.send(raw)
            assert line.answer().status == 400
            assert line.rest() == b""
    assert count(server) == before


def test_connect_opens_no_tunnel(server: ServerProcess) -> None:
    with wire(server) as line:
        line.send(b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n" + HIDDEN)
        answer = line.answer()
        assert (answer.status, answer.headers["Connection"]) == (501, "close")
        assert line.rest() == b""
