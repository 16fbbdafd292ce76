"""The local engine on a GPU: random weights of real configurations, beside diffusers' plain loop in the same run.

    python -m benchmarks.local.gpu [--toy] [--seconds 540] [--stages svd-modes,wan-tiers,…] [--rounds 1]

Run it in a checkout, in an environment with the extra `local`; it reads nothing from the network and takes 25 GB of
disk (TMPDIR) and 20 GB of main memory. On a GPU machine that has PyTorch, transformers, accelerate and peft but not the
rest, bring seven wheels in the versions of constraints.txt, and set PYTHONPATH=src: diffusers, transformers, cache-dit,
torchao, ftfy, wcwidth, importlib-metadata. Without gcc the modes run eagerly, and say so.

The stages, the most telling first; one for which too little time is left is left out, and one that fails or hangs costs
no other its figures:

- `svd-modes`, `wan-modes`: each speed mode beside the plain loop: seconds, ratio, PSNR and SSIM to the loop's frames;
  the first job (loading, compiling) and, in `exact`, the first job of a second size
- `wan-tiers`, `svd-tiers`: the memory peak of each placement beside what footprint.py computes
- `resume`: kill -9 of the engine's process in the middle of denoising; the job goes on in a new one, bit for bit
- `cancel`: how long a cancel in the middle of a step takes, and whether the process is warm after it
- `quantization`: weights in int8 and float8: seconds, memory, PSNR

Each figure is printed as it is measured, and written as a line of JSON to $OUT/gpu.jsonl where OUT is set. `--toy` runs
all of it on a CPU with tiny pipelines: it shows that the script works, not how fast anything is.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.local import likeness
from benchmarks.local.bench import LOOP, Bench, Following, Frames, Take, gib, seconds_since
from reelwright.engines.local import footprint, tensors
from reelwright.engines.local.footprint import Kind
from reelwright.engines.local.recipe import Tier
from reelwright.engines.local.recipes import RECIPES
from reelwright.errors import EngineError


async def modes(bench: Bench, model: str) -> None:
    stage, shape = f"{model}-modes", bench.scale.modes[model]
    loop: float | None = None
    for side in (LOOP, "plain", "exact", "fast"):
        wanted: str | dict[str, Any] = side if side == LOOP else {"speed": side, "placement": "resident"}
        first = await bench.take(model, shape, wanted)
        runs = sorted([await bench.take(model, shape, wanted) for _ in range(bench.rounds)], key=lambda t: t.seconds)
        warm = runs[len(runs) // 2]
        if side == LOOP:
            loop = warm.seconds
            bench.frames[model] = warm.frames
        assert loop is not None
        bench.tell(
            stage,
            side=side,
            clip=str(shape),
            seconds=warm.seconds,
            times_as_fast=round(loop / warm.seconds, 2),
            **alike(bench, model, warm.frames),
            **speed_facts(first, warm),
        )
        if side == "exact":
            other = bench.scale.second[model]
            jobs = [await bench.take(model, other, wanted) for _ in range(3)]
            seconds = [job.seconds for job in jobs]
            bench.tell(stage, side=side, clip=str(other), first_three_jobs_of_a_second_size=seconds)


def speed_facts(first: Take, warm: Take) -> dict[str, Any]:
    """`warming_up`: what the first job took longer, but for loading: compiling above all."""
    stages = first.facts["stages"]
    return {
        "first_job": first.seconds,
        "loading": stages.get("weights"),
        "warming_up": round(first.seconds - stages.get("weights", 0.0) - warm.seconds, 2),
        "stages": warm.facts["stages"],
        "levers": " ".join(warm.facts.get("levers", ())) or None,
        "not_compiled": warm.facts.get("not_compiled"),
        "peak_gib": gib(warm.facts.get("peak_reserved")),
    }


def alike(bench: Bench, model: str, frames: Frames) -> dict[str, Any]:
    """Nothing where the loop's frames are not there."""
    plain = bench.frames.get(model)
    if plain is None:
        return {}
    same = np.array_equal(plain, frames)
    return {
        "psnr": "identical" if same else round(likeness.psnr(plain, frames), 1),
        "ssim": round(likeness.ssim(plain, frames), 4),
    }


async def tiers(bench: Bench, model: str) -> None:
    """Each tier is brought about by the option `memory`, as a smaller card would; the record says which it was."""
    recipe, shape = RECIPES[model], bench.scale.full[model]
    await bench.child()
    kind = bench.kind()
    counted = tensors.elements(list(bench.folder(model).rglob("*.safetensors")))
    bytes_of = {
        name: count * footprint.component_bytes(recipe, name, plain=kind is Kind.CPU) for name, count in counted.items()
    }
    needs = footprint.needs(recipe, kind, bytes_of)
    for tier in needs.possible(kind):
        computed = needs.takes(tier, kind, shape.width, shape.height, shape.frames).device
        wanted = {"speed": "plain", "placement": tier.placement.value, "memory": card_for(computed)}
        await bench.take(model, shape, wanted)
        warm = await bench.take(model, shape, wanted)
        allocated = warm.facts.get("peak_allocated")
        bench.tell(
            f"{model}-tiers",
            tier=named(tier),
            clip=str(shape),
            placement=warm.facts["placement"],
            tiled=warm.facts.get("tiled_decode"),
            decode_chunk=warm.facts.get("decode_chunk"),
            seconds=warm.seconds,
            computed_gib=gib(computed),
            allocated_gib=gib(allocated),
            reserved_gib=gib(warm.facts.get("peak_reserved")),
            allocated_of_computed=round(allocated / computed, 2) if allocated else None,
        )


def named(tier: Tier) -> str:
    return tier.placement.value + (", tiled" if tier.tiled_decode else "")


def card_for(computed: int) -> int:
    """The smallest card on which footprint.py plans a run of so many bytes."""
    return round(max(computed + footprint.MARGIN, computed / (1 - footprint.MARGIN_SHARE))) + 1024**2


async def resume(bench: Bench) -> None:
    shape, options = bench.scale.modes["wan"], {"speed": "exact", "checkpoint_steps": 3, "preview_seconds": 0}
    shape = replace(shape, steps=10)
    whole = await bench.take("wan", shape, options)
    child = await bench.child()
    following = Following()

    def kill(done: int, _: int) -> None:
        if done >= 7 and following.checkpoint is not None:
            with suppress(ProcessLookupError):  # what it had said before comes afterwards
                os.kill(child.pid, 9)

    following.at = kill
    with suppress(EngineError):
        await bench.take("wan", shape, options, following, scratch="killed")
        raise AssertionError("the process was not killed")
    begin = time.perf_counter()
    resumed = await bench.take("wan", shape, options, checkpoint=following.checkpoint, scratch="killed")
    bench.tell(
        "resume",
        clip=str(shape),
        resumed_from_step=resumed.facts["resumed_from_step"],
        said_exact=resumed.facts.get("resumed_exactly"),
        same_bits=bool(np.array_equal(whole.frames, resumed.frames)),
        seconds_with_a_new_process=seconds_since(begin),
    )


async def cancel(bench: Bench) -> None:
    shape, options = bench.scale.full["wan"], {"speed": "plain"}
    longer = replace(shape, steps=10)
    await bench.take("wan", shape, options)
    following, begun = Following(), asyncio.Event()

    def note(done: int, _: int) -> None:
        if done >= 2:  # not each step is told where they are quick
            begun.set()

    following.at = note
    task = asyncio.create_task(bench.take("wan", longer, options, following))
    started = asyncio.create_task(begun.wait())
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    step = following.times[-1] - following.times[-2]
    await asyncio.sleep(step / 2)
    begin = time.perf_counter()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    ended = seconds_since(begin)
    warm = bench.warm
    after = await bench.take("wan", shape, options)
    bench.tell(
        "cancel", clip=str(longer), step=round(step, 3), ended_after=ended, warm_after=warm, next_job=after.seconds
    )


async def quantization(bench: Bench) -> None:
    shape = bench.scale.modes["wan"]
    for kind in ("int8", "float8"):
        wanted = {"speed": "plain", "placement": "resident", "quantization": kind}
        first = await bench.take("wan", shape, wanted)
        warm = await bench.take("wan", shape, wanted)
        bench.tell(
            "quantization",
            weights=kind,
            clip=str(shape),
            seconds=warm.seconds,
            **alike(bench, "wan", warm.frames),
            **speed_facts(first, warm),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`least`: seconds without which it is not begun (at real size). `models`: the folders that it needs."""

    run: Callable[[Bench], Awaitable[None]]
    models: tuple[str, ...]
    least: float


STAGES = {
    "svd-modes": Stage(run=lambda bench: modes(bench, "svd"), models=("svd",), least=90),
    "wan-modes": Stage(run=lambda bench: modes(bench, "wan"), models=("wan",), least=90),
    "wan-tiers": Stage(run=lambda bench: tiers(bench, "wan"), models=("wan",), least=45),
    "resume": Stage(run=resume, models=("wan",), least=45),
    "cancel": Stage(run=cancel, models=("wan",), least=20),
    "quantization": Stage(run=quantization, models=("wan",), least=40),
    "svd-tiers": Stage(run=lambda bench: tiers(bench, "svd"), models=("svd",), least=45),
}


async def complete(bench: Bench, name: str, *, toy: bool) -> bool:
    """One stage, within the time that is left. Returns whether nothing failed; a failure is told, and the next stage
    begins with a new process.
    """
    stage = STAGES[name]
    if bench.left < (5 if toy else stage.least):
        bench.tell(name, left_out=f"{bench.left:.0f} s were left")
        return True
    try:
        async with asyncio.timeout(bench.left):
            for model in stage.models:
                await bench.build(model)
            await stage.run(bench)
        return True
    except TimeoutError:
        bench.tell(name, ended="the time was over")
        await bench.end()
        return True
    except Exception as error:  # noqa: BLE001 - told, with its traceback
        traceback.print_exc()
        bench.tell(name, failed=f"{type(error).__name__}: {error}")
        await bench.end()
        return False


async def run(chosen: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        out = Path(os.environ["OUT"]) / "gpu.jsonl" if os.environ.get("OUT") else None
        how = {"toy": chosen.toy, "seconds": chosen.seconds, "rounds": chosen.rounds}
        bench = Bench(Path(temporary), **how, out=out)
        try:
            return all([await complete(bench, name, toy=chosen.toy) for name in chosen.stages.split(",")])
        finally:
            await bench.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toy", action="store_true", help="tiny pipelines, on a machine without a GPU too")
    parser.add_argument("--seconds", type=float, default=540, help="how long all of it may take")
    parser.add_argument("--stages", default=",".join(STAGES), help="which, in this order")
    parser.add_argument("--rounds", type=int, default=1, help="warm jobs a mode; the median counts")
    chosen = parser.parse_args()
    unknown = set(chosen.stages.split(",")) - STAGES.keys()
    if unknown:
        parser.error(f"--stages: {sorted(unknown)[0]!r} is none of {', '.join(STAGES)}")
    sys.exit(0 if asyncio.run(run(chosen)) else 1)


if __name__ == "__main__":
    main()
