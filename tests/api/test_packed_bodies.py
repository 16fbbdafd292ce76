"""Request bodies with `Content-Encoding`: unpacked within the body's limit, in every dialect and form."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.api.asks import PATH, SMALL, generate, picture, send
from tests.servers import ServerProcess

BODY = json.dumps({"prompt": "paint", **SMALL}).encode()
FORM = b"prompt=paint&engine=toy&size=64x64&num_frames=4"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that takes bodies up to 1 MB."""
    server = ServerProcess(tmp_path_factory.mktemp("small") / "data", REELWRIGHT_MAX_BODY_MB="1").start()
    yield server
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(BODY)),
        ("GZip", gzip.compress(BODY)),
        ("x-gzip", gzip.compress(BODY)),
        ("identity, gzip", gzip.compress(BODY)),
        ("gzip", gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])),
        ("deflate", zlib.compress(BODY)),
        ("identity", BODY),
        ("", BODY),
    ],
    ids=["gzip", "GZip", "x-gzip", "beside identity", "two members", "deflate", "identity", "none"],
)
def test_a_packed_body_is_read(http: httpx2.Client, coding: str, packed: bytes) -> None:
    answer = send(http, packed, **{"Content-Encoding": coding})
    assert answer.status_code == 200, answer.text


def test_a_packed_body_in_chunks_is_read(http: httpx2.Client) -> None:
    packed = gzip.compress(BODY)
    pieces = iter([packed[:11], packed[11:]])
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert http.post(PATH, content=pieces, headers=headers).status_code == 200


def test_packed_forms_are_read(http: httpx2.Client) -> None:
    assert send(
        http, gzip.compress(FORM), "application/x-www-form-urlencoded", **{"Content-Encoding": "gzip"}
    ).is_success
    fields = {"prompt": "paint", "model": "toy", "size": "64x64", "num_frames": "4"}
    plain = http.build_request("POST", "/v1/videos", data=fields, files={"input_reference": picture()})
    headers = {"Content-Type": plain.headers["content-type"], "Content-Encoding": "gzip"}
    answer = http.post("/v1/videos", content=gzip.compress(plain.read()), headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["has_image"] is True


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/predictions", {"version": "toy", "input": {"prompt": "paint"}}),
        ("/models/toy/toy", {"inputs": "paint", "parameters": {"num_frames": 4}}),
        ("/v1/videos", {"prompt": "paint", "model": "toy"}),
    ],
)
def test_every_dialect_reads_them(http: httpx2.Client, path: str, body: object) -> None:
    text = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    plain = http.post(path, content=text, headers=headers)
    packed = http.post(path, content=gzip.compress(text), headers={**headers, "Content-Encoding": "gzip"})
    assert packed.status_code == plain.status_code
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert "Malformed" not in packed.text


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", BODY),
        ("gzip", gzip.compress(BODY)[:-9]),
        ("gzip", gzip.compress(BODY)[:12]),
        ("gzip", gzip.compress(BODY)[:-8] + bytes(8)),
        ("gzip", gzip.compress(BODY) + b"behind it"),
        ("gzip", zlib.compress(BODY)),
        ("gzip", gzip.compress(b"") * 1_001),
        ("deflate", gzip.compress(BODY)),
    ],
    ids=["plain", "cut", "cut early", "wrong sum", "more behind it", "another form", "many members", "not deflate"],
)
def test_a_damaged_one_is_told(http: httpx2.Client, coding: str, packed: bytes) -> None:
    answer = send(http, packed, **{"Content-Encoding": coding})
    assert answer.status_code == 400
    assert coding in answer.json()["error"]


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress", "gz ip", "x" * 200])
@pytest.mark.parametrize("path", [PATH, "/v1/videos", "/v1/predictions", "/models/toy/toy"])
def test_another_coding_is_named(http: httpx2.Client, path: str, coding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    answer = http.post(path, content=BODY, headers=headers)
    assert answer.status_code == 415
    assert coding[:100] in answer.text
    assert len(answer.text) < 500


def resident(server: ServerProcess) -> int:
    """The most memory that the server has had, in bytes."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(1_000_000)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def test_a_bomb_is_refused_without_its_memory(small: ServerProcess) -> None:
    packed = bomb(100)
    with httpx2.Client(base_url=small.url, timeout=30) as http:
        assert generate(http, "paint").status_code == 200
        before = resident(small)
        answers = [send(http, packed, **{"Content-Encoding": "gzip"}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [413] * 5
        assert resident(small) - before < 30e6


def test_the_limit_counts_what_was_packed(small: ServerProcess) -> None:
    with httpx2.Client(base_url=small.url, timeout=30) as http:
        padded = BODY + b" " * (1_000_000 - len(BODY))
        assert send(http, gzip.compress(padded), **{"Content-Encoding": "gzip"}).status_code == 200
        assert send(http, gzip.compress(padded + b" "), **{"Content-Encoding": "gzip"}).status_code == 413


def test_others_are_answered_while_much_is_unpacked(server: ServerProcess, http: httpx2.Client) -> None:
    members = [gzip.compress(os.urandom(100) + bytes(15_000), 9) for _ in range(900)]
    packed = b"".join(members)

    def post(_: int) -> int:
        return send(http, packed, **{"Content-Encoding": "gzip"}).status_code

    answers = 0
    with ThreadPoolExecutor(4) as posters, httpx2.Client(base_url=server.url) as other:
        statuses = [posters.submit(post, number) for number in range(12)]
        while not all(status.done() for status in statuses):
            assert other.get("/health").status_code == 200
            answers += 1
    assert {status.result() for status in statuses} == {400}
    assert answers > 3 * len(statuses)  # not only between two of them
