"""The Replicate predictions dialect (https://replicate.com/docs/reference/http): a prediction is a video.

The `replicate` client works through `REPLICATE_BASE_URL`. Progress stands in `logs` in the form that client reads. A
model has one version here, whatever it is called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api.addresses import base_url
from reelwright.api.asking import idempotency, read_cursor, read_webhook, wait_seconds
from reelwright.api.body import Body, parse_body
from reelwright.api.drafting import Drafting
from reelwright.api.errors import STATUS, Dialect
from reelwright.api.vocabulary import Vocabulary
from reelwright.clock import iso_milliseconds
from reelwright.engines.catalog import Catalog
from reelwright.errors import BadRequest, Code, ReelwrightError, invalid
from reelwright.jobs.queue import Order, Queue
from reelwright.outbound import Outbound
from reelwright.video import Status, Video

LONGEST_WAIT_S = 60.0
PAGE = 100
_TOP_LEVEL = frozenset({"version", "input", "webhook", "webhook_events_filter", "stream"})
WEBHOOK_EVENTS = ("start", "output", "logs", "completed")
NAMES = Vocabulary(
    renamed={
        "frames_per_second": "fps",
        "duration": "seconds",
        "sample_steps": "num_inference_steps",
        "sample_guide_scale": "guidance_scale",
        "start_image": "image",
        "first_frame_image": "image",
    },
    prefix="input.",
    labels={"model": "version"},
)
"""Names that video models at Replicate use for our fields."""


class Predictions:
    """The routes' functions."""

    def __init__(
        self,
        *,
        queue: Queue,
        catalog: Catalog,
        drafting: Drafting,
        outbound: Outbound,
        max_body_bytes: int,
        started: datetime,
    ) -> None:
        """`started`: when the server did; its models are as old as it."""
        self._queue = queue
        self._catalog = catalog
        self._drafting = drafting
        self._outbound = outbound
        self._max_body_bytes = max_body_bytes
        self._started = started

    async def create(self, request: Request) -> Response:
        """`version` names the model: its name, an alias (of a digest, say), `owner/name` or `owner/name:anything`."""
        body = await parse_body(request, self._max_body_bytes)
        version = body.fields.get("version")
        if version is not None and not isinstance(version, str):
            raise invalid("version", version, "Must be a string: the model's name.")
        name = version or "reelwright/default"
        path = self._catalog.aliases.get(name, name).partition(":")[0]
        return await self._create(request, body, path if "/" in path else f"reelwright/{path}")

    async def create_for_model(self, request: Request, owner: str, name: str) -> Response:
        """The model is named by the path."""
        return await self._create(request, await parse_body(request, self._max_body_bytes), f"{owner}/{name}")

    async def get(self, request: Request, prediction_id: str) -> Response:
        """The prediction as it is now."""
        video = await self._queue.get(prediction_id, request.state.owner or None)
        return JSONResponse(prediction(video, base_url(request)))

    async def cancel(self, request: Request, prediction_id: str) -> Response:
        """End it. One that has ended already stays as it is."""
        video = await self._queue.cancel(await self._queue.get(prediction_id, request.state.owner or None))
        return JSONResponse(prediction(video, base_url(request)))

    async def page(self, request: Request, cursor: str | None = None) -> Response:
        """The caller's predictions, newest first."""
        videos, more = await self._queue.page(
            request.state.owner or None,
            after=read_cursor("cursor", cursor),
            limit=PAGE,
            newest_first=True,
            status=None,
            metadata={},
        )
        base = base_url(request)
        following = f"{base}v1/predictions?cursor={videos[-1].id}" if more else None
        return JSONResponse({"previous": None, "next": following, "results": [prediction(v, base) for v in videos]})

    async def _create(self, request: Request, body: Body, path: str) -> Response:
        if unknown := sorted(set(body.fields) - _TOP_LEVEL):
            raise BadRequest(
                f"Unknown field: {unknown[0][:80]!r}. Known fields are {', '.join(sorted(_TOP_LEVEL))}.",
                field=unknown[0][:80],
            )
        asked = body.fields.get("input", {})
        if not isinstance(asked, dict):
            raise invalid("input", asked, "Must be an object.")
        model = self._catalog.named(path)
        wanted = await self._drafting.request(asked, NAMES, typed=True, model=model)
        events = _webhook_events(body.fields.get("webhook_events_filter"))
        webhook = read_webhook(request, body.fields.get("webhook"), events, "replicate", self._outbound)
        order = Order(detached=True, once=idempotency(request, body), webhook=webhook)
        video = await self._queue.submit(wanted, request.state.owner, order)
        told = prediction(video, base_url(request))
        if seconds := wait_seconds(request, LONGEST_WAIT_S, LONGEST_WAIT_S):
            video = await self._queue.wait_for(video, seconds)
            told = prediction(video, base_url(request))
            if not video.status.terminal:
                told["status"] = "starting"  # the client takes `processing` after a wait for the end
        return JSONResponse(told, 201)

    async def version(self, request: Request, owner: str, name: str, version: str) -> Response:
        """A model's version, whatever it is called: the client asks for it to learn the form of the output."""
        self._catalog.named(f"{owner}/{name}")
        output = {"type": "string", "format": "uri", "title": "Output"}
        return JSONResponse(
            {
                "id": version,
                "created_at": iso_milliseconds(self._started),
                "cog_version": "0",
                "openapi_schema": {"components": {"schemas": {"Output": output}}},
            }
        )


def replicate_router(calls: Predictions) -> APIRouter:
    router = APIRouter(tags=["replicate"])
    router.add_api_route("/v1/predictions", calls.create, methods=["POST"])
    router.add_api_route("/v1/predictions", calls.page, methods=["GET"])
    router.add_api_route("/v1/predictions/{prediction_id}", calls.get, methods=["GET"])
    router.add_api_route("/v1/predictions/{prediction_id}/cancel", calls.cancel, methods=["POST"])
    router.add_api_route("/v1/models/{owner}/{name}/predictions", calls.create_for_model, methods=["POST"])
    router.add_api_route("/v1/models/{owner}/{name}/versions/{version}", calls.version, methods=["GET"])
    return router


def _webhook_events(value: object) -> tuple[str, ...]:
    """The filter's events; all but `start` when there is none. There are no intermediate `logs` or `output` here."""
    if value is None:
        return ("output", "logs", "completed")
    if not isinstance(value, list) or any(event not in WEBHOOK_EVENTS for event in value):
        raise invalid("webhook_events_filter", value, f"Must be a list of {', '.join(WEBHOOK_EVENTS)}.")
    return tuple(value)


def webhook_body(_event: str, video: Video, base_url: str) -> Mapping[str, Any]:
    """What a webhook is sent: the prediction."""
    return prediction(video, base_url)


_STATUSES = {
    Status.QUEUED: "starting",
    Status.IN_PROGRESS: "processing",
    Status.COMPLETED: "succeeded",
    Status.FAILED: "failed",
}


def prediction(video: Video, base_url: str) -> dict[str, Any]:
    """Replicate's prediction object; `base_url` ends with a slash."""
    cancelled = video.failure is not None and video.failure.code == Code.CANCELLED
    done = video.status is Status.COMPLETED
    own = f"{base_url}v1/predictions/{video.id}"
    request = video.request
    asked: dict[str, Any] = {
        "prompt": request.prompt,
        "width": request.width,
        "height": request.height,
        "num_frames": request.num_frames,
        "fps": request.fps,
        "seed": request.seed,
    }
    return {
        "id": video.id,
        "model": request.model if "/" in request.model else f"reelwright/{request.model}",
        "version": "hidden",
        "status": "canceled" if cancelled else _STATUSES[video.status],
        "input": asked,
        "output": f"{base_url}v1/videos/{video.id}/content" if done else None,
        "logs": _logs(video),
        "error": video.failure.message if video.failure and not cancelled else None,
        "metrics": {"predict_time": video.generation_seconds} if done else {},
        "created_at": iso_milliseconds(video.created_at),
        "started_at": iso_milliseconds(video.started_at) if video.started_at else None,
        "completed_at": iso_milliseconds(video.completed_at) if video.completed_at else None,
        "urls": {"get": own, "cancel": f"{own}/cancel"},
    }


def _logs(video: Video) -> str:
    """One line in the form of a tqdm bar, which Replicate's clients parse."""
    if video.started_at is None:
        return ""
    percent = video.progress
    return f"{percent:3d}%|{'█' * (percent // 10):<10}| {percent}/100"


_TITLES: Mapping[int, str] = {
    401: "Unauthenticated",
    404: "Not found",
    405: "Method not allowed",
    422: "Input validation failed",
}


def _render(_request: Request, error: ReelwrightError, _now: datetime) -> Response:
    status = 422 if STATUS[error.code] == 400 else STATUS[error.code]
    title = _TITLES.get(status, "Error")
    detail = f"- {error.field}: {error.message}" if status == 422 and error.field else error.message
    return JSONResponse(
        {"title": title, "detail": detail, "status": status}, status, media_type="application/problem+json"
    )


_PATHS = re.compile(r"/v1/predictions(/.*)?|/v1/models/.+/(predictions|versions/[^/]+)")
REPLICATE = Dialect(paths=_PATHS, render=_render)
