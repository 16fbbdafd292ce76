"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) of one video."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from reelwright.jobs.events import Event, LiveVideos
from reelwright.jobs.feed import Feed
from reelwright.video import Status, Video

HEARTBEAT_S = 10.0


class EventStreams:
    """The event streams of all videos. Each event is rendered once, however many clients get it."""

    def __init__(
        self,
        live: LiveVideos,
        feed: Feed,
        render: Callable[[Video, str], Mapping[str, Any]],
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        """`render` is given the prefix that the client's addresses have.

        `heartbeat_s`: after so many seconds without an event a comment is sent, so that no proxy hangs up.
        """
        self._live = live
        self._feed = feed
        self._render = render
        self._heartbeat_s = heartbeat_s
        self._frames: WeakKeyDictionary[Event, dict[str, bytes]] = WeakKeyDictionary()

    @staticmethod
    def seen_all(video: Video, last_id: str) -> bool:
        """Whether a client that comes back with that `Last-Event-ID` knows the end already."""
        return video.status.terminal and last_id == _end_id(video)

    async def of(self, video: Video, last_id: str, before: str = "") -> AsyncIterator[bytes]:
        """The events from now on, beginning with the present state, ending with the video.

        `last_id` is the `Last-Event-ID` of a client that comes back: what it has seen is not sent again. `before`: the
        prefix of the client's addresses.
        """
        number = last_id.removeprefix(f"{video.id}-")
        seen = int(number) if number.isdecimal() and len(number) < 16 else 0
        async with self._feed.following(video) as now:
            with self._live.listen(video.id, seen) as events:
                if events is None:
                    yield self._end(now, before)
                    return
                async for frame in self._frames_of(events, before):
                    yield frame

    async def _frames_of(self, events: asyncio.Queue[Event | None], before: str) -> AsyncIterator[bytes]:
        while True:
            try:
                event = await asyncio.wait_for(events.get(), self._heartbeat_s)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if event is None:
                return
            frames = self._frames.setdefault(event, {})
            if (frame := frames.get(before)) is None:
                frame = frames[before] = self._frame(event, before)
            yield frame
            if event.video.status.terminal:
                return

    def _frame(self, event: Event, before: str) -> bytes:
        if event.video.status.terminal:
            return self._end(event.video, before)
        identity = f"{event.video.id}-{event.number}"
        if event.preview is None:
            return _frame("progress", self._render(event.video, before), identity)
        data, media_type = event.preview
        picture = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
        return _frame("preview", {"image": picture}, identity)

    def _end(self, video: Video, before: str) -> bytes:
        kind = "completed" if video.status is Status.COMPLETED else "failed"
        return _frame(kind, self._render(video, before), _end_id(video))


def _end_id(video: Video) -> str:
    return f"{video.id}-end"


def _frame(kind: str, data: Mapping[str, Any], identity: str) -> bytes:
    return f"id: {identity}\nevent: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
