"""Bodies that are malformed, huge, slow or hostile: a clear 4xx, at once, and nothing is stored."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import httpx2
import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from reelwright.api.bodies import Bodies
from reelwright.api.body import read_body
from reelwright.api.escapes import percent_decoded
from reelwright.errors import BadRequest, Code
from tests.api import json_cases
from tests.api.asks import PATH, nothing_is_stored, read_answer, send
from tests.api.hasty import HastyLoop
from tests.servers import ServerProcess

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


@pytest.fixture(autouse=True)
def _nothing_is_stored(server: ServerProcess) -> Iterator[None]:
    with nothing_is_stored(server):
        yield


def refused(answer: httpx2.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["success"] is False
    assert len(answer.text) < 1_000
    return str(body["error"])


@pytest.mark.parametrize("body", json_cases.VALID)
def test_valid_json_is_read(http: httpx2.Client, body: bytes) -> None:
    assert "Unknown field: 'x'" in refused(send(http, body))


@pytest.mark.parametrize("body", json_cases.EITHER)
def test_json_at_the_edge_breaks_nothing(http: httpx2.Client, body: bytes) -> None:
    refused(send(http, body))


@pytest.mark.parametrize("body", json_cases.INVALID)
def test_malformed_json_is_told_with_the_time(http: httpx2.Client, body: bytes) -> None:
    answer = send(http, body)
    refused(answer)
    assert set(answer.json()) == {"success", "error", "timestamp"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"prompt": "a"\n "b": 1}', "Malformed JSON: Expecting ',' delimiter at line 2 column 2"),
        (b'{"prompt": "\xff"}', "The body is not valid UTF-8 at byte 12"),
        (b'{"prompt": "a", "fps": NaN}', "Malformed JSON: NaN is not a JSON number"),
        (b"[]", "The body must be a JSON object, not an array"),
        (b"3.5", "The body must be a JSON object, not a number"),
        (b"[" * 100_000, "The JSON is nested deeper than 64 levels"),
        (b'{"x":' + b"9" * 5_000 + b"}", "Malformed JSON: a number is too long"),
        (b"[" + b"0," * 100_000 + b"0]", "The JSON has more than 20,000 values"),
    ],
)
def test_what_is_wrong_and_where(http: httpx2.Client, body: bytes, told: str) -> None:
    assert refused(send(http, body)) == told


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"prompt=%FF", "invalid UTF-8"),
        (b"prompt=\xff", "invalid UTF-8"),
        (b"prompt=a&prompt=b", "more than once"),
        (b"prompt=a&fps=12&fps=13", "more than once"),
        (b"&".join(b"f%d=1" % number for number in range(10_000)), "more than 200 fields"),
        (b"prompt=a&unknown=1", "Unknown field: 'unknown'"),
        (b"prompt=a&" + b"x" * 100_000 + b"=1", "more than 256 characters"),
        (b"prompt=a&a" + b"[]" * 7_000_000 + b"=1", "more than 256 characters"),
        (b'{"prompt": "a"}', '"prompt" field'),
        (b"prompt=a;fps=12&=&=", "more than once"),
    ],
)
def test_a_bad_form(http: httpx2.Client, body: bytes, told: str) -> None:
    assert told in refused(send(http, body, FORM))


def part(name: str, value: bytes = b"a", headers: bytes = b"") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%s"\r\n%s\r\n%s\r\n' % (name.encode(), headers, value)


END = b"--x--\r\n"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the closing boundary is missing"),
        (END, '"prompt" field'),
        (b"--x\r\n", "the closing boundary is missing"),
        (part("prompt"), "the closing boundary is missing"),
        (part("prompt")[:-5], "the closing boundary is missing"),
        (part("prompt") + b"--y--\r\n", "the closing boundary is missing"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n" + END, ""),
        (b"--x\r\n\r\na\r\n" + END, ""),
        (b"--x\r\nno header\r\n\r\na\r\n" + END, ""),
        (b"--x\r\n: empty\r\n\r\na\r\n" + END, ""),
        (b"--x\nContent-Disposition: form-data; name=prompt\n\na\n--x--\n", ""),
        (b"garbage before" + END, ""),
        (b"\x00" * 1_000, ""),
        (part("prompt") + part("prompt") + END, "more than once"),
        (part("prompt", b"\xff") + END, "not valid UTF-8"),
        (b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\na\r\n' + END, "not valid UTF-8"),
        (part("prompt") + part("unknown") + END, "Unknown field: 'unknown'"),
        (part("prompt", b"YQ", b"Content-Transfer-Encoding: base64\r\n") + END, ""),
        (part("prompt", b"@", b"Content-Transfer-Encoding: base64\r\n") + END, ""),
        (part("prompt", b"a", b"X: " + b"h" * 65_536 + b"\r\n") + END, "Maximum header size exceeded"),
        (part("prompt", b"a", b"X: y\r\n" * 1_000) + END, ""),
        (b"".join(part(f"p{number}") for number in range(10_000)) + END, "200 fields"),
        (part("prompt") + part('image"; filename="a.png', b"not a picture") + END, "PNG, JPEG or WebP"),
    ],
)
def test_a_bad_multipart_form(http: httpx2.Client, body: bytes, told: str) -> None:
    assert told in refused(send(http, body, MULTIPART))


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary="',
        "multipart/form-data; boundary=" + "b" * 1_000,
    ],
)
def test_a_bad_boundary(http: httpx2.Client, content_type: str) -> None:
    refused(send(http, part("prompt") + END, content_type))


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/plain;charset=UTF-8", "application/xml", "text/json", "video/mp4", "json", "*/*", "", ";"],
)
def test_other_content_types_are_refused_with_what_may_be_sent(http: httpx2.Client, content_type: str) -> None:
    told = refused(send(http, b'{"prompt": "paint"}', content_type), 415)
    assert "application/json" in told


def test_the_content_types_parameters_and_case_do_not_matter(http: httpx2.Client) -> None:
    for content_type in ("Application/JSON", "application/json; charset=utf-8", "application/json ;x"):
        assert "Unknown field: 'x'" in refused(send(http, b'{"prompt": "paint", "x": 1}', content_type))


# --- too much, too slow -----------------------------------------------------------------------------------------------


def test_a_body_that_is_announced_too_long_is_refused_before_it_is_sent(server: ServerProcess) -> None:
    with connected(server) as connection:
        connection.sendall(head("Content-Length: 300000000"))
        status, _, body = read_answer(connection)
    assert status == 413
    assert b"At most 16 MB are allowed." in body


def test_a_body_that_turns_out_too_long_is_refused_and_not_kept(server: ServerProcess) -> None:
    """300 MB in chunks: the answer comes while it is sent, and the server's memory stays flat."""
    assert server.process
    before = resident_mb(server.process.pid)
    block = b"%x\r\n" % (1 << 20) + b"x" * (1 << 20) + b"\r\n"
    statuses: list[int] = []
    with connected(server) as connection:
        connection.sendall(head("Transfer-Encoding: chunked"))
        reader = threading.Thread(target=lambda: statuses.append(read_answer(connection)[0]))
        reader.start()
        try:
            for _ in range(300):
                connection.sendall(block)
        except ConnectionError:
            pass
        reader.join(10)
    assert statuses == [413]
    assert resident_mb(server.process.pid) - before < 100


def test_a_body_that_breaks_off_breaks_nothing(server: ServerProcess, http: httpx2.Client) -> None:
    with connected(server) as connection:
        connection.sendall(head("Content-Length: 1000") + b'{"prompt": ')
    assert http.get("/health").status_code == 200


async def nobody(_message: Message) -> None:
    raise AssertionError("nothing is to be sent")


def test_a_body_that_drips_is_cut_off() -> None:
    async def drip() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def read(scope: Scope, receive: Receive, _send: Send) -> None:
        await read_body(Request(scope, receive), 10_000_000)

    bodies = Bodies(read, most=10_000_000, longest=10_000_000, spool=tempfile.TemporaryFile)
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": []}
    with asyncio.Runner(loop_factory=HastyLoop) as runner, pytest.raises(BadRequest, match="came too slowly") as caught:
        runner.run(bodies(scope, drip, nobody))
    assert caught.value.code is Code.BODY_TOO_SLOW


def test_percent_encoding_is_read_as_the_standard_library_reads_it() -> None:
    noise = random.Random(7)
    signs = [b"%", b"4", b"1", b"a", b"F", b"=", b"_", b" ", b"\n", b"\r", b"z", b"\0", b"\xff", b"%41", b"=41", b"%3D"]
    for length in (0, 1, 5, 12, 40):
        for _ in range(2_000):
            text = b"".join(noise.choices(signs, k=length))
            assert percent_decoded(text) == unquote_to_bytes(text)
    long = b"".join(noise.choices(signs, k=200_000))
    assert percent_decoded(long) == unquote_to_bytes(long)


def test_many_values_do_not_stop_the_server(http: httpx2.Client) -> None:
    for body in (b"[" + b"[]," * 5_000_000 + b"[]]", b'{"prompt":"' + b"[" * 15_000_000 + b'"}', b'""' * 7_000_000):
        refused(send(http, body))
    assert http.get("/health").status_code == 200


@pytest.mark.parametrize(("threads", "each"), [(8, 20)])
def test_hostile_bodies_side_by_side(server: ServerProcess, threads: int, each: int) -> None:
    """Random cuts and flips of good bodies: always an answer, never a 500."""
    good = [
        ("application/json", b'{"prompt": "paint", "x": [1, {"a": null}], "fps": 12}'),
        (FORM, b"prompt=paint&x=%F0%9F%8E%AC&fps=12"),
        (MULTIPART, part("prompt") + part("x") + END),
    ]
    statuses: set[int] = set()

    def attack(seed: int) -> None:
        noise = random.Random(seed)
        with httpx2.Client(base_url=server.url, timeout=30) as client:
            for _ in range(each):
                content_type, body = noise.choice(good)
                spoilt = bytearray(body[: noise.randrange(len(body) + 1)])
                for _ in range(noise.randrange(4)):
                    if spoilt:
                        spoilt[noise.randrange(len(spoilt))] = noise.randrange(256)
                spoilt += b"&y=1" if content_type == FORM else b""  # never a request that would be granted
                statuses.add(send(client, bytes(spoilt), content_type).status_code)

    workers = [threading.Thread(target=attack, args=(seed,)) for seed in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert statuses == {400}


def head(*lines: str) -> bytes:
    start = [f"POST {PATH} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *lines]
    return "\r\n".join(start).encode() + b"\r\n\r\n"


def connected(server: ServerProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=30)


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
