"""Behind a proxy: a path prefix in every address, and whom the server believes about what was asked for."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.asks import SMALL, read_answer
from tests.api.videos import create, ended, made
from tests.fakes.receiver import HOST, Receiver
from tests.servers import ServerProcess, eventually

TRUSTED = {"REELWRIGHT_TRUSTED_PROXIES": "127.0.0.1"}


@contextmanager
def alone(folder: Path, **settings: str) -> Iterator[ServerProcess]:
    server = ServerProcess(folder / "data", **settings).start()
    try:
        yield server
    finally:
        server.stop()


def client(server: ServerProcess, path: str = "", **headers: str) -> httpx2.Client:
    return httpx2.Client(base_url=server.url + path, headers=headers, timeout=30)


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that lies under /reel by its settings."""
    with alone(tmp_path_factory.mktemp("prefixed"), REELWRIGHT_ROOT_PATH="/reel/", REACHABLE=HOST) as server:
        yield server


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that believes its proxy."""
    with alone(tmp_path_factory.mktemp("behind"), **TRUSTED) as server:
        yield server


@pytest.fixture(params=["taken off", "passed on", "told and taken off", "told and passed on"])
def http(request: pytest.FixtureRequest, prefixed: ServerProcess, behind: ServerProcess) -> Iterator[httpx2.Client]:
    """A client whose proxy serves the server under /reel in one of four ways."""
    told = {"X-Forwarded-Prefix": "/reel"} if request.param.startswith("told") else {}
    server, path = behind if told else prefixed, "/reel" if request.param.endswith("passed on") else ""
    with client(server, path, **told) as http:
        yield http


def addresses(value: object) -> list[str]:
    """Every text in a JSON value that is an address of this server."""
    if isinstance(value, dict):
        return [one for inner in value.values() for one in addresses(inner)]
    if isinstance(value, list):
        return [one for inner in value for one in addresses(inner)]
    return [value] if isinstance(value, str) and re.match(r"http://|/(reel/)?v1/", value) else []


def test_every_address_in_an_answer_has_the_prefix(http: httpx2.Client) -> None:
    video = made(http)
    later = {"Prefer": "respond-async"}
    accepted = http.post("/api/video/generate", json={"prompt": "paint", **SMALL}, headers=later)
    assert accepted.headers["Location"] == f"/reel/v1/videos/{accepted.json()['id']}"
    origin = str(http.base_url.copy_with(path="/")).rstrip("/")
    prediction = http.get(f"/v1/predictions/{video['id']}").json()
    assert prediction["output"] == f"{origin}/reel/v1/videos/{video['id']}/content"
    events = http.get(f"/v1/videos/{video['id']}/events").text
    answers = {
        "video": (video, 1),
        "accepted": (accepted.json(), 3),
        "list": (http.get("/v1/videos").json(), 1),
        "prediction": (prediction, 3),
        "job": (http.get(f"/api/v1/videos/{video['id']}").json(), 2),
        "predictions": (http.get("/v1/predictions").json(), 3),
        "events": (json.loads(re.findall(r"^data: (.*)$", events, re.MULTILINE)[-1]), 1),
    }
    for name, (answer, least) in answers.items():
        found = addresses(answer)
        assert len(found) >= least, name
        for address in found:
            assert address.removeprefix(origin).startswith(("/reel/v1/", "/reel/api/v1/")), (name, address)
    assert httpx2.get(f"{origin}/reel/health", headers=http.headers).status_code == 200
    assert http.get("/openapi.json").json()["servers"] == [{"url": "/reel"}]


def test_the_pages_own_addresses_are_relative(http: httpx2.Client) -> None:
    page = http.get("/")
    names = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert len(names) == 4
    for name in names:
        assert not name.startswith("/"), name
        assert http.get(f"/{name}").status_code == 200


@pytest.mark.parametrize("way", ["set", "told"])
def test_the_prefix_without_its_slash_leads_to_the_page(
    prefixed: ServerProcess, behind: ServerProcess, way: str
) -> None:
    server, told = (prefixed, {}) if way == "set" else (behind, {"X-Forwarded-Prefix": "/reel"})
    answer = httpx2.get(f"{server.url}/reel?a=1", headers=told)
    assert (answer.status_code, answer.headers["Location"]) == (308, "/reel/?a=1")
    assert "X-Request-Id" in answer.headers
    assert "<title>Reelwright" in httpx2.get(f"{server.url}/reel", headers=told, follow_redirects=True).text


def test_a_webhook_leads_back_under_the_prefix(prefixed: ServerProcess) -> None:
    with Receiver() as receiver, client(prefixed, "/reel") as http:
        video = create(http, webhook=receiver.url)
        [message] = eventually(lambda: receiver.received)
        told = json.loads(message.body)["data"]["video_url"]
        assert told == f"{prefixed.url}/reel/v1/videos/{video['id']}/content"
        assert httpx2.get(told).status_code == 200


@pytest.mark.parametrize("prefix", ["/v1", "/api", "/models", "/v1/videos", "/playground", "/health"])
def test_a_prefix_like_an_own_path_works_where_the_proxy_takes_it_off(behind: ServerProcess, prefix: str) -> None:
    with client(behind, "", **{"X-Forwarded-Prefix": prefix}) as http:
        assert http.get("/health").status_code == 200
        video = made(http)
        assert video["video_url"] == f"{prefix}/v1/videos/{video['id']}/content"
        assert http.post("/api/video/generate", json={"prompt": "paint", **SMALL}).status_code == 200
        assert http.put("/models/a/b").status_code == 405


def test_what_is_no_http_is_told_in_the_dialect_below_the_prefix(prefixed: ServerProcess) -> None:
    port = int(prefixed.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = b"POST /reel/v1/videos HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nContent-Length: 2\r\n\r\n{}"
        connection.sendall(head)
        status, _, body = read_answer(connection)
    assert status == 400
    assert json.loads(body)["error"]["code"] == "malformed_request"


@pytest.mark.parametrize("prefix", ["/playground", "/health", "/reel"])
def test_a_prefix_opens_nothing_that_needs_a_key(tmp_path: Path, prefix: str) -> None:
    with alone(tmp_path, REELWRIGHT_ROOT_PATH=prefix, REELWRIGHT_API_KEYS="right-key-0123456789") as server:
        for path in ("/v1/videos", "/metrics", "/v1/predictions", "/v1/models"):
            for before in ("", prefix, prefix * 2, f"/playground{prefix}", f"{prefix}/playground"):
                answer = httpx2.get(f"{server.url}{before}{path}")
                assert answer.status_code in (401, 404), answer.url
        assert httpx2.get(f"{server.url}/health").status_code == 200
        assert httpx2.get(f"{server.url}/").status_code == 200


@pytest.mark.parametrize(
    "told",
    ["reel", "//evil.example", "/reel\\x", "http://evil.example/", "/a b", "/<b>", "/..", "/reel, /x", "/" + "x" * 999],
)
def test_a_prefix_that_is_no_path_is_not_believed(behind: ServerProcess, told: str) -> None:
    with client(behind, "", **{"X-Forwarded-Prefix": told}) as http:
        accepted = http.post("/api/video/generate", json={"prompt": "x", **SMALL}, headers={"Prefer": "respond-async"})
        assert accepted.json()["status_url"].startswith("/v1/videos/")


STRANGE = {"X-Forwarded-Prefix": "/reel", "X-Forwarded-Proto": "https", "X-Forwarded-For": "1.2.3.4"}


def test_a_stranger_is_not_believed_not_even_on_loopback(tmp_path: Path) -> None:
    with alone(tmp_path) as server, client(server, "", **STRANGE) as http:
        video = made(http)
        assert video["video_url"] == f"/v1/videos/{video['id']}/content"
        assert http.get(f"/v1/predictions/{video['id']}").json()["output"].startswith(f"{server.url}/v1/")
        own = {"Origin": server.url.replace("http:", "https:")}
        assert http.post("/v1/videos", json={"prompt": "x"}, headers=own).status_code == 403
        [line] = [line for line in server.log_text().splitlines() if "REELWRIGHT_TRUSTED_PROXIES" in line]
        assert "127.0.0.1" in line


def test_a_named_proxy_is_believed(behind: ServerProcess) -> None:
    with client(behind, "", **STRANGE) as http:
        video = made(http)
        https = behind.url.replace("http:", "https:")
        prediction = http.get(f"/v1/predictions/{video['id']}").json()
        assert prediction["output"] == f"{https}/reel/v1/videos/{video['id']}/content"
        assert http.post("/v1/videos", json={"prompt": "x", **SMALL}, headers={"Origin": https}).status_code == 200


def wrong_keys(http: httpx2.Client, number: int) -> list[int]:
    """The statuses of requests with a wrong key, each from another address as it says."""
    return [
        http.get("/v1/videos", headers={"X-Forwarded-For": f"10.0.{n // 256}.{n % 256}"}).status_code
        for n in range(number)
    ]


def test_a_client_cannot_hide_behind_made_up_addresses(tmp_path: Path) -> None:
    with alone(tmp_path, REELWRIGHT_API_KEYS="right-key-0123456789") as server, client(server) as http:
        assert wrong_keys(http, 301) == [401] * 300 + [429]


@pytest.mark.parametrize("name", ["REELWRIGHT_TRUSTED_PROXIES", "FORWARDED_ALLOW_IPS"])
def test_a_named_proxys_clients_are_told_apart(tmp_path: Path, name: str) -> None:
    settings: dict[str, Any] = {name: "10.9.9.9, 127.0.0.0/8", "REELWRIGHT_API_KEYS": "right-key-0123456789"}
    with alone(tmp_path, **settings) as server, client(server) as http:
        assert wrong_keys(http, 301) == [401] * 301


def test_one_event_has_each_clients_own_addresses(behind: ServerProcess) -> None:
    with client(behind) as plain, client(behind, "", **{"X-Forwarded-Prefix": "/reel"}) as under:
        video = ended(plain, create(plain))
        for http, before in ((plain, ""), (under, "/reel"), (plain, "")):
            text = http.get(f"/v1/videos/{video['id']}/events").text
            assert f'"video_url":"{before}/v1/videos/' in text
