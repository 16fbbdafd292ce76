"""What the finishing steps cost, beside encoding the same clip alone, in the same run.

    python benchmarks/finish.py [--rounds 3] [--upscaler 4x-name.safetensors] [--sizes 512x512]

Each step runs in a process of its own, as a job's does; its start and its imports are part of the time. The clip has 24
frames: interpolated it has 48. Only one frame is enlarged. Without --upscaler that is done by a network of the shape of
realesr-general-x4v3 (32 layers of 64 channels, factor 4) with random weights, which has the speed of the real one.
"Closeness" is of interpolated frames to known ones: every second frame of a clip is left out and made anew; PSNR in dB,
beside a plain mixture of the two neighbours.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from encode import scene  # type: ignore[import-not-found] # a script finds its neighbours
from numpy.typing import NDArray

from reelwright.engines.refinements import Refinements, look_for_upscalers
from reelwright.jobs.refining import Refining
from reelwright.jobs.threads import Threads
from reelwright.media.clip import Clip, FrameBuffer
from reelwright.media.encode import encode_mp4
from reelwright.media.interpolation import interpolated
from reelwright.video import Draft, Task, VideoSpec

FRAMES = 24


class Cost(NamedTuple):
    """In seconds. The CPU's are hardly changed by what else the machine does."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s, {self.cpu:.2f} s of CPU"


def _spent() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def copied(clip: Clip, num_frames: int) -> Clip:
    """Refining closes what it is given."""
    assert clip.frames is not None
    frames = FrameBuffer.create(num_frames, clip.frames.height, clip.frames.width)
    frames.array()[:] = clip.frames.array()[:num_frames]
    return Clip(fps=clip.fps, num_frames=num_frames, frames=frames)


def refined(clip: Clip, refinements: Refinements, **asked: int) -> tuple[Clip, Cost]:
    """The clip as a job would refine it, and what it has cost."""
    assert clip.frames is not None
    height, width = clip.frames.height, clip.frames.width
    draft = Draft(prompt="a", **asked)
    interpolate, upscale = refinements.resolve(draft, width=width, height=height, num_frames=clip.num_frames)
    spec = VideoSpec(
        prompt="a",
        engine="sketch",
        model="sketch",
        task=Task.TEXT_TO_VIDEO,
        width=width,
        height=height,
        num_frames=clip.num_frames,
        fps=12,
        seed=0,
        interpolate=interpolate,
        upscale=upscale,
    )

    async def job() -> tuple[Clip, Cost]:
        with ThreadPoolExecutor(1) as pool:
            threads = Threads(database=pool, io=pool, media=pool)
            refining = Refining(refinements, device="auto", environment=dict(os.environ), threads=threads)
            await refining.take_place(clip)
            begun, spent = time.perf_counter(), _spent()
            made, _ = await refining.refine(spec, clip, lambda done, total: None)
            return made, Cost(time.perf_counter() - begun, _spent() - spent)

    return asyncio.run(job())


def encoded(clip: Clip, path: Path) -> Cost:
    begun, spent = time.perf_counter(), _spent()
    encode_mp4(clip, path, metadata={})
    return Cost(time.perf_counter() - begun, _spent() - spent)


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(side) for side in zip(*costs, strict=True)))


def psnr(made: NDArray[np.uint8], known: NDArray[np.uint8]) -> float:
    error = np.square(made.astype(np.float32) - known).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def closeness(clip: Clip) -> tuple[float, float]:
    """Of the filter, and of a mixture."""
    assert clip.frames is not None
    known = clip.frames.array()
    made = list(interpolated(known[::2], 2))
    places = range(1, len(known) - 1, 2)
    mixed = [(known[n - 1].astype(np.uint16) + known[n + 1]) // 2 for n in places]
    return (
        statistics.mean(psnr(made[n], known[n]) for n in places),
        statistics.mean(psnr(one.astype(np.uint8), known[n]) for one, n in zip(mixed, places, strict=True)),
    )


def random_weights(path: Path) -> None:
    """Of realesr-general-x4v3's network: 64 channels, 32 layers between the first and the last."""
    import torch
    from safetensors.torch import save_file

    weights: dict[str, torch.Tensor] = {}
    for layer in range(34):
        given, made = (3 if layer == 0 else 64), (3 * 16 if layer == 33 else 64)
        weights[f"body.{2 * layer}.weight"] = torch.randn(made, given, 3, 3) * 0.01
        weights[f"body.{2 * layer}.bias"] = torch.zeros(made)
        if layer < 33:
            weights[f"body.{2 * layer + 1}.weight"] = torch.full((64,), 0.2)
    save_file(weights, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", default=["512x512"])
    parser.add_argument("--upscaler", type=Path, help="A .safetensors file, its factor in its name.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mp4"
        models = Path(folder) / "models"
        models.mkdir()
        if options.upscaler:
            (models / options.upscaler.name).symlink_to(options.upscaler.absolute())
        else:
            random_weights(models / "4x-random.safetensors")
        refinements = look_for_upscalers(models, None)
        factor = refinements.upscalers[0].factor
        for size in options.sizes:
            width, height = map(int, size.split("x"))
            clip = scene(FRAMES, height, width)
            alone, doubled = [], []
            for _ in range(options.rounds):
                alone.append(encoded(clip, out))
                made, refining = refined(copied(clip, FRAMES), refinements, interpolate=2)
                encoding = encoded(made, out)
                doubled.append(Cost(refining.wall + encoding.wall, refining.cpu + encoding.cpu))
            base, twice = median(alone), median(doubled)
            print(f"{size}: encoding {FRAMES} frames alone: {base}")
            print(
                f"{size}: interpolating to {2 * FRAMES} and encoding: {twice}, {twice.cpu / base.cpu:.1f} times the CPU"
            )
            ours, mixed = closeness(clip)
            print(f"{size}: closeness to known frames {ours:.1f} dB, a plain mixture {mixed:.1f} dB")
            _, one = refined(copied(clip, 1), refinements, upscale=factor)
            print(f"{size}: enlarging one frame {factor} times, process and weights included: {one}")


if __name__ == "__main__":
    main()
