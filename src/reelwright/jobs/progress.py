"""How far a job is, as those who wait for it are told."""

from __future__ import annotations

from collections.abc import Callable

from reelwright.jobs.events import Live
from reelwright.jobs.running import Running


def half_told(live: Live, running: Running, nth: int) -> Callable[[int, int], None]:
    """Tells the progress of rendering (0) or of refining (1), each of which is measured and counts as half of the job.

    Where nothing is refined, rendering is all of it.
    """
    halves = 2 if running.video.request.refined else 1

    def tell(done: int, total: int) -> None:
        whole = max(1, total)
        for one in (running.video.id, *running.followers):
            live.progress(one, 99 * (nth * whole + done) // (halves * whole))

    return tell
