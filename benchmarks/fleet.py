"""What the queue of many processes costs on Postgres: submissions, claims, pick-up, writes, and a thousand workers.

    python benchmarks/fleet.py [--workers 1000] [--seconds 30] [--waiting 10000] [--ended 300000]

Postgres is a real one with `fsync` on. The statements are those of the store; processes are real in the part "pick-up",
and played by threads in the last one. A submission is measured beside a bare insert of the same size in the same run.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx2
import psycopg
import sqlalchemy as sa

from reelwright import ids
from reelwright.store.database import open_database
from reelwright.store.fleet_queue import FleetQueue, Member
from reelwright.store.migrations import migrate
from reelwright.store.records import Records
from reelwright.store.store import tables
from reelwright.store.transactions import Transactions
from reelwright.video import MadeFile, Status, Task, Video, VideoSpec
from tests.databases import Cluster, running_postgres
from tests.servers import ServerProcess, WorkerProcess, eventually

FILE = MadeFile(key="a.mp4", size=10, sha256="0" * 64, width=64, height=64, num_frames=4, fps=12.0, codec="h264")
SPEC = VideoSpec(
    prompt="A beautiful sunset over the ocean with waves crashing",
    engine="toy", model="toy", task=Task.TEXT_TO_VIDEO, width=64, height=64, num_frames=4, fps=12, seed=1,
)  # fmt: skip
_numbers = itertools.count(1_700_000_000_000)


def video(owner: str) -> Video:
    now = datetime.now(UTC)
    return Video(id=ids.video_id(next(_numbers)), owner=owner, status=Status.QUEUED, spec=SPEC, created_at=now)


def told(label: str, took: Sequence[float], wall: float | None = None) -> None:
    ordered = sorted(took)
    rate = f"{len(took) / wall:9.0f}/s" if wall else " " * 11
    middle, late = statistics.median(ordered) * 1000, ordered[int(len(ordered) * 0.99)] * 1000
    print(f"{label:<58}{rate}  p50 {middle:8.2f} ms  p99 {late:8.2f} ms", flush=True)


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def side_by_side(callers: int, count: int, work: Callable[[int], object]) -> tuple[list[float], float]:
    begun = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        took = list(pool.map(lambda number: timed(lambda: work(number)), range(count)))
    return took, time.perf_counter() - begun


class Rows:
    """One database with all that the store needs to work on it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.engine = open_database(url, folder)
        migrate(self.engine, tables)
        self.transactions = Transactions(self.engine)
        self.records, self.queue = Records(self.transactions), FleetQueue(self.transactions)

    def close(self) -> None:
        self.engine.dispose()

    def sql(self, statement: str, **values: Any) -> list[Any]:
        with self.engine.begin() as connection:
            answer = connection.execute(sa.text(statement), values)
            return list(answer) if answer.returns_rows else []

    def fill(self, waiting: int, ended: int) -> None:
        """So many that wait, and so many that have ended."""
        first = video("owner")
        self.records.insert(first, 10**9)
        columns = [column.name for column in tables.tables["videos"].columns if column.name not in ("id", "turn")]
        shown = ", ".join(f'"{name}"' for name in columns)
        for count, begin, end in ((waiting, "video_1x", "NULL"), (ended, "video_0x", "1.0")):
            values = shown.replace('"completed_at"', f"CAST({end} AS float)")
            copies = f"SELECT :begin || n, n, {values} FROM videos v, generate_series(1, {count}) n WHERE v.id = :first"
            self.sql(f"INSERT INTO videos (id, turn, {shown}) {copies}", begin=begin, first=first.id)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def submissions(rows: Rows) -> None:
    rows.sql("CREATE TABLE bare (id text PRIMARY KEY, request text)")
    text = str(SPEC.to_json())
    for callers in (1, 16, 64):
        count = 100 + 10 * callers

        def bare(number: int, callers: int = callers) -> None:
            rows.sql("INSERT INTO bare VALUES (:id, :request)", id=f"{callers}-{number}", request=text)

        told(f"a bare insert, {callers} callers", *side_by_side(callers, count, bare))
        for owners, label in ((1, "one owner"), (64, "64 owners")):

            def submit(number: int, owners: int = owners) -> None:
                rows.records.insert(video(f"owner {number % owners}"), 10**6)

            told(f"submit, {callers} callers, {label}", *side_by_side(callers, count, submit))


def claims(rows: Rows, waiting: int, ended: int) -> None:
    rows.fill(waiting, ended)
    count = min(300, waiting)
    rows.queue.register(Member(id="w", engines={"toy": ["toy"]}, slots=1, version="1", address="here", session=None))
    now = datetime.now(UTC)
    claimed: list[str] = []

    def claim() -> None:
        found = rows.queue.claim("w", "toy", ["toy"], now)
        assert found
        claimed.append(found[0].id)

    told(f"claim, {waiting:,} waiting, {ended:,} ended", [timed(claim) for _ in range(count)])
    ends = [timed(lambda one=one: rows.records.complete(one, 1, FILE, {}, now)) for one in claimed]  # type: ignore[misc]
    told("complete", ends)
    told("beat", [timed(lambda: rows.queue.beat("w", 1, {})) for _ in range(300)])
    told("submit, one caller", [timed(lambda: rows.records.insert(video("owner"), 10**6)) for _ in range(300)])
    rows.sql("DELETE FROM videos WHERE completed_at IS NULL")
    before = rows.sql("SELECT pg_current_wal_insert_lsn()")[0][0]
    for _ in range(100):
        one = video("owner")
        rows.records.insert(one, 10**6)
        rows.queue.claim("w", "toy", ["toy"], now)
        rows.records.complete(one.id, 1, FILE, {}, now)
    grown = rows.sql("SELECT pg_current_wal_insert_lsn() - CAST(:before AS pg_lsn)", before=str(before))[0][0]
    print(f"{'WAL a job (submit, claim, complete: 3 transactions)':<58}{float(grown) / 100:9.0f} bytes")


def pick_up(cluster: Cluster, folder: Path, idle_s: float) -> None:
    """From the answer to a submission to the claim, over real processes: one job at a time."""
    for count in (1, 4):
        with cluster.database() as url:
            settings = {"DATABASE_URL": url}
            server = ServerProcess(folder / f"fleet-{count}", "server", REELWRIGHT_WORKERS="0", **settings)
            workers = [WorkerProcess(folder / f"fleet-{count}", f"worker-{n}", **settings) for n in range(count)]
            for process in (server, *workers):
                process.start()
            try:
                told(f"pick-up, {count} idle workers", [_picked_up(server.url, url) for _ in range(40)][4:])
                idle(server, "server without workers", idle_s)
                idle(workers[0], "worker", idle_s)
            finally:
                for process in (server, *workers):
                    process.kill()


def _picked_up(server: str, url: str) -> float:
    body = {"prompt": "paint", "model": "toy", "size": "64x64", "num_frames": 4}
    one = httpx2.post(f"{server}/v1/videos", json=body).json()["id"]
    with psycopg.connect(url, autocommit=True) as connection:
        ended = "SELECT started_at - created_at FROM videos WHERE id = %s AND completed_at IS NOT NULL"
        return float(eventually(lambda: connection.execute(ended, (one,)).fetchone())[0])


def idle(process: ServerProcess, label: str, seconds: float) -> None:
    assert process.process
    stat = Path(f"/proc/{process.process.pid}/stat")

    def ticks() -> int:
        fields = stat.read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    time.sleep(2)
    before = ticks()
    time.sleep(seconds)
    share = (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds
    print(f"{f'idle {label}':<58}{share * 100:9.2f} % of a core")


def thousand(url: str, folder: Path, workers: int, seconds: float, postmaster: int) -> None:
    """So many workers with jobs of a minute: each beats once a second, and claims when it is told of work or is
    free. Beats and jobs have connections of their own, since in a fleet each process has."""
    with contextlib.closing(Rows(url, folder)) as rows, contextlib.closing(Rows(url, folder)) as beating:
        _thousand(rows, beating, workers, seconds, postmaster)


def _thousand(rows: Rows, beating: Rows, workers: int, seconds: float, postmaster: int) -> None:
    names = [f"w{number}" for number in range(workers)]
    for name in names:
        rows.queue.register(
            Member(id=name, engines={"toy": ["toy"]}, slots=1, version="1", address="here", session=None)
        )
    rate, over = workers / 60, threading.Event()
    chance = random.Random(1)
    done, beats = itertools.count(), itertools.count()

    def beat(part: Sequence[str]) -> None:
        while not over.is_set():
            begun = time.monotonic()
            for name in part:
                beating.queue.beat(name, None, {})
                next(beats)
            over.wait(max(0.0, 1.0 - (time.monotonic() - begun)))

    def jobs(share: float) -> None:
        """Submit, claim by somebody (and in vain by some others), end a minute later or at once where none is left."""
        while not over.wait(1 / share * chance.uniform(0.5, 1.5)):
            one = video(f"owner {chance.randrange(50)}")
            rows.records.insert(one, 10**6)
            for name in chance.sample(names, 8):  # as many as hear of it and are free
                rows.queue.claim(name, "toy", ["toy"], datetime.now(UTC))
            rows.records.complete(one.id, 1, replace(FILE, key=f"{one.id}.mp4"), {}, datetime.now(UTC))
            next(done)

    threads = [threading.Thread(target=beat, args=(names[number::4],)) for number in range(4)]
    threads += [threading.Thread(target=jobs, args=(rate / 4,)) for _ in range(4)]
    before, begun = _cpu(postmaster), time.monotonic()
    for thread in threads:
        thread.start()
    over.wait(seconds)
    over.set()
    for thread in threads:
        thread.join()
    wall = time.monotonic() - begun
    share = (_cpu(postmaster) - before) / wall
    print(f"{f'{workers:,} workers: Postgres':<58}{share * 100:9.0f} % of a core")
    print(f"{'  beats, jobs':<58}{next(beats) / wall:9.0f}/s  {next(done) / wall:.1f}/s")


def _cpu(postmaster: int) -> float:
    """The CPU seconds of Postgres' processes, those that have ended included."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == postmaster:
            total += int(fields[11]) + int(fields[12])
        elif int(stat.parent.name) == postmaster:
            total += sum(int(fields[number]) for number in (11, 12, 13, 14))
    return total / os.sysconf("SC_CLK_TCK")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--workers", type=int, default=1000)
    asked.add_argument("--seconds", type=float, default=30)
    asked.add_argument("--idle", type=float, default=10)
    asked.add_argument("--waiting", type=int, default=10_000)
    asked.add_argument("--ended", type=int, default=300_000)
    arguments = asked.parse_args()
    os.environ["PYTHONPATH"] = f"{Path(__file__).parent.parent}:{Path(__file__).parent.parent / 'src'}"
    with tempfile.TemporaryDirectory() as folder, running_postgres() as cluster:
        with psycopg.connect(cluster.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = on")
            connection.execute("SELECT pg_reload_conf()")
            row = connection.execute("SELECT current_setting('data_directory')").fetchone()
            assert row
            postmaster = int((Path(row[0]) / "postmaster.pid").read_text().split()[0])
        for part in (submissions, lambda rows: claims(rows, arguments.waiting, arguments.ended)):
            with cluster.database() as url, contextlib.closing(Rows(url, Path(folder))) as rows:
                part(rows)
        pick_up(cluster, Path(folder), arguments.idle)
        with cluster.database() as url:
            thousand(url, Path(folder), arguments.workers, arguments.seconds, postmaster)


if __name__ == "__main__":
    main()
