"""The WebSockets: one per `clientId`, and whoever connects last has it."""

from __future__ import annotations

import asyncio
import json
import struct
import uuid
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.comfyui.knobs import Knobs
from tests.fakes.comfyui.worker import PREVIEW, Worker

JPEG = 1
WITH_METADATA = 4


class Sockets:
    """Sends in the order in which it was told; from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, knobs: Knobs) -> None:
        self._loop = loop
        self._knobs = knobs
        self._by_id: dict[str, web.WebSocketResponse] = {}
        self._aware: set[str] = set()
        self._sent: dict[web.WebSocketResponse, int] = {}
        self._wires: dict[web.WebSocketResponse, asyncio.Transport | None] = {}
        self._news: asyncio.Queue[tuple[str, Any, str | None]] = asyncio.Queue()

    @property
    def open(self) -> int:
        return len(self._sent)

    def send(self, event: str, data: Any, client: str | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.put_nowait, (event, data, client))

    async def publish(self) -> None:
        while True:
            event, data, client = await self._news.get()
            clients = list(self._by_id) if client is None else [client]
            for one in clients:
                if (socket := self._by_id.get(one)) is not None:
                    await self._deliver(socket, one, event, data)

    async def serve(self, request: web.Request, worker: Worker) -> web.StreamResponse:
        if self._knobs.ws_refused is not None:
            return web.Response(status=self._knobs.ws_refused)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = request.query.get("clientId") or uuid.uuid4().hex
        self._aware.discard(client)
        self._by_id[client] = socket
        self._sent[socket] = 0
        self._wires[socket] = request.transport
        try:
            await self._deliver(socket, client, "status", worker.status() | {"sid": client})
            whose, node = worker.current
            if whose == client and node is not None:
                await self._deliver(socket, client, "executing", {"node": node})
            await self._listen(socket, client)
        finally:
            self._by_id.pop(client, None)  # also when a later socket has it by now: that one goes deaf
            self._sent.pop(socket, None)
            self._wires.pop(socket, None)
        return socket

    async def _listen(self, socket: web.WebSocketResponse, client: str) -> None:
        first = True
        async for message in socket:
            if message.type == aiohttp.WSMsgType.TEXT and first:
                told = json.loads(message.data)
                if told.get("type") == "feature_flags":
                    if told.get("data", {}).get("supports_preview_metadata"):
                        self._aware.add(client)
                    features = {"supports_preview_metadata": True, "max_upload_size": self._knobs.max_upload}
                    await self._deliver(socket, client, "feature_flags", features)
            first = False

    async def _deliver(self, socket: web.WebSocketResponse, client: str, event: str, data: Any) -> None:
        if self._knobs.ws_silent:
            return
        try:
            if event == PREVIEW:
                await socket.send_bytes(_preview(data, client in self._aware))
            else:
                await socket.send_str(json.dumps({"type": event, "data": data}))
        except (ConnectionError, RuntimeError):
            return
        self._sent[socket] = self._sent.get(socket, 0) + 1
        most, wire = self._knobs.ws_drop_after, self._wires.get(socket)
        if most is not None and wire is not None and self._sent[socket] >= most:
            wire.abort()


def _preview(data: dict[str, Any], with_metadata: bool) -> bytes:
    image = data["image"]
    if not with_metadata:
        return struct.pack(">II", 1, JPEG) + bytes(image)
    told = {key: value for key, value in data.items() if key != "image"} | {"image_type": "image/jpeg"}
    head = json.dumps(told).encode()
    return struct.pack(">II", WITH_METADATA, len(head)) + head + bytes(image)
