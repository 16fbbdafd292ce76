"""Links that show one video without a key; and what clients write on their videos."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from tests.api.videos import Gate, create, ended, made
from tests.contract import checking
from tests.databases import run_sql
from tests.servers import ServerProcess

ALICE, BOB = "alice-0123456789abcdef", "bob-0123456789abcdef"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("share") / "data", REELWRIGHT_API_KEYS=f"{ALICE}, {BOB}") as running:
        yield running


@pytest.fixture(scope="module")
def alice(locked: ServerProcess) -> Iterator[httpx2.Client]:
    with checking(locked.url, headers={"Authorization": f"Bearer {ALICE}"}) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(locked: ServerProcess) -> Iterator[httpx2.Client]:
    with checking(locked.url) as client:
        yield client


@pytest.fixture(scope="module")
def video(alice: httpx2.Client) -> dict[str, object]:
    return made(alice, 'a <b>bold</b> & quiet "sea"')


def shared(client: httpx2.Client, video: dict[str, object], **draft: object) -> str:
    """The path of a new link."""
    answer = client.post(f"/v1/videos/{video['id']}/share", json=draft)
    assert answer.status_code == 200, answer.text
    assert answer.json()["url"].startswith(str(client.base_url))
    return str(httpx2.URL(answer.json()["url"]).path)


def test_a_link_shows_one_video_to_who_has_no_key(
    alice: httpx2.Client, stranger: httpx2.Client, video: dict[str, object]
) -> None:
    path = shared(alice, video)
    page = stranger.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-robots-tag"] == "noindex"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "a &lt;b&gt;bold&lt;/b&gt; &amp; quiet &quot;sea&quot;" in page.text
    assert "<b>bold" not in page.text
    (source,) = re.findall(r'<video src="([^"]+)"', page.text)
    film = stranger.get(source)
    assert (film.status_code, film.content) == (200, alice.get(f"/v1/videos/{video['id']}/content").content)
    assert stranger.get(source, headers={"Range": "bytes=0-9"}).status_code == 206
    assert stranger.get(f"{source}?variant=poster").headers["content-type"] == "image/jpeg"
    assert stranger.get(f"{source}?variant=gif").status_code == 400
    assert stranger.get(f"/v1/videos/{video['id']}").status_code == 401


def test_a_link_that_was_touched_or_has_ended_shows_nothing(
    locked: ServerProcess, alice: httpx2.Client, stranger: httpx2.Client, video: dict[str, object]
) -> None:
    path = shared(alice, video)
    video_id, end, signature = path.removeprefix("/share/").split(".")
    ((secret,),) = run_sql(locked, "SELECT value FROM secrets WHERE name = 'link'")

    def signed(told: str) -> str:
        digest = hmac.digest(secret.encode(), f"share {told}".encode(), sha256)
        return f"{told}.{base64.urlsafe_b64encode(digest[:16]).decode().rstrip('=')}"

    assert signed(f"{video_id}.{end}") == f"{video_id}.{end}.{signature}"
    other = made(alice, "another")["id"]
    for token in (
        f"{video_id}.{int(end) + 1}.{signature}",
        f"{other}.{end}.{signature}",
        f"{video_id}.{end}.{signature[::-1]}",
        signed(f"{video_id}.1000000000"),
        "x",
    ):
        assert stranger.get(f"/share/{token}/content").status_code == 404, token
        page = stranger.get(f"/share/{token}")
        assert (page.status_code, "This link has ended" in page.text) == (404, True), token


def test_a_link_ends_with_its_video_and_never_later(alice: httpx2.Client, stranger: httpx2.Client) -> None:
    video = made(alice, "soon gone")
    answer = alice.post(f"/v1/videos/{video['id']}/share", json={"days": 365}).json()
    assert answer["expires_at"] == video["expires_at"]
    path = shared(alice, video, days=0.5)
    assert stranger.get(path).status_code == 200
    alice.delete(f"/v1/videos/{video['id']}")
    assert [stranger.get(one).status_code for one in (path, f"{path}/content")] == [404, 404]


def test_only_its_owner_shares_a_video_and_only_a_finished_one(
    locked: ServerProcess, alice: httpx2.Client, video: dict[str, object], tmp_path: Path
) -> None:
    with checking(locked.url, headers={"Authorization": f"Bearer {BOB}"}) as bob:
        assert bob.post(f"/v1/videos/{video['id']}/share", json={}).status_code == 404
    for days in (0.5, 299.18686978740413, 1e-7, "299.18686978740413"):
        assert alice.post(f"/v1/videos/{video['id']}/share", json={"days": days}).status_code == 200, days
    for days in (0, -1, 366, 10**400, "soon", "1e2", True, None):
        refused = alice.post(f"/v1/videos/{video['id']}/share", json={"days": days})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "days"), days
    with Gate(tmp_path) as gate:
        waiting = create(alice, gate.prompt)
        refused = alice.post(f"/v1/videos/{waiting['id']}/share", json={})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")


def test_links_are_good_after_a_restart(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    with server, checking(server.url) as http:
        video = made(http)
        path = shared(http, video)
    with server, checking(server.url) as http:
        assert http.get(path).status_code == 200


def test_metadata_of_an_ended_video_is_set_and_removed(http: httpx2.Client) -> None:
    video = made(http, metadata={"team": "blue", "shot": "7"})
    address = f"/v1/videos/{video['id']}"
    changed = http.post(address, json={"metadata": {"favourite": "yes", "shot": None, "none": None}})
    assert changed.status_code == 200, changed.text
    assert changed.json()["metadata"] == {"team": "blue", "favourite": "yes"}
    assert http.get(address).json()["metadata"] == {"team": "blue", "favourite": "yes"}
    listed = http.get("/v1/videos", params={"metadata[favourite]": "yes"}).json()["data"]
    assert video["id"] in [one["id"] for one in listed]
    for metadata in ({str(n): "x" for n in range(15)}, {"a": 1}, [], None, {"a": "\0"}, {"a" * 65: None}):
        refused = http.post(address, json={"metadata": metadata})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_field"), metadata
    assert http.post(address, json={"prompt": "x"}).status_code == 400
    assert http.get(address).json()["metadata"] == {"team": "blue", "favourite": "yes"}


def test_metadata_stays_as_it_was_asked_for_until_the_end(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = create(http, gate.prompt)
        refused = http.post(f"/v1/videos/{video['id']}", json={"metadata": {"a": "b"}})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    ended(http, video)


def test_a_search_goes_through_all_videos(http: httpx2.Client) -> None:
    first = made(http, "Ein stiller SÜDHANG im Nebel", size="64x96")
    for _ in range(3):
        made(http)

    def found(**query: str) -> list[str]:
        answer = http.get("/v1/videos", params={"limit": 1, **query})
        assert answer.status_code == 200, answer.text
        return [video["id"] for video in answer.json()["data"]]

    assert found(q="südhang stiller") == [first["id"]]
    assert found(q="südhang", shape="portrait", model="toy", status="completed") == [first["id"]]
    assert found(q="südhang", shape="square") == []
    assert found(q=str(first["id"])) == [first["id"]]
    for query in ({"q": "x" * 201}, {"q": "\0"}, {"shape": "round"}, {"model": "x" * 201}):
        refused = http.get("/v1/videos", params=query)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, *query), query
