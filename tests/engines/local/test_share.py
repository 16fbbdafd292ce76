"""What each of several children gets: no torch, no GPU, only names."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwright.engines.local.share import cores, shares


@pytest.fixture
def two_gpus(tmp_path: Path) -> Path:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    return tmp_path


def test_children_take_the_gpus_in_turn(two_gpus: Path) -> None:
    taken = [share["CUDA_VISIBLE_DEVICES"] for share in shares(3, "auto", {}, two_gpus)]
    assert taken == ["0", "1", "0"]


def test_only_the_gpus_that_are_visible_are_given_out(two_gpus: Path) -> None:
    given = shares(2, "auto", {"CUDA_VISIBLE_DEVICES": "GPU-b,GPU-a"}, two_gpus)
    assert [share["CUDA_VISIBLE_DEVICES"] for share in given] == ["GPU-b", "GPU-a"]


def test_without_a_gpu_the_cores_are_shared(tmp_path: Path) -> None:
    assert shares(2, "auto", {}, tmp_path) == ({"OMP_NUM_THREADS": str(max(1, cores() // 2))},) * 2
    assert shares(1_000, "cpu", {}, tmp_path)[999] == {"OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize(
    ("children", "device", "environment"),
    [
        (1, "auto", {}),
        (2, "cuda:1", {}),
        (2, "cpu", {"OMP_NUM_THREADS": "3"}),
        (2, "auto", {"CUDA_VISIBLE_DEVICES": "1"}),
    ],
)
def test_a_single_child_and_an_operators_choice_are_left_alone(
    children: int, device: str, environment: dict[str, str], two_gpus: Path
) -> None:
    assert not any(shares(children, device, environment, two_gpus))
