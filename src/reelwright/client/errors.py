"""What can go wrong for a client:

ClientError
├── APIError               the server refused: status, code, message, param, request_id, retry_after
│   ├── BadRequest         400, 413, 415, 422: a field is wrong; `param` names it
│   ├── Unauthorized       401: no or a wrong API key
│   ├── Forbidden          403
│   ├── NotFound           404: no such video or model
│   ├── Conflict           409
│   ├── Busy               429, 503: come back after `retry_after` seconds
│   └── ServerFault        any other 5xx
├── Unreachable            nothing answers there, or the connection broke
├── VideoFailed            the video ended as failed (code `cancelled` if somebody cancelled it); has `.video`
└── WaitTimeout            also a TimeoutError; the video goes on; has `.video`
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reelwright.client.facts import VideoFacts

if TYPE_CHECKING:
    import httpx2


class ClientError(Exception):
    """Base of everything this client raises on purpose."""


class APIError(ClientError):
    """The server's answer was an error. `retry_after` is in seconds."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after


class BadRequest(APIError):
    pass


class Unauthorized(APIError):
    pass


class Forbidden(APIError):
    pass


class NotFound(APIError):
    pass


class Conflict(APIError):
    pass


class Busy(APIError):
    pass


class ServerFault(APIError):
    pass


class Unreachable(ClientError):
    pass


class VideoFailed(ClientError):
    def __init__(self, video: VideoFacts) -> None:
        super().__init__(video.error.message if video.error else "The video failed without a reason.")
        self.video = video


class WaitTimeout(ClientError, TimeoutError):
    def __init__(self, video: VideoFacts | None, timeout: float) -> None:
        super().__init__(f"The video was not finished within {timeout:g} s. It goes on; wait again to see its end.")
        self.video = video


_BY_STATUS: Mapping[int, type[APIError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: BadRequest,
    415: BadRequest,
    422: BadRequest,
    429: Busy,
    503: Busy,
}


def api_error(response: httpx2.Response) -> APIError:
    """The error in an answer whose body has been read; a body that is not the server's own is told by its status."""
    error = _error_object(response)
    kind = _BY_STATUS.get(response.status_code, ServerFault if response.status_code >= 500 else APIError)
    unnamed = f"The server answered {response.status_code} {response.reason_phrase}."
    if response.has_redirect_location:
        unnamed += f" It points to {response.headers['location']}: use that address."
    return kind(
        str(error.get("message") or unnamed),
        status=response.status_code,
        code=error.get("code"),
        param=error.get("param"),
        request_id=response.headers.get("x-request-id"),
        retry_after=_seconds(response.headers.get("retry-after")),
    )


def _error_object(response: httpx2.Response) -> Mapping[str, Any]:
    """`{"error": {"message", …}}`, or `{"error": "…"}` as routes outside /v1 answer."""
    try:
        error = response.json()["error"]
    except (ValueError, LookupError, TypeError):
        return {}
    return error if isinstance(error, dict) else {"message": error}


def _seconds(header: str | None) -> float | None:
    try:
        return float(header) if header else None
    except ValueError:
        return None
