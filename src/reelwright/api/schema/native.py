"""The operations and schemas of `/api/video/generate` in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping

from reelwright.api.native import NAMES, NATIVE
from reelwright.api.schema.answers import LATER, ONCE, VIDEO, file_answers
from reelwright.api.schema.bodies import (
    ADDRESS,
    EXAMPLE,
    IMAGE,
    IMAGE_FILE,
    LAST_IMAGE,
    LAST_IMAGE_FILE,
    body_fields,
    content,
    form_body,
    json_body,
)
from reelwright.api.schema.json_schema import Schema, nullable, record, ref, text, words
from reelwright.api.schema.operations import FILE, RENDERS, SUBMITS, Operation, Voice, answer
from reelwright.errors import Code
from reelwright.ids import VIDEO_ID

VOICE = Voice(dialect=NATIVE, name="Native", error="Error")


def schemas(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    pictures = {"image": text(IMAGE, pattern=ADDRESS), "last_image": text(LAST_IMAGE, pattern=ADDRESS)}
    known = body_fields(NAMES, fields, pictures)
    return {
        "GenerateVideo": json_body(known),
        "GenerateVideoMultipart": form_body(known, {"image": IMAGE_FILE, "last_image": LAST_IMAGE_FILE}),
        "GenerateVideoForm": form_body(known),
        "ExtendNativeVideo": json_body({name: one for name, one in known.items() if name != "image"}),
        "AcceptedVideo": record(
            {
                "success": {"const": True},
                "id": text("The id of the video", pattern=f"^{VIDEO_ID}$"),
                "status": text(const="queued"),
                "status_url": text("Where it can be looked at", format="uri-reference"),
                "events_url": text("Where it can be followed", format="uri-reference"),
                "video_url": text("Where its content will be", format="uri-reference"),
            }
        ),
        "Error": record(
            {
                "success": {"const": False},
                "error": text("What is wrong, in words"),
                "field": text("The field that is wrong"),
                "example": words({}, "A body that would do"),
                "message": text("More about it"),
                "details": text("What the provider said"),
                "suggestion": nullable(text("What would help")),
                "duration": text("How long it took until then", examples=["1.23s"]),
                "timestamp": text(format="date-time"),
                "request_id": text("To be found in the server's log"),
            },
            optional=("field", "example", "message", "details", "suggestion", "duration", "timestamp", "request_id"),
        ),
    }


def operations() -> dict[tuple[str, str], Operation]:
    accepted = answer(
        "Accepted (`Prefer: respond-async`)",
        "AcceptedVideo",
        Location={"description": "Where it can be looked at", "schema": text(format="uri-reference")},
        Preference_Applied={"description": "The preference that was followed", "schema": text()},
    )
    return {
        ("/api/video/generate", "post"): Operation(
            id="generateVideo",
            tag="native",
            summary="Make a video and answer with it",
            voice=VOICE,
            answers={**file_answers("The video", "video/mp4"), "202": accepted},
            codes=SUBMITS | RENDERS | FILE,
            parameters=[LATER, ONCE],
            body=content(
                json={"schema": ref("GenerateVideo"), "example": EXAMPLE},
                multipart={"schema": ref("GenerateVideoMultipart")},
                form={"schema": ref("GenerateVideoForm")},
            ),
        ),
        ("/api/video/{video_id}/extend", "post"): Operation(
            id="extendVideoAndWait",
            tag="native",
            summary="Make a video go on and answer with it",
            voice=VOICE,
            answers={**file_answers("The video, with what was added", "video/mp4"), "202": accepted},
            codes=SUBMITS | RENDERS | FILE | {Code.CONFLICT},
            parameters=[VIDEO, LATER, ONCE],
            body=content(json={"schema": ref("ExtendNativeVideo"), "example": EXAMPLE}),
        ),
    }
