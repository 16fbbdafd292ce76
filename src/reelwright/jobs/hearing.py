"""What a job says while it runs goes to those who follow its video, and the videos of its twins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from reelwright.engines.child import Watch
from reelwright.jobs.events import Live
from reelwright.jobs.running import Running


def hear(running: Running, live: Live, save: Callable[[Mapping[str, Any]], Awaitable[None]]) -> Watch:
    """`save` makes a checkpoint durable."""

    def all_of_them() -> tuple[str, ...]:
        return (running.video.id, *running.followers)

    def enter(stage: str | None) -> None:
        for one in all_of_them():
            live.stage(one, stage)

    def show(data: bytes, media_type: str) -> None:
        for one in all_of_them():
            live.preview(one, data, media_type)

    return Watch(progress=half_told(live, running, 0), stage=enter, preview=show, checkpoint=save)


def half_told(live: Live, running: Running, nth: int) -> Callable[[int, int], None]:
    """Tells the progress of rendering (0) or of refining (1), each of which is measured and counts as half of the job.

    Where nothing is refined, rendering is all of it.
    """
    halves = 2 if running.video.spec.refined else 1

    def tell(done: int, total: int) -> None:
        whole = max(1, total)
        for one in (running.video.id, *running.followers):
            live.progress(one, 99 * (nth * whole + done) // (halves * whole))

    return tell
