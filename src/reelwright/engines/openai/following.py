"""Follows a job that a server has accepted until it ends: by asking again and again (a look), or by its events.

| what the server answers                             | what it means                                          |
|-----------------------------------------------------|--------------------------------------------------------|
| the job's object, whatever the HTTP status          | what it says                                           |
| 404, three looks in a row over `lost_seconds`       | lost; once or twice it is another replica's answer     |
| 408, 425, 429, 5xx without an object, no connection | the look is repeated                                   |
| the same for `gone_seconds`, and others are there   | lost, but for a Reelwright, which keeps its jobs       |
| 401, 403, nonsense                                  | the job fails with that                                |
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping

import httpx2

from reelwright.engines.engine import Report
from reelwright.engines.openai.options import Options, Policy
from reelwright.engines.openai.refusals import failed
from reelwright.engines.openai.server import LONG_LOOK_S, Server
from reelwright.engines.openai.videos import Status, Video, read_video
from reelwright.engines.upstream.job_limits import JobLimits
from reelwright.engines.upstream.outcomes import Scrubber, UpstreamError

LOST_LOOKS = 3
PREVIEW_BYTES = 1024 * 1024
_MOMENTARY = frozenset({408, 425, 429})


class Gone(Exception):
    """The server has not answered for `gone_seconds`, and another one could make the video."""


class Lost(Exception):
    """The server answers, but does not know the job any more."""


class Following:
    """One job at one server. `progress_moved`: the server told progress before the end."""

    def __init__(
        self, server: Server, video_id: str, options: Options, limits: JobLimits, report: Report, scrub: Scrubber
    ) -> None:
        self._server = server
        self._id = video_id
        self._options = options
        self._limits = limits
        self._report = report
        self._scrub = scrub
        self._told = 0
        self._stage: str | None = None
        self._silent_since: float | None = None
        self._misses = 0
        self._missed_since = 0.0
        self._last_event = ""
        self._deaf = False
        self.progress_moved = False

    def run(self, *, alternatives: bool) -> Video:
        """The completed video. `alternatives`: another server could be asked.

        Raises `UpstreamError` for a failed job, `Lost`, `Gone`, and as `JobLimits.check`.
        """
        while True:
            try:
                video = self._next()
            except (UpstreamError, httpx2.TransportError) as error:
                self._note_silence(error, alternatives)
            else:
                self._silent_since = None
                if self._judge(video):
                    assert video is not None, "an end is one of a video"
                    return video
            self._limits.poll_pause()

    def _next(self) -> Video | None:
        """Wait for news and return the job's state; None: the server does not know the job."""
        reelwright = self._server.is_reelwright(self._limits)
        if not reelwright:
            return self._server.look(self._id, self._limits)
        wait_s = min(LONG_LOOK_S, self._options.idle_seconds * 0.8) if self._deaf else 0.0
        video = self._server.look(self._id, self._limits, wait_s=wait_s)
        if video is None or video.status.ended or self._deaf:
            return video
        self._silent_since = None
        self._judge(video)
        return self._listen() or video

    def _listen(self) -> Video | None:
        """Follow the server's events to the end of the job. Returns its last state; None when they broke off or there
        are none."""
        try:
            for event in self._server.events(self._id, self._last_event, self._limits):
                self._last_event = event.id or self._last_event
                if event.kind == "preview":
                    self._show(event.data)
                elif (video := read_video(event.data)) is not None:
                    if video.status.ended:
                        return video
                    self._tell(video)
        except UpstreamError as fault:
            if fault.status not in (404, 405):
                raise
            self._deaf = True
        except httpx2.TransportError:
            pass  # the look that follows tells more
        return None

    def _judge(self, video: Video | None) -> bool:
        """True when the video is completed, False while the job goes on. Raises `UpstreamError` when it has failed, and
        `Lost`."""
        if video is None:
            now = time.monotonic()
            self._misses += 1
            self._missed_since = now if self._misses == 1 else self._missed_since
            if self._misses >= LOST_LOOKS and now - self._missed_since >= self._options.lost_seconds:
                raise Lost
            return False
        self._misses = 0
        if video.status is Status.FAILED:
            raise failed(video, self._server.name, self._scrub, reelwright=self._server.known_as_reelwright)
        if video.status is Status.COMPLETED:
            return True
        self._tell(video)
        return False

    def _tell(self, video: Video) -> None:
        """Report the progress if it has grown, else the stage if it has changed. Some servers say 0 until the end, and
        on some the progress falls."""
        if (video.progress or 0) > self._told:
            self._told = video.progress or 0
            self.progress_moved = True
            self._report.progress(self._told, 100)
        elif video.stage != self._stage:
            self._report.stage(video.stage)
        self._stage = video.stage

    def _show(self, data: Mapping[str, object]) -> None:
        head, _, encoded = str(data.get("image", "")).partition(";base64,")
        if not head.startswith("data:image/") or len(encoded) > PREVIEW_BYTES:
            return
        try:
            picture = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return
        self._report.preview(picture, head.removeprefix("data:"))

    def _note_silence(self, error: UpstreamError | httpx2.TransportError, alternatives: bool) -> None:
        """Handle a look that got no state. Raises `error` when asking again would not help, and `Gone` after
        `gone_seconds`."""
        if isinstance(error, UpstreamError) and not _momentary(error):
            raise error
        now = time.monotonic()
        self._silent_since = now if self._silent_since is None else self._silent_since
        keeps = self._server.known_as_reelwright or self._server.upstream.when_lost is Policy.FAIL
        if alternatives and not keeps and now - self._silent_since >= self._options.gone_seconds:
            raise Gone
        if isinstance(error, UpstreamError) and error.wait:
            self._limits.wait(error.wait)


def _momentary(fault: UpstreamError) -> bool:
    """Whether asking again may help."""
    if fault.status is None:
        return isinstance(fault.__cause__, httpx2.TransportError)
    return fault.status in _MOMENTARY or fault.status >= 500
