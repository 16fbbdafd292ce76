"""What can be had of a finished video: the MP4 itself, its poster, and stills and renditions made on request, once."""

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
    """The names that `variant=` takes."""

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
"""What each variant is sent as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A file, its type, and how its name ends (without a dot at the beginning)."""

    path: Path
    media_type: str
    ending: str


class Variants:
    """Finds or makes a variant's file. Two who ask for the same one at once wait for one making.

    One is made at a time, so that renditions never hold up the encoding of new videos.
    """

    def __init__(self, files: Files, integrity: Integrity, threads: Executor) -> None:
        """`threads`: where pictures and renditions are made."""
        self._files = files
        self._integrity = integrity
        self._threads = threads
        self._making: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._one_at_a_time = asyncio.Semaphore(1)

    async def get(self, video: Video, variant: Variant) -> Made:
        """The file of a completed video's variant.

        Raises `EngineError` (`corrupt`) when the video is damaged, `NotFound` when its file is gone, `Busy` when the
        bucket does not answer.
        """
        source = await self._integrity.path(video)
        if variant is Variant.VIDEO:
            return Made(path=source, media_type=MEDIA_TYPES[variant], ending="mp4")
        ending, media_type = _ENDINGS[variant]
        key = self._key(video, variant)
        async with self._making.setdefault(key, asyncio.Lock()):
            try:
                path = await asyncio.to_thread(self._files.fetch, key)
            except FileNotFoundError:
                await self._ask_for(source, variant, key)
                path = self._files.path(key)
        return Made(path=path, media_type=media_type, ending=ending)

    async def address(self, video: Video, variant: Variant, method: str) -> str | None:
        """Where the client may fetch it, by `method`, made before if need be; None when this server sends it.

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
        return video.file.key if variant is Variant.VIDEO else Files.beside(video.file.key, _ENDINGS[variant][0])

    async def _ask_for(self, source: Path, variant: Variant, key: str) -> None:
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
