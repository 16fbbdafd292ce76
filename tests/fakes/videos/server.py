"""One server that speaks `/v1/videos` as its profile says, as unkind as the real ones.

Jobs are in memory: `restart` forgets them, as all of these servers do but Reelwright. A client that hangs up during a
create has made a job all the same.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes.videos.forms import Asked, Refused, read
from tests.fakes.videos.jobs import Gpu, Job, until
from tests.fakes.videos.movies import still
from tests.fakes.videos.objects import error_body, video_object
from tests.fakes.videos.profiles import PROFILES, Profile
from tests.fakes.videos.serving import Serving

TOKEN = "upstream-canary-7f3a"
"""A key for tests, to be found where it must not be."""
BUSY_S = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One request as it arrived. `step`: create, list, look, content, delete, cancel, events, cloud, health, models."""

    step: str
    method: str
    path: str
    headers: Mapping[str, str]


class FakeVideos(Serving):
    """`with FakeVideos("sglang") as fake: …`. The public fields that are no records are the faults a test may set."""

    def __init__(self, profile: str | Profile = "vllm-omni", *, token: str | None = None, port: int = 0) -> None:
        """`token`: the key that is asked for."""
        super().__init__(port)
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.token = token
        self.gpu = Gpu(self.tell)
        self.jobs: dict[str, Job] = {}
        self.log: list[Logged] = []
        self.creates: list[Asked] = []
        """What was accepted, in its order; a replay by its key is not."""

        self.swallowed = 0
        """So many creates are carried out, and the connection is cut before their answer."""
        self.silent = False
        """Creates are carried out and not answered, as long as it is true."""
        self.scripts: dict[str, list[tuple[int, Any, Mapping[str, str]]]] = {}
        """By step: (status, body, headers) of the next answers, in place of the true ones."""
        self.strays = 0
        """So many looks reach another replica, which knows no job."""
        self.late_files = 0
        """So many requests for a completed video's content find no file yet."""
        self.file_gone = False
        self.cloud = False
        """SGLang with a cloud store: the object has a `url`, and there is no content."""
        self.cut_at: int | None = None
        """The next content breaks off after so many bytes."""
        self.slow_deletes = 0
        """vLLM-Omni: so many DELETEs take more than its 2 s."""
        self.deaf_gpu = False
        """vLLM-Omni before its PR 6759: DELETE answers, and the work goes on."""
        self.full = 0
        """So many creates find the queue full."""
        self._keys: dict[str, str] = {}

    # --- for tests --------------------------------------------------------------------------------------------------

    def executions(self, prompt: str) -> int:
        """How often the GPU has begun a job of that prompt."""
        return self.gpu.begun[prompt]

    def steps(self, step: str) -> list[Logged]:
        return [entry for entry in self.log if entry.step == step]

    def restart(self) -> None:
        """The process ends at once and begins anew: connections are cut, every job is forgotten."""
        self.down()
        self.jobs.clear()
        self._keys.clear()
        self.up()

    async def _start(self) -> None:
        await super()._start()
        self._working = asyncio.create_task(self.gpu.work())

    async def _stop(self) -> None:
        self._working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._working
        self.gpu.forget()
        await super()._stop()

    # --- one request ------------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.StreamResponse:
        step, video_id = _route(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.log.append(Logged(step=step, method=request.method, path=request.path_qs, headers=headers))
        self.tell()
        open_to_all = step in ("health", "cloud") or (step == "content" and self.profile.open_content)
        if self.token and not open_to_all and headers.get("authorization") != f"Bearer {self.token}":
            return self._error(401, "Unauthorized")
        if replies := self.scripts.get(step):
            status, body, more = replies.pop(0)
            return web.json_response(body, status=status, headers=dict(more))
        try:
            return await getattr(self, f"_{step}")(request, video_id)
        except Refused as refused:
            return self._error(refused.status, refused.why, param=refused.param)

    def _error(
        self, status: int, why: Any, *, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        return web.json_response(
            error_body(self.profile, status, why, param), status=status, headers=dict(headers or {})
        )

    async def _create(self, request: web.Request, _: str) -> web.StreamResponse:
        asked = await read(request, self.profile)
        key = request.headers.get("idempotency-key") if self.profile.once else None
        if key and (known := self.jobs.get(self._keys.get(key, ""))):
            if known.asked.fields != asked.fields:
                raise Refused(422, "The Idempotency-Key was used for another request", param="Idempotency-Key")
            return web.json_response(self._object(known))
        if self.full or (not self.profile.queues and self.gpu.waiting):
            self.full = max(0, self.full - 1)
            return self._busy()
        job = Job(f"video_{uuid.uuid4().hex}", asked)
        self.jobs[job.id] = job
        if key:
            self._keys[key] = job.id
        self.creates.append(asked)
        self.gpu.take(job)
        self.tell()
        await until(lambda: not self.silent)
        if self.swallowed:
            self.swallowed -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(self._object(job))

    def _busy(self) -> web.Response:
        if self.profile.once:
            return self._error(429, "The queue is full", headers={"Retry-After": str(BUSY_S)})
        return self._error(503, "limit of concurrent tasks reached")

    async def _look(self, request: web.Request, video_id: str) -> web.StreamResponse:
        job = self._job(video_id)
        wanted = request.headers.get("prefer", "")
        if self.profile.once and wanted.startswith("wait="):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(until(lambda: job.ended), float(wanted.removeprefix("wait=")))
        status = 200
        if job.error and self.profile.failed_status != 200:
            code = job.error[0]
            status = code if isinstance(code, int) and 400 <= code < 600 else self.profile.failed_status
        return web.json_response(self._object(job), status=status)

    def _job(self, video_id: str) -> Job:
        job = self.jobs.get(video_id)
        if self.strays:
            self.strays -= 1
            job = None
        if job is None or job.forgotten:
            raise Refused(404, f"Video {video_id} not found", param="id")
        return job

    async def _list(self, request: web.Request, _: str) -> web.StreamResponse:
        jobs = [job for job in self.jobs.values() if not job.forgotten]
        if request.query.get("order", "desc") == "desc":
            jobs.reverse()
        page = [self._object(job) for job in jobs[: int(request.query.get("limit", 20))]]
        return web.json_response({"object": "list", "data": page, "has_more": len(jobs) > len(page)})

    async def _content(self, request: web.Request, video_id: str) -> web.StreamResponse:
        job = self.jobs.get(video_id)
        if job is None or job.forgotten:
            raise Refused(500 if self.profile.open_content else 404, f"Video {video_id} not found")
        if job.error is not None:
            raise Refused(self.profile.failed_content, job.error[1])
        if job.file is None:
            raise Refused(self.profile.early_content, "Video is not completed")
        if self.cloud:
            raise Refused(400, "The video was uploaded to cloud storage: use the cloud URL")
        if self.late_files or self.file_gone:
            self.late_files = max(0, self.late_files - 1)
            raise Refused(404, "Video file not found")
        return await self._send(request, job.file)

    async def _send(self, request: web.Request, data: bytes) -> web.StreamResponse:
        begin = 0
        if self.profile.ranges and (asked := request.headers.get("range")):
            begin = int(asked.removeprefix("bytes=").partition("-")[0])
        headers = {"Content-Type": "video/mp4", "Content-Length": str(len(data) - begin)}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        response = web.StreamResponse(status=206 if begin else 200, headers=headers)
        await response.prepare(request)
        if self.cut_at is not None:
            await response.write(data[begin : self.cut_at])
            self.cut_at = None
            assert request.transport is not None
            await asyncio.sleep(0.01)
            request.transport.abort()
            return response
        await response.write(data[begin:])
        return response

    async def _cloud(self, request: web.Request, video_id: str) -> web.StreamResponse:
        file = self.jobs[video_id].file
        assert file is not None
        return await self._send(request, file)

    async def _delete(self, request: web.Request, video_id: str) -> web.StreamResponse:
        job = self._job(video_id)
        stops = self.profile.deletes == "cancels" and not self.deaf_gpu
        job.cancelled = job.cancelled or stops
        if self.slow_deletes:
            self.slow_deletes -= 1
            raise Refused(409, "The video is still being generated: try again")
        job.forgotten = True
        self.tell()
        return web.json_response({"id": video_id, "object": "video.deleted", "deleted": True})

    async def _cancel(self, request: web.Request, video_id: str) -> web.StreamResponse:
        if not self.profile.once:
            raise Refused(404, "Not Found")
        job = self._job(video_id)
        if not job.ended:
            job.cancelled = True
            job.error = ("cancelled", "The video was cancelled")
        self.tell()
        return web.json_response(self._object(job))

    async def _events(self, request: web.Request, video_id: str) -> web.StreamResponse:
        if not self.profile.events:
            raise Refused(404, "Not Found")
        job = self._job(video_id)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        told, number = -1, 0
        while True:
            if job.done > told or job.ended:
                told = job.done
                end = "completed" if job.file else "failed"
                number += 1
                await _event(response, number, end if job.ended else "progress", self._object(job))
                if job.ended:
                    return response
                number += 1
                picture = f"data:image/webp;base64,{base64.b64encode(still(told)).decode()}"
                await _event(response, number, "preview", {"image": picture})
            await asyncio.sleep(0.002)

    async def _models(self, request: web.Request, _: str) -> web.StreamResponse:
        if self.profile.name == "aquiles":
            raise Refused(404, "Not Found")
        model: dict[str, Any] = {
            "id": self.profile.served or "default",
            "object": "model",
            "owned_by": self.profile.name,
        }
        if self.profile.once:
            model |= {"id": "sketch", "owned_by": "sketch", "card": {"tasks": ["text-to-video", "image-to-video"]}}
        return web.json_response({"object": "list", "data": [model]})

    async def _health(self, request: web.Request, _: str) -> web.StreamResponse:
        if self.profile.once:
            return web.json_response({"status": "healthy", "message": "Video generation API is running"})
        return web.Response() if self.profile.name != "aquiles" else self._error(404, "Not Found")

    async def _fake(self, request: web.Request, _: str) -> web.StreamResponse:
        return web.json_response({"begun": self.gpu.begun, "finished": self.gpu.finished})

    async def _unknown(self, request: web.Request, _: str) -> web.StreamResponse:
        raise Refused(404, "Not Found")

    def _object(self, job: Job) -> dict[str, Any]:
        return video_object(job, self.profile, url=f"{self.url}/cloud/{job.id}" if self.cloud else None)


def _route(request: web.Request) -> tuple[str, str]:
    """The step and the video's id."""
    match [request.method, *request.path.strip("/").split("/")]:
        case ["POST", "v1", "videos"]:
            return "create", ""
        case ["GET", "v1", "videos"]:
            return "list", ""
        case ["GET", "v1", "videos", video_id]:
            return "look", video_id
        case ["DELETE", "v1", "videos", video_id]:
            return "delete", video_id
        case ["GET", "v1", "videos", video_id, ("content" | "events") as step]:
            return step, video_id
        case ["POST", "v1", "videos", video_id, "cancel"]:
            return "cancel", video_id
        case ["GET", "cloud", video_id]:
            return "cloud", video_id
        case ["GET", "v1", "models"]:
            return "models", ""
        case ["GET", ("health" | "fake") as step]:
            return step, ""
    return "unknown", ""


async def _event(response: web.StreamResponse, number: int, kind: str, data: Mapping[str, Any]) -> None:
    await response.write(f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode())
