"""Waiting for a video, without any I/O: both clients feed it what they see and ask it what to do next."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Generic

from reelwright.client.errors import APIError, Busy, ServerFault, Unreachable, VideoFailed, WaitTimeout
from reelwright.client.facts import AnyVideo, Event

_SILENCE_S = 20.0
"""A stream of events that says nothing for so long is doubted: a plain look follows."""

_DEAF_LIMIT = 3
"""Streams in a row that ended without one event; then the server is asked instead."""

_LIVE = ("status", "progress", "queue_position", "stage", "started_at")
"""The fields of a video object that a `progress` event may renew."""


class Watch(Generic[AnyVideo]):
    """One wait. `timeout` (seconds) bounds it, `patience` (seconds) the time without any answer from the server."""

    def __init__(
        self,
        timeout: float | None,
        on_progress: Callable[[AnyVideo], None] | None,
        on_preview: Callable[[bytes], None] | None,
        patience: float,
    ) -> None:
        self.follows = True
        self.last_event: str | None = None
        self._timeout = timeout
        self._on_progress = on_progress
        self._on_preview = on_preview
        self._patience = patience
        self._started = self._last_contact = time.monotonic()
        self._video: AnyVideo | None = None
        self._told: tuple[object, ...] = ()
        self._deaf = 0
        self._pause = 0.0

    def saw(self, video: AnyVideo, poll_after: float) -> bool:
        """The video's state, and for how many seconds the server wants no other look. True at its end."""
        self._last_contact = time.monotonic()
        self._video = video
        self._pause = poll_after
        self._tell(video)
        return video.finished

    def listening(self) -> None:
        """A stream of events is about to be opened. It is given up after too many in a row brought nothing."""
        self._deaf += 1
        self._pause = 0.2
        self.follows = self._deaf < _DEAF_LIMIT

    def heard(self, event: Event, video_of: Callable[[Mapping[str, Any]], AnyVideo]) -> bool:
        """An event; `video_of` makes a video of an object. True when the stream has brought the end."""
        self._last_contact = time.monotonic()
        self._deaf = 0
        self.follows = True
        self.last_event = event.id or self.last_event
        if event.kind in ("completed", "failed"):
            self._pause = 0.0
            return True
        if event.kind == "progress" and self._video is not None:
            news = {name: event.data[name] for name in _LIVE if name in event.data}
            self._video = video_of({**self._video.raw, **news})
            self._tell(self._video)
        if self._on_preview is not None and (picture := event.picture):
            self._on_preview(picture)
        self._left()
        return False

    def lost(self, error: Unreachable) -> None:
        """No answer. Raises `error` when the patience is over."""
        if self._video is None or time.monotonic() - self._last_contact > self._patience:
            raise error
        self._pause = 0.5

    def refused(self, error: APIError) -> None:
        """An answer that was an error. A server in trouble is given the same patience as a silent one."""
        passing = isinstance(error, Busy | ServerFault)
        if self._video is None or not passing or time.monotonic() - self._last_contact > self._patience:
            raise error
        self._pause = error.retry_after or 1.0

    def silence(self) -> float:
        """How many seconds a stream may stay silent."""
        return self._left(_SILENCE_S)

    def pause(self) -> float:
        """How many seconds to rest before the next look. Raises `WaitTimeout` when the time is up."""
        return self._left(self._pause)

    def result(self) -> AnyVideo:
        """The completed video. Raises `VideoFailed`."""
        assert self._video is not None
        if self._video.status == "failed":
            raise VideoFailed(self._video)
        return self._video

    def _left(self, wanted: float = 0.0) -> float:
        if self._timeout is None:
            return wanted
        left = self._started + self._timeout - time.monotonic()
        if left <= 0:
            raise WaitTimeout(self._video, self._timeout)
        return min(wanted, left)

    def _tell(self, video: AnyVideo) -> None:
        news = (video.status, video.progress, video.queue_position, video.stage)
        if self._on_progress is not None and news != self._told:
            self._told = news
            self._on_progress(video)
