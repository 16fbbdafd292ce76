"""Passes on what a job reports while it runs, to the followers of its video and of the duplicates that wait for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from reelwright.engines.child import RenderListener
from reelwright.jobs.events import LiveVideos
from reelwright.jobs.running import Running


def listener_for(
    running: Running, live: LiveVideos, save: Callable[[Mapping[str, Any]], Awaitable[None]]
) -> RenderListener:
    """The callbacks for the engine's process. `save` makes a checkpoint durable before the engine goes on."""

    def stage(name: str | None) -> None:
        for video_id in _videos(running):
            live.stage(video_id, name)

    def preview(data: bytes, media_type: str) -> None:
        for video_id in _videos(running):
            live.preview(video_id, data, media_type)

    return RenderListener(progress=report_part(live, running, 0), stage=stage, preview=preview, checkpoint=save)


def report_part(live: LiveVideos, running: Running, part: int) -> Callable[[int, int], None]:
    """A callback that turns the steps done of one part of a job into the percentage of the whole job.

    `part`: 0 for rendering, 1 for refining (interpolating and upscaling). Each counts as half of the job where there is
    refining; otherwise rendering is all of it. The callback takes the steps done and their total number.
    """
    parts = 2 if running.video.spec.refined else 1

    def report(done: int, total: int) -> None:
        steps = max(1, total)
        for video_id in _videos(running):
            live.progress(video_id, 99 * (part * steps + done) // (parts * steps))

    return report


def _videos(running: Running) -> tuple[str, ...]:
    return (running.video.id, *running.followers)
