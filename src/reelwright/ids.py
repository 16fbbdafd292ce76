"""Ids: `video_` or `file_` and a ULID (https://github.com/ulid/spec).

A ULID is 48 bits of milliseconds and 80 random bits, in base 32.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
VIDEO_ID = "video_[0-9A-HJKMNP-TV-Z]{26}"
FILE_ID = "file_[0-9A-HJKMNP-TV-Z]{26}"
"""What every id looks like, as a regular expression."""

_VIDEO_ID = re.compile(VIDEO_ID)
_FILE_ID = re.compile(FILE_ID)


def ulid(milliseconds: int, entropy: Callable[[int], int] = secrets.randbits) -> str:
    """A 26-character ULID for that time since the epoch; ids sort by time."""
    value = (milliseconds << 80) | entropy(80)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def video_id(milliseconds: int, entropy: Callable[[int], int] = secrets.randbits) -> str:
    return f"video_{ulid(milliseconds, entropy)}"


def is_video_id(text: str) -> bool:
    """Whether the text has the form of a video's id. A text without it never reaches the database."""
    return _VIDEO_ID.fullmatch(text) is not None


def file_id(milliseconds: int, entropy: Callable[[int], int] = secrets.randbits) -> str:
    return f"file_{ulid(milliseconds, entropy)}"


def is_file_id(text: str) -> bool:
    """Whether the text has the form of an uploaded file's id. A text without it never becomes part of a path."""
    return _FILE_ID.fullmatch(text) is not None


LOCAL_WORKER = "this process"
"""The id, in the rows, of a process that is alone with its database."""


_WORKER_ID = re.compile("worker_[0-9A-HJKMNP-TV-Z]{26}")


def worker_id(milliseconds: int, entropy: Callable[[int], int] = secrets.randbits) -> str:
    """A new id for a process of a fleet."""
    return f"worker_{ulid(milliseconds, entropy)}"


def is_worker_id(text: str) -> bool:
    """True for a string that a process of a fleet could be called."""
    return _WORKER_ID.fullmatch(text) is not None


def file_time(upload_id: str) -> float:
    """When a file's id was made, in seconds since the epoch."""
    milliseconds = 0
    for character in upload_id.removeprefix("file_")[:10]:
        milliseconds = milliseconds * 32 + _ALPHABET.index(character)
    return milliseconds / 1000


KEY_ID = "key_[0-9A-HJKMNP-TV-Z]{26}"
"""What every id of an API key of the database looks like, as a regular expression."""


def key_id(milliseconds: int, entropy: Callable[[int], int] = secrets.randbits) -> str:
    """The id of an API key, which is no secret."""
    return f"key_{ulid(milliseconds, entropy)}"


AUDIT_ID = "audit_[0-9A-HJKMNP-TV-Z]{26}"
"""What every id of an entry of the audit looks like, as a regular expression."""

_AUDIT_ID = re.compile(AUDIT_ID)


def audit_id(milliseconds: int, entropy: Callable[[int], int] = secrets.randbits) -> str:
    """The id of an entry of the audit."""
    return f"audit_{ulid(milliseconds, entropy)}"


def is_audit_id(text: str) -> bool:
    """True for a string that this server could have made as the id of an entry of the audit."""
    return _AUDIT_ID.fullmatch(text) is not None
