"""The sockets that the server listens on: one for each address of its host."""

from __future__ import annotations

import errno
import socket

from reelwright.errors import ConfigurationError

LOOPBACKS = ("127.0.0.1", "::1")
"""What `localhost` means here, whatever the hosts file says: a client takes either address for it."""

_NO_SUCH_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""The errors with which a machine without IPv6 refuses to bind ::1."""
_DRAWS = 20


class _NotToBeHad(ConfigurationError):
    def __init__(self, host: str, port: int, error: OSError) -> None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        super().__init__(
            f"Cannot listen on {place} ({error.strerror}). Stop what uses the port, or set PORT to another one."
        )
        self.errno = error.errno


def listening_sockets(host: str, port: int) -> list[socket.socket]:
    """A bound socket for each address of the host, all on the same port. Port 0 means one that is free on all of them.

    `localhost` is both loopback addresses; without IPv6 it is 127.0.0.1 only. Raises `ConfigurationError` when an
    address cannot be bound.
    """
    if host != "localhost":
        return [_bind(host, port)]
    draws = _DRAWS if port == 0 else 1
    while True:
        draws -= 1
        first = _bind(LOOPBACKS[0], port)
        try:
            return [first, _bind(LOOPBACKS[1], first.getsockname()[1])]
        except _NotToBeHad as error:
            if error.errno in _NO_SUCH_ADDRESS:
                return [first]
            first.close()
            if draws == 0:
                raise


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _NotToBeHad(host, port, error) from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise _NotToBeHad(host, port, error) from None
    return sock
