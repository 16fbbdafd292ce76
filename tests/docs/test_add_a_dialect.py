"""The page that says how to add a dialect, followed to the letter in a copy of the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import Block, blocks
from tests.servers import ROOT

PAGE = ROOT / "docs" / "how-to" / "add-a-dialect.md"
LIMIT_S = 240


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources and the tests after all steps of the page."""
    folder = tmp_path_factory.mktemp("dialect")
    for name in ("src", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for block in blocks(PAGE):
        if block.language == "py":
            (folder / named(block)).write_text(block.text)
        elif block.language == "diff":
            file = folder / named(block)
            file.write_text("\n".join(patched(file.read_text().splitlines(), block)) + "\n")
    return folder


def named(block: Block) -> str:
    """The file that the first line of a block names."""
    return block.text.splitlines()[0].strip().removeprefix("# ")


def patched(lines: list[str], block: Block) -> Iterator[str]:
    """The lines of a file with those of a diff that begin with `+`, without those that begin with `-`."""
    told = block.text.splitlines()[1:]
    at = 0
    for line in told:
        mark, text = line[0], line[1:]
        if mark == "+":
            yield text
            continue
        assert lines.count(text) == 1, f"{block}: {text!r} stands {lines.count(text)} times in {named(block)}"
        place = lines.index(text)
        assert place >= at, f"{block}: {text!r} stands before what the page names first"
        yield from lines[at:place]
        if mark == " ":
            yield text
        at = place + 1
    yield from lines[at:]


def run(checkout: Path, *command: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=checkout,
        env={**inherited, "PYTHONPATH": os.pathsep.join([str(checkout / "src"), str(checkout)])},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def pytest_in(checkout: Path, *arguments: str) -> None:
    run(checkout, "pytest", "-q", "-p", "no:cacheprovider", *arguments)


def test_the_dialect_of_the_page_passes_the_tests_of_the_page(checkout: Path) -> None:
    pytest_in(checkout, "tests/api/test_clip.py")


def test_it_is_described_and_asks_for_keys_and_scopes(checkout: Path) -> None:
    chosen = "every_route or without_a_key or let_in"
    pytest_in(checkout, "tests/api/test_schema.py", "tests/api/test_scopes.py", "-k", chosen)


def test_the_code_of_the_page_is_as_the_linter_wants_it(checkout: Path) -> None:
    files = [named(block) for block in blocks(PAGE) if block.language in ("py", "diff")]
    assert len(set(files)) == 5
    run(checkout, "ruff", "check", "--quiet", "--no-cache", *files)
    run(checkout, "ruff", "format", "--check", "--quiet", "--no-cache", *files)
