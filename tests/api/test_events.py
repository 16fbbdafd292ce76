"""Server-sent events of a video: what a listener is told, in which order, and how it comes back."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.api.events import EventStreams
from reelwright.jobs.events import LiveVideos
from reelwright.jobs.feed import LocalFeed
from reelwright.video import Status, Task, Video, VideoSpec
from tests.api.videos import Gate, cancel, create, ended, look, made
from tests.servers import ServerProcess, eventually

Event = tuple[str, str, dict[str, Any]]


class Listener:
    """One open stream. `events` yields (id, kind, data); comments are left out."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def events(self) -> Iterator[Event]:
        found: dict[str, str] = {}
        for line in self._lines:
            if line == "":
                if found:
                    yield found["id"], found["event"], json.loads(found["data"])
                found = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                found[name] = value

    def until(self, kind: str) -> list[Event]:
        """The events up to and with the first one of that kind."""
        seen: list[Event] = []
        for event in self.events():
            seen.append(event)
            if event[1] == kind:
                return seen
        raise AssertionError(f"the stream ended before {kind}: {seen}")


@contextlib.contextmanager
def listening(http: httpx2.Client, video: dict[str, Any], last: str | bytes | None = None) -> Iterator[Listener]:
    headers = {"Last-Event-ID": last} if last is not None else {}
    with http.stream("GET", f"/v1/videos/{video['id']}/events", headers=headers) as answer:
        assert answer.status_code == 200
        yield Listener(answer)


def test_a_listener_is_told_what_is_done_while_nothing_is_measured(http: httpx2.Client) -> None:
    with listening(http, create(http, "load 0.8")) as listener:
        told = [(event[2]["stage"], event[2]["progress"]) for event in listener.events()]
    assert ("loading the weights", 0) in told
    assert told[-1] == (None, 100)


def test_a_listener_is_told_the_measured_progress_and_the_end(http: httpx2.Client) -> None:
    with listening(http, create(http, "slow 0.3")) as listener:
        assert listener.answer.headers["Content-Type"].startswith("text/event-stream")
        assert listener.answer.headers["Cache-Control"] == "no-store"
        events = list(listener.events())
    ids = [event[0] for event in events]
    assert len(set(ids)) == len(ids)
    kinds = [event[1] for event in events]
    assert set(kinds[:-1]) == {"progress"}
    assert kinds[-1] == "completed"
    percents = [event[2]["progress"] for event in events]
    assert percents == sorted(percents)
    assert len(set(percents)) > 2
    assert percents[-1] == 100
    assert events[-1][2]["video_url"]


def test_previews_are_pictures(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = create(http, gate.with_preview)
        with listening(http, video) as listener:
            before = listener.until("preview")
            gate.open()
            after = listener.until("completed")
    first, second = (next(data["image"] for _, kind, data in part if kind == "preview") for part in (before, after))
    assert base64.b64decode(first.removeprefix("data:image/webp;base64,")) == b"first picture"
    assert base64.b64decode(second.removeprefix("data:image/webp;base64,")) == b"second picture"


def test_who_comes_back_is_not_told_twice(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = create(http, gate.with_preview)
        with listening(http, video) as listener:
            seen = listener.until("preview")
        gate.open()
        with listening(http, video, last=seen[-1][0]) as listener:
            rest = list(listener.events())
    known = {event[0] for event in seen}
    assert not known & {event[0] for event in rest}
    assert b"first picture" not in [
        base64.b64decode(e[2]["image"].partition(",")[2]) for e in rest if e[1] == "preview"
    ]
    assert rest[-1][1] == "completed"


def test_who_comes_late_is_told_the_present_state_first(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = create(http, gate.with_preview)
        with listening(http, video) as listener:
            listener.until("preview")
        with listening(http, video) as late:
            first = [next(late.events()) for _ in range(2)]
    assert [event[1] for event in first] == ["progress", "preview"]
    assert first[0][2]["progress"] == 19


@pytest.mark.parametrize("last", ["nonsense", "{id}-999999999", "{id}-²", "{id}-" + "9" * 5_000, "{id}--1", ""])
def test_an_id_from_elsewhere_is_no_reason_to_stay_silent(http: httpx2.Client, tmp_path: Path, last: str) -> None:
    with Gate(tmp_path) as gate:
        video = create(http, gate.prompt)
        sent = last.format(id=video["id"]).encode("latin-1")
        with listening(http, video, last=sent) as listener:
            assert next(listener.events())[1] == "progress"


def test_after_the_end_there_is_the_end_and_then_nothing(http: httpx2.Client) -> None:
    video = made(http)
    with listening(http, video) as listener:
        [(identity, kind, data)] = list(listener.events())
    assert (kind, data) == ("completed", look(http, video))
    answer = http.get(f"/v1/videos/{video['id']}/events", headers={"Last-Event-ID": identity})
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_cancelled_and_a_deleted_video_end_the_stream(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        first, second = create(http, gate.prompt), create(http, gate.prompt)
        with listening(http, first) as one, listening(http, second) as other:
            cancel(http, first)
            http.delete(f"/v1/videos/{second['id']}")
            ends = [list(listener.events())[-1] for listener in (one, other)]
    assert [(kind, data["error"]["code"]) for _, kind, data in ends] == [("failed", "cancelled")] * 2


def test_those_who_wait_see_their_position_move(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        create(http, gate.prompt)
        videos = [create(http, f"paint {number}") for number in range(4)]
        last = videos[-1]
        begun = look(http, last)["queue_position"]
        assert begun >= 3
        with listening(http, last) as listener:
            assert next(listener.events())[2]["queue_position"] == begun
            cancel(http, videos[1])
            assert next(listener.events())[2]["queue_position"] == begun - 1
            # One that jumps the queue moves the others back.
            sooner = create(http, "paint sooner", priority=-10)
            assert next(listener.events())[2]["queue_position"] == begun
            gate.open()
            rest = [event[2]["queue_position"] for event in listener.events()]
    queued = [position for position in rest if position is not None]
    assert queued == sorted(queued, reverse=True)
    assert rest[-1] is None
    ended(http, sooner)


def test_a_hundred_listeners_hear_the_same(server: ServerProcess, http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate, contextlib.ExitStack() as stack:
        video = create(http, gate.prompt)
        eventually(lambda: look(http, video)["status"] == "in_progress")
        limits = httpx2.Limits(max_connections=200)
        crowd = stack.enter_context(httpx2.Client(base_url=server.url, timeout=30, limits=limits))
        listeners = [stack.enter_context(listening(crowd, video)) for _ in range(100)]
        for listener in listeners:
            next(listener.events())
        assert http.get("/health").status_code == 200
        gate.open()
        heard = [list(listener.events()) for listener in listeners]
    assert all(events == heard[0] for events in heard)
    assert heard[0][-1][1] == "completed"


def test_a_listener_that_goes_away_disturbs_nobody(server: ServerProcess, http: httpx2.Client, tmp_path: Path) -> None:
    port, told = int(server.url.rpartition(":")[2]), len(server.log_text())
    with Gate(tmp_path) as gate:
        video = create(http, gate.prompt)
        spec = f"GET /v1/videos/{video['id']}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(spec)
                assert connection.recv(12) == b"HTTP/1.1 200"
        with listening(http, video) as listener:
            next(listener.events())
            gate.open()
            assert listener.until("completed")
    assert "Traceback" not in server.log_text()[told:]


def test_an_open_stream_and_a_long_poll_do_not_hold_the_exit(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", REELWRIGHT_DRAIN_S="0").start()
    with httpx2.Client(base_url=server.url, timeout=30) as http, Gate(tmp_path) as gate:
        running, queued = create(http, gate.prompt), create(http, gate.prompt)
        port = int(server.url.rpartition(":")[2])
        with listening(http, queued) as listener, socket.create_connection(("127.0.0.1", port)) as poll:
            next(listener.events())
            path = f"/v1/videos/{running['id']}"
            poll.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nPrefer: wait=60\r\n\r\n".encode())
            eventually(lambda: look(http, running)["status"] == "in_progress")
            assert server.process is not None
            server.process.terminate()
            assert list(listener.events()) is not None
            poll.settimeout(20)
            assert poll.recv(12) == b"HTTP/1.1 200"
        assert server.process.wait(120) == 0


# --- without a server: a clock of its own would take ten seconds ------------------------------------------------------

SPEC = VideoSpec(
    prompt="paint", engine="toy", model="toy", task=Task.TEXT_TO_VIDEO, width=64, height=64, num_frames=4, fps=8, seed=1
)
QUEUED = Video(id="video_1", owner="", status=Status.QUEUED, spec=SPEC, created_at=datetime.now(UTC))


class NoFeed(LocalFeed):
    """Of videos that are in memory only."""

    def __init__(self, live: LiveVideos) -> None:
        self._live = live

    async def look(self, video_id: str, owner: str | None = None) -> Video | None:
        return self._live.get(video_id)


def number_of(frame: bytes) -> int:
    """The event's own number, from the end of its id."""
    return int(frame.partition(b"\n")[0].rpartition(b"-")[2])


def stream(live: LiveVideos, video: Video, heartbeat_s: float) -> AsyncIterator[bytes]:
    return EventStreams(live, NoFeed(live), lambda video, _: {"status": video.status}, heartbeat_s).of(video, "")


async def test_silence_is_filled_with_comments() -> None:
    live = LiveVideos()
    live.publish(QUEUED)
    frames = stream(live, QUEUED, 0.01)
    first = await anext(frames)
    assert b"\nevent: progress\n" in first
    assert [await anext(frames) for _ in range(3)] == [b": still here\n\n"] * 3
    live.progress("video_1", 10)
    second = await anext(frames)
    assert b"\nevent: progress\n" in second
    assert number_of(second) == number_of(first) + 1


async def test_who_comes_while_the_server_stops_is_sent_away() -> None:
    live = LiveVideos()
    live.publish(QUEUED)
    live.close()
    async with asyncio.timeout(10):
        assert len([frame async for frame in stream(live, QUEUED, 60)]) == 1


async def test_each_event_is_rendered_once_for_all() -> None:
    live, rendered = LiveVideos(), 0
    live.publish(QUEUED)

    def render(video: Video, before: str) -> dict[str, Any]:
        nonlocal rendered
        rendered += 1
        return {"status": video.status}

    streams = EventStreams(live, NoFeed(live), render)
    listeners = [streams.of(QUEUED, "") for _ in range(50)]
    first = {await anext(listener) for listener in listeners}
    live.progress("video_1", 10)
    second = {await anext(listener) for listener in listeners}
    assert (len(first), len(second), rendered) == (1, 1, 2)
