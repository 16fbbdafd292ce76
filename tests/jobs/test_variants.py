"""Stills, renditions and the file itself: made once, checked before they are served, whole for who reads."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import PIL.Image
import pytest

from reelwright.media.probe import probe
from tests.api.videos import Video, create, ended, look, made
from tests.contract import checking
from tests.databases import run_sql
from tests.objects import Settings, shelf
from tests.servers import ServerProcess


@pytest.fixture(scope="module")
def server(shared_store: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path_factory.mktemp("variants") / "data", **shared_store).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    with checking(server.url) as client:
        yield client


def content(http: httpx2.Client, video: Video, variant: str = "video", **headers: str) -> httpx2.Response:
    return http.get(f"/v1/videos/{video['id']}/content", params={"variant": variant}, headers=headers)


def name_of(video: Video, ending: str = "mp4") -> str:
    return f"videos/{video['id']}-1.{ending}"


@pytest.mark.parametrize(
    ("variant", "kind", "form", "frames"),
    [
        ("poster", "image/jpeg", "JPEG", 1),
        ("thumbnail", "image/webp", "WEBP", 1),
        ("spritesheet", "image/jpeg", "JPEG", 1),
        ("gif", "image/gif", "GIF", 4),
        ("webp", "image/webp", "WEBP", 4),
    ],
)
def test_a_picture(http: httpx2.Client, variant: str, kind: str, form: str, frames: int) -> None:
    answer = content(http, made(http, "sea", model="sketch"), variant)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    picture = PIL.Image.open(io.BytesIO(answer.content))
    assert (picture.format, getattr(picture, "n_frames", 1)) == (form, frames)


def test_a_webm(http: httpx2.Client, tmp_path: Path) -> None:
    answer = content(http, made(http), "webm")
    assert answer.headers["Content-Type"] == "video/webm"
    (tmp_path / "video.webm").write_bytes(answer.content)
    found = probe(tmp_path / "video.webm")
    assert (found.codec, found.num_frames) == ("av1", 4)


def test_a_variant_is_made_once(server: ServerProcess, http: httpx2.Client) -> None:
    video = made(http)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: content(http, video, "gif"), range(8)))
    assert len({(answer.status_code, answer.content, answer.headers["ETag"]) for answer in answers}) == 1
    path = shelf(server).on_disk(name_of(video, "gif"))
    before = path.stat()
    etag = answers[0].headers["ETag"]
    assert content(http, video, "gif", **{"If-None-Match": etag}).status_code == 304
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert etag != content(http, video).headers["ETag"]
    assert not list(server.data_dir.rglob("*.part"))
    assert f"{video['id']}-1.gif" in shelf(server).names("videos")


def test_a_missing_poster_is_made_again(server: ServerProcess, http: httpx2.Client) -> None:
    video = made(http)
    shelf(server).remove(name_of(video, "jpg"))
    assert content(http, video, "poster").content.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("variant", "remedy"),
    [("film", "thumbnail"), ("", "thumbnail"), ("../video", "thumbnail"), ("video\0", "NUL character")],
)
def test_an_unknown_variant_is_named(http: httpx2.Client, variant: str, remedy: str) -> None:
    answer = content(http, made(http), variant)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "variant"
    assert remedy in answer.json()["error"]["message"]


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


def cut(data: bytes) -> bytes:
    return data[:-1]


def other(data: bytes) -> bytes:
    return b"x" * len(data)


def damage(server: ServerProcess, video: Video, how: Callable[[bytes], bytes] = flip) -> None:
    shelf(server).write(name_of(video), how(shelf(server).read(name_of(video))))


@pytest.mark.parametrize("how", [flip, cut, other])
@pytest.mark.parametrize("read_before", [True, False])
def test_a_damaged_video_is_never_served(
    server: ServerProcess, http: httpx2.Client, how: Callable[[bytes], bytes], read_before: bool
) -> None:
    video = made(http)
    if read_before:
        assert content(http, video).status_code == 200
    damage(server, video, how)
    for variant in ("video", "thumbnail", "poster"):
        answer = content(http, video, variant)
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "corrupt"
        assert str(server.data_dir) not in answer.text
    assert content(http, video, Range="bytes=0-3").status_code == 500
    assert look(http, video)["status"] == "completed"


def test_a_damaged_video_is_made_anew_for_an_equal_request(server: ServerProcess, http: httpx2.Client) -> None:
    fields = {"prompt": "paint", "model": "toy", "size": "64x64", "num_frames": 4, "seed": 4711}
    key = {"Idempotency-Key": "damaged"}
    first = http.post("/v1/videos", json=fields, headers=key).json()
    ended(http, first)
    damage(server, first)
    again = http.post("/v1/videos", json=fields, headers=key).json()
    assert again["id"] != first["id"]
    ended(http, again)
    assert content(http, again).status_code == 200
    # The native dialect answers from the same cache.
    damage(server, again)
    native = {"prompt": "paint", "engine": "toy", "width": 64, "height": 64, "num_frames": 4, "seed": 4711}
    answer = http.post("/api/video/generate", json=native)
    assert answer.status_code == 200
    assert answer.headers["X-Video-Id"] not in (first["id"], again["id"])


def test_a_file_that_is_gone_is_404(server: ServerProcess, http: httpx2.Client) -> None:
    video = made(http)
    shelf(server).remove(name_of(video))
    for variant in ("video", "gif"):
        assert content(http, video, variant).status_code == 404


def test_a_slow_reader_gets_every_byte_of_a_video_that_is_deleted(server: ServerProcess, http: httpx2.Client) -> None:
    video = made(http, "noise", size="640x640", num_frames=36)
    whole = shelf(server).read(name_of(video))
    assert len(whole) > 5_000_000  # more than all buffers on the way hold
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        connection.settimeout(20)
        head = f"GET /v1/videos/{video['id']}/content HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        received = connection.recv(1024)
        assert http.delete(f"/v1/videos/{video['id']}").status_code == 200
        assert shelf(server).names("videos", str(video["id"])) == []
        assert look_status(http, video) == 404
        while chunk := connection.recv(65536):
            received += chunk
    assert received.partition(b"\r\n\r\n")[2] == whole


def look_status(http: httpx2.Client, video: Video) -> int:
    return http.get(f"/v1/videos/{video['id']}/content").status_code


def test_who_hangs_up_in_the_middle_disturbs_nobody(server: ServerProcess, http: httpx2.Client) -> None:
    video = made(http)
    port = int(server.url.rpartition(":")[2])
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(f"GET /v1/videos/{video['id']}/content HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert content(http, video).status_code == 200
    assert create(http)


def test_a_damaged_copy_of_what_the_bucket_has_is_fetched_anew(server: ServerProcess, http: httpx2.Client) -> None:
    if not server.store:
        pytest.skip("a folder has no copies")
    video = made(http)
    whole = content(http, video).content
    shelf(server).on_disk(name_of(video)).write_bytes(flip(whole))
    assert content(http, video).content == whole
    shelf(server).forget_fetched()
    assert content(http, video).content == whole
    assert content(http, video, "gif").status_code == 200


def test_a_file_of_before_is_served_and_goes_with_its_video(server: ServerProcess, http: httpx2.Client) -> None:
    """Its key is `<id>.mp4`, and so are the names of its poster and its renditions."""
    video = made(http)
    there, key = shelf(server), f"{video['id']}.mp4"
    whole = content(http, video).content
    for ending in ("mp4", "jpg"):
        there.write(f"videos/{video['id']}.{ending}", there.read(name_of(video, ending)))
        there.remove(name_of(video, ending))
    [(file,)] = run_sql(server, "SELECT file FROM videos WHERE id = ?", video["id"])
    told = json.dumps({**json.loads(file), "key": key})
    run_sql(server, "UPDATE videos SET file = ? WHERE id = ?", told, video["id"])
    assert server.stop() == 0
    server.start()
    with checking(server.url) as again:
        assert content(again, video).content == whole
        assert content(again, video, "gif").content.startswith(b"GIF8")
        assert there.names("videos", video["id"]) == [f"{video['id']}.{ending}" for ending in ("gif", "jpg", "mp4")]
        again.delete(f"/v1/videos/{video['id']}").raise_for_status()
    assert there.names("videos", video["id"]) == []
