"""The operations and schemas of `/models/{owner}/{name}` in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping

from reelwright.api.huggingface import HUGGINGFACE, NAMES
from reelwright.api.schema.answers import BINARY, ONCE, file_answers
from reelwright.api.schema.bodies import ADDRESS, IMAGE, LAST_IMAGE, PROMPT, body_fields
from reelwright.api.schema.json_schema import Schema, array, nullable, number, record, ref, text
from reelwright.api.schema.operations import FILE, RENDERS, SUBMITS, Operation, Voice, path_parameter

VOICE = Voice(dialect=HUGGINGFACE, name="Task", error="TaskError")
IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "application/octet-stream")


def schemas(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    size = {
        "type": "object",
        "properties": {side: fields[side] for side in ("width", "height")},
        "required": ["width", "height"],
        "additionalProperties": False,
    }
    special: dict[str, Schema] = {
        "image": text(IMAGE, pattern=ADDRESS),
        "last_image": text(LAST_IMAGE, pattern=ADDRESS),
        "negative_prompt": {"anyOf": [fields["negative_prompt"], array(fields["negative_prompt"])]},
        "target_size": {"anyOf": [size, fields["size"]]},
    }
    known = body_fields(NAMES, fields, special)
    return {
        "TaskRequest": {
            "type": "object",
            "properties": {
                "inputs": text("The prompt, or a picture in base64", minLength=1, pattern=PROMPT),
                "parameters": nullable(ref("TaskParameters")),
                "options": {"description": "Accepted because some clients send it, and ignored"},
            },
            "required": ["inputs"],
            "additionalProperties": False,
        },
        "TaskParameters": {
            "type": "object",
            "properties": {name: nullable(schema) for name, schema in known.items()},
            "additionalProperties": False,
        },
        "TaskError": record(
            {
                "error": text("What is wrong, as a sentence"),
                "estimated_time": number("In how many seconds the model will be loaded"),
            },
            optional=("estimated_time",),
        ),
    }


def operations() -> dict[tuple[str, str], Operation]:
    image = {name: {"schema": BINARY} for name in IMAGE_TYPES}
    return {
        ("/models/{owner}/{name}", "post"): Operation(
            id="runTask",
            tag="huggingface",
            summary="Make a video as a Hugging Face endpoint does",
            voice=VOICE,
            answers=file_answers("The video", "video/mp4"),
            codes=SUBMITS | RENDERS | FILE,
            parameters=[
                path_parameter("owner", text(examples=["reelwright"])),
                path_parameter("name", text(examples=["default"])),
                ONCE,
            ],
            body={
                "required": True,
                "content": {
                    "application/json": {
                        "schema": ref("TaskRequest"),
                        "example": {"inputs": "A beautiful sunset over the ocean"},
                    },
                    **image,
                },
            },
        )
    }
