"""What a visitor meets: the first visit, a server that asks for a key, and a page that everybody can use."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
from playwright.sync_api import expect

from tests.engines.local.shelves import a_folder, cached
from tests.playground.screening import PHONE, Screening, another_server, choose_model, generate, opened
from tests.servers import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

Visit = Callable[..., Screening]


def test_a_first_visit_is_told_that_this_is_no_ai_and_only_once(visit: Visit) -> None:
    page = visit().open()
    note = page.get_by_label("About this server")
    expect(note).to_contain_text("This is a sketch, not AI.")
    expect(note).to_contain_text("HF_TOKEN")
    note.get_by_role("button", name="Dismiss").click()
    page.reload()
    page.wait_for_selector("#prompt")
    expect(note).to_have_count(0)


@pytest.mark.skipif(find_spec("torch") is None, reason="the local engine is offered where torch is")
def test_what_a_model_lacks_and_what_its_engine_warns_of_is_said_below_the_prompt(visit: Visit, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    cached(a_folder(tmp_path / "wan", vae=["m.safetensors"]), hub, "Wan-AI/Wan2.1-T2V-1.3B-Diffusers")
    with another_server(tmp_path / "data", REELWRIGHT_ENGINE="local", HF_HUB_CACHE=str(hub)) as server:
        page = visit(server.url).page
        slow = "Videos are made on the CPU, which is very slow."
        told = {"status": "healthy", "engines": {"local": [{"device": "cpu", "warning": slow}]}}
        page.route("**/health", lambda route: route.fulfill(json=told))
        page.goto("/")
        expect(page.locator(".model > summary")).to_contain_text("Wan 2.1 1.3B")
        expect(page.get_by_text(slow)).to_be_visible()
        choose_model(page, "local/ltx")
        expect(page.get_by_text("Fetch it with: reelwright pull ltx")).to_be_visible()
        choose_model(page, "toy/toy")
        expect(page.get_by_text(slow)).to_have_count(0)


def test_a_key_is_asked_for_kept_in_this_tab_and_sent_with_everything(visit: Visit, tmp_path: Path) -> None:
    with another_server(tmp_path / "data", REELWRIGHT_API_KEYS="right-key-0123456789") as server:
        visitor = visit(server.url)
        visitor.expected.append("401")
        page = visitor.page
        page.goto("/")
        dialog = page.get_by_role("dialog", name="This server asks for a key")
        dialog.get_by_label("API key").fill("wrong-key")
        dialog.get_by_role("button", name="Continue").click()
        expect(dialog).to_contain_text("That key was refused.")
        dialog.get_by_label("API key").fill("right-key-0123456789")
        dialog.get_by_role("button", name="Continue").click()
        expect(dialog).to_have_count(0)
        choose_model(page, "toy/toy")
        generate(page, "A sea for those who have a key")
        opened(page, "A sea for those who have a key")
        film = page.wait_for_selector(".stage video")
        page.wait_for_function("video => video.readyState === 4 && video.src.startsWith('blob:')", arg=film)
        assert "right-key-0123456789" not in page.evaluate(
            "JSON.stringify(localStorage) + document.cookie + location.href"
        )
        page.reload()
        expect(page.locator("#prompt")).to_be_visible()
        expect(dialog).to_have_count(0)
        other = visitor.another_page()
        other.goto("/")
        expect(other.get_by_role("dialog", name="This server asks for a key")).to_be_visible()


def test_a_key_can_be_remembered_on_the_device_is_told_and_given_up(visit: Visit, tmp_path: Path) -> None:
    limit = {"REELWRIGHT_KEY_VIDEO_SECONDS_PER_DAY": "3600"}
    with another_server(tmp_path / "data", REELWRIGHT_API_KEYS="right-key-0123456789", **limit) as server:
        visitor = visit(server.url)
        visitor.expected.append("401")
        page, waiting = visitor.page, visitor.another_page()
        for one in (waiting, page):
            one.goto("/")
        page.get_by_label("API key").fill("right-key-0123456789")
        page.get_by_label("Remember it on this device").check()
        page.get_by_role("button", name="Continue").click()
        expect(waiting.locator("#prompt")).to_be_visible()  # the other tab asks no more
        other = visitor.another_page()
        other.goto("/")
        expect(other.locator("#prompt")).to_be_visible()
        other.get_by_label("API key").click()
        expect(other.locator(".key-card")).to_contain_text("You use the key that ends in 6789.")
        expect(other.locator(".key-card")).to_contain_text("remembered on this device")
        expect(other.locator(".key-card")).to_contain_text("3,600 of 3,600 video seconds left")
        other.get_by_role("button", name="Sign out").click()
        for one in (other, page):  # every tab is signed out
            expect(one.get_by_role("dialog", name="This server asks for a key")).to_be_visible()
        assert "right-key" not in page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")


def test_a_shared_link_shows_the_video_to_who_has_no_key(visit: Visit, tmp_path: Path) -> None:
    with another_server(tmp_path / "data", REELWRIGHT_API_KEYS="right-key-0123456789") as server:
        visitor = visit(server.url)
        visitor.expected.append("401")
        page = visitor.page
        page.goto("/")
        page.get_by_label("API key").fill("right-key-0123456789")
        page.get_by_role("button", name="Continue").click()
        choose_model(page, "toy/toy")
        generate(page, "A sea for all")
        opened(page, "A sea for all")
        page.get_by_role("button", name="Share for 7 days").click()
        expect(page.get_by_text("copied")).to_contain_text("Link, good until")
        link = page.evaluate("navigator.clipboard.readText()")
        stranger = visit(server.url).page
        stranger.goto(link)
        film = stranger.wait_for_selector("video")
        stranger.wait_for_function("video => video.readyState === 4 && video.error === null", arg=film)
        expect(stranger.get_by_role("heading", name="A sea for all")).to_be_visible()
        assert findings(stranger) == []
        assert stranger.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_is_accessible(visit: Visit, api: httpx2.Client, scheme: str) -> None:
    """axe-core finds nothing serious: the wall with every kind of tile, the settings, the big screen."""
    draft = {"prompt": f"In {scheme}", "engine": "toy", "size": "64x64", "num_frames": 2}
    video = api.post("/v1/videos", json=draft).json()
    api.post("/v1/videos", json={**draft, "prompt": "refuse it"})
    waiting = api.post("/v1/videos", json={**draft, "prompt": "slow 60"}).json()
    eventually(lambda: api.get(f"/v1/videos/{video['id']}").json()["status"] == "completed")
    page = visit(color_scheme=scheme, reduced_motion="reduce").open()
    page.get_by_text("Settings").click()
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Camera and style").click()
    page.fill("#prompt", "one\ntwo")
    expect(page.get_by_role("link", name=f"Play: In {scheme}")).to_be_visible()
    assert findings(page) == []
    for menu in (".model > summary", ".head .menu > summary"):
        page.locator(menu).click()
        expect(page.locator(".pop")).to_be_visible()
        assert findings(page) == []
        page.keyboard.press("Escape")
        expect(page.locator(menu)).to_be_focused()
    page.get_by_label("Select several").click()
    page.get_by_role("checkbox", name=f"Select: In {scheme}").check()
    assert findings(page) == []
    if scheme == "dark":  # as the big screen always is
        page.goto(f"/#{video['id']}")
        page.wait_for_selector(".sheet")
        page.get_by_label("Download", exact=True).click()
        assert findings(page) == []
    api.delete(f"/v1/videos/{waiting['id']}")


def test_an_empty_gallery_is_accessible_on_a_phone(visit: Visit, tmp_path: Path) -> None:
    with another_server(tmp_path / "data", HF_TOKEN="hf_not_a_real_one") as server:
        page = visit(server.url, size=PHONE).open()
        expect(page.get_by_role("heading", name="Start from a scene")).to_be_visible()
        assert findings(page) == []
        # The names of hosted models are long.
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        expect(page.get_by_label("About this server")).to_contain_text("For AI video choose another model above.")
        choose_model(page, "huggingface/Wan-AI/Wan2.2-TI2V-5B")
        expect(page.get_by_label("About this server")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.close()


def findings(page: Page) -> list[str]:
    """What axe-core calls serious or worse."""
    import axe_playwright_python

    script = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
    page.evaluate(script)
    results = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{found['id']}: {node['html'][:200]} {node['failureSummary']}"
        for found in results["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


def test_everything_can_be_reached_by_the_keyboard(visit: Visit) -> None:
    page = visit().open()
    seen: list[str] = []
    for _ in range(16):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()"))
        visible = page.evaluate("getComputedStyle(document.activeElement).outlineStyle !== 'none'")
        assert visible or page.evaluate("document.activeElement.id") == "prompt"
    assert any(name.startswith("Generate") for name in seen)
    assert "Start from a picture" in seen
