"""What a video looks like now, and who follows it.

`Feed` is for a process that is alone with its database: all that is to be known is in its memory. `SharedFeed` is for
one of many (Postgres): the rows say what is so, a notice makes it quick, and a look every two seconds finds what no
notice has told.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from reelwright.errors import Busy, Code
from reelwright.jobs.events import Live
from reelwright.jobs.threads import Threads
from reelwright.store.following import WATCHED_S, Following, Looked
from reelwright.store.records import Records
from reelwright.video import Failure, Status, Video

LOOK_S = 2.0
DEAF_LOOK_S = 1.0
"""Between two looks where no notices arrive."""


class Feed(Protocol):
    async def look(self, video_id: str, owner: str | None = None) -> Video | None:
        """The video as it is; None when there is none, or none of this owner's. To find out takes as long in both
        cases: whose id it is cannot be told by the time either."""
        ...

    async def as_they_are(self, videos: Sequence[Video]) -> list[Video]:
        """Videos that were read from the database, with their progress and position."""
        ...

    def following(self, video: Video) -> contextlib.AbstractAsyncContextManager[Video]:
        """Within it `Live` tells what becomes of the video, until its end. Gives the video as it is."""
        ...

    async def promise(self, video: Video, fresh: bool) -> None:
        """Somebody was promised this video without waiting for it. `fresh`: its row says so already."""
        ...

    async def wanted_by_others(self, video_id: str) -> bool:
        """Whether the video was promised, or somebody else than the one who asks waits for it."""
        ...

    async def run(self) -> None:
        """What is to be done for ever."""
        ...


class LocalFeed:
    def __init__(self, records: Records, live: Live, threads: Threads) -> None:
        self._records = records
        self._live = live
        self._threads = threads

    async def look(self, video_id: str, owner: str | None = None) -> Video | None:
        video = self._live.get(video_id)
        if video is None or owner not in (None, video.owner):
            video = await self._threads.read(self._records.get, video_id, owner)
            if video is not None:
                self._live.remember(video)
        return video

    async def as_they_are(self, videos: Sequence[Video]) -> list[Video]:
        return [self._live.get(video.id) or video for video in videos]

    @asynccontextmanager
    async def following(self, video: Video) -> AsyncIterator[Video]:
        yield self._live.get(video.id) or await self.look(video.id) or video

    async def promise(self, video: Video, fresh: bool) -> None:
        self._live.keep(video.id)

    async def wanted_by_others(self, video_id: str) -> bool:
        return self._live.wanted_by_others(video_id)

    async def run(self) -> None:
        """Nothing: whoever changes a video tells it."""


class SharedFeed:
    def __init__(
        self,
        *,
        rows: Following,
        records: Records,
        live: Live,
        threads: Threads,
        me: Callable[[], str],
        makes: Callable[[str], bool],
    ) -> None:
        """`me`: what this process is called in the rows. `makes`: whether it makes that video itself."""
        self._rows = rows
        self._records = records
        self._live = live
        self._threads = threads
        self._me = me
        self._makes = makes
        self._followed: Counter[str] = Counter()
        self._left: set[str] = set()
        """Followed no more; the rows still say so."""
        self._asked: set[str] = set()
        """Followed videos of which there is news."""
        self._seen: dict[str, int] = {}
        """The number of the last preview of each followed video."""
        self._wake = asyncio.Event()
        self._pause = LOOK_S
        self._log = structlog.get_logger("reelwright.jobs")

    async def look(self, video_id: str, owner: str | None = None) -> Video | None:
        found = await self._threads.read(self._rows.look, [video_id], owner)
        return self._newest(found[0].video) if found else None

    async def as_they_are(self, videos: Sequence[Video]) -> list[Video]:
        active = [video.id for video in videos if not video.status.terminal]
        found = await self._threads.read(self._rows.look, active) if active else ()
        now = {looked.video.id: self._newest(looked.video) for looked in found}
        return [now.get(video.id, video) for video in videos]

    @asynccontextmanager
    async def following(self, video: Video) -> AsyncIterator[Video]:
        self._followed[video.id] += 1
        self._left.discard(video.id)
        try:
            if not video.status.terminal and self._live.get(video.id) is None:
                self._live.publish(video)
            now = video
            with contextlib.suppress(Busy):  # it is looked for again
                # Only now, when no notice of its end is missed any more.
                now = await self.look(video.id) or _deleted(video)
                self._live.refresh(now)
            self._ask(video.id)
            yield now
        finally:
            self._followed[video.id] -= 1
            if not self._followed[video.id]:
                del self._followed[video.id]
                self._seen.pop(video.id, None)
                self._left.add(video.id)
                self.forget(video.id)

    async def promise(self, video: Video, fresh: bool) -> None:
        if not fresh and not video.status.terminal:
            await self._threads.write(self._records.promise, video.id)

    async def wanted_by_others(self, video_id: str) -> bool:
        if self._live.wanted_by_others(video_id):
            return True
        return await self._threads.read(self._rows.wanted, self._me(), video_id)

    def forget(self, video_id: str) -> None:
        """A job or a follower has gone: what nobody here has to do with any more is dropped."""
        if video_id not in self._followed and not self._makes(video_id):
            self._live.drop(video_id)

    def news(self, video_id: str) -> None:
        """A notice: that video has begun or ended."""
        if video_id in self._followed:
            self._ask(video_id)

    def progress(self, text: str) -> None:
        """A notice: how far some videos are."""
        for video_id, (attempt, percent, preview) in json.loads(text).items():
            known = self._live.get(video_id) if video_id in self._followed else None
            if known is None or self._makes(video_id):
                continue
            if known.attempt != attempt or preview > self._seen.get(video_id, 0):
                self._ask(video_id)
            else:
                self._live.progress(video_id, percent)

    def hears(self, heard: bool) -> None:
        """Whether notices arrive. When they do again, some may have been missed."""
        self._pause = LOOK_S if heard else DEAF_LOOK_S
        for video_id in self._followed:
            self._ask(video_id)

    async def run(self) -> None:
        """For ever: see what has become of the videos that are followed, and say that they are."""
        loop = asyncio.get_running_loop()
        looked = said = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, looked + self._pause - loop.time())):
                    await self._wake.wait()
            self._wake.clear()
            asked, self._asked = self._asked, set()
            if (now := loop.time()) >= looked + self._pause:
                looked, asked = now, set(self._followed)
            new = [one for one in asked if one not in self._seen]
            if now >= said + WATCHED_S / 3:
                said, new = now, list(self._followed)
            try:
                await self._say(new)
                await self._see(asked)
            except Busy as error:
                self._log.debug("followed videos not looked at", reason=error.message)
                self._asked |= asked & self._followed.keys()
                await asyncio.sleep(self._pause)
            except Exception:  # noqa: BLE001 - a loop that must not end: recorded
                self._log.exception("followed videos not looked at")
                await asyncio.sleep(self._pause)

    def _ask(self, video_id: str) -> None:
        self._asked.add(video_id)
        self._wake.set()

    async def _say(self, new: Sequence[str]) -> None:
        """Tell who makes them that their progress is of interest."""
        new = [video_id for video_id in new if video_id in self._followed and not self._makes(video_id)]
        if new:
            await self._threads.write(self._rows.watch, self._me(), new)
        left, self._left = self._left - self._followed.keys(), set()
        if left:
            await self._threads.write(self._rows.unwatch, self._me(), list(left))

    async def _see(self, asked: set[str]) -> None:
        if not asked:
            return
        found = {looked.video.id: looked for looked in await self._threads.read(self._rows.look, list(asked))}
        for video_id in asked & self._followed.keys():
            known = self._live.get(video_id)
            if looked := found.get(video_id):
                await self._show(looked)
                self._live.refresh(self._newest(looked.video))
            elif known is not None:
                self._live.publish(_deleted(known))

    async def _show(self, looked: Looked) -> None:
        """A preview that was not shown yet."""
        video_id, number = looked.video.id, looked.preview or 0
        if video_id not in self._followed:  # its last follower has gone meanwhile
            return
        if number <= self._seen.setdefault(video_id, 0) or self._makes(video_id):
            return
        if picture := await self._threads.read(self._rows.preview, video_id):
            self._seen[video_id] = picture[0]
            self._live.preview(video_id, picture[1], picture[2])

    def _newest(self, video: Video) -> Video:
        """With the progress and the stage that this process knows, if it makes the video itself."""
        known = self._live.get(video.id)
        if known is None or known.attempt != video.attempt or video.status is not Status.IN_PROGRESS:
            return video
        return dataclasses.replace(video, progress=max(video.progress, known.progress), stage=known.stage)


def _deleted(video: Video) -> Video:
    """A video whose row is gone, as those who follow it are told: it was cancelled before it was deleted."""
    gone = Failure(code=Code.CANCELLED, message="The video was deleted")
    return dataclasses.replace(video, status=Status.FAILED, failure=gone, position=None)
