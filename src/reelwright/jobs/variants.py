"""The files that a client can get of a finished video: the MP4, its poster, other still pictures, and renditions in
other formats. What does not exist yet is made at the first request, and then kept."""

from __future__ import annotations

import asyncio
import weakref
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reelwright.errors import NotFound
from reelwright.jobs.integrity import Integrity
from reelwright.media import renditions, stills
from reelwright.store.files import Files
from reelwright.video import Video


class Variant(StrEnum):
    """The values of the query parameter `variant`."""

    VIDEO = "video"
    POSTER = "poster"
    THUMBNAIL = "thumbnail"
    SPRITESHEET = "spritesheet"
    GIF = "gif"
    WEBP = "webp"
    WEBM = "webm"


_ENDINGS = {
    Variant.POSTER: ("jpg", "image/jpeg"),
    Variant.THUMBNAIL: ("thumbnail.webp", "image/webp"),
    Variant.SPRITESHEET: ("spritesheet.jpg", "image/jpeg"),
    Variant.GIF: ("gif", "image/gif"),
    Variant.WEBP: ("webp", "image/webp"),
    Variant.WEBM: ("webm", "video/webm"),
}


MEDIA_TYPES = {Variant.VIDEO: "video/mp4", **{variant: ending[1] for variant, ending in _ENDINGS.items()}}
"""The media type of each variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantFile:
    """A variant's file, its media type, and the ending of its name, without a dot at its beginning."""

    path: Path
    media_type: str
    ending: str


class Variants:
    """Finds or makes the files of variants. Two requests for the same one at the same time share one making.

    Only one variant is made at a time, so that renditions do not delay the encoding of new videos.
    """

    def __init__(self, files: Files, integrity: Integrity, threads: Executor) -> None:
        """`threads`: the pool in which pictures and renditions are made."""
        self._files = files
        self._integrity = integrity
        self._threads = threads
        self._making: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._one_at_a_time = asyncio.Semaphore(1)

    async def get(self, video: Video, variant: Variant) -> VariantFile:
        """The file of a completed video's variant.

        Raises `EngineError` (`corrupt`) when the video is damaged, `NotFound` when its file is gone, `Busy` when the
        bucket does not answer.
        """
        source = await self._integrity.verified_path(video)
        if variant is Variant.VIDEO:
            return VariantFile(path=source, media_type=MEDIA_TYPES[variant], ending="mp4")
        ending, media_type = _ENDINGS[variant]
        key = self._key(video, variant)
        async with self._making.setdefault(key, asyncio.Lock()):
            try:
                path = await asyncio.to_thread(self._files.fetch, key)
            except FileNotFoundError:
                await self._make_one(source, variant, key)
                path = self._files.path(key)
        return VariantFile(path=path, media_type=media_type, ending=ending)

    async def address(self, video: Video, variant: Variant, method: str) -> str | None:
        """A signed address with which the client fetches the variant from the bucket, for an HTTP `method`; the variant
        is made if need be. None when this server sends the files itself.

        Raises as `get`.
        """
        key = self._key(video, variant)
        address = await self._integrity.address(video, key, method)
        if address and variant is not Variant.VIDEO:
            try:
                await asyncio.to_thread(self._files.size, key)
            except FileNotFoundError:
                await self.get(video, variant)
        return address

    @staticmethod
    def _key(video: Video, variant: Variant) -> str:
        assert video.file is not None
        return video.file.key if variant is Variant.VIDEO else Files.derived_key(video.file.key, _ENDINGS[variant][0])

    async def _make_one(self, source: Path, variant: Variant, key: str) -> None:
        async with self._one_at_a_time:
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._make, source, variant, key)
            except FileNotFoundError:
                raise NotFound("The video was deleted meanwhile", field="id") from None

    def _make(self, source: Path, variant: Variant, key: str) -> None:
        def write(part: Path) -> None:
            match variant:
                case Variant.POSTER:
                    stills.poster(source, part)
                case Variant.THUMBNAIL:
                    stills.thumbnail(source, part)
                case Variant.SPRITESHEET:
                    stills.spritesheet(source, part)
                case _:
                    renditions.render_rendition(source, renditions.Rendition(variant.value), part)

        self._files.publish(key, write, MEDIA_TYPES[variant])
