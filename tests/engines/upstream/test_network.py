"""Credentials stay with the hosts that they are for, also among hosts that are all trusted."""

from __future__ import annotations

import httpx2
import pytest

from reelwright.engines.upstream.network import Network

HERE, THERE, STRANGER = "https://here.example", "https://there.example", "https://stranger.example"

NAMES = ("authorization", "x-api-key", "x-own")


def seen(headers: dict[str, str], url: str, *, redirect: str | None = None) -> list[tuple[str, set[str]]]:
    """The hosts that a GET with `headers` reaches, each with the credentials that arrived there."""
    arrived: list[tuple[str, set[str]]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        credentials = {
            value for name, value in request.headers.items() if name in ("authorization", "x-api-key", "x-own")
        }
        arrived.append((request.url.host, credentials))
        if redirect and len(arrived) == 1:
            return httpx2.Response(307, headers={"location": redirect})
        return httpx2.Response(200)

    network = Network(
        trusted=[HERE, THERE],
        secret_headers=["x-own"],
        secrets={"here's": [HERE], "both's": [HERE, THERE]},
        connect_seconds=1,
        idle_seconds=1,
        transport=httpx2.MockTransport(answer),
    )
    with network.client() as client:
        client.get(url, headers=headers)
    return arrived


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", [THERE, STRANGER])
def test_what_was_set_for_one_host_does_not_follow_a_redirect(name: str, target: str) -> None:
    found = seen({name: "some secret"}, HERE, redirect=f"{target}/file")
    assert found == [("here.example", {"some secret"}), (target.removeprefix("https://"), set())]


def test_a_redirect_on_the_same_host_keeps_it() -> None:
    found = seen({"authorization": "Bearer here's"}, f"{HERE}/old", redirect=f"{HERE}/new")
    assert found == [("here.example", {"Bearer here's"})] * 2


@pytest.mark.parametrize(
    ("url", "credential", "kept"),
    [
        (HERE, "Key here's", True),
        (THERE, "Key here's", False),
        (THERE, "Bearer both's", True),
        (THERE, "Bearer another", True),
        (STRANGER, "Bearer another", False),
    ],
)
def test_a_credential_goes_only_where_it_belongs(url: str, credential: str, kept: bool) -> None:
    [(_, arrived)] = seen({"x-api-key": credential}, url)
    assert arrived == ({credential} if kept else set())
