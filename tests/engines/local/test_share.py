"""What each of several children gets: no torch, no GPU, only names."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reelwright.engines.child import Share, Spec
from reelwright.engines.local.devices import Gpu, Machine, View
from reelwright.engines.local.share import Gpus, cores, count_gpus, groups_of, shares

EIGHT = Machine(nvidia=8)


def seeing(count: int, build: str = "cuda 13.0") -> View:
    return View(torch="2.13.0", build=build, gpus=tuple(Gpu(name="a card") for _ in range(count)))


@pytest.mark.parametrize(
    ("machine", "environment", "view", "variable", "names"),
    [
        # As torch counts, from 0, whatever the nodes are called: a container with the host's nvidia2 and nvidia3.
        (Machine(nvidia=2), {}, seeing(2), "CUDA_VISIBLE_DEVICES", "0,1"),
        (EIGHT, {}, seeing(8), "CUDA_VISIBLE_DEVICES", "0,1,2,3,4,5,6,7"),
        (EIGHT, {}, seeing(0), "CUDA_VISIBLE_DEVICES", ""),  # the driver is too old: one child, on the CPU
        (EIGHT, {}, None, "CUDA_VISIBLE_DEVICES", ""),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "2,3"}, seeing(2), "CUDA_VISIBLE_DEVICES", "2,3"),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "GPU-b, GPU-a"}, seeing(2), "CUDA_VISIBLE_DEVICES", "GPU-b,GPU-a"),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "4,-1,5"}, seeing(1), "CUDA_VISIBLE_DEVICES", "4"),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "0,1,99"}, seeing(2), "CUDA_VISIBLE_DEVICES", "0,1"),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": ""}, seeing(0), "CUDA_VISIBLE_DEVICES", ""),
        # Of MIG instances torch sees one at a time.
        (Machine(nvidia=1), {"CUDA_VISIBLE_DEVICES": "MIG-a,MIG-b"}, seeing(1), "CUDA_VISIBLE_DEVICES", "MIG-a,MIG-b"),
        (Machine(amd=2), {}, seeing(2, "rocm 7.1"), "HIP_VISIBLE_DEVICES", "0,1"),
        (Machine(amd=4), {"HIP_VISIBLE_DEVICES": "1,3"}, seeing(2, "rocm 7.1"), "HIP_VISIBLE_DEVICES", "1,3"),
        (Machine(amd=4), {"CUDA_VISIBLE_DEVICES": "1,3"}, seeing(2, "rocm 7.1"), "CUDA_VISIBLE_DEVICES", "1,3"),
        (Machine(wsl=True), {}, seeing(2), "CUDA_VISIBLE_DEVICES", "0,1"),
    ],
)
def test_gpus_are_counted_as_torch_counts_them(
    machine: Machine, environment: Mapping[str, str], view: View | None, variable: str, names: str
) -> None:
    gpus = count_gpus(machine, environment, lambda: view)
    assert (gpus.variable, ",".join(gpus.names)) == (variable, names)


@pytest.mark.parametrize(
    ("machine", "names"), [(Machine(), ()), (Machine(nvidia=1), ("0",)), (Machine(apple=True), ("0",))]
)
def test_torch_is_not_asked_where_there_cannot_be_two(machine: Machine, names: tuple[str, ...]) -> None:
    def never() -> View | None:
        raise AssertionError("it takes seconds")

    assert count_gpus(machine, {}, never).names == names


def two(*names: str, variable: str = "CUDA_VISIBLE_DEVICES") -> Gpus:
    return Gpus(variable=variable, names=names)


@pytest.mark.parametrize(
    ("children", "device", "environment", "gpus", "given"),
    [
        (1, "auto", {}, two("0", "1"), [({}, {})]),
        (2, "auto", {}, two("0", "1"), [({"CUDA_VISIBLE_DEVICES": "0"}, {}), ({"CUDA_VISIBLE_DEVICES": "1"}, {})]),
        (
            3,
            "auto",
            {},
            two("a", "b", variable="HIP_VISIBLE_DEVICES"),
            [
                ({"HIP_VISIBLE_DEVICES": "a"}, {"share": 0.5}),
                ({"HIP_VISIBLE_DEVICES": "b"}, {}),
                ({"HIP_VISIBLE_DEVICES": "a"}, {"share": 0.5}),
            ],
        ),
        (2, "auto", {}, two("0"), [({}, {"share": 0.5})] * 2),
        (2, "cuda:1", {}, Gpus(), [({}, {"share": 0.5})] * 2),
        (4, "mps", {}, Gpus(), [({}, {"share": 0.25})] * 4),
        (2, "cpu", {"OMP_NUM_THREADS": "3"}, Gpus(), [({}, {"share": 0.5})] * 2),
        (2, "auto", {}, Gpus(), [({"OMP_NUM_THREADS": str(max(1, cores() // 2))}, {"share": 0.5})] * 2),
    ],
)
def test_children_share_gpus_their_memory_and_the_cores(
    children: int, device: str, environment: Mapping[str, str], gpus: Gpus, given: list[tuple[object, object]]
) -> None:
    found = shares(children, device, environment, gpus)
    assert [(share.environment, share.options) for share in found] == given


def test_children_of_several_gpus_each_get_whole_groups() -> None:
    eight = two(*map(str, range(8)))
    given = [share.environment for share in shares(2, "auto", {}, eight, 4)]
    assert given == [{"CUDA_VISIBLE_DEVICES": "0,1,2,3"}, {"CUDA_VISIBLE_DEVICES": "4,5,6,7"}]
    assert [len(groups_of(eight.names, each)) for each in (1, 2, 3, 8, 9)] == [8, 4, 2, 1, 1]
    assert [share.options for share in shares(3, "auto", {}, eight, 4)] == [{"share": 0.5}, {}, {"share": 0.5}]


def test_a_child_is_started_with_its_share() -> None:
    share = Share(environment={"CUDA_VISIBLE_DEVICES": "1"}, options={"share": 0.5})
    spec = Spec(engine="local", options={"models": "wan"}, environment={"A": "b"}, shares=(Share(), share))
    assert spec.of_child(1).options == {"models": "wan", "share": 0.5}
    assert spec.of_child(1).environment == {"A": "b", "CUDA_VISIBLE_DEVICES": "1"}
    assert spec.of_child(0).options == spec.options
