"""Parts of the OpenAPI document that several dialects share: request headers, answer headers, answers with a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwright.api.request_options import MAX_KEY_CHARACTERS
from reelwright.api.schema.json_schema import Schema, ref, text, whole
from reelwright.api.schema.operations import header_parameter, path_parameter
from reelwright.ids import VIDEO_ID

WAIT = header_parameter(
    "Prefer", "`wait=n` waits up to n seconds for the end of the video (RFC 7240)", text(examples=["wait=30"])
)
LATER = header_parameter(
    "Prefer",
    "`respond-async` answers at once with where the video will be (RFC 7240)",
    text(examples=["respond-async"]),
)
ONCE = header_parameter(
    "Idempotency-Key",
    "A repeated request with the same key leads to the first one's video, for 24 hours",
    text(minLength=1, maxLength=MAX_KEY_CHARACTERS, pattern=r"^[ -~]*$"),
)
RANGE = header_parameter("Range", "Byte ranges of the file (RFC 9110, section 14.2)", text(examples=["bytes=0-1023"]))
KNOWN = header_parameter("If-None-Match", "ETags of the versions that the client has already", text())
VIDEO = path_parameter("video_id", text("The id of a video", pattern=f"^{VIDEO_ID}$"))

HEADERS: Mapping[str, Schema] = {
    "RequestId": {
        "description": "The id of this request: the caller's own `X-Request-ID` if it sent a valid one",
        "required": True,
        "schema": text(pattern=r"^[A-Za-z0-9._:-]{1,128}$"),
    },
    "RetryAfter": {"description": "After how many seconds to try again", "schema": whole(minimum=1)},
    "RateLimit": {
        "description": "What is left of the key's limits that this request counts towards (also in other answers)",
        "schema": text(examples=['"requests";r=599;t=1, "video-seconds";r=3540;t=43200']),
    },
    "RateLimitPolicy": {
        "description": "All limits of the key (also in other answers)",
        "schema": text(examples=['"requests";q=600;w=60, "waiting";q=100;qu="jobs"']),
    },
    "Authenticate": {"description": "Which kind of key the server asks for", "schema": text(examples=["Bearer"])},
    "ContentRange": {
        "description": "Which bytes of the file these are, and how many it has",
        "schema": text(pattern=r"^bytes ([0-9]+-[0-9]+|\*)/[0-9]+$", examples=["bytes 0-1023/734003"]),
    },
    "AcceptRanges": {"description": "Byte ranges may be asked for", "schema": text(examples=["bytes"])},
    "ETag": {
        "description": "The version of the file",
        "required": True,
        "schema": text(examples=['"9f86d081884c7d65"']),
    },
    "VideoId": {"description": "The id of the video", "required": True, "schema": text(pattern=f"^{VIDEO_ID}$")},
    "Seed": {"description": "The seed that made it", "required": True, "schema": whole(minimum=0)},
    "Engine": {"description": "The engine that made it", "required": True, "schema": text()},
    "VideoSize": {
        "description": "The size of the video",
        "required": True,
        "schema": text(pattern=r"^[0-9]+\.[0-9]{2}MB$", examples=["1.23MB"]),
    },
    "GenerationTime": {
        "description": "How long the video took to make",
        "required": True,
        "schema": text(pattern=r"^[0-9]+\.[0-9]{2}s$", examples=["12.34s"]),
    },
    "Disposition": {"description": "The name to save it under", "schema": text()},
}
"""The document's components for headers of answers, by name."""

_FILE = {
    "ETag": ref("ETag", "headers"),
    "X-Video-Id": ref("VideoId", "headers"),
    "X-Seed": ref("Seed", "headers"),
    "X-Engine": ref("Engine", "headers"),
    "X-Video-Size": ref("VideoSize", "headers"),
    "X-Generation-Time": ref("GenerationTime", "headers"),
}
BINARY = text(format="binary")


def file_answers(description: str, *media_types: str, known: bool = False) -> dict[str, Any]:
    """The answers of a route that sends a file of one of these media types.

    `known`: the route also takes ranges and ETags and may redirect, so it can answer 206, 302 and 304 besides 200.
    """
    headers = {
        **_FILE,
        "Accept-Ranges": ref("AcceptRanges", "headers"),
        "Content-Disposition": ref("Disposition", "headers"),
    }
    whole_file = {name: {"schema": BINARY} for name in media_types}
    answers = {"200": {"description": description, "headers": headers, "content": whole_file}}
    if known:
        answers["206"] = {
            "description": "The ranges that were asked for; several come as `multipart/byteranges`",
            "headers": {**headers, "Content-Range": ref("ContentRange", "headers")},
            "content": {**whole_file, "multipart/byteranges": {"schema": BINARY}},
        }
        answers["302"] = {
            "description": "The file is in a bucket, which sends it (REELWRIGHT_DOWNLOADS=redirect)",
            "headers": {
                **_FILE,
                "Location": {
                    "description": "The address of the file in the bucket; it works for an hour",
                    "schema": text(format="uri"),
                },
            },
        }
        answers["304"] = {"description": "The client has the current version already", "headers": _FILE}
    return answers
