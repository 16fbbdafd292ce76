"""Webhooks of several processes on one Postgres: one of them sends each message, and another when that one dies."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.clock import SystemClock
from reelwright.store.database import open_database, tables
from reelwright.store.deliveries import AT_A_TIME, Deliveries, Due, State
from reelwright.store.migrations import migrate
from reelwright.store.transactions import Transactions
from tests.databases import Cluster, Settings
from tests.fakes.receiver import Receiver
from tests.jobs.house import JOIN, House, bury, draft, house, settled, tried_twice, until
from tests.processes import Process
from tests.servers import ROOT


@pytest.fixture
def settings(cluster: Cluster) -> Iterator[Settings]:
    with cluster.database() as url:
        yield {"DATABASE_URL": url}


async def test_two_processes_send_each_message_once(settings: Settings, tmp_path: Path) -> None:
    one_house, other_house = house(tmp_path, settings, me="one"), house(tmp_path, settings, me="other")
    async with one_house as one, other_house as other:
        with Receiver(200) as receiver:
            videos = [(home.complete(home.video(draft(receiver.url)))) for home in (one, other) for _ in range(20)]
            # Both were told of each end, as by two cancels at once.
            await asyncio.gather(*(home.announce(video) for video in videos for home in (one, other)))
            for video in videos:
                assert (await settled(one, video)).tries == 1
        assert len(receiver.received) == len(videos)


async def test_what_is_due_is_shared_out_to_all_who_look(settings: Settings, tmp_path: Path) -> None:
    """200 that nobody sends, and two processes: each is heard once."""
    with Receiver(200) as receiver:
        async with house(tmp_path, settings) as home:
            videos = [home.fail(home.video(draft(receiver.url))) for _ in range(200)]
            for video in videos:
                assert home.deliveries.take(video, lambda webhook, video=video: home.webhooks._delivery(webhook, video))
        async with house(tmp_path, settings, me="one") as one, house(tmp_path, settings, me="other"):
            await until(lambda: len(receiver.received) >= len(videos), 60)
            for video in videos:
                assert (await settled(one, video)).tries == 1
    assert len(receiver.received) == len(videos)


async def test_a_try_of_a_killed_process_is_made_by_another(settings: Settings, tmp_path: Path) -> None:
    with Receiver(200, slow=True) as receiver:
        command = [sys.executable, "-m", "tests.fakes.sender", str(tmp_path), settings["DATABASE_URL"], receiver.url]
        async with house(tmp_path, settings, me="successor") as successor:
            with Process[bytes]([*command, "killed"], cwd=ROOT):
                await until(lambda: receiver.received)
                video_id = _video_of(successor)
                # While its sender lives, nobody else takes it.
                assert successor.deliveries.claim("successor", SystemClock().now() + timedelta(hours=1), ()) == []
            bury(successor.database, "killed")
            receiver.hurry.set()
            await until(lambda: successor.deliveries.list(video_id)[0].state is State.DELIVERED)
    assert len(receiver.received) == 2
    assert len({message.headers["webhook-id"] for message in receiver.received}) == 1


async def test_the_next_try_is_made_by_whoever_is_there(settings: Settings, tmp_path: Path) -> None:
    with Receiver(500, 500, 200) as receiver:
        async with house(tmp_path, settings, schedule=(0.0, 0.05, 6.0), me="gone") as gone:
            video = gone.complete(gone.video(draft(receiver.url)))
            await gone.announce(video)
            delivery = await tried_twice(gone, video)
            assert delivery.worker is None
        async with house(tmp_path, settings, me="successor") as successor:
            assert (await settled(successor, video)).tries == 3
    assert len(receiver.received) == 3


async def test_an_end_that_another_process_did_not_write_down_is_told_with_the_next_sweep(
    settings: Settings, tmp_path: Path
) -> None:
    with Receiver() as receiver:
        async with house(tmp_path, settings) as home:
            first = home.complete(home.video(draft(receiver.url)))
            await home.announce(first)
            assert (await settled(home, first)).state is State.DELIVERED
            video = home.complete(home.video(draft(receiver.url)))  # its process has died here
            await home.webhooks.tidy()
            await until(lambda: home.webhooks.list(video.id))
            assert (await settled(home, video)).state is State.DELIVERED
    assert len(receiver.received) == 2


def test_of_eight_senders_each_due_delivery_is_taken_by_one(settings: Settings, tmp_path: Path) -> None:
    database = open_database(settings["DATABASE_URL"], tmp_path)
    migrate(database, tables)
    now = SystemClock().now()
    _fill(database, pending=200, ended=0)
    names = [f"sender {number}" for number in range(8)]
    with database.begin() as connection:
        for name in names:
            connection.execute(JOIN, {"me": name})

    def take(me: str) -> list[Due]:
        taken: list[Due] = []
        while batch := Deliveries(Transactions(database)).claim(me, now, [due.id for due in taken]):
            assert len(batch) <= AT_A_TIME
            taken += batch
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [due.id for share in pool.map(take, names) for due in share]
    assert len(taken) == len(set(taken)) == 200
    with database.connect() as connection:
        held = connection.exec_driver_sql("SELECT count(*) FROM deliveries WHERE worker IS NULL").scalar()
    assert held == 0
    database.dispose()


def test_looking_reads_none_of_the_rows_that_have_ended(settings: Settings, tmp_path: Path) -> None:
    database = open_database(settings["DATABASE_URL"], tmp_path)
    migrate(database, tables)
    _fill(database, pending=100, ended=100_000)
    rows = Deliveries(Transactions(database))
    values = {"known": ["msg_1"], "me": "me", "now": 1e10}
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for analyzed in (False, True):
            if analyzed:
                connection.exec_driver_sql("ANALYZE deliveries")
            for statement in (rows._next_try, rows._claim):
                plan = "\n".join(connection.execute(sa.text(f"EXPLAIN {statement.text}"), values).scalars())
                assert "deliveries_due" in plan
                assert "Seq Scan on deliveries" not in plan
    database.dispose()


def _fill(database: sa.Engine, pending: int, ended: int) -> None:
    rows = (
        "INSERT INTO deliveries (id, video_id, owner, url, dialect, event, body, state, turn, step, tries, created_at,"
        " next_try_at, ended_at) SELECT 'msg_{state}_' || n, 'video_' || n, '', 'http://{state}/', 'openai', 'x',"
        " '{{}}', '{state}', 1, 0, 0, 0, {next}, {ended} FROM generate_series(1, {count}) n"
    )
    with database.begin() as connection:
        connection.exec_driver_sql(rows.format(state="pending", count=pending, next="n", ended="NULL"))
        connection.exec_driver_sql(rows.format(state="delivered", count=ended, next="NULL", ended="n"))


def _video_of(home: House) -> str:
    with home.database.connect() as connection:
        return str(connection.exec_driver_sql("SELECT video_id FROM deliveries").scalar_one())
