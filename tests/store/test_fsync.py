"""Whatever the store writes is on the disk before it gets its name, and so is the name before the call returns.

A power cut cannot be had in a test, so the tests note what is fsynced, linked and renamed, and in which order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwright.store.files import DATABASE_ID, Files, make_safe
from reelwright.store.folder import write_probe
from reelwright.store.objects import _Cache
from reelwright.store.uploads import Uploads

VIDEO, OTHER = "video_01ARZ3NDEKTSV4RRFFQ69G5FAV", "video_01ARZ3NDEKTSV4RRFFQ69G5FAW"
KEY = f"{VIDEO}-1.mp4"


class Disk:
    """`early`: names that were given to files whose bytes were not safe. `unsafe_folders`: those whose newest name a
    power cut would take."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._safe: set[tuple[int, int]] = set()
        self.early: list[str] = []
        self.unsafe_folders: set[Path] = set()
        self.names = 0
        fsync, replace, link = os.fsync, os.replace, os.link

        def noting_fsync(file: int) -> None:
            fsync(file)
            found = os.fstat(file)
            self._safe.add((found.st_dev, found.st_ino))
            self.unsafe_folders = {one for one in self.unsafe_folders if not os.path.samestat(one.stat(), found)}

        def noting_replace(source: Path, target: Path) -> None:
            self._name(Path(source), Path(target))
            replace(source, target)

        def noting_link(source: Path, target: Path) -> None:
            link(source, target)
            if not str(target).endswith(".part"):
                self._name(Path(source), Path(target))

        patch.setattr(os, "fsync", noting_fsync)
        patch.setattr(os, "replace", noting_replace)
        patch.setattr(os, "link", noting_link)

    def _name(self, source: Path, target: Path) -> None:
        found = source.stat()
        self.names += 1
        self.unsafe_folders.add(target.parent)
        if (found.st_dev, found.st_ino) not in self._safe:
            self.early.append(target.name)

    def is_safe(self, path: Path) -> bool:
        found = path.stat()
        return (found.st_dev, found.st_ino) in self._safe


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = Files(tmp_path / "data")
    files.prepare()
    return files


@pytest.fixture
def disk(files: Files, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def publish(files: Files) -> None:
    files.publish(KEY, lambda part: part.write_bytes(b"film"), "video/mp4")


def publish_what_is_safe(files: Files) -> None:
    def write(part: Path) -> None:
        part.write_bytes(b"film")
        make_safe(part)

    files.publish(KEY, write, "video/mp4", safe=True)


def publish_with_a_poster(files: Files) -> None:
    poster = files.derived_key(KEY, "jpg")
    files.publish(poster, lambda part: part.write_bytes(b"poster"), "image/jpeg", last=False)
    publish(files)


def share(files: Files) -> None:
    publish_with_a_poster(files)
    files.share_video(KEY, OTHER, 1)


def keep_a_checkpoint(files: Files) -> None:
    scratch = files.scratch(VIDEO, 1)
    scratch.mkdir()
    (scratch / "latents").write_bytes(b"half done")
    state = files.keep_checkpoint(VIDEO, 1, {"file": "latents"})
    files.share_checkpoint(VIDEO, state, OTHER)


def keep_a_source(files: Files) -> None:
    publish(files)
    files.keep_source(OTHER, KEY)
    files.keep_source(VIDEO, files.path(KEY))


def upload(files: Files) -> None:
    Uploads(files.objects)
    files.objects.put("uploads/file", lambda part: part.write_bytes(b"sent"))


@pytest.mark.parametrize(
    "store",
    [
        publish,
        publish_what_is_safe,
        publish_with_a_poster,
        share,
        lambda files: files.keep_image(b"picture"),
        keep_a_checkpoint,
        keep_a_source,
        upload,
        lambda files: files.keep_mark(DATABASE_ID, "id"),
    ],
    ids=["video", "safe", "poster", "share", "image", "checkpoint", "source", "upload", "mark"],
)
def test_bytes_are_safe_before_they_have_a_name_and_the_name_before_the_end(
    store: Callable[[Files], object], files: Files, disk: Disk
) -> None:
    store(files)
    assert disk.names
    assert (disk.early, disk.unsafe_folders) == ([], set())


def test_what_is_not_the_last_leaves_its_folder_to_the_next_one(files: Files, disk: Disk) -> None:
    files.publish(KEY, lambda part: part.write_bytes(b"film"), "video/mp4", last=False)
    assert disk.unsafe_folders == {files.path(KEY).parent}


def test_a_cached_file_without_a_digest_is_safe_before_it_has_its_name(tmp_path: Path, disk: Disk) -> None:
    cache = _Cache(tmp_path / "cache", 10**9, 60)
    cache.prepare(alone=True)
    for name in ("videos/one.jpg", "videos/one.mp4"):
        part = cache.part(name)
        part.write_bytes(b"fetched")
        cache.keep(name, part)
    assert disk.early == ["one.mp4"]  # its SHA-256 is compared before it is served


def test_a_disk_is_called_writable_when_it_makes_a_file_safe(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe: list[bool] = []
    unlink = Path.unlink

    def noting_unlink(path: Path, missing_ok: bool = False) -> None:
        safe.append(disk.is_safe(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", noting_unlink)
    write_probe(tmp_path)
    assert safe == [True]
