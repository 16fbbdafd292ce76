"""A job under way in this process: the right to make its video, and what can be done with it meanwhile."""

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
    """The right of this process to make a video.

    `stored`: the row says so already, since the video was stored as begun; else it is claimed first. `opened`: it was
    stored with the card's opening as its checkpoint. `due`: what is to be told about the beginning.
    """

    video: Video
    stored: bool = False
    checkpoint: Mapping[str, Any] | None = None
    opened: bool = False
    due: Sequence[Delivery] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class Running:
    """A job under way. `cancel` ends what can be cancelled of it; the record of its outcome cannot.

    `renders`: it makes a file, and `followers` wait for it; those in `served` have it, under that key. `made` tells
    them how it ended: None when there is no file. `kept`: it has a checkpoint's file in the store. `unwanted`: its own
    video has ended; `deleted`: its files are to go. `in_vain`: what it may be made with after all, since the one that
    it followed has made nothing.
    """

    video: Video
    task: asyncio.Task[None] | None = None
    cancellable: bool = False
    cancelled: bool = False
    renders: bool = False
    followers: set[str] = field(default_factory=set)
    served: dict[str, str] = field(default_factory=dict)
    kept: bool = False
    unwanted: bool = False
    deleted: bool = False
    made: asyncio.Future[Finished | None] = field(default_factory=asyncio.Future)
    in_vain: Lease | None = None

    def cancel(self) -> None:
        # Once: a second one would end the clearing up after the first.
        if self.cancellable and not self.cancelled and self.task is not None:
            self.task.cancel()
        self.cancelled = True
