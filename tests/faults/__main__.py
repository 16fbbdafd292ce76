"""`make faults`: runs the tests of the register and writes their results into docs/reliability.md."""

from __future__ import annotations

import os
import platform
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from tests.faults.page import write
from tests.faults.register import ATTACKS, FAULTS, Row


class Results:
    """A plug-in of pytest: how each test ended, with all its parameters taken together."""

    def __init__(self) -> None:
        self.outcomes: defaultdict[str, list[str]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid.partition("[")[0]].append(report.outcome)

    def of(self, row: Row) -> str:
        """In a word and the number of cases."""
        found = [outcome for test in row.tests for outcome in self.outcomes.get(test, ["missing"])]
        for bad in ("failed", "missing"):
            if bad in found:
                return f"**{bad}**"
        passed, skipped = found.count("passed"), found.count("skipped")
        return f"holds ({passed})" + (f", {skipped} skipped" if skipped else "")


def table(head: str, rows: Iterable[Row], results: Results) -> list[str]:
    lines = [f"| {head} | what happens | what must hold | result | shown by |", "|---|---|---|---|---|"]
    for row in rows:
        shown = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in row.tests)
        gap = f"<br>{row.gap}" if row.gap else ""
        lines.append(f"| {row.name} | {row.fault} | {row.holds} | {results.of(row)} | {shown}{gap} |")
    return lines


def main() -> int:
    results = Results()
    tests = sorted({test for row in (*FAULTS, *ATTACKS) for test in row.tests})
    code = pytest.main(["-q", "-p", "no:cacheprovider", *tests], plugins=[results])
    today, machine = datetime.now(UTC).date().isoformat(), f"{platform.system()}, Python {platform.python_version()}"
    lines = [f"{today}, {os.cpu_count()} cores, {machine}; the number of cases in brackets.", ""]
    lines += [*table("fault", FAULTS, results), "", *table("attack", ATTACKS, results)]
    write("faults", lines)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
