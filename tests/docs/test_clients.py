"""docs/clients.md, which `make test-clients` writes, names every client that the tests drive, as it is pinned today."""

from __future__ import annotations

import re

from tests.clients.table import version
from tests.servers import ROOT

MARKED = re.compile(r'pytest\.mark\.client\("([^"]+)", "([^"]+)"\)')


def test_every_client_that_is_tried_stands_in_the_table() -> None:
    page = (ROOT / "docs" / "clients.md").read_text()
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", page, re.MULTILINE))
    tried = {
        name: source
        for path in (ROOT / "tests").rglob("test_*.py")
        for name, source in MARKED.findall(path.read_text())
    }
    assert tried
    missing = {
        name: (source, rows.get(name))
        for name, source in tried.items()
        if name not in rows or (source.startswith("npm:") and rows[name] != version(source))
    }
    assert not missing, "run `make test-clients` and commit docs/clients.md"


def test_no_client_failed_in_the_last_run() -> None:
    assert "failed:" not in (ROOT / "docs" / "clients.md").read_text()
