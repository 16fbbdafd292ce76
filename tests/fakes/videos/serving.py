"""An aiohttp application in a thread of its own, which can go away and come back on its port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

from aiohttp import web


class Serving:
    """Serves every route with `answer` until the `with` block ends."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tell(self) -> None:
        """Something has changed: whoever waits looks again."""
        with self.changed:
            self.changed.notify_all()

    def until(self, condition: Callable[[], Any], seconds: float = 60.0) -> None:
        """Wait until `condition()` is true."""
        with self.changed:
            assert self.changed.wait_for(condition, seconds), "the awaited did not happen"

    def down(self) -> None:
        """Nothing listens any more, and open connections are cut."""
        self.run(self._stop())

    def up(self) -> None:
        self.run(self._start())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do it in the server's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def __enter__(self) -> Self:
        self._thread.start()
        self.up()
        return self

    def __exit__(self, *exc: object) -> None:
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        raise NotImplementedError

    async def _start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self.answer)
        # As with uvicorn, a client that hangs up does not end what its request began.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=1024, reuse_address=True)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        """What was accepted last is closed with the rest, and all of it has gone when this returns."""
        await self._site.stop()
        await _turns()
        await self._runner.cleanup()
        await _turns()


async def _turns() -> None:
    """Connections are made and closed in the loop's next turns."""
    for _ in range(5):
        await asyncio.sleep(0)
