"""The OpenRouter video dialect (`/api/v1/videos`), as `openrouter` 1.3.84 (PyPI) and `@openrouter/ai-sdk-provider`
2.10.0 (npm) speak it.

A job is a video. Errors are `{"error": {"code": <HTTP status>, "message", "metadata"}}`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api.addresses import base_url
from reelwright.api.body import Body, parse_body
from reelwright.api.drafting import Drafting
from reelwright.api.errors import STATUS, Dialect
from reelwright.api.extension import ExtensionParser
from reelwright.api.openrouter_models import PASSED_ON, VideoModels
from reelwright.api.request_options import idempotency, read_webhook
from reelwright.api.videos import Videos, owner_of
from reelwright.api.vocabulary import PICTURES, Vocabulary
from reelwright.clock import iso_milliseconds
from reelwright.engines.catalog import RETIRED_MODEL, Catalog
from reelwright.errors import BadRequest, Code, EngineError, NotFound, ReelwrightError, invalid
from reelwright.jobs.queue import SubmitOptions
from reelwright.outbound import Outbound
from reelwright.store.deliveries import Delivery
from reelwright.video import Status, Video, VideoSpec

PATH = "/api/v1/videos"
WEBHOOK_EVENTS = ("video.generation.completed", "video.generation.cancelled", "video.generation.failed")

IMPOSSIBLE: Mapping[str, str] = {
    "input_references": "No model here takes references. Send a picture as frame_images, with frame_type first_frame.",
    "creativity": "The upscaling models here have no such control. Leave it out.",
}
"""Fields that no model of this server supports: the reason, and what to do instead."""

NAMES = Vocabulary(
    renamed={"duration": "seconds", "upscale_factor": "upscale"},
    hidden=frozenset({"seconds", *PICTURES}),
    beside=frozenset({"callback_url", "frame_images", "previous_job_id", "provider", *IMPOSSIBLE}),
    tolerated=frozenset({"session_id", "trace", "user"}),
)
FRAMES_FORM = (
    'Must be a list of {"type": "image_url", "image_url": {"url": "https://… or data:…"}, "frame_type": "first_frame"}.'
)
FRAMES: Mapping[str, str] = {"first_frame": "image", "last_frame": "last_image"}
"""OpenRouter's values of `frame_type`, with our field for each."""


class OpenRouterVideos:
    """Answers the requests of this dialect."""

    def __init__(
        self,
        *,
        videos: Videos,
        catalog: Catalog,
        drafting: Drafting,
        extensions: ExtensionParser,
        outbound: Outbound,
        max_body_bytes: int,
        started: datetime,
    ) -> None:
        """`started`: when the server was started, which is told as the time at which its models were created."""
        self._videos = videos
        self._catalog = catalog
        self._drafting = drafting
        self._extensions = extensions
        self._outbound = outbound
        self._max_body_bytes = max_body_bytes
        self._models = VideoModels(catalog, started)

    async def create(self, request: Request) -> Response:
        """Submit a video. The answer is its job; it does not wait for the video."""
        body = await parse_body(request, self._max_body_bytes)
        if not body.typed:
            raise BadRequest("A form is not read here. Send application/json.", code=Code.UNSUPPORTED_MEDIA_TYPE)
        asked, names = self._asked(body.fields)
        options, previous = self._options(request, body), body.fields.get("previous_job_id")
        if previous in (None, ""):
            spec = await self._drafting.spec(asked, names, typed=True)
            _refuse_unused(spec)
            return await self._answer(request, await self._videos.submit(request, spec, options), 202)
        if not isinstance(previous, str):
            raise invalid("previous_job_id", previous, "Must be the id of a completed job.")
        extending = self._extensions.parse(
            asked, names, typed=True, owner=owner_of(request), video=previous, field="previous_job_id"
        )
        async with extending as extension:
            _refuse_unused(extension.spec)
            options = dataclasses.replace(options, source=extension.source)
            video = await self._videos.submit(request, extension.spec, options)
        return await self._answer(request, video, 202)

    async def get(self, request: Request, job_id: str) -> Response:
        """The job as it is now. A failed job, too, is answered with 200, and has `status: "failed"`."""
        return await self._answer(request, await self._videos.get(request, job_id))

    async def content(self, request: Request, job_id: str, index: int = Query(0)) -> Response:
        """The MP4; Range, ETag and HEAD work. A job has one output, with the index 0."""
        video = await self._videos.get(request, job_id)
        if index != 0:
            raise NotFound(f"There is no output {index}; a job has one, index=0.", field="index")
        if video.failure:
            raise NotFound(f"The job is {_word(video)}, so it has no output.", field="id")
        if video.status is not Status.COMPLETED:
            message = f"The job is {_word(video)}; there is an output once it is completed."
            raise BadRequest(message, code=Code.CONFLICT, field="id")
        try:
            return await self._videos.file(request, video)
        except NotFound:
            raise EngineError("The file of this video is gone. Make it anew.", code=Code.CORRUPT) from None

    def models(self) -> Response:
        """The models of this server, the default one first."""
        return JSONResponse({"data": self._models.list()})

    def _asked(self, fields: Mapping[str, Any]) -> tuple[Mapping[str, Any], Vocabulary]:
        """Translate a body. Returns the fields that `Drafting` reads, and the vocabulary with their names."""
        for name, remedy in IMPOSSIBLE.items():
            if fields.get(name) not in (None, False, [], ""):
                raise invalid(name, fields[name], remedy)
        passed = _passed_on(fields)
        frames = _frames(fields.get("frame_images"))
        places = {place: own for place, (own, _) in frames.items()}
        names = dataclasses.replace(
            NAMES,
            renamed={**NAMES.renamed, **places},
            labels={
                **{own: "frame_images" for own in PICTURES if own not in places.values()},
                **{n: _label(n) for n in passed},
            },
        )
        pictures = {place: picture for place, (_, picture) in frames.items()}
        return {**fields, **passed, **pictures, "model": self._model(fields.get("model"))}, names

    def _model(self, name: object) -> object:
        """Our name of the model that a request names; None stands for the configured engine.

        So do the names of OpenAI's retired models, such as `openai/sora-2`.
        """
        if not isinstance(name, str) or name in self._catalog.aliases:
            return name
        if RETIRED_MODEL.fullmatch(name.removeprefix("openai/")):
            return None
        own = name.removeprefix("reelwright/")
        return None if own in ("default", "auto") else own

    def _options(self, request: Request, body: Body) -> SubmitOptions:
        callback = body.fields.get("callback_url")
        webhook = read_webhook(request, callback, WEBHOOK_EVENTS, "openrouter", self._outbound, field="callback_url")
        return SubmitOptions(detached=True, idempotency_key=idempotency(request, body), webhook=webhook)

    async def _answer(self, request: Request, video: Video, status: int = 200) -> Response:
        gone = video.status is Status.COMPLETED and not await self._videos.is_there(video)
        told = job(video, base_url(request), gone=gone)
        return JSONResponse(told, status, {"Cache-Control": "no-store"})


def openrouter_router(calls: OpenRouterVideos) -> APIRouter:
    router = APIRouter(prefix=PATH, tags=["openrouter"])
    router.add_api_route("", calls.create, methods=["POST"], status_code=202, response_class=Response)
    router.add_api_route("/models", calls.models, methods=["GET"], response_class=Response)
    router.add_api_route("/{job_id}", calls.get, methods=["GET"], response_class=Response)
    router.add_api_route("/{job_id}/content", calls.content, methods=["GET", "HEAD"], response_class=Response)
    return router


def _refuse_unused(wanted: VideoSpec) -> None:
    """Refuse a last frame or sound that the model would leave out: answers of this dialect have no warnings."""
    for one in wanted.unused:
        if one.field.startswith("frame_images"):
            raise invalid(one.field, "last_frame", f"Not used: {one.reason} Send a first_frame only.")
        if one.field == "generate_audio":
            raise invalid(one.field, True, f"Not used: {one.reason} Send false or leave it out.")


def _frames(frames: object) -> Mapping[str, tuple[str, str]]:
    """The pictures of `frame_images`. By entry (`frame_images[0]`): our field's name, and the URL or data URI."""
    if frames is None or frames == []:
        return {}
    if not isinstance(frames, list) or not all(isinstance(one, dict) for one in frames):
        raise invalid("frame_images", frames, FRAMES_FORM)
    found: dict[str, tuple[str, str]] = {}
    for number, one in enumerate(frames):
        place, kind = f"frame_images[{number}]", one.get("frame_type")
        if kind not in FRAMES:
            raise invalid(f"{place}.frame_type", kind, f"Must be {' or '.join(FRAMES)}.")
        if FRAMES[kind] in (own for own, _ in found.values()):
            raise invalid(place, kind, f"A video has one of them. Send one {kind}.")
        picture = one.get("image_url")
        picture = picture.get("url") if isinstance(picture, dict) else picture
        if not isinstance(picture, str):
            raise invalid(f"{place}.image_url", picture, FRAMES_FORM)
        found[place] = FRAMES[kind], picture
    return found


def _passed_on(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options for this server, `provider.options.reelwright`. Options for other providers are ignored."""
    options = _object(_object(fields.get("provider"), "provider").get("options"), "provider.options")
    options = _object(options.get("reelwright"), "provider.options.reelwright")
    if unknown := sorted(set(options) - set(PASSED_ON)):
        label = _label(unknown[0][:80])
        raise BadRequest(f"Unknown field: {label}. Known ones there are {', '.join(PASSED_ON)}.", field=label)
    for name, value in options.items():
        if fields.get(name, value) != value:
            raise BadRequest(f"Invalid {_label(name)}: it contradicts {name}. Send one of them.", field=_label(name))
    return options


def _object(value: object, place: str) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise invalid(place, value, "Must be an object.")
    return value or {}


def _label(name: str) -> str:
    return f"provider.options.reelwright.{name}"


def _word(video: Video) -> str:
    """The job's status in OpenRouter's words."""
    match video.status:
        case Status.QUEUED:
            return "pending"
        case Status.FAILED if video.failure is not None and video.failure.code == Code.CANCELLED:
            return "cancelled"
    return video.status.value


def job(video: Video, base_url: str, *, gone: bool = False) -> dict[str, Any]:
    """OpenRouter's `VideoGenerationResponse`; `base_url` ends with a slash.

    `gone`: the video was completed, but its file is missing or damaged, so there is nothing to fetch.
    """
    own = f"{base_url}{PATH.removeprefix('/')}/{video.id}"
    told: dict[str, Any] = {"id": video.id, "polling_url": own, "status": _word(video)}
    if video.status.terminal:
        told["generation_id"] = video.id
    if video.failure:
        told["error"] = video.failure.message
    elif gone:
        told |= {"status": "expired", "error": "The file of this video is gone. Make it anew."}
    elif video.status is Status.COMPLETED:
        told["unsigned_urls"] = [f"{own}/content?index=0"]
        told["usage"] = {"cost": 0, "is_byok": False}
        if video.expires_at:
            told["expires_at"] = int(video.expires_at.timestamp())
    return told


def webhook_body(event: str, video: Video, base_url: str) -> Mapping[str, Any]:
    """The body that is sent to a `callback_url`: the event's type and time, and the job with its model."""
    told = job(video, base_url)
    return {
        "type": event,
        "created_at": iso_milliseconds(video.completed_at or video.created_at),
        "data": {**told, "model": video.spec.model},
    }


def sign(delivery: Delivery, now: datetime, secret: str) -> Mapping[str, str]:
    """OpenRouter's signature: `t=<seconds>,v1=<hex>`, the HMAC-SHA256 of `<seconds>,<body>` under the whole secret.

    Source: https://openrouter.ai/docs/cookbook/video-generation/video-generation-webhooks
    """
    seconds = int(now.timestamp())
    digest = hmac.new(secret.encode(), f"{seconds},{delivery.body}".encode(), hashlib.sha256).hexdigest()
    return {
        "X-OpenRouter-Signature": f"t={seconds},v1={digest}",
        "X-OpenRouter-Idempotency-Key": f"{delivery.video_id}-{delivery.event.rpartition('.')[2]}",
    }


# --- errors -----------------------------------------------------------------------------------------------------------

_STATUS: Mapping[Code, int] = {
    **STATUS,
    # Not 5xx: OpenRouter's client retries those for an hour, and these two errors would stay the same.
    Code.CORRUPT: 410,
    Code.ENGINE_NOT_CONFIGURED: 400,
}


def _render(_request: Request, error: ReelwrightError, _now: datetime) -> Response:
    status = _STATUS[error.code]
    metadata = {"code": error.code, **({"field": error.field} if error.field else {})}
    return JSONResponse({"error": {"code": status, "message": error.message, "metadata": metadata}}, status)


OPENROUTER = Dialect(paths=re.compile(r"/api/v1(/.*)?"), render=_render, statuses=_STATUS)
