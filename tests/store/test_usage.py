"""What keys may use, where several processes ask at the same moment: on SQLite and Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reelwright import ids
from reelwright.store.audit import SERVER, Action, Asked, Audit, Who
from reelwright.store.buckets import Buckets
from reelwright.store.database import open_database, tables
from reelwright.store.fleet_queue import FleetQueue, Member
from reelwright.store.keys import KeyLimits, OverLimit
from reelwright.store.migrations import migrate
from reelwright.store.records import Records
from reelwright.store.transactions import Transactions
from reelwright.store.upload_rows import UploadRows
from reelwright.store.usage import Usage, day_of
from tests.databases import ON_BOTH, Settings
from tests.store.test_records import CANCELLED, FILE, NOW, new

PROCESSES = 4


@pytest.fixture
def processes(database: Settings, tmp_path: Path) -> Iterator[list[Transactions]]:
    """The database as several processes see it."""
    with ExitStack() as stack:
        engines = [open_database(database.get("DATABASE_URL"), tmp_path) for _ in range(PROCESSES)]
        for engine in engines:
            stack.callback(engine.dispose)
        migrate(engines[0], tables)
        yield [Transactions(engine) for engine in engines]


@ON_BOTH
def test_as_many_bytes_are_uploaded_as_may_and_are_given_back(processes: list[Transactions]) -> None:
    audit = Audit(processes[0])
    rows = [UploadRows(one, Audit(one)) for one in processes]
    ann = Who(key="key_a")
    old = NOW - timedelta(hours=25)
    names = [ids.file_id(int((NOW if number % 2 else old).timestamp() * 1000)) for number in range(40)]

    def upload(number: int) -> int | None:
        try:
            return rows[number % PROCESSES].add(names[number], 100, 550, ann, NOW)
        except OverLimit:
            return None

    with ThreadPoolExecutor(PROCESSES) as pool:
        left = list(pool.map(upload, range(40)))
    assert sorted(one for one in left if one is not None) == [50, 150, 250, 350, 450]
    limits, usage = KeyLimits(stored_bytes=550), Usage(processes[0])
    assert usage.left("key_a", limits, NOW) == {"stored_bytes": 50}
    assert usage.left("key_b", limits, NOW) == {"stored_bytes": 550}
    kept = [name for name, one in zip(names, left, strict=True) if one is not None]
    rows[0].forget(NOW - timedelta(hours=24), NOW)
    young = [name for name in kept if ids.file_time(name) > (NOW - timedelta(hours=24)).timestamp()]
    assert usage.left("key_a", limits, NOW) == {"stored_bytes": 550 - 100 * len(young)}
    for _ in range(2):
        rows[1].remove([*young, "file_nobodys"], ann, NOW)
    assert usage.left("key_a", limits, NOW) == {"stored_bytes": 550}
    told = [(one.action, one.key, one.about) for _, one in audit.page(Asked(action=Action.REMOVED), 100)]
    assert sorted(told) == sorted(
        [(Action.REMOVED, "key_a" if name in young else SERVER, name) for name in kept],
    )


@ON_BOTH
@pytest.mark.parametrize("limits", [KeyLimits(waiting=5), KeyLimits(pixel_frames_per_day=5 * 64 * 64 * 4)])
def test_as_many_jobs_are_taken_as_may_however_many_ask_at_once(
    processes: list[Transactions], limits: KeyLimits
) -> None:
    """Also where they go to different engines, whose lines know nothing of each other."""
    rows = [Records(one) for one in processes]

    def submit(number: int) -> bool:
        video = new("ann", key="key_a")
        video = replace(video, spec=replace(video.spec, engine=f"toy{number % 3}"))
        try:
            rows[number % PROCESSES].insert(video, 10_000, limits=limits)
        except OverLimit:
            return False
        return True

    with ThreadPoolExecutor(PROCESSES) as pool:
        assert sum(pool.map(submit, range(40))) == 5
    (used,) = Usage(processes[0]).rows(day_of(NOW), day_of(NOW), "key_a")
    assert used.jobs == 5
    assert Usage(processes[0]).left("key_a", limits, NOW) == dict.fromkeys(
        (name for name in ("waiting", "pixel_frames_per_day") if getattr(limits, name)), 0
    )


@ON_BOTH
def test_what_a_job_asked_for_is_given_back_once(processes: list[Transactions]) -> None:
    rows, usage, limits = Records(processes[0]), Usage(processes[0]), KeyLimits(pixel_frames_per_day=100_000)
    one, other = (new("ann", key="key_a") for _ in range(2))
    for video in (one, other):
        rows.insert(video, 10_000, limits=limits)
    assert rows.fail(one.id, None, CANCELLED, NOW)
    assert rows.fail(one.id, None, CANCELLED, NOW) is None
    claimed = rows.claim(other.id, ids.LOCAL_WORKER, NOW)
    assert claimed
    assert rows.complete(other.id, 1, FILE, {"render_s": 1.5, "cost_usd": 0.25}, NOW)
    assert rows.fail(other.id, None, CANCELLED, NOW) is None
    (used,) = usage.rows(day_of(NOW), day_of(NOW), None)
    assert (used.jobs, used.completed, used.failed) == (2, 1, 1)
    assert (used.seconds, used.engine_seconds, used.cost_usd) == (0.333, 1.5, 0.25)
    assert usage.left("key_a", limits, NOW) == {"pixel_frames_per_day": 100_000 - 64 * 64 * 4}


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_processes_that_claim_at_once_hold_no_more_of_a_key_than_may_run(processes: list[Transactions]) -> None:
    rows, queues = Records(processes[0]), [FleetQueue(one) for one in processes]
    names = [f"worker_{number}" for number in range(PROCESSES)]
    for queue, name in zip(queues, names, strict=True):
        queue.register(Member(id=name, engines={"toy": ["toy"]}, slots=9, version="1", address="x", session=None))
    for _ in range(3):
        few = [new("ann", key="key_a", most_running=2) for _ in range(12)]
        for video in few:
            rows.insert(video, 10_000)
        free = [new("bob", key="key_b") for _ in range(3)]
        for video in free:
            rows.insert(video, 10_000)

        def claim(number: int) -> str | None:
            found = queues[number % PROCESSES].claim(names[number % PROCESSES], "toy", ["toy"], NOW)
            return found[0].key if found else None

        with ThreadPoolExecutor(PROCESSES) as pool:
            held = list(pool.map(claim, range(24)))
        # A claim that came too late at its key's last place is undone; the next look finds the others' jobs.
        held += [claim(number) for number in range(3)]
        assert held.count("key_a") == 2
        assert held.count("key_b") == 3
        for video in (*few, *free):
            rows.fail(video.id, None, CANCELLED, NOW)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_processes_never_draw_more_requests_than_there_are(processes: list[Transactions]) -> None:
    """A bucket of six a minute gets one back in ten seconds, longer than this takes."""
    buckets = [Buckets(one) for one in processes]
    with ThreadPoolExecutor(PROCESSES) as pool:
        drawn = list(pool.map(lambda n: buckets[n % PROCESSES].draw("key_a", 6, 2)[0], range(20)))
    assert sum(drawn) == 6
    assert buckets[0].draw("key_b", 6, 2) == (2, 4.0)
