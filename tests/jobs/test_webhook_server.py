"""Webhooks over more than one life: given up and resent, killed and restarted; and the secret that signs them."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook as Verifier

from reelwright.errors import ConfigurationError, NotFound
from reelwright.jobs.webhooks import SCHEDULE
from reelwright.outbound import Outbound
from reelwright.store.database import open_database, tables
from reelwright.store.deliveries import State
from reelwright.store.migrations import migrate
from reelwright.store.secret import FILE, signing_secret, stored_secret
from reelwright.store.transactions import Transactions
from reelwright.video import Video
from tests.databases import ON_BOTH, Settings, locked_for_changes, run_sql, secret_of
from tests.fakes.receiver import HOST, Receiver
from tests.jobs.house import draft, house, settled, until
from tests.servers import ServerProcess, eventually


@ON_BOTH
async def test_when_the_schedule_is_over_it_is_given_up_and_can_be_resent(tmp_path: Path, database: Settings) -> None:
    async with house(tmp_path, database, schedule=(0.0, 0.05)) as home:
        with Receiver(500, 500, 200) as receiver:
            video = home.fail(home.video(draft(receiver.url)))
            await home.announce(video)
            delivery = await settled(home, video)
            assert (delivery.state, delivery.tries, delivery.last_status) == (State.FAILED, 2, 500)
            assert delivery.problem == "The server there answered with status 500."
            again = await home.webhooks.resend(video.id, delivery.id)
            assert again.state is State.PENDING
            delivery = await settled(home, video)
        assert (delivery.state, delivery.tries, delivery.problem) == (State.DELIVERED, 3, None)
        assert {message.headers["webhook-id"] for message in receiver.received} == {delivery.id}
        with pytest.raises(NotFound):
            await home.webhooks.resend(video.id, "msg_none")
        with pytest.raises(NotFound):
            await home.webhooks.resend("video_other", delivery.id)


async def test_a_private_address_is_never_connected_to(tmp_path: Path) -> None:
    hosts = ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]")
    with Receiver(200, host="127.0.0.1") as canary:
        async with house(tmp_path, {}, schedule=(0.0,), outbound=Outbound(ports=range(65536))) as home:
            videos = [home.fail(home.video(draft(canary.url.replace("127.0.0.1", host)))) for host in hosts]
            for video in videos:
                await home.announce(video)
            for video in videos:
                delivery = await settled(home, video)
                assert (delivery.state, delivery.last_status) == (State.FAILED, None)
                assert delivery.problem
                assert delivery.problem.startswith(
                    (
                        "Only public addresses are reached, on ports 80 and 443.",
                        "Its host is written neither as a name nor as an address.",
                    )
                )
        assert canary.received == []


@ON_BOTH
def test_what_a_crash_left_undone_is_found_at_the_next_start(tmp_path: Path, database: Settings) -> None:
    """Between the end of a video and its delivery, and between a delivery and its place in the queue."""

    async def first_life() -> tuple[Video, Video, Video]:
        async with house(tmp_path, database) as home:
            untold = home.fail(home.video(draft(receiver.url)))
            stranded = home.fail(home.video(draft(receiver.url)))
            write = home.webhooks._delivery
            assert home.deliveries.take(stranded, lambda webhook: write(webhook, stranded))
            return untold, stranded, home.video(draft(receiver.url))

    async def second_life(untold: Video, stranded: Video, queued: Video) -> None:
        async with house(tmp_path, database) as home:
            for video in (untold, stranded):
                await until(lambda video=video: home.webhooks.list(video.id))
                assert (await settled(home, video)).state is State.DELIVERED
            assert await home.webhooks.list(queued.id) == []

    with Receiver() as receiver:
        videos = asyncio.run(first_life())
        assert receiver.received == []
        asyncio.run(second_life(*videos))
    assert len(receiver.received) == 2


@pytest.fixture
def start(tmp_path: Path, database: Settings) -> Iterator[Callable[..., ServerProcess]]:
    started: list[ServerProcess] = []

    def begin(**environment: str) -> ServerProcess:
        server = ServerProcess(tmp_path / "data", **database, **environment)
        started.append(server)
        return server.start()

    yield begin
    for server in started:
        if server.process and server.process.poll() is None:
            server.kill()


@ON_BOTH
def test_a_server_killed_between_two_tries_delivers_after_its_restart(start: Callable[..., ServerProcess]) -> None:
    with Receiver(500, 200) as receiver:
        server = start(REACHABLE=HOST, WEBHOOK_SCHEDULE="[0, 3]")
        body = {"prompt": "paint", "engine": "toy", "width": 64, "height": 64, "num_frames": 4, "webhook": receiver.url}
        video = httpx2.post(f"{server.url}/v1/videos", json=body, timeout=30).json()
        eventually(lambda: "webhook not delivered" in server.log_text())
        server.kill()
        assert len(receiver.received) == 1
        server.start()
        eventually(lambda: "webhook delivered" in server.log_text())
        first, message = receiver.received
        told = Verifier(secret_of(server)).verify(message.body, dict(message.headers))
    # Not at once either: its receiver asked for the pause of the schedule.
    assert int(message.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 3
    assert (told["type"], told["data"]["id"], told["data"]["status"]) == ("video.completed", video["id"], "completed")
    assert told["data"]["video_url"].endswith(f"/v1/videos/{video['id']}/content")


@ON_BOTH
def test_a_locked_database_makes_nobody_hear_twice(start: Callable[..., ServerProcess]) -> None:
    with Receiver(slow=True) as receiver:
        server = start(REACHABLE=HOST)
        body = {"prompt": "paint", "engine": "toy", "width": 64, "height": 64, "num_frames": 4, "webhook": receiver.url}
        httpx2.post(f"{server.url}/v1/videos", json=body, timeout=30).raise_for_status()
        eventually(lambda: receiver.received)
        with locked_for_changes("deliveries", server):
            receiver.hurry.set()
            eventually(lambda: server.log_text().count("database busy") >= 2, 40)
        eventually(lambda: "webhook delivered" in server.log_text())
        assert len(receiver.received) == 1


@ON_BOTH
def test_what_a_database_did_not_write_down_is_told_when_it_does(start: Callable[..., ServerProcess]) -> None:
    with Receiver() as receiver:
        server = start(REACHABLE=HOST)
        body = {"prompt": "slow 1", "engine": "toy", "width": 64, "height": 64, "num_frames": 4}
        video = httpx2.post(f"{server.url}/v1/videos", json={**body, "webhook": receiver.url}, timeout=30).json()
        with locked_for_changes("webhooks", server):
            if server.database_url:
                # The video's row has ended by then, and its webhook's has not.
                waiting = (
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM webhooks%'"
                )
                eventually(lambda: run_sql(server, waiting))
                eventually(lambda: "webhooks not recorded" in server.log_text())
            else:
                eventually(lambda: "database busy" in server.log_text())
        told = json.loads(eventually(lambda: receiver.received)[0].body)
        assert (told["type"], told["data"]["id"]) == ("video.completed", video["id"])
        assert "Traceback" not in server.log_text()


@ON_BOTH
def test_cancelled_and_repeated_jobs_are_told_too(start: Callable[..., ServerProcess]) -> None:
    with Receiver() as receiver:
        server = start(REACHABLE=HOST)
        small = {"engine": "toy", "width": 64, "height": 64, "num_frames": 4, "webhook": receiver.url}

        def ask(**fields: Any) -> Any:
            return httpx2.post(f"{server.url}/v1/videos", json={**small, **fields}, timeout=30).json()

        cancelled = ask(prompt="slow 60")
        httpx2.post(f"{server.url}/v1/videos/{cancelled['id']}/cancel", timeout=30)
        eventually(lambda: len(receiver.received) == 1)
        told = json.loads(receiver.received[0].body)
        assert (told["type"], told["data"]["error"]["code"]) == ("video.failed", "cancelled")
        # The second one is completed at once, with the file of the first; its client wants to be told all the same.
        first = ask(prompt="paint", seed=7)
        eventually(lambda: len(receiver.received) == 2)
        second = ask(prompt="paint", seed=7)
        assert second["status"] == "completed"
        eventually(lambda: len(receiver.received) == 3)
        told = [json.loads(message.body)["data"]["id"] for message in receiver.received[1:]]
        assert told == [first["id"], second["id"]]
        assert server.stop() == 0


def test_a_receiver_that_could_never_be_reached_is_refused_at_once(http: httpx2.Client) -> None:
    for url in ("http://127.0.0.1/hook", "ftp://example.com/", "https://example.com:22/", "https://a:b@example.com/"):
        answer = http.post("/v1/videos", json={"prompt": "paint", "webhook": url})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "webhook"
        answer = http.post("/v1/predictions", json={"input": {"prompt": "paint"}, "webhook": url})
        assert answer.status_code == 422


@pytest.fixture
def store(tmp_path: Path, database: Settings) -> Iterator[Transactions]:
    opened = open_database(database.get("DATABASE_URL"), tmp_path)
    migrate(opened, tables)
    yield Transactions(opened)
    opened.dispose()


@ON_BOTH
def test_of_ten_processes_that_begin_at_once_one_makes_the_secret(
    tmp_path: Path, store: Transactions, database: Settings
) -> None:
    with ThreadPoolExecutor(10) as pool:
        secrets = set(pool.map(lambda _: signing_secret(store, tmp_path), range(10)))
    assert secrets == {stored_secret(tmp_path, database.get("DATABASE_URL"))}
    (secret,) = secrets
    assert len(Verifier(secret)._whsecret) == 32


@ON_BOTH
def test_the_file_of_the_release_before_is_taken_over_once(tmp_path: Path, store: Transactions) -> None:
    (tmp_path / FILE).write_text("whsec_b2Y=\n")
    assert signing_secret(store, tmp_path) == "whsec_b2Y="
    (tmp_path / FILE).write_text("whsec_YWZ0ZXI=\n")
    assert signing_secret(store, tmp_path) == "whsec_b2Y="


def test_the_secret_before_the_first_start_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no secret yet"):
        stored_secret(tmp_path, None)
    assert list(tmp_path.iterdir()) == []


@ON_BOTH
def test_the_secret_is_in_no_log_and_only_its_owner_may_read_it(start: Callable[..., ServerProcess]) -> None:
    with Receiver() as receiver:
        server = start(REACHABLE=HOST, REELWRIGHT_LOG_LEVEL="debug")
        body = {"prompt": "paint", "engine": "toy", "width": 64, "height": 64, "num_frames": 4, "webhook": receiver.url}
        httpx2.post(f"{server.url}/v1/videos", json=body, timeout=30).raise_for_status()
        eventually(lambda: receiver.received)
        assert secret_of(server) not in server.log_text()
        for path in server.data_dir.glob("reelwright.db*"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not (server.data_dir / FILE).exists()


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    minutes = [round(pause / 60, 2) for pause in SCHEDULE]
    assert minutes == [0, 0.08, 5, 30, 120, 300, 600, 840, 1200, 1440]
