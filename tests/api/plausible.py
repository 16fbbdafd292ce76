"""Hooks of schemathesis: data that the document allows is made such that this server can grant it, too.

A JSON Schema cannot say that a size given twice must be the same, which models there are, or that a picture is one.
What is generated to be refused stays as it is.
"""

from __future__ import annotations

import base64
import os
import secrets
from typing import Any

import schemathesis
from schemathesis import Case, HookContext
from schemathesis.transport.serialization import Binary

from tests.api.asks import film, picture

PNG = picture()
MP4 = film()
ADDRESS = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
PICTURES = ("image", "input_reference", "image_reference", "reference_url")
LAST_PICTURES = ("last_image", "last_frame", "end_image")
PLAIN = ("prompt", "num_frames", "negative_prompt", "seed", "guidance_scale", "num_inference_steps", "prompt_optimizer")
"""Inputs of a prediction that contradict no other: there are three dozen names for our fields."""
SIZES = ("width", "height", "resolution", "aspect_ratio")


PROTECTED_KEYS = os.environ.get("PROTECTED_KEYS", "").split()
"""Keys that the run itself needs: an admin must not take them from itself."""


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    if case.method != "GET" and case.path_parameters and case.path_parameters.get("key_id") in PROTECTED_KEYS:
        case.path_parameters["key_id"] = "key_00000000000000000000000000"
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    for headers in (case.headers, kwargs.get("headers")):
        if headers and "Idempotency-Key" in headers:
            headers["Idempotency-Key"] = secrets.token_hex(8)
    if case.query and "index" in case.query:
        case.query["index"] = 0
    if case.headers and "Range" in case.headers:
        case.headers["Range"] = "bytes=0-99"
    if isinstance(case.body, dict):
        case.body = granted(case.body, case.media_type or "")
    elif case.media_type and (case.media_type.startswith("image/") or case.media_type.endswith("octet-stream")):
        case.body = Binary(PNG)
    # Else it would look at the changed data again and, where they hold bytes, take them for forbidden.
    case._record_starting_state()


def granted(body: dict[str, Any], media_type: str) -> dict[str, Any]:
    """The body with values that agree with each other and with the server's one model."""
    body = dict(body)
    if isinstance(body.get("parameters"), dict):
        body["parameters"] = granted(body["parameters"], media_type)
        body["parameters"].pop("prompt", None)
    if isinstance(body.get("input"), dict):
        body["input"] = {name: value for name, value in body["input"].items() if name in PLAIN}
        if body["input"].get("seed") == -1:
            body["input"]["seed"] = None
    if isinstance(body.get("name"), str):
        body["name"] = "a name that can be printed"
    if body.get("expires_at") is not None:
        body["expires_at"] = 4_000_000_000
    if body.get("version") is not None:
        body["version"] = "tiny"
    if isinstance(body.get("metadata"), str):
        body["metadata"] = '{"a": "b"}'
    if body.get("size") is not None or body.get("target_size") is not None:
        for name in SIZES:
            body.pop(name, None)
    for name in ("size", "target_size"):
        if isinstance(body.get(name), str):
            body[name] = "64x96"
    if "target_size" in body:
        body.pop("size", None)
    if body.get("resolution") is not None:
        body["resolution"] = "64p"
    if body.get("aspect_ratio") is not None:
        body["aspect_ratio"] = "3:2"
    for name in ("seconds", "duration"):
        if body.pop(name, None) is not None and body.get("num_frames") is None:
            body[name], body["fps"] = (body.get(name) or 1), 8
    if "seconds" in body:
        body.pop("duration", None)
    for name in ("fps", "frames_per_second"):
        if name in body and name != "fps":
            body.pop("fps", None)
    for name in ("model", "engine"):
        if body.get(name) is not None:
            body[name] = "tiny"
    if body.get("frame_images"):
        body["frame_images"] = [{"type": "image_url", "image_url": {"url": ADDRESS}, "frame_type": "first_frame"}]
    if isinstance(body.get("provider"), dict):
        del body["provider"]
    for name in ("webhook", "webhook_completed", "callback_url"):
        body.pop(name, None)
    if "form" in media_type and "extra_params" in body:
        body["extra_params"] = '{"a": [1]}'
    if "video" in body and media_type.startswith("multipart"):
        body["video"] = Binary(MP4)
    if "generate_sound" in body:
        body.pop("generate_audio", None)
    for names in (PICTURES, LAST_PICTURES):
        pictures = [name for name in names if body.get(name) is not None]
        for name in pictures[1:]:
            del body[name]
        for name in pictures[:1]:
            body[name] = Binary(PNG) if media_type.startswith("multipart") else ADDRESS
    return body
