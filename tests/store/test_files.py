"""Files: there as a whole or not at all, in a folder and in a bucket; one server a directory."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reelwright.errors import Busy, Code, ConfigurationError
from reelwright.store.files import DirectoryLock, Files, sha256_of
from reelwright.store.objects import Bucket
from tests.objects import STORES, bucket_address
from tests.processes import Process

VIDEO = "video_01ARZ3NDEKTSV4RRFFQ69G5FAV"
OTHER = "video_01ARZ3NDEKTSV4RRFFQ69G5FAW"


KEY, OTHERS = f"{VIDEO}-1.mp4", f"{OTHER}-1.mp4"


@pytest.fixture(params=STORES)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    """In a folder, and then in a bucket."""
    if request.param == "folder":
        yield prepared(Files(tmp_path))
        return
    with request.getfixturevalue("object_server").bucket() as settings:
        yield prepared(Files(tmp_path, Bucket(bucket_address(settings), tmp_path / "cache")))


@pytest.fixture
def on_disk(tmp_path: Path) -> Files:
    return prepared(Files(tmp_path))


def prepared(files: Files) -> Files:
    files.prepare()
    return files


def names(files: Files, folder: str = "videos") -> list[str]:
    return sorted(found.name.removeprefix(f"{folder}/") for found in files.objects.look(folder))


def put(files: Files, key: str, data: bytes = b"film") -> None:
    files.publish(key, lambda part: part.write_bytes(data), "video/mp4")


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


def test_a_published_file_is_whole_and_alone(files: Files, tmp_path: Path) -> None:
    def write(part: Path) -> str:
        assert KEY not in names(files)
        part.write_bytes(b"film")
        return "result"

    assert files.publish(KEY, write, "video/mp4") == "result"
    assert (names(files), parts(tmp_path)) == ([KEY], [])
    assert files.fetch(KEY).read_bytes() == b"film"
    assert files.size(KEY) == 4


def test_a_file_that_cannot_be_written_leaves_nothing_and_keeps_the_old_one(files: Files, tmp_path: Path) -> None:
    put(files, KEY, b"old")

    def break_off(part: Path) -> None:
        part.write_bytes(b"half")
        raise RuntimeError("the encoder broke")

    with pytest.raises(RuntimeError, match="the encoder broke"):
        files.publish(KEY, break_off, "video/mp4")
    assert (names(files), parts(tmp_path)) == ([KEY], [])
    assert files.fetch(KEY).read_bytes() == b"old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_busy_and_leaves_nothing(files: Files, tmp_path: Path, number: int) -> None:
    def full(part: Path) -> None:
        part.write_bytes(b"half")
        raise OSError(number, os.strerror(number))

    with pytest.raises(Busy) as caught:
        files.publish(KEY, full, "video/mp4")
    assert caught.value.code is Code.STORAGE_FULL
    assert caught.value.retry_after
    assert (names(files), parts(tmp_path)) == ([], [])


def test_another_disk_error_is_not_called_full(files: Files) -> None:
    def broken(part: Path) -> None:
        raise OSError(errno.EIO, "I/O error")

    with pytest.raises(OSError, match="I/O error"):
        files.publish(KEY, broken, "video/mp4")


def test_what_is_not_there_is_told(files: Files) -> None:
    for look in (files.fetch, files.size):
        with pytest.raises(FileNotFoundError):
            look(KEY)
    with pytest.raises(FileNotFoundError):
        files.share_video(KEY, OTHER, 1)
    files.discard_video(VIDEO)
    assert files.mark("store-id") is None


@pytest.fixture
def little_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 600 kB."""
    folder = tmp_path / "little"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_really_is_full(little_disk: Path) -> None:
    files = prepared(Files(little_disk))
    files.check_writable()
    with pytest.raises(Busy) as caught:
        files.keep_image(b"x" * 2_000_000)
    assert caught.value.code is Code.STORAGE_FULL
    assert names(files, "images") == []
    files.keep_image(b"x" * 100_000)


def test_a_file_over_the_processs_limit_leaves_nothing(files: Files, tmp_path: Path) -> None:
    """RLIMIT_FSIZE: the write fails half-way, as on a full disk (with EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            files.keep_image(b"x" * 300_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert (names(files, "images"), parts(tmp_path)) == ([], [])


def test_an_image_is_stored_once_under_its_digest(files: Files) -> None:
    digest = files.keep_image(b"picture")
    assert files.keep_image(b"picture") == digest
    assert names(files, "images") == [digest]
    picture = files.fetch_image(digest, VIDEO, 1)
    assert (picture.read_bytes(), sha256_of(picture)) == (b"picture", digest)
    with pytest.raises(FileNotFoundError):
        files.fetch_image("0" * 64, VIDEO, 1).read_bytes()


def test_an_image_that_is_sent_again_is_young_again(on_disk: Files) -> None:
    digest = on_disk.keep_image(b"picture")
    first = on_disk.image(digest).stat()
    os.utime(on_disk.image(digest), (0, 0))
    on_disk.keep_image(b"picture")
    again = on_disk.image(digest).stat()
    assert (again.st_ino, again.st_mtime >= first.st_mtime) == (first.st_ino, True)


def test_the_same_image_may_be_stored_by_many_at_once(files: Files) -> None:
    data = os.urandom(200_000)
    start, trouble = threading.Barrier(8), []

    def keep() -> None:
        start.wait()
        try:
            files.keep_image(data)
        except OSError as error:
            trouble.append(error)

    callers = [threading.Thread(target=keep) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert trouble == []
    assert [files.objects.read(f"images/{name}") for name in names(files, "images")] == [data]


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "video_../../etc/passwd", f"{VIDEO}/..", f"{VIDEO}\x00", VIDEO.lower()]
)
def test_only_ids_become_paths(on_disk: Files, name: str) -> None:
    files = on_disk
    for make in (
        lambda: files.key(name, 1),
        lambda: files.keys_of_earlier(name, 1),
        lambda: files.scratch(name, 1),
        lambda: files.discard_video(name),
        lambda: files.discard_scratch(name, 1),
        lambda: files.forget_inputs(name),
        lambda: files.share_video(KEY, name, 1),
    ):
        with pytest.raises(ValueError, match="not a video id"):
            make()


def test_a_file_that_goes_while_its_folder_is_read_is_passed_over(on_disk: Files) -> None:
    for attempt in (1, 2):
        put(on_disk, f"{VIDEO}-{attempt}.mp4")
    found = on_disk.objects.look("videos")
    first = next(found)
    on_disk.objects.remove([f"videos/{VIDEO}-{attempt}.mp4" for attempt in (1, 2)])
    assert first.name.startswith(f"videos/{VIDEO}-")
    assert list(found) == []


def test_a_discarded_video_takes_all_that_was_made_of_it(files: Files) -> None:
    late = f"{VIDEO}-2.mp4"
    for key in (
        KEY,
        files.derived_key(KEY, "jpg"),
        files.derived_key(KEY, "spritesheet.jpg"),
        late,
        f"{VIDEO}.mp4",
        OTHERS,
    ):
        put(files, key)
    files.discard_video(VIDEO)
    files.discard_video(VIDEO)
    assert names(files) == [OTHERS]
    with pytest.raises(FileNotFoundError):
        files.fetch(KEY)


def test_a_shared_file_is_its_own_and_its_poster(files: Files) -> None:
    put(files, files.derived_key(KEY, "jpg"), b"poster")
    put(files, KEY)
    key = files.share_video(KEY, OTHER, 3)
    assert key == f"{OTHER}-3.mp4"
    files.discard_video(VIDEO)
    assert (files.fetch(key).read_bytes(), files.fetch(files.derived_key(key, "jpg")).read_bytes()) == (
        b"film",
        b"poster",
    )


def test_a_file_that_was_shared_a_moment_ago_waits_for_its_row(files: Files) -> None:
    put(files, KEY)
    if not files.remote:
        os.utime(files.path(KEY), (0, 0))
    key = files.share_video(KEY, OTHER, 1)
    assert files.remove_orphans({VIDEO: KEY}, frozenset()) == 0
    assert key in names(files)


def test_what_belongs_to_no_row_goes(files: Files) -> None:
    """That of an attempt that does not count; nothing of a job that has not ended, or was cancelled a moment ago."""
    running = "video_01ARZ3NDEKTSV4RRFFQ69G5FAX"
    left = [KEY, files.derived_key(KEY, "gif"), f"{running}-1.mp4"]
    for key in (*left, f"{VIDEO}-2.mp4", f"{VIDEO}-2.jpg", OTHERS):
        put(files, key)
    assert files.remove_orphans({VIDEO: KEY, OTHER: "", running: None}, frozenset()) == 2
    assert names(files) == sorted([*left, OTHERS])  # a duplicate's job may be about to link to it
    if not files.remote:
        os.utime(files.path(OTHERS), (0, 0))
        assert files.remove_orphans({VIDEO: KEY, OTHER: "", running: None}, frozenset()) == 1
        assert names(files) == sorted(left)


def test_what_nobody_knows_goes_when_it_is_old(on_disk: Files) -> None:
    digest = on_disk.keep_image(b"picture")
    put(on_disk, KEY)
    kept = on_disk.keep_checkpoint(VIDEO, 1, a_checkpoint(on_disk, "step-3"))
    assert on_disk.remove_orphans({}, frozenset()) == 0
    for name in (f"videos/{KEY}", f"images/{digest}", f"checkpoints/{VIDEO}/{kept['stored']}"):
        os.utime(on_disk.objects.path(name), (0, 0))
    assert on_disk.remove_orphans({}, frozenset({digest})) == 2
    assert (names(on_disk), names(on_disk, "images"), names(on_disk, "checkpoints")) == ([], [digest], [])


def test_the_scratch_of_jobs_that_have_ended_is_removed(files: Files) -> None:
    for video in (VIDEO, OTHER):
        files.scratch(video, 1).mkdir(parents=True)
        (files.scratch(video, 1) / "checkpoint").write_bytes(b"x")
    files.remove_stale_scratch(frozenset({VIDEO}))
    assert (files.scratch(VIDEO, 1) / "checkpoint").exists()
    assert not files.scratch(OTHER, 1).exists()
    files.discard_scratch(VIDEO, 1)
    files.discard_scratch(VIDEO, 1)
    assert not files.scratch(VIDEO, 1).exists()


def test_a_folder_that_others_use_too_keeps_what_is_young(tmp_path: Path) -> None:
    first, second = prepared(Files(tmp_path)), Files(tmp_path)
    part = first.path(f"{KEY}.1234.part")
    part.write_bytes(b"half")
    first.scratch(VIDEO, 1).mkdir()
    second.prepare(alone=False)
    second.remove_stale_scratch(frozenset())
    assert part.exists()
    assert first.scratch(VIDEO, 1).exists()
    for path in (part, first.scratch(VIDEO, 1)):
        os.utime(path, (0, 0))
    second.prepare(alone=False)
    second.remove_stale_scratch(frozenset())
    assert not part.exists()
    assert not first.scratch(VIDEO, 1).exists()


def test_the_next_attempt_takes_what_the_one_before_has_left(files: Files) -> None:
    files.scratch(VIDEO, 1).mkdir()
    (files.scratch(VIDEO, 1) / "picture").write_bytes(b"x")
    clip = files.scratch(VIDEO, 1).with_name(f"{VIDEO}-1.clip")
    clip.touch()
    files.take_over_scratch(VIDEO, 3)
    assert (files.scratch(VIDEO, 3) / "picture").exists()
    assert not files.scratch(VIDEO, 1).exists()
    assert not clip.exists()


def a_checkpoint(files: Files, name: str, attempt: int = 1) -> dict[str, object]:
    files.scratch(VIDEO, attempt).mkdir(parents=True, exist_ok=True)
    (files.scratch(VIDEO, attempt) / name).write_bytes(name.encode())
    return {"step": 3, "file": name}


def test_a_checkpoints_file_comes_back_to_where_its_folder_is_lost(files: Files) -> None:
    kept = files.keep_checkpoint(VIDEO, 2, a_checkpoint(files, "step-3", 2))
    assert kept == {"step": 3, "file": "step-3", "stored": "2-step-3"}
    shutil.rmtree(files.scratch(VIDEO, 2))
    files.fetch_checkpoint(VIDEO, 3, kept)
    assert [path.read_bytes() for path in files.scratch(VIDEO, 3).iterdir()] == [b"step-3"]


def test_only_the_checkpoint_that_counts_is_left(files: Files) -> None:
    first = files.keep_checkpoint(VIDEO, 1, a_checkpoint(files, "step-3"))
    second = files.keep_checkpoint(VIDEO, 1, a_checkpoint(files, "step-6"))
    files.forget_older_checkpoints(VIDEO, second)
    shutil.rmtree(files.scratch(VIDEO, 1))
    files.fetch_checkpoint(VIDEO, 1, first)
    assert list(files.scratch(VIDEO, 1).iterdir()) == []
    files.fetch_checkpoint(VIDEO, 1, second)
    assert len(list(files.scratch(VIDEO, 1).iterdir())) == 1
    files.forget_inputs(VIDEO)
    assert names(files, "checkpoints") == []


def test_checkpoints_of_jobs_that_have_ended_are_removed_at_a_start(on_disk: Files, tmp_path: Path) -> None:
    on_disk.keep_checkpoint(VIDEO, 1, a_checkpoint(on_disk, "step-3"))
    on_disk.remove_stale_scratch(frozenset({VIDEO}))
    assert names(on_disk, "checkpoints") == [f"{VIDEO}/1-step-3"]
    on_disk.remove_stale_scratch(frozenset())
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_state_without_a_file_needs_no_place(files: Files) -> None:
    assert files.keep_checkpoint(VIDEO, 1, {"phase": "asked"}) == {"phase": "asked"}
    files.forget_older_checkpoints(VIDEO, {"phase": "asked"})
    files.fetch_checkpoint(VIDEO, 1, {"phase": "asked"})
    assert names(files, "checkpoints") == []


def test_a_checkpoint_names_a_file_of_its_own_folder_only(files: Files, tmp_path: Path) -> None:
    files.scratch(VIDEO, 1).mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"x")
    with pytest.raises(FileNotFoundError):
        files.keep_checkpoint(VIDEO, 1, {"file": "../../secret"})


def test_of_many_who_mark_a_store_the_first_one_counts(files: Files) -> None:
    with ThreadPoolExecutor(8) as pool:
        kept = set(pool.map(lambda number: files.keep_mark("store-id", f"{number:032}"), range(8)))
    assert len(kept) == 1
    assert files.mark("store-id") in kept


def test_half_written_files_are_removed_when_the_folders_are_prepared(on_disk: Files, tmp_path: Path) -> None:
    part = on_disk.path(f"{KEY}.1234.part")
    part.write_bytes(b"half")
    on_disk.path(KEY).write_bytes(b"whole")
    Files(tmp_path).prepare()
    assert not part.exists()
    assert on_disk.path(KEY).exists()


def test_a_data_directory_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for make in (Files(tmp_path / "file").prepare, lambda: DirectoryLock(tmp_path / "file").acquire("me")):
        with pytest.raises(ConfigurationError, match=r"cannot be written.*REELWRIGHT_DATA_DIR"):
            make()


def test_one_holder_a_directory(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path / "data"), DirectoryLock(tmp_path / "data")
    first.acquire("the first one, who has a rather long name")
    with pytest.raises(ConfigurationError, match="in use by the first one, who has a rather long name"):
        second.acquire("the second")
    first.release()
    first.release()
    second.acquire("the second")
    with pytest.raises(ConfigurationError, match="in use by the second\\. Stop"):
        first.acquire("x")
    second.release()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    program = (
        "import time, pathlib; from reelwright.store.files import DirectoryLock; "
        f"lock = DirectoryLock(pathlib.Path({str(tmp_path)!r})); "
        "lock.acquire('the child'); print('locked', flush=True); time.sleep(60)"
    )
    with Process([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdout.readline() == b"locked\n"
        with pytest.raises(ConfigurationError, match="in use by the child"):
            DirectoryLock(tmp_path).acquire("me")
    lock = DirectoryLock(tmp_path)
    lock.acquire("me")
    lock.release()
