"""What is gathered for the audit, on a database that does not take it for a while."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from reelwright.clock import SystemClock
from reelwright.errors import Code, DatabaseBusy
from reelwright.jobs.callers import Caller
from reelwright.jobs.threads import Threads
from reelwright.jobs.trail import Trail
from reelwright.store.audit import Asked, Audit
from reelwright.store.database import open_database, tables
from reelwright.store.migrations import migrate
from reelwright.store.transactions import Transactions

ANN, BOB = (Caller(key=f"key_{name}", address=f"192.0.2.{number}") for number, name in enumerate(("ann", "bob")))


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Audit]:
    monkeypatch.setattr("reelwright.store.database.BUSY_TIMEOUT_MS", 20)
    database = open_database(None, tmp_path)
    migrate(database, tables)
    yield Audit(Transactions(database))
    database.dispose()


async def test_nothing_is_lost_or_told_twice_when_the_database_is_busy(rows: Audit, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        trail = Trail(rows, SystemClock(), Threads(database=pool, io=pool, media=pool))
        trail.read(ANN, "video_a")
        trail.refused(ANN, Code.FORBIDDEN)
        trail.refused(BOB, Code.RATE_LIMITED)
        with closing(sqlite3.connect(tmp_path / "reelwright.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(DatabaseBusy):
                await trail.write()
        trail.read(ANN, "video_a")
        trail.read(ANN, "video_b")
        trail.refused(ANN, Code.FORBIDDEN)
        trail.refused(Caller(key=BOB.key, address="192.0.2.9"), Code.RATE_LIMITED)
        trail.refused(ANN, Code.NOT_FOUND)
        for _ in range(2):
            await trail.write()
    found = [
        (entry.key, entry.about or entry.code, entry.number, entry.address) for _, entry in rows.page(Asked(), 100)
    ]
    assert sorted(found) == [
        (ANN.key, "forbidden", 2, ANN.address),
        (ANN.key, "video_a", 1, ANN.address),
        (ANN.key, "video_b", 1, ANN.address),
        (BOB.key, "rate_limited", 2, ""),
    ]
