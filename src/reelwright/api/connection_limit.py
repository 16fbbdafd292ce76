"""All connections of this server together: how many there may be, and which one has to go when there are more.

Who is on the other end is not known before a whole request has come. Until then, and until a request has passed the
key gate, a connection is a stranger's. Strangers have a bound of their own, so that those who may use the server find
room; a new stranger takes the place of the oldest one of whoever has the most, so that holding connections open, from
few addresses or many, shuts nobody out.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from typing import Protocol

KNOWN = "reelwright.known"
"""The ASGI extension whose value is to be called once a request has passed the key gate."""

STRANGERS_SHARE = 0.75
"""So much of all the room strangers may take."""
SERVED_S = 1.0
"""A stranger whose request is being answered keeps its place for so long."""

FILES_APART = 48
"""Descriptors that are needed beside those of connections: the database, the engines, the log."""
FILES_EACH = 2.25
"""A connection and the file that it is sent; and those that are told that there is no room."""
LEAST = 8


class Peer(Protocol):
    """A connection, as `ConnectionLimit` sees it."""

    @property
    def address(self) -> str:
        """Of its other end, without the port."""

    @property
    def served(self) -> bool:
        """Whether a request of it is being answered."""

    def dismiss(self) -> None:
        """End it at once."""


def most_connections(wanted: int, most_files: int) -> int:
    """How many of the `wanted` connections a process can have that may open so many files."""
    return max(LEAST, min(wanted, int((most_files - FILES_APART) / FILES_EACH)))


class ConnectionLimit:
    """Told of each connection as it comes, becomes known, and goes."""

    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`most`: connections at one time, those of strangers among them."""
        self._most = most
        self._most_strangers = int(most * STRANGERS_SHARE)
        self._monotonic = monotonic
        self._strangers: dict[str, dict[Peer, float]] = {}
        self._number_of_strangers = 0
        self._known: set[Peer] = set()
        self._turned_away: set[Peer] = set()

    def enter(self, peer: Peer) -> bool:
        """A connection was made. False: there is no room for it, and nobody who could be dismissed for it; it is to be
        told so. Where many have to be told, further ones are dismissed without a word."""
        full = self._number_of_strangers >= self._most_strangers
        if (full or self._number_of_strangers + len(self._known) >= self._most) and not self._dismiss_one():
            if len(self._turned_away) >= self._most - self._most_strangers:
                peer.dismiss()
                return True
            self._turned_away.add(peer)
            return False
        self._strangers.setdefault(network_of(peer.address), {})[peer] = self._monotonic()
        self._number_of_strangers += 1
        return True

    def recognise(self, peer: Peer) -> None:
        """It belongs to somebody who may use the server."""
        if self._forget(peer):
            self._known.add(peer)

    def leave(self, peer: Peer) -> None:
        """It has ended, whether it was let in or not."""
        self._known.discard(peer)
        self._turned_away.discard(peer)
        self._forget(peer)

    def _dismiss_one(self) -> bool:
        if not self._strangers:
            return False
        most = max(self._strangers.values(), key=len)
        peer = next((one for one in most if not one.served), next(iter(most)))
        if peer.served and self._monotonic() - most[peer] < SERVED_S:
            return False
        self._forget(peer)
        peer.dismiss()
        return True

    def _forget(self, peer: Peer) -> bool:
        """Whether it was a stranger."""
        place = network_of(peer.address)
        here = self._strangers.get(place, {})
        if here.pop(peer, None) is None:
            return False
        self._number_of_strangers -= 1
        if not here:
            del self._strangers[place]
        return True


def network_of(address: str) -> str:
    """Whom an address stands for: of IPv6, one customer has at least 2^64 of them (RFC 6177)."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
