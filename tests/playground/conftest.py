"""One browser and one server for all tests of the page, and a fresh visitor for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.playground.screening import LACKING, Screening, another_server
from tests.playground.screening import browser as start_browser
from tests.servers import ServerProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if LACKING and item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.skip(reason=LACKING))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    # Closed with this package: Playwright's synchronous side keeps an event loop going that others would trip over.
    with start_browser() as chromium:
        yield chromium


@pytest.fixture(scope="package")
def cinema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose gallery fills as the tests go."""
    with another_server(tmp_path_factory.mktemp("cinema") / "data") as running:
        yield running


@pytest.fixture
def api(cinema: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=cinema.url, timeout=30) as client:
        yield client


@pytest.fixture
def visit(chromium: Browser, cinema: ServerProcess) -> Iterator[Callable[..., Screening]]:
    """Makes visitors; afterwards none of their pages may have complained about anything."""
    visitors: list[Screening] = []

    def visit(url: str = cinema.url, **options: Any) -> Screening:
        visitors.append(Screening(chromium, url, **options))
        return visitors[-1]

    yield visit
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    for visitor in visitors:
        visitor.context.close()
    assert complaints == []
