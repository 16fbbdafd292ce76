"""Which GPUs the machine shows, which of them torch can use, and what stands in the way. Nothing here imports torch: it
is asked in a process of its own (`torch_view.py`).

A machine whose GPU torch cannot use makes videos on the CPU, a hundred times slower. That is never passed over in
silence.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_ASK_S = 120.0
_NVIDIA_VENDOR, _DISPLAY_CLASS = "0x10de", "0x03"
_HIDING = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
_CUDA_BUILD = "pip install --force-reinstall torch"
_COMMANDS = "https://pytorch.org/get-started/locally"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the machine shows. `nvidia`, `amd`: how many device nodes; `wsl`: Windows hands its GPU through; `card`: an
    NVIDIA card is plugged in, whether a driver serves it or not; `driver`: the NVIDIA driver's version."""

    nvidia: int = 0
    amd: int = 0
    wsl: bool = False
    apple: bool = False
    card: bool = False
    driver: str | None = None
    container: bool = False

    @property
    def gpu(self) -> bool:
        return bool(self.nvidia or self.amd or self.wsl or self.apple or self.card)


def look(root: Path = Path("/"), system: str = sys.platform) -> Machine:
    """Reads the names of devices and a few small files; takes a millisecond."""
    if system == "darwin":
        return Machine(apple=True)
    nodes = [path.name for path in (root / "dev").glob("nvidia*")]
    kfd = (root / "dev/kfd").exists()
    return Machine(
        nvidia=sum(re.fullmatch(r"nvidia\d+", name) is not None for name in nodes),
        amd=max(1, len(list((root / "dev/dri").glob("renderD*")))) if kfd else 0,
        wsl=(root / "dev/dxg").exists(),
        card=any(_is_nvidia(device) for device in (root / "sys/bus/pci/devices").glob("*")),
        driver=_driver(root / "proc/driver/nvidia/version"),
        container=any((root / name).exists() for name in (".dockerenv", "run/.containerenv")),
    )


def _is_nvidia(device: Path) -> bool:
    try:
        vendor, kind = (device / "vendor").read_text().strip(), (device / "class").read_text()
    except OSError:
        return False
    return vendor == _NVIDIA_VENDOR and kind.startswith(_DISPLAY_CLASS)


def _driver(file: Path) -> str | None:
    try:
        found = re.search(r"\b(\d{3,}\.\d+(?:\.\d+)?)\b", file.read_text())
    except OSError:
        return None
    return found[1] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU as torch sees it; memory in bytes, None where torch does not tell."""

    name: str
    total: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What torch says. `build`: what it was built for, `cuda 13.0`, `rocm 7.1`, `mps` or `cpu`. `words`: what it said
    when it was asked for a GPU that it cannot use."""

    torch: str
    build: str
    gpus: tuple[Gpu, ...] = ()
    words: str = ""

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        return cls(**{**told, "gpus": tuple(Gpu(**gpu) for gpu in told["gpus"])})


def ask_torch() -> View | None:
    """Have a process of its own import torch and tell: takes seconds. None where it cannot be imported."""
    command = [sys.executable, "-P", "-m", "reelwright.engines.local.torch_view"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_ASK_S)
        return View.from_json(json.loads(told.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def installed_torch() -> View | None:
    """What the installed torch was built for, without importing it: read from its own `version.py`."""
    found = importlib.util.find_spec("torch")
    if found is None or not found.submodule_search_locations:
        return None
    try:
        text = (Path(found.submodule_search_locations[0]) / "version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    facts = dict(re.findall(r"^(\w+)[^=\n]* = '([^']*)'", text, re.MULTILINE))
    return View(torch=facts.get("__version__", "?"), build=build_name(facts.get("cuda"), facts.get("hip")))


def build_name(cuda: str | None, hip: str | None) -> str:
    if hip:
        return f"rocm {hip}"
    return f"cuda {cuda}" if cuda else "mps" if sys.platform == "darwin" else "cpu"


def wrong_build(machine: Machine, view: View) -> str | None:
    """Why this build of torch can use no GPU of this machine, with the remedy; None when it is the right one."""
    kind = view.build.partition(" ")[0]
    if machine.apple or kind == "mps":
        return None
    if (machine.nvidia or machine.wsl) and kind != "cuda" and not (machine.amd and kind == "rocm"):
        return (
            f"This machine has an NVIDIA GPU, but torch {view.torch} is a build for {_plain(kind)}. "
            f"Install the one for CUDA: {_CUDA_BUILD}"
        )
    if machine.amd and not machine.nvidia and kind != "rocm":
        return (
            f"This machine has an AMD GPU, but torch {view.torch} is a build for {_plain(kind)}. "
            "Install the one for ROCm: pip install --force-reinstall torch --index-url "
            f"https://download.pytorch.org/whl/rocmX.Y with the version that {_COMMANDS} names"
        )
    return None


def trouble(machine: Machine, view: View, environment: Mapping[str, str]) -> str | None:
    """Why torch uses no GPU although the machine has one, with the remedy; None when it does, or when there is none, or
    when somebody has hidden it on purpose."""
    if view.gpus or not machine.gpu or any(environment.get(name) in ("", "-1") for name in _HIDING):
        return None
    if machine.apple:
        return _apples_trouble(view)
    if wrong := wrong_build(machine, view):
        return wrong
    if machine.nvidia or machine.wsl:
        return _nvidias_trouble(machine, view)
    if machine.amd:
        return (
            f"This machine has an AMD GPU, and torch {view.torch} ({view.build}) finds none. The user needs the groups "
            "render and video, a container --device /dev/kfd --device /dev/dri; `rocminfo` must list the card."
        )
    remedy = (
        "Start the container with --gpus all (NVIDIA Container Toolkit on the host)"
        if machine.container
        else "Install NVIDIA's driver, so that `nvidia-smi` lists the card"
    )
    return f"This machine has an NVIDIA card, but no driver shows it here. {remedy}."


def _nvidias_trouble(machine: Machine, view: View) -> str:
    driver = f"driver {machine.driver}" if machine.driver else "its driver"
    said = f" It says: {view.words.rstrip('.')}." if view.words else ""
    if "too old" in view.words or "insufficient" in view.words:
        return (
            f"The NVIDIA {driver} is too old for torch {view.torch} ({view.build}).{said} Update the driver, or "
            f"install the torch for an older CUDA that {_COMMANDS} names"
        )
    where = "Windows' NVIDIA driver and WSL" if machine.wsl else f"the NVIDIA {driver}"
    return (
        f"This machine has an NVIDIA GPU, and torch {view.torch} ({view.build}) cannot use it.{said} Check that "
        f"`nvidia-smi` lists it here; if it does, update {where} and restart the machine. A container needs --gpus all."
    )


def _apples_trouble(view: View) -> str:
    remedy = (
        "This Python is one for Intel: install a native arm64 one"
        if platform.machine() != "arm64"
        else "It needs macOS 14 or newer"
    )
    return f"torch {view.torch} cannot use this Mac's GPU. {remedy}."


def _plain(kind: str) -> str:
    return {"cpu": "the CPU", "cuda": "CUDA", "rocm": "ROCm"}.get(kind, kind)
