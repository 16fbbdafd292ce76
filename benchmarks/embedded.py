"""What the embedded server (SQLite) costs, beside another checkout of this project: start, idle, memory, a job.

    python benchmarks/embedded.py [--against ../before] [--rounds 2] [--idle 30] [--jobs 120]

`--against` is a checkout with an environment of its own in `.venv`. The two servers are measured in turns, in the same
run. The engine is the tests' toy. CPU time and memory (PSS) are the server process's own, without its engine's.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2

ROOT = Path(__file__).parent.parent
SMALL = {"model": "toy", "size": "64x64", "num_frames": 4}
TICKS = os.sysconf("SC_CLK_TCK")
SETTLED_S = 4.0
"""So long after its start a server is left alone: its engine has been loaded by then."""


@contextmanager
def server(checkout: Path) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """A server of that checkout: its process, its URL and the seconds that its start took."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("REELWRIGHT_", "HF_", "DATABASE_"))
        }
        begun = time.monotonic()
        process = subprocess.Popen(
            [checkout / ".venv/bin/python", "-m", "tests.fakes.server"],
            cwd=checkout,
            env={
                **environment,
                "PYTHONPATH": f"{checkout}:{checkout / 'src'}",
                "REELWRIGHT_DATA_DIR": f"{folder}/data",
                "PORT": "0",
                "TOY_OPTIONS": '{"slots": 4}',
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        url = next(found[0] for line in process.stderr if (found := re.findall(r"http://[^\s\"/]+", line)))
        httpx2.get(f"{url}/health").raise_for_status()
        taken = time.monotonic() - begun
        with ThreadPoolExecutor(1) as reader:
            reader.submit(process.stderr.read)
            try:
                yield process, url, taken
            finally:
                process.terminate()
                process.wait(30)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def pss_mb(pid: int) -> float:
    found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    assert found
    return int(found[1]) / 1024


def measure(checkout: Path, idle_s: float, jobs: int) -> Mapping[str, float]:
    with server(checkout) as (process, url, start), httpx2.Client(base_url=url, timeout=60) as client:
        pid = process.pid
        start_cpu = cpu_s(pid)
        time.sleep(SETTLED_S)
        before = cpu_s(pid)
        time.sleep(idle_s)
        idle = (cpu_s(pid) - before) / idle_s
        memory, threads = pss_mb(pid), len(list(Path(f"/proc/{pid}/task").iterdir()))

        def make(number: int) -> float:
            begun = time.monotonic()
            body = {"prompt": f"paint {number}", "engine": "toy", "width": 64, "height": 64, "num_frames": 4}
            client.post("/api/video/generate", json=body).raise_for_status()
            return time.monotonic() - begun

        for number in range(5):
            make(number)
        alone = statistics.median(make(number) for number in range(30))
        before = cpu_s(pid)
        with ThreadPoolExecutor(16) as crowd:
            list(crowd.map(make, range(jobs)))
        burst = (cpu_s(pid) - before) / jobs
        return {
            "start, s": start,
            "start, s of CPU": start_cpu,
            "idle, % of a core": idle * 100,
            "memory (PSS), MB": memory,
            "threads": threads,
            "one job alone, median ms": alone * 1000,
            "CPU a job, 16 clients, ms": burst * 1000,
            "memory after the jobs, MB": pss_mb(pid),
        }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--against", type=Path)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--idle", type=float, default=30)
    options.add_argument("--jobs", type=int, default=120)
    given = options.parse_args()
    ours: list[Mapping[str, float]] = []
    theirs: list[Mapping[str, float]] = []
    for number in range(given.rounds):
        sys.stderr.write(f"round {number + 1} of {given.rounds}\n")
        if given.against:
            theirs.append(measure(given.against.absolute(), given.idle, given.jobs))
        ours.append(measure(ROOT.absolute(), given.idle, given.jobs))
    print("| what | ours | baseline | ratio |\n|---|---|---|---|")
    for name in ours[0]:
        here = statistics.mean(one[name] for one in ours)
        there = statistics.mean(one[name] for one in theirs) if theirs else 0.0
        compared = f"{there:,.2f} | {here / there:.2f}" if there else "|"
        print(f"| {name} | {here:,.2f} | {compared} |")


if __name__ == "__main__":
    main()
