"""Every route and method, as the API's document names them: without a key, with a wrong one, another owner's, each
scope."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.api.keyholders import House, holding, house
from tests.api.videos import create, made
from tests.contract import checking
from tests.databases import Settings
from tests.servers import ServerProcess

SCOPES = ("generate", "read", "admin")
CONFIGURED = "a-key-of-the-configuration"


@pytest.fixture(scope="module")
def locked(shared_database: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("scopes") / "data"
    with house(folder, shared_database, REELWRIGHT_API_KEYS=CONFIGURED, REELWRIGHT_MCP="true") as running:
        yield running


@pytest.fixture(scope="module")
def calls(locked: House) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of everything in the document."""
    paths = locked.admin.get("/openapi.json").json()["paths"]
    found = [(method.upper(), path, told) for path, methods in paths.items() for method, told in methods.items()]
    assert len(found) > 45
    return found


def wanted(operation: dict[str, Any]) -> set[str]:
    """The scopes of which the document says that one will do; none for a route that asks for no key."""
    return {scope for way in operation["security"] for scopes in way.values() for scope in scopes}


def fill(path: str) -> str:
    """A path with names that nothing has."""
    return re.sub(r"\{\w+\}", "x", path)


def is_for_admins(path: str) -> bool:
    return re.match(r"/v1/(keys|audit|admin)\b", path) is not None


def ask(client: httpx2.Client, method: str, path: str) -> int:
    """The status of a request without a body: where it is let in it makes nothing."""
    with client.stream(method, fill(path)) as answer:
        return answer.status_code


def test_without_a_key_and_with_a_wrong_one_nobody_comes_in(locked: House, calls: Any) -> None:
    """And each refusal has the form of its dialect, as the document describes it."""
    known = locked.make()["key"]
    never = "rw_" + "0" * 49
    strangers = [
        {},
        *({"Authorization": f"Bearer {one}"} for one in (never, known[:-1], known + "0", known.swapcase())),
    ]
    for headers in strangers:
        with checking(locked.server.url, headers=headers) as stranger:
            for method, path, operation in calls:
                assert (ask(stranger, method, path) == 401) is bool(wanted(operation)), (method, path, headers)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_is_let_in_where_its_scope_is_named_and_nowhere_else(locked: House, calls: Any, scope: str) -> None:
    refused = set()
    with locked.holder(scopes=[scope]) as client:
        for method, path, operation in calls:
            scopes, status = wanted(operation), ask(client, method, path)
            assert (status == 403) is (bool(scopes) and scope not in scopes), (method, path, status)
            assert status != 401
            refused |= {(method, path)} if status == 403 else set()
    everything = {(method, path) for method, path, operation in calls if wanted(operation)}
    if scope == "admin":
        assert everything - refused == {one for one in everything if is_for_admins(one[1])} | {
            ("GET", "/v1/usage"),
            ("GET", "/metrics"),
        }
    else:
        looks = {one for one in everything if one[0] == "GET"}
        own = looks if scope == "read" else everything - looks | {("GET", "/v1/usage")}
        assert everything - refused == {one for one in own if not is_for_admins(one[1])}


def test_a_key_of_the_configuration_is_no_admin(locked: House, calls: Any) -> None:
    with holding(locked.server, CONFIGURED) as client:
        for method, path, _ in calls:
            assert (ask(client, method, path) == 403) is is_for_admins(path), (method, path)


def test_a_missing_scope_is_named_in_the_words_of_each_dialect(locked: House) -> None:
    with locked.holder(scopes=["read"]) as client:
        told = [
            client.post("/api/video/generate", json={"prompt": "x"}).json()["error"],
            client.post("/v1/videos", json={"prompt": "x"}).json()["error"]["message"],
            client.post("/v1/predictions", json={"input": {"prompt": "x"}}).json()["detail"],
            client.post("/api/v1/videos", json={"prompt": "x"}).json()["error"]["message"],
            client.post("/models/reelwright/toy", json={"inputs": "x"}).json()["error"],
        ]
    assert set(told) == {"This API key may not do this: it lacks the scope generate. Ask whoever manages the keys."}


def test_an_owners_keys_share_its_videos_and_no_other_key_sees_them(locked: House, calls: Any) -> None:
    """With another owner's key each route that names a video answers as about a video that never was."""
    never = "video_00000000000000000000000000"
    with locked.holder(owner="acme") as ann, locked.holder(owner="acme") as bob, locked.holder() as eve:
        video = made(ann)
        assert bob.get(f"/v1/videos/{video['id']}").status_code == 200
        assert eve.get("/v1/videos").json()["data"] == []
        named = [
            one for one in calls if re.search(r"\{(video|prediction|job)_id\}", one[1]) and not is_for_admins(one[1])
        ]
        assert len(named) > 10
        for method, path, _ in named:
            answers = []
            for one in (video["id"], never):
                asked = fill(re.sub(r"\{(video|prediction|job)_id\}", one, path))
                answer = eve.request(method, asked, json={"prompt": "x"} if method == "POST" else None)
                answers.append((answer.status_code, re.sub(rf"{one}|[0-9:.]+Z", "", answer.text)))
            assert answers[0] == answers[1], (method, path)
            assert answers[0][0] == 404, (method, path, answers)
        assert create(bob, "paint").keys() == video.keys()


def test_a_server_without_keys_has_no_admin(server: ServerProcess, http: httpx2.Client) -> None:
    answer = http.get("/v1/keys")
    assert answer.status_code == 403
    assert "reelwright keys create" in answer.json()["error"]["message"]
    assert http.get("/v1/usage").status_code == 200
