"""What each of several engine children gets of the machine: a GPU of its own, or its part of the cores.

Given as the environment variables that CUDA and OpenMP read, before anything is imported. Without it every child would
take the first GPU, and as many threads as there are cores.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path


def shares(
    children: int, device: str, environment: Mapping[str, str], devices: Path = Path("/dev")
) -> tuple[Mapping[str, str], ...]:
    """One mapping a child. Empty for a single child, and where the operator has chosen already."""
    gpus = _gpus(environment, devices)
    if children < 2:
        return ({},) * children
    if len(gpus) > 1 and device == "auto":
        return tuple({"CUDA_VISIBLE_DEVICES": gpus[child % len(gpus)]} for child in range(children))
    if gpus or device not in ("auto", "cpu") or "OMP_NUM_THREADS" in environment:
        return ({},) * children
    return ({"OMP_NUM_THREADS": str(max(1, cores() // children))},) * children


def _gpus(environment: Mapping[str, str], devices: Path) -> list[str]:
    if "CUDA_VISIBLE_DEVICES" in environment:
        return [name for name in environment["CUDA_VISIBLE_DEVICES"].split(",") if name]
    found = (re.fullmatch(r"nvidia(\d+)", path.name) for path in devices.glob("nvidia*"))
    return sorted((match[1] for match in found if match), key=int)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if "sched_getaffinity" in dir(os) else os.cpu_count() or 1
