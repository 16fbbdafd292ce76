"""The server, or a worker, as a process: its socket, uvicorn on it, the signals that stop it, the first and last
line."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NoReturn, cast

import structlog
import uvicorn
import uvloop

from reelwright.api.connection import Connection
from reelwright.api.connection_limit import FILES_APART, FILES_EACH, ConnectionLimit, most_connections
from reelwright.app import Drain, Server, build, running
from reelwright.banner import RUNNING, WORKING, addresses, banner, worker_banner
from reelwright.engines.catalog import Catalog
from reelwright.env_file import ADOPTED, adopt
from reelwright.errors import ConfigurationError
from reelwright.jobs.webhooks import SCHEDULE
from reelwright.listening import LOOPBACKS, listening_sockets
from reelwright.logs import HeldLines, configure_logs
from reelwright.offers import offered
from reelwright.outbound import Outbound
from reelwright.settings import Settings
from reelwright.telemetry import open_tracer
from reelwright.tracing import Tracer

LATE_S = 5.0
"""How many seconds the server may take after the drain to close all that it holds; then it ends at once."""
AT_ONCE_S = 2.0
"""The same after a second signal."""
CLOSE_S = 1.0
"""How many seconds the process may take after that to write its last lines and send its last traces."""

KEEP_ALIVE_S = 75
"""A connection may be idle for so long between requests: longer than in proxies (nginx, load balancers: 60 s), so that
it is not closed while one of them sends a request on it. `ConnectionLimit` makes room sooner where it is short."""

PRIVATE = 0o077
"""The umask: nobody but the server's user may read or write the files that the server and its engines make."""


def serve(
    settings: Settings,
    catalog: Catalog | None = None,
    outbound: Outbound | None = None,
    webhook_schedule: Sequence[float] = SCHEDULE,
) -> int:
    """Run the server until SIGTERM, SIGQUIT, SIGHUP or Ctrl-C. Returns the process's exit code; raises
    `ConfigurationError` (exit 2).

    `catalog`: the engines, if not those that `offered` finds. `outbound`: which addresses may be called, if not public
    ones and listed networks. `webhook_schedule`: the pauses before the tries of a delivery, in seconds.
    """
    return _run(
        settings,
        lambda tracer: build(
            settings,
            catalog or offered(settings),
            outbound or Outbound(networks=settings.allowed_networks),
            webhook_schedule,
            tracer,
        ),
        settings.port,
    )


def work(
    settings: Settings,
    catalog: Catalog | None = None,
    outbound: Outbound | None = None,
    webhook_schedule: Sequence[float] = SCHEDULE,
) -> int:
    """Run a worker until SIGTERM or Ctrl-C: a process that makes videos for the servers on the same Postgres.

    As `serve`; it listens only where `worker_port` says so, and then answers `/health`, `/ready` and `/metrics`.
    """
    if not settings.database_url:
        raise ConfigurationError(
            "A worker needs the Postgres of its servers: set DATABASE_URL. With SQLite `reelwright serve` does it all."
        )
    if settings.workers == 0:
        raise ConfigurationError("A worker has at least one child process. Set REELWRIGHT_WORKERS to 1 or more.")
    found = catalog or offered(settings)
    if problem := found.offers[found.default].trouble:
        raise ConfigurationError(problem)
    own = dataclasses.replace(found, offers={found.default: found.offers[found.default]})
    return _run(
        settings,
        lambda tracer: build(
            settings,
            own,
            outbound or Outbound(networks=settings.allowed_networks),
            webhook_schedule,
            tracer,
            worker_only=True,
        ),
        settings.worker_port,
    )


def _run(settings: Settings, build_with: Callable[[Tracer], Server], port: int | None) -> int:
    os.umask(os.umask(PRIVATE) | PRIVATE)  # other users of this machine may not read prompts and videos
    configure_logs(settings.log_as, settings.log_level)
    adopt(*ADOPTED)  # the tracer's SDK and the engines' children read the process's environment
    # The sockets are bound first, so that a port in use is told before anything is loaded or locked.
    sockets = [] if port is None else listening_sockets(settings.host, port)
    with contextlib.closing(open_tracer(os.environ)) as tracer:
        server = build_with(tracer)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            lines = HeldLines()
            try:
                runner.run(_serve(server, sockets, settings, lines))
            finally:
                lines.release()
    return 0


def leave(code: int) -> NoReturn:
    """End the process with this exit code, after `serve` has closed all that it held.

    Python's own exit is left out: it destroys all objects one by one, which takes a quarter of the time of a start.
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
        http=cast(
            "type[asyncio.Protocol]",
            partial(Connection, refusal=server.api.refusal, limit=ConnectionLimit(_room_for(settings.max_connections))),
        ),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `Addresses` reads them
        timeout_keep_alive=KEEP_ALIVE_S,
        # A request that waits for its video stays open as long as the drain may take.
        timeout_graceful_shutdown=math.ceil(settings.drain_s) + 1,
    )
    http = _Http(config, lambda: lines.release(lambda: _announce(server, sockets[0], settings)))
    drain, stopped = Drain(settings.drain_s), asyncio.Event()
    ends: list[threading.Timer] = []

    def stop() -> None:
        again = stopped.is_set()
        ends.append(_end_in(AT_ONCE_S if again else settings.drain_s + LATE_S, server.log))
        drain.begin()
        if again:
            drain.cut()
        server.jobs.live.close()  # an open event stream must not hold the exit
        http.force_exit = again
        http.should_exit = True
        stopped.set()

    _listen_to_signals(stop, server.log)
    async with running(server, drain):
        if sockets:
            await http.serve(sockets=sockets)
        else:
            lines.release(lambda: _announce(server, None, settings))
            await stopped.wait()
    server.log.info("stopped")
    for end in ends:
        end.cancel()
    _end_in(CLOSE_S, server.log, code=0)  # no work is left, but a library's thread may still wait for DNS, say


def _listen_to_signals(stop: Callable[[], None], log: structlog.stdlib.BoundLogger) -> None:
    """Stop on the signals that ask for an end. Log and ignore SIGUSR1 and SIGUSR2, which would kill it."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
        loop.add_signal_handler(signal.SIGHUP, stop)

    def unused(number: signal.Signals) -> None:
        log.info("signal ignored", signal=number.name, remedy="Logs go to stderr; settings are read at the start.")

    for number in (signal.SIGUSR1, signal.SIGUSR2):
        loop.add_signal_handler(number, unused, number)


def _end_in(seconds: float, log: structlog.stdlib.BoundLogger, code: int = 1) -> threading.Timer:
    """End the process after so many seconds, even if something hangs: what is stored survives a kill."""

    def end() -> None:
        log.warning("something hangs: the server ends at once")
        sys.stderr.flush()
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


def _room_for(connections: int) -> int:
    """How many of so many connections this process can have. Raises its limit of open files for them where it may."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = int(connections * FILES_EACH) + FILES_APART
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        with contextlib.suppress(OSError, ValueError):  # macOS: less than what it says it allows
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return connections if allowed == resource.RLIM_INFINITY else most_connections(connections, allowed)


def _announce(server: Server, sock: socket.socket | None, settings: Settings) -> None:
    url = _url(sock) if sock else None
    worker = server.worker
    if settings.log_as == "json":
        facts = {"engine": server.catalog.default, "reason": server.catalog.reason}
        if worker:
            server.log.info(WORKING, **facts, worker=worker, **({"health_check": f"{url}/health"} if url else {}))
        else:
            server.log.info(RUNNING, **addresses(url or ""), **facts)
        return
    if worker:
        text = worker_banner(worker, server.store.name, server.catalog.default, server.catalog.reason, url)
    else:
        text = banner(url or "", server.catalog.default, server.catalog.reason)
    sys.stderr.write(text + "\n\n")
    sys.stderr.flush()


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    name = "localhost" if host in (*LOOPBACKS, "0.0.0.0", "::") else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
