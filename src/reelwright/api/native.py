"""The native dialect: `POST /api/video/generate` → the MP4 itself. What existing front ends call.

Field names, status codes, header names and the quoted messages are a contract and must not change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api import request_log
from reelwright.api.addresses import local
from reelwright.api.body import parse_body
from reelwright.api.drafting import Drafting
from reelwright.api.errors import STATUS, Dialect
from reelwright.api.extension import ExtensionParser
from reelwright.api.request_options import idempotency, preferences
from reelwright.api.videos import Videos, owner_of
from reelwright.api.vocabulary import Vocabulary
from reelwright.clock import Clock, iso_milliseconds
from reelwright.errors import Code, ReelwrightError
from reelwright.jobs.queue import SubmitOptions
from reelwright.video import Status, Video, VideoSpec

DEFAULTS: Mapping[str, Any] = {
    "num_frames": 24,
    "fps": 12,
    "default_size": (512, 512),
    "motion_bucket_id": 127,
    "noise_aug_strength": 0.02,
}
"""The fixed cinematic defaults of this dialect."""
MOTION = {name: DEFAULTS[name] for name in ("motion_bucket_id", "noise_aug_strength")}
"""Those of them that an extension does not have from the video that it goes on from."""

NAMES = Vocabulary()
"""This dialect's names are ours."""

SLEEP_MODE = (
    "The model might be in sleep mode. Try again after 1\u20132 minutes or duplicate the model space on Hugging Face."
)


def native_router(
    *,
    videos: Videos,
    drafting: Drafting,
    extensions: ExtensionParser,
    clock: Clock,
    max_body_bytes: int,
) -> APIRouter:
    router = APIRouter(prefix="/api/video", tags=["native"])

    @router.post("/generate", response_class=Response)
    async def generate(request: Request) -> Response:
        """Make a video and answer with it; with `Prefer: respond-async`, answer at once with where it will be."""
        body = await parse_body(request, max_body_bytes)
        spec = await drafting.spec(body.fields, NAMES, typed=body.typed, defaults=DEFAULTS)
        options = SubmitOptions(detached=later(request), idempotency_key=idempotency(request, body))
        del body
        return await answered(request, spec, options)

    @router.post("/{video_id}/extend", response_class=Response)
    async def extend(request: Request, video_id: str) -> Response:
        """Make a video that goes on from the last frame of a completed one, and answer with both as one."""
        body = await parse_body(request, max_body_bytes)
        extending = extensions.parse(
            body.fields, NAMES, typed=body.typed, owner=owner_of(request), video=video_id, field="id", defaults=MOTION
        )
        async with extending as extension:
            options = SubmitOptions(
                detached=later(request), idempotency_key=idempotency(request, body), source=extension.source
            )
            return await answered(request, extension.spec, options)

    def later(request: Request) -> bool:
        return "respond-async" in preferences(request)

    async def answered(request: Request, spec: VideoSpec, options: SubmitOptions) -> Response:
        if options.detached:
            return _accepted(request, await videos.submit(request, spec, options))
        video = await videos.make(request, spec, options)
        return await videos.file(
            request, video, attachment_name=f"generated-video-{int(clock.now().timestamp() * 1000)}.mp4"
        )

    return router


def _accepted(request: Request, video: Video) -> Response:
    base = local(request, f"/v1/videos/{video.id}")
    body = {
        "success": True,
        "id": video.id,
        "status": Status.QUEUED,
        "status_url": base,
        "events_url": f"{base}/events",
        "video_url": f"{base}/content",
    }
    return JSONResponse(body, 202, headers={"Location": base, "Preference-Applied": "respond-async"})


# --- errors -----------------------------------------------------------------------------------------------------------

_MESSAGES: Mapping[Code, str] = {
    Code.PROMPT_MISSING: 'Invalid request. Please provide a "prompt" field in the request body.',
    Code.PROMPT_EMPTY: "Prompt cannot be empty",
    Code.UNAUTHORIZED: "Missing or invalid API key",
    Code.UPSTREAM_UNAUTHORIZED: "Invalid Hugging Face API token",
    Code.UPSTREAM_NOT_FOUND: "Model not found. The model might be unavailable or in sleep mode.",
    Code.UPSTREAM_RATE_LIMITED: "Rate limit exceeded. Please wait a few minutes before trying again.",
    Code.UPSTREAM_LOADING: "Model is currently loading. Please wait 1-2 minutes and try again.",
    Code.UPSTREAM_EMPTY: "Received empty response from Hugging Face API",
    Code.REFUSED: "Prompt refused by the provider",
    Code.INTERNAL: "Internal server error",
}
"""The contract's words. Codes without an entry are told in the error's own words."""

_UNCERTAIN = "Failed to generate video"
_FAILED_TO_GENERATE = frozenset(
    {
        Code.UPSTREAM_FORBIDDEN,
        Code.UPSTREAM_PAYMENT_REQUIRED,
        Code.UPSTREAM_ERROR,
        Code.BAD_OUTPUT,
        Code.UNKNOWN_OUTCOME,
        Code.OUT_OF_MEMORY,
        Code.ENGINE_CRASHED,
        Code.ENGINE_FAILED,
        Code.CORRUPT,
    }
)
_STATUS: Mapping[Code, int] = {
    **STATUS,
    **dict.fromkeys(_FAILED_TO_GENERATE, 500),
    Code.UPSTREAM_UNAUTHORIZED: 401,
    Code.UPSTREAM_EMPTY: 500,
}
_SUGGESTIONS: Mapping[Code, str | None] = {
    **dict.fromkeys(_FAILED_TO_GENERATE, SLEEP_MODE),
    Code.UPSTREAM_UNAUTHORIZED: None,
    Code.UPSTREAM_NOT_FOUND: SLEEP_MODE,
    Code.UPSTREAM_RATE_LIMITED: None,
    Code.UPSTREAM_LOADING: SLEEP_MODE,
    Code.UPSTREAM_EMPTY: SLEEP_MODE,
    Code.OUT_OF_MEMORY: None,
    Code.ENGINE_CRASHED: None,
    Code.ENGINE_FAILED: None,
    Code.CORRUPT: None,
}
_WITH_DETAILS = frozenset(
    {
        Code.UPSTREAM_UNAUTHORIZED,
        Code.UPSTREAM_NOT_FOUND,
        Code.UPSTREAM_RATE_LIMITED,
        Code.UPSTREAM_LOADING,
        Code.REFUSED,
    }
)
_WITH_DURATION = _FAILED_TO_GENERATE | {Code.TIMED_OUT}
_WITH_TIMESTAMP = frozenset({Code.MALFORMED_BODY, Code.NOT_FOUND, Code.METHOD_NOT_ALLOWED, Code.INTERNAL})


def _render(request: Request, error: ReelwrightError, now: datetime) -> Response:
    code = error.code
    message = _MESSAGES.get(code, _UNCERTAIN if code in _FAILED_TO_GENERATE else error.message)
    body: dict[str, Any] = {"success": False, "error": message}
    if code is Code.PROMPT_MISSING:
        body["example"] = {"prompt": "A beautiful sunset over the ocean"}
    elif error.field is not None and code is not Code.PROMPT_EMPTY:
        body["field"] = error.field
    if code in _FAILED_TO_GENERATE:
        body["message"] = error.message
    if code in _WITH_DETAILS:
        body["details"] = error.details or error.message
    if code in _WITH_DURATION:
        body["duration"] = f"{request_log.elapsed(request):.2f}s"
    if code in _SUGGESTIONS:
        body["suggestion"] = _SUGGESTIONS[code]
    if code in _WITH_TIMESTAMP:
        body["timestamp"] = iso_milliseconds(now)
    if code is Code.INTERNAL:
        body["request_id"] = request_log.request_id(request)
    return JSONResponse(body, _STATUS[code])


NATIVE = Dialect(paths=re.compile(r"/api(/.*)?|/health|/ready"), render=_render, statuses=_STATUS)
