"""The finished file over HTTP: ranges and their abuse, ETag, HEAD."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.types import Message

from reelwright.api.delivery import Download
from reelwright.errors import NotFound
from tests.api.asks import PATH, SMALL, generate
from tests.contract import checking
from tests.objects import Settings
from tests.servers import ServerProcess


@pytest.fixture(scope="module")
def http(shared_store: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A server on a folder, and then one on a bucket."""
    folder = tmp_path_factory.mktemp("delivery")
    with ServerProcess(folder / "data", **shared_store) as server, checking(server.url) as client:
        yield client


@pytest.fixture(scope="module")
def content(http: httpx2.Client) -> tuple[str, bytes, str]:
    """A finished video's address, its bytes and its ETag."""
    answer = generate(http, "paint")
    assert answer.status_code == 200
    return f"/v1/videos/{answer.headers['X-Video-Id']}/content", answer.content, answer.headers["ETag"]


Content = tuple[str, bytes, str]


def test_the_date_of_a_file_is_an_http_date(http: httpx2.Client, content: Content) -> None:
    """RFC 9110, 5.6.7: always GMT."""
    told = http.get(content[0]).headers["Last-Modified"]
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", told)


def test_a_file_that_goes_between_look_up_and_open_is_not_there(tmp_path: Path) -> None:
    """No client can time it so: a video is deleted after it was looked up. Nothing has been sent when it is told."""
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the answer does not begin")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    with pytest.raises(NotFound, match="file of this video is gone"):
        asyncio.run(Download(tmp_path / "gone.mp4", "video/mp4", {"ETag": '"x"'})(scope, receive, send))
    assert sent == []


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=4-7", 4, 7),
        ("bytes=100-", 100, -1),
        ("bytes=-10", -10, -1),
        ("bytes=0-999999999", 0, -1),
    ],
)
def test_a_range_is_served(http: httpx2.Client, content: Content, asked: str, first: int, last: int) -> None:
    url, data, etag = content
    answer = http.get(url, headers={"Range": asked})
    begin, end = first % len(data), last % len(data)
    assert answer.status_code == 206
    assert answer.content == data[begin : end + 1]
    assert answer.headers["Content-Range"] == f"bytes {begin}-{end}/{len(data)}"
    assert answer.headers["ETag"] == etag


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=999999999-",
        "bytes=5-2",
        "bytes=-0",
        "bytes=",
        "bytes=a-b",
        "bytes=--1",
        "bytes=1-2-3",
        "lines=0-5",
        "bytes=" + "9" * 5_000 + "-",
        "bytes=0-" + "9" * 5_000,
        "bytes=²-³".encode().decode("latin-1"),
        "bytes=" + ",".join(f"{n}-{n}" for n in range(7_000)),
        "bytes=" + ",".join("0-" for _ in range(7_000)),
        "bytes=" + ",".join(f"{n}-" for n in range(1_000)),
        "bytes=" + "," * 10_000,
        "bytes=0-5,3-9,8-20",
    ],
)
def test_range_abuse_gets_at_most_the_file_once(http: httpx2.Client, content: Content, asked: str) -> None:
    url, data, _ = content
    answer = http.get(url, headers={"Range": asked.encode("latin-1")})
    assert answer.status_code in (200, 206, 400, 416, 431)
    parts = answer.content.count(b"Content-Range:")
    assert len(answer.content) <= len(data) + 300 * (parts + 1)


def test_head_tells_what_get_would(http: httpx2.Client, content: Content) -> None:
    url, data, etag = content
    answer = http.head(url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(data)
    assert answer.headers["ETag"] == etag


@pytest.mark.parametrize("tag", ["{}", "W/{}", '"other", {}', "*"])
def test_a_client_that_has_it_is_told_so(http: httpx2.Client, content: Content, tag: str) -> None:
    url, _, etag = content
    answer = http.get(url, headers={"If-None-Match": tag.format(etag)})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["ETag"] == etag


def test_a_client_that_has_another_one_gets_it(http: httpx2.Client, content: Content) -> None:
    url, data, etag = content
    assert http.get(url, headers={"If-None-Match": '"other"'}).content == data
    partial = {"Range": "bytes=0-3"}
    assert http.get(url, headers={**partial, "If-Range": etag}).status_code == 206
    assert http.get(url, headers={**partial, "If-Range": '"other"'}).content == data


def test_a_range_does_not_cut_a_generated_video(http: httpx2.Client) -> None:
    answer = http.post(PATH, json={"prompt": "paint", **SMALL}, headers={"Range": "bytes=0-3", "If-None-Match": "*"})
    assert answer.status_code == 200
    assert len(answer.content) > 4
