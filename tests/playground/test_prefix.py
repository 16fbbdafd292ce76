"""The page under a path prefix, behind the documented nginx: what it loads, asks and shows stays under it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.playground.screening import Screening, another_server, choose_model, generate, opened
from tests.proxies import documented, lacking, proxy

pytestmark = pytest.mark.skipif(bool(lacking("nginx")), reason=lacking("nginx"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page lies, without the slash at the end."""
    data = tmp_path_factory.mktemp("prefix") / "data"
    with (
        another_server(data, REELWRIGHT_TRUSTED_PROXIES="127.0.0.1") as server,
        tempfile.TemporaryDirectory() as folder,
        proxy("nginx", documented("nginx")[1], server.url, Path(folder)) as url,
    ):
        yield f"{url}/reel"


def test_a_video_is_made_and_shown_under_the_prefix(visit: Callable[..., Screening], address: str) -> None:
    visitor = visit(address)
    page = visitor.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_selector("#prompt")
    assert page.url == f"{address}/"
    choose_model(page, "toy/toy")
    generate(page, "A sea under a prefix")
    opened(page, "A sea under a prefix")
    film = page.wait_for_selector(".stage video")
    page.wait_for_function("video => video.readyState === 4", arg=film)
    shown = page.url
    page.get_by_role("button", name="curl").click()
    expect(page.get_by_text("curl command copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith(f"curl {address}/v1/videos/sync ")
    page.reload()
    page.wait_for_selector(".stage video")
    assert page.url == shown
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Reelwright").click()
    page.wait_for_selector("#prompt")
    strays = [one for one in asked if not one.startswith((f"{address}/", "blob:", "data:")) and one != address]
    assert strays == []
