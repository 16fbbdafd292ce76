"""The fake's server: routes by host, a script of misbehaviour, a log of all that arrived."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any

from aiohttp import web

from tests.fakes.huggingface.clips import clip, picture
from tests.fakes.huggingface.homes import ACCOUNTS, HOSTS, KEYS, authorization, refusal

TOKEN = "hf_" + "a1B2" * 8
"""The one token that the fake accepts."""

HUB = "huggingface.co"
ROUTER = "router.huggingface.co"
ENDPOINT = "endpoint.example"

MODELS: Mapping[str, list[tuple[str, str, str]]] = {
    "Wan-AI/Wan2.2-TI2V-5B": [
        ("fal-ai", "fal-ai/wan/v2.2-5b/text-to-video", "text-to-video"),
        ("replicate", "wan-video/wan-2.2-5b-fast", "text-to-video"),
        ("novita", "wan-t2v", "text-to-video"),
        ("together", "Wan-AI/Wan2.2-TI2V-5B", "text-to-video"),
        ("wavespeed", "wavespeed-ai/wan-2.2/t2v-5b-720p", "text-to-video"),
    ],
    "Wan-AI/Wan2.2-I2V-A14B": [
        ("fal-ai", "fal-ai/wan/v2.2-a14b/image-to-video", "image-to-video"),
        ("together", "Wan-AI/Wan2.2-I2V-A14B", "image-to-video"),
        ("wavespeed", "wavespeed-ai/wan-2.2/i2v-720p", "image-to-video"),
    ],
    "black-forest-labs/FLUX.1-schnell": [
        ("fal-ai", "fal-ai/flux/schnell", "text-to-image"),
        ("hf-inference", "black-forest-labs/FLUX.1-schnell", "text-to-image"),
        ("nscale", "black-forest-labs/FLUX.1-schnell", "text-to-image"),
        ("replicate", "black-forest-labs/flux-schnell", "text-to-image"),
        ("together", "black-forest-labs/FLUX.1-schnell", "text-to-image"),
        ("wavespeed", "wavespeed-ai/flux-schnell", "text-to-image"),
        ("zai-org", "flux", "text-to-image"),
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How one step is answered. What is None is as the real service would have it.

    `delay` is in seconds, before the answer begins. `hang`: no answer at all. `cut`: the connection breaks after so
    many bytes of the body; `stall`: it falls silent there; `drip`: seconds between two bytes of the body.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | dict[str, Any] | None = None
    delay: float = 0.0
    hang: bool = False
    cut: int | None = None
    stall: int | None = None
    drip: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One request as it arrived."""

    step: str
    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class FakeHuggingFace:
    """Serves until the `with` block ends.

    Steps, in a job's order: `hub` (the model's providers), `whoami`, `account`, `picture`, `submit`, `status`,
    `result`, `cdn`, `cancel`, `endpoint`. A provider answers the same through the router and at its own hosts. `script`
    sets how a step is answered; `log` has what arrived.
    """

    def __init__(self, *, clip_bytes: int = 0, keep_log: bool = True) -> None:
        self.clip = clip(clip_bytes)
        self._keep_log = keep_log
        self.models: dict[str, list[tuple[str, str, str]]] = dict(MODELS)
        self.account: dict[str, Any] = {"name": "ada", "auth": {"accessToken": {"role": "write"}}}
        self.polls = 1
        """How often a job is still under way when it is looked at."""
        self.log: list[Logged] = []
        self.port = 0
        self._scripts: dict[tuple[str, str | None], list[Reply]] = defaultdict(list)
        self._numbers = count(1)
        self._looks: dict[str, int] = defaultdict(int)
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # --- for tests --------------------------------------------------------------------------------------------------

    def script(self, step: str, *replies: Reply, provider: str | None = None) -> None:
        """The next answers of `step` (of one provider); the last one is repeated."""
        self._scripts[step, provider] = list(replies)

    def reset(self) -> None:
        """As it was at first: no script, an empty log."""
        self._scripts.clear()
        self.log.clear()
        self.polls = 1

    def requests(self, step: str) -> list[Logged]:
        return [entry for entry in self.log if entry.step == step]

    def wait_for(self, step: str, *, times: int = 1, seconds: float = 60.0) -> None:
        """Until `step` has been asked for so often."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests(step)) >= times, seconds):
                raise AssertionError(f"{step} was asked {len(self.requests(step))} times, not {times}")

    @property
    def strangers_with_token(self) -> list[Logged]:
        """Requests that carried the token or a key to a host that must not see it."""
        return [entry for entry in self.log if _leaks(entry)]

    def __enter__(self) -> FakeHuggingFace:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]

    # --- one request ------------------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        host = request.host.partition(":")[0]
        if host == "127.0.0.1":
            host = ENDPOINT
        step, provider, honest = self._route(request, host, body)
        if self._keep_log:
            self._note(step, host, request, body)
        replies = self._scripts.get((step, provider)) or self._scripts.get((step, None)) or [Reply()]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        sent = request.headers.get("authorization")
        public = step == "hub" and sent is None  # the hub tells anybody who serves a model
        if host in (HUB, ROUTER) and sent != f"Bearer {TOKEN}" and not public:
            honest = (401, {"error": "Invalid username or password."})
        if host in HOSTS and sent != authorization(HOSTS[host]):
            honest = refusal(HOSTS[host])
        return await self._answer(request, reply, *honest)

    def _note(self, step: str, host: str, request: web.Request, body: bytes) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        entry = Logged(step=step, method=request.method, host=host, path=request.path_qs, headers=headers, body=body)
        with self._changed:
            self.log.append(entry)
            self._changed.notify_all()

    async def _answer(
        self, request: web.Request, reply: Reply, status: int, content: bytes | dict[str, Any]
    ) -> web.StreamResponse:
        if reply.hang:
            await asyncio.Event().wait()
        await asyncio.sleep(reply.delay)
        content = content if reply.body is None else reply.body
        response: web.StreamResponse
        if isinstance(content, dict):
            response = web.json_response(content)
            data = response.body if isinstance(response.body, bytes) else b""
        else:
            data = content
        response = web.StreamResponse(status=reply.status or status, headers=dict(reply.headers))
        if "content-type" not in {name.lower() for name in reply.headers}:
            response.content_type = "application/json" if isinstance(content, dict) else "application/octet-stream"
        response.content_length = len(data)
        await response.prepare(request)
        if reply.drip is not None:
            for number in range(len(data)):
                await response.write(data[number : number + 1])
                await asyncio.sleep(reply.drip)
        stop = reply.cut if reply.cut is not None else reply.stall
        await response.write(data[:stop])
        if reply.stall is not None:
            await asyncio.Event().wait()
        if reply.cut is not None and request.transport is not None:
            request.transport.close()
        return response

    # --- what the real services would say ---------------------------------------------------------------------------

    def _route(
        self, request: web.Request, host: str, body: bytes
    ) -> tuple[str, str | None, tuple[int, bytes | dict[str, Any]]]:
        """The step, its provider, and the honest answer: status and content."""
        parts = request.path.strip("/").split("/")
        if host == HUB:
            return self._hub(parts)
        if host == ROUTER:
            return self._provider(request, parts[0], parts[1:])
        if (account := ACCOUNTS.get((HOSTS.get(host, ""), request.path))) is not None:
            return "account", HOSTS[host], (200, account)
        if host in HOSTS:
            return self._provider(request, HOSTS[host], parts)
        if host == ENDPOINT:
            return "endpoint", None, (200, self.clip)
        return "cdn", None, (200, picture() if request.path.endswith(".png") else self.clip)

    def _hub(self, parts: list[str]) -> tuple[str, None, tuple[int, dict[str, Any]]]:
        if parts[1:] == ["whoami-v2"]:
            return "whoami", None, (200, self.account)
        model = "/".join(parts[2:])
        if model not in self.models:
            return "hub", None, (404, {"error": "Repository not found"})
        mapping = [
            {"provider": provider, "providerId": name, "status": "live", "task": task}
            for provider, name, task in self.models[model]
        ]
        task = self.models[model][0][2] if self.models[model] else None
        return "hub", None, (200, {"id": model, "pipeline_tag": task, "inferenceProviderMapping": mapping})

    def _provider(
        self, request: web.Request, provider: str, rest: list[str]
    ) -> tuple[str, str, tuple[int, bytes | dict[str, Any]]]:
        answer = getattr(self, f"_{provider.replace('-', '_')}")(request, rest)
        return answer[0], provider, answer[1:]

    def _new(self) -> str:
        return f"req-{next(self._numbers)}"

    def _busy(self, job: str) -> bool:
        self._looks[job] += 1
        return self._looks[job] <= self.polls

    def _fal_ai(self, request: web.Request, rest: list[str]) -> tuple[str, int, Any]:
        queued = request.query.get("_subdomain") == "queue" or request.host == "queue.fal.run"
        if request.method == "POST" and queued:
            job = self._new()
            base = f"https://queue.fal.run/fal-ai/wan/requests/{job}"
            return (
                "submit",
                200,
                {
                    "status": "IN_QUEUE",
                    "request_id": job,
                    "response_url": base,
                    "status_url": f"{base}/status",
                    "cancel_url": f"{base}/cancel",
                },
            )
        if request.method == "POST":
            return "picture", 200, {"images": [{"url": "https://v3.fal.media/files/picture.png"}]}
        match rest:
            case [*_, "requests", job, "status"]:
                busy = self._busy(job)
                return "status", 202 if busy else 200, {"status": "IN_PROGRESS" if busy else "COMPLETED"}
            case [*_, "requests", job, "cancel"] if request.method == "PUT":
                return "cancel", 202, {"status": "CANCELLATION_REQUESTED"}
            case [*_, "requests", job]:
                return "result", 200, {"video": {"url": f"https://v3.fal.media/files/{job}.mp4"}, "seed": 1}
        return "unknown", 404, {"detail": "Not Found"}

    def _replicate(self, request: web.Request, rest: list[str]) -> tuple[str, int, Any]:
        match request.method, rest:
            case "POST", ["v1", "predictions", job, "cancel"]:
                return "cancel", 200, {"id": job, "status": "canceled"}
            case "POST", ["v1", "models", *name, "predictions"]:
                if "flux" in name[-1]:
                    return "picture", 201, {"output": ["https://replicate.delivery/picture.png"], "status": "succeeded"}
                return "submit", 201, self._prediction(self._new(), busy=self.polls > 0)
            case "GET", ["v1", "predictions", job]:
                return "status", 200, self._prediction(job, busy=self._busy(job))
        return "unknown", 404, {"detail": "Not Found"}

    def _prediction(self, job: str, *, busy: bool) -> dict[str, Any]:
        base = f"https://api.replicate.com/v1/predictions/{job}"
        return {
            "id": job,
            "model": "wan-video/wan-2.2-5b-fast",
            "input": {"prompt": "echoed"},
            "output": None if busy else f"https://replicate.delivery/{job}.mp4",
            "status": "processing" if busy else "succeeded",
            "urls": {"get": base, "cancel": f"{base}/cancel"},
        }

    def _novita(self, request: web.Request, rest: list[str]) -> tuple[str, int, Any]:
        return "submit", 200, {"video": {"video_url": "https://faas.novita-cdn.example/out.mp4", "video_type": "mp4"}}

    def _together(self, request: web.Request, rest: list[str]) -> tuple[str, int, Any]:
        match request.method, rest:
            case "POST", ["v1", "images", "generations"]:
                return "picture", 200, {"data": [{"b64_json": base64.b64encode(picture()).decode()}]}
            case "POST", ["v2", "videos"]:
                return "submit", 200, {"id": self._new(), "status": "queued"}
            case "GET", ["v2", "videos", job]:
                if self._busy(job):
                    return "status", 200, {"id": job, "status": "in_progress"}
                done = {"video_url": f"https://api.together.example/{job}.mp4", "cost": 1}
                return "status", 200, {"id": job, "status": "completed", "outputs": done}
        return "unknown", 404, {"error": {"message": "not found"}}

    def _wavespeed(self, request: web.Request, rest: list[str]) -> tuple[str, int, Any]:
        match request.method, rest:
            case "GET", ["api", "v3", "predictions", job, "result"]:
                if self._busy(job):
                    return "status", 200, {"code": 200, "data": {"id": job, "status": "processing", "outputs": []}}
                kind = "png" if job.startswith("pic") else "mp4"
                outputs = [f"https://d1q70pf5vjeyhc.cloudfront.example/{job}.{kind}"]
                return "status", 200, {"code": 200, "data": {"id": job, "status": "completed", "outputs": outputs}}
            case "POST", ["api", "v3", *name]:
                image = "flux" in name[-1]
                job = f"pic-{self._new()}" if image else self._new()
                get = f"https://api.wavespeed.ai/api/v3/predictions/{job}/result"
                data = {"id": job, "status": "created", "urls": {"get": get}}
                return "picture" if image else "submit", 200, {"code": 200, "data": data}
        return "unknown", 404, {"code": 404, "message": "not found"}

    def _hf_inference(self, request: web.Request, rest: list[str]) -> tuple[str, int, Any]:
        return "picture", 200, picture()

    def _nscale(self, request: web.Request, rest: list[str]) -> tuple[str, int, Any]:
        return "picture", 200, {"data": [{"b64_json": base64.b64encode(picture()).decode()}]}

    def _zai_org(self, request: web.Request, rest: list[str]) -> tuple[str, int, Any]:
        done = {"task_status": "SUCCESS", "image_result": [{"url": "https://cdn.z.example/picture.png"}]}
        if request.method == "POST":
            return "picture", 200, {"id": self._new(), "task_status": "PROCESSING"}
        return "status", 200, {"task_status": "PROCESSING"} if self._busy(rest[-1]) else done


def _leaks(entry: Logged) -> bool:
    told = str(entry.headers) + entry.path + entry.body.decode("utf-8", "replace")
    if TOKEN in told and entry.host not in (HUB, ROUTER, ENDPOINT):
        return True
    if any(key in told and HOSTS.get(entry.host) != provider for provider, key in KEYS.items()):
        return True
    return "authorization" in entry.headers and entry.host not in (HUB, ROUTER, ENDPOINT, *HOSTS)
