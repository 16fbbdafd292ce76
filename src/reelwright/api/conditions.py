"""Conditional requests (RFC 9110, section 13): by the tag or the date of the version that the client knows."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime

from starlette.datastructures import Headers
from starlette.requests import Request

from reelwright.errors import BadRequest, Code

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def is_known(request: Request, etag: str, modified: float) -> bool:
    """Whether the client has this very version, so that the answer is 304.

    The conditions are checked in the order of section 13.2.2. `modified`: seconds since the epoch. Requests with other
    methods than `GET` and `HEAD` make something new, so no condition applies to them. Raises `BadRequest`
    (`precondition_failed`) when `If-Match` or `If-Unmodified-Since` does not hold.
    """
    if request.method not in ("GET", "HEAD"):
        return False
    headers, modified = request.headers, int(modified)
    if (wanted := _joined(headers, "if-match")) is not None:
        if not _lists(wanted, etag, weakly=False):
            raise _failed("If-Match", f"the ETag is {etag}")
    elif (date := _date(headers.get("if-unmodified-since"))) is not None and modified > date:
        raise _failed("If-Unmodified-Since", f"it was last modified on {formatdate(modified, usegmt=True)}")
    if (known := _joined(headers, "if-none-match")) is not None:
        return _lists(known, etag, weakly=True)
    since = _date(headers.get("if-modified-since"))
    return since is not None and modified <= since


def is_unchanged(condition: str | None, etag: str, modified: float) -> bool:
    """Whether `If-Range` holds: the file is still the version that the client has in part, and the rest may be sent."""
    if condition is None:
        return True
    if _TAG.fullmatch(condition):
        return condition == etag
    return _date(condition) == int(modified)


def _joined(headers: Headers, name: str) -> str | None:
    """The header's lines as one; None when there is none."""
    lines = headers.getlist(name)
    return ", ".join(lines) if lines else None


def _lists(tags: str, etag: str, *, weakly: bool) -> bool:
    """Whether a list of entity tags has this one; `*` has all. In a strong comparison weak tags never match."""
    if tags.strip() == "*":
        return True
    if weakly:
        return etag.removeprefix("W/") in (tag for _, tag in _TAG.findall(tags))
    return etag in (f"{weak}{tag}" for weak, tag in _TAG.findall(tags) if not weak)


def _date(text: str | None) -> int | None:
    """Seconds since the epoch; None for what is no date, which then counts as absent."""
    try:
        date = parsedate_to_datetime(text or "")
        # The form of asctime(3) names no zone; every HTTP date is in UTC.
        return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def _failed(name: str, reason: str) -> BadRequest:
    return BadRequest(f"{name} does not hold: {reason}.", code=Code.PRECONDITION_FAILED, field=name)
