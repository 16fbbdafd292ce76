"""Uploaded files: whole or not there, their owner's only, bounded, and gone when they have had their time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reelwright.store.folder import Folder, Objects
from reelwright.store.objects import Bucket
from reelwright.store.uploads import KEPT, Uploaded, Uploads
from tests.objects import STORES, bucket_address

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(params=STORES)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    """A folder, and then a bucket."""
    if request.param == "folder":
        yield prepared(Folder(tmp_path))
        return
    with request.getfixturevalue("object_server").bucket() as settings:
        yield prepared(Bucket(bucket_address(settings), tmp_path / "cache"))


def prepared(objects: Objects) -> Objects:
    objects.prepare(alone=True)
    return objects


def keep(uploads: Uploads, owner: str = "ann", data: bytes = b"x", now: datetime = NOW, **facts: Any) -> Uploaded:
    told = {"name": "fox.png", "media_type": "image/png", "metadata": {}, **facts}
    return uploads.keep(owner, data, now=now, **told)[0]


def stored(objects: Objects) -> list[str]:
    return [found.name for found in objects.look("uploads")]


@pytest.mark.parametrize("metadata", [{"a": ["\x00", 1]}, {"a": "🦊" * 4_000}])
def test_a_file_comes_back_as_it_was_also_after_a_restart(objects: Objects, metadata: dict[str, Any]) -> None:
    data = b"\x00\n\r\n{}\n" * 1000
    kept = keep(Uploads(objects), data=data, name='f"ü\nx\ud800.png', metadata=metadata)
    again = Uploads(objects)
    assert again.read("ann", kept.id) == data
    assert again.get("ann", kept.id) == kept
    assert again.list("ann") == [kept]
    assert kept.expires_at - kept.created_at == timedelta(hours=24)


def test_a_file_is_its_owners_only(objects: Objects) -> None:
    uploads = Uploads(objects)
    kept = keep(uploads, "ann")
    for stranger in ("", "bob", "ann/", "../ann", "\x00"):
        assert uploads.get(stranger, kept.id) is None
        assert uploads.read(stranger, kept.id) is None
        assert not uploads.delete(stranger, kept.id)
        assert uploads.list(stranger) == []
    assert uploads.delete("ann", kept.id)
    assert not uploads.delete("ann", kept.id)
    assert stored(objects) == []


@pytest.mark.parametrize("name", ["", ".", "..", "../../etc/passwd", "file_" + "0" * 25, "file_" + "U" * 26, "\x00"])
def test_nothing_but_an_id_becomes_a_path(objects: Objects, name: str) -> None:
    uploads = Uploads(objects)
    keep(uploads)
    assert (uploads.get("ann", name), uploads.read("ann", name), uploads.delete("ann", name)) == (None, None, False)


def test_beyond_what_an_owner_may_have_the_oldest_go(objects: Objects) -> None:
    uploads = Uploads(objects, most_files=3, most_bytes=2_000)
    kept = [keep(uploads, now=NOW + timedelta(seconds=second)) for second in range(5)]
    other = keep(uploads, "bob")
    assert uploads.list("ann") == kept[:1:-1]
    large = keep(uploads, data=b"x" * 1_500, now=NOW + timedelta(seconds=9))
    assert uploads.list("ann") == [large, kept[4]]
    # The newest one stays, whatever its size.
    huge = keep(uploads, data=b"x" * 5_000, now=NOW + timedelta(seconds=10))
    assert (uploads.list("ann"), uploads.list("bob")) == ([huge], [other])


def test_a_sweep_takes_what_has_had_its_time_and_what_was_left_half_written(objects: Objects) -> None:
    uploads = Uploads(objects)
    assert uploads.sweep(NOW) == 0
    old, young = keep(uploads), keep(uploads, now=NOW + timedelta(minutes=1))
    part = objects.path(stored(objects)[0]).with_name("file_x.abc.part")
    if not objects.remote:
        part.touch()
    assert uploads.sweep(NOW + KEPT + timedelta(seconds=1)) == 1
    assert (uploads.list("ann"), uploads.read("ann", old.id)) == ([young], None)
    if not objects.remote:
        assert part.exists()
        os.utime(part, (0, 0))
        uploads.sweep(NOW)
        assert not part.exists()
