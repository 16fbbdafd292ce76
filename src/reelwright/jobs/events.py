"""Live state: what every video of this server looks like right now, and who waits for it. In memory, on one loop.

A status read comes from here and not from the database; a thousand listeners on one job share its one event.
"""

from __future__ import annotations

import asyncio
import bisect
import dataclasses
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from reelwright.video import Status, Video

REMEMBERED = 10_000
"""Finished videos whose state stays in memory; older ones are read from the database."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Event:
    """Something happened to a video. `number` counts up per video; a preview carries its picture.

    Compared and hashed by identity, so that what was rendered for one listener serves all others.
    """

    number: int
    kind: Literal["queued", "progress", "preview", "completed", "failed"]
    video: Video
    preview: tuple[bytes, str] | None = None


class _Channel:
    """One video's state, its event count and the queues of those who listen."""

    __slots__ = ("kept", "listeners", "number", "place", "preview", "video", "waiters")

    def __init__(self, video: Video, turn: int) -> None:
        self.video = video
        self.place = (turn, video.id)
        self.number = 0
        self.kept = False
        self.preview: tuple[bytes, str] | None = None
        self.listeners: set[asyncio.Queue[Event | None]] = set()
        self.waiters: set[asyncio.Future[Video]] = set()


class Live:
    """The live state of all videos that are queued, running or recently finished. Use it on one event loop only."""

    def __init__(self) -> None:
        self._active: dict[str, _Channel] = {}
        self._finished: OrderedDict[str, Video] = OrderedDict()
        self._lines: dict[str, list[tuple[int, str]]] = {}

    def position(self, video_id: str) -> int | None:
        """How many queued videos of the same engine come before it, plus one; None when it is not queued."""
        channel = self._active.get(video_id)
        if channel is None or channel.video.status is not Status.QUEUED:
            return None
        return bisect.bisect_left(self._lines[channel.video.request.engine], channel.place) + 1

    def get(self, video_id: str) -> Video | None:
        if channel := self._active.get(video_id):
            return channel.video
        return self._finished.get(video_id)

    def active(self) -> list[Video]:
        """All queued and running videos, in the order of their submission."""
        return [channel.video for channel in self._active.values()]

    def remember(self, video: Video) -> None:
        """Keep a finished video that was read from the database."""
        if video.status.terminal:
            self._finished[video.id] = video
            self._finished.move_to_end(video.id)
            while len(self._finished) > REMEMBERED:
                self._finished.popitem(last=False)

    def forget(self, video_id: str) -> None:
        """The video was deleted."""
        self._finished.pop(video_id, None)

    def publish(self, video: Video, turn: int = 0) -> None:
        """A video was queued (at that turn), started or ended. Whatever comes after a terminal state is dropped."""
        channel = self._active.get(video.id)
        if channel is None:
            if video.id in self._finished:
                return
            channel = self._active[video.id] = _Channel(video, turn)
            if video.status is Status.QUEUED:
                bisect.insort(self._lines.setdefault(video.request.engine, []), channel.place)
        elif channel.video.status is Status.QUEUED and video.status is not Status.QUEUED:
            line = self._lines[video.request.engine]
            del line[bisect.bisect_left(line, channel.place)]
        channel.video = video
        match video.status:
            case Status.QUEUED:
                self._tell(channel, "queued")
            case Status.IN_PROGRESS:
                self._tell(channel, "progress")
            case Status.COMPLETED | Status.FAILED:
                del self._active[video.id]
                self.remember(video)
                self._tell(channel, "completed" if video.status is Status.COMPLETED else "failed")
                for waiter in channel.waiters:
                    if not waiter.done():
                        waiter.set_result(video)

    def progress(self, video_id: str, percent: int) -> None:
        """Measured progress, 0–99; 100 comes with the finished file. A repeated or smaller value is dropped."""
        channel = self._active.get(video_id)
        if channel is not None and percent > channel.video.progress:
            channel.video = dataclasses.replace(channel.video, progress=min(99, percent))
            self._tell(channel, "progress")

    def preview(self, video_id: str, data: bytes, media_type: str) -> None:
        if channel := self._active.get(video_id):
            channel.preview = (data, media_type)
            self._tell(channel, "preview")

    async def wait(self, video_id: str) -> Video | None:
        """The video in its terminal state, as soon as it has one. None when the id is not active and not remembered."""
        channel = self._active.get(video_id)
        if channel is None:
            return self._finished.get(video_id)
        waiter: asyncio.Future[Video] = asyncio.get_running_loop().create_future()
        channel.waiters.add(waiter)
        try:
            return await waiter
        finally:
            channel.waiters.discard(waiter)

    def keep(self, video_id: str) -> None:
        """Somebody was promised this video without waiting for it."""
        if channel := self._active.get(video_id):
            channel.kept = True

    def wanted_by_others(self, video_id: str) -> bool:
        """Whether the video was promised, or more than the one who asks waits for it."""
        channel = self._active.get(video_id)
        return channel is not None and (channel.kept or len(channel.waiters) > 1)

    @contextmanager
    def listen(self, video_id: str) -> Iterator[asyncio.Queue[Event | None] | None]:
        """A queue of the events from now on, beginning with the present state; None when the video is not active.

        None in the queue means that the server stops: the listener should go.
        """
        channel = self._active.get(video_id)
        if channel is None:
            yield None
            return
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        kind: Literal["queued", "progress"] = "queued" if channel.video.status is Status.QUEUED else "progress"
        queue.put_nowait(Event(number=channel.number, kind=kind, video=channel.video))
        if channel.preview:
            queue.put_nowait(Event(number=channel.number, kind="preview", video=channel.video, preview=channel.preview))
        channel.listeners.add(queue)
        try:
            yield queue
        finally:
            channel.listeners.discard(queue)

    def close(self) -> None:
        """The server stops: send every listener away."""
        for channel in self._active.values():
            for listener in channel.listeners:
                listener.put_nowait(None)

    @staticmethod
    def _tell(channel: _Channel, kind: Literal["queued", "progress", "preview", "completed", "failed"]) -> None:
        channel.number += 1
        preview = channel.preview if kind == "preview" else None
        event = Event(number=channel.number, kind=kind, video=channel.video, preview=preview)
        for listener in channel.listeners:
            listener.put_nowait(event)
