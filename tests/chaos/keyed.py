"""One server with keys, killed again and again under load, on SQLite or on Postgres.

Clients with keys of the database, which have limits, submit with an `Idempotency-Key`, cancel and delete, and repeat
what was not answered. Afterwards everything that is counted of a key is compared with the rows that there really are.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.api.keyholders import new_admin
from tests.databases import Settings, run_sql
from tests.servers import ServerProcess, eventually

FPS, FRAMES, SIDE = 4, 4, 64
"""Each job is a second of video."""
WAITING, RUNNING = 4, 2
STORED_BYTES = 1_000_000_000
PIXELS = SIDE * SIDE * FRAMES
SCANTY_SECONDS = 6
"""So many seconds a day one key has, whose clients ask for more all the time."""
AMPLE_SECONDS = 50_000
KILL_CHILD_SHARE = 0.25
SETTLE_S = 240.0
ENDS = ("completed", "failed")


@dataclass(kw_only=True)
class Holder:
    """A key, and what its clients know: each job's id by its idempotency key, and what they wanted of it."""

    id: str
    text: str
    seconds: int
    accepted: dict[str, str] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(kw_only=True)
class KeyedReport:
    """What became of it. The lists name what is wrong."""

    database: str
    kills: int = 0
    kills_while_starting: int = 0
    child_kills: int = 0
    accepted: int = 0
    completed: int = 0
    cancelled: int = 0
    deleted: int = 0
    crashed: int = 0
    given_up: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    lost: list[str] = field(default_factory=list)
    made_twice: list[str] = field(default_factory=list)
    counters: list[str] = field(default_factory=list)
    audit: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        wrong = (self.lost, self.made_twice, self.counters, self.audit, self.revoked, self.files, self.unexpected)
        return [fault for one in wrong for fault in one]


class KeyedChaos:
    """`run` does all of it and returns the report."""

    def __init__(self, folder: Path, database: Settings, *, kills: int, seed: int, up_s: float = 2.5) -> None:
        """`up_s`: the server is killed at a random moment within so many seconds of its start."""
        self._chance = random.Random(seed)
        self._kills = kills
        self._up_s = up_s
        self._start_s = 0.0
        """How long the last start took: on a busy machine jobs take longer, too."""
        self._admin = new_admin(folder / "data", database)
        self.server = ServerProcess(
            folder / "data", REELWRIGHT_DRAIN_S="1", TINY_ALONE="1", TOY_OPTIONS='{"slots": 3}', **database
        )
        self._report = KeyedReport(database="Postgres" if database else "SQLite")
        self._over = threading.Event()
        self._here = threading.local()
        self._clients: list[httpx2.Client] = []
        self._holders: list[Holder] = []
        self._revoked: Holder

    def run(self) -> KeyedReport:
        with self.server:
            self._holders = [self._new_key(AMPLE_SECONDS) for _ in range(3)] + [self._new_key(SCANTY_SECONDS)]
            self._revoked = self._new_key(AMPLE_SECONDS)
            clients = [threading.Thread(target=self._ask, args=(one, n)) for one in self._holders for n in range(2)]
            clients.append(threading.Thread(target=self._ask, args=(self._revoked, 0)))
            for client in clients:
                client.start()
            try:
                self._kill_again_and_again()
            finally:
                self._over.set()
                for client in clients:
                    client.join()
            self._settle()
            self._judge()
            for http in self._clients:
                http.close()
            assert self.server.stop() == 0
        return self._report

    def _new_key(self, seconds: int) -> Holder:
        limits = {
            **{"waiting": WAITING, "running": RUNNING, "stored_bytes": STORED_BYTES},
            **{"video_seconds_per_day": seconds, "pixel_frames_per_day": seconds * PIXELS},
        }
        made = self._insist("POST", "/v1/keys", self._admin, body={"name": "client", "limits": limits}).json()
        return Holder(id=made["id"], text=made["key"], seconds=seconds)

    # --- under fire ---

    def _kill_again_and_again(self) -> None:
        """In the main thread: the kernel ends the processes that a thread has started with that thread."""
        revoked = False
        while self._report.kills < self._kills:
            if not revoked and self._report.kills >= self._kills // 2:
                self._revoke()
                revoked = True
            self._over.wait(self._chance.uniform(0, max(self._up_s, self._start_s)))
            if self._chance.random() < KILL_CHILD_SHARE:
                self._kill_a_child()
            self.server.kill()
            self._report.kills += 1
            self._start()

    def _start(self) -> None:
        """A supervisor; now and then the server is killed while it starts."""
        while True:
            early = self._report.kills < self._kills and self._chance.random() < 0.2
            timer = threading.Timer(self._chance.uniform(0.2, 2), self._kill_early)
            if early:
                timer.start()
            begun = time.monotonic()
            with contextlib.suppress(AssertionError):
                self.server.start()
                self._start_s = time.monotonic() - begun
            timer.cancel()
            if early:
                timer.join()
            assert self.server.process
            if self.server.process.poll() is None:
                return

    def _kill_early(self) -> None:
        if self.server.process and self.server.process.poll() is None:
            self.server.process.kill()
            self._report.kills += 1
            self._report.kills_while_starting += 1

    def _kill_a_child(self) -> None:
        assert self.server.process
        with contextlib.suppress(OSError, ValueError, IndexError):
            listed = Path(f"/proc/{self.server.process.pid}/task/{self.server.process.pid}/children").read_text()
            os.kill(int(self._chance.choice(listed.split())), signal.SIGKILL)
            self._report.child_kills += 1

    def _revoke(self) -> None:
        """One key ends in the middle; its jobs go on."""
        eventually(lambda: self._revoked.accepted, 60)
        self._insist("DELETE", f"/v1/keys/{self._revoked.id}", self._admin, fine=(200, 404, 409))

    def _ask(self, holder: Holder, client: int) -> None:
        chance = random.Random(f"{holder.id}-{client}")
        for number in range(1_000_000):
            if self._over.is_set():
                return
            prompt = chance.choice(("paint", "slow 0.3", "resume 0.1", "resume 0.2"))
            body = {"prompt": f"{prompt}", "model": "tiny", "size": f"{SIDE}x{SIDE}", "num_frames": FRAMES, "fps": FPS}
            key = f"{client}-{number}"
            answer = self._insist("POST", "/v1/videos", holder.text, body=body, key=key, fine=(200, 401, 429))
            if answer.status_code != 200:
                holder.refused[answer.json()["error"]["code"]] += 1
                if answer.status_code == 401:
                    return
                self._over.wait(chance.uniform(0.5, 1.5))
                continue
            video_id = answer.json()["id"]
            holder.accepted[key] = video_id
            fate = chance.random()
            if fate < 0.15:
                holder.cancelled.add(video_id)
                self._insist("POST", f"/v1/videos/{video_id}/cancel", holder.text, fine=(200, 401, 409))
            elif fate < 0.3:
                holder.deleted.add(video_id)
                self._over.wait(chance.uniform(0, 2))
                # Where it is done and its answer lost, there is none any more when it is repeated.
                self._insist("DELETE", f"/v1/videos/{video_id}", holder.text, fine=(200, 404, 401))
            self._over.wait(chance.uniform(0.4, 1.2))

    def _insist(
        self,
        method: str,
        path: str,
        text: str,
        *,
        body: Any = None,
        key: str | None = None,
        fine: tuple[int, ...] = (200, 201),
    ) -> httpx2.Response:
        """Until it is answered, by whichever process the server is then."""
        headers = {"Authorization": f"Bearer {text}"}
        if key:
            headers["Idempotency-Key"] = key
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                answer = self._http.request(method, f"{self.server.url}{path}", headers=headers, json=body)
                if answer.status_code not in (*fine, 503):
                    self._report.unexpected.append(f"{method} {path}: {answer.status_code} {answer.text}")
                if answer.status_code != 503:
                    return answer
            self._report.repeated += 1
            threading.Event().wait(0.4)

    @property
    def _http(self) -> httpx2.Client:
        """This thread's own client."""
        if not hasattr(self._here, "http"):
            self._here.http = httpx2.Client(timeout=60)
            self._clients.append(self._here.http)
        return self._here.http  # type: ignore[no-any-return]

    # --- afterwards ---

    def _settle(self) -> None:
        """All that was accepted ends, and what was seen is written down."""
        unended = "SELECT count(*) FROM videos WHERE completed_at IS NULL"
        with contextlib.suppress(AssertionError):  # what has not ended is told as lost
            eventually(lambda: run_sql(self.server, unended) == [(0,)], SETTLE_S, 0.5)

    def _judge(self) -> None:
        rows = {row[0]: row[1:] for row in run_sql(self.server, "SELECT id, key, status, failure, bytes FROM videos")}
        report, known = self._report, set()
        for holder in (*self._holders, self._revoked):
            report.accepted += len(holder.accepted)
            report.refused += holder.refused
            known |= set(holder.accepted.values())
            self._judge_jobs(holder, rows)
            self._judge_counters(holder, rows)
        # An answer may be lost with the server and its client, which is the revoked key's only.
        strangers = [one for one, row in rows.items() if one not in known and row[0] != self._revoked.id]
        report.made_twice += strangers
        self._judge_audit(rows)
        self._judge_the_revoked_key()
        self._judge_files(rows)
        if "Traceback" in self.server.log_text():
            report.unexpected.append(f"a traceback in {self.server.log}")

    def _judge_jobs(self, holder: Holder, rows: Mapping[str, Any]) -> None:
        report = self._report
        for video_id, number in Counter(holder.accepted.values()).items():
            if number > 1:
                report.made_twice.append(f"{video_id}: for {number} idempotency keys")
            row = rows.get(video_id)
            if row is None:
                report.deleted += video_id in holder.deleted
                if video_id not in holder.deleted:
                    report.lost.append(f"{video_id}: no row")
                continue
            _, status, failure, _ = row
            code = json.loads(failure)["code"] if failure else None
            report.completed += status == "completed"
            report.cancelled += code == "cancelled"
            report.crashed += code == "engine_crashed"
            gave_up = code == "engine_failed" and "interrupted attempts" in failure
            report.given_up += gave_up
            fine = (
                status == "completed"
                or gave_up
                or (code == "cancelled" and video_id in holder.cancelled)
                or (code == "engine_crashed" and report.child_kills)
            )
            if not fine:
                report.lost.append(f"{video_id}: {status} {failure}")

    def _judge_counters(self, holder: Holder, rows: Mapping[str, Any]) -> None:
        """What the server tells of a key, against what its rows and the audit say."""
        own = [row for row in rows.values() if row[0] == holder.id]
        gone = self._fates_of_deleted(holder, rows)
        completed = sum(row[1] == "completed" for row in own) + gone["completed"]
        failed = sum(row[1] == "failed" for row in own) + gone["failed"]
        used = run_sql(
            self.server,
            "SELECT coalesce(sum(jobs), 0), coalesce(sum(completed), 0), coalesce(sum(failed), 0),"
            " coalesce(sum(asked_ms), 0), coalesce(sum(asked_pixels), 0), coalesce(sum(made_ms), 0)"
            " FROM usage WHERE key = ?",
            holder.id,
        )[0]
        jobs, told_completed, told_failed, asked_ms, asked_pixels, made_ms = map(int, used)
        expected = len(own) + sum(gone.values())
        wrong = [
            (jobs, expected, "jobs"),
            (asked_ms, told_completed * 1000, "milliseconds asked for"),
            (asked_pixels, told_completed * PIXELS, "pixels asked for"),
            (made_ms, told_completed * 1000, "milliseconds made"),
            (told_completed + told_failed, expected, "ends"),
        ]
        if not gone["unknown"]:
            wrong += [(told_completed, completed, "completed"), (told_failed, failed, "failed")]
        if holder is not self._revoked:
            answer = self._insist("GET", "/v1/usage", holder.text).json()["limits"]
            left = {name: limit["left"] for name, limit in answer.items()}
            stored = sum(row[3] or 0 for row in own)
            wrong += [
                (left["waiting"], WAITING, "waiting left"),
                (left["running"], RUNNING, "running left"),
                (left["video-seconds"], holder.seconds - told_completed, "seconds left"),
                (left["pixel-frames"], (holder.seconds - told_completed) * PIXELS, "pixels left"),
                (left["stored-bytes"], STORED_BYTES - stored, "bytes left"),
            ]
        if told_completed > holder.seconds:
            wrong.append((told_completed, holder.seconds, "seconds of a day at most"))
        self._report.counters += [f"{holder.id}: {what} {is_} != {be}" for is_, be, what in wrong if is_ != be]

    def _fates_of_deleted(self, holder: Holder, rows: Mapping[str, Any]) -> Counter[str]:
        """How many jobs of the key are gone, by the audit. A deleted one had ended, or failed by its deletion."""
        made = run_sql(self.server, "SELECT about FROM audit WHERE action = 'video.created' AND key = ?", holder.id)
        return Counter("unknown" for (video_id,) in made if video_id not in rows)

    def _judge_audit(self, rows: Mapping[str, Any]) -> None:
        entries = run_sql(self.server, "SELECT action, key, about FROM audit")
        told = Counter((action, about) for action, _, about in entries)
        by = {about: key for action, key, about in entries if action == "video.created"}
        wrong = [f"{what} is told {n} times" for what, n in told.items() if n > 1 and what[0] in ONCE]
        wrong += [f"{one} is not told" for one in rows if one not in by]
        wrong += [f"{one} is told of {by[one]}" for one, row in rows.items() if one in by and by[one] != row[0]]
        gone = {about for action, about in told if action == "video.deleted"}
        wrong += [f"{one} is gone and not told" for one in by if one not in rows and one not in gone]
        wrong += [f"{one} is told as deleted and is there" for one in gone if one in rows]
        cancelled = {about for action, about in told if action == "video.cancelled"}
        for video_id, (_, _, failure, _) in rows.items():
            was = bool(failure) and json.loads(failure)["code"] == "cancelled"
            if was != (video_id in cancelled):
                wrong.append(f"{video_id}: cancelled {was}, told {video_id in cancelled}")
        self._report.audit += wrong

    def _judge_the_revoked_key(self) -> None:
        answer = self._insist("GET", "/v1/videos", self._revoked.text, fine=(200, 401))
        if answer.status_code != 401:
            self._report.revoked.append(f"the revoked key is answered {answer.status_code}")
        told = self._insist("GET", f"/v1/keys/{self._revoked.id}", self._admin).json()
        if not told.get("revoked_at"):
            self._report.revoked.append("the revoked key is not told as such")

    def _judge_files(self, rows: Mapping[str, Any]) -> None:
        """Each completed video has its file, and nobody else has one."""
        there = {path.name.partition("-")[0] for path in (self.server.data_dir / "videos").glob("*.mp4")}
        completed = {one for one, row in rows.items() if row[1] == "completed"}
        self._report.files += [f"{one}: no file" for one in completed - there]
        if self._report.database == "SQLite":  # elsewhere what is young may be another process's
            self._report.files += [f"{one}: a file of no completed video" for one in there - completed]


ONCE = ("video.created", "video.cancelled", "video.deleted", "key.created", "key.revoked")


def keyed_lines(report: KeyedReport, machine: str, day: str) -> Iterator[str]:
    """The report as the lines of a page."""
    refused = ", ".join(f"{number} {code}" for code, number in sorted(report.refused.items()))
    fates = (report.completed, report.cancelled, report.deleted, report.crashed)
    rows = (
        ("kills of the server", f"{report.kills}, of which {report.kills_while_starting} while it started"),
        ("kills of an engine's process just before", report.child_kills),
        ("accepted", report.accepted),
        ("completed / cancelled / deleted / crashed with their engine", " / ".join(map(str, fates))),
        ("given up after 20 interrupted attempts, and told so", report.given_up),
        ("requests that were repeated", f"{report.repeated:,}"),
        ("refused", refused or "none"),
        ("lost", len(report.lost)),
        ("made twice", len(report.made_twice)),
        ("counters of a key that are wrong", len(report.counters)),
        ("differences between audit and rows", len(report.audit)),
        ("revoked keys that are let in", len(report.revoked)),
        ("files that are missing or left", len(report.files)),
    )
    yield f"On {report.database}, {day}, {machine}:"
    yield ""
    yield "| | |"
    yield "|---|---|"
    for name, value in rows:
        yield f"| {name} | {value} |"
