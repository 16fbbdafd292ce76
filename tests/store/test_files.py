"""Files: written, fsynced and renamed, or nothing is left; one server a directory."""

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
from pathlib import Path

import pytest

from reelwright.errors import Busy, Code, ConfigurationError
from reelwright.store.files import DirectoryLock, Files, sha256_of
from tests.processes import Process

VIDEO = "video_01ARZ3NDEKTSV4RRFFQ69G5FAV"
OTHER = "video_01ARZ3NDEKTSV4RRFFQ69G5FAW"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.prepare()
    return made


def test_a_published_file_is_whole_and_alone(files: Files) -> None:
    target = files.video(VIDEO)
    seen: list[Path] = []

    def write(part: Path) -> str:
        assert not target.exists()
        seen.append(part)
        part.write_bytes(b"film")
        return "result"

    assert files.publish(target, write) == "result"
    assert target.read_bytes() == b"film"
    assert seen[0].parent == target.parent
    assert seen[0].name.endswith(".part")
    assert list(target.parent.iterdir()) == [target]


def test_a_file_that_cannot_be_written_leaves_nothing_and_keeps_the_old_one(files: Files) -> None:
    target = files.video(VIDEO)
    target.write_bytes(b"old")

    def break_off(part: Path) -> None:
        part.write_bytes(b"half")
        raise RuntimeError("the encoder broke")

    with pytest.raises(RuntimeError, match="the encoder broke"):
        files.publish(target, break_off)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_busy_and_leaves_nothing(files: Files, number: int) -> None:
    def full(part: Path) -> None:
        part.write_bytes(b"half")
        raise OSError(number, os.strerror(number))

    with pytest.raises(Busy) as caught:
        files.publish(files.video(VIDEO), full)
    assert caught.value.code is Code.STORAGE_FULL
    assert caught.value.retry_after
    assert list(files.video(VIDEO).parent.iterdir()) == []


def test_another_disk_error_is_not_called_full(files: Files) -> None:
    def broken(part: Path) -> None:
        raise OSError(errno.EIO, "I/O error")

    with pytest.raises(OSError, match="I/O error"):
        files.publish(files.video(VIDEO), broken)


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
    files = Files(little_disk)
    files.prepare()
    files.check_writable()
    with pytest.raises(Busy) as caught:
        files.keep_image(b"x" * 2_000_000)
    assert caught.value.code is Code.STORAGE_FULL
    assert list(files.image("a").parent.iterdir()) == []
    files.keep_image(b"x" * 100_000)


def test_a_file_over_the_processs_limit_leaves_nothing(files: Files) -> None:
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
    assert list(files.image("a").parent.iterdir()) == []


def test_an_image_is_stored_once_under_its_digest(files: Files) -> None:
    digest = files.keep_image(b"picture")
    first = files.image(digest).stat()
    os.utime(files.image(digest), (0, 0))
    assert files.keep_image(b"picture") == digest
    again = files.image(digest).stat()
    assert (again.st_ino, again.st_mtime >= first.st_mtime) == (first.st_ino, True)  # young again, for the janitor
    assert sha256_of(files.image(digest)) == digest


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
    assert [path.read_bytes() for path in files.image("a").parent.iterdir()] == [data]


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "video_../../etc/passwd", f"{VIDEO}/..", f"{VIDEO}\x00", VIDEO.lower()]
)
def test_only_ids_become_paths(files: Files, name: str) -> None:
    for path in (files.video, files.poster, files.scratch, files.discard_video, files.discard_scratch):
        with pytest.raises(ValueError, match="not a video id"):
            path(name)


def test_a_discarded_video_takes_all_that_was_made_of_it(files: Files) -> None:
    for path in (files.video(VIDEO), files.poster(VIDEO), files.derived(VIDEO, "gif"), files.video(OTHER)):
        path.write_bytes(b"x")
    files.discard_video(VIDEO)
    files.discard_video(VIDEO)
    assert list(files.video(VIDEO).parent.iterdir()) == [files.video(OTHER)]


def test_a_file_that_was_shared_a_moment_ago_waits_for_its_row(files: Files) -> None:
    old = files.video(VIDEO)
    old.write_bytes(b"x")
    os.utime(old, (0, 0))
    files.share_video(VIDEO, OTHER)
    assert files.remove_orphans(frozenset({VIDEO}), frozenset(), 60) == 0
    assert files.video(OTHER).exists()


def test_the_scratch_of_jobs_that_have_ended_is_removed(files: Files) -> None:
    for video in (VIDEO, OTHER):
        files.scratch(video).mkdir(parents=True)
        (files.scratch(video) / "checkpoint").write_bytes(b"x")
    files.remove_stale_scratch(frozenset({VIDEO}))
    assert (files.scratch(VIDEO) / "checkpoint").exists()
    assert not (files.scratch(OTHER) / "checkpoint").exists()
    files.discard_scratch(VIDEO)
    files.discard_scratch(VIDEO)


def a_checkpoint(files: Files, name: str) -> dict[str, object]:
    files.scratch(VIDEO).mkdir(parents=True, exist_ok=True)
    (files.scratch(VIDEO) / name).write_bytes(name.encode())
    return {"step": 3, "file": name}


def test_a_checkpoints_file_comes_back_to_where_its_folder_is_lost(files: Files) -> None:
    kept = files.keep_checkpoint(VIDEO, 2, a_checkpoint(files, "step-3"))
    assert kept == {"step": 3, "file": "step-3", "stored": "2-step-3"}
    shutil.rmtree(files.scratch(VIDEO))
    files.fetch_checkpoint(VIDEO, kept)
    assert [path.read_bytes() for path in files.scratch(VIDEO).iterdir()] == [b"step-3"]


def test_only_the_checkpoint_that_counts_is_left(files: Files, tmp_path: Path) -> None:
    first = files.keep_checkpoint(VIDEO, 1, a_checkpoint(files, "step-3"))
    second = files.keep_checkpoint(VIDEO, 1, a_checkpoint(files, "step-6"))
    files.forget_older_checkpoints(VIDEO, second)
    shutil.rmtree(files.scratch(VIDEO))
    files.fetch_checkpoint(VIDEO, first)
    assert list(files.scratch(VIDEO).iterdir()) == []
    files.fetch_checkpoint(VIDEO, second)
    assert len(list(files.scratch(VIDEO).iterdir())) == 1
    files.remove_stale_scratch(frozenset())
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_state_without_a_file_needs_no_place(files: Files, tmp_path: Path) -> None:
    assert files.keep_checkpoint(VIDEO, 1, {"phase": "asked"}) == {"phase": "asked"}
    files.forget_older_checkpoints(VIDEO, {"phase": "asked"})
    files.fetch_checkpoint(VIDEO, {"phase": "asked"})
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_checkpoint_names_a_file_of_its_own_folder_only(files: Files, tmp_path: Path) -> None:
    files.scratch(VIDEO).mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"x")
    with pytest.raises(FileNotFoundError):
        files.keep_checkpoint(VIDEO, 1, {"file": "../../secret"})


def test_half_written_files_are_removed_when_the_folders_are_prepared(files: Files, tmp_path: Path) -> None:
    part = files.video(VIDEO).with_name("a.mp4.1234.part")
    part.write_bytes(b"half")
    files.video(VIDEO).write_bytes(b"whole")
    Files(tmp_path).prepare()
    assert not part.exists()
    assert files.video(VIDEO).exists()


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
