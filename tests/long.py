"""Which tests are long: `tests/long.txt` lists them with the seconds they took, as `make test-durations` measured them.

A test function is long when its cases take `LONG_S` together, and a whole file when its fixtures take
`LONG_FIXTURES_S`. `make test` leaves these out, `make test-all` does not. A test that is not listed, as every new
one, is not long.
"""

from __future__ import annotations

import collections
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("long.txt")
LONG_S = 1.5
"""Seconds of a function's cases together."""
LONG_FIXTURES_S = 15.0
"""Seconds of what the fixtures of a file take."""

ALWAYS = (
    "tests/jobs/test_durability.py::test_every_accepted_job_finishes_after_kill_9",
    "tests/jobs/test_durability.py::test_a_killed_job_goes_on_from_its_checkpoint",
    "tests/engines/local/test_resume.py::test_svd_killed_at_step_15_of_25_ends_with_the_same_bits",
    "tests/playground/test_generating.py::test_a_prompt_becomes_a_video_that_plays_and_is_still_there_later",
    "tests/docs/test_examples.py::test_shell[README.md",
    "tests/docs/test_examples.py::test_python[README.md",
    "tests/store/test_records.py",
)
"""The first promises of the product: `make test` runs these, however long they take."""


def mark(items: list[pytest.Item]) -> None:
    """Mark as `long` what the list names."""
    listed = {line.split(maxsplit=1)[1] for line in LIST.read_text().splitlines() if not line.startswith("#")}
    for item in items:
        function = item.nodeid.partition("[")[0]
        file = function.partition("::")[0]
        if not listed.isdisjoint((function, file)) and not item.nodeid.startswith(ALWAYS):
            item.add_marker(pytest.mark.long)


class Durations:
    """A plugin that adds up what each function and each file's fixtures take, and writes the list at the end."""

    def __init__(self) -> None:
        self._calls: collections.Counter[str] = collections.Counter()
        self._fixtures: collections.Counter[str] = collections.Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        function = report.nodeid.partition("[")[0]
        if report.when == "call":
            self._calls[function] += report.duration
        else:
            self._fixtures[function.partition("::")[0]] += report.duration

    def pytest_sessionfinish(self) -> None:
        files = {name: took for name, took in self._fixtures.items() if took >= LONG_FIXTURES_S}
        functions = {name: took for name, took in self._calls.items() if took >= LONG_S}
        functions = {name: took for name, took in functions.items() if name.partition("::")[0] not in files}
        lines = [f"{took:6.1f}  {name}" for name, took in sorted((files | functions).items())]
        head = "# Seconds of functions, and of the fixtures of files, that are long. Written by `make test-durations`."
        LIST.write_text("\n".join([head, *lines]) + "\n")
