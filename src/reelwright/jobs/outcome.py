"""How an attempt ends: a value, matched in one place (`video_job.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelwright.errors import Code
from reelwright.media.clip import Clip
from reelwright.video import Failure, MadeFile, Video

_SPARING = frozenset({Code.TIMED_OUT, Code.ENGINE_CRASHED, Code.ENGINE_FAILED, Code.OUT_OF_MEMORY, Code.INTERNAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What an engine has made; it is still to be refined and finished."""

    video: Video
    clip: Clip
    made_with: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The file is written, fsynced, probed and in place. `made_with` holds the facts that shaped it."""

    attempt: int
    file: MadeFile
    made_with: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    attempt: int
    failure: Failure

    @property
    def spares_work(self) -> bool:
        """Whether the work that the job had saved is as good as before: another one can go on from there."""
        return self.failure.code in _SPARING


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """There is nothing to record: the video was cancelled, or another attempt has taken over."""


Outcome = Finished | Failed | Ended
