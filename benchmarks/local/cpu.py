"""The local engine against the plain diffusers loop, on the same tiny pipeline with random weights, without a GPU.

    python -m benchmarks.local.cpu [--frames 24] [--steps 25] [--jobs 8] [--rounds 3]

Both sides do the same work on one image: denoise, decode, write the frames as 8-bit and encode them to an MP4. The
plain side does it one after the other, as a script does. The engine side renders while a second thread encodes the clip
before, and (in the last row) puts waiting requests together. Rounds of both sides alternate; the medians are compared.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import PIL.Image
import torch

from benchmarks.local.mp4 import write_mp4
from reelwright.engines.engine import Assignment
from reelwright.engines.local.engine import LocalEngine
from reelwright.media.clip import FrameBuffer
from reelwright.video import Image, Request, Task
from tests.engines.local import tiny


class Silent:
    """A report that nobody listens to."""

    def progress(self, done: int, total: int) -> None: ...
    def preview(self, data: bytes, media_type: str) -> None: ...
    def checkpoint(self, state: Mapping[str, Any]) -> None: ...
    def wait(self, seconds: float) -> None: ...


def plain_loop(folder: Path, picture: Path, frames: int, steps: int, scratch: Path) -> Callable[[int], None]:
    pipe = diffusers.StableVideoDiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    image = PIL.Image.open(picture).convert("RGB").resize((64, 64))

    def job(seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        output = pipe(
            image,
            width=64,
            height=64,
            num_frames=frames,
            num_inference_steps=steps,
            fps=12,
            decode_chunk_size=8,
            generator=generator,
            output_type="np",
        )
        write_mp4((output.frames[0] * 255).round().astype(np.uint8), 12, scratch / f"plain-{seed}.mp4")

    return job


def engine_job(
    engine: LocalEngine, picture: Path, frames: int, steps: int, scratch: Path
) -> Callable[[int], FrameBuffer]:
    def job(seed: int) -> FrameBuffer:
        request = Request(
            prompt="",
            engine="local",
            model="svd",
            task=Task.IMAGE_TO_VIDEO,
            width=64,
            height=64,
            num_frames=frames,
            fps=12,
            seed=seed,
            num_inference_steps=steps,
            image=Image(sha256="", media_type="image/png", width=64, height=64),
        )
        buffer = FrameBuffer.create(frames, 64, 64)
        folder = scratch / str(seed)
        folder.mkdir(exist_ok=True)
        assignment = Assignment(
            video_id=f"video_{seed}",
            attempt=1,
            request=request,
            frames=buffer,
            scratch=folder,
            image_path=picture,
            seconds_left=3600.0,
        )
        engine.generate(assignment, Silent())
        return buffer

    return job


def through_the_engine(job: Callable[[int], FrameBuffer], jobs: int, slots: int, scratch: Path) -> None:
    """`slots` jobs at a time; each clip is encoded on its own while the next ones are rendered."""

    def publish(seed: int, buffer: FrameBuffer) -> None:
        write_mp4(buffer.array(), 12, scratch / f"engine-{seed}.mp4")
        buffer.close()

    with ThreadPoolExecutor(slots) as renders, ThreadPoolExecutor(1) as publishes:
        rendered = [(seed, renders.submit(job, seed)) for seed in range(jobs)]
        published = [publishes.submit(publish, seed, each.result()) for seed, each in rendered]
        for each in published:
            each.result()


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall time and the process's CPU time: on a machine that others use too, the second one is the steadier."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    diffusers.utils.logging.disable_progress_bar()
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--frames", type=int, default=24)
    options.add_argument("--steps", type=int, default=25)
    options.add_argument("--jobs", type=int, default=8)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        folder = tiny.svd(scratch / "svd")
        picture = scratch / "picture.png"
        PIL.Image.radial_gradient("L").resize((64, 64)).convert("RGB").save(picture)
        compare(folder, picture, scratch, chosen)


def compare(folder: Path, picture: Path, scratch: Path, chosen: argparse.Namespace) -> None:
    plain = plain_loop(folder, picture, chosen.frames, chosen.steps, scratch)
    sides: dict[str, Callable[[int], None]] = {
        "plain diffusers loop": lambda jobs: [plain(n) for n in range(jobs)] and None
    }
    for batch in (1, 4):
        engine = LocalEngine(models={"svd": {"source": str(folder), "image": None}}, batch=batch, placement="resident")
        engine.load()
        job = engine_job(engine, picture, chosen.frames, chosen.steps, scratch)
        name = "engine" if batch == 1 else f"engine, batches of {batch}"
        sides[name] = lambda jobs, j=job, s=engine.slots: through_the_engine(j, jobs, s, scratch)  # type: ignore[misc]
    for jobs in (1, chosen.jobs):
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
        for side in sides.values():
            side(1)
        for _ in range(chosen.rounds):
            for name, side in sides.items():
                times[name].append(seconds(lambda s=side, n=jobs: s(n)))  # type: ignore[misc]
        report(jobs, chosen, times)


def report(jobs: int, chosen: argparse.Namespace, times: dict[str, list[tuple[float, float]]]) -> None:
    print(f"\n{jobs} job(s), {chosen.frames} frames of 64x64, {chosen.steps} steps, medians of {chosen.rounds}:")
    medians = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in times.items()}
    base_wall, base_cpu = next(iter(medians.values()))
    for name, (wall, cpu) in medians.items():
        ratios = f"{wall / base_wall:5.2f} of the wall time, {cpu / base_cpu:5.2f} of the CPU time"
        print(f"  {name:<24} {wall:7.2f} s wall, {cpu:7.2f} s CPU; {ratios}")


if __name__ == "__main__":
    main()
