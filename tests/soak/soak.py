"""A real server under all that clients do, for long: nothing grows, nothing is lost, no answer is a fault of ours.

Memory and open files may not grow over the last two thirds of the time; in the first third caches fill.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.api.keyholders import House, new_admin
from tests.databases import run_sql
from tests.servers import ServerProcess, eventually
from tests.soak.clients import TOURS, Ledger, Visitor
from tests.soak.samples import Sampler, family, growth, look_at, told

MOST_MEMORY = 1 << 20
"""Bytes a minute that a process may grow by. A minute has some thousand requests: so half a kilobyte that each leaves
behind is found, which is less than its headers and the objects around them take."""
MOST_FILES = 1.0
"""Open files, or threads, a minute: one that is left by a request in a thousand is found."""
SETTLE_S = 120.0
LONG_S = 60.0
PAGES_OF, PROMPT = 300, "a long story " * 1_000
"""So many rows with so long a prompt are more than SQLite keeps in memory for a connection (2 MiB, `cache_size`)."""
LIMITS = {
    "waiting": 8,
    "running": 3,
    "requests_per_minute": 6_000,
    "video_seconds_per_day": 500_000,
    "stored_bytes": 10**9,
}


@dataclass(kw_only=True)
class Report:
    """What was seen. `processes`: a name and its samples; the lists name what is wrong."""

    seconds: float
    ledgers: list[Ledger] = field(default_factory=list)
    sampler: Sampler
    names: dict[int, str] = field(default_factory=dict)
    jobs: int = 0
    grows: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    log_errors: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)

    @property
    def answers(self) -> Counter[int]:
        return sum((ledger.answers for ledger in self.ledgers), Counter())

    @property
    def wrong(self) -> list[str]:
        return [*self.faults, *self.lost, *self.log_errors, *self.left]


def soak(folder: Path, *, seconds: float, every_s: float) -> Report:
    """Run it. The report's `wrong` and `grows` are empty when all is well."""
    key = new_admin(folder / "data", {})
    settings = {"REELWRIGHT_SWEEP_S": "5", "TOY_OPTIONS": '{"slots": 2}', "REELWRIGHT_AUDIT_DAYS": "1"}
    with ServerProcess(folder / "data", **settings) as server:
        over = threading.Event()
        report = Report(seconds=seconds, sampler=Sampler(server, over, every_s))
        with Visitor(server.url, Ledger(name="keys", key=""), key, over).http as http:
            house = House(server, http, {})
            visitors = [(_visitor(house, name, key, over), tour) for name, tour in TOURS.items()]
        report.ledgers = [visitor.ledger for visitor, _ in visitors]
        _warm_up(server, visitors[0][0])
        if seconds >= LONG_S:
            _fill_page_caches(visitors[0][0])
        own, *children = family(server)
        engines = [pid for pid in children if b"engines.host" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        report.names = {own: "server", **{pid: f"engine {n}" for n, pid in enumerate(engines, 1)}}
        report.before = _held(server)
        report.sampler.start()
        threads = [threading.Thread(target=visitor.visit, args=(tour,)) for visitor, tour in visitors]
        for thread in threads:
            thread.start()
        over.wait(seconds)
        over.set()
        for thread in (*threads, report.sampler):
            thread.join()
        _judge(server, report)
        if server.stop() != 0:
            report.faults.append("the server did not end in order")
    return report


def _visitor(house: House, name: str, admin: str, over: threading.Event) -> Visitor:
    if name == "admin":
        return Visitor(house.server.url, Ledger(name=name, key=""), admin, over)
    made = house.make(name=name, limits=LIMITS)
    return Visitor(house.server.url, Ledger(name=name, key=made["id"]), made["key"], over)


def _warm_up(server: ServerProcess, visitor: Visitor) -> None:
    """Both engines have made a video: their processes are there, and what is imported late is in memory."""
    for engine in ("toy", "sketch"):
        asked = {"prompt": "warm up", "model": engine, "size": "64x64", "num_frames": 4}
        video_id = visitor.http.post("/v1/videos", json=asked).json()["id"]
        eventually(lambda one=video_id: visitor.http.get(f"/v1/videos/{one}").json()["status"] == "completed", 120)
        visitor.delete(video_id)
    visitor.ledger.deleted.clear()


def _fill_page_caches(visitor: Visitor) -> None:
    """Each of the server's eight connections to SQLite keeps 2 MiB of the database. That is no leak, but looks like one
    as long as the database is smaller: so it is larger before the first sample."""
    asked = {"prompt": PROMPT, "model": "toy", "size": "64x64", "num_frames": 4}
    for _ in range(PAGES_OF):
        made = visitor.http.post("/v1/videos", json=asked)
        while made.status_code == 429:
            visitor.over.wait(0.1)
            made = visitor.http.post("/v1/videos", json=asked)
        visitor.taken(made)
    kept = sorted(visitor.ledger.kept)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: visitor.http.get(f"/v1/videos/{one}"), kept * 2))


def _held(server: ServerProcess) -> tuple[int, int]:
    """Open files and threads of the server."""
    found = look_at(family(server)[0], 0)
    assert found
    return found.files, found.threads


def _judge(server: ServerProcess, report: Report) -> None:
    unended = "SELECT count(*) FROM videos WHERE completed_at IS NULL"
    eventually(lambda: run_sql(server, unended) == [(0,)], SETTLE_S, 0.2)
    rows = {row[0]: row[1:] for row in run_sql(server, "SELECT id, status, key, failure FROM videos")}
    created = {row[0] for row in run_sql(server, "SELECT about FROM audit WHERE action = 'video.created'")}
    deleted = {row[0] for row in run_sql(server, "SELECT about FROM audit WHERE action = 'video.deleted'")}
    report.jobs = len(created)
    for ledger in report.ledgers:
        report.faults += ledger.faults
        for video_id in ledger.kept:
            if rows.get(video_id, ("gone",))[0] != "completed":
                report.lost.append(f"{ledger.name}: {video_id} is {rows.get(video_id)}")
        report.lost += [f"{ledger.name}: {one} is there again" for one in ledger.deleted if one in rows]
    report.lost += [f"{one} is gone, and nobody has deleted it" for one in created - deleted - rows.keys()]
    report.lost += [f"{one} was never told" for one in rows.keys() - created]
    for key, jobs, ends in run_sql(
        server, "SELECT key, sum(jobs), sum(completed) + sum(failed) FROM usage GROUP BY key"
    ):
        if jobs != ends:
            report.lost.append(f"{key} has {jobs} jobs and {ends} ends")
    log = server.log_text()
    report.log_errors = [line for line in log.splitlines() if "Traceback" in line or " ERROR " in line or "💥" in line]
    fives = {status: n for status, n in report.answers.items() if status >= 500}
    report.faults += [f"{n} answers with {status}" for status, n in fives.items()]
    _judge_what_is_held(server, report, {one for one, row in rows.items() if row[0] == "completed"})


def _judge_what_is_held(server: ServerProcess, report: Report, completed: set[str]) -> None:
    """Files of no video go with the sweep, and what connections have held with them."""
    folder = server.data_dir / "videos"

    def strays() -> list[str]:
        return [path.name for path in folder.iterdir() if path.name.partition("-")[0] not in completed]

    try:
        eventually(lambda: not strays(), 20, 0.5)
    except AssertionError:
        report.left += [f"{name} is a file of no video" for name in strays()]
    report.left += [f"{path.name} is left in work/" for path in (server.data_dir / "work").iterdir()]
    files, threads = report.before
    try:  # some connections of the database's pool, and threads of the executors, have come meanwhile
        eventually(lambda: _held(server)[0] <= files + 16 and _held(server)[1] <= threads + 16, 30, 0.5)
    except AssertionError:
        report.left.append(f"open files and threads are {_held(server)}, and were {report.before}")
    report.after = _held(server)
    for pid, name in report.names.items():
        samples = report.sampler.processes.get(pid, [])
        if not samples or samples[-1].at < report.seconds * 0.9:
            report.faults.append(f"{name} was not looked at until the end")
            continue
        for of, most in (("memory", MOST_MEMORY), ("files", MOST_FILES), ("threads", MOST_FILES)):
            if (rise := growth(samples, of)) > most:
                report.grows.append(f"{name}: {of} by {rise:.1f} a minute")


def lines(report: Report, machine: str, day: str) -> Iterator[str]:
    """The report as the lines of a page."""
    answers, rounds = report.answers, sum(ledger.rounds for ledger in report.ledgers)
    first, last = report.sampler.disk[0], report.sampler.disk[-1]
    rows: tuple[tuple[str, Any], ...] = (
        ("requests / rounds of a client", f"{sum(answers.values()):,} / {rounds:,}"),
        ("answers", ", ".join(f"{n:,} × {status}" for status, n in sorted(answers.items()) if status)),
        ("requests that were given up", answers[0]),
        ("jobs / lost", f"{report.jobs:,} / {len(report.lost)}"),
        ("answers with 5xx", sum(n for status, n in answers.items() if status >= 500)),
        ("errors in the log", len(report.log_errors)),
        ("files of no video at the end", len(report.left)),
        ("database, first / last", f"{first.database / 1e6:.1f} / {last.database / 1e6:.1f} MB"),
        ("files in the data directory, first / last", f"{first.files} / {last.files}"),
        ("open files and threads of the server, before / after", f"{report.before} / {report.after}"),
    )
    yield f"{day}, {machine}, {report.seconds:.0f} s:"
    yield ""
    yield "| | |"
    yield "|---|---|"
    for name, value in rows:
        yield f"| {name} | {value} |"
    yield ""
    yield "| process | MiB, first / most / last | a minute | open files | a minute | threads | a minute |"
    yield "|---|---|---|---|---|---|---|"
    for pid, samples in report.sampler.processes.items():
        if pid in report.names:
            yield f"| {report.names[pid]} | " + " | ".join(told(samples)) + " |"
