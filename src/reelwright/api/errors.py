"""Errors on the wire: which dialect a path belongs to, and the one place where an exception becomes an answer."""

from __future__ import annotations

import errno
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from reelwright.api.routes import allowed_methods
from reelwright.errors import BadRequest, Busy, Code, EngineError, NotFound, ReelwrightError, invalid

STATUS: Mapping[Code, int] = {
    Code.PROMPT_MISSING: 400,
    Code.PROMPT_EMPTY: 400,
    Code.INVALID_FIELD: 400,
    Code.MALFORMED_REQUEST: 400,
    Code.MALFORMED_BODY: 400,
    Code.MODEL_NOT_FOUND: 400,
    Code.MODEL_NOT_READY: 400,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.HEAD_TOO_LARGE: 431,
    Code.BODY_TOO_LARGE: 413,
    Code.BODY_TOO_SLOW: 408,
    Code.RANGE_NOT_SATISFIABLE: 416,
    Code.PRECONDITION_FAILED: 412,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.IDEMPOTENCY_CONFLICT: 422,
    Code.NOT_IMPLEMENTED: 501,
    Code.UNAUTHORIZED: 401,
    Code.FORBIDDEN: 403,
    Code.MISDIRECTED: 421,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.RATE_LIMITED: 429,
    Code.QUEUE_FULL: 429,
    Code.QUOTA_EXCEEDED: 429,
    Code.UNAVAILABLE: 503,
    Code.STORAGE_FULL: 507,
    Code.ENGINE_NOT_CONFIGURED: 500,
    Code.UPSTREAM_UNAUTHORIZED: 502,
    Code.UPSTREAM_FORBIDDEN: 502,
    Code.UPSTREAM_NOT_FOUND: 404,
    Code.UPSTREAM_PAYMENT_REQUIRED: 502,
    Code.UPSTREAM_RATE_LIMITED: 429,
    Code.UPSTREAM_LOADING: 503,
    Code.UPSTREAM_EMPTY: 502,
    Code.UPSTREAM_ERROR: 502,
    Code.REFUSED: 422,
    Code.BAD_OUTPUT: 502,
    Code.TIMED_OUT: 504,
    Code.UNKNOWN_OUTCOME: 502,
    Code.OUT_OF_MEMORY: 500,
    Code.ENGINE_CRASHED: 500,
    Code.ENGINE_FAILED: 500,
    Code.CANCELLED: 409,
    Code.CORRUPT: 500,
    Code.CONFIGURATION: 500,
    Code.INTERNAL: 500,
}
"""The HTTP status of each code; a dialect may differ (`Dialect.render`)."""

_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN})
"""Errors of the system that pass: too many open files (of the process or the machine), no memory, no processes."""

COME_BACK_S: Mapping[Code, float] = {
    Code.RATE_LIMITED: 60,
    Code.QUEUE_FULL: 30,
    Code.QUOTA_EXCEEDED: 3600,
    Code.UNAVAILABLE: 5,
    Code.STORAGE_FULL: 60,
    Code.UPSTREAM_RATE_LIMITED: 120,
    Code.UPSTREAM_LOADING: 60,
}
"""When to come back, in seconds, where the error itself does not know better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A way of talking: the paths it owns, and how it renders an error, with which status."""

    paths: re.Pattern[str]
    render: Callable[[Request, ReelwrightError, datetime], Response]
    statuses: Mapping[Code, int] = field(default_factory=lambda: STATUS)


class ErrorResponder:
    """Renders errors in the dialect of the request's path: the first that owns it, the last one where none does."""

    def __init__(
        self,
        dialects: Sequence[Dialect],
        now: Callable[[], datetime],
        told: Callable[[Request, ReelwrightError], None] = lambda request, error: None,
    ) -> None:
        """`told`: of each error that is answered."""
        self._dialects = dialects
        self._now = now
        self._told = told
        self._log = structlog.get_logger("reelwright.api")

    def render(self, request: Request, error: ReelwrightError) -> Response:
        """The answer for an error, with `Retry-After` and `WWW-Authenticate` where they belong."""
        self._told(request, error)
        dialect = next((d for d in self._dialects if d.paths.fullmatch(request.url.path)), self._dialects[-1])
        response = dialect.render(request, error, self._now())
        seconds = COME_BACK_S.get(error.code) if error.retry_after is None else error.retry_after
        if seconds is not None:
            response.headers["Retry-After"] = str(max(1, math.ceil(seconds)))
        if error.code is Code.BODY_TOO_SLOW:
            response.headers["Connection"] = "close"  # or the rest could drip in for ever
        if error.code is Code.RANGE_NOT_SATISFIABLE:
            response.headers["Content-Range"] = f"bytes */{error.details}"
        if response.status_code == 401 and error.code is Code.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def install(self, app: FastAPI) -> None:
        """Make the app answer every exception through here."""
        app.add_exception_handler(ReelwrightError, self._ours)
        app.add_exception_handler(HTTPException, self._http)
        app.add_exception_handler(RequestValidationError, self._validation)
        app.add_exception_handler(OSError, self._system)
        app.add_exception_handler(Exception, self._unknown)

    async def _ours(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, ReelwrightError)
        if error.code is Code.INTERNAL and not isinstance(error, EngineError):  # a job's end is told already
            self._log.error("internal error", reason=error.message)
        return self.render(request, error)

    async def _http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        match error.status_code:
            case 404:
                known: ReelwrightError = NotFound("Route not found")
            case 405:
                return self._method_not_allowed(request)
            case 413:
                known = BadRequest("The request body is too large", code=Code.BODY_TOO_LARGE)
            case status if 400 <= status < 500:
                known = BadRequest(str(error.detail), code=Code.MALFORMED_BODY)
            case _:
                known = ReelwrightError("Internal server error")
        return self.render(request, known)

    def _method_not_allowed(self, request: Request) -> Response:
        path = request.scope["path"]
        allowed = ", ".join(allowed_methods(request.app.routes, path))
        message = f"The method {request.method[:20]} is not allowed for {path[:200]}. Allowed: {allowed}."
        response = self.render(request, BadRequest(message, code=Code.METHOD_NOT_ALLOWED))
        response.headers["Allow"] = allowed
        return response

    async def _system(self, request: Request, error: Exception) -> Response:
        """An OSError: one of `_SHORTAGES` is answered with 503, since waiting helps; any other is a fault of this
        server."""
        assert isinstance(error, OSError)
        if error.errno not in _SHORTAGES:
            raise error
        self._log.warning("a resource of the system is used up", reason=error.strerror)
        return self.render(request, Busy("The server is at the limits of its system. Try again soon."))

    async def _unknown(self, request: Request, error: Exception) -> Response:
        """A fault of this server. `RequestLog` logs it; the client is told nothing but the request's id."""
        return self.render(request, ReelwrightError("Internal server error"))

    async def _validation(self, request: Request, error: Exception) -> Response:
        """A query parameter that FastAPI refused, in words of our own."""
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        name, bounds = str(first["loc"][-1]), first.get("ctx", {})
        wanted = {
            "int_parsing": "Must be a whole number.",
            "greater_than_equal": f"Must be at least {bounds.get('ge')}.",
            "less_than_equal": f"Must be at most {bounds.get('le')}.",
            "literal_error": f"Must be {bounds.get('expected')}.",
            "enum": f"Must be {bounds.get('expected')}.",
        }
        allowed = wanted.get(first["type"], "It has another form than this parameter takes.")
        return self.render(request, invalid(name, request.query_params.get(name), allowed))
