"""The GPU benchmark works where there is no GPU, so that a rented hour is not spent on mending it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.local import gpu, likeness
from benchmarks.local.bench import Bench
from reelwright.engines.local.recipes import RECIPES
from tests.engines.local.conftest import REASON, TinyFolder

pytest.importorskip("torch", reason=REASON)

import torch

from benchmarks.local import configurations


async def test_a_run_says_what_was_measured_and_what_was_left_out(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    out = tmp_path / "gpu.jsonl"
    bench = Bench(tiny_folder("wan").parent, toy=True, seconds=120, out=out)
    try:
        for stage in ("wan-modes", "wan-tiers", "cancel"):
            assert await gpu.complete(bench, stage, toy=True)
        assert bench.warm
    finally:
        await bench.end()
    assert await gpu.complete(Bench(tmp_path, toy=True, seconds=1, out=out), "resume", toy=True)

    told = [json.loads(line) for line in out.read_text().splitlines()]
    sides = {line["side"]: line for line in told if line["stage"] == "wan-modes" and "seconds" in line}
    assert list(sides) == ["plain loop", "plain", "exact", "fast"]
    assert sides["plain"]["psnr"] == "identical"
    assert sides["fast"]["levers"] == "first_block_cache"
    placements = [line["placement"] for line in told if line["stage"] == "wan-tiers"]
    assert placements == ["resident", "lean"]
    assert next(line for line in told if line["stage"] == "cancel")["warm_after"]
    assert told[-1]["left_out"] == "1 s were left"


async def test_a_stage_that_fails_is_told_and_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "wan").mkdir()
    bench = Bench(tmp_path, toy=True, seconds=60, out=tmp_path / "gpu.jsonl")
    try:
        assert not await gpu.complete(bench, "quantization", toy=True)
    finally:
        await bench.end()
    assert "'wan' is not ready" in json.loads((tmp_path / "gpu.jsonl").read_text().splitlines()[-1])["failed"]


@pytest.mark.parametrize("name", ["svd", "wan"])
def test_the_random_weights_are_as_many_as_the_published_ones(name: str) -> None:
    parts = {"svd": configurations.SVD, "wan": configurations.WAN}[name]
    with torch.device("meta"):
        millions = {part: sum(p.numel() for p in make().parameters()) / 1e6 for part, make in parts.items()}
    assert millions == pytest.approx(dict(RECIPES[name].parameters), abs=0.1)


def test_likeness_is_one_for_equal_frames_and_falls_with_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), np.uint8)
    near = np.clip(noise.astype(int) + 10, 0, 255).astype(np.uint8)
    assert likeness.ssim(noise, noise) == pytest.approx(1)
    assert likeness.psnr(noise, noise) == float("inf")
    assert 27 < likeness.psnr(noise, near) < 30  # 10 steps of 255 are 28.1 dB
    assert likeness.ssim(noise, noise[::-1].copy()) < 0.3
