"""The tree of errors that this package raises on purpose.

    ReelwrightError
    ├── BadRequest            the request is wrong; names the field, the value and the remedy
    ├── Unauthorized          no or a wrong API key
    ├── Forbidden             a foreign origin, a refused address
    ├── NotFound              no such video, model or route
    ├── Busy                  try again later: rate limit, full queue, locked database, full disk
    ├── EngineError           a render failed; stored with the video
    │   ├── Cancelled         somebody has cancelled it
    │   └── EngineLost        the engine's process cannot be used any more
    └── ConfigurationError    the server cannot start like this (exit code 2)

Each carries a stable `code`. One table per dialect maps codes to the wire (`api/*.py`); nothing else does.
"""

from __future__ import annotations

from enum import StrEnum

from reelwright.video import Failure


class Code(StrEnum):
    """Stable names of what can go wrong; stored with videos and sent to clients."""

    # The request
    PROMPT_MISSING = "prompt_missing"
    PROMPT_EMPTY = "prompt_empty"
    INVALID_FIELD = "invalid_field"
    MALFORMED_REQUEST = "malformed_request"
    MALFORMED_BODY = "malformed_body"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    HEAD_TOO_LARGE = "head_too_large"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    PRECONDITION_FAILED = "precondition_failed"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    MODEL_NOT_FOUND = "model_not_found"
    MODEL_NOT_READY = "model_not_ready"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    NOT_IMPLEMENTED = "not_implemented"
    # Who asks, and for what
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    MISDIRECTED = "misdirected"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    # Come back later
    RATE_LIMITED = "rate_limited"
    QUEUE_FULL = "queue_full"
    QUOTA_EXCEEDED = "quota_exceeded"
    UNAVAILABLE = "unavailable"
    STORAGE_FULL = "storage_full"
    # A render ended badly
    ENGINE_NOT_CONFIGURED = "engine_not_configured"
    UPSTREAM_UNAUTHORIZED = "upstream_unauthorized"
    UPSTREAM_FORBIDDEN = "upstream_forbidden"
    UPSTREAM_NOT_FOUND = "upstream_not_found"
    UPSTREAM_PAYMENT_REQUIRED = "upstream_payment_required"
    UPSTREAM_RATE_LIMITED = "upstream_rate_limited"
    UPSTREAM_LOADING = "upstream_loading"
    UPSTREAM_EMPTY = "upstream_empty"
    UPSTREAM_ERROR = "upstream_error"
    REFUSED = "refused"
    BAD_OUTPUT = "bad_output"
    TIMED_OUT = "timed_out"
    UNKNOWN_OUTCOME = "unknown_outcome"
    OUT_OF_MEMORY = "out_of_memory"
    ENGINE_CRASHED = "engine_crashed"
    ENGINE_FAILED = "engine_failed"
    CANCELLED = "cancelled"
    CORRUPT = "corrupt"
    # Ours
    CONFIGURATION = "configuration"
    INTERNAL = "internal"


class ReelwrightError(Exception):
    """Base of all errors that this package raises on purpose.

    `message` is safe to show to a client: it holds no secret, path or address.
    """

    code: Code = Code.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        code: Code | None = None,
        field: str | None = None,
        details: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = _sendable(message)
        self.code = code or type(self).code
        self.field = _sendable(field) if field is not None else None
        self.details = _sendable(details) if details is not None else None
        self.retry_after = retry_after

    def to_failure(self) -> Failure:
        """The same as a value: how an error is stored with its video and crosses to another process."""
        return Failure(
            code=self.code.value,
            message=self.message,
            details=self.details,
            retry_after=self.retry_after,
            field=self.field,
        )


def _sendable(text: str) -> str:
    """The text with each lone surrogate escaped, since UTF-8 cannot encode it."""
    return text.encode("utf-8", "backslashreplace").decode()


class BadRequest(ReelwrightError):
    code = Code.INVALID_FIELD

    def renamed(self, field: str, about: str = "") -> BadRequest:
        """The same error about a field that the client knows by another name; `about` is put before the value."""
        message = self.message.replace(f"Invalid {self.field}: ", f"Invalid {field}: {about}", 1)
        return BadRequest(message, code=self.code, field=field, details=self.details, retry_after=self.retry_after)


class Unauthorized(ReelwrightError):
    code = Code.UNAUTHORIZED


class Forbidden(ReelwrightError):
    code = Code.FORBIDDEN


class NotFound(ReelwrightError):
    code = Code.NOT_FOUND


class Busy(ReelwrightError):
    code = Code.UNAVAILABLE


class DatabaseBusy(Busy):
    """The database did not take a transaction, because it is locked, starting, or away. It may later."""

    def __init__(self) -> None:
        super().__init__("The database is busy", retry_after=5)


class DatabaseFull(DatabaseBusy):
    """The disk of the database is full. Somebody may free space."""

    code = Code.STORAGE_FULL

    def __init__(self) -> None:
        Busy.__init__(self, "The disk for the database is full", retry_after=60)


class DatabaseLost(Busy):
    """The database or its disk is damaged. Waiting does not help."""

    def __init__(self) -> None:
        super().__init__("The database cannot be used", retry_after=60)


class StorageBusy(Busy):
    """The bucket with the files does not answer, or refuses. It may answer later."""

    def __init__(self) -> None:
        super().__init__("The storage of the videos does not answer", retry_after=5)


class EngineError(ReelwrightError):
    code = Code.ENGINE_FAILED

    @classmethod
    def from_failure(cls, failure: Failure) -> EngineError:
        kind = Cancelled if failure.code == Code.CANCELLED else cls
        return kind(
            failure.message,
            code=Code(failure.code),
            details=failure.details,
            retry_after=failure.retry_after,
            field=failure.field,
        )


class Cancelled(EngineError):
    code = Code.CANCELLED


class EngineLost(EngineError):
    """Raised in an engine's process that is to be ended, such as after its device was lost. A new one gets the next
    job."""

    code = Code.ENGINE_CRASHED


class ConfigurationError(ReelwrightError):
    code = Code.CONFIGURATION


def invalid(field: str, value: object, allowed: str) -> BadRequest:
    """The error for one field: names it, the value sent (shortened) and what is allowed."""
    shown = repr(value[:100]) if isinstance(value, str) else repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return BadRequest(f"Invalid {field}: {shown}. {allowed}", field=field)
