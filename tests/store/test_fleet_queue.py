"""The queue of many processes on a real Postgres: claims, beats, reaps. Where time matters, rows are made older."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.store import fleet_queue, following
from reelwright.store.audit import COMMAND, Action, Asked, Audit, Entry, Who
from reelwright.store.database import open_database
from reelwright.store.fleet_queue import LATE_S, TTL_S, FleetQueue, Member
from reelwright.store.migrations import migrate
from reelwright.store.oversight import Oversight
from reelwright.store.records import Records
from reelwright.store.store import tables
from reelwright.store.transactions import Transactions
from reelwright.video import Failure, Status, Video
from tests.databases import Cluster
from tests.store.test_records import FILE, NOW, new

MODELS = ["toy"]


@pytest.fixture
def database(cluster: Cluster, tmp_path: Path) -> Iterator[Transactions]:
    with cluster.database() as url:
        opened = open_database(url, tmp_path)
        migrate(opened, tables)
        yield Transactions(opened)
        opened.dispose()


@pytest.fixture
def records(database: Transactions) -> Records:
    return Records(database)


@pytest.fixture
def queue(database: Transactions) -> FleetQueue:
    return FleetQueue(database)


def member(name: str, session: int | None = None) -> Member:
    return Member(id=name, engines={"toy": MODELS}, slots=1, version="1", address="here", session=session)


def submit(records: Records, owner: str = "ann", **how: Any) -> Video:
    video = new(owner=owner)
    records.insert(video, 10_000, **how)
    return video


def claim(queue: FleetQueue, me: str, models: list[str] | None = None) -> Video | None:
    found = queue.claim(me, "toy", models or MODELS, NOW)
    return found[0] if found else None


def run(database: Transactions, statement: str, **values: Any) -> list[Any]:
    with database.begin() as connection:
        answer = connection.execute(sa.text(statement), values)
        return list(answer) if answer.returns_rows else []


def older(database: Transactions, name: str, seconds: float, column: str = "beat_at") -> None:
    run(database, f"UPDATE workers SET {column} = {column} - :seconds WHERE id = :name", seconds=seconds, name=name)


def steady(database: Transactions, queue: FleetQueue, name: str) -> None:
    """That process has beaten for long enough to call others dead."""
    queue.register(member(name))
    older(database, name, TTL_S + 1, "steady_since")


def test_many_workers_claim_each_job_once_in_the_order_of_the_turns(records: Records, queue: FleetQueue) -> None:
    many = [submit(records, "ann") for _ in range(60)]
    few = [submit(records, "bob") for _ in range(20)]
    names = [f"w{number}" for number in range(8)]
    for name in names:
        queue.register(member(name))
    claimed: list[Video] = []

    def work(name: str) -> None:
        while (video := claim(queue, name)) is not None:
            claimed.append(video)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, names))
    assert sorted(one.id for one in claimed) == sorted(one.id for one in (*many, *few))
    # Bob's twenty are among the first forty or so: eight were under way at a time.
    assert Counter(one.owner for one in claimed[:48])["bob"] == 20
    assert {one.attempt for one in claimed} == {1}


def test_who_comes_late_waits_for_those_that_are_served_not_for_all(records: Records, queue: FleetQueue) -> None:
    """64 connections submit 20 each, then somebody else comes."""
    with ThreadPoolExecutor(32) as pool:
        crowd = list(pool.map(lambda _: submit(records, "ann"), range(320)))
    late = submit(records, "bob")
    queue.register(member("w"))
    order = [claim(queue, "w") for _ in range(3)]
    assert late.id in [one.id for one in order if one]
    turns = run(records._database, "SELECT turn FROM videos WHERE owner = 'ann'")
    assert len({turn for (turn,) in turns}) == len(crowd)


def test_a_worker_takes_what_it_can_make_and_what_it_knows(
    records: Records, queue: FleetQueue, database: Transactions
) -> None:
    newer, ours = submit(records), submit(records)
    run(database, "UPDATE videos SET shape = 99 WHERE id = :id", id=newer.id)  # a newer release's
    queue.register(member("w"))
    assert claim(queue, "w", ["other", "models"]) is None
    found = claim(queue, "w", ["other", "toy"])
    assert found
    assert found.id == ours.id
    assert claim(queue, "w") is None
    assert claim(queue, "nobody") is None


def test_a_process_that_drains_and_a_line_that_is_paused_get_nothing(
    records: Records, queue: FleetQueue, database: Transactions
) -> None:
    audit = Audit(database)
    operator = Oversight(database, audit)
    waiting = submit(records)

    def entry(action: Action, about: str) -> Entry:
        return Who(key=COMMAND).did(action, about, NOW)

    for name in ("drained", "other"):
        queue.register(member(name))
    for _ in range(2):
        assert operator.drain("drained", entry(Action.DRAINED, "drained"), draining=True)
    assert not operator.drain("nobody", entry(Action.DRAINED, "nobody"), draining=True)
    assert claim(queue, "drained") is None
    beat = queue.beat("drained", None, {})
    assert beat
    assert beat.draining
    operator.pause("toy", entry(Action.PAUSED, "toy"))
    assert (claim(queue, "other"), operator.paused()) == (None, {"toy"})
    assert operator.resume("toy", entry(Action.RESUMED, "toy"))
    assert not operator.resume("toy", entry(Action.RESUMED, "toy"))
    found = claim(queue, "other")
    assert found
    assert found.id == waiting.id
    told = audit.page(Asked(newest_first=False, key=COMMAND), 10)  # what changed nothing is not told
    # All of it was at one moment, so in any order.
    assert sorted((str(one.action), one.about) for _, one in told) == [
        (str(Action.PAUSED), "toy"),
        (str(Action.RESUMED), "toy"),
        (str(Action.DRAINED), "drained"),
    ]


def test_an_interrupted_job_keeps_its_place_and_its_checkpoint(records: Records, queue: FleetQueue) -> None:
    first, second = submit(records), submit(records)
    for name in ("a", "b"):
        queue.register(member(name))
    taken = claim(queue, "a")
    assert taken
    assert records.save_checkpoint(first.id, 1, {"step": 7})
    queue.leave("a")
    again = queue.claim("b", "toy", MODELS, NOW)
    assert again
    assert (again[0].id, again[0].attempt, again[1]) == (first.id, 2, {"step": 7})
    assert again[0].status is Status.IN_PROGRESS
    found = claim(queue, "b")
    assert found
    assert found.id == second.id


def test_a_job_that_is_given_back_unbegun_keeps_its_attempts(records: Records, queue: FleetQueue) -> None:
    video = submit(records)
    queue.register(member("w"))
    for _ in range(3):
        found = claim(queue, "w")
        assert found
        assert found.attempt == 1
        queue.give_back("w", video.id, 1)
    assert claim(queue, "w")
    queue.release("w", video.id, 1)
    found = claim(queue, "w")
    assert found
    assert found.attempt == 2


def test_a_duplicate_waits_for_the_one_that_is_made_and_is_taken_by_its_maker(
    records: Records, queue: FleetQueue
) -> None:
    first, duplicate, other = (submit(records, fingerprint=name) for name in ("same", "same", "else"))
    for name in ("maker", "idle"):
        queue.register(member(name))
    made = claim(queue, "maker")
    assert made
    assert made.id == first.id
    found = claim(queue, "idle")
    assert found
    assert found.id == other.id  # it passes the duplicate
    assert claim(queue, "idle") is None
    assert [video.id for video, _ in queue.claim_duplicates("idle", [other.id], NOW)] == []
    assert [video.id for video, _ in queue.claim_duplicates("maker", [first.id], NOW)] == [duplicate.id]
    submit(records, "bob", fingerprint="same")  # another owner's is no duplicate
    assert claim(queue, "idle")


def test_an_attempt_that_was_overtaken_changes_nothing(records: Records, queue: FleetQueue) -> None:
    """A process that was away: its successor has begun. One whose successor has not begun yet still counts."""
    lost, kept = submit(records), submit(records)
    for name in ("zombie", "successor"):
        queue.register(member(name))
    assert [claim(queue, "zombie") is not None for _ in range(2)] == [True, True]
    queue.bury(["zombie"])
    theirs = claim(queue, "successor")
    assert theirs
    assert (theirs.id, theirs.attempt) == (lost.id, 2)
    assert not records.save_checkpoint(lost.id, 1, {"step": 1})
    assert records.complete(lost.id, 1, FILE, {}, NOW) is None
    assert records.fail(lost.id, 1, Failure(code="x", message="x"), NOW) is None
    assert records.complete(kept.id, 1, FILE, {}, NOW)  # nobody has begun it
    assert records.complete(lost.id, 2, FILE, {}, NOW)
    assert claim(queue, "successor") is None


def test_a_beat_tells_what_is_held_and_who_was_called_dead(
    records: Records, queue: FleetQueue, database: Transactions
) -> None:
    video = submit(records)
    queue.register(member("w"))
    claim(queue, "w")
    beat = queue.beat("w", None, {video.id: (1, 40)})
    assert beat
    assert [(one.video_id, one.attempt, one.watched) for one in beat.held] == [(video.id, 1, False)]
    rows = following.Followers(database)
    rows.watch("server", [video.id])
    beat = queue.beat("w", None, {})
    assert beat
    assert beat.held[0].watched
    rows.unwatch("server", [video.id])
    assert queue.beat("nobody", None, {}) is None
    queue.bury(["w"])
    assert queue.beat("w", None, {}) is None
    queue.register(member("again"))
    assert queue.adopt("again", video.id, 1)
    assert not queue.adopt("again", video.id, 1)


def test_the_dead_are_found_by_time_or_by_their_session(
    records: Records, queue: FleetQueue, database: Transactions
) -> None:
    steady(database, queue, "reaper")
    for name, session in (("vanished", 1), ("killed", 2), ("late", 3), ("alive", 4), ("behind a pooler", None)):
        queue.register(member(name, session))
    held = submit(records)
    claim(queue, "killed")
    older(database, "vanished", TTL_S + 1)
    for name in ("killed", "late", "behind a pooler"):
        older(database, name, LATE_S + 1)
    with database.engine.connect() as sessions:
        for session in (1, 3):
            sessions.execute(sa.select(sa.func.pg_advisory_lock(session)))
        dead, freed = queue.reap("reaper")
    assert sorted(dead) == ["killed", "vanished"]
    assert freed == [held.id]
    assert {seen.member.id for seen in queue.members()} == {"reaper", "late", "alive", "behind a pooler"}


def test_who_was_away_calls_nobody_dead(records: Records, queue: FleetQueue, database: Transactions) -> None:
    """After an outage all beats are old, and the first process that is back must not free what the others make."""
    names = ["first back", *(f"w{number}" for number in range(10))]
    for name in names:
        steady(database, queue, name)
        submit(records)
        claim(queue, name)
    for name in names:
        older(database, name, 60)
    assert queue.reap("first back") == ([], [])  # a reap that was under way, and arrives now
    assert queue.beat("first back", None, {})
    assert queue.reap("first back") == ([], [])
    for name in names[1:]:
        assert queue.beat(name, None, {})
    older(database, "first back", TTL_S + 1, "steady_since")
    assert queue.reap("first back") == ([], [])
    assert run(database, "SELECT DISTINCT attempt FROM videos") == [(1,)]


def test_reaping_takes_long_enough_to_be_sure(queue: FleetQueue, database: Transactions) -> None:
    queue.register(member("young"))
    queue.register(member("dead"))
    older(database, "dead", 60)
    assert queue.reap("young") == ([], [])
    older(database, "young", TTL_S + 1, "steady_since")
    assert queue.reap("young") == (["dead"], [])
    older(database, "young", LATE_S + 1)
    queue.register(member("dead"))
    older(database, "dead", 60)
    assert queue.reap("young") == ([], [])  # its own beat is late


def test_eight_reapers_and_the_beats_of_the_living_do_each_other_no_harm(
    records: Records, queue: FleetQueue, database: Transactions
) -> None:
    for number in range(8):
        steady(database, queue, f"reaper {number}")
    held = []
    for number in range(20):
        queue.register(member(f"dead {number}"))
        held.append(submit(records))
        claim(queue, f"dead {number}")
        older(database, f"dead {number}", 60)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: queue.reap(f"reaper {number}"), range(8)))
    assert sorted(name for dead, _ in found for name in dead) == sorted(f"dead {number}" for number in range(20))
    assert sorted(video for _, freed in found for video in freed) == sorted(video.id for video in held)


def test_a_look_has_progress_position_and_preview(records: Records, queue: FleetQueue, database: Transactions) -> None:
    rows = following.Followers(database)
    made, first, second = (submit(records) for _ in range(3))
    queue.register(member("w"))
    claim(queue, "w")
    queue.beat("w", None, {made.id: (1, 40)})
    assert [rows.keep_preview(made.id, data, "image/webp") for data in (b"one", b"two")] == [1, 2]
    looked = {one.video.id: one for one in rows.look([made.id, first.id, second.id, "video_gone"])}
    assert (looked[made.id].video.progress, looked[made.id].preview) == (40, 2)
    assert rows.preview(made.id) == (2, b"two", "image/webp")
    assert [looked[one.id].video.position for one in (first, second)] == [1, 2]
    queue.beat("w", None, {made.id: (7, 90)})  # of another attempt
    assert rows.look([made.id])[0].video.progress == 0


def test_a_video_is_wanted_while_it_was_promised_or_another_process_follows_it(
    records: Records, database: Transactions
) -> None:
    rows = following.Followers(database)
    promised, watched = submit(records, detached=True), submit(records, detached=False)
    assert rows.wanted("me", promised.id)
    assert not rows.wanted("me", watched.id)
    rows.watch("me", [watched.id])
    assert not rows.wanted("me", watched.id)
    rows.watch("other", [watched.id])
    assert rows.wanted("me", watched.id)
    run(database, "UPDATE watching SET until = until - 60")
    assert not rows.wanted("me", watched.id)
    records.promise(watched.id)
    assert rows.wanted("me", watched.id)


def test_no_statement_of_a_job_walks_through_the_table(
    records: Records, queue: FleetQueue, database: Transactions
) -> None:
    """With 2,000 waiting and 60,000 ended; the benchmark has more."""
    first = submit(records)
    queue.register(member("w"))
    columns = [column.name for column in tables.tables["videos"].columns if column.name not in ("id", "turn")]
    shown = ", ".join(f'"{name}"' for name in columns)
    for count, begin, ended in ((2_000, "video_1x", "NULL"), (60_000, "video_0x", "1.0")):
        told = shown.replace('"completed_at"', f"CAST({ended} AS float)")
        copies = f"SELECT :begin || n, n, {told} FROM videos v, generate_series(1, {count}) n WHERE v.id = :first"
        run(database, f"INSERT INTO videos (id, turn, {shown}) {copies}", begin=begin, first=first.id)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    values = {
        "me": "w",
        "engine": "toy",
        "models": MODELS,
        "shape": 1,
        "now": 1.0,
        "session": None,
        "running": "{}",
        "made": ["video_0x1"],
        "ids": ["video_0x1", "video_1x7"],
        "owner": None,
        "id": "video_0x1",
        "attempt": 1,
    }
    statements = (
        fleet_queue._CLAIM,
        fleet_queue._CLAIM_DUPLICATES,
        fleet_queue._BEAT,
        fleet_queue._FREE,
        fleet_queue._RELEASE,
        fleet_queue._LEAVE,
        fleet_queue._BACKLOG,
        following._LOOK,
        following._WANTED,
    )
    for statement in statements:
        with database.connect() as connection:
            plan = "\n".join(connection.execute(sa.text(f"EXPLAIN {statement}"), values).scalars())
        assert "Seq Scan on videos" not in plan, plan
    assert json.dumps(dataclasses.asdict(queue.backlog()["toy"]))
