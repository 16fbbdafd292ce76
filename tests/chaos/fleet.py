"""A fleet under fire: two servers and three workers with a bucket and a Postgres, of which something dies all the time.

Every submission, every step and every end is written into an audit table by triggers of the database, in the
transaction that it belongs to. So what the processes say is compared with what really became of every job.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from tests.databases import Cluster
from tests.objects import ObjectServer
from tests.servers import ServerProcess, WorkerProcess

STEPS, STEP_S = 12, 0.25
"""A job saves a checkpoint after each frame: 3 s of work."""
LEAST_KILLS = 2
"""However slow the machine is, the fire goes on until there were so many."""
KILL_EACH_S = 4.0
AWAY_S = 3.0
BUCKET_AWAY_S = 10.0
ZOMBIE_S = 40.0
SETTLE_S = 150.0

AUDIT = """
CREATE TABLE witnessed (
    n bigserial PRIMARY KEY, at float NOT NULL, video text NOT NULL, what text NOT NULL, attempt int NOT NULL, detail
    text);
CREATE FUNCTION witnessed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE clock float := extract(epoch FROM clock_timestamp());
BEGIN
    IF NEW.attempt > OLD.attempt THEN
        INSERT INTO witnessed (at, video, what, attempt, detail)
        VALUES (clock, NEW.id, 'begun', NEW.attempt, NEW.worker);
    END IF;
    IF NEW.checkpoint IS NOT NULL AND NEW.checkpoint IS DISTINCT FROM OLD.checkpoint THEN
        INSERT INTO witnessed (at, video, what, attempt, detail)
        VALUES (clock, NEW.id, 'saved', NEW.attempt, NEW.checkpoint::json ->> 'file');
    END IF;
    IF NEW.completed_at IS NOT NULL AND OLD.completed_at IS NULL THEN
        INSERT INTO witnessed (at, video, what, attempt, detail)
        VALUES (clock, NEW.id, 'ended', NEW.attempt, NEW.status);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER witnessed AFTER UPDATE ON videos FOR EACH ROW EXECUTE FUNCTION witnessed();
"""


@dataclass(kw_only=True)
class Kill:
    """When a process was killed, and the jobs that it held."""

    at: float
    held: list[str]


@dataclass(kw_only=True)
class Report:
    """What became of it. Times are in seconds."""

    seconds: float
    accepted: int = 0
    completed: int = 0
    cancelled: int = 0
    lost: list[str] = field(default_factory=list)
    ended_twice: list[str] = field(default_factory=list)
    steps_twice: int = 0
    bad_files: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    server_kills: int = 0
    worker_kills: int = 0
    stops: int = 0
    attempts: Counter[int] = field(default_factory=Counter)
    take_overs: list[float] = field(default_factory=list)
    told_after: list[float] = field(default_factory=list)
    engine_s: float = 0.0
    wasted_s: float = 0.0
    tracebacks: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        faults = (self.lost, self.ended_twice, self.steps_twice, self.bad_files, self.untold, self.tracebacks)
        return self.accepted > 0 and not any(faults)


class Chaos:
    """`run` does all of it and returns the report."""

    def __init__(self, cluster: Cluster, objects: ObjectServer, folder: Path, *, seconds: float, seed: int) -> None:
        self._cluster = cluster
        self._objects = objects
        self._folder = folder
        self._seconds = seconds
        self._chance = random.Random(seed)
        self._report = Report(seconds=seconds)
        self._over = threading.Event()
        self._all_up = threading.Event()
        self._judged = threading.Event()
        self._lock = threading.Lock()
        self._accepted: dict[str, bool] = {}
        """The jobs, and whether somebody wanted to cancel them."""
        self._told: dict[str, float] = {}
        self._followed: set[str] = set()
        self._kills: list[Kill] = []
        self._url = ""
        self._servers: list[ServerProcess] = []
        self._workers: list[ServerProcess] = []
        self._zombie: ServerProcess | None = None

    def run(self) -> Report:
        with self._cluster.database() as url, self._objects.bucket() as bucket:
            self._url = url
            settings = {**bucket, "DATABASE_URL": url, "REELWRIGHT_DRAIN_S": "1"}
            none = {**settings, "REELWRIGHT_WORKERS": "0"}
            self._servers = [ServerProcess(self._folder / f"server-{n}", **none) for n in range(2)]
            self._workers = [WorkerProcess(self._folder / f"worker-{n}", **settings) for n in range(3)]
            try:
                for process in (*self._servers, *self._workers):
                    process.start()
                self._sql(AUDIT)
                self._fire()
                self._settle()
                self._judge()
            finally:
                self._judged.set()
                for process in (*self._servers, *self._workers):
                    process.kill()
        return self._report

    # --- under fire ---

    def _fire(self) -> None:
        # The kernel ends the processes that a thread has started with that thread, so this one stays until the end.
        killing = threading.Thread(target=self._kill)
        killing.start()
        works = [self._submit, self._submit, self._stop_postgres]
        if self._seconds >= ZOMBIE_S:
            works += [self._freeze_a_worker, self._take_the_bucket_away]
        threads = [threading.Thread(target=work) for work in works]
        for thread in threads:
            thread.start()
        self._over.wait(self._seconds)
        # A busy machine needs longer to start again what was killed: a run without faults would show nothing.
        deadline = time.monotonic() + SETTLE_S
        while (len(self._kills) < LEAST_KILLS or not self._report.stops) and time.monotonic() < deadline:
            time.sleep(0.2)
        self._over.set()
        for thread in threads:
            thread.join()
        self._all_up.wait()

    def _submit(self) -> None:
        """A client with a key for each job: it repeats what was not answered, on whichever server."""
        number = 0
        while not self._over.is_set():
            number += 1
            body = {"prompt": f"resume {STEP_S}", "model": "toy", "size": "64x64", "num_frames": STEPS}
            key = f"{threading.get_ident()}-{number}"
            video_id = self._insist("POST", "/v1/videos", json=body, headers={"Idempotency-Key": key})["id"]
            doomed = self._chance.random() < 0.05
            with self._lock:
                self._accepted[video_id] = doomed
            if doomed:
                threading.Thread(target=self._cancel, args=(video_id,), daemon=True).start()
            elif self._chance.random() < 0.4:
                self._followed.add(video_id)
                threading.Thread(target=self._follow, args=(video_id,), daemon=True).start()
            self._over.wait(self._chance.uniform(1.2, 2.2))  # about as many as three workers make

    def _cancel(self, video_id: str) -> None:
        time.sleep(self._chance.uniform(0, 4))
        self._insist("POST", f"/v1/videos/{video_id}/cancel")

    def _follow(self, video_id: str) -> None:
        """By events, from any server, until the end is told."""
        while video_id not in self._told:
            with contextlib.suppress(httpx2.HTTPError):
                url = f"{self._chance.choice(self._servers).url}/v1/videos/{video_id}/events"
                with httpx2.stream("GET", url, timeout=15) as events:
                    for line in events.iter_lines():
                        if line.startswith(("event: completed", "event: failed")):
                            self._told[video_id] = time.time()
                            return
            time.sleep(0.1)

    def _insist(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                answer = httpx2.request(
                    method, f"{self._chance.choice(self._servers).url}{path}", timeout=15, **request
                )
                if answer.status_code == 200:
                    return dict(answer.json())
                if answer.status_code not in (502, 503, 507):
                    raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
            time.sleep(0.2)

    def _kill(self) -> None:
        following = time.monotonic()
        while not self._over.wait(max(0.0, following - time.monotonic())):
            following = time.monotonic() + KILL_EACH_S
            victim = self._chance.choice([one for one in (*self._servers, *self._workers) if one is not self._zombie])
            worker = victim in self._workers
            held = self._held_by(victim) if worker else []
            victim.kill()
            self._kills.append(Kill(at=time.time(), held=held))
            self._report.worker_kills += worker
            self._report.server_kills += not worker
            if self._chance.random() < 0.5:  # another machine, which knows nothing of the one before
                shutil.rmtree(victim.data_dir, ignore_errors=True)
            time.sleep(self._chance.uniform(0, 1))
            self._start(victim)
        self._all_up.set()
        self._judged.wait()

    def _held_by(self, worker: ServerProcess) -> list[str]:
        with contextlib.suppress(psycopg.OperationalError):
            found = self._sql("SELECT id, worker FROM videos WHERE worker IS NOT NULL AND completed_at IS NULL")
            log = worker.log_text()
            return [video_id for video_id, name in found if name in log]
        return []

    def _start(self, process: ServerProcess) -> None:
        """A supervisor: what does not start while Postgres is away is started again."""
        while True:
            with contextlib.suppress(AssertionError):
                process.start()
                return
            time.sleep(0.5)

    def _stop_postgres(self) -> None:
        for _ in range(2):
            if self._wait_for(1 / 3):
                return
            with self._cluster.stopped():
                time.sleep(AWAY_S)
            self._report.stops += 1

    def _freeze_a_worker(self) -> None:
        """Another process takes its jobs over; then it wakes."""
        if self._wait_for(0.15):
            return
        self._zombie = zombie = self._workers[0]
        assert zombie.process
        zombie.process.send_signal(signal.SIGSTOP)
        self._over.wait(ZOMBIE_S)
        zombie.process.send_signal(signal.SIGCONT)
        self._zombie = None

    def _take_the_bucket_away(self) -> None:
        if self._wait_for(0.5):
            return
        self._objects.kill()
        time.sleep(BUCKET_AWAY_S)
        self._objects.start()

    def _wait_for(self, part: float) -> bool:
        """Until that part of the time is over. True when all of it is."""
        return self._over.wait(self._seconds * part)

    # --- afterwards ---

    def _settle(self) -> None:
        """All that was accepted ends, and all who follow are told."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            open_jobs = self._sql("SELECT count(*) FROM videos WHERE completed_at IS NULL")[0][0]
            if not open_jobs and not self._followed - self._told.keys():
                return
            time.sleep(0.5)

    def _judge(self) -> None:
        report, audit = self._report, self._sql("SELECT video, at, what, attempt, detail FROM witnessed ORDER BY n")
        rows = {row[0]: row for row in self._sql("SELECT id, status, attempt, file FROM videos")}
        ends = Counter(video for video, _, what, _, _ in audit if what == "ended")
        report.accepted = len(self._accepted)
        for video_id in self._accepted:
            status = rows[video_id][1] if video_id in rows else None
            report.completed += status == "completed"
            report.cancelled += status == "failed" and self._accepted[video_id]
            if status != "completed" and not (status == "failed" and self._accepted[video_id]):
                report.lost.append(f"{video_id}: {status}")
            if ends[video_id] > 1:
                report.ended_twice.append(video_id)
            report.attempts[rows[video_id][2] if video_id in rows else 0] += 1
        saved = Counter((video, detail) for video, _, what, _, detail in audit if what == "saved")
        report.steps_twice = sum(count - 1 for count in saved.values())
        report.untold = sorted(self._followed - self._told.keys())
        self._compare_files(rows)
        self._measure(audit)
        for process in (*self._servers, *self._workers):
            if "Traceback" in process.log_text():
                report.tracebacks.append(process.log.name)

    def _compare_files(self, rows: dict[str, Any]) -> None:
        """Every completed video can be had, and is what was recorded."""
        for video_id, status, _, file in rows.values():
            if status == "completed":
                content = httpx2.get(f"{self._servers[0].url}/v1/videos/{video_id}/content", timeout=60)
                if hashlib.sha256(content.content).hexdigest() != json.loads(file)["sha256"]:
                    self._report.bad_files.append(f"{video_id}: {content.status_code}")

    def _measure(self, audit: list[Any]) -> None:
        begun: dict[str, list[float]] = {}
        last: dict[str, float] = {}
        ended: dict[str, float] = {}
        for video, at, what, _, _ in audit:
            if what == "begun":
                if video in last:  # what came after the last step that was saved is made again
                    self._report.wasted_s += self._gone_after(video, last[video])
                begun.setdefault(video, []).append(at)
            if what == "ended":
                ended[video] = at
            last[video] = at
        for kill in self._kills:
            for video in kill.held:
                if following := [at for at in begun.get(video, []) if at > kill.at]:
                    self._report.take_overs.append(following[0] - kill.at)
        self._report.engine_s = sum(STEPS * STEP_S for video in ended)
        self._report.told_after = [max(0.0, at - ended[video]) for video, at in self._told.items() if video in ended]

    def _gone_after(self, video: str, saved_at: float) -> float:
        """How long its process worked on after the last thing that was saved, until it was killed."""
        killed = [kill.at for kill in self._kills if video in kill.held and kill.at > saved_at]
        return min(killed) - saved_at if killed else 0.0

    def _sql(self, statement: str) -> list[Any]:
        text: Any = statement
        with psycopg.connect(self._url, autocommit=True) as connection:
            answer = connection.execute(text)
            return list(answer.fetchall()) if answer.description else []


def told(report: Report, machine: str, day: str) -> Iterator[str]:
    """The report as the lines of a page."""

    def span(values: list[float]) -> str:
        if not values:
            return "–"
        ordered = sorted(values)
        part = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.9)]
        return f"{part[0]:.2f} / {part[1]:.2f} / {ordered[-1]:.2f} s"

    rows = (
        ("accepted / completed / cancelled", f"{report.accepted} / {report.completed} / {report.cancelled}"),
        ("lost", len(report.lost)),
        ("ended twice", len(report.ended_twice)),
        ("steps recorded twice", report.steps_twice),
        ("files that are not what was recorded", len(report.bad_files)),
        ("followers that were never told of the end", len(report.untold)),
        ("kills of servers + workers", f"{report.server_kills} + {report.worker_kills}"),
        ("immediate stops of Postgres", report.stops),
        ("jobs by attempts", ", ".join(f"{count} with {n}" for n, count in sorted(report.attempts.items()))),
        ("a killed worker's job begins again after, p50 / p90 / max", span(report.take_overs)),
        ("the end is told to a follower after, p50 / p90 / max", span(report.told_after)),
        ("engine time that was done twice", f"{report.wasted_s:.0f} of {report.engine_s:.0f} s"),
    )
    yield f"{day}, {machine}, {report.seconds:.0f} s:"
    yield ""
    yield "| | |"
    yield "|---|---|"
    for name, value in rows:
        yield f"| {name} | {value} |"
