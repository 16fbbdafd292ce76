"""Every way in which an upstream can fail, as one of our errors.

| upstream                                   | code                        | then  |
|--------------------------------------------|-----------------------------|-------|
| 401                                        | upstream_unauthorized       | stop  |
| 402 out of credits                         | upstream_payment_required   | stop  |
| 403, gated model                           | upstream_forbidden          | stop  |
| 404 and 410, no provider serves the model  | upstream_not_found / _error | next  |
| 422 and 400 by moderation, "flagged" tasks | refused                     | stop  |
| 429                                        | upstream_rate_limited       | later |
| 503 and a cold model                       | upstream_loading            | later |
| 408, other 5xx, no connection, task failed | upstream_error              | next  |
| other 4xx, HTML or nonsense instead of JSON| upstream_error              | stop  |
| no answer after the request was sent       | unknown_outcome             | stop  |
| empty answer                               | upstream_empty              | stop  |
| not an MP4, cut short, over the size limit | bad_output                  | stop  |

`next_step` is the policy that `failover` follows: `stop` ends the job, `next` asks the next route, `later` asks the
next route and, when there is none, waits and asks again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from reelwright.errors import Code, EngineError

MAX_DETAILS = 2_000
LOADING_SECONDS = 20.0
RATE_LIMIT_SECONDS = 60.0
"""How long a client is told to wait after a 429 for which the upstream names no time."""

_TOKENS = re.compile(r"hf_[A-Za-z0-9_\-]{6,}|(?i:\bbearer\s+)[^\s\"',;<>]+")
MODERATION = re.compile(
    r"moderat|nsfw|safety|flagged|content[ _-]?(policy|checker|violation)|policy[ _-]violation"
    r"|inappropriate|prohibited",
    re.IGNORECASE,
)
_RATELIMIT = re.compile(r"\bt\s*=\s*(\d+)")
LONGEST_WAIT_S = 3600.0
"""A longer wait that an upstream asks for is shortened to this."""


class NextStep(StrEnum):
    """What may be tried after a fault."""

    STOP = "stop"
    NEXT = "next"
    LATER = "later"


class UpstreamError(EngineError):
    """An upstream's failure and what follows from it.

    `wait` is how many seconds the upstream itself asked to wait, if it did. `unhealthy`: it counts against the
    provider's health (its circuit breaker). `running`: the upstream's job may go on (and be billed) unless it is
    cancelled. `status` is the HTTP status that it came with, if any.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Code,
        next_step: NextStep = NextStep.STOP,
        unhealthy: bool = False,
        running: bool = False,
        details: str | None = None,
        retry_after: float | None = None,
        wait: float | None = None,
        status: int | None = None,
    ) -> None:
        if message.startswith("the "):  # a provider's name keeps its own letters
            message = f"T{message[1:]}"
        super().__init__(message, code=code, details=details, retry_after=retry_after)
        self.next_step = next_step
        self.unhealthy = unhealthy
        self.running = running
        self.wait = wait
        self.status = status


class Scrubber:
    """Cuts an upstream's text to what may be shown: no token, at most 2,000 characters."""

    def __init__(self, secrets: Iterable[str | None], *, cut: Callable[[str], str] | None = None) -> None:
        """`cut` removes from a text what else of this upstream must not be shown."""
        self._secrets = tuple(secret for secret in secrets if secret)
        self._cut = cut

    def __call__(self, text: str) -> str | None:
        if self._cut is not None:
            text = self._cut(text)
        for secret in self._secrets:
            text = text.replace(secret, "[token]")
        # Postgres cannot store a NUL character.
        return _TOKENS.sub("[token]", text).replace("\x00", "").strip()[:MAX_DETAILS] or None


def from_status(status: int, headers: Mapping[str, str], text: str, upstream: str, scrub: Scrubber) -> UpstreamError:
    """The error for an HTTP answer with a status of 400 or more. `upstream`: who answered, as clients may see it."""
    details = scrub(text)

    def fault(code: Code, message: str, **more: Any) -> UpstreamError:
        return UpstreamError(message, code=code, details=details, status=status, **more)

    match status:
        case 401:
            return fault(Code.UPSTREAM_UNAUTHORIZED, f"{upstream} does not accept the token.")
        case 402:
            return fault(Code.UPSTREAM_PAYMENT_REQUIRED, f"The account at {upstream} is out of credits.")
        case 403:
            return fault(Code.UPSTREAM_FORBIDDEN, f"{upstream} forbids this: the token lacks a permission.")
        case 404:
            return fault(Code.UPSTREAM_NOT_FOUND, f"{upstream} does not know the model.", next_step=NextStep.NEXT)
        case 429:
            wait = named_wait(headers, text)
            message = f"{upstream} limits the rate of requests."
            told = wait or RATE_LIMIT_SECONDS
            return fault(Code.UPSTREAM_RATE_LIMITED, message, next_step=NextStep.LATER, retry_after=told, wait=wait)
        case 503:
            wait = named_wait(headers, text)
            message = f"{upstream} is loading the model."
            told = wait or LOADING_SECONDS
            return fault(
                Code.UPSTREAM_LOADING,
                message,
                next_step=NextStep.LATER,
                unhealthy=True,
                retry_after=told,
                wait=wait,
            )
        case 422 if _refusal(text):
            return fault(Code.REFUSED, f"{upstream} refused the prompt.")
        case 400 if MODERATION.search(text):
            return fault(Code.REFUSED, f"{upstream} refused the prompt.")
        case 408 | 410:
            return fault(
                Code.UPSTREAM_ERROR,
                f"{upstream} answered {status}.",
                next_step=NextStep.NEXT,
                unhealthy=status == 408,
            )
        case _ if status >= 500:
            return fault(
                Code.UPSTREAM_ERROR,
                f"{upstream} answered {status}.",
                next_step=NextStep.NEXT,
                unhealthy=True,
            )
    return fault(Code.UPSTREAM_ERROR, f"{upstream} answered {status}.")


def from_task(text: str, upstream: str, scrub: Scrubber) -> UpstreamError:
    """The error for a job that the upstream accepted and then reported as failed."""
    if MODERATION.search(text):
        return UpstreamError(f"{upstream} refused the prompt.", code=Code.REFUSED, details=scrub(text))
    message = f"{upstream} reported that the generation failed."
    return UpstreamError(
        message, code=Code.UPSTREAM_ERROR, next_step=NextStep.NEXT, unhealthy=True, details=scrub(text)
    )


def unreachable(upstream: str) -> UpstreamError:
    message = f"{upstream} could not be reached."
    return UpstreamError(message, code=Code.UPSTREAM_ERROR, next_step=NextStep.NEXT, unhealthy=True)


def reason_of(error: Exception) -> str:
    """Why a connection failed, in the system's words (`Connection refused`), or else the name of the error."""
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def unanswered(upstream: str) -> UpstreamError:
    return UpstreamError(
        f"The connection to {upstream} broke before it answered. Whether it took the job is not known; it is not sent "
        "again, because it could be billed twice.",
        code=Code.UNKNOWN_OUTCOME,
        unhealthy=True,
    )


def nonsense(text: str, upstream: str, scrub: Scrubber) -> UpstreamError:
    """The error for an answer of 200 whose body is not what the provider's own client expects."""
    return UpstreamError(f"{upstream} gave an unexpected answer.", code=Code.UPSTREAM_ERROR, details=scrub(text))


def empty(upstream: str) -> UpstreamError:
    return UpstreamError(f"{upstream} gave an empty answer.", code=Code.UPSTREAM_EMPTY)


def bad_output(why: str, details: str | None = None, *, status: int | None = None) -> UpstreamError:
    message = f"The result is not a usable video: {why}."
    return UpstreamError(message, code=Code.BAD_OUTPUT, details=details, status=status)


def unserved(model: str, details: str | None) -> UpstreamError:
    message = f"No configured provider serves {model}."
    return UpstreamError(message, code=Code.UPSTREAM_NOT_FOUND, next_step=NextStep.NEXT, details=details)


def _refusal(text: str) -> bool:
    """Whether a 422 is a refusal. It is not when it lists invalid fields, as FastAPI-like providers do."""
    try:
        detail = json.loads(text)["detail"]
        kinds = [str(item["type"]) for item in detail]
    except (ValueError, KeyError, TypeError):
        return True
    return not kinds or bool(MODERATION.search(text))


def named_wait(headers: Mapping[str, str], text: str) -> float | None:
    """Seconds to wait, by `Retry-After` (seconds or a date), the `ratelimit` header or the body's `estimated_time`.

    Never more than `LONGEST_WAIT_S`: clients are told the same, and some would sleep as long as a faulty server says.
    """
    seconds = _named_wait(headers, text)
    return None if seconds is None else min(seconds, LONGEST_WAIT_S)


def _named_wait(headers: Mapping[str, str], text: str) -> float | None:
    if value := headers.get("retry-after", "").strip():
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
            return float(value)
        try:
            return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError, OverflowError):
            pass
    if found := _RATELIMIT.search(headers.get("ratelimit", "")):
        return float(found[1])
    try:
        seconds = float(json.loads(text)["estimated_time"])  # Python reads NaN and Infinity, too
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
