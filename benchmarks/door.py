"""What stands at the door: what hostile connections cost a good client, what bodies take, and what the gates cost.

    python benchmarks/door.py [--against ../before] [--connections 1010] [--reads 2000] [--rounds 2]

`--against` is a checkout with an environment of its own in `.venv`; the servers are measured in turns, in the same run.
The hostile connections are of four kinds: half a head; a body that drips after the 401; trailer fields that drip;
answers that nobody takes. Whoever is cut off comes again. Client, attackers and server share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

ROOT = Path(__file__).parent.parent
KEY = "a-key-of-the-benchmark-0123456789"
HEADERS = {"Authorization": f"Bearer {KEY}"}
TICKS = os.sysconf("SC_CLK_TCK")
BODIES, BODY_BYTES = 40, 15_900_000
DRIP_S = 2.0
BEGINNINGS = (
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-Drip: x\r\n"),
    (b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", b"x"),
    (
        b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
        b"X-D: x\r\n",
    ),
    (b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50, b""),
)


@contextmanager
def server(checkout: Path) -> Iterator[tuple[int, str]]:
    """A server of that checkout that asks for a key: its process id and its URL."""
    with tempfile.TemporaryDirectory() as folder:
        own = ("REELWRIGHT_", "HF_", "DATABASE_")
        process = subprocess.Popen(
            [checkout / ".venv/bin/python", "-m", "tests.fakes.server"],
            cwd=checkout,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith(own)},
                "PYTHONPATH": f"{checkout}:{checkout / 'src'}",
                "REELWRIGHT_DATA_DIR": f"{folder}/data",
                "REELWRIGHT_API_KEYS": KEY,
                "PORT": "0",
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        url = next(found[0] for line in process.stderr if (found := re.findall(r"http://[^\s\"/]+", line)))
        with ThreadPoolExecutor(1) as reader:
            reader.submit(process.stderr.read)
            try:
                httpx2.get(f"{url}/health").raise_for_status()
                yield process.pid, url
            finally:
                process.kill()
                process.wait(30)


async def attack(url: str, number: int) -> None:
    """That many connections, for ever."""
    address = urlsplit(url)

    async def one(kind: int) -> None:
        beginning, drop = BEGINNINGS[kind % len(BEGINNINGS)]
        for pause in itertools.repeat(DRIP_S):
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", address.port, limit=1024)
                writer.write(beginning)
                while not reader.at_eof() and reader.exception() is None and not writer.is_closing():
                    await asyncio.sleep(pause)
                    writer.write(drop)
                writer.transport.abort()
            await asyncio.sleep(0.1)

    await asyncio.gather(*(one(kind) for kind in range(number)))


def run_attack(url: str, number: int) -> None:
    asyncio.run(attack(url, number))


def memory_mb(pid: int) -> float:
    found = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)
    assert found
    return int(found[1]) / 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def good_client(url: str, path: str, reads: int) -> tuple[float, int]:
    """The p99 of its reads in ms, half of them on connections of their own, and how many of them failed."""
    times, failed = [], 0
    with httpx2.Client(base_url=url, headers=HEADERS, timeout=30) as kept:
        for number in range(reads):
            begun = time.perf_counter()
            try:
                answer = kept.get(path) if number % 2 else httpx2.get(f"{url}{path}", headers=HEADERS, timeout=30)
                failed += answer.status_code != 200
            except httpx2.TransportError:
                failed += 1
            times.append(time.perf_counter() - begun)
    return statistics.quantiles(times, n=100)[98] * 1000, failed


def read_cost(pid: int, url: str, path: str, reads: int) -> float:
    """Microseconds of the server's CPU a status read."""
    with httpx2.Client(base_url=url, headers=HEADERS) as client:
        for _ in range(200):
            client.get(path)
        before = cpu_s(pid)
        for _ in range(reads):
            client.get(path)
        return (cpu_s(pid) - before) / reads * 1e6


def many_bodies(pid: int, url: str) -> tuple[float, int, int]:
    """MB that the server grew by, and how many bodies were read and refused for want of room."""
    begin = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    body = begin + b"\x89PNG" * (BODY_BYTES // 4) + b"\r\n--x--\r\n"
    headers = {**HEADERS, "Content-Type": "multipart/form-data; boundary=x"}
    statuses: list[int] = []

    def send() -> None:
        with contextlib.suppress(httpx2.TransportError):
            answer = httpx2.post(f"{url}/api/video/generate", content=body, headers=headers, timeout=120)
            statuses.append(answer.status_code)

    before = most = memory_mb(pid)
    senders = [threading.Thread(target=send) for _ in range(BODIES)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        most = max(most, memory_mb(pid))
        time.sleep(0.01)
    return most - before, statuses.count(400), statuses.count(503)


def measure(checkout: Path, connections: int, reads: int, settle_s: float) -> Mapping[str, float]:
    with server(checkout) as (pid, url):
        body = {"prompt": "paint", "engine": "toy", "width": 64, "height": 64, "num_frames": 4}
        made = httpx2.post(f"{url}/v1/videos", json=body, headers=HEADERS).raise_for_status().json()["id"]
        path = f"/v1/videos/{made}"
        cost = read_cost(pid, url, path, reads)
        quiet, _ = good_client(url, path, reads)
        before = memory_mb(pid)
        attackers = multiprocessing.Process(target=run_attack, args=(url, connections), daemon=True)
        attackers.start()
        time.sleep(settle_s)
        besieged, failed = good_client(url, path, reads)
        grown = memory_mb(pid) - before
        attackers.kill()
        attackers.join()
        time.sleep(1)
        bodies, read, refused = many_bodies(pid, url)
        return {
            "CPU a status read, µs": cost,
            "status read, quiet, p99, ms": quiet,
            f"the same beside {connections:,} hostile connections": besieged,
            "its failures, of all reads": failed,
            "memory that they take, MB": grown,
            f"memory that {BODIES} bodies of 16 MB at once take, MB": bodies,
            "of them read": read,
            "of them told to come back": refused,
        }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--against", type=Path)
    options.add_argument("--connections", type=int, default=1_010)
    options.add_argument("--reads", type=int, default=2_000)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--settle", type=float, default=15.0, help="seconds; longer than any phase of a connection")
    given = options.parse_args()
    ours: list[Mapping[str, float]] = []
    theirs: list[Mapping[str, float]] = []
    for number in range(given.rounds):
        sys.stderr.write(f"round {number + 1} of {given.rounds}\n")
        if given.against:
            theirs.append(measure(given.against.absolute(), given.connections, given.reads, given.settle))
        ours.append(measure(ROOT.absolute(), given.connections, given.reads, given.settle))
    print("| what | ours | baseline | ratio |\n|---|---|---|---|")
    for name in ours[0]:
        here = statistics.median(one[name] for one in ours)
        there = statistics.median(one[name] for one in theirs) if theirs else 0.0
        compared = f"{there:,.2f} | {here / there:.2f}" if there else "|"
        print(f"| {name} | {here:,.2f} | {compared} |")


if __name__ == "__main__":
    main()
