"""What one of the processes does for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.store.chores import Chores
from reelwright.store.database import open_database
from reelwright.store.migrations import migrate
from reelwright.store.records import Records
from reelwright.store.store import tables
from reelwright.store.transactions import Transactions
from tests.databases import ON_BOTH
from tests.store.test_records import FILE, NOW, queued


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transactions]:
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        opened = open_database(None, tmp_path)
        migrate(opened, tables)
        yield Transactions(opened)
        opened.dispose()
        return
    with request.getfixturevalue("cluster").database() as url:
        opened = open_database(url, tmp_path)
        migrate(opened, tables)
        yield Transactions(opened)
        opened.dispose()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_of_eight_processes_one_takes_a_chore(database: Transactions) -> None:
    chores = Chores(database)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: chores.take("sweep", 60), range(40))) == 1
    assert chores.take("list", 60)
    assert not chores.take("sweep", 60)
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE chores SET done_at = done_at - 61 WHERE name = 'sweep'"))
    assert chores.take("sweep", 60)


def test_a_process_that_is_alone_does_them_all(database: Transactions) -> None:
    assert [Chores(database).take("sweep", 60) for _ in range(2)] == [True, True]


@ON_BOTH
def test_the_turns_of_owners_with_nothing_in_the_line_are_forgotten(database: Transactions) -> None:
    records, chores = Records(database), Chores(database)
    cancelled = [queued(records, "ann") for _ in range(5)]
    waiting = queued(records, "bob")
    ended = sa.text("UPDATE videos SET completed_at = 1, status = 'failed' WHERE id = :id")
    with database.begin() as connection:
        connection.execute(ended, [{"id": video.id} for video in cancelled])
    chores.tidy()
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT owner FROM lines WHERE owner <> '*'")).scalars().all() == ["bob"]
    assert [video.id for _, video in records.active()] == [waiting.id]


@ON_BOTH
def test_what_was_read_last_is_known_to_all_and_never_goes_back(database: Transactions) -> None:
    records = Records(database)
    video = queued(records, "ann")
    claimed = records.claim(video.id, "w", NOW)
    assert claimed
    records.complete(video.id, 1, FILE, {}, NOW)
    late = datetime.fromtimestamp(NOW.timestamp() + 100, UTC)
    for at in (late, late - timedelta(seconds=50)):
        records.note_reads({video.id: at, "video_gone": at})
    assert records.finished() == {video.id: (late, FILE.size)}
