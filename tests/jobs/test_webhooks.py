"""Webhooks: real receivers on loopback, a real SQLite and Postgres, the real outbox, but no engines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa

from reelwright.clock import SystemClock
from reelwright.store.deliveries import State
from tests.databases import Settings
from tests.fakes.receiver import Receiver
from tests.jobs.house import House, draft, house, read, settled, tried_twice, until

HERE = pytest.mark.asyncio(loop_scope="module")
"""These tests share one house."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory, shared_database: Settings) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("house"), shared_database) as at_work:
        yield at_work


@HERE
async def test_a_message_verifies_and_carries_the_video(home: House) -> None:
    with Receiver(204) as receiver:
        video = home.complete(home.video(draft(receiver.url)))
        await home.announce(video)
        delivery = await settled(home, video)
    (message,) = receiver.received
    told = read(message, home.secret)
    assert told == {
        "type": "video.completed",
        "data": {"id": video.id, "prompt": "Grüße, 世界 🌍", "base": "http://reelwright.example/"},
    }
    assert message.headers["Content-Type"] == "application/json"
    assert message.headers["webhook-id"] == delivery.id
    assert (delivery.state, delivery.tries, delivery.last_status) == (State.DELIVERED, 1, 204)
    assert (delivery.event, delivery.url, delivery.next_try_at) == ("video.completed", receiver.url, None)


@HERE
async def test_a_failure_is_tried_again_with_the_same_id_and_body_until_it_is_understood(home: House) -> None:
    with Receiver(500, 200) as receiver:
        video = home.fail(home.video(draft(receiver.url)))
        await home.announce(video)
        delivery = await settled(home, video)
    tries = receiver.received
    assert [read(message, home.secret)["type"] for message in tries] == ["video.failed"] * 2
    assert len({(message.headers["webhook-id"], message.body) for message in tries}) == 1
    assert (delivery.state, delivery.tries, delivery.last_status) == (State.DELIVERED, 2, 200)


@HERE
async def test_a_resend_does_not_wait_for_the_next_try_and_replaces_it(home: House) -> None:
    with Receiver(503, 503, 200) as receiver:
        video = home.fail(home.video(draft(receiver.url)))
        await home.announce(video)
        delivery = await tried_twice(home, video)
        assert delivery.next_try_at
        assert 3500 < (delivery.next_try_at - SystemClock().now()).total_seconds() <= 3600
        await home.webhooks.resend(video.id, delivery.id)
        assert (await settled(home, video)).state is State.DELIVERED
        # The try that was due in an hour is void: it sends nothing.
        assert await home.webhooks.send(delivery.id, delivery.fence) is None
    assert len(receiver.received) == 3


@HERE
async def test_410_ends_all_that_its_owner_still_wants_to_send_there(home: House) -> None:
    with Receiver(500, 500, 500, 500, 410, 200) as receiver:
        waiting = home.fail(home.video(draft(receiver.url)))
        foreign = home.fail(home.video(draft(receiver.url), owner="bob"))
        for video in (waiting, foreign):
            await home.announce(video)
        for video in (waiting, foreign):
            await tried_twice(home, video)
        refused = home.fail(home.video(draft(receiver.url)))
        await home.announce(refused)
        for video in (refused, waiting):
            assert (await settled(home, video)).state is State.DISABLED
        assert (await home.only(foreign)).state is State.PENDING


@HERE
async def test_a_redirect_is_not_followed(home: House) -> None:
    with Receiver(200) as elsewhere, Receiver(307, location=elsewhere.url) as receiver:
        video = home.fail(home.video(draft(receiver.url)))
        await home.announce(video)
        assert (await tried_twice(home, video)).last_status == 307
        assert len(receiver.received) == 2
        assert elsewhere.received == []


@HERE
async def test_slow_receivers_do_not_delay_the_others(home: House) -> None:
    with Receiver(200, slow=True) as slow, Receiver(200) as quick:
        held_up = [home.fail(home.video(draft(slow.url))) for _ in range(20)]
        for video in held_up:
            await home.announce(video)
        await until(lambda: len(slow.received) == 4)
        video = home.fail(home.video(draft(quick.url)))
        await home.announce(video)
        assert (await settled(home, video)).state is State.DELIVERED
        assert len(slow.received) == 4
        slow.hurry.set()
        for video in held_up:
            assert (await settled(home, video)).state is State.DELIVERED


@HERE
@pytest.mark.parametrize(
    ("events", "told"),
    [
        (("start", "completed"), ["start", "completed"]),
        (("start",), ["start"]),
        (("output", "completed"), ["completed"]),
        (("output",), ["output"]),
        (("logs",), []),
    ],
)
async def test_the_filter_decides_which_events_are_told(home: House, events: tuple[str, ...], told: list[str]) -> None:
    with Receiver() as receiver:
        video = home.video(draft(receiver.url, *events, dialect="replicate"))
        await home.announce(home.begin(video))
        await home.announce(home.begin(video))  # an attempt that was resumed is no second start
        await home.announce(home.complete(video))
        deliveries = await home.webhooks.list(video.id)
        assert [delivery.event for delivery in deliveries] == told
        await until(lambda: all(d.state is State.DELIVERED for d in home.deliveries.list(video.id)))
        assert len(receiver.received) == len(told)
    assert {json.loads(message.body)["id"] for message in receiver.received} <= {video.id}


@HERE
async def test_of_several_that_announce_the_end_one_is_heard(home: House) -> None:
    with Receiver() as receiver:
        video = home.fail(home.video(draft(receiver.url)))
        await asyncio.gather(*(home.announce(video) for _ in range(10)))
        await settled(home, video)
    assert len(receiver.received) == 1


@HERE
async def test_a_webhook_never_fails_its_job(home: House) -> None:
    video = home.fail(home.video(draft("http://127.0.0.2:1/", dialect="unknown")))
    await home.announce(video)
    assert await home.webhooks.list(video.id) == []
    assert video.id in home.deliveries.videos_without_delivery()


@HERE
async def test_old_deliveries_are_removed(home: House) -> None:
    with Receiver(500, 200) as receiver:
        video = home.fail(home.video(draft(receiver.url)))
        await home.announce(video)
        delivery = await settled(home, video)
    await home.webhooks.tidy()
    assert await home.webhooks.list(video.id) == [delivery]
    with home.database.begin() as connection:
        connection.execute(sa.text("UPDATE deliveries SET ended_at = 0 WHERE id = :id"), {"id": delivery.id})
    await home.webhooks.tidy()
    assert await home.webhooks.list(video.id) == []
