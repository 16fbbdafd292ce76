"""Resolves host names, each in a thread of its own: a name server that does not answer then delays neither other
look-ups nor the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV

Infos = list[tuple[Any, ...]]
LookUp = Callable[..., Infos]


class Resolver(AbstractResolver):
    """Asks the system's resolver. asyncio's own `getaddrinfo` shares a few threads among all look-ups, and closing the
    event loop waits for them."""

    def __init__(self, turns: threading.BoundedSemaphore, look_up: LookUp = socket.getaddrinfo) -> None:
        """`turns`: one for each look-up that may be under way, shared by all resolvers."""
        self._turns = turns
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of the host. Raises OSError or UnicodeError when it has none, and OSError when too many other
        look-ups hang."""
        if not self._turns.acquire(blocking=False):
            raise OSError("too many names are being looked up")
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Infos] = loop.create_future()

        def look_up() -> None:
            try:
                answer: Infos | Exception = self._look_up(
                    host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG
                )
            except (OSError, UnicodeError) as error:  # the second: what cannot be a name
                answer = error
            finally:
                self._turns.release()
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(_tell, found, answer)

        threading.Thread(target=look_up, name="resolver", daemon=True).start()
        return [
            ResolveResult(hostname=host, host=address[0], port=address[1], family=family, proto=proto, flags=_NUMERIC)
            for family, _, proto, _, address in await found
        ]

    async def close(self) -> None:
        """Does nothing, since nothing is kept between look-ups."""


def _tell(found: asyncio.Future[Infos], answer: Infos | Exception) -> None:
    if found.done():  # nobody waits for it any more
        return
    if isinstance(answer, Exception):
        found.set_exception(answer)
    else:
        found.set_result(answer)
