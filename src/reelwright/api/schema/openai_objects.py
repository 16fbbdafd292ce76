"""The objects that the OpenAI dialect answers with: a video, its events, a model and its card, a webhook's delivery."""

from __future__ import annotations

import dataclasses

from pydantic import TypeAdapter

from reelwright.api.openai import MAX_PAGE, WEBHOOK_EVENTS
from reelwright.api.schema.json_schema import (
    Schema,
    array,
    flag,
    nullable,
    number,
    record,
    ref,
    text,
    whole,
    words,
)
from reelwright.engines.engine import Card
from reelwright.ids import VIDEO_ID
from reelwright.store.deliveries import State
from reelwright.video import MAX_PROMPT_CHARACTERS, MAX_SEED, Status

INITIAL_CHECKPOINT = "opening"
"""What the API calls `Card.initial_checkpoint`."""

_ID = text("The id", pattern=f"^{VIDEO_ID}$")


def constant(value: str) -> Schema:
    return text(const=value)


def time(description: str) -> Schema:
    return whole(f"{description}, in seconds since the epoch")


def objects() -> dict[str, Schema]:
    """All of them, and the dialect's errors, by name."""
    return {**_video_objects(), **_model_objects(), **_webhook_objects(), **_errors()}


def _video_objects() -> dict[str, Schema]:
    return {
        "SharedVideo": record(
            {
                "object": constant("video.share"),
                "id": _ID,
                "url": text("The page that shows the video", format="uri"),
                "expires_at": time("When the link ends"),
            }
        ),
        "Video": video(),
        "VideoError": record(
            {"code": text("A stable name", examples=["cancelled"]), "message": text("Why it failed, as a sentence")}
        ),
        "VideoEvent": event(),
        "VideoPreview": record({"image": text("A preview of the unfinished video, as a data URI")}),
        "VideoList": record(
            {
                "object": constant("list"),
                "data": array(ref("Video"), maxItems=MAX_PAGE),
                "first_id": nullable(_ID),
                "last_id": nullable(_ID),
                "has_more": flag("Whether more follow after `last_id`"),
            }
        ),
        "DeletedVideo": record({"id": _ID, "object": constant("video.deleted"), "deleted": flag()}),
    }


def _model_objects() -> dict[str, Schema]:
    return {
        "Model": record(
            {
                "id": text("Its name"),
                "object": constant("model"),
                "created": whole("When the server started, in seconds since the epoch"),
                "owned_by": text("Its engine"),
                "default": flag("Whether it makes the videos that name no model"),
                "card": ref("Card"),
                "refinements": words({}, "What can be done to its finished clip: with every model the same"),
                **model_at_replicate(),
            }
        ),
        "ModelList": record(
            {
                "object": constant("list"),
                "data": array(ref("Model")),
                "previous": {"type": "null"},
                "next": {"type": "null"},
                "results": array(ref("Model"), "The same models as `data`, for Replicate's clients"),
            }
        ),
        "Card": card(),
    }


def _webhook_objects() -> dict[str, Schema]:
    return {
        "WebhookDelivery": delivery(),
        "WebhookDeliveryList": record({"object": constant("list"), "data": array(ref("WebhookDelivery"))}),
        "WebhookEvent": record(
            {
                "id": text(
                    "The id of the event; every attempt to deliver it has the same",
                    examples=["evt_5f2c1d0a9b8e7f6a5b4c3d2e"],
                ),
                "object": constant("event"),
                "type": text(enum=[*WEBHOOK_EVENTS]),
                "timestamp": text(format="date-time"),
                "created_at": time("When it happened"),
                "data": ref("Video"),
            }
        ),
    }


def _errors() -> dict[str, Schema]:
    return {
        "OpenAIError": record({"error": ref("OpenAIErrorDetail")}),
        "OpenAIErrorDetail": record(
            {
                "message": text("What is wrong, as a sentence"),
                "type": text(examples=["invalid_request_error"]),
                "param": nullable(text("The field that is wrong, as it was sent")),
                "code": text("A stable name", examples=["invalid_field"]),
            }
        ),
    }


def video() -> Schema:
    """The schema of what `api.video_object.video_object` returns."""
    return record(
        {
            "id": _ID,
            "object": constant("video"),
            "model": text("The model that makes it"),
            "status": text("A cancelled video is `failed` with the error code `cancelled`", enum=[*Status]),
            "progress": whole("How much is done, in percent", minimum=0, maximum=100),
            "created_at": time("When it was submitted"),
            "completed_at": nullable(time("When it ended")),
            "expires_at": nullable(time("When it will be removed")),
            "size": text('"WxH" in pixels', pattern=r"^[0-9]+x[0-9]+$"),
            "seconds": text("Its length in seconds", examples=["2"]),
            "prompt": text("What it shows", maxLength=MAX_PROMPT_CHARACTERS),
            "remixed_from_video_id": nullable(_ID),
            "resumed_from_video_id": nullable(_ID),
            "resumable": flag("Whether `…/resume` can continue from its last checkpoint"),
            "extended_from_video_id": nullable(_ID),
            "error": nullable(ref("VideoError")),
            "seed": whole("The seed that makes it", minimum=0, maximum=MAX_SEED),
            "num_frames": whole("Number of frames", minimum=1),
            "fps": whole("Frames a second", minimum=1),
            "width": whole("Width in pixels", minimum=1),
            "height": whole("Height in pixels", minimum=1),
            "engine": text("The engine that makes it"),
            "queue_position": nullable(whole("How many jobs are before it in the queue; 0 is the next one", minimum=0)),
            "stage": nullable(
                text("What the engine does at the moment that no progress measures", examples=["loading the weights"])
            ),
            "started_at": nullable(time("When its first attempt began")),
            "video_url": nullable(text("Where its content is, once it is completed", format="uri-reference")),
            "negative_prompt": nullable(text("What the video is not to show")),
            "num_inference_steps": nullable(whole("Denoising steps")),
            "guidance_scale": nullable(number("How closely the prompt is followed")),
            "motion_bucket_id": nullable(whole("Amount of motion")),
            "noise_aug_strength": nullable(number("Noise added to the image")),
            "generate_audio": nullable(flag("Whether sound was asked for")),
            "has_image": flag("Whether it begins with a picture"),
            "has_last_image": flag("Whether it ends with a picture"),
            "interpolate": whole("By how much the frame rate is multiplied after the engine", minimum=1),
            "upscale": nullable(text("The upscaling model that enlarges the frames after the engine")),
            "final_size": text('"WxH" in pixels, after the engine', pattern=r"^[0-9]+x[0-9]+$"),
            "final_frames": whole("Number of frames, after the engine", minimum=1),
            "final_fps": whole("Frames a second, after the engine", minimum=1),
            "dropped_fields": array(text(), "Fields that were sent and not used"),
            "warnings": array(text(), "The same in words, with the reasons"),
            "extra_params": words({}, "Options of its engine, as the request gave them"),
            "made_with": words({}, "What shaped it: versions, the device, the provider"),
            "metadata": words(text(), "The client's own names and values"),
            "bytes": nullable(whole("The size of the file", minimum=1)),
            "generation_seconds": nullable(number("Seconds from the start of the first attempt to the finished file")),
        },
        "A video and its state",
    )


def event() -> Schema:
    """The schema of an event's data as `api.events` sends it."""
    data = {"anyOf": [ref("Video"), ref("VideoPreview")]}
    told = "The video; with a `preview` a picture"
    return record(
        {
            "id": text("What `Last-Event-ID` takes"),
            "event": text(enum=["progress", "preview", "completed", "failed"]),
            "data": text(told, contentMediaType="application/json", contentSchema=data),
        },
        "One server-sent event",
        optional=("id",),
    )


def model_at_replicate() -> dict[str, Schema]:
    """What `api.replicate_models` adds to a model: clients of both dialects ask for it at the same address."""
    absent = ("github_url", "paper_url", "license_url", "cover_image_url", "default_example")
    return {
        "url": text(format="uri"),
        "owner": text(),
        "name": text(),
        "description": text(),
        "visibility": text(),
        "is_official": flag(),
        **{name: {"type": "null"} for name in absent},
        "run_count": whole(minimum=0),
        "latest_version": ref("ModelVersion"),
    }


def card() -> Schema:
    """The schema of a `Card` in an answer of `api.models`: all fields of the class, one of them under another name."""
    schema = TypeAdapter(Card).json_schema(mode="serialization")
    properties = {
        name: {key: value for key, value in _resolved(one, schema).items() if key not in ("title", "default")}
        for name, one in schema["properties"].items()
    }
    assert set(properties) == {one.name for one in dataclasses.fields(Card)}
    properties[INITIAL_CHECKPOINT] = properties.pop("initial_checkpoint")
    properties |= {
        "ready": flag("Whether the model can be used now for all its tasks"),
        "lacks": nullable(text("What it lacks, and what to do about it")),
        "pull": nullable(text("The command that fetches what it lacks", examples=["reelwright pull svd"])),
    }
    return record(properties, "What the model can do. Sizes are in pixels a side")


def _resolved(one: Schema, schema: Schema) -> Schema:
    """The schema `one` with definitions of `schema` in place of the references to them."""
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return {key: value for key, value in schema["$defs"][name].items() if key not in ("title", "description")}
    if "items" in one:
        return {**one, "items": _resolved(one["items"], schema)}
    return one


def delivery() -> Schema:
    """The schema of a delivery as `api.webhooks` makes it."""
    return record(
        {
            "id": text("The `webhook-id` that all its attempts carry"),
            "object": constant("webhook.delivery"),
            "video_id": _ID,
            "url": text("The address that it is sent to"),
            "event": text(examples=["video.completed"]),
            "state": text(enum=[*State]),
            "tries": whole("How many attempts there were", minimum=0),
            "last_status": nullable(whole("The HTTP status of the last answer")),
            "problem": nullable(text("What was wrong with it")),
            "created_at": time("When the event happened"),
            "next_try_at": nullable(time("When it is tried next")),
            "ended_at": nullable(time("When it was delivered or given up")),
        }
    )
