"""The local engine and the whole server against the plain diffusers loop: one tiny pipeline, random weights, no GPU.

    python -m benchmarks.local.cpu [--frames 24] [--steps 25] [--jobs 8] [--rounds 3] [--threads 1,2]

Every side does the same work on one image: denoise, decode, write the frames as 8-bit and encode them to an MP4. The
plain side does it one after the other, as a script does, once with one thread and once with one for each core (torch's
own choice). The engine runs in this process with one thread, and encodes while it renders. The server is asked over
HTTP, with all jobs at once; its engine has one child with a thread for each core, or a child of one thread for each.
Rounds of all sides alternate; the medians are compared. `--threads 1` leaves out the sides of several threads, which
stand still for seconds where others use the cores, too.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import diffusers
import httpx2
import numpy as np
import PIL.Image
import torch

from benchmarks.local.mp4 import write_mp4
from reelwright.engines.engine import RenderJob
from reelwright.engines.local.engine import LocalEngine
from reelwright.engines.local.options import Options
from reelwright.engines.local.share import cores
from reelwright.media.clip import FrameBuffer
from reelwright.video import Image, Task, VideoSpec
from tests.engines.local import tiny
from tests.servers import ServerProcess

Side = Callable[[int], object]
"""Makes that many videos."""


class Silent:
    """A report that nobody listens to."""

    def progress(self, done: int, total: int) -> None: ...
    def preview(self, data: bytes, media_type: str) -> None: ...
    def checkpoint(self, state: Mapping[str, Any]) -> None: ...
    def stage(self, name: str | None) -> None: ...

    def moved(self) -> None: ...

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
        spec = VideoSpec(
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
        render_job = RenderJob(
            video_id=f"video_{seed}",
            attempt=1,
            spec=spec,
            frames=buffer,
            scratch=folder,
            image_path=picture,
            seconds_left=3600.0,
        )
        engine.generate(render_job, Silent())
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


@contextmanager
def server(folder: Path, picture: Path, scratch: Path, chosen: argparse.Namespace, workers: int) -> Iterator[Side]:
    """A server of its own with that many engine children; the jobs are posted side by side, as clients would."""
    options = {"local": {"models": {"svd": {"source": str(folder), "image": None}}, "placement": "resident"}}
    process = ServerProcess(
        scratch / f"server-{workers}",
        REELWRIGHT_ENGINE="local",
        REELWRIGHT_ENGINE_OPTIONS=json.dumps(options),
        REELWRIGHT_WORKERS=str(workers),
    ).start()
    image = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
    seeds = count()

    def post(http: httpx2.Client) -> bytes:
        body = {"prompt": "a gradient", "image": image, "size": "64x64", "fps": 12, "seed": next(seeds)}
        wanted = {"num_frames": chosen.frames, "num_inference_steps": chosen.steps}
        answer = http.post("/api/video/generate", json={**body, **wanted})
        answer.raise_for_status()
        return answer.content

    def videos(jobs: int) -> list[bytes]:
        with httpx2.Client(base_url=process.url, timeout=3600) as http, ThreadPoolExecutor(jobs) as clients:
            return list(clients.map(lambda _: post(http), range(jobs)))

    try:
        yield videos
    finally:
        process.stop()


def main() -> None:
    diffusers.utils.logging.disable_progress_bar()
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--frames", type=int, default=24)
    options.add_argument("--steps", type=int, default=25)
    options.add_argument("--jobs", type=int, default=8)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", default=f"1,{cores()}", help="how many a process may have")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        scratch = Path(temporary)
        folder = tiny.svd(scratch / "svd")
        picture = scratch / "picture.png"
        PIL.Image.radial_gradient("L").resize((64, 64)).convert("RGB").save(picture)
        sides = all_sides(folder, picture, scratch, chosen, stack)
        for jobs in (1, chosen.jobs):
            compare(sides, jobs, chosen)


def all_sides(
    folder: Path, picture: Path, scratch: Path, chosen: argparse.Namespace, stack: ExitStack
) -> dict[str, Side]:
    plain = plain_loop(folder, picture, chosen.frames, chosen.steps, scratch)

    def plain_jobs(threads: int) -> Side:
        def videos(jobs: int) -> None:
            torch.set_num_threads(threads)
            for seed in range(jobs):
                plain(seed)
            torch.set_num_threads(1)

        return videos

    wanted = sorted({1, *map(int, chosen.threads.split(","))})
    sides = {_plain(threads): plain_jobs(threads) for threads in wanted}
    torch.set_num_threads(1)
    for speed, batch in (("plain", 1), ("plain", 4), ("exact", 1)):
        models = {"svd": {"source": str(folder), "image": None}}
        options = {"models": models, "batch": batch, "speed": speed, "placement": "resident"}
        engine = LocalEngine(**options)
        engine.load()
        job = engine_job(engine, picture, chosen.frames, chosen.steps, scratch)
        sides[f"engine, {speed}, batches of {batch}, 1 thread"] = through(job, Options.parse(options).slots, scratch)
    for threads in sorted(wanted, reverse=True):
        workers = max(1, cores() // threads)
        name = f"server, {workers} child(ren), {threads} thread(s) each"
        sides[name] = stack.enter_context(server(folder, picture, scratch, chosen, workers))
    return sides


def _plain(threads: int) -> str:
    return f"plain diffusers loop, {threads} thread(s)"


def through(job: Callable[[int], FrameBuffer], slots: int, scratch: Path) -> Side:
    return lambda jobs: through_the_engine(job, jobs, slots, scratch)


def compare(sides: Mapping[str, Side], jobs: int, chosen: argparse.Namespace) -> None:
    times: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        side(cores())  # as many as there may be children: each starts with its first job
    for _ in range(chosen.rounds):
        for name, side in sides.items():
            begin = time.perf_counter()
            side(jobs)
            times[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(rounds) for name, rounds in times.items()}
    plain = {name: median for name, median in medians.items() if name.startswith("plain")}
    print(f"\n{jobs} job(s), {chosen.frames} frames of 64x64, {chosen.steps} steps, medians of {chosen.rounds}\n")
    print("| side | seconds |", *(f"× as fast as {name} |" for name in plain))
    print("|---|---|" + "---|" * len(plain))
    for name, median in medians.items():
        print(f"| {name} | {median:.2f} |", *(f"{base / median:.2f} |" for base in plain.values()), flush=True)


if __name__ == "__main__":
    main()
