"""docs/how-to/write-an-engine.md: the package that its blocks make is installed into an environment of its own, its
tests pass there, and the command line makes a video with it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from reelwright.media.probe import probe
from tests.docs.pages import blocks
from tests.servers import ROOT

PAGE = ROOT / "docs" / "how-to" / "write-an-engine.md"
FILES = ("pyproject.toml", "rain_engine.py", "tests/test_rain.py")
"""In the order in which the page shows them."""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the package of the page, and sees what this one has."""
    folder = tmp_path_factory.mktemp("rain")
    shown = [block for block in blocks(PAGE) if block.language in ("toml", "python")]
    for name, block in zip(FILES, shown, strict=True):
        path = folder / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    [site] = (folder / "venv" / "lib").glob("*/site-packages")
    (site / "this_checkout.pth").write_text(f"{ROOT / 'src'}\n{sysconfig.get_path('purelib')}\n")
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", str(folder / "package")]
    run([sys.executable, "-m", "pip", "--python", str(python), *install], folder)
    return python


def run(command: list[str], folder: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REELWRIGHT_", "PYTHONPATH"))}
    done = subprocess.run(
        command, cwd=folder, env=kept | environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_tests_pass(python: Path, tmp_path: Path) -> None:
    tests = python.parents[2] / "package" / "tests"
    told = run([str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)], tmp_path)
    assert "2 passed" in told


def test_the_command_line_makes_a_video_with_it(python: Path, tmp_path: Path) -> None:
    arguments = ["generate", "Light rain", "--engine", "rain", "--size", "64x64", "--frames", "8", "-o", "rain.mp4"]
    run([str(python), "-m", "reelwright.cli", *arguments], tmp_path)
    assert probe(tmp_path / "rain.mp4").num_frames == 8


def test_doctor_knows_the_engine_and_what_it_was_told_wrongly(python: Path, tmp_path: Path) -> None:
    doctor = [str(python), "-m", "reelwright.cli", "doctor"]
    told = run(doctor, tmp_path, REELWRIGHT_ENGINE="rain", REELWRIGHT_DATA_DIR=str(tmp_path / "data"))
    assert re.search(r"rain.*chosen in the settings", told), told


def test_the_commands_are_those_of_the_page() -> None:
    """What is run above in other words, so that a change of the page is seen here."""
    [commands] = [block.text for block in blocks(PAGE) if block.language == "sh"]
    assert [line.split()[0] for line in commands.splitlines()] == [
        "pip",
        "python",
        "reelwright",
        "REELWRIGHT_ENGINE=rain",
    ]
