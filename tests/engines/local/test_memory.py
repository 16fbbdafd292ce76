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
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (torch.OutOfMemoryError("HIP out of memory. Tried to allocate 2.00 GiB"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17.5 GB, other allocations: 1 GB)"), True),
        (torch.AcceleratorError("CUDA error: out of memory"), True),
        (torch.AcceleratorError("HIP error: out of memory"), True),
        (RuntimeError("CUDA driver error: out of memory"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"), True),
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("could not create a primitive descriptor for the convolution"), False),
        (RuntimeError("The size of tensor a must match"), False),
        (ValueError("out of memory, or so it says"), False),
    ],
    ids=lambda value: str(value)[:60],
)
def test_which_errors_mean_that_memory_ran_out(error: Exception, expected: bool) -> None:
    assert memory.ran_out(error) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), True),
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), True),
        (RuntimeError("CUDA error: unspecified launch failure"), True),
        (RuntimeError("CUDA error: uncorrectable ECC error encountered"), True),
        (RuntimeError("HIP error: an illegal memory access was encountered"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), True),
        (torch.AcceleratorError("CUDA error: out of memory"), False),
        (torch.AcceleratorError("CUDA error: no kernel image is available for execution on the device"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("CUDA error: or so it says"), False),
    ],
    ids=lambda value: str(value)[:60],
)
def test_after_which_errors_the_device_is_lost_to_the_process(error: Exception, expected: bool) -> None:
    assert memory.is_lost(error) is expected
