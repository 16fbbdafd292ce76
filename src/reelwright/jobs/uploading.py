"""Stores uploaded files. The bytes of a file count for its API key until the file is removed.

The file is stored first, then its row. A process that is killed in between leaves a file without a row: no client knows
its id, and it is removed when it expires. A row whose file is gone is removed then, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reelwright.clock import Clock
from reelwright.jobs.callers import Caller, refusal
from reelwright.jobs.threads import Threads
from reelwright.store.audit import SERVER, Who
from reelwright.store.keys import OverLimit
from reelwright.store.upload_rows import UploadRows
from reelwright.store.uploads import KEPT, Uploaded, Uploads


class Uploading:
    def __init__(self, files: Uploads, rows: UploadRows, threads: Threads, clock: Clock) -> None:
        self._files = files
        self._rows = rows
        self._threads = threads
        self._clock = clock

    async def keep(
        self, caller: Caller, data: bytes, *, name: str, media_type: str, metadata: Mapping[str, Any]
    ) -> Uploaded:
        """Store a file; it is safe when this returns. Raises `Busy` when the key or the disk has no room for it."""
        now, most = self._clock.now(), caller.limits.stored_bytes
        try:
            await self._threads.read(self._rows.check, caller.key, len(data), most)
            uploaded, beyond = await asyncio.to_thread(
                self._files.keep, caller.owner, data, name=name, media_type=media_type, metadata=metadata, now=now
            )
            await self._threads.write(self._rows.remove, beyond, Who(key=SERVER), now)
            try:
                left = await self._threads.write(self._rows.add, uploaded.id, len(data), most, caller.who, now)
            except BaseException:
                await asyncio.to_thread(self._files.delete, caller.owner, uploaded.id)
                raise
        except OverLimit as over:
            raise refusal(over, now) from None
        if left is not None:
            caller.left["stored_bytes"] = left
        return uploaded

    async def list(self, owner: str) -> Sequence[Uploaded]:
        """The owner's files, newest first."""
        return await asyncio.to_thread(self._files.list, owner)

    async def get(self, owner: str, upload_id: str) -> Uploaded | None:
        """The facts of one of the owner's files; None for what is not there, not theirs or not an id."""
        return await asyncio.to_thread(self._files.get, owner, upload_id)

    async def read(self, owner: str, upload_id: str) -> bytes | None:
        """The bytes of one of the owner's files; None as in `get`."""
        return await asyncio.to_thread(self._files.read, owner, upload_id)

    async def delete(self, caller: Caller, upload_id: str) -> bool:
        """Remove one of the owner's files. False for what is not there."""
        if not await asyncio.to_thread(self._files.delete, caller.owner, upload_id):
            return False
        await self._threads.write(self._rows.remove, [upload_id], caller.who, self._clock.now())
        return True

    async def sweep(self, now: datetime) -> int:
        """Remove the files that have expired. Returns how many."""
        removed = await self._threads.read(self._files.sweep, now)
        await self._threads.write(self._rows.forget, now - KEPT, now)
        return removed
