"""How an attempt ends: a value, which `recorder.py` matches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelwright.errors import Code
from reelwright.media.clip import Clip
from reelwright.video import Failure, MadeFile, Video

_KEEPS_CHECKPOINT = frozenset(
    {Code.TIMED_OUT, Code.ENGINE_CRASHED, Code.ENGINE_FAILED, Code.OUT_OF_MEMORY, Code.INTERNAL}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """An engine has made the clip; it is still to be refined and finished. `made_with`: the facts that shaped it."""

    video: Video
    clip: Clip
    made_with: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The file is in place under its key, probed and safe on the disk. `made_with`: the facts that shaped it."""

    attempt: int
    file: MadeFile
    made_with: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    attempt: int
    failure: Failure

    @property
    def keeps_checkpoint(self) -> bool:
        """Whether the job's checkpoint is still good: a new video can go on from there."""
        return self.failure.code in _KEEPS_CHECKPOINT


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Nothing is to be recorded: the row has ended already by a cancel, or another attempt has begun."""


Outcome = Finished | Failed | Ended
