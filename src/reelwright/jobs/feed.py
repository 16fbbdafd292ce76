"""The present state of any video, and news of it for those who follow it.

`LocalFeed` serves a process that is alone with its database: everything is in its memory (`events.py`). `SharedFeed`
serves one process of a fleet, where another process may make the video: it reads the rows. A notice of Postgres says at
once that a row has changed, and a read every two seconds finds what no notice has told.
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

from reelwright.errors import Busy, Code
from reelwright.jobs.events import LiveVideos
from reelwright.jobs.threads import Threads
from reelwright.loop import Loop
from reelwright.store.following import WATCHED_S, Followers, Looked
from reelwright.store.records import Records
from reelwright.video import Failure, Status, Video

LOOK_S = 2.0
DEAF_LOOK_S = 1.0
"""Seconds between two reads of the followed videos: usually, and while no notices arrive."""


class Feed(Protocol):
    async def look(self, video_id: str, owner: str | None = None) -> Video | None:
        """The video as it is now; None when there is none with that id, or it is another owner's.

        Both cases take the same time, so the time does not tell whether an id exists.
        """
        ...

    async def as_they_are(self, videos: Sequence[Video]) -> list[Video]:
        """Videos that were read from the database, each with its present progress and position."""
        ...

    def following(self, video: Video) -> contextlib.AbstractAsyncContextManager[Video]:
        """Within the block `LiveVideos` tells every change of the video until its end. Gives the video as it is now."""
        ...

    async def promise(self, video: Video, fresh: bool) -> None:
        """Note that a client counts on this video without waiting for it. `fresh`: the video is new, and its row was
        stored with that note."""
        ...

    async def wanted_by_others(self, video_id: str) -> bool:
        """Whether the video was promised to a client, or another one waits for it besides the one who asks."""
        ...

    async def run(self) -> None:
        """Do what is to be done in the background, until the task is cancelled."""
        ...


class LocalFeed:
    def __init__(self, records: Records, live: LiveVideos, threads: Threads) -> None:
        self._records = records
        self._live = live
        self._threads = threads

    async def look(self, video_id: str, owner: str | None = None) -> Video | None:
        video = self._live.get(video_id)
        if video is None or owner not in (None, video.owner):
            video = await self._threads.read(self._records.get, video_id, owner)
            if video is not None:
                self._live.cache(video)
        return video

    async def as_they_are(self, videos: Sequence[Video]) -> list[Video]:
        return [self._live.get(video.id) or video for video in videos]

    @asynccontextmanager
    async def following(self, video: Video) -> AsyncIterator[Video]:
        yield self._live.get(video.id) or await self.look(video.id) or video

    async def promise(self, video: Video, fresh: bool) -> None:
        self._live.mark_promised(video.id)

    async def wanted_by_others(self, video_id: str) -> bool:
        return self._live.wanted_by_others(video_id)

    async def run(self) -> None:
        """Nothing: whatever changes a video in this process tells it at once."""


class SharedFeed:
    def __init__(
        self,
        *,
        rows: Followers,
        records: Records,
        live: LiveVideos,
        threads: Threads,
        me: Callable[[], str],
        makes: Callable[[str], bool],
    ) -> None:
        """`me`: the id of this process in the rows, which changes when it registers anew. `makes`: whether this process
        makes that video itself."""
        self._rows = rows
        self._records = records
        self._live = live
        self._threads = threads
        self._me = me
        self._makes = makes
        self._followed: Counter[str] = Counter()
        self._left: set[str] = set()
        """Videos that nobody follows any more through this process, though the rows still say so."""
        self._asked: set[str] = set()
        """Followed videos whose rows are to be read in the next round."""
        self._seen: dict[str, int] = {}
        """The number of the preview that was told last, by followed video."""
        self._look_s = LOOK_S
        self._looked_at = self._renewed_at = 0.0
        """When all followed videos were read last, and when the rows were told last that they are followed."""
        self._loop = Loop("feed", self._round, self._until_next_look)

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
            with contextlib.suppress(Busy):  # the next round reads it
                # Not before: from now on a notice of its end is heard, so an end after this read is not missed.
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
        """Drop the live state of a video that this process neither makes nor follows any more."""
        if video_id not in self._followed and not self._makes(video_id):
            self._live.drop(video_id)

    def news(self, video_id: str) -> None:
        """Take a notice: the state of that video has changed."""
        if video_id in self._followed:
            self._ask(video_id)

    def progress(self, text: str) -> None:
        """Take a notice with the progress of some videos (`store/channels.py`)."""
        for video_id, (attempt, percent, preview) in json.loads(text).items():
            known = self._live.get(video_id) if video_id in self._followed else None
            if known is None or self._makes(video_id):
                continue
            if known.attempt == attempt:
                self._live.progress(video_id, percent)  # the row may be a beat behind
            if known.attempt != attempt or preview > self._seen.get(video_id, 0):
                self._ask(video_id)

    def hears(self, heard: bool) -> None:
        """Note whether notices arrive from now on. Some may be lost, so all followed videos are read now."""
        self._look_s = LOOK_S if heard else DEAF_LOOK_S
        for video_id in self._followed:
            self._ask(video_id)

    async def run(self) -> None:
        """Read the rows of the followed videos and tell what is new, until the task is cancelled."""
        await self._loop.run()

    def _until_next_look(self) -> float:
        return max(0.0, self._looked_at + self._look_s - asyncio.get_running_loop().time())

    async def _round(self) -> None:
        """Read those of which there is news; all of them, when the last time is long enough ago."""
        now = asyncio.get_running_loop().time()
        asked, self._asked = self._asked, set()
        if now >= self._looked_at + self._look_s:
            self._looked_at, asked = now, set(self._followed)
        new = [video_id for video_id in asked if video_id not in self._seen]
        if now >= self._renewed_at + WATCHED_S / 3:
            self._renewed_at, new = now, list(self._followed)
        try:
            await self._say(new)
            await self._see(asked)
        except Exception:
            self._asked |= asked & self._followed.keys()
            raise

    def _ask(self, video_id: str) -> None:
        self._asked.add(video_id)
        self._loop.wake()

    async def _say(self, new: Sequence[str]) -> None:
        """Write into the rows that this process follows `new`, so that whoever makes them tells their progress."""
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
        """Tell the newest preview, if it was not told yet."""
        video_id, number = looked.video.id, looked.preview or 0
        if video_id not in self._followed:  # its last follower has gone meanwhile
            return
        if number <= self._seen.setdefault(video_id, 0) or self._makes(video_id):
            return
        if picture := await self._threads.read(self._rows.preview, video_id):
            self._seen[video_id] = picture[0]
            self._live.preview(video_id, picture[1], picture[2])

    def _newest(self, video: Video) -> Video:
        """The video with the progress and phase in memory, which are newer than the row's where this process makes
        it."""
        known = self._live.get(video.id)
        if known is None or known.attempt != video.attempt or video.status is not Status.IN_PROGRESS:
            return video
        return dataclasses.replace(video, progress=max(video.progress, known.progress), stage=known.stage)


def _deleted(video: Video) -> Video:
    """What followers of a deleted video are told: it was cancelled, since a delete cancels first."""
    gone = Failure(code=Code.CANCELLED, message="The video was deleted")
    return dataclasses.replace(video, status=Status.FAILED, failure=gone, position=None)
