"""The spans of a job: `submit` (within the HTTP request), `wait`, and `process` with `render`, `finish` and `record`.

A job belongs to the trace of the request that submitted it. Its row holds the `traceparent` of the `submit` span, so
each attempt in any process continues the same trace. The names follow
https://opentelemetry.io/docs/specs/semconv/messaging/.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from reelwright.jobs.outcome import Ended, Failed, Finished, Outcome
from reelwright.tracing import NO_SPAN, Facts, Kind, Span, Tracer
from reelwright.video import Video, VideoSpec

VIDEO = "reelwright.video.id"


class Traces:
    """Begins and ends spans. Holds the `process` spans of the attempts under way in this process, by the video's id."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._attempts: dict[str, Span] = {}

    @property
    def on(self) -> bool:
        return self._tracer.on

    def submission(self, spec: VideoSpec) -> Span:
        """Begin a `submit` span within the span of the current HTTP request."""
        facts = {**_messaging("submit", "send", spec.engine), **_shape(spec)} if self.on else {}
        return self._tracer.begin(f"submit {spec.engine}", facts, kind=Kind.PRODUCER)

    def submitted(self, submission: Span, video: Video) -> None:
        """Note the video of a submission. If it is an earlier one's, because of its idempotency key, link to its
        trace."""
        submission.note({VIDEO: video.id, "messaging.message.id": video.id})
        if video.trace != submission.traceparent:
            submission.link(video.trace)

    def begun(self, video: Video) -> None:
        """Begin the `process` span of an attempt that was claimed; before a first one comes its `wait` span."""
        if not self.on:
            return
        engine, facts = video.spec.engine, {VIDEO: video.id}
        if video.attempt == 1:
            self._tracer.begin("wait", facts, parent=video.trace, begun=video.created_at).end()
        self._attempts[video.id] = self._tracer.begin(
            f"process {engine}",
            {
                **facts,
                **_messaging("process", "process", engine),
                **_shape(video.spec),
                "messaging.message.id": video.id,
                "reelwright.attempt": video.attempt,
            },
            kind=Kind.CONSUMER,
            parent=video.trace,
        )

    def stage(self, video_id: str, name: str) -> Span:
        """Begin a span within the attempt's `process` span."""
        return self._attempts.get(video_id, NO_SPAN).begin(name)

    def ended(self, video_id: str, outcome: Outcome | None) -> None:
        """End the `process` span. `outcome` None: the server stops, or the outcome could not be recorded."""
        attempt = self._attempts.pop(video_id, None)
        if attempt is None:
            return
        match outcome:
            case Finished(file=file):
                attempt.note({"reelwright.outcome": "completed", "reelwright.video.bytes": file.size})
            case Failed(failure=failure):
                attempt.note({"reelwright.outcome": "failed"})
                attempt.fail(failure.code)
            case Ended():  # also when a later attempt has begun elsewhere
                attempt.note({"reelwright.outcome": "cancelled"})
            case None:
                attempt.note({"reelwright.outcome": "interrupted"})
        attempt.end()

    def delivery(self, video: Video | None, url: str, event: str) -> Span:
        """Begin the span of one try of a webhook. It names only the host, since the paths of webhooks hold secrets."""
        parts = urlsplit(url)
        facts: dict[str, Any] = {
            "http.request.method": "POST",
            "server.address": parts.hostname or "",
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
            "reelwright.webhook.event": event,
            **({VIDEO: video.id} if video else {}),
        }
        return self._tracer.begin("POST", facts, kind=Kind.CLIENT, parent=video.trace if video else None)


def _messaging(name: str, kind: str, engine: str) -> Facts:
    return {
        "messaging.system": "reelwright",
        "messaging.operation.name": name,
        "messaging.operation.type": kind,
        "messaging.destination.name": engine,
    }


def _shape(spec: VideoSpec) -> Facts:
    return {
        "reelwright.engine": spec.engine,
        "reelwright.model": spec.model,
        "reelwright.task": spec.task.value,
        "reelwright.size": f"{spec.width}x{spec.height}",
        "reelwright.frames": spec.num_frames,
        "reelwright.fps": spec.fps,
    }
