"""Checks the head and the framing of a request (RFC 9112) for faults that the parser does not refuse by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

import httptools

from reelwright.errors import BadRequest, Code, ReelwrightError

MAX_HEAD_BYTES = 64 * 1024
"""The longest head, and the longest framing of a body between two pieces of its content: chunk sizes, trailer
fields."""

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]*)(:[0-9]*)?")
"""`uri-host [":" port]` of RFC 9110 (7.2)."""

_REASONS = {
    "Invalid method encountered": "it does not begin with a method. Use http, not https",
    "Pause on PRI/Upgrade": "HTTP/2 is not spoken here. Use HTTP/1.1",
}
"""Messages for errors of the parser whose own words do not help."""


def check_head(version: str, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raises `BadRequest` for what the parser lets pass (RFC 9112: 2.3 version, 3.2 Host, 6.1 Transfer-Encoding).

    `headers`: names in lower case, values as they came.
    """
    if len(target) + sum(len(name) + len(value) + 4 for name, value in headers) > MAX_HEAD_BYTES:
        refuse_size("head")
    if version not in ("1.0", "1.1"):
        _malformed(f"HTTP/{version} is not spoken here. Use HTTP/1.1")
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1:
        _malformed(f"it has {len(hosts)} Host headers. Send one")
    if not hosts and version == "1.1":
        _malformed("it has no Host header, which HTTP/1.1 asks for")
    if hosts and not _HOST.fullmatch(hosts[0]):
        _malformed("its Host header is not a host name with or without a port")
    codings = b", ".join(value for name, value in headers if name == b"transfer-encoding").strip().lower()
    if codings and version == "1.0":
        _malformed("HTTP/1.0 has no Transfer-Encoding. Send Content-Length")
    if codings not in (b"", b"chunked"):
        sent = codings[:100].decode("latin-1")
        raise BadRequest(
            f"Unsupported Transfer-Encoding: {sent!r}. Send only chunked; Content-Encoding names a compressed body.",
            code=Code.NOT_IMPLEMENTED,
        )


def refuse_size(what: str) -> NoReturn:
    raise BadRequest(
        f"The {what} of the request is too large. At most {MAX_HEAD_BYTES // 1024} KiB are allowed.",
        code=Code.HEAD_TOO_LARGE,
    )


def explain(error: httptools.HttpParserError) -> ReelwrightError:
    """The error to answer for an error of the parser: what one of our callbacks has raised, or else what the parser
    found."""
    cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else error
    if isinstance(cause, ReelwrightError):
        return cause
    if not isinstance(cause, httptools.HttpParserError):
        raise error
    if isinstance(cause, httptools.HttpParserInvalidURLError):
        reason = "its address is not valid"
    else:
        reason = _REASONS.get(str(cause), str(cause))
    return BadRequest(f"Malformed HTTP request: {reason}.", code=Code.MALFORMED_REQUEST)


def _malformed(reason: str) -> NoReturn:
    raise BadRequest(f"Malformed HTTP request: {reason}.", code=Code.MALFORMED_REQUEST)
