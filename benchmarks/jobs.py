"""The job path and the API around it, each figure beside a baseline of the same run.

    python benchmarks/jobs.py [--queued 10000] [--listeners 1000]

The engine is the tests' toy, so that only the server is measured; client and server share the machine. Memory is PSS of
the server's own process; CPU time is the server process's own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx2

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers import ServerProcess, eventually  # noqa: E402 - the path comes first

SMALL = {"model": "toy", "size": "64x64", "num_frames": 4}
TICKS = os.sysconf("SC_CLK_TCK")

PLAIN = """
import json, sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route
body = json.loads(sys.argv[3])
routes = [Route("/json", lambda request: JSONResponse(body)), Route("/file", lambda request: FileResponse(sys.argv[2]))]
uvicorn.run(Starlette(routes=routes), port=int(sys.argv[1]), log_level="error", access_log=False)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured thing: ours, the baseline and their ratio; `baseline` None where there is nothing to compare."""

    what: str
    ours: float
    unit: str
    baseline: float | None = None
    against: str = ""

    def __str__(self) -> str:
        beside = f"{self.baseline:,.2f}" if self.baseline is not None else ""
        ratio = f"{self.ours / self.baseline:.2f}" if self.baseline else ""
        return f"| {self.what} | {self.ours:,.2f} {self.unit} | {beside} | {ratio} | {self.against} |"


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024  # type: ignore[index]


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def hammer(calls: int, clients: int, call: Callable[[int], Awaitable[Any]]) -> tuple[float, list[float]]:
    """Calls per second, and each call's seconds."""
    numbers, times = iter(range(calls)), []

    async def client() -> None:
        for number in numbers:
            begun = time.perf_counter()
            await call(number)
            times.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return calls / (time.perf_counter() - begun), times


@contextlib.contextmanager
def server(folder: Path, name: str, **environment: str) -> Iterator[tuple[ServerProcess, int]]:
    environment = {"REELWRIGHT_DRAIN_S": "0", "REELWRIGHT_LOG_LEVEL": "warning", **environment}
    running = ServerProcess(folder / name, **environment).start()
    assert running.process
    try:
        yield running, running.process.pid
    finally:
        running.stop()


@contextlib.contextmanager
def plain(path: Path, body: str) -> Iterator[tuple[str, int]]:
    """uvicorn with two routes and nothing else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", PLAIN, str(port), str(path), body])
    url = f"http://127.0.0.1:{port}"

    def up() -> bool:
        with contextlib.suppress(httpx2.TransportError):
            return httpx2.get(f"{url}/json").status_code == 200
        return False

    try:
        eventually(up)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(10)


def made(http: httpx2.Client, prompt: str, **fields: Any) -> dict[str, Any]:
    video = http.post("/v1/videos", json={"prompt": prompt, **SMALL, **fields}).json()
    return dict(http.get(f"/v1/videos/{video['id']}", headers={"Prefer": "wait=120"}, timeout=130).json())


async def rate(url: str, pid: int, calls: int) -> tuple[float, float]:
    """Requests a second, and CPU microseconds of the server for each."""
    async with aiohttp.ClientSession() as session:

        async def get(_: int) -> None:
            async with session.get(url) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()

        await hammer(calls // 5, 16, get)
        before = cpu_s(pid)
        per_s, _ = await hammer(calls, 16, get)
        return per_s, (cpu_s(pid) - before) / calls * 1e6


async def download(url: str, pid: int, size: int, times: int) -> tuple[float, float]:
    """MB a second, and CPU seconds of the server for each GB."""
    async with aiohttp.ClientSession() as session:

        async def get(_: int) -> None:
            async with session.get(url) as answer:
                received = 0
                async for chunk in answer.content.iter_any():
                    received += len(chunk)
                assert received == size

        await hammer(2, 1, get)
        before = cpu_s(pid)
        per_s, _ = await hammer(times, 2, get)
        return per_s * size / 1e6, (cpu_s(pid) - before) / (times * size) * 1e9


def in_turns(*measures: Callable[[], tuple[float, float]]) -> list[tuple[float, float]]:
    """The medians of each measure in three rounds: other programs on the machine hit all alike."""
    rounds = [[measure() for measure in measures] for _ in range(3)]
    return [
        (statistics.median(first for first, _ in of_one), statistics.median(second for _, second in of_one))
        for of_one in zip(*rounds, strict=True)
    ]


def bench_reads(folder: Path) -> Iterator[Row]:
    with server(folder, "reads") as (running, pid), httpx2.Client(base_url=running.url, timeout=60) as http:
        idle = memory_mb(pid)
        video = made(http, "paint")
        body = http.get(f"/v1/videos/{video['id']}").text
        film = made(http, "noise", size="640x640", num_frames=48)
        (path,) = (running.data_dir / "videos").glob(f"{film['id']}*.mp4")
        size = path.stat().st_size
        content = f"/v1/videos/{film['id']}/content"
        firsts = []
        for _ in range(2):
            begun = time.perf_counter()
            http.get(content).raise_for_status()
            firsts.append((time.perf_counter() - begun) * 1000)
        status = f"/v1/videos/{video['id']}"
        with plain(path, body) as (url, bare):
            ours, base = in_turns(
                lambda: asyncio.run(rate(f"{running.url}{status}", pid, 2_000)),
                lambda: asyncio.run(rate(f"{url}/json", bare, 2_000)),
            )
            film_ours, film_base = in_turns(
                lambda: asyncio.run(download(f"{running.url}{content}", pid, size, 20)),
                lambda: asyncio.run(download(f"{url}/file", bare, size, 20)),
            )
    bare_json, bare_file = "uvicorn + Starlette, the same JSON", "uvicorn + Starlette `FileResponse`"
    yield Row(what="Status GET", ours=ours[0], unit="/s", baseline=base[0], against=bare_json)
    yield Row(what="Status GET, CPU", ours=ours[1], unit="µs", baseline=base[1], against=bare_json)
    yield Row(
        what=f"Content, {size / 1e6:.0f} MB", ours=film_ours[0], unit="MB/s", baseline=film_base[0], against=bare_file
    )
    yield Row(what="Content, CPU", ours=film_ours[1], unit="s/GB", baseline=film_base[1], against=bare_file)
    yield Row(
        what="First GET of a file", ours=firsts[0], unit="ms", baseline=firsts[1], against="the second: no SHA-256"
    )
    yield Row(what="Idle memory", ours=idle, unit="MB")


def bench_queue(folder: Path, queued: int) -> Iterator[Row]:
    with server(folder, "queue", REELWRIGHT_MAX_QUEUED=str(queued + 100)) as (running, pid):
        url = f"{running.url}/v1/videos"
        httpx2.post(url, json={"prompt": f"until {folder / 'never'}", **SMALL})
        ids: list[str] = []

        async def phases() -> tuple[list[float], ...]:
            async with aiohttp.ClientSession() as session:

                async def submit(number: int) -> None:
                    async with session.post(url, json={"prompt": f"paint {number}", **SMALL}) as answer:
                        ids.append((await answer.json())["id"])

                async def status(number: int) -> None:
                    async with session.get(f"{url}/{ids[number * 7919 % len(ids)]}") as answer:
                        assert (await answer.json())["status"] == "queued"

                async def page(number: int) -> None:
                    async with session.get(url, params={"after": ids[number * 7919 % len(ids)]}) as answer:
                        assert answer.status == 200
                        await answer.read()

                _, few = await hammer(100, 4, submit)
                _, first_status = await hammer(1_000, 4, status)
                _, first_page = await hammer(100, 4, page)
                _, many = await hammer(queued - 100, 4, submit)
                _, last_status = await hammer(1_000, 4, status)
                _, last_page = await hammer(100, 4, page)
            return few, many, first_status, last_status, first_page, last_page

        before = memory_mb(pid)
        few, many, first_status, last_status, first_page, last_page = asyncio.run(phases())
        after = memory_mb(pid)
    names = (("Submit", many, few), ("Status", last_status, first_status), ("List page", last_page, first_page))
    for name, ours, base in names:
        for share in (0.5, 0.99):
            yield Row(
                what=f"{name} p{share * 100:.0f}, {queued:,} queued, 4 clients",
                ours=percentile(ours, share) * 1000,
                unit="ms",
                baseline=percentile(base, share) * 1000,
                against="100 queued",
            )
    yield Row(what=f"Memory, {queued:,} queued", ours=after, unit="MB", baseline=before, against="none queued")


def bench_listeners(folder: Path, listeners: int) -> Iterator[Row]:
    with server(folder, "listeners") as (running, pid):
        url = f"{running.url}/v1/videos"

        async def crowd(count: int) -> tuple[float, list[float]]:
            """Memory a listener in kB, and each listener's seconds from the cancel to the end of its stream."""
            connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=None)
            async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
                asked = {"prompt": f"until {folder / 'never'}", **SMALL}
                async with session.post(url, json=asked) as answer:
                    video = (await answer.json())["id"]
                before = memory_mb(pid)
                streams = [await session.get(f"{url}/{video}/events") for _ in range(count)]
                for stream in streams:
                    await stream.content.readuntil(b"\n\n")
                memory = (memory_mb(pid) - before) * 1024 / count

                async def end(stream: aiohttp.ClientResponse) -> float:
                    while b"event: failed" not in await stream.content.readuntil(b"\n\n"):
                        pass
                    return time.perf_counter()

                ends = [asyncio.create_task(end(stream)) for stream in streams]
                await asyncio.sleep(0)
                begun = time.perf_counter()
                async with session.post(f"{url}/{video}/cancel") as answer:
                    assert answer.status == 200
                return memory, [moment - begun for moment in await asyncio.gather(*ends)]

        one = [asyncio.run(crowd(1))[1][0] for _ in range(20)]
        memory, many = asyncio.run(crowd(listeners))
    alone = statistics.median(one) * 1000
    yield Row(what=f"Memory a listener, {listeners:,} listeners", ours=memory, unit="kB")
    for name, seconds in (("median", statistics.median(many)), ("last", max(many))):
        yield Row(
            what=f"Cancel → end event, {listeners:,} listeners, {name}",
            ours=seconds * 1000,
            unit="ms",
            baseline=alone,
            against="one listener",
        )


def bench_path(folder: Path) -> Iterator[Row]:
    with server(folder, "path") as (running, _), httpx2.Client(base_url=running.url, timeout=60) as http:
        made(http, "paint")
        for size, frames in (("64x64", 4), ("512x512", 24)):
            added, own = [], []
            for number in range(40):
                begun = time.perf_counter()
                fields = {"prompt": f"paint {number}", **SMALL, "size": size, "num_frames": frames}
                answer = http.post("/v1/videos/sync", json=fields)
                whole = time.perf_counter() - begun
                facts = http.get(f"/v1/videos/{answer.headers['X-Video-Id']}").json()["made_with"]
                own.append(facts["render_s"] + facts["finish_s"])
                added.append(whole - own[-1])
            yield Row(
                what=f"Added by server and job path, {size} × {frames}, median",
                ours=statistics.median(added) * 1000,
                unit="ms",
                baseline=statistics.median(own) * 1000,
                against="render and encode themselves",
            )


def bench_start() -> Iterator[Row]:
    def seconds(*command: str) -> float:
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun

    ours, base = [], []
    for _ in range(7):
        ours.append(seconds(str(Path(sys.executable).with_name("reelwright")), "--help"))
        base.append(seconds(sys.executable, "-c", "pass"))
    yield Row(
        what="`reelwright --help`, median",
        ours=statistics.median(ours) * 1000,
        unit="ms",
        baseline=statistics.median(base) * 1000,
        against="`python -c pass`",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queued", type=int, default=10_000)
    parser.add_argument("--listeners", type=int, default=1_000)
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 20_000), most))
    print("| what | ours | baseline | ratio | the baseline is |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in (
            bench_reads(folder),
            bench_queue(folder, arguments.queued),
            bench_listeners(folder, arguments.listeners),
            bench_path(folder),
            bench_start(),
        ):
            for row in rows:
                print(row, flush=True)


if __name__ == "__main__":
    main()
