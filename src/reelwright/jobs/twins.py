"""Twins: videos of one owner that ask for the same, so that one rendering and one file serve all of them.

Each is a video of its own all the same: id, metadata, webhook, priority, place in line, life.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from reelwright import __version__
from reelwright.video import Video, VideoSpec

_OWN = ("render_s", "finish_s")
"""What is only true of the video that was rendered."""


def shared(made_with: Mapping[str, Any]) -> dict[str, Any]:
    """What shaped a video whose file is that of a twin."""
    return {**{name: value for name, value in made_with.items() if name not in _OWN}, "shared": True}


class Twins:
    """Knows which of the videos that have not ended are twins of each other."""

    def __init__(self, deterministic: frozenset[tuple[str, str]]) -> None:
        """`deterministic`: the (engine, model) pairs that make the same video from the same request."""
        self._deterministic = deterministic
        self._groups: dict[tuple[str, str], list[str]] = {}

    def fingerprint(self, spec: VideoSpec) -> str | None:
        """Names a request whose result is determined by it; None when every one is to be made afresh."""
        if not spec.seed_given or (spec.engine, spec.model) not in self._deterministic:
            return None
        shape = {k: v for k, v in spec.to_json().items() if k not in ("seed_given", "unused")}
        text = json.dumps([__version__, shape], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def add(self, video: Video) -> None:
        if group := self._group(video):
            self._groups.setdefault(group, []).append(video.id)

    def remove(self, video: Video) -> None:
        """It has ended."""
        group = self._group(video)
        members = self._groups.get(group, []) if group else []
        if group and video.id in members:
            members.remove(video.id)
            if not members:
                del self._groups[group]

    def of(self, video: Video) -> Iterator[str]:
        """The ids of the others that ask for the same, in the order of their submission."""
        group = self._group(video)
        members = self._groups.get(group, []) if group else []
        return (member for member in list(members) if member != video.id)

    def _group(self, video: Video) -> tuple[str, str] | None:
        fingerprint = self.fingerprint(video.spec)
        return (video.owner, fingerprint) if fingerprint else None
