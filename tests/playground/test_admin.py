"""The admin's page, in a real browser: keys, everybody's line, use and disk; without an admin's key nothing of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
from playwright.sync_api import expect

from reelwright.store.audit import Action
from tests.api.keyholders import House, holding, house
from tests.api.videos import Gate, create, look, made
from tests.playground.screening import PHONE, Screening
from tests.servers import ROOT, eventually

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
    page.get_by_role("button", name="Change Ann's laptop").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name="Ann's laptop").first).to_contain_text("revoked")
    assert httpx2.get(f"{locked.server.url}/v1/videos", headers={"X-API-Key": text}).status_code == 401
    page.get_by_label("Name").fill("bob")
    page.get_by_label("Owner").fill("*")
    page.get_by_role("button", name="Make a key").click()
    expect(page.locator(".toasts")).to_contain_text("Must have 1 to 64 letters")


def test_a_keys_limits_are_changed_and_it_gets_another_text(visit: Visit, locked: House) -> None:
    key = locked.make(name="render farm", limits={"running": 2, "waiting": 50})
    page = visit(locked.server.url).page
    admits(page, text_of(locked))
    page.goto("/admin")
    page.get_by_role("button", name="Change render farm").click()
    dialog = page.get_by_role("dialog", name="render farm")
    expect(dialog.get_by_label("Running jobs")).to_have_value("2")
    dialog.get_by_label("Running jobs").fill("5")
    dialog.get_by_label("Waiting jobs").fill("none")
    dialog.get_by_label("Last day").fill("2999-12-31")
    dialog.get_by_label("Requests a minute").fill("many")
    dialog.get_by_role("button", name="Save").click()
    assert dialog.get_by_label("Requests a minute").evaluate("field => field.validity.patternMismatch")
    dialog.get_by_label("Requests a minute").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    row = page.get_by_role("row", name="render farm generate, read")
    expect(row).to_contain_text("running jobs: 5")
    expect(row).to_contain_text("until 2999-12-31")
    told = locked.admin.get(f"/v1/keys/{key['id']}").json()
    assert told["own_limits"] == {"running": 5, "waiting": None}

    page.get_by_role("button", name="Change render farm").click()
    expect(dialog.get_by_label("Waiting jobs")).to_have_value("none")
    dialog.get_by_label("Hours that the present key stays good").fill("1")
    dialog.get_by_role("button", name="Give it another text").click()
    text = page.locator(".once code").inner_text()
    assert text != key["key"]
    for one in (text, key["key"]):  # the one before stays good for an hour
        assert httpx2.get(f"{locked.server.url}/v1/videos", headers={"X-API-Key": one}).status_code == 200
    page.reload()
    expect(row).to_be_visible()
    assert text not in page.content()


def test_the_page_goes_on_with_the_new_text_of_its_own_key(visit: Visit, locked: House) -> None:
    first = locked.make(name="second operator", scopes=["admin"])["key"]
    visitor = visit(locked.server.url)
    visitor.expected.append("401")
    page = visitor.page
    page.goto("/")  # asks for a key
    page.get_by_label("API key").fill(first)
    page.get_by_role("button", name="Continue").click()
    page.goto("/admin")
    page.get_by_role("button", name="Change second operator").click()
    page.get_by_role("button", name="Give it another text").click()
    text = page.locator(".once code").inner_text()
    assert httpx2.get(f"{locked.server.url}/v1/usage", headers={"X-API-Key": first}).status_code == 401
    with page.expect_response(lambda answer: answer.url.endswith("/v1/admin/line") and answer.status == 200):
        page.reload()
    expect(page.get_by_role("button", name="Change second operator")).to_be_visible()
    assert page.evaluate("sessionStorage['reelwright.key']") == text


def test_who_did_what_is_told_filtered_read_on_and_saved(visit: Visit, locked: House) -> None:
    with locked.holder(name="painter") as client:
        videos = [made(client) for _ in range(3)]
        for video in videos:
            assert client.delete(f"/v1/videos/{video['id']}").status_code == 200
    for number in range(50):
        locked.make(name=f"bulk {number}")
    page = visit(locked.server.url).page
    admits(page, text_of(locked))
    page.goto("/admin")
    section = page.get_by_role("region", name="Who did what", exact=True)
    rows = section.locator("tbody tr")
    expect(rows).to_have_count(25)
    expect(rows.first).to_contain_text("operator")
    expect(rows.first).to_contain_text("bulk 49")
    section.get_by_role("button", name="Show older").click()
    expect(rows).to_have_count(50)
    section.get_by_label("Action", exact=True).select_option(label="deleted a video")
    section.get_by_label("Key", exact=True).select_option(label="painter")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text(videos[-1]["id"])
    with locked.holder(name="another") as client:
        create(client, "paint")
    with page.expect_download() as download:
        section.get_by_role("button", name="Save as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("at,action,key,about,")
    assert [line.split(",")[3] for line in lines[1:]] == [video["id"] for video in reversed(videos)]
    section.get_by_label("Key", exact=True).select_option(label="Any")
    section.get_by_label("Action", exact=True).select_option(label="asked for a video")
    expect(rows.first).to_contain_text("another")
    with locked.holder(name="a third") as client:
        create(client, "paint")
    expect(rows.first).to_contain_text("a third")  # what is new comes by itself


def test_every_action_of_the_audit_has_words(locked: House) -> None:
    words = (ROOT / "src/reelwright/playground/auditdesk.js").read_text()
    assert {one.value for one in Action} == set(re.findall(r'^  "([a-z]+\.[a-z]+)":', words, re.MULTILINE))


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
    admits(usual.page, locked.make()["key"])
    with usual.page.expect_response("**/v1/usage"):
        usual.open()
    expect(usual.page.get_by_role("link", name="Admin")).to_have_count(0)
    usual.page.clock.install()
    usual.page.goto("/admin")
    asked: list[str] = []
    usual.page.on("request", lambda request: asked.append(request.url))
    expect(usual.page.get_by_role("alert")).to_contain_text("for keys with the scope admin")
    expect(usual.page.locator("table, form")).to_have_count(0)
    usual.page.clock.run_for(60_000)
    assert not [url for url in asked if "/v1/" in url]  # it asks for nothing that it would be refused
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
