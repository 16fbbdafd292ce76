"""Writes docs/clients.md: which client was tried, in which version, with what, and how it went.

A pytest plugin: `pytest -p tests.clients.table --clients-table docs/clients.md tests/clients`. It reads the marker
`client(name, version)` of a test module; `version` tells where the version is found: `pypi:openai`, `npm:openai`, or
`run:curl --version` for a program that says it.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HEAD = """# Clients

Which client programs and libraries work with this server. `make test-clients` ran each of them, unchanged, against a
real server, and wrote this page from the results; the tests are in `tests/clients/`. How to set a client up is on the
page of its dialect: [OpenAI](dialects/openai.md), [Replicate](dialects/replicate.md),
[OpenRouter](dialects/openrouter.md), [Hugging Face](dialects/huggingface.md), [plain HTTP](dialects/native.md).

Last run: {date}.

| client | version | what was tried | result |
|---|---|---|---|
"""


@dataclass(slots=True)
class Row:
    version: str
    tried: dict[str, str] = field(default_factory=dict)
    """What was tried, and how it ended: `passed`, `failed` or `skipped`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--clients-table", type=Path, required=True, help="the page to write")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Table(config.getoption("--clients-table")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if marker := item.get_closest_marker("client"):
            item.user_properties.append(("client", marker.args))


class Table:
    """Hears how each test ended, and writes the page when all have."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, Row] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        client = dict(report.user_properties).get("client")
        if client is None or (report.when != "call" and report.outcome == "passed"):
            return
        name, source = client
        row = self._rows.setdefault(name, Row(version=version(source)))
        tried = report.nodeid.rpartition("::")[2].partition("[")[0].removeprefix("test_").replace("_", " ")
        worse = {"passed": 0, "skipped": 1, "failed": 2}
        row.tried[tried] = max(row.tried.get(tried, "passed"), report.outcome, key=worse.__getitem__)

    def pytest_sessionfinish(self) -> None:
        lines = [HEAD.format(date=datetime.now(UTC).strftime("%Y-%m-%d"))]
        for name, row in sorted(self._rows.items(), key=lambda item: item[0].lower()):
            lines.append(f"| {name} | {row.version} | {'; '.join(row.tried)} | {_result(row)} |\n")
        self._path.write_text("".join(lines))


def _result(row: Row) -> str:
    by_outcome: dict[str, list[str]] = defaultdict(list)
    for tried, outcome in row.tried.items():
        by_outcome[outcome].append(tried)
    told = [f"{len(by_outcome['passed'])} passed"]
    told += [f"{kind}: {', '.join(by_outcome[kind])}" for kind in ("failed", "skipped") if by_outcome[kind]]
    return "; ".join(told)


def version(source: str) -> str:
    """The version of what was tried; `?` where it is not installed."""
    kind, _, name = source.partition(":")
    match kind:
        case "npm":
            wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
            heavy = json.loads((HERE / "heavy" / "package.json").read_text())["dependencies"]
            return str({**heavy, **wanted}[name])
        case "pypi":
            pinned = re.search(rf"^{re.escape(name)}(?:\[.*\])?==(\S+)", _requirements(), re.MULTILINE)
            try:
                return pinned[1] if pinned else metadata.version(name)
            except metadata.PackageNotFoundError:
                return "?"
        case _:
            try:
                told = subprocess.run(shlex.split(name), capture_output=True, text=True, timeout=20, check=False)
            except OSError:
                return "?"
            found = re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)
            return found[0] if found else "?"


def _requirements() -> str:
    return (HERE / "heavy" / "requirements.txt").read_text()
