"""The live state of videos, in memory: what each one looks like now, its place in the queue, and who follows it.

A process that is alone with its database (SQLite) has all its queued and running videos here, so a status is read from
memory. Each process of a fleet (Postgres) has the videos that it makes, and those that a client follows through it
(`feed.py`).

An event is made once, however many clients listen. Everything here runs on one event loop.
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
"""How many ended videos stay in memory; the others are read from the database."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Event:
    """A change of a video: of its state, its progress, its place in the queue, or a new preview.

    `number` counts the events of one video. It starts at the present milliseconds since the epoch, so that a number
    from before a restart, or of another process, is not taken for one of these. `preview`: the picture and its media
    type.

    Events are compared and hashed by identity: what was serialized for one listener is found again for the others.
    """

    number: int
    kind: Literal["queued", "progress", "preview", "completed", "failed"]
    video: Video
    preview: tuple[bytes, str] | None = None


class _Channel:
    """One active video: its state, its last events, and who follows it.

    `place`: its position in the order of the queue. `in_line`: it is in the queue of this process. `promised`: a client
    counts on the video without waiting for it. `listeners`: an asyncio queue for each open stream of events.
    `waiters`: futures of the video in its terminal state.
    """

    __slots__ = ("in_line", "latest", "listeners", "number", "place", "preview", "promised", "video", "waiters")

    def __init__(self, video: Video, fair_tag: int, in_line: bool) -> None:
        self.video = video
        self.place = (fair_tag, video.id)
        self.in_line = in_line
        self.number = time.time_ns() // 1_000_000
        self.promised = False
        self.latest: Event | None = None
        self.preview: Event | None = None
        self.listeners: set[asyncio.Queue[Event | None]] = set()
        self.waiters: set[asyncio.Future[Video]] = set()


class LiveVideos:
    """Videos that are queued, running or ended recently."""

    def __init__(self, *, alone: bool = True) -> None:
        """`alone`: no other process ends or deletes videos, so the ended ones may be cached."""
        self._alone = alone
        self._active: dict[str, _Channel] = {}
        self._finished: OrderedDict[str, Video] = OrderedDict()
        self._deleted: OrderedDict[str, None] = OrderedDict()
        self._lines: dict[str, list[tuple[int, str]]] = {}
        self._listened: set[_Channel] = set()
        self._closing = asyncio.Event()

    def first_in_line(self, engine: str, must_wait: Callable[[str], bool]) -> str | None:
        """The id of the engine's first queued video for which `must_wait` is false; None when there is none."""
        return next((video_id for _, video_id in self._lines.get(engine, ()) if not must_wait(video_id)), None)

    def waiting(self, engine: str) -> bool:
        """Whether a video of that engine is in the queue of this process."""
        return bool(self._lines.get(engine))

    def get(self, video_id: str) -> Video | None:
        """The video with its progress and position; None when it is not in memory."""
        if channel := self._active.get(video_id):
            return self._with_position(channel)
        return self._finished.get(video_id)

    def without_position(self, video_id: str) -> Video | None:
        """An active video without its position in the queue, which takes longer to find the longer the queue is."""
        channel = self._active.get(video_id)
        return channel.video if channel else None

    def active(self) -> list[Video]:
        """All queued and running videos in memory, in the order of their submission."""
        return [channel.video for channel in self._active.values()]

    def cache(self, video: Video) -> None:
        """Keep an ended video that was read from the database, unless it was deleted after the read had begun."""
        if self._alone and video.status.terminal and video.id not in self._deleted:
            self._finished[video.id] = video
            self._finished.move_to_end(video.id)
            while len(self._finished) > REMEMBERED:
                self._finished.popitem(last=False)

    def mark_deleted(self, video_id: str) -> None:
        """Drop a deleted video, and every report about it that comes later."""
        self._finished.pop(video_id, None)
        self._deleted[video_id] = None
        if len(self._deleted) > REMEMBERED:
            self._deleted.popitem(last=False)

    def publish(self, video: Video, fair_tag: int | None = None, *, interrupted: bool = False) -> None:
        """Take the new state of a video that was queued, has started or has ended, and tell all who follow it.

        A state after a terminal one is dropped: an attempt may report late. `fair_tag`: the place of a new video in the
        queue of this process; None: it waits in the queue of another process, or does not wait. `interrupted`: it had
        started in a process that has ended, so it waits again although its state is in progress.
        """
        channel = self._active.get(video.id)
        if channel is None:
            if video.id in self._finished or video.id in self._deleted:
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
                self.cache(video)
                self._tell(channel, "completed" if video.status is Status.COMPLETED else "failed")
                for waiter in channel.waiters:
                    if not waiter.done():
                        waiter.set_result(video)

    def refresh(self, video: Video) -> None:
        """Take what was read from the database about an active video, and tell what is new in it.

        Something read before the present attempt began is dropped; the progress never goes back within an attempt.
        """
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
        """Forget an active video: this process neither makes it nor has a follower of it any more."""
        self._active.pop(video_id, None)

    def requeue(self, video_id: str) -> None:
        """Put a video back into the queue at its old place, although its state is in progress.

        For a follower whose leader made no file.
        """
        channel = self._active.get(video_id)
        if channel is not None and not channel.in_line:
            channel.in_line = True
            bisect.insort(self._lines.setdefault(channel.video.spec.engine, []), channel.place)
            self._tell_those_behind(channel)

    def move(self, video_id: str, fair_tag: int) -> None:
        """Give a queued video another fair tag, and so another place; tell all whose position changes."""
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
        """Take the measured progress in percent, 0–99; 100 comes with the finished file. A value that is not larger
        than the last one is dropped."""
        channel = self._active.get(video_id)
        if channel is not None and percent > channel.video.progress:
            channel.video = dataclasses.replace(channel.video, progress=min(99, percent))
            self._tell(channel, "progress")

    def stage(self, video_id: str, name: str | None) -> None:
        """Take the name of a phase whose progress is not measured; None: it is over."""
        channel = self._active.get(video_id)
        if channel is not None and name != channel.video.stage and channel.video.status is Status.IN_PROGRESS:
            channel.video = dataclasses.replace(channel.video, stage=name)
            self._tell(channel, "progress")

    def preview(self, video_id: str, data: bytes, media_type: str) -> None:
        """Tell a preview: an encoded picture and its media type."""
        if channel := self._active.get(video_id):
            self._tell(channel, "preview", (data, media_type))

    def last_preview(self, video_id: str) -> Event | None:
        """The event of the newest preview, None when there was none."""
        channel = self._active.get(video_id)
        return channel.preview if channel else None

    def copy_progress(self, video_id: str, leader_id: str) -> None:
        """Bring a new follower to the leader's progress, phase and preview."""
        leader, channel = self._active.get(leader_id), self._active.get(video_id)
        if leader is None or channel is None:
            return
        self.progress(video_id, leader.video.progress)
        self.stage(video_id, leader.video.stage)
        if leader.preview and leader.preview.preview and channel.preview is None:
            self.preview(video_id, *leader.preview.preview)

    def completion(self, video_id: str) -> asyncio.Future[Video] | None:
        """A future of the video in its terminal state; None when the video is not active.

        Each future that is not done counts as a client that waits for the video (`wanted_by_others`). Cancel it to stop
        waiting.
        """
        channel = self._active.get(video_id)
        if channel is None:
            return None
        waiter: asyncio.Future[Video] = asyncio.get_running_loop().create_future()
        channel.waiters.add(waiter)
        waiter.add_done_callback(channel.waiters.discard)
        return waiter

    def mark_promised(self, video_id: str) -> None:
        """A client counts on this video without waiting for it, so nobody's hanging up may cancel it."""
        if channel := self._active.get(video_id):
            channel.promised = True

    def wanted_by_others(self, video_id: str) -> bool:
        """Whether the video was promised to a client, or another one waits for it besides the one who asks."""
        channel = self._active.get(video_id)
        return channel is not None and (channel.promised or sum(not waiter.done() for waiter in channel.waiters) > 1)

    @contextmanager
    def listen(self, video_id: str, seen: int = 0) -> Iterator[asyncio.Queue[Event | None] | None]:
        """An asyncio queue of the video's events: the present state and preview, then each new one. None when the video
        is not active.

        `seen`: the number of the last event that the listener knows; older ones are left out. A None in the queue says
        that the server stops, and that the listener should end its stream.
        """
        channel = self._active.get(video_id)
        if channel is None:
            yield None
            return
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        known = seen if seen <= channel.number else 0  # a larger number is from before a restart
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
        """End all streams of events, because the server stops: an open one would delay the exit."""
        self._closing.set()
        for channel in self._listened:
            for listener in channel.listeners:
                listener.put_nowait(None)

    async def closing(self) -> None:
        """Returns when `close` has been called."""
        await self._closing.wait()

    def _tell_those_behind(self, moved: _Channel) -> None:
        """Tell the listeners of all videos behind that place their new position: a video came before them, or left."""
        engine = moved.video.spec.engine
        for channel in self._listened:
            queued = channel.video.status is Status.QUEUED and channel.video.spec.engine == engine
            if queued and channel.place > moved.place:
                self._tell(channel, "queued")

    def _with_position(self, channel: _Channel) -> Video:
        """The video with its position, from 1, if it is in the queue of this process."""
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
        event = Event(number=channel.number, kind=kind, video=self._with_position(channel), preview=preview)
        if preview:
            channel.preview = event
        else:
            channel.latest = event
        for listener in channel.listeners:
            listener.put_nowait(event)
