"""The queue as the API sees it: submit, look, wait, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog

from reelwright import ids
from reelwright.clock import Clock
from reelwright.errors import Busy, Code, NotFound
from reelwright.jobs.durable import Durable
from reelwright.jobs.events import Live
from reelwright.jobs.video_job import VideoJob
from reelwright.jobs.worker import Worker
from reelwright.store.records import Records
from reelwright.video import Failure, Request, Status, Video

T = TypeVar("T")

CANCELLED = Failure(code=Code.CANCELLED, message="The job was cancelled")


class Queue:
    """All that a dialect may do with jobs. Nothing is acknowledged before it is in the database."""

    def __init__(
        self,
        *,
        records: Records,
        durable: Durable,
        job: VideoJob,
        worker: Worker,
        live: Live,
        clock: Clock,
        database_threads: Executor,
        max_queued: int,
        keep_days: float,
    ) -> None:
        self._records = records
        self._durable = durable
        self._job = job
        self._worker = worker
        self._live = live
        self._clock = clock
        self._threads = database_threads
        self._max_queued = max_queued
        self._keep = timedelta(days=keep_days)
        self._log = structlog.get_logger("reelwright.jobs")

    async def submit(self, request: Request, owner: str, remixed_from: str | None = None) -> Video:
        """Store the job and start or queue it. Raises `Busy` when the queue is full or the database does not answer."""
        now = self._clock.now()
        video = Video(
            id=ids.video_id(int(now.timestamp() * 1000)),
            owner=owner,
            status=Status.QUEUED,
            request=request,
            created_at=now,
            expires_at=now + self._keep,
            remixed_from=remixed_from,
        )
        turn = await self._database(self._records.insert, video, self._max_queued)
        if turn is None:
            raise Busy(f"The queue is full ({self._max_queued:,} jobs wait)", code=Code.QUEUE_FULL, retry_after=30)
        self._live.publish(video)
        await self._begin(video, turn)
        return video

    async def _begin(self, video: Video, turn: int) -> None:
        """With a free slot here the workflow starts at once; else it waits in the queue for whoever is free first."""
        if self._worker.idle(video.request.engine):
            await self._durable.start(video.id)
        else:
            await self._durable.enqueue(video.id, video.request.engine, turn)

    async def get(self, video_id: str, owner: str | None) -> Video:
        """The video; `owner` None may see all. What is not there and what is not yours raise the same `NotFound`."""
        video = self._live.get(video_id)
        if video is None and ids.is_video_id(video_id):
            video = await self._database(self._records.get, video_id)
            if video is not None:
                self._live.remember(video)
        if video is None or owner not in (None, video.owner):
            raise NotFound("There is no video with this id", field="id")
        return video

    async def wait(self, video: Video) -> Video:
        """The video in its terminal state."""
        if video.status.terminal:
            return video
        return await self._live.wait(video.id) or await self.get(video.id, None)

    async def cancel(self, video: Video) -> Video:
        """End the job, wherever it is. Of several cancels, or a cancel and the finish, the first one counts."""
        if video.status.terminal:
            return video
        ended = await self._database(self._records.fail, video.id, None, CANCELLED, self._clock.now())
        now = await self._database(self._records.get, video.id)
        if now is None:
            raise NotFound("There is no video with this id", field="id")
        self._live.publish(now)
        if ended:
            if not self._job.cancel(video.id):
                await self._durable.withdraw(video.id)
            self._log.info("cancelled", video=video.id)
        return now

    async def recover(self) -> None:
        """At start: dead processes' jobs go back to the queue, jobs without a workflow get one, all become visible."""
        put_back = await self._durable.requeue(own=False)
        active = await self._database(self._records.active)
        for video in active:
            self._live.publish(video)
        orphans = set(await self._durable.unknown([video.id for video in active])) if active else set()
        for turn, video in enumerate(active):
            if video.id in orphans:
                await self._durable.enqueue(video.id, video.request.engine, turn)
        if active:
            self._log.info("recovered", waiting=len(active), interrupted=put_back, orphaned=len(orphans))

    async def _database(self, function: Callable[..., T], *arguments: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        except sa.exc.OperationalError as error:
            raise busy(error) from error


def busy(error: sa.exc.OperationalError) -> Busy:
    """What a client is told when the database does not take a transaction."""
    if "full" in str(error.orig).lower():
        return Busy("The disk for the database is full", code=Code.STORAGE_FULL, retry_after=60)
    return Busy("The database is busy", code=Code.UNAVAILABLE, retry_after=5)
