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
        expect(page.get_by_label("Model").locator("option").first).to_have_text("Wan 2.1 1.3B")
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


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_is_accessible(visit: Visit, api: httpx2.Client, scheme: str) -> None:
    """axe-core finds nothing serious: the wall with every kind of tile, the settings, the big screen."""
    wish = {"prompt": f"In {scheme}", "engine": "toy", "size": "64x64", "num_frames": 2}
    video = api.post("/v1/videos", json=wish).json()
    api.post("/v1/videos", json={**wish, "prompt": "refuse it"})
    waiting = api.post("/v1/videos", json={**wish, "prompt": "slow 60"}).json()
    eventually(lambda: api.get(f"/v1/videos/{video['id']}").json()["status"] == "completed")
    page = visit(color_scheme=scheme, reduced_motion="reduce").open()
    page.get_by_text("Settings").click()
    page.get_by_text("More", exact=True).click()
    expect(page.get_by_role("link", name=f"Play: In {scheme}")).to_be_visible()
    assert findings(page) == []
    if scheme == "dark":  # as the big screen always is
        page.goto(f"/#{video['id']}")
        page.wait_for_selector(".sheet")
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
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()"))
        visible = page.evaluate("getComputedStyle(document.activeElement).outlineStyle !== 'none'")
        assert visible or page.evaluate("document.activeElement.id") == "prompt"
    assert any(name.startswith("Generate") for name in seen)
    assert "Start from a picture" in seen
