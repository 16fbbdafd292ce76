"""The Replicate predictions dialect (https://replicate.com/docs/reference/http): a prediction is a video.

The `replicate` client works through `REPLICATE_BASE_URL`. Progress is told in `logs`, in the form that client parses.
Files are in `replicate_files.py`, models and the rest in `replicate_models.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api.addresses import base_url
from reelwright.api.body import Body, parse_body
from reelwright.api.drafting import Drafting
from reelwright.api.errors import STATUS, Dialect
from reelwright.api.replicate_files import FileCalls
from reelwright.api.replicate_models import ReplicateModels, path_of, version_id
from reelwright.api.replicate_names import NAMES, adapted, shown
from reelwright.api.request_options import idempotency, read_cursor, read_webhook, wait_seconds
from reelwright.api.videos import Videos
from reelwright.api.vocabulary import PICTURES, unknown_fields
from reelwright.clock import iso_milliseconds
from reelwright.errors import Code, ReelwrightError, invalid
from reelwright.jobs.queue import SubmitOptions
from reelwright.outbound import Outbound
from reelwright.video import Status, Video, Webhook

LONGEST_WAIT_S = 60.0
PAGE = 100
TOP_LEVEL = frozenset({"version", "input", "webhook", "webhook_events_filter", "webhook_completed", "stream"})
WEBHOOK_EVENTS = ("start", "output", "logs", "completed")


class Predictions:
    """Answers requests about predictions."""

    def __init__(
        self,
        *,
        videos: Videos,
        drafting: Drafting,
        models: ReplicateModels,
        files: FileCalls,
        outbound: Outbound,
        max_body_bytes: int,
    ) -> None:
        self._videos = videos
        self._drafting = drafting
        self._models = models
        self._files = files
        self._outbound = outbound
        self._max_body_bytes = max_body_bytes

    async def create(self, request: Request) -> Response:
        """Create a prediction. `version` names the model: a version's id, an alias, a model's name, or
        `owner/name:anything`."""
        body = await parse_body(request, self._max_body_bytes)
        version = body.fields.get("version")
        if version is not None and not isinstance(version, str):
            raise invalid("version", version, "Must be a string: a version's id or a model's name.")
        return await self._create(request, body, self._models.model_of(version) if version else None)

    async def create_for_model(self, request: Request, owner: str, name: str) -> Response:
        """Create a prediction with the model that the path names."""
        model = self._models.named(f"{owner}/{name}")
        return await self._create(request, await parse_body(request, self._max_body_bytes), model)

    async def get(self, request: Request, prediction_id: str) -> Response:
        """The prediction as it is now."""
        video = await self._videos.get(request, prediction_id)
        return JSONResponse(prediction(video, base_url(request)))

    async def cancel(self, request: Request, prediction_id: str) -> Response:
        """Cancel the prediction. One that has ended already stays as it is."""
        video = await self._videos.cancel(request, prediction_id)
        return JSONResponse(prediction(video, base_url(request)))

    async def page(self, request: Request, cursor: str | None = None) -> Response:
        """The caller's predictions, newest first."""
        videos, more = await self._videos.page(
            request, after=read_cursor("cursor", cursor), limit=PAGE, newest_first=True
        )
        base = base_url(request)
        following = f"{base}v1/predictions?cursor={videos[-1].id}" if more else None
        return JSONResponse({"previous": None, "next": following, "results": [prediction(v, base) for v in videos]})

    async def _create(self, request: Request, body: Body, model: str | None) -> Response:
        if unknown := [name for name in body.fields if name not in TOP_LEVEL]:
            raise unknown_fields(unknown, TOP_LEVEL)
        asked = body.fields.get("input", {})
        if not isinstance(asked, dict):
            raise invalid("input", asked, "Must be an object.")
        fields = await self._with_files(request.state.owner, asked)
        spec = await self._drafting.spec(fields, NAMES, typed=True, model=model)
        webhook, told = self._webhook(request, body)
        options = SubmitOptions(
            detached=True,
            idempotency_key=idempotency(request, body),
            webhook=webhook,
            asked={"input": shown(asked), **told},
        )
        video = await self._videos.submit(request, spec, options)
        answer = prediction(video, base_url(request))
        if seconds := wait_seconds(request, LONGEST_WAIT_S, LONGEST_WAIT_S):
            video = await self._videos.wait(request, video, seconds)
            answer = prediction(video, base_url(request))
            if not video.status.terminal:
                answer["status"] = "starting"  # after a wait, the client would take `processing` for an end
        return JSONResponse(answer, 201)

    async def _with_files(self, owner: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields, in which each address of an uploaded picture is replaced by the file."""
        return {
            name: await self._files.resolve(owner, value, f"{NAMES.prefix}{name}")
            if NAMES.renamed.get(name, name) in PICTURES
            else value
            for name, value in adapted(fields).items()
        }

    def _webhook(self, request: Request, body: Body) -> tuple[Webhook | None, dict[str, Any]]:
        """The webhook of the request, and the fields with which the prediction shows it."""
        url, chosen = body.fields.get("webhook"), body.fields.get("webhook_events_filter")
        if url is None and (earlier := body.fields.get("webhook_completed")):  # its name in the first API
            url, chosen = earlier, ["completed"]
        events = _webhook_events(chosen)
        if url is None:
            return None, {}
        webhook = read_webhook(request, url, events, "replicate", self._outbound)
        return webhook, {"webhook": url, **({"webhook_events_filter": chosen} if chosen else {})}


def replicate_router(calls: Predictions) -> APIRouter:
    router = APIRouter(tags=["replicate"])
    router.add_api_route("/v1/predictions", calls.create, methods=["POST"])
    router.add_api_route("/v1/predictions", calls.page, methods=["GET"])
    router.add_api_route("/v1/predictions/{prediction_id}", calls.get, methods=["GET"])
    router.add_api_route("/v1/predictions/{prediction_id}/cancel", calls.cancel, methods=["POST"])
    router.add_api_route("/v1/models/{owner}/{name}/predictions", calls.create_for_model, methods=["POST"])
    return router


def _webhook_events(value: object) -> tuple[str, ...]:
    """The filter's events; all but `start` when there is none. There are no intermediate `logs` or `output` here."""
    if value is None:
        return ("output", "logs", "completed")
    if not isinstance(value, list) or any(event not in WEBHOOK_EVENTS for event in value):
        raise invalid("webhook_events_filter", value, f"Must be a list of {', '.join(WEBHOOK_EVENTS)}.")
    return tuple(value)


def webhook_body(_event: str, video: Video, base_url: str) -> Mapping[str, Any]:
    """The body that is sent to a webhook: the prediction."""
    return prediction(video, base_url)


STATUSES = {
    Status.QUEUED: "starting",
    Status.IN_PROGRESS: "processing",
    Status.COMPLETED: "succeeded",
    Status.FAILED: "failed",
}


def prediction(video: Video, base_url: str) -> dict[str, Any]:
    """Replicate's prediction object; `base_url` ends with a slash."""
    cancelled = video.failure is not None and video.failure.code == Code.CANCELLED
    done = video.status is Status.COMPLETED
    own, path, asked = f"{base_url}v1/predictions/{video.id}", path_of(video.spec.model), video.asked or {}
    return {
        "id": video.id,
        "model": path,
        "version": version_id(path),
        "status": "canceled" if cancelled else STATUSES[video.status],
        "input": asked.get("input") or _input(video),
        "output": f"{base_url}v1/videos/{video.id}/content" if done else None,
        "logs": _logs(video),
        "error": video.failure.message if video.failure and not cancelled else None,
        "metrics": _metrics(video) if done else {},
        "source": "api",
        "data_removed": False,
        **{name: value for name, value in asked.items() if name != "input"},
        "warnings": [str(unused) for unused in video.spec.unused],
        "created_at": iso_milliseconds(video.created_at),
        "started_at": iso_milliseconds(video.started_at) if video.started_at else None,
        "completed_at": iso_milliseconds(video.completed_at) if video.completed_at else None,
        "urls": {"get": own, "cancel": f"{own}/cancel"},
    }


def _input(video: Video) -> dict[str, Any]:
    """The input of a video that was asked for in another dialect."""
    request = video.spec
    return {
        "prompt": request.prompt,
        "width": request.width,
        "height": request.height,
        "num_frames": request.num_frames,
        "fps": request.fps,
        "seed": request.seed,
    }


def _metrics(video: Video) -> dict[str, Any]:
    ended = video.completed_at or video.created_at
    return {"predict_time": video.generation_seconds, "total_time": (ended - video.created_at).total_seconds()}


def _logs(video: Video) -> str:
    """The prediction's `logs`: what shaped the video beside its input, then the progress.

    The progress is the last line, in the form of a tqdm bar, which the clients parse.
    """
    if video.started_at is None:
        return ""
    lines = [f"Using seed: {video.spec.seed}"]
    lines += [str(unused) for unused in video.spec.unused]
    percent = video.progress
    return "\n".join([*lines, f"{percent:3d}%|{'█' * (percent // 10):<10}| {percent}/100"])


_STATUS: Mapping[Code, int] = {
    **{code: 422 if status == 400 else status for code, status in STATUS.items()},
    Code.MALFORMED_REQUEST: 400,
}
_TITLES: Mapping[int, str] = {
    401: "Unauthenticated",
    404: "Not found",
    405: "Method not allowed",
    422: "Input validation failed",
}


def problem(error: ReelwrightError) -> dict[str, Any]:
    """An error in Replicate's form (RFC 9457)."""
    status = _STATUS[error.code]
    title = _TITLES.get(status, HTTPStatus(status).phrase)
    detail = f"- {error.field}: {error.message}" if status == 422 and error.field else error.message
    return {"title": title, "detail": detail, "status": status}


def _render(_request: Request, error: ReelwrightError, _now: datetime) -> Response:
    told = problem(error)
    return JSONResponse(told, told["status"], media_type="application/problem+json")


_PATHS = re.compile(
    r"/v1/(?:predictions|files|account|webhooks|deployments|trainings|collections|hardware)(?:/.*)?"
    r"|/v1/models/[^/]+/.+"
)
REPLICATE = Dialect(paths=_PATHS, render=_render, statuses=_STATUS)
