"""A job that this process is working on: the right to make its video, and its state meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelwright.jobs.outcome import Finished
from reelwright.store.deliveries import Delivery
from reelwright.video import Video


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right of this process to make a video: its row says that this attempt is under way here.

    `claimed`: False when the row does not say so yet, because the job was only queued in memory; it is claimed before
    anything else is done. `checkpoint`: what the attempt goes on from. `initial_checkpoint_stored`: the card's
    `initial_checkpoint` was stored together with the row. `due`: the webhook deliveries about the beginning.
    """

    video: Video
    claimed: bool = False
    checkpoint: Mapping[str, Any] | None = None
    initial_checkpoint_stored: bool = False
    due: Sequence[Delivery] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class Running:
    """A job under way, and the task that does it.

    `cancellable`: the task is in a part of its work that may be interrupted; recording the outcome may not.
    `cancelled`: somebody has asked for the end. `video_ended`: the row has ended already, by a cancel; `deleted`: the
    video's files are to be removed when the task ends. `has_stored_checkpoint`: the store holds a checkpoint file.

    Duplicates (`duplicates.py`): `renders` is True for the job that makes the file, the leader; `followers` are the ids
    of the videos that wait for the same file, and `shared_keys` the keys of those that have it already. `result` is set
    once: to the outcome with the file, or to None when there is none. `requeue` is set for a follower whose leader made
    no file: the lease with which the scheduler queues it again.
    """

    video: Video
    task: asyncio.Task[None] | None = None
    cancellable: bool = False
    cancelled: bool = False
    renders: bool = False
    followers: set[str] = field(default_factory=set)
    shared_keys: dict[str, str] = field(default_factory=dict)
    has_stored_checkpoint: bool = False
    video_ended: bool = False
    deleted: bool = False
    result: asyncio.Future[Finished | None] = field(default_factory=asyncio.Future)
    requeue: Lease | None = None

    def cancel(self) -> None:
        """Interrupt the task if it can be interrupted now; otherwise it sees `cancelled` before its next part."""
        # At most once: a second interruption would hit the clean-up after the first.
        if self.cancellable and not self.cancelled and self.task is not None:
            self.task.cancel()
        self.cancelled = True
