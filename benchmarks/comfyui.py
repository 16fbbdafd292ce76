"""What the ComfyUI engine adds to a job beside posting the same graph by hand, its memory, and an idle upstream.

    python benchmarks/comfyui.py [--jobs 60] [--under-way 64] [--idle 65]

ComfyUI is the tests' fake, a process of its own on the same machine; its samplers take no time. By hand: open the web
socket, POST the graph, wait for its end on the socket, GET the history, GET the file. Through the engine: `generate`,
from the request to a checked clip without metadata. The two take turns in the same run, each with new seeds.

Figures: the median and the 90th percentile of both in ms, and the difference of the medians; the memory (RSS) of the
engine's process before, with that many jobs under way and after them, three times in a row, in MB; requests a minute of
an engine without work.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

import httpx2
from websockets.sync.client import connect

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from reelwright.engines.comfyui.engine import ComfyUIEngine  # noqa: E402 - the path comes first
from reelwright.testing import Recorder  # noqa: E402
from tests.engines.comfyui.stage import Stage  # noqa: E402
from tests.engines.remote import Running  # noqa: E402
from tests.fakes.comfyui import ComfyUIProcess  # noqa: E402
from tests.fakes.comfyui.graphs import wan  # noqa: E402

WAVES = 3
HEAP = "MALLOC_ARENA_MAX"
"""The server starts the engine's process with one heap."""
PREVIEWS_AND_STEPS = {"step_seconds": 0.0, "previews": True}


def by_hand(client: httpx2.Client, url: str, seed: int) -> float:
    """Seconds of one job, until its file is here. The socket is closed when nobody counts any more, as the engine's."""
    job, begun = str(uuid.uuid4()), time.perf_counter()
    with connect(f"ws{url.removeprefix('http')}/ws?clientId={job}", close_timeout=0.1) as socket:
        graph = wan(seed=seed, prefix=f"by-hand/{job}")
        client.post(f"{url}/prompt", json={"prompt": graph, "prompt_id": job, "client_id": job}).raise_for_status()
        end = {"type": "executing", "data": {"node": None, "prompt_id": job}}
        while True:
            told = socket.recv(timeout=30)
            if isinstance(told, str) and json.loads(told) == end:
                break
        [item] = client.get(f"{url}/history/{job}").json()[job]["outputs"]["50"]["images"]
        client.get(f"{url}/view", params=item).raise_for_status()
        return time.perf_counter() - begun


def turns(stage: Stage, engine: ComfyUIEngine, url: str, jobs: int) -> tuple[list[float], list[float]]:
    """Seconds of each job, by hand and through the engine."""
    hand, ours = [], []
    with httpx2.Client() as client:
        for number in range(jobs + 3):
            taken = by_hand(client, url, 100_000 + number)
            job, begun = stage.job(), time.perf_counter()
            engine.generate(job, Recorder())
            if number >= 3:  # the first ones import and compile
                hand.append(taken)
                ours.append(time.perf_counter() - begun)
    return hand, ours


def memory_mb() -> float:
    gc.collect()
    found = re.search(r"^VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(), re.M)
    assert found
    return int(found[1]) / 1024


def under_way(stage: Stage, fake: ComfyUIProcess, jobs: int) -> list[float]:
    """Memory before; then with that many jobs at ComfyUI, and after them, several times: a leak would go on."""
    engine = stage.engine(fake, jobs_per_url=jobs, idle_seconds=30.0, stall_seconds=60.0)
    figures = [memory_mb()]
    for _ in range(WAVES):
        fake.turn(hold_at=1)
        running = [Running(engine, stage.job(seconds=120.0)) for _ in range(jobs)]
        while httpx2.get(f"{fake.url}/prompt").json()["exec_info"]["queue_remaining"] < jobs:
            time.sleep(0.1)
        time.sleep(2.0)  # looks and sockets are in full swing
        figures.append(memory_mb())
        fake.turn(hold_at=None)
        for job in running:
            job.made()
            job.job.frames.close()
        running.clear()
        figures.append(memory_mb())
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--under-way", type=int, default=64)
    parser.add_argument("--idle", type=float, default=65.0, help="seconds without work")
    options = parser.parse_args()
    if HEAP not in os.environ:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, HEAP: "1"})
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        with ComfyUIProcess(Path(folder) / "comfyui") as fake:
            fake.turn(**PREVIEWS_AND_STEPS)
            engine = stage.engine(fake)
            hand, ours = turns(stage, engine, fake.url, options.jobs)
            added = statistics.median(ours) - statistics.median(hand)
            for name, figures in (("by hand", hand), ("engine", ours)):
                p90 = statistics.quantiles(figures, n=10)[-1]
                print(f"{name:8} median {statistics.median(figures) * 1000:6.1f} ms   p90 {p90 * 1000:6.1f} ms")
            print(f"added    median {added * 1000:6.1f} ms")
            asked = fake.ledger.count("request")
            time.sleep(options.idle)
            rate = (fake.ledger.count("request") - asked) * 60 / options.idle
            print(f"idle     {rate:.1f} requests a minute")
        with ComfyUIProcess(Path(folder) / "crowd") as fake:
            figures = under_way(stage, fake, options.under_way)
            before, *waves = (f"{figure:.0f}" for figure in figures)
            told = ", ".join(f"{busy} → {after}" for busy, after in zip(waves[::2], waves[1::2], strict=True))
            print(f"memory   {before} MB; with {options.under_way} under way → after: {told}")


if __name__ == "__main__":
    main()
