"""The Hugging Face task dialect: `POST /models/{owner}/{name}` → the raw MP4.

So this server can be the dedicated endpoint that another program (or another Reelwright) is pointed at.
https://huggingface.co/docs/inference-providers/tasks/text-to-video describes the wire form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api.body import Body, Upload, parse_json_object, read_body
from reelwright.api.drafting import Drafting
from reelwright.api.errors import STATUS, Dialect
from reelwright.api.input_images import holds_picture
from reelwright.api.request_options import idempotency
from reelwright.api.videos import Videos
from reelwright.api.vocabulary import Vocabulary
from reelwright.engines.catalog import Catalog
from reelwright.errors import BadRequest, Code, ReelwrightError, invalid
from reelwright.jobs.queue import SubmitOptions

IMAGE_PROMPT = "Bring this image to life"
"""The prompt of an image-to-video request that has none, as the task allows."""

NAMES = Vocabulary(
    renamed={"frames_per_second": "fps", "target_size": "size"},
    prefix="parameters.",
    labels={"prompt": "inputs", "image": "inputs", "model": "model"},
)
_LOADING_S = 60.0


def huggingface_router(*, videos: Videos, catalog: Catalog, drafting: Drafting, max_body_bytes: int) -> APIRouter:
    router = APIRouter(tags=["huggingface"])

    @router.post("/models/{owner}/{name}", response_class=Response)
    async def run_task(request: Request, owner: str, name: str) -> Response:
        """Text to video (`inputs` is the prompt), or image to video (`inputs` is base64, or the body is the image)."""
        raw = await read_body(request, max_body_bytes)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if _is_image(media_type, raw):
            asked: Mapping[str, Any] = {}
            picture: object = Upload(data=raw)
        else:
            if media_type not in ("application/json", ""):
                raise BadRequest(
                    f"Unsupported Content-Type: {media_type[:100]!r}. Send application/json or an image.",
                    code=Code.UNSUPPORTED_MEDIA_TYPE,
                )
            asked = await run_in_threadpool(parse_json_object, raw)
            picture = None
        fields, picture = _fields(asked, picture)
        model = catalog.named(f"{owner}/{name}")
        spec = await drafting.spec({**fields, "image": picture}, NAMES, typed=True, model=model)
        whole = Body(fields={**asked, "": picture} if picture else asked, typed=True)
        options = SubmitOptions(detached=False, idempotency_key=idempotency(request, whole))
        del raw, asked, fields, picture, whole  # a body may be large, and the job take minutes
        return await videos.file(request, await videos.make(request, spec, options))

    return router


def _is_image(media_type: str, raw: bytes) -> bool:
    """Whether the body itself is the image. The client library sends bytes without any Content-Type."""
    if media_type == "":
        return raw.strip()[:1] not in (b"", b"{", b"[")
    return media_type.startswith("image/") or media_type == "application/octet-stream"


def _fields(asked: Mapping[str, Any], picture: object) -> tuple[dict[str, Any], object]:
    """Our fields, and the image. `parameters` have the client library's names; `options` are not needed."""
    if unknown := sorted(set(asked) - {"inputs", "parameters", "options"}):
        raise BadRequest(
            f"Unknown field: {unknown[0][:80]!r}. Known fields are inputs, parameters, options.", field=unknown[0][:80]
        )
    parameters = asked.get("parameters")
    parameters = {} if parameters is None else parameters
    if not isinstance(parameters, dict):
        raise invalid("parameters", parameters, "Must be an object.")
    fields = {name: value for name, value in parameters.items() if value is not None}
    negative = fields.get("negative_prompt")
    if isinstance(negative, list) and all(isinstance(item, str) for item in negative):
        fields["negative_prompt"] = ", ".join(negative)
    size = fields.get("target_size")
    if isinstance(size, dict) and set(size) == {"width", "height"}:
        fields |= {"width": size["width"], "height": size["height"]}
        del fields["target_size"]
    inputs = asked.get("inputs")
    if picture is None and isinstance(inputs, str) and ("prompt" in fields or holds_picture(inputs)):
        picture, inputs = inputs, None
    if inputs is not None:
        fields["prompt"] = inputs
    elif picture is not None:
        fields.setdefault("prompt", IMAGE_PROMPT)
    return fields, picture


_MESSAGES: Mapping[Code, str] = {
    Code.PROMPT_MISSING: "Invalid request: `inputs` must be the prompt, a non-empty string",
    Code.PROMPT_EMPTY: "Invalid request: `inputs` is empty",
    Code.INTERNAL: "Internal server error",
}
_STATUS = {
    **STATUS,
    Code.UPSTREAM_NOT_FOUND: 404,
    Code.MODEL_NOT_FOUND: 404,
    Code.MODEL_NOT_READY: 404,
    Code.ENGINE_NOT_CONFIGURED: 503,
}


def _render(_request: Request, error: ReelwrightError, _now: datetime) -> Response:
    body: dict[str, Any] = {"error": _MESSAGES.get(error.code, error.message)}
    status = _STATUS[error.code]
    if status == 503:
        body["estimated_time"] = error.retry_after or _LOADING_S
    return JSONResponse(body, status)


HUGGINGFACE = Dialect(paths=re.compile(r"/models/.*"), render=_render, statuses=_STATUS)
