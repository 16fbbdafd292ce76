"""Our durable job path beside a minimal Express relay of the same upstream, at rising numbers of clients.

    python benchmarks/relay.py [--clients 1,16,128,512] [--delays 0,200] [--requests-per-client 4]

The upstream answers every POST with a 1.5 MB MP4 after a delay. Both servers are asked the same: POST a prompt, read
the whole MP4. The Express relay keeps nothing; ours stores the job, renders it through the Hugging Face engine's
dedicated endpoint, checks, keeps and serves the file. One request of every client, of each server, comes before and is
not counted. Figures: requests/s, p50 and p99 in ms, peak memory of all processes of the server in MB; then the ratio
ours/Express.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parent.parent
RELAY = ROOT / "benchmarks" / "express-relay"
CLIP_BYTES = 1_500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    requests_s: float
    p50_ms: float
    p99_ms: float
    memory_mb: float
    errors: int


@contextlib.contextmanager
def started(command: list[str], pattern: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process, and what `pattern` found in its output."""
    merged = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    process = subprocess.Popen(
        command,
        env=merged,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        found = next(match[1] for line in process.stdout if (match := re.search(pattern, line)))
        # What it prints later must not fill the pipe.
        drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        yield process, found
    finally:
        process.terminate()
        process.wait(30)
        drain.wait(5)


def family_memory_mb(pid: int) -> float:
    """Resident memory of a process and all its descendants; shared pages count once (PSS where the kernel tells)."""
    total, todo = 0.0, [pid]
    while todo:
        one = todo.pop()
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{one}/task").glob("*/children")
            todo += [int(child) for path in children for child in path.read_text().split()]
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024  # type: ignore[index]
    return total


async def measure(url: str, pid: int, clients: int, requests: int) -> Figures:
    times: list[float] = []
    errors, peak = 0, 0.0
    left = iter(range(requests))

    async def client(session: aiohttp.ClientSession) -> None:
        nonlocal errors
        for number in left:
            begun = time.perf_counter()
            async with session.post(url, json={"prompt": f"a red fox, take {number}"}) as answer:
                size = len(await answer.read())
            times.append(time.perf_counter() - begun)
            errors += answer.status != 200 or size < CLIP_BYTES

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, family_memory_mb(pid))
            await asyncio.sleep(0.25)

    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        watching = asyncio.create_task(watch())
        begun = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(clients)))
        seconds = time.perf_counter() - begun
        watching.cancel()
    times.sort()
    return Figures(
        requests_s=requests / seconds,
        p50_ms=statistics.median(times) * 1000,
        p99_ms=times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
        memory_mb=peak,
        errors=errors,
    )


def compare(delay_ms: int, levels: list[int], per_client: int) -> None:
    upstream_command = [sys.executable, "-m", "tests.fakes.huggingface", "--port", "0"]
    upstream_command += ["--delay", str(delay_ms / 1000), "--size", str(CLIP_BYTES)]
    with tempfile.TemporaryDirectory() as folder, started(upstream_command, r"http://127\.0\.0\.1:(\d+)") as (_, port):
        upstream = f"http://127.0.0.1:{port}/endpoint"
        options = {"huggingface": {"endpoint_url": upstream, "slots": 512}}
        ours = {
            "PORT": "0",
            "REELWRIGHT_DATA_DIR": folder,
            "REELWRIGHT_ENGINE": "huggingface",
            "REELWRIGHT_ENGINE_OPTIONS": json.dumps(options),
            "REELWRIGHT_LOG_LEVEL": "warning",
        }
        serve = [sys.executable, "-m", "reelwright.cli", "serve"]
        for clients in levels:
            requests = max(40, clients * per_client)
            with started(["node", str(RELAY / "relay.mjs")], r":(\d+)", UPSTREAM_URL=upstream, PORT="0") as (
                node,
                found,
            ):
                url = f"http://127.0.0.1:{found}/api/video/generate"
                asyncio.run(measure(url, node.pid, clients, clients))
                express = asyncio.run(measure(url, node.pid, clients, requests))
            with started(serve, r"http://localhost:(\d+)", **ours) as (server, found):
                url = f"http://127.0.0.1:{found}/api/video/generate"
                asyncio.run(measure(url, server.pid, clients, clients))
                own = asyncio.run(measure(url, server.pid, clients, requests))
            show(delay_ms, clients, express, own)


def show(delay_ms: int, clients: int, express: Figures, own: Figures) -> None:
    for name, figures in (("Express", express), ("Reelwright", own)):
        print(
            f"{delay_ms:>4} ms {clients:>4} clients  {name:<10} {figures.requests_s:8.1f}/s"
            f"  p50 {figures.p50_ms:8.1f}  p99 {figures.p99_ms:8.1f} ms  {figures.memory_mb:7.1f} MB"
            + (f"  {figures.errors} ERRORS" if figures.errors else "")
        )
    print(
        f"{'':>20}  ratio      {own.requests_s / express.requests_s:8.2f}  "
        f"  p50 {own.p50_ms / express.p50_ms:8.2f}  p99 {own.p99_ms / express.p99_ms:8.2f}"
        f"  added at p50 {own.p50_ms - express.p50_ms:.1f} ms",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", default="1,16,128,512")
    parser.add_argument("--delays", default="0,200", help="of the upstream, in ms")
    parser.add_argument("--requests-per-client", type=int, default=4)
    asked = parser.parse_args()
    if not (RELAY / "node_modules").exists():
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit"], cwd=RELAY, check=True)
    for delay in asked.delays.split(","):
        compare(int(delay), [int(level) for level in asked.clients.split(",")], asked.requests_per_client)
