"""GPUs that a machine shows and torch cannot use: what is said of them. Folders stand for the machine's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reelwright.engines.local import devices
from reelwright.engines.local.devices import Gpu, Machine, View, look, trouble, wrong_build
from tests.engines.local.conftest import REASON


def a_machine(root: Path, *nodes: str, **files: str) -> Machine:
    for node in nodes:
        (root / node).parent.mkdir(parents=True, exist_ok=True)
        (root / node).touch()
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return look(root, "linux")


def test_what_a_machine_shows(tmp_path: Path) -> None:
    version = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (root@x)\n"
    plugged = {"vendor": "0x10de\n", "class": "0x030200\n"}
    card = {f"sys__bus__pci__devices__a__{name}": text for name, text in plugged.items()}
    nvidia = a_machine(
        tmp_path / "a", "dev/nvidia2", "dev/nvidia3", "dev/nvidiactl", **card, proc__driver__nvidia__version=version
    )
    assert nvidia == Machine(nvidia=2, card=True, driver="550.54.14")
    assert a_machine(tmp_path / "b", "dev/kfd", "dev/dri/renderD128", "dev/dri/renderD129") == Machine(amd=2)
    assert a_machine(tmp_path / "c", "dev/dxg") == Machine(wsl=True)
    assert a_machine(tmp_path / "d", ".dockerenv", **card) == Machine(card=True, container=True)
    audio = {f"sys__bus__pci__devices__a__{name}": text for name, text in (plugged | {"class": "0x040300"}).items()}
    assert not a_machine(tmp_path / "e", **audio).gpu
    assert look(tmp_path, "darwin").gpu


NVIDIA = Machine(nvidia=1, driver="550.54.14")
OLD = "The NVIDIA driver on your system is too old (found version 12040)."


@pytest.mark.parametrize(
    ("machine", "build", "words", "told"),
    [
        (NVIDIA, "cpu", "", "has an NVIDIA GPU, but torch 2.13.0 is a build for the CPU.*pip install --force-reinst"),
        (NVIDIA, "rocm 7.1", "", "a build for ROCm. Install the one for CUDA"),
        (
            NVIDIA,
            "cuda 13.0",
            OLD,
            r"driver 550.54.14 is too old for torch 2.13.0 \(cuda 13.0\).*older CUDA that https://",
        ),
        (NVIDIA, "cuda 13.0", "CUDA unknown error", "It says: CUDA unknown error. Check that `nvidia-smi`"),
        (Machine(wsl=True), "cuda 13.0", "", "update Windows' NVIDIA driver"),
        (Machine(card=True), "cuda 13.0", "", "no driver shows it here. Install NVIDIA's driver"),
        (Machine(card=True, container=True), "cuda 13.0", "", "Start the container with --gpus all"),
        (Machine(amd=1), "cuda 13.0", "", "has an AMD GPU, but torch 2.13.0 is a build for CUDA.*whl/rocm"),
        (Machine(amd=1), "rocm 7.1", "", "groups render and video"),
        (Machine(apple=True), "mps", "", "cannot use this Mac's GPU"),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_told_with_the_remedy(
    machine: Machine, build: str, words: str, told: str
) -> None:
    import re

    said = trouble(machine, View(torch="2.13.0", build=build, words=words), {})
    assert said
    assert re.search(told, said), said


@pytest.mark.parametrize(
    ("machine", "view", "environment"),
    [
        (NVIDIA, View(torch="2", build="cuda 13.0", gpus=(Gpu(name="H200"),)), {}),
        (Machine(), View(torch="2", build="cpu"), {}),
        (NVIDIA, View(torch="2", build="cuda 13.0"), {"CUDA_VISIBLE_DEVICES": ""}),
        (NVIDIA, View(torch="2", build="cuda 13.0"), {"CUDA_VISIBLE_DEVICES": "-1"}),
    ],
)
def test_where_all_is_well_or_on_purpose_nothing_is_said(
    machine: Machine, view: View, environment: dict[str, str]
) -> None:
    assert trouble(machine, view, environment) is None


def test_torch_tells_the_same_asked_or_read_from_its_files() -> None:
    pytest.importorskip("torch", reason=REASON)
    asked, read = devices.ask_torch(), devices.installed_torch()
    assert asked
    assert read
    assert (asked.torch, asked.build) == (read.torch, read.build)
    code = "import sys; from reelwright.engines.local import devices; devices.installed_torch(); "
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules"], check=True)


def test_the_wrong_build_is_known_before_torch_is_asked() -> None:
    assert wrong_build(NVIDIA, View(torch="2", build="cpu"))
    assert wrong_build(NVIDIA, View(torch="2", build="cuda 13.0")) is None
    assert wrong_build(Machine(nvidia=1, amd=1), View(torch="2", build="rocm 7.1")) is None
