"""What can be had of a finished video beside the MP4: stills and renditions, made on request, once."""

from __future__ import annotations

import asyncio
import weakref
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

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
    Variant.THUMBNAIL: ("thumbnail.webp", "image/webp"),
    Variant.SPRITESHEET: ("spritesheet.jpg", "image/jpeg"),
    Variant.GIF: ("gif", "image/gif"),
    Variant.WEBP: ("webp", "image/webp"),
    Variant.WEBM: ("webm", "video/webm"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    path: Path
    media_type: str


class Variants:
    """Finds or makes a variant's file. Two who ask for the same one at once wait for one making."""

    def __init__(self, files: Files, threads: Executor) -> None:
        self._files = files
        self._threads = threads
        self._making: weakref.WeakValueDictionary[Path, asyncio.Lock] = weakref.WeakValueDictionary()

    async def get(self, video: Video, variant: Variant) -> Made:
        """The file of a completed video's variant. Raises `EngineError` when the video cannot be read."""
        if variant is Variant.VIDEO:
            return Made(path=self._files.video(video.id), media_type="video/mp4")
        if variant is Variant.POSTER:
            return Made(path=self._files.poster(video.id), media_type="image/jpeg")
        ending, media_type = _ENDINGS[variant]
        target = self._files.derived(video.id, ending)
        lock = self._making.setdefault(target, asyncio.Lock())
        async with lock:
            loop = asyncio.get_running_loop()
            if not await loop.run_in_executor(self._threads, target.exists):
                await loop.run_in_executor(self._threads, self._make, video, variant, target)
        return Made(path=target, media_type=media_type)

    def _make(self, video: Video, variant: Variant, target: Path) -> None:
        source = self._files.video(video.id)

        def write(part: Path) -> None:
            match variant:
                case Variant.THUMBNAIL:
                    stills.thumbnail(source, part)
                case Variant.SPRITESHEET:
                    stills.spritesheet(source, part)
                case _:
                    renditions.render_rendition(source, renditions.Rendition(variant.value), part)

        self._files.publish(target, write)
