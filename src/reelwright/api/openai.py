"""The OpenAI Videos dialect (`/v1/videos`, also without `/v1`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api import delivery
from reelwright.api.errors import STATUS, Dialect
from reelwright.errors import BadRequest, Code, ReelwrightError
from reelwright.jobs.queue import Queue
from reelwright.store.files import Files
from reelwright.video import Status, Video

PATHS = ("/v1/videos", "/videos")


def openai_router(*, queue: Queue, files: Files) -> APIRouter:
    router = APIRouter(tags=["openai"])

    async def retrieve(request: Request, video_id: str) -> Response:
        """The video object. A failed video is a 200 with `status: "failed"`."""
        return JSONResponse(video_object(await queue.get(video_id, owner(request))))

    async def content(
        request: Request, video_id: str, variant: Literal["video", "thumbnail"] = Query("video")
    ) -> Response:
        """The MP4, or its poster."""
        video = await queue.get(video_id, owner(request))
        if video.status is not Status.COMPLETED:
            raise BadRequest(f"The video is {video.status}; its content comes when it is completed", field="id")
        if variant == "thumbnail":
            headers = {"ETag": delivery.still_etag(video, variant)}
            return delivery.send_file(request, files.poster(video.id), "image/jpeg", headers)
        headers = {"Cache-Control": "private, max-age=86400", **delivery.video_headers(video)}
        return delivery.send_file(request, files.video(video.id), "video/mp4", headers)

    for base in PATHS:
        documented = base.startswith("/v1")
        router.add_api_route(f"{base}/{{video_id}}", retrieve, methods=["GET"], include_in_schema=documented)
        router.add_api_route(
            f"{base}/{{video_id}}/content", content, methods=["GET", "HEAD"], include_in_schema=documented
        )
    return router


def owner(request: Request) -> str | None:
    """Whose videos this request may see: its key's, or all when the server asks for no keys."""
    return request.state.owner or None


def video_object(video: Video) -> dict[str, Any]:
    """The OpenAI video object with our extras; `seconds` is a string, times are whole seconds since the epoch."""
    request = video.request
    return {
        "id": video.id,
        "object": "video",
        "model": request.model,
        "status": video.status,
        "progress": video.progress,
        "created_at": _epoch(video.created_at),
        "completed_at": _epoch(video.completed_at),
        "expires_at": _epoch(video.expires_at),
        "size": f"{request.width}x{request.height}",
        "seconds": f"{request.seconds:g}",
        "prompt": request.prompt,
        "remixed_from_video_id": video.remixed_from,
        "error": {"code": video.failure.code, "message": video.failure.message} if video.failure else None,
        "seed": request.seed,
        "num_frames": request.num_frames,
        "fps": request.fps,
        "width": request.width,
        "height": request.height,
        "engine": request.engine,
        "started_at": _epoch(video.started_at),
        "video_url": f"/v1/videos/{video.id}/content" if video.status is Status.COMPLETED else None,
    }


def _epoch(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None


def _render(_request: Request, error: ReelwrightError, _now: datetime) -> Response:
    status = STATUS[error.code]
    kind = "server_error" if status >= 500 else "invalid_request_error"
    if error.code is Code.UNAUTHORIZED:
        kind = "authentication_error"
    elif status == 429:
        kind = "rate_limit_error"
    body = {"message": error.message, "type": kind, "param": error.field, "code": error.code}
    return JSONResponse({"error": body}, status)


OPENAI = Dialect(prefixes=("/v1", "/videos"), render=_render)
