"""Uploaded files: what a client has sent beforehand, to name it in a later request.

    <data directory>/uploads/<digest of the owner's name>/<id>

One file each: a line of JSON with its facts, then its bytes. So it is there as a whole or not at all, no second record
can disagree with it, and a start with another database changes nothing. Its place tells the owner: whoever asks for an
id looks among their own files only. Sync code; callers in async code use a thread.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reelwright import ids
from reelwright.store.files import Files

KEPT = timedelta(hours=24)
MOST_FILES = 500
MOST_BYTES = 1_000_000_000
"""What one owner may have at a time; beyond it the oldest files go first."""

_HALF_WRITTEN_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """One file. `name` and `media_type` are what the client called it; `sha256` is hex, times are aware UTC."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    metadata: Mapping[str, Any]
    created_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.created_at + KEPT


class Uploads:
    """The files of all owners below one folder."""

    def __init__(self, folder: Path, files: Files, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES) -> None:
        """`files` writes safely. `most_files`, `most_bytes`: of one owner."""
        self._folder = folder.absolute()
        self._files = files
        self._most_files = most_files
        self._most_bytes = most_bytes

    def keep(
        self, owner: str, data: bytes, *, name: str, media_type: str, metadata: Mapping[str, Any], now: datetime
    ) -> Uploaded:
        """Store a file; it is safe on the disk when this returns. Raises OSError, or `Busy` when the disk is full."""
        upload = Uploaded(
            id=ids.file_id(int(now.timestamp() * 1000)),
            name=name,
            media_type=media_type,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            metadata=metadata,
            created_at=now,
        )
        facts = {**dataclasses.asdict(upload), "created_at": now.timestamp()}
        line = json.dumps(facts).encode() + b"\n"
        folder = self._own(owner)
        folder.mkdir(parents=True, exist_ok=True)

        def write(part: Path) -> None:
            with part.open("wb") as file:
                file.write(line)
                file.write(data)

        self._files.publish(folder / upload.id, write)
        self._make_room(folder)
        return upload

    def list(self, owner: str) -> Sequence[Uploaded]:
        """The owner's files, newest first."""
        found = [_facts(path) for path in sorted(_files(self._own(owner)), reverse=True)]
        return [upload for upload in found if upload is not None]

    def get(self, owner: str, upload_id: str) -> Uploaded | None:
        """The facts of one of the owner's files; None for what is not there, not theirs or not an id."""
        path = self._path(owner, upload_id)
        return _facts(path) if path else None

    def read(self, owner: str, upload_id: str) -> bytes | None:
        """The bytes of one of the owner's files; None as in `get`."""
        path = self._path(owner, upload_id)
        if path is None:
            return None
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            file.readline()
            return file.read()
        return None

    def delete(self, owner: str, upload_id: str) -> bool:
        """Remove one of the owner's files. False for what is not there."""
        path = self._path(owner, upload_id)
        if path is None:
            return False
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            return True
        return False

    def sweep(self, now: datetime) -> int:
        """Remove what has had its time, and what was left half-written. Returns how many files were removed."""
        removed = 0
        for folder in self._folders():
            for path in _files(folder):
                if ids.file_time(path.name) < (now - KEPT).timestamp():
                    path.unlink(missing_ok=True)
                    removed += 1
            for part in folder.glob("*.part"):
                with contextlib.suppress(FileNotFoundError):
                    if part.stat().st_mtime < time.time() - _HALF_WRITTEN_S:
                        part.unlink()
        return removed

    def _make_room(self, folder: Path) -> None:
        """Remove the oldest files beyond what an owner may have; the newest one always stays."""
        total = 0
        for count, path in enumerate(sorted(_files(folder), reverse=True), 1):
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
                if count > 1 and (count > self._most_files or total > self._most_bytes):
                    path.unlink()

    def _path(self, owner: str, upload_id: str) -> Path | None:
        return self._own(owner) / upload_id if ids.is_file_id(upload_id) else None

    def _own(self, owner: str) -> Path:
        return self._folder / hashlib.sha256(owner.encode()).hexdigest()[:32]

    def _folders(self) -> Sequence[Path]:
        try:
            return [path for path in self._folder.iterdir() if path.is_dir()]
        except FileNotFoundError:
            return []


def _files(folder: Path) -> Iterator[Path]:
    """What was stored, without what is half-written."""
    try:
        names = [path for path in folder.iterdir() if ids.is_file_id(path.name)]
    except FileNotFoundError:
        return iter(())
    return iter(names)


def _facts(path: Path) -> Uploaded | None:
    try:
        with path.open("rb") as file:
            facts = json.loads(file.readline())
    except FileNotFoundError:
        return None
    return Uploaded(**{**facts, "created_at": datetime.fromtimestamp(facts["created_at"], UTC)})
