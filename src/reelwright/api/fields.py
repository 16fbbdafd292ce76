"""The fields that all dialects share: their names and types, and how they become a `Draft`.

A dialect maps its own names onto these (`vocabulary`) and has no rules of its own. Ranges are checked by the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from reelwright.api.body import parse_json
from reelwright.errors import BadRequest, Code, invalid
from reelwright.video import Draft, Image

_SIZE = re.compile(r"([0-9]{1,5})[xX×]([0-9]{1,5})")
_RESOLUTION = re.compile(r"([0-9]{2,5})[pP]")
_ASPECT = re.compile(r"([0-9]{1,3})[:/]([0-9]{1,3})")
_SHORTER_SIDE = {"1k": 1080, "2k": 1440, "4k": 2160, "sd": 480, "hd": 720, "fhd": 1080, "full hd": 1080}


def _whole(value: object) -> object:
    """Turns 16.0 into 16: JavaScript, YAML and other languages do not distinguish them."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _truth(value: object) -> object:
    """Turns words such as `true` and `off` into booleans: forms have only words, and some clients send them in JSON,
    too."""
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


Whole = Annotated[int | None, BeforeValidator(_whole)]


Upscale = Annotated[int | str | None, BeforeValidator(_whole)]


class VideoFields(BaseModel):
    """What may be asked of a video. Absent and null mean the default."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    prompt: Annotated[str, Field(description="What the video shows: 1–32,000 characters, any language")]
    num_frames: Annotated[Whole, Field(description="Number of frames")] = None
    seconds: Annotated[float | None, Field(description="Length in seconds, instead of num_frames")] = None
    fps: Annotated[Whole, Field(description="Frames a second, 1–60")] = None
    size: Annotated[str | None, Field(description='"WxH" in pixels, multiples of 8')] = None
    resolution: Annotated[str | None, Field(description='"WxH" like size, or the shorter side, for example "720p"')] = (
        None
    )
    aspect_ratio: Annotated[
        str | None, Field(description='Width to height, for example "16:9", where no size is given')
    ] = None
    width: Annotated[Whole, Field(description="Width in pixels")] = None
    height: Annotated[Whole, Field(description="Height in pixels")] = None
    motion_bucket_id: Annotated[Whole, Field(description="SVD: amount of motion, 1–255")] = None
    noise_aug_strength: Annotated[float | None, Field(description="SVD: noise added to the image, 0–1")] = None
    negative_prompt: Annotated[str | None, Field(description="What the video should not show")] = None
    seed: Annotated[Whole, Field(description="0 … 2^63−1; drawn and reported when absent")] = None
    num_inference_steps: Annotated[Whole, Field(description="Denoising steps")] = None
    guidance_scale: Annotated[float | None, Field(description="How closely to follow the prompt")] = None
    generate_audio: Annotated[
        bool | None,
        BeforeValidator(_truth),
        Field(description="Whether the video has sound; absent: as the model makes it by itself"),
    ] = None
    engine: Annotated[str | None, Field(description="Which engine makes the video")] = None
    model: Annotated[str | None, Field(description="Which model of the engine")] = None
    interpolate: Annotated[
        Whole, Field(description="Multiply the frame rate of the finished clip, by motion interpolation: 2–8")
    ] = None
    upscale: Annotated[
        Upscale, Field(description="Enlarge the finished frames: a factor, or the name of an upscaling model")
    ] = None
    extra_params: Annotated[dict[str, Any] | None, Field(description="Options of one engine only")] = None


def read_fields(fields: Mapping[str, Any], *, typed: bool) -> VideoFields:
    """The typed fields of a body. `typed` false (forms) takes numbers from strings.

    Raises `BadRequest`: `prompt_missing`, or the first field that is of the wrong type, by name.
    """
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or prompt == "":
        raise BadRequest("The prompt is missing", code=Code.PROMPT_MISSING, field="prompt")
    try:
        return VideoFields.model_validate(_with_object(fields), strict=typed)
    except ValidationError as error:
        raise _first_problem(error, fields) from None


def _with_object(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """`extra_params` may be an object or its JSON text."""
    extra = fields.get("extra_params")
    if not isinstance(extra, str):
        return fields
    try:
        return {**fields, "extra_params": parse_json(extra)}
    except BadRequest as error:
        raise invalid("extra_params", extra, f"Must be a JSON object or the text of one. {error.message}.") from None


def _first_problem(error: ValidationError, fields: Mapping[str, Any]) -> BadRequest:
    problem = error.errors(include_url=False, include_context=False)[0]
    name = str(problem["loc"][0])
    wanted = {
        "int": "Must be a whole number.",
        "float": "Must be a number.",
        "finite": "Must be a finite number.",
        "string": "Must be a string.",
        "bool": "Must be true or false.",
        "dict": "Must be an object.",
    }
    allowed = next(
        (text for kind, text in wanted.items() if problem["type"].startswith(kind)), "It is of the wrong type."
    )
    return invalid(name, fields.get(name), allowed)


def to_draft(
    fields: VideoFields, image: Image | None, defaults: Mapping[str, Any], last_image: Image | None = None
) -> Draft:
    """The draft; `defaults` fill what the client left open (the native dialect's fixed ones)."""
    width, height = _size(fields)
    values: dict[str, Any] = {
        "num_frames": fields.num_frames,
        "fps": fields.fps,
        "motion_bucket_id": fields.motion_bucket_id,
        "noise_aug_strength": fields.noise_aug_strength,
        "default_size": None,
    }
    for name, default in defaults.items():
        if values[name] is None and not (name == "num_frames" and fields.seconds is not None):
            values[name] = default
    return Draft(
        prompt=fields.prompt,
        engine=fields.engine,
        model=fields.model,
        width=width,
        height=height,
        resolution=_shorter_side(fields.resolution),
        aspect_ratio=_aspect_ratio(fields.aspect_ratio),
        seconds=fields.seconds,
        seed=fields.seed,
        negative_prompt=fields.negative_prompt,
        num_inference_steps=fields.num_inference_steps,
        guidance_scale=fields.guidance_scale,
        generate_audio=fields.generate_audio,
        image=image,
        last_image=last_image,
        params=fields.extra_params or {},
        interpolate=fields.interpolate,
        upscale=fields.upscale,
        **values,
    )


def _size(fields: VideoFields) -> tuple[int | None, int | None]:
    """Width and height from `size`, `resolution` or the two numbers; contradictions are refused."""
    width, height = fields.width, fields.height
    for name in ("size", "resolution"):
        text = getattr(fields, name)
        if text is None or (name == "resolution" and _shorter_side(text)):
            continue
        match = _SIZE.fullmatch(text.strip())
        if match is None:
            other = ' or a resolution like "720p"' if name == "resolution" else ""
            raise invalid(name, text, f'Must be "WIDTHxHEIGHT" in pixels, for example "512x512"{other}.')
        asked = int(match[1]), int(match[2])
        if (width if width is not None else asked[0], height if height is not None else asked[1]) != asked:
            raise invalid(name, text, f"It contradicts width={width} and height={height}; send one of them.")
        width, height = asked
    return width, height


def _shorter_side(text: str | None) -> int | None:
    """Pixels of the shorter side, from "720p" and its like; None for anything else."""
    name = (text or "").strip().lower()
    match = _RESOLUTION.fullmatch(name)
    return int(match[1]) if match else _SHORTER_SIDE.get(name)


def _aspect_ratio(text: str | None) -> tuple[int, int] | None:
    if text is None or text.strip().lower() in ("auto", "adaptive"):
        return None
    match = _ASPECT.fullmatch(text.strip())
    if match is None or not int(match[1]) or not int(match[2]):
        raise invalid("aspect_ratio", text, 'Must be width:height, for example "16:9".')
    return int(match[1]), int(match[2])
