"""What each of several engine children gets of the machine: a GPU and its part of that GPU's memory, or its part of
the cores and of the main memory.

Given as the environment variables that CUDA, HIP and OpenMP read before anything is imported, and as the option
`share`. Without it every child would take the first GPU, and as many threads as there are cores.

GPUs are counted as torch counts them, not by their device nodes: a container keeps the host's numbers in /dev, while
CUDA counts what the container got from 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reelwright.engines.child import Share
from reelwright.engines.local.devices import Machine, View

_CUDA, _HIP = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpus:
    """The GPUs that may be given out: the names that `variable` takes."""

    variable: str = _CUDA
    names: tuple[str, ...] = ()


def count_gpus(machine: Machine, environment: Mapping[str, str], ask: Callable[[], View | None]) -> Gpus:
    """The GPUs that torch can use here. `ask` (which takes seconds) is asked only where there may be more than one.

    An operator's list (`CUDA_VISIBLE_DEVICES`, `HIP_VISIBLE_DEVICES`: numbers or UUIDs) is kept to: each child gets an
    entry of it. Of MIG instances one process sees the first only, so torch's count is no measure for a list of them.
    """
    variable = next((name for name in (_HIP, _CUDA) if name in environment), None)
    listed = _entries(environment[variable]) if variable else None
    if listed and all(name.startswith("MIG-") for name in listed):
        return Gpus(variable=variable or _CUDA, names=listed)
    nodes = machine.nvidia or machine.amd or (2 if machine.wsl else int(machine.apple))
    most = nodes if listed is None else len(listed)
    if most < 2:
        return Gpus(variable=variable or _CUDA, names=listed if listed is not None else ("0",) * most)
    view = ask()
    count = len(view.gpus) if view else 0
    hip = view is not None and view.build.startswith("rocm")
    names = tuple(str(number) for number in range(count)) if listed is None else listed[:count]
    return Gpus(variable=variable or (_HIP if hip else _CUDA), names=names)


def _entries(value: str) -> tuple[str, ...]:
    """As CUDA reads the list: what comes after the first entry that is none does not count."""
    entries: list[str] = []
    for one in value.split(","):
        if one.strip() in ("", "-1"):
            break
        entries.append(one.strip())
    return tuple(entries)


def shares(children: int, device: str, environment: Mapping[str, str], gpus: Gpus, each: int = 1) -> tuple[Share, ...]:
    """One share a child, in turn over the GPUs, of which each gets `each`. Nothing for a single child; what the
    operator has set stays.
    """
    if children < 2:
        return (Share(),) * children
    if device == "auto" and gpus.names:
        return tuple(_of_gpus(child, children, gpus, each) for child in range(children))
    apart = {"share": 1 / children}
    if gpus.names or device not in ("auto", "cpu") or "OMP_NUM_THREADS" in environment:
        return (Share(options=apart),) * children
    threads = str(max(1, cores() // children))
    return (Share(environment={"OMP_NUM_THREADS": threads}, options=apart),) * children


def _of_gpus(child: int, children: int, gpus: Gpus, each: int) -> Share:
    groups = groups_of(gpus.names, each)
    own = child % len(groups)
    company = len(range(own, children, len(groups)))
    return Share(
        environment={gpus.variable: ",".join(groups[own])} if len(gpus.names) > 1 else {},
        options={"share": 1 / company} if company > 1 else {},
    )


def groups_of(names: Sequence[str], each: int) -> list[Sequence[str]]:
    """As many whole groups as there are, at least one: whether that is too small, its child will tell."""
    whole = range(0, len(names) - each + 1, each)
    return [names[first : first + each] for first in whole] or [names]


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if "sched_getaffinity" in dir(os) else os.cpu_count() or 1
