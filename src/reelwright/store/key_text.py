"""The text of an API key: makes new keys, and says how a key is stored and shown.

A key is `rw_`, then 43 characters of base 62 (256 random bits), then 6 characters of base 62 (the CRC-32 of those 43).
GitHub's tokens have the same form (https://github.blog/engineering/behind-githubs-new-authentication-token-formats/): a
scanner of repositories or logs recognises a key by its prefix, and tells it from similar words by the checksum without
asking the server.
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
    """A new random key. `entropy(n)` gives n random bytes."""
    body = _base62(int.from_bytes(entropy(_BYTES)), _LENGTH)
    return f"{PREFIX}{body}{_base62(zlib.crc32(body.encode()), _CHECK_LENGTH)}"


def digest_of(key: str) -> str:
    """The SHA-256 (hex) under which a key is stored and looked up.

    A slow hash, as for passwords, would add nothing: 256 random bits cannot be guessed.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def hint_of(key: str) -> str:
    """The beginning of a key (24 of its 256 bits), which is stored and shown so that its owner recognises the key."""
    return key[:_SHOWN]


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
