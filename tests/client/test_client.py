"""Both clients against a server over real HTTP; each behaviour once with `Client` and once with `AsyncClient`."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

import reelwright
from reelwright.client import (
    APIError,
    AsyncClient,
    BadRequest,
    Busy,
    Client,
    NotFound,
    ServerFault,
    Unauthorized,
    Unreachable,
    VideoFailed,
    WaitTimeout,
)
from tests.fakes.video_server import MP4, FakeVideoServer


@pytest.fixture
def server() -> Iterator[FakeVideoServer]:
    with FakeVideoServer() as fake:
        yield fake


@pytest.fixture
def client(server: FakeVideoServer) -> Iterator[Client]:
    with Client(server.url, patience=5) as connection:
        yield connection


def meanwhile(server: FakeVideoServer, script: Callable[[str], None]) -> threading.Thread:
    """Runs `script(video_id)` in a thread as soon as the first video was created."""

    def run() -> None:
        server.until(lambda: server.jobs)
        script(next(iter(server.jobs)))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def asked(server: FakeVideoServer, ending: str) -> int:
    return sum(path.endswith(ending) for _, path, _ in server.seen)


def test_generate_sends_the_fields_and_returns_the_video(server: FakeVideoServer, client: Client) -> None:
    video = client.generate("a sea", size="640x384", num_frames=48, seed=3, idempotency_key="k1", negative_prompt="fog")
    assert server.created == [
        {"prompt": "a sea", "size": "640x384", "num_frames": 48, "seed": 3, "negative_prompt": "fog"}
    ]
    assert server.seen[0][2]["idempotency-key"] == "k1"
    assert (video.status, video.width, video.height, video.seed, video.queue_position) == ("queued", 640, 384, 3, 1)
    assert video.created_at is not None
    assert video.created_at.tzinfo is not None
    assert video.raw["object"] == "video"


PNG = b"\x89PNG\r\n\x1a\n" + b"rest"


@pytest.mark.parametrize("as_path", [True, False])
def test_an_image_file_travels_as_a_data_uri(
    server: FakeVideoServer, client: Client, tmp_path: Path, as_path: bool
) -> None:
    (tmp_path / "a.bin").write_bytes(PNG)
    client.generate("it moves", image=tmp_path / "a.bin" if as_path else PNG)
    url = server.created[0]["input_reference"]["image_url"]
    assert url == "data:image/png;base64," + base64.b64encode(PNG).decode()


def test_what_is_to_happen_once_says_so(server: FakeVideoServer, client: Client) -> None:
    with pytest.raises(NotFound):
        client.remix("video_1", "a sea", idempotency_key="k1")
    with pytest.raises(NotFound):
        client.resume("video_1", idempotency_key="k2", webhook="https://example.org/done")
    assert [headers["idempotency-key"] for _, _, headers in server.seen] == ["k1", "k2"]


def test_an_image_url_travels_as_it_is(server: FakeVideoServer, client: Client) -> None:
    client.generate("it moves", image="https://example.org/a.png")
    assert server.created[0]["input_reference"] == {"image_url": "https://example.org/a.png"}


def test_wait_follows_the_events(server: FakeVideoServer, client: Client, tmp_path: Path) -> None:
    def script(video_id: str) -> None:
        server.until(lambda: asked(server, "/events"))
        for progress in (10, 60, 100):
            server.advance(video_id, progress)
        server.complete(video_id)

    thread = meanwhile(server, script)
    seen: list[tuple[str, int]] = []
    video = client.generate("a sea").wait(10, lambda v: seen.append((v.status, v.progress)))
    thread.join()
    assert seen == [
        ("queued", 0),
        ("in_progress", 10),
        ("in_progress", 60),
        ("in_progress", 100),
        ("completed", 100),
    ]
    assert video.status == "completed"
    assert asked(server, video.id) == 2, "one look before the events, one after the last"
    assert video.save(tmp_path / "out.mp4").read_bytes() == MP4
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_wait_shows_the_previews(server: FakeVideoServer, client: Client) -> None:
    def script(video_id: str) -> None:
        server.until(lambda: asked(server, "/events"))
        server.preview(video_id, b"a first picture")
        server.advance(video_id, 50)
        server.preview(video_id, b"a second one")
        server.complete(video_id)

    thread = meanwhile(server, script)
    seen: list[bytes] = []
    client.generate("a sea").wait(10, on_preview=seen.append)
    thread.join()
    assert seen == [b"a first picture", b"a second one"]


def test_wait_asks_as_often_as_told_where_there_are_no_events(tmp_path: Path) -> None:
    with FakeVideoServer(has_events=False) as server, Client(server.url) as client:

        def script(video_id: str) -> None:
            server.until(lambda: asked(server, video_id) >= 3)
            server.complete(video_id)

        thread = meanwhile(server, script)
        assert client.generate("a sea").wait(10).status == "completed"
        thread.join()
        assert asked(server, "/events") == 1


def test_wait_asks_where_streams_of_events_bring_nothing(server: FakeVideoServer, client: Client) -> None:
    server.mute_streams = True  # as behind a proxy that lets no stream through

    def script(video_id: str) -> None:
        server.until(lambda: asked(server, video_id) >= 8)
        server.complete(video_id)

    thread = meanwhile(server, script)
    assert client.generate("a sea").wait(20).status == "completed"
    thread.join()
    assert asked(server, "/events") == 3


def test_wait_resumes_a_broken_stream_after_the_last_event(server: FakeVideoServer, client: Client) -> None:
    server.cut_streams = 2

    def script(video_id: str) -> None:
        server.until(lambda: asked(server, "/events"))
        for progress in (10, 20, 30):
            server.advance(video_id, progress)
        server.until(lambda: asked(server, "/events") == 3)
        server.complete(video_id)

    thread = meanwhile(server, script)
    client.generate("a sea").wait(10)
    thread.join()
    resumed = [headers.get("last-event-id") for _, path, headers in server.seen if path.endswith("/events")]
    assert resumed == [None, "1", "2"]


def test_wait_survives_a_server_that_is_in_trouble_for_a_moment(server: FakeVideoServer, client: Client) -> None:
    video = client.generate("a sea")
    server.has_events = False

    def script(video_id: str) -> None:
        server.until(lambda: asked(server, video_id))
        server.troubles = [503, 502]
        server.until(lambda: not server.troubles)
        server.complete(video_id)

    thread = meanwhile(server, script)
    assert video.wait(20).status == "completed"
    thread.join()


def test_wait_comes_back_when_a_server_in_trouble_wants_it(server: FakeVideoServer, client: Client) -> None:
    video = client.generate("a sea")
    server.has_events = False

    def script(video_id: str) -> None:
        server.until(lambda: asked(server, video_id))
        server.retry_after = 2
        server.troubles = [503]
        server.until(lambda: not server.troubles)
        refused, looks = time.monotonic(), asked(server, video_id)
        server.until(lambda: asked(server, video_id) > looks)
        came_back.append(time.monotonic() - refused)
        server.complete(video_id)

    came_back: list[float] = []
    thread = meanwhile(server, script)
    assert video.wait(20).status == "completed"
    thread.join()
    assert came_back[0] > 1.9


def test_wait_ends_at_once_when_the_video_is_deleted(server: FakeVideoServer, client: Client) -> None:
    video = client.generate("a sea")
    server.has_events = False

    def script(video_id: str) -> None:
        server.until(lambda: asked(server, video_id))
        with server.changed:
            del server.jobs[video_id]

    thread = meanwhile(server, script)
    with pytest.raises(NotFound):
        video.wait(3)  # less than the client's patience with a server in trouble
    thread.join()


def test_wait_survives_a_restart_of_the_server() -> None:
    with FakeVideoServer() as first, Client(first.url, patience=20) as client:
        video = client.generate("a sea")
        outcome: list[str] = []
        thread = threading.Thread(target=lambda: outcome.append(video.wait(20).status))
        thread.start()
        first.until(lambda: asked(first, "/events"))
        first.stop()
        with FakeVideoServer(port=first.port) as second:
            second.jobs = first.jobs
            second.complete(video.id)
            thread.join()
    assert outcome == ["completed"]


def test_wait_ends_with_unreachable_when_the_patience_is_over() -> None:
    with FakeVideoServer() as server, Client(server.url, patience=0.2) as client:
        video = client.generate("a sea")

        def script(_: str) -> None:
            server.until(lambda: asked(server, "/events"))
            server.stop()

        thread = meanwhile(server, script)
        with pytest.raises(Unreachable, match=f"127.0.0.1:{server.port}"):
            video.wait(20)
        thread.join()


def test_wait_times_out_and_the_video_goes_on(server: FakeVideoServer, client: Client) -> None:
    video = client.generate("a sea")
    with pytest.raises(WaitTimeout, match=r"within 0\.2 s") as caught:
        video.wait(0.2)
    assert caught.value.video is not None
    assert not video.refresh().finished


def test_a_failed_video_is_an_error_with_its_reason(server: FakeVideoServer, client: Client) -> None:
    video = client.generate("a sea")
    server.fail(video.id, "out_of_memory", "The engine ran out of memory.")
    with pytest.raises(VideoFailed, match="ran out of memory") as caught:
        video.wait(5)
    assert caught.value.video.error is not None
    assert caught.value.video.error.code == "out_of_memory"


def test_events_come_with_kind_id_and_data_and_resume(server: FakeVideoServer, client: Client) -> None:
    video = client.generate("a sea")
    server.advance(video.id, 50)
    server.complete(video.id)
    events = list(video.events())
    assert [(event.kind, event.id, event.data["progress"]) for event in events] == [
        ("progress", "1", 50),
        ("completed", "2", 100),
    ]
    assert [event.id for event in client.events(video.id, after="1")] == ["2"]


def test_list_pages_cancel_and_delete(server: FakeVideoServer, client: Client) -> None:
    videos = [client.generate(f"sea {number}") for number in range(3)]
    page = client.list(limit=2)
    assert [video.id for video in page.videos] == [videos[2].id, videos[1].id]
    assert page.has_more
    rest = client.list(limit=2, after=page.last_id)
    assert ([video.id for video in rest.videos], rest.has_more) == ([videos[0].id], False)
    assert client.list(status="failed").videos == ()
    cancelled = videos[0].cancel()
    assert [video.id for video in client.list(status="failed").videos] == [videos[0].id]
    assert videos[0].remix("a lake").prompt == "a lake"
    assert cancelled.error is not None
    assert cancelled.error.code == "cancelled"
    videos[0].delete()
    with pytest.raises(NotFound):
        videos[0].refresh()


def test_models_and_health(client: Client) -> None:
    (model,) = client.models()
    assert (model.id, model.default, model.card["engine"]) == ("sketch", True, "sketch")
    assert client.health()["status"] == "healthy"
    assert client.ready()["status"] == "ready"


@pytest.mark.parametrize(
    ("prompt", "fields", "kind", "expected"),
    [
        ("a", {"fps": 99}, BadRequest, {"status": 400, "code": "invalid_field", "param": "fps"}),
        ("busy", {}, Busy, {"status": 429, "code": "queue_full", "retry_after": 3.0}),
        ("broken", {}, ServerFault, {"status": 500, "request_id": "req-1"}),
    ],
)
def test_refusals_are_typed(
    client: Client, prompt: str, fields: dict[str, Any], kind: type[APIError], expected: dict[str, object]
) -> None:
    with pytest.raises(kind) as caught:
        client.generate(prompt, **fields)
    assert {name: getattr(caught.value, name) for name in expected} == expected


def test_a_key_is_sent_and_a_wrong_one_is_told(server: FakeVideoServer) -> None:
    server.key = "right"
    with Client(server.url, api_key="right") as client:
        client.generate("a sea")
    with Client(server.url, api_key="wrong") as client, pytest.raises(Unauthorized, match="API key"):
        client.generate("a sea")


def test_a_key_is_sent_to_nobody_without_a_valid_certificate() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)  # an authority that nobody knows
    with FakeVideoServer(tls=context) as server, Client(server.url, api_key="secret") as client:
        with pytest.raises(Unreachable, match=r"(?i)certificate"):
            client.generate("a sea")
        assert server.seen == []


def test_nothing_is_left_of_a_download_that_breaks_off(server: FakeVideoServer, client: Client, tmp_path: Path) -> None:
    video = client.generate("a sea")
    with pytest.raises(BadRequest):
        video.save(tmp_path / "out.mp4")
    server.complete(video.id)
    server.truncated = True
    with pytest.raises(Unreachable, match="broke"):
        video.save(tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_no_server_and_no_url_are_told_apart() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with (
            Client(f"http://127.0.0.1:{free.getsockname()[1]}") as client,
            pytest.raises(Unreachable, match="No server"),
        ):
            client.health()
    for server in ("ftp://localhost:3001", "http://", "localhost:port", "http://localhost:3001?key=x", "two words"):
        with pytest.raises(ValueError, match=re.escape(server)):
            Client(server)


@pytest.mark.parametrize("form", ["{}", "http://{}", "http://{}/", "HTTP://{}/v1", "{}/v1/", " {} "])
def test_the_address_may_be_written_in_any_usual_form(server: FakeVideoServer, form: str) -> None:
    with Client(form.format(f"127.0.0.1:{server.port}")) as client:
        assert client.models()


def test_the_names_ending_chooses_what_is_saved(server: FakeVideoServer, client: Client, tmp_path: Path) -> None:
    video = client.generate("a sea")
    server.complete(video.id)
    for name, variant in (
        ("a.mp4", "video"),
        ("a.GIF", "gif"),
        ("a.webm", "webm"),
        ("a.jpg", "poster"),
        ("a", "video"),
    ):
        video.save(tmp_path / name)
        assert server.seen[-1][1].endswith(f"/content?variant={variant}"), name
    video.save(tmp_path / "a.bin", variant="spritesheet")
    with pytest.raises(ValueError, match=r"\.mp4, \.webm, \.gif, \.webp, \.jpg"):
        video.save(tmp_path / "a.mov")
    assert not (tmp_path / "a.mov").exists()


def test_a_proxy_of_the_environment_is_not_asked_for_a_local_server(
    server: FakeVideoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with Client(server.url) as client:
        assert client.health()["status"] == "healthy"


async def test_async_from_prompt_to_file(server: FakeVideoServer, tmp_path: Path) -> None:
    async with AsyncClient(server.url) as client:
        video = await client.generate("a sea", seed=3)

        def script(video_id: str) -> None:
            server.until(lambda: asked(server, "/events"))
            server.advance(video_id, 40)
            server.preview(video_id, b"a picture")
            server.complete(video_id)

        thread = meanwhile(server, script)
        seen: list[int] = []
        pictures: list[bytes] = []
        done = await video.wait(10, lambda v: seen.append(v.progress), pictures.append)
        thread.join()
        assert (seen, pictures) == ([0, 40, 100], [b"a picture"])
        path = await done.save(tmp_path / "out.mp4")
        assert await asyncio.to_thread(path.read_bytes) == MP4
        assert [event.kind async for event in video.events()] == ["progress", "preview", "completed"]
        assert [item.id for item in (await client.list()).videos] == [video.id]
        assert [model.id for model in await client.models()] == ["sketch"]
        assert (await client.health())["status"] == "healthy"
        assert (await client.ready())["status"] == "ready"
        await video.delete()
        with pytest.raises(NotFound):
            await video.refresh()


async def test_async_wait_polls_cancels_and_times_out(tmp_path: Path) -> None:
    with FakeVideoServer(has_events=False) as server:
        async with AsyncClient(server.url, patience=0.1) as client:
            video = await client.generate("a sea")
            with pytest.raises(WaitTimeout):
                await video.wait(0.2)
            with pytest.raises(BadRequest):
                await video.save(tmp_path / "out.mp4")
            await video.cancel()
            with pytest.raises(VideoFailed, match="cancelled"):
                await video.wait(5)
            with pytest.raises(BadRequest):
                await client.generate("a sea", fps=99)
            server.stop()
            with pytest.raises(Unreachable):
                await client.get(video.id)


def test_the_package_offers_the_clients_and_imports_nothing_heavy_for_them() -> None:
    assert reelwright.Client is Client
    assert reelwright.AsyncClient is AsyncClient
    loaded = "import sys, reelwright, reelwright.cli; print([m for m in sys.modules if m.split('.')[0] in "
    loaded += "('httpx2', 'pydantic', 'rich', 'asyncio', 'numpy', 'fastapi')])"
    result = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
