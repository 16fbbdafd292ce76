"""What uploaded files count for their API key: given back however a file goes, also with one that nobody deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reelwright.errors import Busy
from reelwright.jobs.callers import Caller
from reelwright.jobs.threads import Threads
from reelwright.jobs.uploading import Uploading
from reelwright.store.audit import Action, Asked, Audit
from reelwright.store.database import open_database
from reelwright.store.folder import Folder
from reelwright.store.keys import KeyLimits
from reelwright.store.migrations import migrate
from reelwright.store.store import tables
from reelwright.store.transactions import Transactions
from reelwright.store.upload_rows import UploadRows
from reelwright.store.uploads import KEPT, Uploads
from reelwright.store.usage import Usage
from tests.databases import ON_BOTH, Settings

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LIMITS = KeyLimits(stored_bytes=1_000)


@dataclass
class SetClock:
    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Uploading with room for two files of each owner. `left`: how many bytes are left to Ann's key."""

    uploading: Uploading
    clock: SetClock
    left: Callable[[], int]
    removed: Callable[[], list[str | None]]

    async def keep(self, size: int) -> str:
        ann = Caller(owner="ann", key="key_ann", limits=LIMITS)
        kept = await self.uploading.keep(ann, bytes(size), name="a.png", media_type="image/png", metadata={})
        return kept.id


@pytest.fixture
def desk(database: Settings, tmp_path: Path) -> Iterator[Desk]:
    engine = open_database(database.get("DATABASE_URL"), tmp_path)
    migrate(engine, tables)
    transactions, folder, clock = Transactions(engine), Folder(tmp_path / "files"), SetClock()
    folder.prepare(alone=True)
    audit, usage = Audit(transactions), Usage(transactions)
    with ThreadPoolExecutor(1) as pool:
        threads = Threads(database=pool, io=pool, media=pool)
        yield Desk(
            uploading=Uploading(Uploads(folder, most_files=2), UploadRows(transactions, audit), threads, clock),
            clock=clock,
            left=lambda: usage.left("key_ann", LIMITS, clock.time)["stored_bytes"],
            removed=lambda: [entry.about for _, entry in audit.page(Asked(action=Action.REMOVED), 100)],
        )
    engine.dispose()


@ON_BOTH
async def test_a_file_that_a_newer_one_has_pushed_out_counts_no_more(desk: Desk) -> None:
    first = await desk.keep(100)
    desk.clock.time += timedelta(seconds=1)
    await desk.keep(100)
    assert desk.left() == 800
    desk.clock.time += timedelta(seconds=1)
    await desk.keep(250)
    assert desk.left() == 650
    assert desk.removed() == [first]


@ON_BOTH
async def test_a_file_whose_time_is_over_counts_no_more(desk: Desk) -> None:
    old = await desk.keep(100)
    desk.clock.time += KEPT - timedelta(minutes=1)
    await desk.keep(100)
    assert await desk.uploading.sweep(desk.clock.time) == 0
    assert desk.left() == 800
    desk.clock.time += timedelta(minutes=2)
    assert await desk.uploading.sweep(desk.clock.time) == 1
    assert desk.left() == 900
    assert desk.removed() == [old]


@ON_BOTH
async def test_a_file_that_the_key_has_no_room_for_is_not_kept(desk: Desk) -> None:
    await desk.keep(900)
    with pytest.raises(Busy, match="at its limit"):
        await desk.keep(101)
    assert desk.left() == 100
    assert len(await desk.uploading.list("ann")) == 1
