"""What an API key looks like, so that scanners of repositories and logs know one when they see it.

`rw_`, 43 characters of base 62 that hold 256 random bits, and 6 more that hold their CRC-32: the form of GitHub's
tokens (https://github.blog/engineering/behind-githubs-new-authentication-token-formats/). A word that only looks like a
key fails the checksum, without a look into any database.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Callable

PREFIX = "rw_"
KEY = "rw_[0-9A-Za-z]{49}"
"""What every key looks like, as a regular expression."""

_BYTES = 32
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH, _CHECK_LENGTH = 43, 6
_SHOWN = 7


def new_key(entropy: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A key that nobody has. `entropy`: gives so many random bytes."""
    body = _base62(int.from_bytes(entropy(_BYTES)), _LENGTH)
    return f"{PREFIX}{body}{_base62(zlib.crc32(body.encode()), _CHECK_LENGTH)}"


def digest_of(key: str) -> str:
    """The SHA-256 (hex) by which a key is kept and found. Its 256 random bits need no slow hash."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def hint_of(key: str) -> str:
    """The beginning of a key, by which its owner knows it again: 24 of its 256 bits."""
    return key[:_SHOWN]


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
