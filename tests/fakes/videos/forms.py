"""A create request as each kind of server reads it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes.videos.profiles import Profile

NUMBERS = {
    "width": int,
    "height": int,
    "num_frames": int,
    "fps": int,
    "seed": int,
    "num_inference_steps": int,
    "guidance_scale": float,
}


class Refused(Exception):
    """What the server answers instead: the status, and the text or list that tells why."""

    def __init__(self, status: int, why: Any, *, param: str | None = None) -> None:
        super().__init__(str(why))
        self.status = status
        self.why = why
        self.param = param


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a job is to make. `fields`: all that was sent, as it was read."""

    prompt: str
    model: str | None
    width: int
    height: int
    num_frames: int
    fps: int
    seconds: str
    image: bytes | None
    fields: Mapping[str, Any]


async def read(request: web.Request, profile: Profile) -> Asked:
    """Raises `Refused`."""
    if request.content_type == "multipart/form-data":
        fields, image = await _form(request, profile)
    elif request.content_type == "application/json" and profile.json:
        fields = _json(await request.read())
        image = _image_of(fields.pop("input_reference", None))
    else:
        # A form is declared: of a JSON body FastAPI finds no field.
        raise Refused(422, [{"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": None}])
    if profile.reads is not None:
        fields = {name: value for name, value in fields.items() if name in profile.reads}
    return _checked(fields, image, profile)


async def _form(request: web.Request, profile: Profile) -> tuple[dict[str, Any], bytes | None]:
    sent = await request.post()
    fields: dict[str, Any] = {}
    image: bytes | None = None
    for name, value in sent.items():
        if isinstance(value, web.FileField):
            image = value.file.read()
            continue
        fields[name] = value
    if image is None and profile.multipart == "with an image":
        raise Refused(400, "input_reference file is required")
    return fields, image


def _image_of(written: object) -> bytes | None:
    """SGLang reads a path, an address or a data URI here."""
    if written is None:
        return None
    head, _, data = str(written).partition(";base64,")
    if not head.startswith("data:image/"):
        raise Refused(400, f"Failed to load image: {str(written)[:40]}")
    return base64.b64decode(data)


def _json(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except ValueError:
        raise Refused(400, "There was an error parsing the body") from None
    if not isinstance(fields, dict):
        raise Refused(422, [{"type": "dict_type", "loc": ["body"], "msg": "Input should be a valid dictionary"}])
    return fields


def _checked(fields: dict[str, Any], image: bytes | None, profile: Profile) -> Asked:
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise Refused(422, [{"type": "missing", "loc": ["body", "prompt"], "msg": "Field required"}], param="prompt")
    if profile.served and fields.get("model") not in (None, profile.served):
        raise Refused(400, f"The model `{fields['model']}` does not exist. Served: {profile.served}", param="model")
    if image is not None and not profile.takes_image:
        raise Refused(400, "Only LTX-2 takes an input_reference")
    values = {name: _number(name, kind, fields[name]) for name, kind in NUMBERS.items() if name in fields}
    for name, most in (profile.bounds or {}).items():
        if name in fields and float(fields[name]) > most:
            raise Refused(422, [_wrong(name, f"Input should be less than or equal to {most:g}")], param=name)
    seconds = str(fields.get("seconds", "4"))
    if profile.whole_seconds and not re.fullmatch(r"[1-9]\d*", seconds):
        raise Refused(422, [_wrong("seconds", "String should match pattern '^[1-9]\\d*$'")], param="seconds")
    width, height = _size(fields, values, profile)
    fps = values.get("fps", profile.default_fps)
    frames = profile.default_frames
    if profile.reads is None:
        frames = values.get("num_frames", int(float(seconds) * fps) if "seconds" in fields else frames)
    return Asked(
        prompt=prompt,
        model=fields.get("model"),
        width=width,
        height=height,
        num_frames=int(frames),
        fps=int(fps),
        seconds=seconds,
        image=image,
        fields=fields,
    )


def _size(fields: Mapping[str, Any], values: Mapping[str, Any], profile: Profile) -> tuple[int, int]:
    size = fields.get("size")
    if profile.sizes is not None:
        size = size or profile.sizes[0]
        if size not in profile.sizes:
            raise Refused(500, f"'{size}' is not a valid VideoSize")
    if size is None:
        return values.get("width", 64), values.get("height", 64)
    if not re.fullmatch(r"\d+x\d+", str(size)):
        raise Refused(422, [_wrong("size", "String should match pattern '^\\d+x\\d+$'")], param="size")
    width, _, height = str(size).partition("x")
    return int(width), int(height)


def _number(name: str, kind: type, value: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise Refused(422, [_wrong(name, f"Input should be a valid {kind.__name__}")], param=name) from None


def _wrong(name: str, message: str) -> dict[str, Any]:
    return {"type": "value_error", "loc": ["body", name], "msg": message}
