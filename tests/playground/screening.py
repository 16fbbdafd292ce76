"""A real browser before the page: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers import ServerProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

CHROMIUM = Path("/usr/bin/chromium")
QUIET = ["--disable-background-networking", "--disable-component-update", "--no-first-run", "--mute-audio"]
DESKTOP, PHONE, WINDOW = (1440, 900), (390, 844), (1100, 700)

PATIENCE_MS = 60_000
"""How long a condition may take on a machine whose cores are all taken; a film is drawn beside the browser here."""

LAST_CHOICES = """
    if (location.protocol === "http:")
        localStorage["reelwright.draft"] ??= JSON.stringify({ quality: "Draft", seconds: 2 });
"""
"""Of a visitor who chose what is made quickly the last time."""

LACKING = (not CHROMIUM.exists() and f"{CHROMIUM} is not there: apt-get install chromium") or next(
    (
        f"{name} is not installed: pip install -e '.[dev]'"
        for name in ("playwright", "axe_playwright_python")
        if importlib.util.find_spec(name) is None
    ),
    "",
)
"""Why there can be no browser here; empty when there can."""


@contextmanager
def browser() -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield chromium
        chromium.close()


@contextmanager
def another_server(data_dir: Path, **settings: str) -> Iterator[ServerProcess]:
    """A server for one test alone; what it still makes at the end is not waited for."""
    server = ServerProcess(data_dir, REELWRIGHT_DRAIN_S="0", **settings).start()
    try:
        yield server
    finally:
        server.stop()


class Screening:
    """One visitor: a browser with nothing stored, a page of it, and all that the page complained about.

    `expected` are parts of complaints that the test provokes.
    """

    def __init__(self, browser: Browser, url: str, *, size: tuple[int, int] = WINDOW, **options: Any) -> None:
        width, height = size
        phone = {"has_touch": True, "is_mobile": True} if size == PHONE else {}
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            base_url=url,
            permissions=["clipboard-read", "clipboard-write"],
            **phone,
            **options,
        )
        self.context.add_init_script(LAST_CHOICES)
        self.expected: list[str] = []
        self._complaints: list[str] = []
        self.page = self.another_page()

    def another_page(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        return page

    def open(self, path: str = "/") -> Page:
        self.page.goto(path)
        self.page.wait_for_selector("#prompt")
        return self.page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(f"{message.text} ({message.location.get('url')})")

    @property
    def complaints(self) -> list[str]:
        return [one for one in self._complaints if not any(part in one for part in self.expected)]


def choose_model(page: Page, name: str) -> None:
    from playwright.sync_api import expect

    page.locator(".model > summary").click()
    page.locator(f'[data-model="{name}"]').click()
    expect(page.locator(".model .pop")).to_have_count(0)


def generate(page: Page, prompt: str) -> None:
    """Type a prompt and press Ctrl + Enter."""
    page.fill("#prompt", prompt)
    page.press("#prompt", "Control+Enter")


def opened(page: Page, prompt: str) -> None:
    """Open the finished video with this prompt on the big screen."""
    page.get_by_role("link", name=f"Play: {prompt}").first.click()
    page.wait_for_selector("dialog.screen .sheet")
