"""The fake's server: its lives, its faults, and what tests do to it."""

from __future__ import annotations

import asyncio
import hmac
import json
import shutil
import ssl
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import trustme
from aiohttp import web

from tests.fakes.comfyui.graphs import stills
from tests.fakes.comfyui.knobs import Knobs, Reply
from tests.fakes.comfyui.ledger import Ledger
from tests.fakes.comfyui.routes import Handler, Routes
from tests.fakes.comfyui.sockets import Sockets
from tests.fakes.comfyui.versions import USUAL, Version
from tests.fakes.comfyui.worker import Worker


class FakeComfyUI:
    """Serves until the `with` block ends, on `port` (0: a free one).

    `folder` has `input`, `output`, `temp` and the ledger, which outlive it. Knobs may be given by their names. `die`
    and `rise` are a crash and a restart in process; `tests.fakes.comfyui.process` has it as a process of its own.
    """

    def __init__(self, folder: Path, *, version: str = USUAL, port: int = 0, **knobs: Any) -> None:
        self.folder = folder
        self.version = Version(version)
        self.port = port
        self.knobs = Knobs()
        self.knobs.turn(**knobs)
        self.ledger = Ledger(folder)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._turned = asyncio.Event()
        self._answered: dict[str, asyncio.Event] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        """The certificate to trust for signed addresses, in PEM."""
        return self.folder / "ca.pem"

    @property
    def sockets_open(self) -> int:
        return self._sockets.open

    @property
    def worker_lives(self) -> bool:
        return self._worker.thread.is_alive()

    def turn(self, **knobs: Any) -> None:
        self.knobs.turn(**knobs)
        self._loop.call_soon_threadsafe(self._turned.set)

    def foreign(self, count: int = 1, *, steps: int = 3, seed: int = 1) -> list[str]:
        """Jobs of a stranger, whose page is open; their ids."""
        graphs = (stills(seed=seed + number, steps=steps, prefix="stranger/clip") for number in range(count))
        return [self._routes.enqueue(graph, "stranger") for graph in graphs]

    def files(self) -> list[Path]:
        """All that the savers have left in the output folder."""
        return sorted(path for path in (self.folder / "output").rglob("*") if path.is_file())

    def lose_files(self) -> None:
        """Somebody tidies the output folder up."""
        shutil.rmtree(self.folder / "output")
        (self.folder / "output").mkdir()

    def __enter__(self) -> Self:
        self._thread.start()
        self.rise()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- its lives --------------------------------------------------------------------------------------------------

    def rise(self) -> None:
        """A new life at the same port: nothing is left of the queue, the history and the cache, nor in `temp`."""
        for kind in ("input", "output", "temp"):
            (self.folder / kind).mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.folder / "temp")
        (self.folder / "temp").mkdir()
        self._sockets = Sockets(self._loop, self.knobs)
        self._worker = Worker(self.folder, self.knobs, self.version, self.ledger, self._sockets.send)
        self._routes = Routes(self._worker, self._sockets, self.ledger, self.folder)
        self._run(self._open())
        self._worker.thread.start()

    def die(self) -> None:
        """Every connection breaks; what was running is lost in the middle."""
        self._run(self._close())
        self._worker.kill()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> None:
        app = web.Application(client_max_size=self.knobs.max_upload + 1024 * 1024)
        for method, path, name, handler in self._routes.table():
            app.router.add_route(method, path, self._guarded(name, handler))
            if method == "GET" and name in ("view", "signed"):
                app.router.add_route("HEAD", path, self._guarded(name, handler))
        app.router.add_post("/_fake/{what}", self._control)
        app.router.add_route("*", "/{path:.*}", self._nowhere)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=1024, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]
        if self.knobs.signed_views:
            await self._open_storage()
        self._publisher = asyncio.ensure_future(self._sockets.publish())

    async def _open_storage(self) -> None:
        """Where signed addresses lead: another host (`localhost`), over TLS. `ca` signs its certificate."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self._routes.storage = f"https://localhost:{self._runner.addresses[-1][1]}"

    async def _close(self) -> None:
        self._publisher.cancel()
        for site in list(self._runner.sites):
            await site.stop()
        server = self._runner.server
        for connection in list(server.connections if server else []):
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()

    # --- one request ------------------------------------------------------------------------------------------------

    def _guarded(self, name: str, handler: Handler) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            self._note(name, request)
            if (refused := self._stop(name, request)) is not None:
                return refused
            reply = self.knobs.reply(name)
            if reply is not None:
                return await self._misbehave(name, request, reply, handler)
            answer = await handler(request)
            if name in self._answered:
                self._answered[name].set()
            return answer

        return serve

    def _note(self, name: str, request: web.Request) -> None:
        keyed = any(header in request.headers for header in ("Authorization", "X-API-Key")) or "token" in request.query
        self.ledger.note("request", route=name, method=request.method, keyed=keyed, job=request.match_info.get("id"))
        if name == "signed" and keyed:
            self.ledger.note("leaked", route=name)

    def _stop(self, name: str, request: web.Request) -> web.Response | None:
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
            return web.Response(status=403)
        if name != "signed" and not self._has_key(name, request):
            return web.json_response({"error": "Authentication required"}, status=401)
        if name == "upload" and (request.content_length or 0) > self.knobs.max_upload:
            return web.Response(status=413, text=f"Maximum request body size {self.knobs.max_upload} exceeded")
        return None

    def _has_key(self, name: str, request: web.Request) -> bool:
        if self.knobs.auth is None or (name == "ws" and not self.knobs.ws_auth):
            return True
        shown = {
            "bearer": request.headers.get("Authorization", "").removeprefix("Bearer "),
            "query": request.query.get("token", ""),
            "header": request.headers.get("X-API-Key", ""),
        }
        return hmac.compare_digest(shown[self.knobs.auth], self.knobs.token)

    async def _misbehave(self, name: str, request: web.Request, reply: Reply, handler: Handler) -> web.StreamResponse:
        done: web.StreamResponse = web.Response(status=reply.status or 200)
        if reply.late is not None or reply.last:
            await request.read()
            answered = self._answered[name] = asyncio.Event()
            self.ledger.note("late", route=name)
            done = await asyncio.shield(asyncio.ensure_future(_later(request, reply, handler, answered)))
        elif not reply.before:
            done = await handler(request)
        await asyncio.sleep(reply.delay)
        if reply.hang:
            self._turned.clear()
            await self._turned.wait()
        if reply.cut == 0:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        status, headers, body = reply.status or done.status, dict(reply.headers), _body(request, reply, done)
        if isinstance(done, web.FileResponse) and reply.status is None:
            status = 206 if "Range" in request.headers else 200
            headers.setdefault("Content-Type", "video/mp4")
        elif isinstance(done, web.Response):
            headers.setdefault("Content-Type", done.headers.get("Content-Type", "text/plain"))
        return await _send(request, status, headers, body, reply)

    async def _nowhere(self, request: web.Request) -> web.StreamResponse:
        self.ledger.note("request", route="none", method=request.method, path=request.path)
        return web.Response(status=404)

    # --- from outside -----------------------------------------------------------------------------------------------

    async def _control(self, request: web.Request) -> web.StreamResponse:
        sent: Mapping[str, Any] = json.loads(await request.text() or "{}")
        match request.match_info["what"]:
            case "knobs":
                self.turn(**sent)
            case "foreign":
                return web.json_response(self.foreign(**sent))
            case "lose_files":
                self.lose_files()
        state = asdict(self.knobs)
        return web.json_response({"sockets": self.sockets_open, "worker": self.worker_lives, "knobs": state})


async def _later(request: web.Request, reply: Reply, handler: Handler, answered: asyncio.Event) -> web.StreamResponse:
    """Its client may be gone by then."""
    if reply.last:
        await answered.wait()
    await asyncio.sleep(reply.late or 0)
    return await handler(request)


def _body(request: web.Request, reply: Reply, done: web.StreamResponse) -> bytes:
    if reply.body is not None:
        return reply.body.encode()
    if isinstance(done, web.FileResponse):
        content = Path(done._path).read_bytes()
        return content[request.http_range]
    return bytes(done.body or b"") if isinstance(done, web.Response) and isinstance(done.body, bytes) else b""


async def _send(
    request: web.Request, status: int, headers: dict[str, str], body: bytes, reply: Reply
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    sent = body if reply.cut is None else body[: reply.cut]
    piece = max(1, len(sent) // 8) if reply.drip is not None else max(1, len(sent))
    for start in range(0, len(sent), piece):
        await response.write(sent[start : start + piece])
        await asyncio.sleep(reply.drip or 0)
    if reply.cut is not None:
        assert request.transport is not None
        request.transport.close()
    return response
