"""The server as a process: its socket, uvicorn on it, the signals that stop it, and the first and the last line."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NoReturn, cast

import uvicorn
import uvloop

from reelwright.api.connection import Connection
from reelwright.app import Drain, Server, build, running
from reelwright.banner import RUNNING, addresses, banner
from reelwright.engines.catalog import Catalog
from reelwright.env_file import ADOPTED, adopt
from reelwright.jobs.webhooks import SCHEDULE
from reelwright.listening import LOOPBACKS, listening_sockets
from reelwright.logs import HeldLines, configure_logs
from reelwright.offers import offered
from reelwright.outbound import Outbound
from reelwright.settings import Settings
from reelwright.telemetry import open_tracer


def serve(
    settings: Settings,
    catalog: Catalog | None = None,
    outbound: Outbound | None = None,
    webhook_schedule: Sequence[float] = SCHEDULE,
) -> int:
    """Run the server until SIGTERM or Ctrl-C. Returns the process's exit code; raises `ConfigurationError` (exit 2).

    `catalog`: other engines than `offered` finds. `outbound`: another rule than public addresses and listed networks.
    `webhook_schedule`: the pauses before the tries of a delivery, in seconds.
    """
    configure_logs(settings.log_as, settings.log_level)
    adopt(*ADOPTED)  # the tracer's SDK and the engines' children read the process's environment
    # Bound first: a taken port is told before anything is loaded or locked.
    sockets = listening_sockets(settings.host, settings.port)
    with contextlib.closing(open_tracer(os.environ)) as tracer:
        server = build(
            settings,
            catalog or offered(settings),
            outbound or Outbound(networks=settings.allowed_networks),
            webhook_schedule,
            tracer,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            lines = HeldLines()
            try:
                runner.run(_serve(server, sockets, settings, lines))
            finally:
                lines.release()
    return 0


def leave(code: int) -> NoReturn:
    """End the process with this exit code, after `serve`: all that it held is closed.

    Taking its objects apart one by one, as Python does at its end, takes as long as a quarter of the start.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class _Http(uvicorn.Server):
    """uvicorn without its signal handling, which would end the process before the jobs are drained.

    `announce` is called when the server accepts connections.
    """

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(server: Server, sockets: list[socket.socket], settings: Settings, lines: HeldLines) -> None:
    config = uvicorn.Config(
        server.api.asgi,
        http=cast("type[asyncio.Protocol]", partial(Connection, refusal=server.api.refusal)),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `Addresses` reads them
        # A request that waits for its job is held as long as the job is drained.
        timeout_graceful_shutdown=math.ceil(settings.drain_s) + 1,
    )
    http = _Http(config, lambda: lines.release(lambda: _announce(server, sockets[0], settings)))

    drain = Drain(settings.drain_s)

    def stop() -> None:
        drain.begin()
        server.jobs.live.close()  # an open event stream must not hold the exit
        http.force_exit = http.should_exit  # the second signal cuts what the first one drains
        http.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    async with running(server, drain):
        await http.serve(sockets=sockets)
    server.log.info("stopped")


def _announce(server: Server, sock: socket.socket, settings: Settings) -> None:
    host, port = sock.getsockname()[:2]
    name = "localhost" if host in (*LOOPBACKS, "0.0.0.0", "::") else host
    url = f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
    if settings.log_as == "json":
        server.log.info(RUNNING, **addresses(url), engine=server.catalog.default, reason=server.catalog.reason)
    else:
        sys.stderr.write(banner(url, server.catalog.default, server.catalog.reason) + "\n\n")
        sys.stderr.flush()
