"""A server whose files lie in a bucket of S3: what it does while the bucket is away, what a killed one leaves, who may
use it, and that clients can be sent there.

What holds for a folder as well is tested on both (`tests/objects.py`).
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.errors import ConfigurationError, EngineError
from reelwright.media.probe import probe as media_probe
from reelwright.store.files import Files
from reelwright.store.objects import Bucket
from tests.api.asks import picture
from tests.api.videos import Gate, cancel, create, ended, look, made
from tests.contract import checking
from tests.databases import run_sql
from tests.jobs.test_durability import refused
from tests.objects import ObjectServer, Settings, Shelf, bucket_address, shelf
from tests.servers import ServerProcess, WorkerProcess, eventually

Start = Callable[..., ServerProcess]
ON_POSTGRES = pytest.mark.parametrize("database", ["postgres"], indirect=True)

NOISE = {"size": "640x640", "num_frames": 24}
"""A file of some megabytes: more than the buffers on the way to a server that stands still hold."""


@pytest.fixture
def bucket(object_server: ObjectServer) -> Iterator[Settings]:
    with object_server.bucket() as settings:
        yield settings


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[ObjectServer]:
    """A server of S3 that the test may stop."""
    running = ObjectServer(tmp_path / "swift").start()
    yield running
    running.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server on its own data directory: `start(settings, "a")`."""
    started: list[ServerProcess] = []

    def begin(
        settings: Settings, name: str = "data", kind: type[ServerProcess] = ServerProcess, **more: str
    ) -> ServerProcess:
        started.append(kind(tmp_path / name, **{**settings, **more}))
        return started[-1].start()

    yield begin
    for server in started:
        if server.process and server.process.poll() is None:
            server.kill()


def client(server: ServerProcess) -> httpx2.Client:
    return httpx2.Client(base_url=server.url, timeout=60)


def content(http: httpx2.Client, video: dict[str, Any], **headers: str) -> httpx2.Response:
    return http.get(f"/v1/videos/{video['id']}/content", headers=headers)


# --- the bucket is away ---


def test_a_bucket_that_is_away_costs_no_job(s3: ObjectServer, start: Start, tmp_path: Path) -> None:
    with s3.bucket() as settings, Gate(tmp_path) as gate:
        server = start(settings)
        with client(server) as http:
            old, running = made(http), create(http, gate.prompt)
            eventually(lambda: look(http, running)["status"] == "in_progress")
            shelf(server).forget_fetched()
            s3.kill()
            gate.open()
            answer = content(http, old)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
            assert int(answer.headers["Retry-After"]) <= 5
            assert http.get("/ready").json()["checks"]["storage"] == "the storage of the videos takes no writes"
            assert http.get("/health").status_code == 200
            assert create(http)["status"] in ("queued", "in_progress")  # it is accepted meanwhile
            eventually(lambda: "the bucket fails" in server.log_text())
            assert look(http, running)["status"] == "in_progress"
            s3.start()
            assert ended(http, running)["status"] == "completed"
            for video in (old, running):
                assert content(http, video).content[4:8] == b"ftyp"
            eventually(lambda: http.get("/ready").status_code == 200)
        assert settings["AWS_SECRET_ACCESS_KEY"] not in server.log_text()
        assert server.stop() == 0


def test_a_job_is_resumed_when_the_bucket_is_back(s3: ObjectServer, start: Start) -> None:
    """Its checkpoint cannot be fetched at first."""
    with s3.bucket() as settings:
        server = start(settings)
        with client(server) as http:
            video = create(http, "resume 0.3", num_frames=24)
            eventually(lambda: look(http, video)["progress"] > 20)
        server.kill()
        folders = [path for path in (server.data_dir / "work").iterdir() if path.is_dir()]
        for path in folders:  # another machine
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
        server.start()
        s3.kill()
        with client(server) as http:
            assert look(http, video)["status"] == "in_progress"
            s3.start()
            last = ended(http, video)
        assert (last["status"], last["made_with"]["first_frame"] > 0) == ("completed", True)


def test_who_stops_does_not_wait_for_a_bucket(s3: ObjectServer, start: Start, tmp_path: Path) -> None:
    with s3.bucket() as settings, Gate(tmp_path) as gate:
        server = start(settings, REELWRIGHT_DRAIN_S="0.5")
        with client(server) as http:
            video = create(http, gate.prompt)
            eventually(lambda: look(http, video)["status"] == "in_progress")
            s3.kill()
            gate.open()
            eventually(lambda: "the bucket fails" in server.log_text())
        assert server.stop() == 0
        s3.start()
        server.start()
        with client(server) as http:
            assert ended(http, video)["status"] == "completed"


# --- kill -9 ---


def test_a_process_that_is_killed_while_it_stores_a_file_leaves_nothing(s3: ObjectServer, start: Start) -> None:
    with s3.bucket() as settings:
        server = start(settings)
        with client(server) as http:
            video = create(http, "noise", **NOISE)
            eventually(lambda: shelf(server).names("videos"), 60)  # the poster; the file is encoded now
            s3.freeze()
            parts = server.data_dir / "cache" / "parts"
            eventually(lambda: any(probe(part) for part in parts.glob("*.mp4.*")), 60)
            assert look(http, video)["status"] == "in_progress"
        server.kill()
        s3.thaw()
        assert shelf(server).names("videos") == [f"{video['id']}-1.jpg"]
        server.start()
        with client(server) as http:
            assert ended(http, video)["status"] == "completed"
            assert f"{video['id']}-2.mp4" in shelf(server).names("videos")
            assert list(parts.iterdir()) == []


def probe(part: Path) -> int:
    """The frames of a file, once it is whole; 0 before."""
    try:
        return media_probe(part).num_frames
    except EngineError:
        return 0


def test_a_late_file_of_an_older_attempt_changes_nothing_and_goes(bucket: Settings, start: Start) -> None:
    server = start(bucket)
    with client(server) as http:
        video = create(http, "resume 0.1", num_frames=24)
        eventually(lambda: look(http, video)["progress"] > 0)
    server.kill()
    server.start()
    with client(server) as http:
        assert ended(http, video)["status"] == "completed"
        whole = content(http, video).content
        shelf(server).write(f"videos/{video['id']}-1.mp4", b"of the zombie")
        shelf(server).forget_fetched()
        assert content(http, video).content == whole
    assert server.stop() == 0
    server.start()  # the bucket is listed once an hour, and at a start
    eventually(lambda: f"{video['id']}-1.mp4" not in shelf(server).names("videos"))
    with client(server) as http:
        assert content(http, video).content == whole


def test_a_file_that_comes_after_the_cancel_goes_at_the_next_start(
    bucket: Settings, start: Start, tmp_path: Path
) -> None:
    server = start(bucket)
    with client(server) as http:
        video = create(http, f"until {tmp_path / 'never'}")
        eventually(lambda: look(http, video)["status"] == "in_progress")
        cancel(http, video)
    server.kill()
    for ending in ("mp4", "jpg"):
        shelf(server).write(f"videos/{video['id']}-1.{ending}", b"x")
    written = time.time()
    # A bucket tells whole seconds, and may round them up; the files are to be older than the next process.
    eventually(lambda: time.time() > math.ceil(written))
    server.start()
    eventually(lambda: shelf(server).names("videos", video["id"]) == [])


# --- many machines ---


@ON_POSTGRES
def test_another_machine_resumes_with_no_shared_folder(bucket: Settings, start: Start, database: Settings) -> None:
    """From the checkpoint in the bucket; the input image comes from there, too."""
    settings = {**bucket, **database}
    server = start(settings, "server", REELWRIGHT_WORKERS="0")
    workers = {name: start(settings, name, WorkerProcess) for name in ("a", "b")}
    with client(server) as http:
        body = {"prompt": "resume 0.25", "model": "toy", "size": "64x64", "num_frames": "40"}
        image = {"input_reference": ("fox.png", picture(width=72))}
        video = http.post("/v1/videos", data=body, files=image).json()
        eventually(lambda: look(http, video)["progress"] > 15)
        [(holder,)] = run_sql(server, "SELECT worker FROM videos WHERE id = ?", video["id"])
        [name] = [name for name, worker in workers.items() if holder in worker.log_text()]
        workers[name].kill()
        last = eventually(lambda: (v := look(http, video))["status"] == "completed" and v, 60)
        assert last["made_with"]["first_frame"] > 0
        assert content(http, video).content[4:8] == b"ftyp"
        assert run_sql(server, "SELECT attempt FROM videos WHERE id = ?", video["id"]) == [(2,)]
        eventually(lambda: shelf(server).names("checkpoints") == [])
        assert http.delete(f"/v1/videos/{video['id']}").status_code == 200
        eventually(lambda: shelf(server).names("videos") == [])


def test_a_picture_reaches_the_engine(bucket: Settings, start: Start) -> None:
    with client(start(bucket)) as http:
        body = {"prompt": "sea", "model": "sketch", "size": "64x64", "num_frames": "4"}
        image = {"input_reference": ("fox.png", picture(width=72))}
        video = http.post("/v1/videos", data=body, files=image).json()
        assert ended(http, video)["status"] == "completed"


@ON_POSTGRES
def test_a_machine_whose_files_lie_elsewhere_is_refused(
    bucket: Settings, start: Start, database: Settings, tmp_path: Path
) -> None:
    server = start({**bucket, **database})
    with client(server) as http:
        video = made(http)
    told = refused(**database, PORT="0", REELWRIGHT_DATA_DIR=str(tmp_path / "other"))
    assert told.returncode == 2
    assert told.stderr.startswith("The database ")
    assert "has its videos in another place than" in told.stderr
    assert "Set REELWRIGHT_DATA_DIR or REELWRIGHT_S3_BUCKET" in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1
    with client(server) as http:
        assert content(http, video).status_code == 200


def test_a_bucket_of_another_database_is_left_as_it_is(bucket: Settings, start: Start, tmp_path: Path) -> None:
    server = start(bucket)
    with client(server) as http:
        video = made(http)
    assert server.stop() == 0
    names = shelf(server).names("videos")
    for _ in range(2):
        told = refused(**bucket, PORT="0", REELWRIGHT_DATA_DIR=str(tmp_path / "other"))
        assert told.returncode == 2
        assert "belong to another database" in told.stderr
        assert "Nothing was removed." in told.stderr
    shelf(server).remove("database-id")  # and one that nobody has marked
    told = refused(**bucket, PORT="0", REELWRIGHT_DATA_DIR=str(tmp_path / "third"))
    assert (told.returncode, "belong to another database" in told.stderr) == (2, True)
    assert shelf(server).names("videos") == names
    server.start()
    with client(server) as http:
        assert content(http, video).status_code == 200


# --- settings ---


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "canary-secret"}, "refuses the key. Set AWS_ACCESS_KEY_ID"),
        ({"REELWRIGHT_S3_BUCKET": "nobodys-bucket"}, "does not exist. Make it, or name another one"),
        ({"REELWRIGHT_S3_ENDPOINT": "http://127.0.0.1:9"}, "does not answer (no connection). Check REELWRIGHT_S3_"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "belong together"),
        ({"REELWRIGHT_S3_BUCKET": "../x"}, "is not a bucket; write it as"),
        ({"REELWRIGHT_S3_ENDPOINT": "s3.example"}, "is not the address of a server"),
    ],
    ids=["key", "bucket", "address", "half a key", "no bucket's name", "no address"],
)
def test_a_bucket_that_cannot_be_used_is_told(bucket: Settings, tmp_path: Path, wrong: Settings, told: str) -> None:
    done = refused(**{**bucket, **wrong}, PORT="0", REELWRIGHT_DATA_DIR=str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "canary-secret" not in done.stderr
    assert bucket["AWS_SECRET_ACCESS_KEY"] not in done.stderr


def test_a_package_that_is_missing_is_told(bucket: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'reelwright\[s3\]'"):
        Bucket(bucket_address(bucket), tmp_path / "cache")


def test_doctor_tells_the_bucket(bucket: Settings, tmp_path: Path) -> None:
    def doctor(**settings: str) -> str:
        command = [sys.executable, "-m", "reelwright.cli", "doctor"]
        environment = {**os.environ, "REELWRIGHT_ENGINE": "sketch", "COLUMNS": "200", **settings}
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    told = doctor(**bucket)
    assert bucket["REELWRIGHT_S3_BUCKET"] in told
    assert bucket["REELWRIGHT_S3_ENDPOINT"] in told
    assert "can be written" in told
    assert "refuses the key" in doctor(**{**bucket, "AWS_ACCESS_KEY_ID": "test:nobody"})


# --- the bucket sends the files itself ---


@pytest.fixture(scope="module")
def sending(object_server: ObjectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data_dir = tmp_path_factory.mktemp("redirect") / "data"
    redirect = {"REELWRIGHT_DOWNLOADS": "redirect"}
    with object_server.bucket() as settings, ServerProcess(data_dir, **settings, **redirect) as server:
        yield server


@pytest.fixture
def http(sending: ServerProcess) -> Iterator[httpx2.Client]:
    with checking(sending.url) as http:
        yield http


def test_a_client_is_sent_to_the_bucket(sending: ServerProcess, http: httpx2.Client) -> None:
    video = made(http)
    whole = Shelf(sending.data_dir, sending.store).read(f"videos/{video['id']}-1.mp4")
    sent = content(http, video)
    assert (sent.status_code, sent.content) == (302, b"")
    assert sent.headers["Location"].startswith(sending.store["REELWRIGHT_S3_ENDPOINT"])
    assert sending.store["AWS_SECRET_ACCESS_KEY"] not in sent.headers["Location"]
    got = httpx2.get(sent.headers["Location"])
    assert (got.status_code, got.content, got.headers["Content-Type"]) == (200, whole, "video/mp4")
    assert got.headers["Content-Disposition"] == f'inline; filename="{video["id"]}.mp4"'
    part = httpx2.get(sent.headers["Location"], headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    head = http.head(f"/v1/videos/{video['id']}/content")
    assert httpx2.head(head.headers["Location"]).headers["Content-Length"] == str(len(whole))
    assert content(http, video, **{"If-None-Match": sent.headers["ETag"]}).status_code == 304
    gif = http.get(f"/v1/videos/{video['id']}/content", params={"variant": "gif"})
    assert httpx2.get(gif.headers["Location"]).content.startswith(b"GIF8")
    router = http.get(f"/api/v1/videos/{video['id']}/content")
    assert httpx2.get(router.headers["Location"]).content == whole
    # Who waits for a new video gets it at once.
    body = {"prompt": "paint", "engine": "toy", "width": 64, "height": 64, "num_frames": 4}
    assert http.post("/api/video/generate", json=body).content[4:8] == b"ftyp"


def test_nobody_is_sent_to_what_is_damaged_or_gone(sending: ServerProcess, http: httpx2.Client) -> None:
    cut, gone = made(http), made(http)
    there = Shelf(sending.data_dir, sending.store)
    there.write(f"videos/{cut['id']}-1.mp4", there.read(f"videos/{cut['id']}-1.mp4")[:-1])
    there.remove(f"videos/{gone['id']}-1.mp4")
    assert content(http, cut).json()["error"]["code"] == "corrupt"
    assert content(http, gone).status_code == 404


# --- the copies on this machine's disk ---


def test_what_was_used_least_lately_makes_room(bucket: Settings, tmp_path: Path) -> None:
    files = Files(tmp_path, Bucket(bucket_address(bucket), tmp_path / "cache", cache_bytes=2_500, in_use_s=0))
    files.prepare()
    first, second, third = (files.key(f"video_01ARZ3NDEKTSV4RRFFQ69G5FA{letter}", 1) for letter in "ABC")

    def put(key: str) -> None:
        files.publish(key, lambda part: part.write_bytes(b"x" * 1_000), "video/mp4")

    put(first)
    put(second)
    assert files.fetch(first).exists()
    put(third)
    folder = tmp_path / "cache" / "videos"
    assert sorted(path.name for path in folder.iterdir()) == [first, third]
    assert files.fetch(second).stat().st_size == 1_000


def test_what_may_be_about_to_be_opened_stays(bucket: Settings, tmp_path: Path) -> None:
    files = Files(tmp_path, Bucket(bucket_address(bucket), tmp_path / "cache", cache_bytes=1))
    files.prepare()
    for letter in "AB":
        key = files.key(f"video_01ARZ3NDEKTSV4RRFFQ69G5FA{letter}", 1)
        files.publish(key, lambda part: part.write_bytes(b"x"), "video/mp4")
    assert len(list((tmp_path / "cache" / "videos").iterdir())) == 2
