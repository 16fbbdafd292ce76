"""What a server that speaks `/v1/videos` refuses and fails, as our errors.

| create                                              | code                              | then  |
|-----------------------------------------------------|-----------------------------------|-------|
| 400 or 422 by moderation                            | refused                           | stop  |
| 400 or 422 that names the model                     | upstream_not_found                | next  |
| other 400, 413, 415, 422                            | engine_failed, names the field    | stop  |
| 404, 405: no such route                             | engine_not_configured             | next  |
| 409, 429, 503                                       | upstream_rate_limited / _loading  | later |
| 401, 402, 403, other 5xx                            | as everywhere (`upstream`)        |       |

| a job that was accepted                             | code                              | then  |
|-----------------------------------------------------|-----------------------------------|-------|
| moderation in its error                             | refused                           | stop  |
| out of memory in its error                          | out_of_memory                     | next  |
| it was cancelled, not by us                         | upstream_error                    | stop  |
| a Reelwright's own code                             | that one                          |       |
| any other failure                                   | upstream_error                    | next  |
| its server does not know it any more                | upstream_error                    | next* |
| the same at a Reelwright, which loses none          | upstream_error                    | stop  |

* where `when_lost` says so, else stop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reelwright.engines.openai.videos import Video, complaint
from reelwright.engines.upstream.outcomes import (
    MODERATION,
    RATE_LIMIT_SECONDS,
    NextStep,
    Scrubber,
    UpstreamError,
    from_status,
    named_wait,
)
from reelwright.errors import Code

MEMORY = re.compile(r"out[ _-]of[ _-]memory|OutOfMemory|\bOOM\b", re.IGNORECASE)
_PERHAPS_TAKEN = frozenset({408, 502, 504, 520, 521, 522, 523, 524})
"""Statuses of a gateway that got no answer from the server behind it, which may have taken the job."""
_UNANSWERED = re.compile(r"disconnected|connection (error|reset|aborted|closed)|timed? ?out", re.IGNORECASE)
"""The same case at gateways that answer it with 500, such as LiteLLM: their words for it."""
_MODEL = re.compile(r"model.{0,200}(does not exist|not found|not served)|invalid model", re.IGNORECASE | re.DOTALL)
_ELSEWHERE = frozenset(
    {Code.OUT_OF_MEMORY, Code.ENGINE_CRASHED, Code.UPSTREAM_ERROR, Code.TIMED_OUT, Code.STORAGE_FULL}
)
"""Codes after which another server may succeed."""
_NAMED = frozenset(
    {
        *_ELSEWHERE,
        Code.REFUSED,
        Code.BAD_OUTPUT,
        Code.ENGINE_FAILED,
        Code.UNKNOWN_OUTCOME,
        Code.ENGINE_NOT_CONFIGURED,
        Code.MODEL_NOT_READY,
    }
)
"""A Reelwright's codes that mean the same here. Those of its own upstream's accounts are none of our client's."""


def perhaps_taken(fault: UpstreamError) -> bool:
    """Whether the server may have begun a job although the create was answered with this error."""
    if fault.status == 500:
        return bool(_UNANSWERED.search(fault.details or ""))
    return fault.status in _PERHAPS_TAKEN


def not_created(status: int, headers: Mapping[str, str], text: str, server: str, scrub: Scrubber) -> UpstreamError:
    """The error for a create that was answered with 400 or more, and so began no job."""
    message, field = complaint(text)
    details = scrub(text)
    if status in (400, 413, 415, 422):
        return _refused(status, message, field, server, scrub)
    if status in (404, 405) and not _MODEL.search(message):
        told = f"{server} does not speak /v1/videos. Give the address that it does; `reelwright doctor` asks it."
        return UpstreamError(
            told,
            code=Code.ENGINE_NOT_CONFIGURED,
            next_step=NextStep.NEXT,
            unhealthy=True,
            details=details,
            status=status,
        )
    if status in (409, 503):
        wait = named_wait(headers, text)
        told = f"{server} takes no job at this moment."
        code = Code.UPSTREAM_LOADING if status == 503 else Code.UPSTREAM_RATE_LIMITED
        after = wait or RATE_LIMIT_SECONDS
        return UpstreamError(
            told, code=code, next_step=NextStep.LATER, details=details, wait=wait, retry_after=after, status=status
        )
    return from_status(status, headers, text, server, scrub)


def _refused(status: int, message: str, field: str | None, server: str, scrub: Scrubber) -> UpstreamError:
    details = scrub(message)
    if MODERATION.search(message):
        return UpstreamError(f"{server} refused the prompt.", code=Code.REFUSED, details=details, status=status)
    if field == "model" or _MODEL.search(message):
        told = f"{server} does not serve this model."
        return UpstreamError(
            told, code=Code.UPSTREAM_NOT_FOUND, next_step=NextStep.NEXT, details=details, status=status
        )
    about = f" because of the field {field}" if field else ""
    told = f"{server} does not take the request{about}: {scrub(message[:300]) or status}"
    fault = UpstreamError(told, code=Code.ENGINE_FAILED, details=details, status=status)
    fault.field = field
    return fault


def failed(video: Video, server: str, scrub: Scrubber, *, reelwright: bool) -> UpstreamError:
    """The fault of a job that its server has reported as failed."""
    details = scrub(video.error)
    if video.error_code == "cancelled" or video.word in ("cancelled", "canceled", "deleted"):
        told = f"The job was cancelled at {server}, by somebody else."
        return UpstreamError(told, code=Code.UPSTREAM_ERROR, details=details)
    if reelwright and video.error_code in {code.value for code in _NAMED}:
        code = Code(video.error_code)
        next_step = NextStep.NEXT if code in _ELSEWHERE else NextStep.STOP
        return UpstreamError(
            video.error or f"{server} failed.",
            code=code,
            next_step=next_step,
            unhealthy=next_step is NextStep.NEXT,
        )
    if MODERATION.search(f"{video.error_code} {video.error}"):
        return UpstreamError(f"{server} refused the prompt.", code=Code.REFUSED, details=details)
    if MEMORY.search(f"{video.error_code} {video.error}"):
        told = f"{server} ran out of memory. Ask for fewer frames or a smaller size."
        return UpstreamError(told, code=Code.OUT_OF_MEMORY, next_step=NextStep.NEXT, unhealthy=True, details=details)
    told = f"{server} reported that the generation failed."
    return UpstreamError(told, code=Code.UPSTREAM_ERROR, next_step=NextStep.NEXT, unhealthy=True, details=details)


def lost(server: str, *, again: bool) -> UpstreamError:
    """The error for a job that its server took and does not know any more: the server was restarted, or somebody
    removed the job there."""
    advice = "" if again else " It is not sent again, because it could be billed twice (`when_lost`)."
    next_step = NextStep.NEXT if again else NextStep.STOP
    return UpstreamError(
        f"{server} has lost the job.{advice}",
        code=Code.UPSTREAM_ERROR,
        next_step=next_step,
        unhealthy=True,
    )


def removed(server: str) -> UpstreamError:
    """The error for a job that another Reelwright does not know any more: it loses none, so somebody has removed it."""
    return UpstreamError(f"The job was removed at {server}, by somebody else.", code=Code.UPSTREAM_ERROR)


def unknown_outcome(server: str) -> UpstreamError:
    return UpstreamError(
        f"Whether {server} took the job is not known: the connection or this server ended before it answered. The job "
        "is not sent again, because it could run twice (`when_unknown`).",
        code=Code.UNKNOWN_OUTCOME,
        unhealthy=True,
    )
