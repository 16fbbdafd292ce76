"""The operations and schemas of `/api/v1/videos` in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from reelwright.api.openrouter import FRAMES, IMPOSSIBLE, NAMES, OPENROUTER, PATH
from reelwright.api.openrouter_models import PASSED_ON
from reelwright.api.schema.answers import KNOWN, ONCE, RANGE, file_answers
from reelwright.api.schema.bodies import ADDRESS, EXAMPLE, IMAGE, beside_schemas, body_fields, content, json_body
from reelwright.api.schema.json_schema import Schema, array, flag, nullable, number, record, ref, text, whole, words
from reelwright.api.schema.operations import (
    DATABASE,
    FIELD,
    FILE,
    NAMES_ONE,
    SUBMITS,
    Operation,
    Voice,
    answer,
    operation,
    path_parameter,
    query_parameter,
)
from reelwright.errors import Code
from reelwright.ids import VIDEO_ID

VOICE = Voice(dialect=OPENROUTER, name="OpenRouter", error="OpenRouterError")
TAG = "openrouter"
_operation = partial(operation, TAG, VOICE)
STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled", "expired")

_JOB = path_parameter("job_id", text("The id of a job", pattern=f"^{VIDEO_ID}$"))
_ADDRESS = text("Where it is", format="uri")


def schemas(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    passed_on = {name: nullable(fields[name]) for name in PASSED_ON}
    ours = {**_open(passed_on), "additionalProperties": False}
    options = words({}, "Options by provider", properties={"reelwright": nullable(ours)})
    special = {
        "callback_url": beside_schemas()["webhook"],
        "frame_images": array(ref("OpenRouterFrame"), "The pictures that the video begins and ends with", maxItems=2),
        "provider": words({}, "Which provider, and its options", properties={"options": nullable(options)}),
        "previous_job_id": text("The id of a completed job whose video is extended; the output has both parts"),
        **{name: {"description": remedy, "type": "null"} for name, remedy in IMPOSSIBLE.items()},
        "input_references": array({}, IMPOSSIBLE["input_references"], maxItems=0),
    }
    own = text(IMAGE, pattern=ADDRESS)
    return {
        "OpenRouterRequest": json_body(body_fields(NAMES, fields, special)),
        "OpenRouterFrame": {
            "type": "object",
            "properties": {
                "type": text(),
                "image_url": {"anyOf": [own, _open({"url": own}, ["url"])]},
                "frame_type": text(enum=[*FRAMES]),
            },
            "required": ["image_url", "frame_type"],
        },
        "OpenRouterJob": record(
            {
                "id": text("The id", pattern=f"^{VIDEO_ID}$"),
                "polling_url": _ADDRESS,
                "status": text(enum=[*STATUSES]),
                "generation_id": text("The id, once the job has ended"),
                "error": text("Why there is no video"),
                "unsigned_urls": array(_ADDRESS, "The address of its output, which also asks for the key"),
                "usage": record({"cost": number(minimum=0), "is_byok": flag()}),
                "expires_at": whole("When it will be removed, in seconds since the epoch"),
            },
            optional=("generation_id", "error", "unsigned_urls", "usage", "expires_at"),
        ),
        "OpenRouterModel": _model(),
        "OpenRouterModelList": record({"data": array(ref("OpenRouterModel"))}),
        "OpenRouterError": record(
            {
                "error": record(
                    {
                        "code": whole("The HTTP status"),
                        "message": text("What is wrong, as a sentence"),
                        "metadata": record({"code": text("A stable name"), "field": text()}, optional=("field",)),
                    }
                )
            }
        ),
    }


def operations() -> dict[tuple[str, str], Operation]:
    links = {
        name: {"operationId": name, "parameters": {"job_id": "$response.body#/id"}}
        for name in ("getOpenRouterJob", "getOpenRouterContent")
    }
    return {
        (PATH, "post"): _operation(
            "createOpenRouterJob",
            "Create a video as at OpenRouter",
            {"202": {**answer("Its job, pending", "OpenRouterJob"), "links": links}},
            SUBMITS | NAMES_ONE | {Code.CONFLICT, Code.CORRUPT},
            parameters=(ONCE,),
            body=content(json={"schema": ref("OpenRouterRequest"), "example": EXAMPLE}),
        ),
        (f"{PATH}/models", "get"): _operation(
            "listOpenRouterModels",
            "List models as OpenRouter does",
            {"200": answer("All models", "OpenRouterModelList")},
        ),
        (f"{PATH}/{{job_id}}", "get"): _operation(
            "getOpenRouterJob",
            "Look at a job",
            {"200": answer("The job as it is now", "OpenRouterJob")},
            DATABASE | NAMES_ONE,
            parameters=(_JOB,),
        ),
        (f"{PATH}/{{job_id}}/content", "get"): _operation(
            "getOpenRouterContent",
            "Download a job's video",
            file_answers("The video", "video/mp4", known=True),
            FILE | FIELD | {Code.CONFLICT},
            parameters=(
                _JOB,
                query_parameter("index", whole("The index of the output; a job has one", default=0)),
                RANGE,
                KNOWN,
            ),
        ),
    }


def _open(properties: Mapping[str, Schema], required: list[str] | None = None) -> Schema:
    return {"type": "object", "properties": dict(properties), **({"required": required} if required else {})}


def _model() -> Schema:
    """The schema of a model as `api.openrouter_models` makes it."""
    listed = {"supported_durations": whole()} | {
        name: text()
        for name in ("supported_resolutions", "supported_aspect_ratios", "supported_sizes", "supported_frame_images")
    }
    return record(
        {
            "id": text("Its name"),
            "canonical_slug": text(),
            "name": text(),
            "description": text(),
            "created": whole("In seconds since the epoch"),
            **{name: nullable(array(one)) for name, one in listed.items()},
            "generate_audio": flag(),
            "seed": flag("Whether a seed is honoured"),
            "allowed_passthrough_parameters": array(text(), "The fields that `provider.options.reelwright` takes"),
            "creativity": {"type": "null"},
            "upscale_factor": {"type": "null"},
            "pricing_skus": {"type": "null"},
        }
    )
