"""The page offers what a key may do, and asks for nothing that the server would refuse; in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.api.keyholders import House, holding, house
from tests.api.videos import create, ended, made
from tests.playground.screening import PHONE, Screening, opened

if TYPE_CHECKING:
    from playwright.sync_api import Page

Visit = Callable[..., Screening]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("scopes") / "data", {}, REELWRIGHT_DRAIN_S="0") as running:
        yield running


def looks(visitor: Screening, key: str) -> tuple[Page, list[str]]:
    """Open `/` with that key in this tab's session, and let a minute pass. Also: which routes of the API it asked."""
    page, asked = visitor.page, []
    page.add_init_script(f"sessionStorage['reelwright.key'] = '{key}'")
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    page.clock.install()
    with page.expect_response("**/v1/usage"):
        page.goto("/")
    expect(page.locator("h1")).to_be_visible()
    return page, asked


@pytest.mark.parametrize(
    ("scopes", "told", "leads"),
    [
        (["admin"], "This key is for administration", True),
        (["generate"], "This key is for programs", False),
        (["generate", "admin"], "This key is for programs", True),
    ],
)
def test_who_may_not_look_at_videos_is_told_so_and_nothing_is_asked_again(
    visit: Visit, locked: House, scopes: list[str], told: str, leads: bool
) -> None:
    page, asked = looks(visit(locked.server.url, size=PHONE), locked.make(scopes=scopes)["key"])
    expect(page.get_by_role("heading", name=told)).to_be_visible()
    expect(page.locator("form, .gallery")).to_have_count(0)
    page.clock.run_for(60_000)
    page.wait_for_load_state("networkidle")
    assert [url.rpartition("/")[2] for url in asked] == ["usage"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.get_by_role("button", name="API key").or_(page.locator("summary[aria-label='API key']")).first.click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    if leads:
        page.get_by_role("link", name="admin’s page").click()
        expect(page.get_by_role("region", name="Keys", exact=True)).to_be_visible()
    else:
        expect(page.get_by_role("link", name="admin’s page")).to_have_count(0)


def test_a_key_that_may_only_look_is_offered_nothing_else(visit: Visit, locked: House) -> None:
    made_by = locked.make(owner="ann")
    with holding(locked.server, made_by["key"]) as client:
        made(client, "paint a fox")
        ended(client, create(client, "fail"))
    visitor = visit(locked.server.url)
    page, asked = looks(visitor, locked.make(owner="ann", scopes=["read"])["key"])
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.get_by_text("This key may look at videos")).to_be_visible()
    expect(page.locator("#prompt, .scene, .corner button:visible, .actions button")).to_have_count(0)
    page.get_by_role("button", name="Select several").click()
    expect(page.get_by_role("button", name="ZIP")).to_be_visible()
    expect(page.get_by_role("toolbar").get_by_role("button", name="Delete")).to_have_count(0)
    page.keyboard.press("Escape")
    opened(page, "paint a fox")
    sheet = page.locator(".sheet")
    expect(sheet.get_by_text("Download").first).to_be_visible()
    expect(sheet.get_by_role("button", name="Delete")).to_have_count(0)
    expect(sheet.get_by_role("button", name="Remix")).to_have_count(0)
    expect(sheet.get_by_role("button", name="Favourite")).to_have_count(0)
    assert {url.partition("?")[0].rpartition("/v1/")[2].partition("/")[0] for url in asked} <= {
        "usage",
        "models",
        "videos",
    }
