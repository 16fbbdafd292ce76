"""Uploaded files: a client sends a file first, and names its id in a later request.

    uploads/<digest of the owner's name>/<id>

One object each: a line of JSON with its facts, then its bytes. So it is there as a whole or not at all, no second
record of what it is can disagree with it, and a start with another database changes nothing. Its name tells the owner:
whoever asks for an id looks among their own files only. Sync code; callers in async code use a thread.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reelwright import ids
from reelwright.store.folder import HALF_WRITTEN_S, Found, Objects

KEPT = timedelta(hours=24)
MOST_FILES = 500
MOST_BYTES = 1_000_000_000
"""How much one owner may have at a time. When there is more, the oldest files are removed."""

_FACTS_BYTES = 16_384
"""The line of facts is read by itself where it is not longer."""


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
    """The files of all owners."""

    def __init__(self, objects: Objects, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES) -> None:
        """`objects`: the storage. `most_files`, `most_bytes`: how much one owner may have."""
        self._objects = objects
        self._most_files = most_files
        self._most_bytes = most_bytes

    def keep(
        self, owner: str, data: bytes, *, name: str, media_type: str, metadata: Mapping[str, Any], now: datetime
    ) -> tuple[Uploaded, Sequence[str]]:
        """Store a file; it is safe when this returns. Also: the ids of older ones that had to go for it.

        Raises OSError, or `Busy` when there is no room or no answer.
        """
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

        def write(part: Path) -> None:
            with part.open("wb") as file:
                file.write(line)
                file.write(data)

        self._objects.put(f"{_own(owner)}/{upload.id}", write)
        return upload, self._make_room(owner)

    def list(self, owner: str) -> Sequence[Uploaded]:
        """The owner's files, newest first."""
        facts = [self._facts(found.name) for found in self._found(owner)]
        return [upload for upload in facts if upload is not None]

    def get(self, owner: str, upload_id: str) -> Uploaded | None:
        """The facts of a file; None when there is none with that id, it is another owner's, or the text is no id."""
        return self._facts(f"{_own(owner)}/{upload_id}") if ids.is_file_id(upload_id) else None

    def read(self, owner: str, upload_id: str) -> bytes | None:
        """The bytes of a file; None as in `get`."""
        if not ids.is_file_id(upload_id):
            return None
        try:
            return self._objects.read(f"{_own(owner)}/{upload_id}").partition(b"\n")[2]
        except FileNotFoundError:
            return None

    def delete(self, owner: str, upload_id: str) -> bool:
        """Remove a file. False when there is none as in `get`."""
        if self.get(owner, upload_id) is None:
            return False
        self._objects.remove([f"{_own(owner)}/{upload_id}"])
        return True

    def sweep(self, now: datetime) -> int:
        """Remove expired and half-written files. Returns how many were removed."""
        old, parts = [], []
        for found in self._objects.look("uploads"):
            name = found.name.rpartition("/")[2]
            if ids.is_file_id(name) and ids.file_time(name) < (now - KEPT).timestamp():
                old.append(found.name)
            if name.endswith(".part") and found.changed < time.time() - HALF_WRITTEN_S:
                parts.append(found.name)
        self._objects.remove([*old, *parts])
        return len(old)

    def _make_room(self, owner: str) -> Sequence[str]:
        """Remove the oldest files of an owner who has more than may be; the newest one always stays.

        Returns their ids.
        """
        total, beyond = 0, []
        for count, found in enumerate(self._found(owner), 1):
            total += found.size
            if count > 1 and (count > self._most_files or total > self._most_bytes):
                beyond.append(found.name)
        self._objects.remove(beyond)
        return [name.rpartition("/")[2] for name in beyond]

    def _found(self, owner: str) -> Sequence[Found]:
        """The owner's whole files, the newest first."""
        found = [one for one in self._objects.look(_own(owner)) if ids.is_file_id(one.name.rpartition("/")[2])]
        return sorted(found, key=lambda one: one.name, reverse=True)

    def _facts(self, name: str) -> Uploaded | None:
        try:
            line, end, _ = self._objects.read(name, _FACTS_BYTES).partition(b"\n")
            if not end:
                line = self._objects.read(name).partition(b"\n")[0]
        except FileNotFoundError:
            return None
        facts = json.loads(line)
        return Uploaded(**{**facts, "created_at": datetime.fromtimestamp(facts["created_at"], UTC)})


def _own(owner: str) -> str:
    """The folder of the owner's files."""
    return f"uploads/{hashlib.sha256(owner.encode()).hexdigest()[:32]}"
