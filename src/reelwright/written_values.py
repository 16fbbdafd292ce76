"""Checks how values of settings are written, and brings networks and origins into the one form that can be compared."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}

LEAST_KEY_CHARACTERS = 16
"""Of a key in the configuration: at 300 wrong ones a minute for each address, no word of a dictionary."""


def network(written: object) -> object:
    """The network. Raises ValueError that says how to write it, also for 10.0.0.5/8, which may mean the address or the
    network."""
    try:
        return ipaddress.ip_network(str(written))
    except ValueError:
        try:
            meant = ipaddress.ip_network(str(written), strict=False)
        except ValueError:
            raise ValueError(f"{written!r} is not a network; write it as 10.0.0.0/8 or 192.168.1.7") from None
        raise ValueError(f"{written!r} is not a network; write it as {meant}") from None


def origin(written: str) -> str:
    """As browsers write it in `Origin`: lower case, no slash at the end, no default port, international names in ASCII.

    https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin. Raises ValueError.
    """
    refusal = ValueError(f"{written!r} is not an origin; write it as https://host or http://host:port")
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#@*\s]+/*", written):
        raise refusal
    try:
        parts = urlsplit(written.rstrip("/"))
        host, port = _ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        raise refusal from None
    if not host:
        raise refusal
    return f"{parts.scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{port}")


def _ascii_host(host: str) -> str:
    """Raises ValueError for a name that cannot be one."""
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host).compressed}]"
    if host.isascii():
        return host
    import idna

    return idna.encode(host, uts46=True).decode()


def long_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    """The keys, unchanged. Raises ValueError for a key that is short enough to be guessed; the message names its
    position in the list and never its text."""
    for place, key in enumerate(keys, 1):
        if len(key) < LEAST_KEY_CHARACTERS:
            raise ValueError(
                f"key {place} has {len(key)} characters and could be guessed; it needs at least "
                f"{LEAST_KEY_CHARACTERS}. Make one with `reelwright keys create --name NAME`"
            )
    return keys
