"""Duplicates: videos of one owner whose deterministic requests are equal, so that one rendering serves them all.

They share the work and the bytes of the file, not the video: each one has its own id, metadata, webhook, priority,
place in the queue and life. The first to be rendered is the leader; the others follow it (`video_job.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from reelwright import __version__
from reelwright.video import Video, VideoSpec

_OWN = ("render_s", "finish_s")
"""Entries of `made_with` that are true only of the video that was rendered."""


def shared(made_with: Mapping[str, Any]) -> dict[str, Any]:
    """The `made_with` of a video that has the file of a duplicate."""
    return {**{name: value for name, value in made_with.items() if name not in _OWN}, "shared": True}


class Duplicates:
    """The videos of this process that have not ended, grouped by owner and fingerprint."""

    def __init__(self, deterministic: frozenset[tuple[str, str]]) -> None:
        """`deterministic`: the (engine, model) pairs that make the same video from the same request."""
        self._deterministic = deterministic
        self._groups: dict[tuple[str, str], list[str]] = {}

    def fingerprint(self, spec: VideoSpec) -> str | None:
        """A digest (hex SHA-256) of all that shapes the result; equal requests have the same one.

        None when the request does not determine its result: it has no seed, or its model is not deterministic.
        """
        if not spec.seed_given or (spec.engine, spec.model) not in self._deterministic:
            return None
        shape = {k: v for k, v in spec.to_json().items() if k not in ("seed_given", "unused")}
        text = json.dumps([__version__, shape], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def add(self, video: Video) -> None:
        if group := self._group(video):
            self._groups.setdefault(group, []).append(video.id)

    def remove(self, video: Video) -> None:
        """Forget a video that has ended."""
        group = self._group(video)
        members = self._groups.get(group, []) if group else []
        if group and video.id in members:
            members.remove(video.id)
            if not members:
                del self._groups[group]

    def of(self, video: Video) -> Iterator[str]:
        """The ids of the video's duplicates, in the order of their submission."""
        group = self._group(video)
        members = self._groups.get(group, []) if group else []
        return (member for member in list(members) if member != video.id)

    def _group(self, video: Video) -> tuple[str, str] | None:
        fingerprint = self.fingerprint(video.spec)
        return (video.owner, fingerprint) if fingerprint else None
