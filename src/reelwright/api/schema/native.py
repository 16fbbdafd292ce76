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
                "status_url": text("The address of the video's state", format="uri-reference"),
                "events_url": text("The address of its server-sent events", format="uri-reference"),
                "video_url": text("The address of the file, once it is finished", format="uri-reference"),
            }
        ),
        "Error": record(
            {
                "success": {"const": False},
                "error": text("What is wrong, as a sentence"),
                "field": text("The field that is wrong"),
                "example": words({}, "A body that the server would accept"),
                "message": text("A longer explanation"),
                "details": text("What the provider said"),
                "suggestion": nullable(text("What to try")),
                "duration": text("Time from the request to the error", examples=["1.23s"]),
                "timestamp": text(format="date-time"),
                "request_id": text("The id of the request, which also stands in the server's log"),
            },
            optional=("field", "example", "message", "details", "suggestion", "duration", "timestamp", "request_id"),
        ),
    }


def operations() -> dict[tuple[str, str], Operation]:
    accepted = answer(
        "Accepted (`Prefer: respond-async`)",
        "AcceptedVideo",
        Location={"description": "The address of the video's state", "schema": text(format="uri-reference")},
        Preference_Applied={"description": "The preference that the server applied", "schema": text()},
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
            summary="Extend a video and answer with it",
            voice=VOICE,
            answers={**file_answers("The video, with what was added", "video/mp4"), "202": accepted},
            codes=SUBMITS | RENDERS | FILE | {Code.CONFLICT},
            parameters=[VIDEO, LATER, ONCE],
            body=content(json={"schema": ref("ExtendNativeVideo"), "example": EXAMPLE}),
        ),
    }
