"""LiteLLM's proxy in front of a server that speaks `/v1/videos`, as versions 1.108 and 1.110 were measured.

It posts again by itself on 5xx (three times in all, unless `x-litellm-num-retries: 0` asks it not to), forwards no
`Idempotency-Key`, has no cancel and no list, hands on whole files only, and shows a failed job as a 500 whose message
quotes the upstream's answer. Its ids hold the upstream's, so they outlive its restart.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.videos.server import FakeVideos
from tests.fakes.videos.serving import Serving

TRIES = 3
ALIAS = "my-video-model"


class FakeLiteLLM(Serving):
    """`behind` is the server that does the work; `pause_s` stands for the seconds between its own tries."""

    def __init__(self, behind: FakeVideos, *, token: str | None = None, port: int = 0, pause_s: float = 0.01) -> None:
        super().__init__(port)
        self.behind = behind
        self.token = token
        self.pause_s = pause_s
        self.log: list[tuple[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.log.append((request.method, request.path))
        self.tell()
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "Authentication Error, Invalid proxy server token passed")
        match [request.method, *request.path.strip("/").split("/")]:
            case ["POST", "v1", "videos"]:
                return await self._create(request)
            case ["GET", "v1", "videos"]:
                return _error(
                    400, "Invalid model name passed in model=None. Call `/v1/models` to view available models"
                )
            case ["GET", "v1", "videos", video_id]:
                return await self._look(video_id)
            case ["GET", "v1", "videos", video_id, "content"]:
                return await self._content(video_id)
            case ["GET", "v1", "models"]:
                return web.json_response({"object": "list", "data": [{"id": ALIAS, "owned_by": "openai"}]})
            case [_, "v1", "videos", _]:
                return web.json_response({"detail": "Method Not Allowed"}, status=405)
        return web.json_response({"detail": "Not Found"}, status=404)

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.read()
        if ALIAS.encode() not in body:
            return _error(400, "Invalid model name passed in model=None. Call `/v1/models` to view available models")
        content_type = request.headers["content-type"]
        # The alias is exchanged for the name that the server behind knows.
        sent = body.replace(ALIAS.encode(), (self.behind.profile.served or "default").encode())
        tries = 1 if request.headers.get("x-litellm-num-retries") == "0" else TRIES
        for attempt in range(tries):
            status, told = await self._ask("POST", "/v1/videos", data=sent, content_type=content_type)
            if status < 500:
                break
            if attempt + 1 < tries:
                await asyncio.sleep(self.pause_s)
        if status >= 500:
            quoted = told if isinstance(told, str) else json.dumps(told)
            return _error(status, f"litellm.InternalServerError: InternalServerError: OpenAIException - {quoted}")
        if status >= 400:
            return _error(status, f"litellm.BadRequestError: OpenAIException - {json.dumps(told)}")
        return web.json_response({**told, "id": _wrapped(told["id"]), "model": ALIAS})

    async def _look(self, video_id: str) -> web.Response:
        if (upstreams := _unwrapped(video_id)) is None:
            # It takes an id that is not its own for one of OpenAI's.
            return _error(500, "litellm.APIConnectionError: api.openai.com cannot be reached")
        for attempt in range(TRIES):
            status, told = await self._ask("GET", f"/v1/videos/{upstreams}")
            if status < 500:
                break
            if attempt + 1 < TRIES:
                await asyncio.sleep(self.pause_s)
        if status >= 400:
            text = f"litellm.APIError: OpenAIException - {json.dumps(told)}. Received Model Group={ALIAS}"
            return _error(500 if status >= 500 else status, text)
        return web.json_response({**told, "id": video_id, "model": ALIAS})

    async def _content(self, video_id: str) -> web.Response:
        upstreams = _unwrapped(video_id)
        headers = {"Authorization": f"Bearer {self.behind.token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.behind.url}/v1/videos/{upstreams}/content", headers=headers) as answer,
        ):
            data = await answer.read()
            if answer.status >= 400:
                return _error(answer.status, data.decode())
            return web.Response(body=data, content_type="video/mp4")

    async def _ask(
        self, method: str, path: str, *, data: bytes | None = None, content_type: str | None = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.behind.token}"} | (
            {"Content-Type": content_type} if content_type else {}
        )
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, f"{self.behind.url}{path}", data=data, headers=headers) as answer,
            ):
                return answer.status, await answer.json(content_type=None)
        except aiohttp.ClientError:
            return 500, "Server disconnected"


def _wrapped(video_id: str) -> str:
    plain = f"litellm:custom_llm_provider:openai;model_id:{'0' * 92};video_id:{video_id}"
    return "video_" + base64.b64encode(plain.encode()).decode()


def _unwrapped(video_id: str) -> str | None:
    try:
        plain = base64.b64decode(video_id.removeprefix("video_"), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return plain.rpartition("video_id:")[2] or None


def _error(status: int, message: str) -> web.Response:
    body = {"error": {"message": message, "type": "None", "param": "None", "code": str(status)}}
    return web.json_response(body, status=status)
