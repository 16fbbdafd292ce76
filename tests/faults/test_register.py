"""The register of faults names tests that there are, and its page tells each of its rows."""

from __future__ import annotations

import re

import pytest

from tests.faults.page import PAGE
from tests.faults.register import ATTACKS, FAULTS, Row
from tests.servers import ROOT


@pytest.mark.parametrize("row", [*FAULTS, *ATTACKS], ids=lambda row: row.name)
def test_every_row_is_shown_by_tests_that_there_are(row: Row) -> None:
    assert row.tests
    for test in row.tests:
        file, _, name = test.partition("::")
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), test


def test_the_page_tells_every_row_and_none_that_fails() -> None:
    text = PAGE.read_text()
    for row in (*FAULTS, *ATTACKS):
        assert f"| {row.name} | {row.fault} |" in text, row.name
    assert "**failed**" not in text
    assert "**missing**" not in text
