"""The operations and schemas of `/v1/videos` and `/v1/models` in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from reelwright.api.listing import MAX_MODEL, MAX_QUERY
from reelwright.api.openai import LAST_REFERENCES, MAX_PAGE, NAMES, OPENAI, REFERENCES, WEBHOOK_EVENTS
from reelwright.api.refining_words import DEFAULT_SCALE, MOST_EXPONENT
from reelwright.api.request_options import MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_VALUE
from reelwright.api.schema.answers import KNOWN, ONCE, RANGE, VIDEO, WAIT, file_answers
from reelwright.api.schema.bodies import (
    ADDRESS,
    EXAMPLE,
    IMAGE,
    IMAGE_FILE,
    LAST_IMAGE,
    LAST_IMAGE_FILE,
    beside_schemas,
    body_fields,
    content,
    form_body,
    json_body,
)
from reelwright.api.schema.json_schema import (
    Schema,
    flag,
    number,
    ref,
    text,
    whole,
    words,
)
from reelwright.api.schema.openai_objects import objects
from reelwright.api.schema.operations import (
    BODY,
    DATABASE,
    FIELD,
    FILE,
    NAMES_ONE,
    RENDERS,
    SUBMITS,
    Operation,
    Voice,
    answer,
    operation,
    path_parameter,
    query_parameter,
)
from reelwright.api.sharing import DEFAULT_DAYS, MAX_DAYS
from reelwright.engines.refinements import MOST_UPSCALE
from reelwright.errors import Code
from reelwright.ids import VIDEO_ID
from reelwright.jobs.variants import MEDIA_TYPES, Variant
from reelwright.store.search import Shape
from reelwright.video import Status

VOICE = Voice(dialect=OPENAI, name="OpenAI", error="OpenAIError")
TAG = "videos"
_operation = partial(operation, TAG, VOICE)

_NUMBER_TEXT = text(pattern=r"^[0-9]{1,4}(\.[0-9]{1,4})?$")
NO_NUL = r"^[^\u0000]*$"
_ID = text("The id", pattern=f"^{VIDEO_ID}$")


def schemas(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    """The schemas of this dialect by name. `fields`: what `bodies.field_schemas` returns."""
    return {
        **_creating(fields),
        **_changing(fields),
        **objects(),
    }


def _creating(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    """The bodies of requests that make a video."""
    form = body_fields(
        NAMES,
        fields,
        {
            **beside_schemas(),
            **_SWITCHED,
            "n": _COUNT,
            **{name: text(IMAGE, pattern=ADDRESS) for name in REFERENCES},
            **{name: text(LAST_IMAGE, pattern=ADDRESS) for name in LAST_REFERENCES},
        },
    )
    return {
        "CreateVideo": json_body(body_fields(NAMES, fields, _special(fields))),
        "CreateVideoMultipart": form_body(form, _FILES),
        "CreateVideoForm": form_body(form),
        "ExtendVideo": json_body(_extension(body_fields(NAMES, fields, _special(fields))), ("prompt", "video")),
        "ExtendVideoMultipart": {
            **form_body(_extension(form), {"video": VIDEO_FILE, **dict.fromkeys(LAST_REFERENCES, LAST_IMAGE_FILE)}),
            "required": ["prompt", "video"],
        },
    }


def _changing(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    """The bodies of requests about a video that exists: remix, resume, annotate, share."""
    return {
        "RemixVideo": {
            "type": "object",
            "properties": {"prompt": fields["prompt"]},
            "required": ["prompt"],
            "additionalProperties": False,
        },
        "ResumeVideo": {"type": "object", "properties": beside_schemas(), "additionalProperties": False},
        "AnnotateVideo": {
            "type": "object",
            "properties": {
                "metadata": words(
                    {"type": ["string", "null"], "maxLength": MAX_METADATA_VALUE, "pattern": NO_NUL},
                    "Entries to set; null removes one. A video has at most 16.",
                    propertyNames={"minLength": 1, "maxLength": MAX_METADATA_NAME, "pattern": NO_NUL},
                    maxProperties=MAX_METADATA,
                )
            },
            "required": ["metadata"],
            "additionalProperties": False,
        },
        "ShareVideo": {
            "type": "object",
            "properties": {
                "days": number(
                    "For how many seconds the link works; never longer than the video is kept",
                    exclusiveMinimum=0,
                    maximum=MAX_DAYS,
                    default=DEFAULT_DAYS,
                )
            },
            "additionalProperties": False,
        },
    }


def operations() -> dict[tuple[str, str], Operation]:
    """By path and method."""
    return {
        **_creation(),
        **_one(),
        **_content_and_events(),
        **_models(),
        **_webhooks(),
        ("/v1/videos", "get"): _operation(
            "listVideos",
            "List videos",
            {"200": answer("A page of the caller's videos", "VideoList")},
            DATABASE | FIELD,
            parameters=[
                query_parameter("after", text("The last video already seen", pattern=f"^{VIDEO_ID}$")),
                query_parameter("limit", whole("Videos a page", minimum=0, maximum=MAX_PAGE, default=20)),
                query_parameter("order", text("The order, by time of creation", enum=["asc", "desc"], default="desc")),
                query_parameter(
                    "q",
                    text(
                        "A search: each word stands in the prompt, model, engine or size, or is the seed or the id",
                        maxLength=MAX_QUERY,
                        pattern=NO_NUL,
                    ),
                ),
                query_parameter("status", text("Only these", enum=[*Status])),
                query_parameter(
                    "model",
                    text(
                        "Only videos of this model, of this engine, or of `engine/model`",
                        maxLength=MAX_MODEL,
                        pattern=NO_NUL,
                    ),
                ),
                query_parameter("shape", text("Only videos of this shape", enum=[*Shape])),
                query_parameter(
                    "metadata",
                    {
                        **beside_schemas()["metadata"],
                        "description": "Only videos with this metadata: `metadata[name]=value`",
                        "propertyNames": {
                            "minLength": 1,
                            "maxLength": MAX_METADATA_NAME,
                            "pattern": r"^[^\[\]\u0000]*$",
                        },
                    },
                    style="deepObject",
                    explode=True,
                ),
            ],
        ),
    }


def _creation() -> dict[tuple[str, str], Operation]:
    body = content(
        json={"schema": ref("CreateVideo"), "example": EXAMPLE},
        multipart={"schema": ref("CreateVideoMultipart")},
        form={"schema": ref("CreateVideoForm")},
    )
    queued = {"200": {**answer("The video, queued", "Video"), "links": _LINKS}}
    return {
        ("/v1/videos", "post"): _operation(
            "createVideo", "Create a video", queued, SUBMITS, parameters=[ONCE], body=body
        ),
        ("/v1/videos/sync", "post"): _operation(
            "createVideoAndWait",
            "Create a video and wait for it",
            file_answers("The video", "video/mp4"),
            SUBMITS | RENDERS | FILE,
            parameters=[ONCE],
            body=body,
        ),
        ("/v1/videos/extensions", "post"): _operation(
            "extendVideo",
            "Extend a video",
            queued,
            SUBMITS | NAMES_ONE | {Code.CONFLICT, Code.CORRUPT},
            parameters=[ONCE],
            body=content(
                json={"schema": ref("ExtendVideo")},
                multipart={"schema": ref("ExtendVideoMultipart")},
            ),
        ),
        ("/v1/videos/{video_id}/remix", "post"): _operation(
            "remixVideo",
            "Make a video again with another prompt",
            queued,
            SUBMITS | NAMES_ONE,
            parameters=[VIDEO, ONCE],
            body=content(
                json={"schema": ref("RemixVideo"), "example": EXAMPLE},
                multipart={"schema": ref("RemixVideo")},
                form={"schema": ref("RemixVideo")},
            ),
        ),
        ("/v1/videos/{video_id}/resume", "post"): _operation(
            "resumeVideo",
            "Resume a video that has failed",
            queued,
            SUBMITS | NAMES_ONE | {Code.CONFLICT},
            parameters=[VIDEO, ONCE],
            body=content(json={"schema": ref("ResumeVideo"), "example": {}}),
        ),
    }


def _one() -> dict[tuple[str, str], Operation]:
    return {
        ("/v1/videos/{video_id}", "get"): _operation(
            "getVideo",
            "Look at a video",
            {"200": answer("The video as it is now", "Video")},
            DATABASE | NAMES_ONE | FIELD,
            parameters=[VIDEO, WAIT],
        ),
        ("/v1/videos/{video_id}", "delete"): _operation(
            "deleteVideo",
            "Delete a video",
            {"200": answer("The id of the deleted video", "DeletedVideo")},
            DATABASE | NAMES_ONE,
            parameters=[VIDEO],
        ),
        ("/v1/videos/{video_id}", "post"): _operation(
            "annotateVideo",
            "Change a video's metadata",
            {"200": answer("The video as it is now", "Video")},
            BODY | DATABASE | NAMES_ONE | {Code.CONFLICT},
            parameters=[VIDEO],
            body=content(json={"schema": ref("AnnotateVideo"), "example": {"metadata": {"favourite": "yes"}}}),
        ),
        ("/v1/videos/{video_id}/share", "post"): _operation(
            "shareVideo",
            "Make a link that shows a video without a key",
            {"200": answer("The link", "SharedVideo")},
            BODY | DATABASE | NAMES_ONE | {Code.CONFLICT},
            parameters=[VIDEO],
            body=content(json={"schema": ref("ShareVideo"), "example": {"days": DEFAULT_DAYS}}),
        ),
        ("/v1/videos/{video_id}/cancel", "post"): _operation(
            "cancelVideo",
            "Cancel a video",
            {"200": answer("The video as it is now", "Video")},
            DATABASE | NAMES_ONE,
            parameters=[VIDEO],
        ),
    }


def _content_and_events() -> dict[tuple[str, str], Operation]:
    return {
        ("/v1/videos/{video_id}/content", "get"): _operation(
            "getVideoContent",
            "Download a video, or a still or rendition of it",
            file_answers("The file", *MEDIA_TYPES.values(), known=True),
            FILE | FIELD | {Code.CONFLICT},
            parameters=[
                VIDEO,
                query_parameter("variant", text("What of it", enum=[*Variant], default=Variant.VIDEO)),
                RANGE,
                KNOWN,
            ],
        ),
        ("/v1/videos/{video_id}/events", "get"): _operation(
            "streamVideoEvents",
            "Follow a video",
            {
                "200": {
                    "description": "Server-sent events until the video has ended",
                    "content": {"text/event-stream": {"schema": ref("VideoEvent")}},
                },
                "204": {
                    "description": "Nothing follows: the client has seen the last event. An EventSource stops asking"
                },
            },
            DATABASE | NAMES_ONE,
            parameters=[
                VIDEO,
                {
                    "name": "Last-Event-ID",
                    "in": "header",
                    "description": "The id of the last event already received",
                    "schema": text(),
                },
            ],
        ),
    }


def _models() -> dict[tuple[str, str], Operation]:
    return {
        ("/v1/models", "get"): _operation(
            "listModels", "List models", {"200": answer("All usable models, the default first", "ModelList")}
        ),
        ("/v1/models/{model}", "get"): _operation(
            "getModel",
            "Look at a model",
            {"200": answer("The model", "Model")},
            NAMES_ONE,
            parameters=[path_parameter("model", text("Its name, an alias or its engine's name", minLength=1))],
        ),
    }


def _webhooks() -> dict[tuple[str, str], Operation]:
    delivery = path_parameter("delivery_id", text("The id of a delivery"))
    return {
        ("/v1/videos/{video_id}/webhooks", "get"): _operation(
            "listWebhookDeliveries",
            "List a video's webhook deliveries",
            {"200": answer("All deliveries, the oldest first", "WebhookDeliveryList")},
            DATABASE | NAMES_ONE,
            parameters=[VIDEO],
        ),
        ("/v1/videos/{video_id}/webhooks/{delivery_id}/resend", "post"): _operation(
            "resendWebhook",
            "Deliver a webhook again",
            {"202": answer("The delivery, which is being sent", "WebhookDelivery")},
            DATABASE | NAMES_ONE,
            parameters=[VIDEO, delivery],
        ),
    }


def webhooks() -> dict[str, Any]:
    """What this server sends to the `webhook` of a video."""
    return {
        event: {
            "post": {
                "operationId": "on" + "".join(word.capitalize() for word in event.split(".")),
                "tags": [TAG],
                "summary": f"A video has {event.partition('.')[2]}",
                "description": "Signed as Standard Webhooks says (webhook-id, webhook-timestamp, webhook-signature).",
                "security": [],
                "requestBody": {"content": {"application/json": {"schema": ref("WebhookEvent")}}},
                "responses": {"2XX": {"description": "Received. After any other answer the server tries again"}},
            }
        }
        for event in WEBHOOK_EVENTS
    }


def _extension(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    """The fields of an extension: those that it shares with a new video, and the video that it continues."""
    own = {"id": text("The id of a completed video", pattern=f"^{VIDEO_ID}$")}
    video = {"type": "object", "properties": own, "required": ["id"], "additionalProperties": False}
    return {**{name: schema for name, schema in fields.items() if name not in REFERENCES}, "video": video}


VIDEO_FILE = "The video to extend: an MP4 or WebM file (`video[id]` names one of this server)"
_FILES = {**dict.fromkeys(REFERENCES, IMAGE_FILE), **dict.fromkeys(LAST_REFERENCES, LAST_IMAGE_FILE)}
_COUNT = {"anyOf": [whole("How many videos: one", minimum=1, maximum=1), text(pattern=r"^1(\.0)?$")]}
_SWITCHED = {
    "enable_frame_interpolation": flag("Multiplies the frame rate, in the words of SGLang's clients"),
    "frame_interpolation_exp": whole("… by this power of 2", minimum=1, maximum=MOST_EXPONENT, default=1),
    "enable_upscaling": flag("Enlarges the frames, in the words of SGLang's clients"),
    "upscaling_scale": whole("… by this factor", minimum=1, maximum=MOST_UPSCALE, default=DEFAULT_SCALE),
}
_LINKS = {
    name: {"operationId": name, "parameters": {"video_id": "$response.body#/id"}}
    for name in (
        "getVideo",
        "getVideoContent",
        "streamVideoEvents",
        "cancelVideo",
        "remixVideo",
        "resumeVideo",
        "deleteVideo",
    )
}


def _special(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    """The schemas of the fields that this dialect writes in a form of its own, in a JSON body."""
    address = text(IMAGE, pattern=ADDRESS)
    nested = {"type": "object", "properties": {"url": address}, "required": ["url"], "additionalProperties": False}
    wrapped = {
        "type": "object",
        "properties": {"image_url": {"anyOf": [address, nested]}},
        "required": ["image_url"],
        "additionalProperties": False,
    }
    length = {"description": fields["seconds"]["description"], "anyOf": [fields["seconds"], _NUMBER_TEXT]}
    return {
        **beside_schemas(),
        **_SWITCHED,
        "n": _COUNT,
        "seconds": length,
        "duration": length,
        **{name: {"description": IMAGE, "anyOf": [address, wrapped]} for name in REFERENCES},
        **{name: {"description": LAST_IMAGE, "anyOf": [address, wrapped]} for name in LAST_REFERENCES},
    }
