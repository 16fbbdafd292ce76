"""Each benchmark still runs, in its smallest form: a file or a name that has moved would be noticed months later.

Its figures are not looked at.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SMALLEST = {
    "comfyui.py": "--jobs 3 --under-way 2 --idle 0.1",
    "command_line.py": "--rounds 1",
    "door.py": "--connections 4 --reads 10 --rounds 1 --settle 0",
    "embedded.py": "--rounds 1 --idle 0.1 --jobs 4",
    "encode.py": "--rounds 1 --sizes 8x64x64",
    "finish.py": "--rounds 1 --sizes 64x64",
    "fleet.py": "--workers 4 --seconds 1 --waiting 20 --ended 40 --idle 0.1",
    "jobs.py": "--queued 120 --listeners 3",
    "keys.py": "--submissions 10 --reads 60 --rounds 1",
    "sending.py": "--rounds 1",
    "sketch.py": "--rounds 1 --size 64x64 --frames 2",
    "store.py": "--rounds 1",
}
BESIDE = {"relay.py"}
"""What needs programs that are not installed for the tests: Node's Express."""


def test_no_benchmark_is_forgotten() -> None:
    assert {file.name for file in (ROOT / "benchmarks").glob("*.py")} == SMALLEST.keys() | BESIDE


@pytest.mark.parametrize("name", SMALLEST)
def test_it_runs_and_tells_figures(name: str) -> None:
    command = [sys.executable, f"benchmarks/{name}", *SMALLEST[name].split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert any(character.isdigit() for character in done.stdout)
