"""Browsers and host names: CORS for the listed origins, nothing for all others, and no cross-site requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from reelwright.api.guard import Failures, Origins
from tests.api.asks import PATH, SMALL, count
from tests.api.videos import made
from tests.servers import ServerProcess

LISTED = "http://localhost:8080"
UNLISTED = [
    "http://evil.example",
    "null",
    "https://localhost:8080",
    "http://LOCALHOST:8080",
    "http://localhost:8080.evil.example",
    "http://localhost@evil.example",
    "http://127.0.0.1.evil.example:3000",
    "http://127.0.0.2:3000",
    "",
]
READABLE = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "ETag",
    "Retry-After",
    "X-Engine",
    "X-Generation-Time",
    "X-Request-Id",
    "X-Seed",
    "X-Video-Id",
    "X-Video-Size",
)
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-stainless-os"}


@contextmanager
def alone(folder: Path, **settings: str) -> Iterator[tuple[ServerProcess, httpx2.Client]]:
    """A server with other settings."""
    server = ServerProcess(folder / "data", **settings).start()
    try:
        with httpx2.Client(base_url=server.url, timeout=30) as http:
            yield server, http
    finally:
        server.stop()


def cors(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower().startswith("access-control-")}


def assert_readable(answer: httpx2.Response) -> None:
    assert answer.headers["Access-Control-Allow-Origin"] == LISTED
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in answer.headers["Vary"]
    exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert exposed >= set(READABLE)


def test_a_listed_origin_may_read_the_video_and_its_headers(http: httpx2.Client) -> None:
    answer = http.post(PATH, json={"prompt": "paint", **SMALL}, headers={"Origin": LISTED})
    assert answer.status_code == 200
    assert_readable(answer)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/health", 200), ("GET", "/nope", 404), ("GET", PATH, 405), ("POST", PATH, 400)],
)
def test_a_listed_origin_may_read_errors_too(http: httpx2.Client, method: str, path: str, status: int) -> None:
    answer = http.request(method, path, headers={"Origin": LISTED, "Content-Type": "application/json"})
    assert answer.status_code == status
    assert_readable(answer)


@pytest.mark.parametrize("prompt", ["fail internal", "fail upstream_loading", "crash"])
def test_a_listed_origin_may_read_failures_too(http: httpx2.Client, prompt: str) -> None:
    answer = http.post(PATH, json={"prompt": prompt, **SMALL}, headers={"Origin": LISTED})
    assert answer.status_code >= 500
    assert_readable(answer)


def test_a_preflight_is_answered(http: httpx2.Client) -> None:
    answer = http.options(PATH, headers={"Origin": LISTED, **PREFLIGHT})
    assert answer.status_code == 200
    headers = answer.headers
    assert headers["Access-Control-Allow-Origin"] == LISTED
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert {"POST", "DELETE"} <= {method.strip() for method in headers["Access-Control-Allow-Methods"].split(",")}
    assert headers["Access-Control-Allow-Headers"] == "content-type,x-stainless-os"


@pytest.mark.parametrize("origin", UNLISTED)
def test_an_unlisted_origin_gets_no_cors_header_at_all(http: httpx2.Client, origin: str) -> None:
    headers = {"Origin": origin}
    answers = [
        http.get("/health", headers=headers),
        http.get("/nope", headers=headers),
        http.options(PATH, headers={**headers, **PREFLIGHT}),
        http.post(PATH, json={"prompt": "paint", **SMALL}, headers=headers),
    ]
    assert [cors(answer.headers) for answer in answers] == [{}, {}, {}, {}]


@pytest.mark.parametrize("origin", UNLISTED)
@pytest.mark.parametrize(("method", "path"), [("POST", PATH), ("POST", "/v1/videos"), ("DELETE", "/v1/videos/x")])
def test_a_foreign_origin_may_not_change_anything(
    server: ServerProcess, http: httpx2.Client, origin: str, method: str, path: str
) -> None:
    before = count(server)
    answer = http.request(method, path, json={"prompt": "paint", **SMALL}, headers={"Origin": origin})
    assert answer.status_code == 403
    assert "CLIENT_URL" in answer.text
    assert count(server) == before


@pytest.mark.parametrize("origin", UNLISTED)
def test_a_foreign_origin_may_look_and_is_told_no_when_it_asks_to_change_something(
    http: httpx2.Client, origin: str
) -> None:
    """A look changes nothing. A preflight announces a request that would, and a browser shows why it was refused."""
    headers = {"Origin": origin}
    assert http.get("/health", headers=headers).status_code == 200
    assert http.head("/health", headers=headers).status_code == 200
    assert http.options(PATH, headers=headers).status_code == 204, "it announces nothing"
    refused = http.options(PATH, headers={**headers, **PREFLIGHT})
    assert refused.status_code == 403
    assert "CLIENT_URL" in refused.text


def test_the_servers_own_page_may_use_it(server: ServerProcess, http: httpx2.Client) -> None:
    answer = http.post(PATH, json={"prompt": "paint", **SMALL}, headers={"Origin": server.url})
    assert answer.status_code == 200


def test_a_program_without_an_origin_may_use_it(http: httpx2.Client) -> None:
    answer = http.post(PATH, json={"prompt": "paint", **SMALL})
    assert answer.status_code == 200
    assert cors(answer.headers) == {}


@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:5173", "http://localhost"]
)
def test_in_development_any_port_of_this_machine_may_use_it(http: httpx2.Client, origin: str) -> None:
    """Vite's 5173, Next's 3000: nobody lists them first."""
    allowed = http.options(PATH, headers={"Origin": origin, **PREFLIGHT})
    answer = http.post(PATH, json={"prompt": "paint", **SMALL}, headers={"Origin": origin})
    assert (allowed.status_code, answer.status_code) == (200, 200)
    assert allowed.headers["Access-Control-Allow-Origin"] == answer.headers["Access-Control-Allow-Origin"] == origin


def test_in_production_only_what_is_listed_may_use_it(tmp_path: Path) -> None:
    with alone(tmp_path, NODE_ENV="production", CLIENT_URL="https://app.example") as (_, http):
        for origin in ("http://localhost:5173", "http://localhost:8080", "https://app-example"):
            assert http.post("/v1/videos", json={}, headers={"Origin": origin}).status_code == 403
            assert cors(http.get("/health", headers={"Origin": origin}).headers) == {}
        listed = http.get("/health", headers={"Origin": "https://app.example"})
        assert listed.headers["Access-Control-Allow-Origin"] == "https://app.example"


def test_the_log_names_a_stranger_and_the_remedy_once(tmp_path: Path) -> None:
    with alone(tmp_path) as (server, http):
        for _ in range(3):
            http.get("/v1/videos", headers={"Origin": "https://app.example"})
            http.options("/v1/videos", headers={"Origin": "https://app.example", **PREFLIGHT})
        lines = [line for line in server.log_text().splitlines() if "https://app.example" in line]
        assert len(lines) == 1
        assert "CLIENT_URL" in lines[0]
        for number in range(150):
            http.get("/health", headers={"Origin": f"https://{number}.example"})
        told = [line for line in server.log_text().splitlines() if "CLIENT_URL" in line]
        assert len(told) == Origins.MOST_STRANGERS


def test_a_page_without_an_origin_is_told_what_it_needs(http: httpx2.Client) -> None:
    answer = http.post(PATH, json={"prompt": "paint"}, headers={"Origin": "null"})
    assert "Serve the page over http" in answer.json()["error"]


def test_a_public_page_may_ask_for_the_private_network_when_it_is_listed(http: httpx2.Client) -> None:
    """https://wicg.github.io/private-network-access/: Chrome asks so before a page reaches into the local network."""
    asks = {**PREFLIGHT, "Access-Control-Request-Private-Network": "true"}
    listed = http.options(PATH, headers={"Origin": LISTED, **asks})
    assert (listed.status_code, listed.headers["Access-Control-Allow-Private-Network"]) == (200, "true")
    assert (
        "Access-Control-Allow-Private-Network"
        not in http.options(PATH, headers={"Origin": LISTED, **PREFLIGHT}).headers
    )
    assert cors(http.options(PATH, headers={"Origin": "https://evil.example", **asks}).headers) == {}


def test_every_header_of_ours_may_be_read(http: httpx2.Client) -> None:
    """Those that browsers show anyway are in https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name."""
    video = made(http)
    content, origin = f"/v1/videos/{video['id']}/content", {"Origin": LISTED}
    answers = [
        http.get(content, headers=origin),
        http.get(content, headers={**origin, "Range": "bytes=0-3"}),
        http.get(content, headers={**origin, "Range": "bytes=99999999-"}),
        http.post(PATH, json={"prompt": "paint", **SMALL}, headers={**origin, "Prefer": "respond-async"}),
        http.post("/v1/videos", json={"prompt": "paint", **SMALL}, headers=origin),
        http.post("/v1/videos", json={}, headers=origin),
        http.put("/v1/videos", headers=origin),
    ]
    anyway = {
        "cache-control",
        "content-language",
        "content-length",
        "content-type",
        "expires",
        "last-modified",
        "pragma",
    }
    of_the_connection = {"date", "vary", "x-content-type-options", "connection"}
    for answer in answers:
        exposed = {name.strip().lower() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
        hidden = (
            set(answer.headers) - exposed - anyway - of_the_connection - {name.lower() for name in cors(answer.headers)}
        )
        assert hidden == set(), answer


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3001", "127.0.0.1.evil.example", "localhost.", "", "x" * 300]
)
@pytest.mark.parametrize("path", ["/health", "/v1/videos", "/"])
def test_a_foreign_host_name_is_not_answered_to(http: httpx2.Client, host: str, path: str) -> None:
    """A page that rebinds its own name to 127.0.0.1 sends that name."""
    answer = http.get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert len(answer.text) < 400
    assert cors(answer.headers) == {}


@pytest.mark.parametrize("host", ["localhost", "LocalHost:1", "127.0.0.1:9", "[::1]:3001", "[::1]"])
def test_the_loopback_names_are_answered_to(http: httpx2.Client, host: str) -> None:
    assert http.get("/health", headers={"Host": host}).status_code == 200


def test_a_simple_cross_site_form_is_refused_by_its_type(http: httpx2.Client) -> None:
    """What a page could send without a preflight, from a browser that names no origin."""
    answer = http.post(PATH, content=b'{"prompt": "paint"}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_nothing_a_client_sent_is_served_as_a_page(http: httpx2.Client) -> None:
    answer = http.get("/%3Cscript%3Ealert(1)%3C/script%3E")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script>" not in answer.text


def test_wrong_keys_are_counted_by_address_and_minute() -> None:
    failures = Failures()
    waits = [failures.count("1.2.3.4", 10.0) for _ in range(Failures.ALLOWED + 1)]
    assert waits[:-1] == [0.0] * Failures.ALLOWED
    assert waits[-1] == Failures.WINDOW_S
    assert failures.count("1.2.3.4", 40.0) == 30.0
    assert failures.count("5.6.7.8", 40.0) == 0.0
    assert failures.count("1.2.3.4", 10.0 + Failures.WINDOW_S) == 0.0


def test_the_addresses_that_are_remembered_are_bounded() -> None:
    failures = Failures()
    for number in range(Failures.MOST_ADDRESSES + 10):
        failures.count(str(number), 0.0)
    assert len(failures._seen) == Failures.MOST_ADDRESSES
    waits = [failures.count("new", 0.0) for _ in range(Failures.ALLOWED + 1)]
    assert waits[-1] > 0, "the oldest address is forgotten, not the one that guesses now"


def test_who_guesses_keys_is_held_up_and_who_has_one_is_not(tmp_path: Path) -> None:
    with alone(tmp_path, REELWRIGHT_API_KEYS="a-key-that-nobody-guesses") as (_, http):
        told = [
            http.get("/v1/videos", headers={"Authorization": f"Bearer guess-{number}"})
            for number in range(Failures.ALLOWED + 5)
        ]
        assert [answer.status_code for answer in told] == [401] * Failures.ALLOWED + [429] * 5
        assert 1 <= int(told[-1].headers["Retry-After"]) <= Failures.WINDOW_S
        assert told[-1].json()["error"]["code"] == "rate_limited"
        good = http.get("/v1/videos", headers={"Authorization": "Bearer a-key-that-nobody-guesses"})
        assert good.status_code == 200
