"""What keys cost: the usage row and the audit's entry in a submission, and the gates before a status read.

    python benchmarks/keys.py [--submissions 2000] [--reads 2000] [--rounds 3]

Submissions are the store's own transactions, on SQLite and on a real Postgres with `fsync` on. The four kinds are
measured in turns, one submission each, so what else the machine does meets all of them alike. Reads are answered by
real servers, which are asked in turns; a read's cost is the server process's own CPU time.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx2
import sqlalchemy as sa

from reelwright import ids
from reelwright.store.audit import Action, Audit, Who
from reelwright.store.database import open_database, tables
from reelwright.store.keys import KeyLimits
from reelwright.store.migrations import migrate
from reelwright.store.records import Records
from reelwright.store.transactions import Transactions
from reelwright.store.usage import Usage
from reelwright.video import Status, Task, Video, VideoSpec
from tests.api.keyholders import house
from tests.databases import running_postgres
from tests.servers import ServerProcess

SPEC = VideoSpec(
    prompt="A beautiful sunset over the ocean with waves crashing",
    engine="toy", model="toy", task=Task.TEXT_TO_VIDEO, width=64, height=64, num_frames=4, fps=12, seed=1,
)  # fmt: skip
SMALL = {"prompt": "paint", "model": "toy", "size": "64x64", "num_frames": 4}
LIMITS = KeyLimits(waiting=10**6, running=100, video_seconds_per_day=10**9, stored_bytes=10**12)
TICKS = os.sysconf("SC_CLK_TCK")
_numbers = itertools.count(1_700_000_000_000)


class NoUsage(Usage):
    """Nothing is counted."""

    def reserve(
        self,
        connection: sa.Connection,
        video: Video,
        limits: KeyLimits,
        before: str = "",
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> Mapping[str, int]:
        if before:
            connection.exec_driver_sql(f"{before} SELECT 1", dict(more))
        return {}


@contextmanager
def kinds(url: str | None, folder: Path) -> Iterator[dict[str, tuple[Records, KeyLimits, bool]]]:
    """By name: what stores a submission, its key's limits, and whether the audit is told."""
    database = open_database(url, folder)
    migrate(database, tables)
    transactions = Transactions(database)

    def records(counted: bool) -> Records:
        made = Records(transactions, Audit(transactions))
        if not counted:
            made._usage = NoUsage(transactions)
        return made

    none = KeyLimits()
    yield {
        "neither": (records(False), none, False),
        "usage row": (records(True), none, False),
        "audit's entry": (records(False), none, True),
        "both": (records(True), none, True),
        "both, a key with four limits": (records(True), LIMITS, True),
    }
    database.dispose()


def submit(records: Records, limits: KeyLimits, told: bool) -> tuple[float, float]:
    """Seconds, and those of this thread's CPU."""
    now, number = datetime.now(UTC), next(_numbers)
    key = f"key_{number % 50}"
    video = Video(
        id=ids.video_id(number), owner=key, key=key, status=Status.QUEUED, spec=SPEC, created_at=now
    )  # fmt: skip
    entry = Who(key=key, address="203.0.113.7").did(Action.CREATED, video.id, now) if told else None
    begun, cpu = time.perf_counter(), time.thread_time()
    records.insert(video, 10**9, limits=limits, entry=entry)
    return time.perf_counter() - begun, time.thread_time() - cpu


def submissions(name: str, url: str | None, folder: Path, count: int) -> None:
    with kinds(url, folder) as found:
        took: dict[str, list[tuple[float, float]]] = {kind: [] for kind in found}
        for _ in range(count // len(found)):
            for kind, one in found.items():
                took[kind].append(submit(*one))
    beside = [statistics.median(part) for part in zip(*took["neither"], strict=True)]
    for kind, times in took.items():
        wall, cpu = (statistics.median(part) for part in zip(*times, strict=True))
        print(
            f"| submission, {name}: {kind} | {wall * 1000:.3f} ms | {wall / beside[0]:.2f} "
            f"| {cpu * 1e6:.0f} µs | {cpu / beside[1]:.2f} |",
            flush=True,
        )


def cpu_s(server: ServerProcess) -> float:
    assert server.process
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def read_cost(server: ServerProcess, client: httpx2.Client, path: str, reads: int) -> float:
    """Microseconds of the server's CPU a read."""
    for _ in range(100):
        client.get(path)
    before = cpu_s(server)
    for _ in range(reads):
        client.get(path).raise_for_status()
    return (cpu_s(server) - before) / reads * 1e6


def gates(name: str, database: Mapping[str, str], folder: Path, reads: int, rounds: int) -> None:
    with ExitStack() as stack:
        ways: dict[str, tuple[ServerProcess, httpx2.Client, str]] = {}

        def way(kind: str, server: ServerProcess, **headers: str) -> None:
            client = stack.enter_context(httpx2.Client(base_url=server.url, headers=headers, timeout=60))
            made = client.post("/v1/videos", json=SMALL).raise_for_status().json()["id"]
            ways[kind] = server, client, f"/v1/videos/{made}"

        open_to_all = stack.enter_context(ServerProcess(folder / "open", REELWRIGHT_LOG_LEVEL="warning"))
        way("no key is asked for (SQLite)", open_to_all)
        quiet = {"REELWRIGHT_LOG_LEVEL": "warning"}
        locked = stack.enter_context(house(folder / "locked", database, **quiet))
        way("a key", locked.server, Authorization=f"Bearer {locked.make()['key']}")
        limits = {"requests_per_minute": 10**9, "running": 9}
        way("a key with limits", locked.server, Authorization=f"Bearer {locked.make(limits=limits)['key']}")
        costs: dict[str, list[float]] = {kind: [] for kind in ways}
        for _ in range(rounds):
            for kind, (server, client, path) in ways.items():
                costs[kind].append(read_cost(server, client, path, reads))
    first = statistics.median(next(iter(costs.values())))
    for kind, found in costs.items():
        cost = statistics.median(found)
        print(f"| status read, {name}: {kind} | | | {cost:.0f} µs | {cost / first:.2f} |", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--submissions", type=int, default=2_000)
    options.add_argument("--reads", type=int, default=2_000)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    print("| what | median | ratio | CPU | ratio |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder, running_postgres() as cluster:
        with cluster.database() as url:
            submissions("SQLite", None, Path(folder), given.submissions)
            submissions("Postgres", url, Path(folder), given.submissions)
        with cluster.database() as url:
            for name, database in (("SQLite", {}), ("Postgres", {"DATABASE_URL": url})):
                here = Path(folder) / name
                here.mkdir()
                gates(name, database, here, given.reads, given.rounds)


if __name__ == "__main__":
    main()
