"""Extension: continues a video of this server, or a file that was sent.

The last frame of what is continued is the first of a new clip; the result is both, joined. Each dialect says which
field names the video, and hands over the other fields.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.api.body import Upload
from reelwright.api.drafting import Drafting
from reelwright.api.input_images import InputImages
from reelwright.api.vocabulary import Vocabulary
from reelwright.errors import BadRequest, Code, NotFound
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.queue import Queue
from reelwright.video import Source, Status, Video, VideoSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A checked request: the spec of the new clip, and the file that it continues (as in
    `jobs.queue.SubmitOptions`)."""

    spec: VideoSpec
    source: str | Path


class ExtensionParser:
    """Makes an `Extension` from a body's fields and the video that they name."""

    def __init__(self, *, queue: Queue, drafting: Drafting, integrity: Integrity, input_images: InputImages) -> None:
        self._queue = queue
        self._drafting = drafting
        self._integrity = integrity
        self._input_images = input_images

    @asynccontextmanager
    async def parse(
        self,
        fields: Mapping[str, Any],
        names: Vocabulary,
        *,
        typed: bool,
        owner: str | None,
        video: str | Upload,
        field: str,
        defaults: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[Extension]:
        """The extension of `video`, an id or a file that came in the field `field`. Submit it inside the block, since
        the file is removed afterwards.

        `owner`: whose videos may be extended; None: everybody's. Raises as `Drafting.spec`; `NotFound` for a video that
        is not there, `BadRequest` for one that is not completed, or a file that cannot be decoded.
        """
        if isinstance(video, Upload):
            with tempfile.NamedTemporaryFile(prefix="reelwright-") as file:
                await asyncio.to_thread(_write, Path(file.name), video.data)
                digest = await asyncio.to_thread(lambda: hashlib.sha256(video.data).hexdigest())
                path = Path(file.name)
                spec = await self._drafted(fields, names, typed, defaults, path, field, digest, None)
                yield Extension(spec=spec, source=path)
            return
        source = await self._found(video, owner, field)
        _check_completed(source, field)
        assert source.file is not None
        path = await self._integrity.verified_path(source)
        digest = source.file.sha256
        spec = await self._drafted(fields, names, typed, defaults, path, field, digest, source)
        yield Extension(spec=spec, source=source.file.key)

    async def _found(self, video_id: str, owner: str | None, field: str) -> Video:
        try:
            return await self._queue.get(video_id, owner)
        except NotFound as error:
            raise NotFound(
                f"Invalid {field}: {error.message.lower()}. Send that of a completed one.", field=field
            ) from None

    async def _drafted(
        self,
        fields: Mapping[str, Any],
        names: Vocabulary,
        typed: bool,
        defaults: Mapping[str, Any] | None,
        path: Path,
        field: str,
        digest: str,
        video: Video | None,
    ) -> VideoSpec:
        found, image = await self._input_images.store_last_frame(path, field)
        source = Source(sha256=digest, video_id=video.id if video else None, **found)
        return await self._drafting.extension(
            fields, names, typed=typed, defaults=defaults, source=source, image=image, of=video
        )


def _check_completed(video: Video, field: str) -> None:
    if video.status is Status.COMPLETED:
        return
    message = f"Invalid {field}: the video {video.id} is {video.status}. A completed one can be extended."
    raise BadRequest(message, code=Code.INVALID_FIELD if video.status.terminal else Code.CONFLICT, field=field)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
