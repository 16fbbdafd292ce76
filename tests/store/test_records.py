"""Rows and guarded statements, on SQLite and Postgres: one terminal state, fair tags, nothing stored when refused."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reelwright import ids
from reelwright.store.database import open_database, tables
from reelwright.store.migrations import migrate
from reelwright.store.records import IdempotencyConflict, IdempotencyKey, InsertResult, QueueFull, Records
from reelwright.store.search import Shape, VideoFilter
from reelwright.store.transactions import Transactions
from reelwright.video import Failure, MadeFile, Status, Task, Unused, Video, VideoSpec
from tests.databases import ON_BOTH, Settings

NOW = datetime(2026, 11, 5, 12, 0, 0, 123_456, UTC)
SPEC = VideoSpec(
    prompt='שלום \u202e \u200f日本 🎬\n\t"quotes"',
    engine="toy",
    model="toy",
    task=Task.TEXT_TO_VIDEO,
    width=64,
    height=64,
    num_frames=4,
    fps=12,
    seed=2**63 - 1,
    params={"a": [1, None, {"b": 0.1}]},
    unused=(Unused(field="guidance_scale", reason="the model cannot do it."),),
)
FILE = MadeFile(key="a.mp4", size=10, sha256="0" * 64, width=64, height=64, num_frames=4, fps=12.0, codec="h264")
FAILURE = Failure(code="engine_failed", message="It went wrong", details="…", retry_after=1.5)
CANCELLED = Failure(code="cancelled", message="The job was cancelled")

_milliseconds = itertools.count(1_700_000_000_000)


pytestmark = ON_BOTH


@pytest.fixture
def records(database: Settings, tmp_path: Path) -> Iterator[Records]:
    engine = open_database(database.get("DATABASE_URL"), tmp_path)
    migrate(engine, tables)
    engine.dispose()
    with opened(database, tmp_path) as rows:
        yield rows


@contextmanager
def opened(database: Settings, data_dir: Path) -> Iterator[Records]:
    """The rows as one process sees them."""
    engine = open_database(database.get("DATABASE_URL"), data_dir)
    yield Records(Transactions(engine))
    engine.dispose()


def new(owner: str = "", **changes: object) -> Video:
    video = Video(
        id=ids.video_id(next(_milliseconds)),
        owner=owner,
        status=Status.QUEUED,
        spec=SPEC,
        created_at=NOW,
        expires_at=NOW + timedelta(days=30),
    )
    return replace(video, **changes)  # type: ignore[arg-type]


def insert(records: Records, video: Video, **how: object) -> InsertResult:
    return records.insert(video, 10_000, **how)  # type: ignore[arg-type]


def queued(records: Records, owner: str = "") -> Video:
    video = new(owner)
    insert(records, video)
    return video


def test_a_video_comes_back_as_it_was_stored(records: Records) -> None:
    video = new("key_1", metadata={"a": "ä"}, remixed_from="video_0")
    insert(records, video)
    assert records.get(video.id) == video


def test_an_unknown_id_is_none(records: Records) -> None:
    assert records.get("video_00000000000000000000000000") is None
    assert records.claim("video_00000000000000000000000000", "w", NOW) is None


def test_the_life_of_a_video(records: Records) -> None:
    video = queued(records)
    claimed = records.claim(video.id, "w", NOW)
    assert claimed
    assert (claimed[0].status, claimed[0].attempt, claimed[0].started_at) == (Status.IN_PROGRESS, 1, NOW)
    assert claimed[1] is None
    later = NOW + timedelta(seconds=2)
    assert records.complete(video.id, 1, FILE, {"toy": "1.0"}, later)
    done = records.get(video.id)
    assert done
    assert (done.status, done.progress, done.file, done.made_with) == (Status.COMPLETED, 100, FILE, {"toy": "1.0"})
    assert done.generation_seconds == 2


def test_a_failure_is_kept_whole(records: Records) -> None:
    video = queued(records)
    records.claim(video.id, "w", NOW)
    assert records.fail(video.id, 1, FAILURE, NOW)
    failed = records.get(video.id)
    assert failed
    assert (failed.status, failed.failure) == (Status.FAILED, FAILURE)


def test_the_first_terminal_state_counts(records: Records) -> None:
    video = queued(records)
    records.claim(video.id, "w", NOW)
    assert records.fail(video.id, None, CANCELLED, NOW)
    assert not records.fail(video.id, None, CANCELLED, NOW)
    assert not records.complete(video.id, 1, FILE, {}, NOW)
    assert not records.save_checkpoint(video.id, 1, {"step": 1})
    assert records.claim(video.id, "w", NOW) is None
    ended = records.get(video.id)
    assert ended
    assert (ended.status, ended.failure, ended.file) == (Status.FAILED, CANCELLED, None)


@pytest.mark.parametrize("number", range(10))
def test_a_cancel_that_races_the_finish(records: Records, number: int) -> None:
    video = queued(records)
    records.claim(video.id, "w", NOW)
    start, won = threading.Barrier(4), []

    def run(name: str) -> None:
        start.wait()
        if name == "finish":
            ended = records.complete(video.id, 1, FILE, {}, NOW)
        else:
            ended = records.fail(video.id, None, CANCELLED, NOW)
        if ended:
            won.append(name)

    racers = [threading.Thread(target=run, args=(name,)) for name in ("finish", "cancel", "cancel", "cancel")]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert len(won) == 1
    ended = records.get(video.id)
    assert ended
    assert ended.status == (Status.COMPLETED if won == ["finish"] else Status.FAILED)
    assert (ended.file is None) == (ended.failure is not None)


def test_a_later_attempt_fences_off_the_earlier_one(records: Records) -> None:
    video = queued(records)
    records.claim(video.id, "w", NOW)
    assert records.save_checkpoint(video.id, 1, {"step": 3})
    second = records.claim(video.id, "w", NOW + timedelta(hours=1))
    assert second
    assert (second[0].attempt, second[0].started_at, second[1]) == (2, NOW, {"step": 3})
    assert not records.save_checkpoint(video.id, 1, {"step": 4})
    assert not records.complete(video.id, 1, FILE, {}, NOW)
    assert not records.fail(video.id, 1, FAILURE, NOW)
    assert records.complete(video.id, 2, FILE, {}, NOW)


def test_a_full_queue_stores_nothing(records: Records) -> None:
    for _ in range(3):
        records.insert(new(), 3)
    refused = new()
    with pytest.raises(QueueFull):
        records.insert(refused, 3, idempotency_key=IdempotencyKey(key="k", digest="d", kept_s=60))
    assert records.get(refused.id) is None
    # The key of the refused one is not used up, and running jobs do not wait.
    records.claim(records.active()[0][1].id, "w", NOW)
    assert (
        records.insert(refused, 3, idempotency_key=IdempotencyKey(key="k", digest="d", kept_s=60)).video_id
        == refused.id
    )


def test_fifty_jobs_of_one_owner_do_not_delay_anothers_first(records: Records) -> None:
    many = [queued(records, "alice") for _ in range(50)]
    records.claim(many[0].id, "w", NOW)
    first = queued(records, "bob")
    order = [video.id for _, video in records.active()]
    assert order.index(first.id) <= 2
    # And the next ones take turns.
    second = queued(records, "bob")
    order = [video.id for _, video in records.active() if video.status is Status.QUEUED]
    assert order.index(second.id) <= 3


def test_no_two_submissions_of_an_owner_get_the_same_fair_tag(
    records: Records, database: Settings, tmp_path: Path
) -> None:
    """Also when several processes take them at once. SQLite has one writer, and those who wait for it are few."""
    processes, callers, many = (4, 8, 320) if database else (2, 2, 40)
    with ExitStack() as running:
        rows = [running.enter_context(opened(database, tmp_path)) for _ in range(processes)]
        pool = running.enter_context(ThreadPoolExecutor(processes * callers))
        placed = list(pool.map(lambda n: insert(rows[n % processes], new("ann")).fair_tag, range(many)))
    assert sorted(tag for tag in placed if tag is not None) == list(range(many))


def test_an_owner_who_comes_late_does_not_overtake_all(records: Records) -> None:
    """The tags begin where the service is now, not at nought."""
    for video in [queued(records, "alice") for _ in range(10)]:
        records.claim(video.id, "w", NOW)
        records.complete(video.id, 1, FILE, {}, NOW)
    waiting = [queued(records, "alice") for _ in range(2)]
    late = [queued(records, "bob") for _ in range(2)]
    assert [video.id for _, video in records.active()] == [late[0].id, waiting[0].id, late[1].id, waiting[1].id]


def test_priority_shifts_the_fair_tag(records: Records) -> None:
    first, second = queued(records), queued(records)
    urgent = new()
    insert(records, urgent, priority=-10)
    assert [video.id for _, video in records.active()] == [urgent.id, first.id, second.id]


def test_each_engine_has_a_line_of_its_own(records: Records) -> None:
    for _ in range(5):
        queued(records, "ann")
    elsewhere = replace(SPEC, engine="other")
    begun = new("ann", spec=elsewhere, status=Status.IN_PROGRESS, attempt=1, started_at=NOW)
    assert insert(records, begun).fair_tag == 0
    assert insert(records, new("bob", spec=elsewhere)).fair_tag == 0
    assert insert(records, new("ann")).fair_tag == 5


def test_a_video_that_is_stored_as_begun_is_claimed(records: Records) -> None:
    begun = new(status=Status.IN_PROGRESS, attempt=1, started_at=NOW)
    insert(records, begun)
    assert records.get(begun.id) == begun
    assert records.complete(begun.id, 1, FILE, {}, NOW)


def test_an_idempotency_key_leads_to_the_first_video(records: Records) -> None:
    same_key = IdempotencyKey(key="k", digest="d", kept_s=60)
    first, again, other = new("a"), new("a"), new("b")
    assert insert(records, first, idempotency_key=same_key) == InsertResult(video_id=first.id, fair_tag=0)
    assert insert(records, again, idempotency_key=same_key) == InsertResult(video_id=first.id, fair_tag=None)
    assert insert(records, other, idempotency_key=same_key).video_id == other.id
    assert records.get(again.id) is None
    with pytest.raises(IdempotencyConflict):
        insert(records, again, idempotency_key=replace(same_key, digest="other"))


def test_fifty_parallel_requests_with_one_key_make_one_video(records: Records) -> None:
    same_key, found = IdempotencyKey(key="k", digest="d", kept_s=60), []
    start = threading.Barrier(50)

    def ask(video: Video) -> None:
        start.wait()
        found.append(insert(records, video, idempotency_key=same_key).video_id)

    callers = [threading.Thread(target=ask, args=(new(),)) for _ in range(50)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 50
    assert len(set(found)) == 1
    assert len(records.active()) == 1


def test_a_repeated_key_races_the_deletion_of_its_video(records: Records) -> None:
    same_key, stored = IdempotencyKey(key="k", digest="d", kept_s=60), [new() for _ in range(80)]

    def ask(video: Video) -> str:
        found = insert(records, video, idempotency_key=same_key).video_id
        records.fail(found, None, CANCELLED, NOW)
        records.delete(found)
        return found

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, stored)) <= {video.id for video in stored}
    assert records.active() == []


def test_an_old_idempotency_key_is_free_again(records: Records) -> None:
    same_key = IdempotencyKey(key="k", digest="d", kept_s=60)
    insert(records, new(), idempotency_key=same_key)
    later = new(created_at=NOW + timedelta(seconds=61))
    assert insert(records, later, idempotency_key=replace(same_key, digest="other")).video_id == later.id


def test_a_completed_duplicate_is_found_by_its_owner(records: Records) -> None:
    first, second, failed = new("a"), new("a"), new("a")
    for video in (first, second, failed):
        insert(records, video, fingerprint="f")
    assert records.completed_duplicate("a", "f") is None
    records.fail(failed.id, None, FAILURE, NOW)
    for video in (second, first):
        records.claim(video.id, "w", NOW)
        records.complete(video.id, 1, FILE, {}, NOW)
    newest = max(first.id, second.id)
    found = records.completed_duplicate("a", "f")
    assert found
    assert found.id == newest
    assert records.completed_duplicate("b", "f") is None
    assert records.completed_duplicate("a", "g") is None
    records.stop_sharing(newest)
    left = records.completed_duplicate("a", "f")
    assert left
    assert left.id == min(first.id, second.id)


def test_a_completed_video_is_stored_as_it_is(records: Records) -> None:
    made = replace(
        new(), status=Status.COMPLETED, started_at=NOW, completed_at=NOW, attempt=1, file=FILE, made_with={"toy": "1"}
    )
    insert(records, made)
    assert records.get(made.id) == replace(made, progress=100)
    assert records.active() == []
    assert records.stored() == (1, FILE.size)


def test_a_page_goes_by_creation_in_both_directions(records: Records) -> None:
    made = [queued(records, owner).id for owner in ("a", "b", "a", "a")]

    def page(**asked: object) -> list[str]:
        found = records.page(**{"owner": None, "after": None, "limit": 10, "newest_first": False, **asked})  # type: ignore[arg-type]
        return [video.id for video in found]

    assert page() == made
    assert page(newest_first=True) == made[::-1]
    assert page(owner="a") == [made[0], made[2], made[3]]
    assert page(limit=2, after=made[0]) == made[1:3]
    assert page(newest_first=True, after=made[2]) == [made[1], made[0]]
    records.fail(made[1], None, FAILURE, NOW)
    assert page(filter_by=VideoFilter(status=Status.FAILED)) == [made[1]]


def test_metadata_narrows_a_page(records: Records) -> None:
    video = new(metadata={"shot": "7", 'odd"name': "x"})
    insert(records, video)
    queued(records)
    for wanted, count in (
        ({"shot": "7"}, 1),
        ({"shot": "8"}, 0),
        ({"none": "7"}, 0),
        ({'odd"name': "x"}, 1),
        ({'"': "x"}, 0),
    ):
        found = records.page(
            owner=None, after=None, limit=10, newest_first=True, filter_by=VideoFilter(metadata=wanted)
        )
        assert len(found) == count


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "0123"),
        ("harbour", "0"),
        ("HARBOUR dawn", "0"),
        ("harbour moon", ""),
        ("женщина", "1"),
        ("海", "2"),
        ("100%", "3"),
        ("100_", ""),
        ("other/wide", "3"),
        ("64x32", "3"),
        (str(2**63 - 2), "2"),
        (str(2**63 - 2)[:-1], ""),
    ],
)
def test_a_search_finds_words_in_every_language_in_any_case(records: Records, query: str, found: str) -> None:
    square = replace(SPEC, prompt="x")
    drafts = (
        replace(square, prompt="A harbour at dawn"),
        replace(square, prompt="ЖЕНЩИНА на мосту"),
        replace(square, prompt="海の夜明け", seed=2**63 - 2),
        replace(square, prompt="100% fog", engine="other", model="wide", width=64, height=32),
    )
    made = [new(spec=draft) for draft in drafts]
    for video in made:
        insert(records, video)
    assert filter_by(records, words=query.split()) == [made[int(digit)].id for digit in found]


def test_a_page_is_narrowed_by_model_and_shape(records: Records) -> None:
    sizes = ((64, 64), (64, 32), (32, 64))
    made = [new(spec=replace(SPEC, width=width, height=height)) for width, height in sizes]
    made.append(new(spec=replace(SPEC, engine="other", model="org/name")))
    for video in made:
        insert(records, video)
    ids = [video.id for video in made]
    assert [filter_by(records, shape=shape) for shape in Shape] == [[ids[1]], [ids[2]], [ids[0], ids[3]]]
    for model in ("other", "org/name", "other/org/name"):
        assert filter_by(records, model=model) == [ids[3]]
    assert filter_by(records, model="toy", shape=Shape.SQUARE, words=["toy"]) == [ids[0]]
    assert filter_by(records, model="name") == []


def filter_by(records: Records, **wanted: Any) -> list[str]:
    found = records.page(owner=None, after=None, limit=10, newest_first=False, filter_by=VideoFilter(**wanted))
    return [video.id for video in found]


def test_only_an_ended_video_is_deleted(records: Records) -> None:
    same_key = IdempotencyKey(key="k", digest="d", kept_s=60)
    video = new()
    insert(records, video, idempotency_key=same_key)
    assert not records.delete(video.id)
    assert insert(records, new(), idempotency_key=same_key).video_id == video.id
    records.fail(video.id, None, CANCELLED, NOW)
    assert records.delete(video.id)
    assert not records.delete(video.id)
    assert records.get(video.id) is None
    other = new()
    assert insert(records, other, idempotency_key=same_key).video_id == other.id


def test_what_has_expired(records: Records) -> None:
    old, young, running = queued(records), new(expires_at=NOW + timedelta(days=90)), queued(records)
    insert(records, young)
    for video in (old, young):
        records.claim(video.id, "w", NOW)
        records.complete(video.id, 1, FILE, {}, NOW)
    assert records.expired(NOW + timedelta(days=31)) == [old.id]
    assert records.finished() == {old.id: (NOW, FILE.size), young.id: (NOW, FILE.size)}
    failed = queued(records)
    records.fail(failed.id, None, Failure(code="refused", message="No"), NOW)
    assert records.keys() == {old.id: FILE.key, young.id: FILE.key, running.id: None, failed.id: ""}
    assert running.id not in records.expired(NOW + timedelta(days=365))


def test_a_checkpoint_may_be_stored_with_the_row(records: Records) -> None:
    begun = replace(new(), status=Status.IN_PROGRESS, attempt=1, started_at=NOW)
    records.insert(begun, 10, checkpoint={"phase": "submitting"})
    claimed = records.claim(begun.id, "w", NOW)
    assert claimed
    assert (claimed[0].attempt, claimed[1]) == (2, {"phase": "submitting"})


def test_a_checkpoint_is_not_kept_beyond_the_end(records: Records) -> None:
    video = queued(records)
    records.claim(video.id, "w", NOW)
    records.save_checkpoint(video.id, 1, {"latents": "x" * 1_000})
    records.complete(video.id, 1, FILE, {}, NOW)
    with records._database.connect() as connection:
        row = connection.exec_driver_sql("SELECT checkpoint FROM videos").scalar()
    assert row is None
