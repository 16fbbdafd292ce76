"""The documented nginx and Caddy blocks, as they stand in docs/deployment.md, before the real server."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.api.asks import SMALL
from tests.api.videos import Gate, create, ended, made
from tests.proxies import PROGRAMS, documented, lacking, proxy
from tests.servers import ServerProcess

FORWARDING = {"REELWRIGHT_TRUSTED_PROXIES": "127.0.0.1"}
MANY = {f"10.1.{number // 256}.{number % 256}" for number in range(301)}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server as the document sets it up behind a proxy of the same machine."""
    folder = tmp_path_factory.mktemp("behind")
    server = ServerProcess(folder / "data", REELWRIGHT_MAX_BODY_MB="4", **FORWARDING).start()
    yield server
    server.stop()


@pytest.fixture(
    scope="module", params=[(language, before) for language in PROGRAMS for before in ("", "/reel")], ids="".join
)
def site(request: pytest.FixtureRequest, behind: ServerProcess) -> Iterator[tuple[str, str]]:
    """A proxy's address, and the prefix under which it serves."""
    language, before = request.param
    if reason := lacking(language):
        pytest.skip(reason)
    at_root, under_prefix = documented(language)
    # Not below pytest's own folder: it is closed to the user that nginx may change to.
    block = under_prefix if before else at_root
    with tempfile.TemporaryDirectory() as folder, proxy(language, block, behind.url, Path(folder)) as url:
        yield url, before


@pytest.fixture
def http(site: tuple[str, str]) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url="".join(site), timeout=30) as client:
        yield client


def test_the_host_keeps_its_port(site: tuple[str, str], http: httpx2.Client) -> None:
    """Without it the page's own requests look foreign, and every address lacks the port."""
    url, before = site
    own = http.post("/v1/videos", json={"prompt": "paint", **SMALL}, headers={"Origin": url})
    assert own.status_code == 200
    prediction = http.get(f"/v1/predictions/{own.json()['id']}").json()
    assert prediction["urls"]["get"] == f"{url}{before}/v1/predictions/{own.json()['id']}"
    assert httpx2.get(prediction["urls"]["get"]).status_code == 200


def test_every_address_leads_back_through_the_proxy(site: tuple[str, str], http: httpx2.Client) -> None:
    url, before = site
    video = made(http)
    assert video["video_url"] == f"{before}/v1/videos/{video['id']}/content"
    assert httpx2.get(url + video["video_url"]).content[4:8] == b"ftyp"
    page = httpx2.get(f"{url}{before}", follow_redirects=True)
    assert page.url.path == f"{before}/"
    for name in re.findall(r'(?:href|src)="([^"]+)"', page.text):
        assert httpx2.get(page.url.join(name)).status_code == 200


def test_events_arrive_while_the_job_runs(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = create(http, gate.prompt)
        with http.stream("GET", f"/v1/videos/{video['id']}/events", timeout=20) as events:
            kinds = (line.removeprefix("event: ") for line in events.iter_lines() if line.startswith("event: "))
            assert next(kinds) == "progress"  # a proxy that buffers would hold it until the end
            gate.open()
            assert list(kinds)[-1] == "completed"


def test_a_large_upload_reaches_the_server_and_its_own_limit_counts(http: httpx2.Client) -> None:
    fits = http.post("/v1/videos", files={"input_reference": os.urandom(3_900_000)}, data={"prompt": "paint"})
    assert fits.status_code == 400
    assert fits.json()["error"]["param"] == "input_reference"
    above = http.post("/v1/videos", files={"input_reference": os.urandom(6_000_000)}, data={"prompt": "paint"})
    assert above.status_code == 413
    assert above.json()["error"]["code"] == "body_too_large"


def test_what_a_client_makes_up_is_overwritten(site: tuple[str, str], http: httpx2.Client) -> None:
    url, before = site
    made_up = {
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "host=evil.example;proto=https",
    }
    video = ended(http, create(http))
    prediction = http.get(f"/v1/predictions/{video['id']}", headers=made_up).json()
    assert prediction["output"] == f"{url}{before}/v1/videos/{video['id']}/content"
    assert http.get(f"/v1/videos/{video['id']}", headers=made_up).json()["video_url"] == video["video_url"]


@pytest.mark.parametrize("language", PROGRAMS)
def test_nobody_guesses_keys_from_made_up_addresses(language: str, tmp_path: Path) -> None:
    """The client's address is the one that the proxy sees, whatever `X-Forwarded-For` it sends."""
    if reason := lacking(language):
        pytest.skip(reason)
    server = ServerProcess(tmp_path / "data", REELWRIGHT_API_KEYS="right-key-0123456789", **FORWARDING).start()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            proxy(language, documented(language)[0], server.url, Path(folder)) as url,
            httpx2.Client(base_url=url, timeout=30) as http,
        ):
            statuses = [http.get("/v1/videos", headers={"X-Forwarded-For": one}).status_code for one in sorted(MANY)]
            assert statuses == [401] * 300 + [429]
            right = {"Authorization": "Bearer right-key-0123456789"}
            assert http.get("/v1/videos", headers=right).status_code == 200
    finally:
        server.stop()
