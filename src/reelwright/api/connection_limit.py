"""Bounds how many connections the server has at one time, and decides which one is closed when there are more.

Until a request of a connection has passed the key gate, the connection counts as a stranger's. Strangers have a smaller
bound of their own, so that there is always room for those who may use the server. When that bound is reached, a new
stranger takes the place of the oldest connection of the network that has the most: so nobody can shut others out by
holding connections open, from few addresses or from many.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from typing import Protocol

KNOWN = "reelwright.known"
"""The ASGI extension whose value is to be called once a request has passed the key gate."""

STRANGERS_SHARE = 0.75
"""The share of all connections that strangers may have."""
SERVED_S = 1.0
"""How long, in seconds, a stranger whose request is being answered is not dismissed."""

FILES_APART = 48
"""How many file descriptors are needed for other things than connections: the database, the engines, the log."""
FILES_EACH = 2.25
"""File descriptors for one connection: its socket, the file that is sent to it, and a share for connections that are
only told that there is no room."""
LEAST = 8


class Peer(Protocol):
    """A connection, as `ConnectionLimit` sees it."""

    @property
    def address(self) -> str:
        """The address of the client, without the port."""

    @property
    def served(self) -> bool:
        """Whether one of its requests is being answered now."""

    def dismiss(self) -> None:
        """Close the connection at once."""


def most_connections(wanted: int, most_files: int) -> int:
    """How many of the `wanted` connections a process can have that may open so many files."""
    return max(LEAST, min(wanted, int((most_files - FILES_APART) / FILES_EACH)))


class ConnectionLimit:
    """The connections of this server. It is told of each one when it is made, recognised, and closed."""

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
        """Take a new connection. False when there is no room for it and no other can be dismissed: then the caller
        answers that the server is full. If many are being answered so already, this one is dismissed instead."""
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
        """A request of this connection has passed the key gate."""
        if self._forget(peer):
            self._known.add(peer)

    def leave(self, peer: Peer) -> None:
        """The connection has ended, whether there was room for it or not."""
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
        """Remove the connection from the strangers. Returns whether it was one."""
        place = network_of(peer.address)
        here = self._strangers.get(place, {})
        if here.pop(peer, None) is None:
            return False
        self._number_of_strangers -= 1
        if not here:
            del self._strangers[place]
        return True


def network_of(address: str) -> str:
    """The address, or of IPv6 its network: one customer has at least 2^64 IPv6 addresses (RFC 6177)."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
