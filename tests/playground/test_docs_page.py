"""Swagger UI at `/docs`, before a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.playground.screening import Screening, another_server
from tests.servers import ServerProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser

KEY = "right-key-0123456789"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with another_server(tmp_path_factory.mktemp("locked") / "data", REELWRIGHT_API_KEYS=KEY) as running:
        yield running


@pytest.fixture
def visitor(chromium: Browser, locked: ServerProcess) -> Iterator[Screening]:
    visitor = Screening(chromium, locked.url)
    yield visitor
    visitor.context.close()
    assert visitor.complaints == []


def test_an_operation_is_tried_with_the_key(visitor: Screening) -> None:
    from playwright.sync_api import expect

    page = visitor.page
    page.goto("/docs")
    page.locator(".authorize").first.click()
    bearer = page.locator(".auth-container", has_text="bearer")
    bearer.locator("input").fill(KEY)
    bearer.get_by_role("button", name="Apply credentials").click()
    page.locator(".close-modal").click()
    models = page.locator("#operations-videos-listModels")
    models.locator(".opblock-summary-control").click()
    models.get_by_role("button", name="Try it out").click()
    models.get_by_role("button", name="Execute").click()
    answer = models.locator(".live-responses-table .response")
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer).to_contain_text("sketch")


def test_the_key_of_the_page_counts(visitor: Screening) -> None:
    from playwright.sync_api import expect

    visitor.context.add_init_script(f"sessionStorage['reelwright.key'] = '{KEY}'")
    visitor.page.goto("/docs")
    expect(visitor.page.locator(".authorize.locked")).to_be_visible()
