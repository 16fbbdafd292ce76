"""The admin's page, in a real browser: keys, everybody's line, use and disk; without an admin's key nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
from playwright.sync_api import expect

from tests.api.keyholders import House, holding, house
from tests.api.videos import Gate, create, look, made
from tests.playground.screening import PHONE, Screening
from tests.servers import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

Visit = Callable[..., Screening]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("desk") / "data", {}, REELWRIGHT_DRAIN_S="0") as running:
        yield running


def admits(page: Page, key: str) -> None:
    """Open the page with that key in this tab's session."""
    page.add_init_script(f"sessionStorage['reelwright.key'] = '{key}'")


def text_of(locked: House) -> str:
    return locked.admin.headers["Authorization"].removeprefix("Bearer ")


def test_a_key_is_made_shown_once_used_and_revoked(visit: Visit, locked: House) -> None:
    visitor = visit(locked.server.url)
    visitor.expected.append("400")
    page = visitor.page
    admits(page, text_of(locked))
    page.goto("/admin")
    page.get_by_label("Name").fill("Ann's laptop")
    page.get_by_text("Limits of its own").click()
    page.get_by_label("Running jobs").fill("2")
    page.get_by_role("button", name="Make a key").click()
    text = page.locator(".once code").inner_text()
    with holding(locked.server, text) as client:
        made(client)
    row = page.get_by_role("row", name="Ann's laptop generate, read running jobs: 2 good")
    expect(row).to_be_visible()
    use = page.get_by_role("region", name="Use").get_by_role("row", name="Ann's laptop 1 0")
    expect(use).to_be_visible()
    page.get_by_role("button", name="I have it").click()
    expect(page.locator(".once")).to_have_count(0)
    assert text not in page.content()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke Ann's laptop").click()
    expect(page.get_by_role("row", name="Ann's laptop").first).to_contain_text("revoked")
    assert httpx2.get(f"{locked.server.url}/v1/videos", headers={"X-API-Key": text}).status_code == 401
    page.get_by_label("Name").fill("bob")
    page.get_by_label("Owner").fill("*")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("status")).to_contain_text("Must have 1 to 64 letters")


def test_the_line_is_everybodys_and_an_admin_changes_it(visit: Visit, locked: House, tmp_path: Path) -> None:
    page = visit(locked.server.url).page
    admits(page, text_of(locked))
    page.on("dialog", lambda dialog: dialog.accept())
    with Gate(tmp_path) as gate, locked.holder(name="bob") as client:
        first = create(client, gate.prompt)
        eventually(lambda: look(client, first)["status"] == "in_progress")
        second, third = create(client, "a secret"), create(client, "another secret")
        page.goto("/admin")
        jobs = page.get_by_role("region", name="Jobs").locator("tbody tr")
        expect(jobs).to_have_count(3)
        expect(jobs.first).to_contain_text("bob")
        page.get_by_role("button", name=f"Move {third['id']} to the front").click()
        eventually(lambda: look(client, third)["queue_position"] == 1)
        expect(jobs.nth(1).get_by_role("button", name=f"Cancel {third['id']}")).to_be_visible()
        page.get_by_role("button", name=f"Cancel {second['id']}").click()
        expect(jobs).to_have_count(2)
        page.get_by_role("button", name="pause toy").click()
        expect(page.get_by_role("button", name="resume toy")).to_be_visible()
        gate.open()
        eventually(lambda: look(client, first)["status"] == "completed")
        expect(jobs).to_have_count(1)
        assert look(client, third)["status"] == "queued"
        page.get_by_role("button", name="resume toy").click()
        expect(page.get_by_text("Nothing is made, and nothing waits.")).to_be_visible()
        assert "secret" not in page.content()


def test_the_link_is_there_for_an_admin_alone_and_the_page_shows_nothing_to_others(visit: Visit, locked: House) -> None:
    every = locked.make(name="all", scopes=["generate", "read", "admin"])["key"]
    usual = visit(locked.server.url)
    usual.expected.append("403")
    admits(usual.page, locked.make()["key"])
    with usual.page.expect_response("**/v1/usage"):
        usual.open()
    expect(usual.page.get_by_role("link", name="Admin")).to_have_count(0)
    usual.page.goto("/admin")
    expect(usual.page.get_by_role("alert")).to_contain_text("for keys with the scope admin")
    expect(usual.page.locator("table, form")).to_have_count(0)
    page = visit(locked.server.url, size=PHONE).page
    admits(page, every)
    page.goto("/")
    page.get_by_role("link", name="Admin").click()
    expect(page.get_by_role("region", name="Line")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_everybody_can_use_it(visit: Visit, locked: House) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark"):
        page = visit(locked.server.url, color_scheme=scheme).page
        admits(page, text_of(locked))
        page.goto("/admin")
        expect(page.get_by_role("region", name="Disk")).to_be_visible()
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]})
        assert found.violations_count == 0, found.generate_report()


def test_the_admins_module_is_small_and_no_part_of_the_playground(locked: House) -> None:
    with httpx2.Client(base_url=locked.server.url) as stranger:
        page, script, admin = (stranger.get(path) for path in ("/", "/playground/page.js", "/playground/admin.js"))
    assert "Revoke" not in page.text + script.text
    assert "Revoke" in admin.text
