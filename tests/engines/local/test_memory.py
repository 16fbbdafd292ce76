"""Running out of memory, for real: in a child process whose address space is bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engines.local.conftest import REASON, TinyFolder

pytest.importorskip("torch", reason=REASON)

import torch

from reelwright.engines.local import memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bounds the address space as Linux does")


def in_cramped_room(folder: Path, image: Path, scratch: Path, megabytes: int, *sides: int) -> list[dict[str, Any]]:
    """One child renders a clip of each side in turn; after the first its memory may grow by so much and no more."""
    command = [sys.executable, "-m", "tests.engines.local.cramped"]
    command += [str(folder), str(image), str(scratch), str(megabytes), *map(str, sides)]
    # Freed memory goes back to the system at once, so that the bound measures what is in use.
    environment = os.environ | {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "1048576"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300, env=environment)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_running_out_of_memory_harms_one_job_only(tiny_folder: TinyFolder, tmp_path: Path, fox: Path) -> None:
    """A job that fits only the leaner placement is tried again there; one that fits neither fails clearly."""
    small, larger, too_large, again = in_cramped_room(tiny_folder("svd"), fox, tmp_path, 190, 64, 192, 1024, 64)
    assert small["placement"] == "resident"
    assert larger["placement"] == "lean"
    assert too_large["code"] == "out_of_memory"
    assert too_large["error"] == "Not enough memory for 8 frames of 1024x1024; ask for fewer or smaller frames."
    assert again == small


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("The size of tensor a must match"), False),
        (ValueError("out of memory, or so it says"), False),
    ],
)
def test_which_errors_mean_that_memory_ran_out(error: Exception, expected: bool) -> None:
    assert memory.ran_out(error) is expected
