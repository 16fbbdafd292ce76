"""The OpenAI Videos dialect (`/v1/videos`, also without `/v1`), as its own clients and vLLM-Omni's speak it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Query
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Match
from starlette.types import Scope

from reelwright.api.addresses import prefix
from reelwright.api.body import Body, Upload, parse_body, parse_json, unbracket
from reelwright.api.drafting import Drafting
from reelwright.api.errors import STATUS, Dialect
from reelwright.api.events import EventStreams
from reelwright.api.extension import ExtensionParser
from reelwright.api.listing import read_filter
from reelwright.api.refining_words import NUMBERS, OTHERS, SWITCHES, numbered
from reelwright.api.request_options import (
    MAX_METADATA,
    idempotency,
    read_changes,
    read_cursor,
    read_metadata,
    read_priority,
    read_webhook,
    wait_seconds,
)
from reelwright.api.video_object import video_object
from reelwright.api.videos import Videos, owner_of
from reelwright.api.vocabulary import Vocabulary
from reelwright.engines.catalog import Catalog, check_prompt
from reelwright.errors import BadRequest, Code, ReelwrightError, invalid
from reelwright.jobs.events import LiveVideos
from reelwright.jobs.feed import Feed
from reelwright.jobs.queue import SubmitOptions
from reelwright.jobs.variants import Variant
from reelwright.outbound import Outbound
from reelwright.store.search import Shape
from reelwright.video import Draft, Status, Video, VideoSpec

PATHS = ("/v1/videos", "/videos")
OPERATIONS = ("sync", "edits", "extensions")
POLL_AFTER_MS = 500
MAX_PAGE = 100
LONGEST_WAIT_S = 300.0
REFERENCES = ("input_reference", "image_reference", "reference_url")
"""The names of the input image: OpenAI's, vLLM-Omni's, SGLang's."""
LAST_REFERENCES = ("last_image", "last_frame", "end_image")
"""The names of the picture that a video ends with: diffusers' and ours, Google's and Runway's, Luma's."""

NAMES = Vocabulary(
    renamed={
        **dict.fromkeys(REFERENCES, "image"),
        **dict.fromkeys(LAST_REFERENCES, "last_image"),
        "duration": "seconds",
        "generate_sound": "generate_audio",
        **SWITCHES,
    },
    hidden=frozenset({"image"}),
    beside=frozenset({"metadata", "priority", "webhook", "n", *NUMBERS}),
    tolerated=frozenset(
        {
            *OTHERS,
            "audio_reference",
            "boundary_ratio",
            "enable_teacache",
            "flow_shift",
            "guidance_scale_2",
            "lora",
            "response_format",
            "true_cfg_scale",
            "user",
            "video_reference",
        }
    ),
)
"""The fields of OpenAI's clients and of those of vLLM-Omni, SGLang and others that speak their API."""
RESUMING = frozenset({"metadata", "priority", "webhook"})
"""The fields of a request to resume; all else is as it was."""
WEBHOOK_EVENTS = ("video.completed", "video.failed")


class OpenAIVideos:
    """The routes' functions. Each is one call of the dialect."""

    def __init__(
        self,
        *,
        videos: Videos,
        catalog: Catalog,
        live: LiveVideos,
        feed: Feed,
        drafting: Drafting,
        extensions: ExtensionParser,
        outbound: Outbound,
        max_body_bytes: int,
    ) -> None:
        self._videos = videos
        self._extensions = extensions
        self._catalog = catalog
        self._streams = EventStreams(live, feed, self._object_at)
        self._drafting = drafting
        # What SGLang's clients switch on is left out where it cannot be done; our own `upscale` is refused there.
        lacking = {"enable_upscaling"} if catalog.refinements.problem else frozenset()
        self._names = dataclasses.replace(NAMES, tolerated=NAMES.tolerated | lacking)
        self._outbound = outbound
        self._max_body_bytes = max_body_bytes

    async def create(self, request: Request) -> Response:
        """Ask for a video; the answer is its object, queued."""
        body = await self._body(request)
        video = await self._videos.submit(request, await self._wanted(body), self._options(request, body))
        return self._answer(request, video)

    async def create_and_wait(self, request: Request) -> Response:
        """Ask for a video and wait for it; the answer is the MP4. Hanging up cancels the job."""
        body = await self._body(request)
        options = self._options(request, body, detached=False)
        spec = await self._wanted(body)
        del body  # it may be large, and the job take minutes
        video = await self._videos.make(request, spec, options)
        answer = await self._videos.file(request, video)
        answer.headers["X-Model"] = video.spec.model
        answer.headers["X-Inference-Time-S"] = f"{video.generation_seconds or 0:.3f}"
        return answer

    async def page(
        self,
        request: Request,
        after: str | None = None,
        limit: int = Query(20, ge=0, le=MAX_PAGE),
        order: Literal["asc", "desc"] = "desc",
        status: Status | None = None,
        q: str = "",
        model: str | None = None,
        shape: Shape | None = None,
    ) -> Response:
        """The caller's videos, newest first. `q` searches them; the other parameters narrow the list, too."""
        videos, more = await self._videos.page(
            request,
            after=read_cursor("after", after),
            limit=limit,
            newest_first=order == "desc",
            filter_by=read_filter(request, q, status, model, shape),
        )
        return JSONResponse(
            {
                "object": "list",
                "data": [self._object(request, video) for video in videos],
                "first_id": videos[0].id if videos else None,
                "last_id": videos[-1].id if videos else None,
                "has_more": more,
            }
        )

    async def retrieve(self, request: Request, video_id: str) -> Response:
        """The video object. A failed video is a 200 with `status: "failed"`. `Prefer: wait=n` waits for the end."""
        video = await self._videos.get(request, video_id)
        seconds = wait_seconds(request, 60, LONGEST_WAIT_S)
        if seconds and not video.status.terminal:
            video = await self._videos.wait(request, video, seconds)
        return self._answer(request, video)

    async def annotate(self, request: Request, video_id: str) -> Response:
        """Change the metadata of a video that has ended: these entries are set, those that are null are removed."""
        video = await self._videos.get(request, video_id)
        body = await self._body(request)
        if unknown := sorted(set(body.fields) - {"metadata"}):
            raise BadRequest(f"Unknown field: {unknown[0][:80]!r}. Send metadata.", field=unknown[0][:80])
        changes = read_changes(body.fields.get("metadata"))
        return self._answer(request, await self._videos.annotate(video, changes, MAX_METADATA))

    async def cancel(self, request: Request, video_id: str) -> Response:
        """End the job. A video that has ended already stays as it is."""
        return self._answer(request, await self._videos.cancel(request, video_id))

    async def delete(self, request: Request, video_id: str) -> Response:
        """Remove the video for good; a running job is stopped."""
        await self._videos.delete(request, video_id)
        return JSONResponse({"id": video_id, "object": "video.deleted", "deleted": True})

    async def remix(self, request: Request, video_id: str) -> Response:
        """The same video with another prompt and a fresh seed."""
        body = await self._body(request)
        source = await self._videos.get(request, video_id)
        if unknown := sorted(set(body.fields) - {"prompt"}):
            raise BadRequest(f"Unknown field: {unknown[0][:80]!r}. A remix takes a prompt.", field=unknown[0][:80])
        prompt = body.fields.get("prompt")
        if not isinstance(prompt, str):
            raise BadRequest("The prompt is missing", code=Code.PROMPT_MISSING, field="prompt")
        spec = self._catalog.resolve(_same_draft(source.spec, check_prompt(prompt)))
        options = SubmitOptions(detached=True, idempotency_key=idempotency(request, body), remixed_from=source.id)
        return self._answer(request, await self._videos.submit(request, spec, options))

    async def resume(self, request: Request, video_id: str) -> Response:
        """A new video of the same request that goes on from where this one has failed."""
        body = await self._body(request)
        source = await self._videos.get(request, video_id)
        if unknown := sorted(set(body.fields) - RESUMING):
            known = ", ".join(sorted(RESUMING))
            raise BadRequest(f"Unknown field: {unknown[0][:80]!r}. Resuming takes {known}.", field=unknown[0][:80])
        self._catalog.card(source.spec.engine, source.spec.model, source.spec.task)
        options = dataclasses.replace(self._options(request, body), resumes=source.id)
        if "metadata" not in body.fields:
            options = dataclasses.replace(options, metadata=source.metadata)
        return self._answer(request, await self._videos.submit(request, source.spec, options))

    async def edit(self, request: Request) -> Response:
        """Change a video by a prompt: no engine here can."""
        raise await self._unsupported(request, "edit")

    async def extend(self, request: Request) -> Response:
        """Continue a completed video, or one that is sent: its last frame begins the next clip, the result is both."""
        body = await self._body(request)
        source = _video_to_extend(body.fields.get("video"))
        _check_count(body.fields.get("n"))
        fields = {name: value for name, value in body.fields.items() if name != "video"}
        extending = self._extensions.parse(
            fields, NAMES, typed=body.typed, owner=owner_of(request), video=source, field="video"
        )
        async with extending as extension:
            options = dataclasses.replace(self._options(request, body), source=extension.source)
            video = await self._videos.submit(request, extension.spec, options)
        return self._answer(request, video)

    async def content(
        self, request: Request, video_id: str, variant: str = Query("video", json_schema_extra={"enum": [*Variant]})
    ) -> Response:
        """The MP4, or a still or rendition of it; Range, ETag and HEAD work."""
        if variant not in tuple(Variant):
            raise invalid("variant", variant, f"Must be one of {', '.join(Variant)}.")
        video = await self._videos.get(request, video_id)
        if video.status is not Status.COMPLETED:
            message = f"The video is {video.status}; there is content once it is completed."
            code = Code.INVALID_FIELD if video.status.terminal else Code.CONFLICT
            raise BadRequest(message, code=code, field="video_id")
        return await self._videos.file(request, video, Variant(variant))

    async def events(self, request: Request, video_id: str) -> Response:
        """Server-sent events: `progress`, `preview`, and at the end `completed` or `failed`."""
        video = await self._videos.get(request, video_id)
        last = request.headers.get("last-event-id", "")
        if self._streams.seen_all(video, last):
            return Response(status_code=204)  # tells an EventSource that nothing more will come
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(
            self._streams.of(video, last, prefix(request)), media_type="text/event-stream", headers=headers
        )

    async def _body(self, request: Request) -> Body:
        body = await parse_body(request, self._max_body_bytes)
        fields = dict(body.fields) if body.typed else unbracket(body.fields)
        # The clients send the length as a string, in JSON too.
        for name in ("seconds", "duration"):
            length = fields.get(name)
            if body.typed and isinstance(length, str) and re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4})?", length):
                fields[name] = float(length)
        for name in (*REFERENCES, *LAST_REFERENCES):
            if name in fields:
                fields[name] = _reference(fields[name], name)
        return Body(fields=numbered(fields), typed=body.typed)

    async def _wanted(self, body: Body) -> VideoSpec:
        _check_count(body.fields.get("n"))
        return await self._drafting.spec(body.fields, self._names, typed=body.typed)

    def _options(self, request: Request, body: Body, *, detached: bool = True) -> SubmitOptions:
        return SubmitOptions(
            detached=detached,
            idempotency_key=idempotency(request, body),
            priority=read_priority(body.fields.get("priority")),
            metadata=read_metadata(body.fields.get("metadata")),
            webhook=read_webhook(request, body.fields.get("webhook"), WEBHOOK_EVENTS, "openai", self._outbound),
        )

    async def _unsupported(self, request: Request, verb: str) -> BadRequest:
        body = await self._body(request)
        name = body.fields.get("model")
        engine = name if isinstance(name, str) and name in self._catalog.offers else self._catalog.default
        return BadRequest(f"The engine {engine} cannot {verb} videos. Use remix, or create a new one.", field="model")

    def _answer(self, request: Request, video: Video) -> Response:
        headers = {} if video.status.terminal else {"openai-poll-after-ms": str(POLL_AFTER_MS)}
        return JSONResponse(self._object(request, video), headers={"Cache-Control": "no-store", **headers})

    def _object(self, request: Request, video: Video) -> dict[str, Any]:
        return self._object_at(video, prefix(request))

    def _object_at(self, video: Video, before: str) -> dict[str, Any]:
        return video_object(video, before)


class VideoRoute(APIRoute):
    """A route under a video's id: what is an operation's name is none, so `GET /v1/videos/sync` is a 405."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        video_id = found.get("path_params", {}).get("video_id")
        return (Match.NONE, {}) if video_id in OPERATIONS else (match, found)


def openai_router(calls: OpenAIVideos) -> APIRouter:
    """The routes, under `/v1/videos` and under `/videos`.

    The document has the first, without those that no engine can do.
    """
    router = APIRouter(tags=["openai"], route_class=VideoRoute)
    routes: tuple[tuple[str, list[str], Callable[..., Any]], ...] = (
        ("", ["POST"], calls.create),
        ("", ["GET"], calls.page),
        ("/sync", ["POST"], calls.create_and_wait),
        ("/edits", ["POST"], calls.edit),
        ("/extensions", ["POST"], calls.extend),
        ("/{video_id}", ["GET"], calls.retrieve),
        ("/{video_id}", ["POST"], calls.annotate),
        ("/{video_id}", ["DELETE"], calls.delete),
        ("/{video_id}/content", ["GET", "HEAD"], calls.content),
        ("/{video_id}/events", ["GET"], calls.events),
        ("/{video_id}/cancel", ["POST"], calls.cancel),
        ("/{video_id}/remix", ["POST"], calls.remix),
        ("/{video_id}/resume", ["POST"], calls.resume),
    )
    for base in PATHS:
        for path, methods, call in routes:
            router.add_api_route(
                base + path,
                call,
                methods=methods,
                include_in_schema=base == PATHS[0] and call != calls.edit,
                response_class=Response,
                name=f"{call.__name__} {base}",
            )
    return router


_SHARED = sorted(
    {one.name for one in dataclasses.fields(Draft)}
    & {one.name for one in dataclasses.fields(VideoSpec)} - {"prompt", "seed", "upscale"}
)
"""The fields that a draft has as the spec has them."""


def _same_draft(spec: VideoSpec, prompt: str) -> Draft:
    """All of an earlier request but its prompt and its seed."""
    same = {name: getattr(spec, name) for name in _SHARED}
    return Draft(prompt=prompt, upscale=_asked_upscale(spec), **same)


def _asked_upscale(spec: VideoSpec) -> int | str | None:
    """The model by its name where it was used as it is, else the factor."""
    upscale = spec.upscale
    if upscale is None:
        return None
    return upscale.model if upscale.factor == upscale.own_factor else upscale.factor


def _reference(value: object, name: str) -> object:
    """The input image as a file or text, or as an object (also its text) whose `image_url` is a data URI or address."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = parse_json(value)
    if isinstance(value, dict):
        if set(value) != {"image_url"}:
            raise invalid(name, value, 'Send a file or {"image_url": …}.')
        inner = value["image_url"]
        # Chat clients nest it once more: {"image_url": {"url": …}}.
        return inner["url"] if isinstance(inner, dict) and set(inner) == {"url"} else inner
    return value


def _video_to_extend(value: object) -> str | Upload:
    """A file, or the id of a video (`{"id": …}`, as its text, too)."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = parse_json(value)
    if isinstance(value, dict) and set(value) == {"id"}:
        value = value["id"]
    if isinstance(value, Upload):
        return value
    if not isinstance(value, str) or not value:
        raise invalid("video", value, 'Send the id of a video as {"id": "video_…"}, or a file.')
    return value


def _check_count(value: object) -> None:
    """`n` is how many videos are asked for."""
    if value is not None and str(value) not in ("1", "1.0"):
        raise invalid(
            "n", value, "A request makes one video. Send n=1 or leave it out, and repeat the request for more."
        )


_KINDS: Mapping[int, str] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error_object(error: ReelwrightError) -> dict[str, Any]:
    """What OpenAI's clients read of an error."""
    status = STATUS[error.code]
    kind = _KINDS.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    return {"message": error.message, "type": kind, "param": error.field, "code": error.code}


def _render(_request: Request, error: ReelwrightError, _now: datetime) -> Response:
    status = STATUS[error.code]
    # Without it the client repeats what cannot get better.
    waits = status in (429, 503) and error.code is not Code.QUOTA_EXCEEDED
    headers = {} if waits else {"x-should-retry": "false"}
    return JSONResponse({"error": error_object(error)}, status, headers)


OPENAI = Dialect(paths=re.compile(r"/v1(/.*)?|/videos(/.*)?"), render=_render)
