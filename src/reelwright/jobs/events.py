"""Live state: what every video of this server looks like right now, and who waits for it. In memory, on one loop.

A thousand listeners on one job share its one event. Where this process is the only one, all videos that have not ended
are here, and a status read comes from here and not from the database. Of many processes, each knows those that it
makes, and those that somebody follows through it (`feed.py`).
"""

from __future__ import annotations

import asyncio
import bisect
import dataclasses
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from reelwright.video import Status, Video

REMEMBERED = 10_000
"""Finished videos whose state stays in memory; older ones are read from the database."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Event:
    """Something happened to a video. `number` counts up per video, from the milliseconds of the moment when its telling
    began, so that a process does not take the number of another's event for its own. A preview carries its picture and
    media type.

    A queued video has a new event whenever its place in the queue changes. Events are compared and hashed by identity,
    so that what was rendered for one listener serves all others.
    """

    number: int
    kind: Literal["queued", "progress", "preview", "completed", "failed"]
    video: Video
    preview: tuple[bytes, str] | None = None


class _Channel:
    """One video's state, its last events and the queues of those who listen."""

    __slots__ = ("in_line", "kept", "latest", "listeners", "number", "place", "preview", "video", "waiters")

    def __init__(self, video: Video, fair_tag: int, in_line: bool) -> None:
        self.video = video
        self.place = (fair_tag, video.id)
        self.in_line = in_line
        self.number = time.time_ns() // 1_000_000
        self.kept = False
        self.latest: Event | None = None
        self.preview: Event | None = None
        self.listeners: set[asyncio.Queue[Event | None]] = set()
        self.waiters: set[asyncio.Future[Video]] = set()


class Live:
    """The live state of videos that are queued, running or recently finished. Use it on one event loop only."""

    def __init__(self, *, alone: bool = True) -> None:
        """`alone`: no other process ends or deletes videos, so finished ones may be remembered."""
        self._alone = alone
        self._active: dict[str, _Channel] = {}
        self._finished: OrderedDict[str, Video] = OrderedDict()
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._lines: dict[str, list[tuple[int, str]]] = {}
        self._listened: set[_Channel] = set()
        self._closing = asyncio.Event()

    def first(self, engine: str, but_not: Callable[[str], bool]) -> str | None:
        """The video of that engine that is first in line, without those that `but_not` names."""
        return next((video_id for _, video_id in self._lines.get(engine, ()) if not but_not(video_id)), None)

    def waiting(self, engine: str) -> bool:
        """Whether a video of that engine is in line."""
        return bool(self._lines.get(engine))

    def get(self, video_id: str) -> Video | None:
        if channel := self._active.get(video_id):
            return self._placed(channel)
        return self._finished.get(video_id)

    def unplaced(self, video_id: str) -> Video | None:
        """A video that has not ended, as `get` gives it, but without its place in the line, which takes time."""
        channel = self._active.get(video_id)
        return channel.video if channel else None

    def active(self) -> list[Video]:
        """All queued and running videos that this process knows, in the order of their submission."""
        return [channel.video for channel in self._active.values()]

    def remember(self, video: Video) -> None:
        """Keep a finished video that was read from the database, unless it was deleted meanwhile."""
        if self._alone and video.status.terminal and video.id not in self._gone:
            self._finished[video.id] = video
            self._finished.move_to_end(video.id)
            while len(self._finished) > REMEMBERED:
                self._finished.popitem(last=False)

    def forget(self, video_id: str) -> None:
        """The video was deleted: whatever is still told of it is dropped."""
        self._finished.pop(video_id, None)
        self._gone[video_id] = None
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)

    def publish(self, video: Video, fair_tag: int | None = None, *, interrupted: bool = False) -> None:
        """Take the new state of a video that was queued, has started or has ended, and tell all who follow it.

        A state after a terminal one is dropped: an attempt may report late. `fair_tag`: the place of a new video in the
        queue of this process; None: it waits in the queue of another process, or does not wait. `interrupted`: it had
        started in a process that has ended, so it waits again although its state is in progress.
        """
        channel = self._active.get(video.id)
        if channel is None:
            if video.id in self._finished or video.id in self._gone:
                return
            in_line = fair_tag is not None and (interrupted or video.status is Status.QUEUED)
            channel = self._active[video.id] = _Channel(video, fair_tag or 0, in_line)
            if in_line:
                bisect.insort(self._lines.setdefault(video.spec.engine, []), channel.place)
                self._tell_those_behind(channel)
        elif channel.in_line and video.status is not Status.QUEUED:
            channel.in_line = False
            line = self._lines[video.spec.engine]
            del line[bisect.bisect_left(line, channel.place)]
            self._tell_those_behind(channel)
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

    def refresh(self, video: Video) -> None:
        """What was read of a video that this process knows: told where it is news."""
        channel = self._active.get(video.id)
        if channel is None or video.attempt < channel.video.attempt:
            return
        same = channel.video.status is video.status and channel.video.position == video.position
        if video.status.terminal or not same:
            progress = max(video.progress, channel.video.progress if video.attempt == channel.video.attempt else 0)
            self.publish(dataclasses.replace(video, progress=progress))
        else:
            self.progress(video.id, video.progress)

    def drop(self, video_id: str) -> None:
        """This process has nothing to do with that video any more."""
        self._active.pop(video_id, None)

    def line_up_again(self, video_id: str) -> None:
        """A video that has started is in line once more, at its old place: what was made for it came to nothing."""
        channel = self._active.get(video_id)
        if channel is not None and not channel.in_line:
            channel.in_line = True
            bisect.insort(self._lines.setdefault(channel.video.spec.engine, []), channel.place)
            self._tell_those_behind(channel)

    def move(self, video_id: str, fair_tag: int) -> None:
        """A video that is in line has another fair tag."""
        channel = self._active.get(video_id)
        if channel is None or not channel.in_line:
            return
        line = self._lines[channel.video.spec.engine]
        del line[bisect.bisect_left(line, channel.place)]
        channel.place = (fair_tag, video_id)
        bisect.insort(line, channel.place)
        if channel.listeners and channel.video.status is Status.QUEUED:
            self._tell(channel, "queued")
        self._tell_those_behind(channel)

    def progress(self, video_id: str, percent: int) -> None:
        """Measured progress, 0–99; 100 comes with the finished file. A repeated or smaller value is dropped."""
        channel = self._active.get(video_id)
        if channel is not None and percent > channel.video.progress:
            channel.video = dataclasses.replace(channel.video, progress=min(99, percent))
            self._tell(channel, "progress")

    def stage(self, video_id: str, name: str | None) -> None:
        """What is done now that no progress measures."""
        channel = self._active.get(video_id)
        if channel is not None and name != channel.video.stage and channel.video.status is Status.IN_PROGRESS:
            channel.video = dataclasses.replace(channel.video, stage=name)
            self._tell(channel, "progress")

    def preview(self, video_id: str, data: bytes, media_type: str) -> None:
        if channel := self._active.get(video_id):
            self._tell(channel, "preview", (data, media_type))

    def last_preview(self, video_id: str) -> Event | None:
        channel = self._active.get(video_id)
        return channel.preview if channel else None

    def catch_up(self, video_id: str, leader_id: str) -> None:
        """The video is made with `leader_id`'s from now on: it is told what that one has reached already."""
        leader, channel = self._active.get(leader_id), self._active.get(video_id)
        if leader is None or channel is None:
            return
        self.progress(video_id, leader.video.progress)
        self.stage(video_id, leader.video.stage)
        if leader.preview and leader.preview.preview and channel.preview is None:
            self.preview(video_id, *leader.preview.preview)

    def end(self, video_id: str) -> asyncio.Future[Video] | None:
        """A future of the video in its terminal state; None when the video is not active.

        Whoever has one that is not done is counted as waiting for the video; cancel it to stop waiting.
        """
        channel = self._active.get(video_id)
        if channel is None:
            return None
        waiter: asyncio.Future[Video] = asyncio.get_running_loop().create_future()
        channel.waiters.add(waiter)
        waiter.add_done_callback(channel.waiters.discard)
        return waiter

    def keep(self, video_id: str) -> None:
        """Somebody was promised this video without waiting for it."""
        if channel := self._active.get(video_id):
            channel.kept = True

    def wanted_by_others(self, video_id: str) -> bool:
        """Whether the video was promised, or more than the one who asks waits for it."""
        channel = self._active.get(video_id)
        return channel is not None and (channel.kept or sum(not waiter.done() for waiter in channel.waiters) > 1)

    @contextmanager
    def listen(self, video_id: str, seen: int = 0) -> Iterator[asyncio.Queue[Event | None] | None]:
        """A queue of the events from now on, after the present state and preview; None when the video is not active.

        `seen` is the number of the last event that the listener knows: it is not told again. None in the queue means
        that the server stops: the listener should go.
        """
        channel = self._active.get(video_id)
        if channel is None:
            yield None
            return
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        known = seen if seen <= channel.number else 0  # a greater one was counted before the server started anew
        present = [event for event in (channel.latest, channel.preview) if event and event.number > known]
        for event in sorted(present, key=lambda event: event.number):
            queue.put_nowait(event)
        if self._closing.is_set():
            queue.put_nowait(None)
        channel.listeners.add(queue)
        self._listened.add(channel)
        try:
            yield queue
        finally:
            channel.listeners.discard(queue)
            if not channel.listeners:
                self._listened.discard(channel)

    def close(self) -> None:
        """The server stops: send every listener away."""
        self._closing.set()
        for channel in self._listened:
            for listener in channel.listeners:
                listener.put_nowait(None)

    async def closing(self) -> None:
        """Returns when the server stops."""
        await self._closing.wait()

    def _tell_those_behind(self, moved: _Channel) -> None:
        """Somebody came or went in the line: whoever is listened to behind that place has another position."""
        engine = moved.video.spec.engine
        for channel in self._listened:
            queued = channel.video.status is Status.QUEUED and channel.video.spec.engine == engine
            if queued and channel.place > moved.place:
                self._tell(channel, "queued")

    def _placed(self, channel: _Channel) -> Video:
        """The video with its place in the line, if it is in one here."""
        video = channel.video
        if not channel.in_line or video.status is not Status.QUEUED:
            return video
        place = bisect.bisect_left(self._lines[video.spec.engine], channel.place) + 1
        return dataclasses.replace(video, position=place)

    def _tell(
        self,
        channel: _Channel,
        kind: Literal["queued", "progress", "preview", "completed", "failed"],
        preview: tuple[bytes, str] | None = None,
    ) -> None:
        channel.number += 1
        event = Event(number=channel.number, kind=kind, video=self._placed(channel), preview=preview)
        if preview:
            channel.preview = event
        else:
            channel.latest = event
        for listener in channel.listeners:
            listener.put_nowait(event)
