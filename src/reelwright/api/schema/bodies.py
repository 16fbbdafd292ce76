"""Schemas of request bodies: our fields, bounded as this server's models are, under the names of a dialect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from reelwright.api.fields import VideoFields
from reelwright.api.request_options import MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_VALUE, PRIORITIES
from reelwright.api.schema.json_schema import Schema, flag, nullable, number, text, whole, words
from reelwright.api.vocabulary import Vocabulary
from reelwright.engines.catalog import optional_bounds
from reelwright.engines.engine import Card
from reelwright.engines.refinements import MOST_INTERPOLATION, Refinements
from reelwright.media import images
from reelwright.video import MAX_PROMPT_CHARACTERS

TEXT = r"^[^\u0000]*$"
PROMPT = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
"""At least one character that is not white space, and no NUL."""
SIZE = r"^\s*[0-9]{1,5}[xX×][0-9]{1,5}\s*$"
ASPECT = r"^\s*([0-9]{1,3}[:/][0-9]{1,3}|[Aa][Uu][Tt][Oo]|[Aa][Dd][Aa][Pp][Tt][Ii][Vv][Ee])\s*$"
ADDRESS = r"^([Dd][Aa][Tt][Aa]:|[Hh][Tt][Tt][Pp][Ss]?://)"
"""A data URI or a URL."""
LARGEST = f"{images.MAX_BYTES // 1_000_000} MB"
IMAGE = f"The picture that the video begins with: PNG, JPEG or WebP, at most {LARGEST}; a data URI or an http(s) URL"
LAST_IMAGE = IMAGE.replace("begins", "ends")
IMAGE_FILE = (
    f"The picture that the video begins with: a PNG, JPEG or WebP file of at most {LARGEST} (or its data URI, or URL)"
)
LAST_IMAGE_FILE = IMAGE_FILE.replace("begins", "ends")
EXAMPLE = {"prompt": "A beautiful sunset over the ocean"}


def field_schemas(cards: Sequence[Card], refinements: Refinements) -> dict[str, Schema]:
    """The schemas of our fields, by name. A number's bounds are the widest of all cards: no model here allows more."""
    bounds: dict[str, tuple[float, float]] = {
        "num_frames": (min(c.min_frames for c in cards), max(c.max_frames for c in cards)),
        "fps": (1, max(c.max_fps for c in cards)),
        "interpolate": (1, MOST_INTERPOLATION),
        "seconds": (min(max(c.min_frames / c.max_fps, 0.01) for c in cards), max(c.max_frames for c in cards)),
    }
    for card in cards:
        for name, (low, high) in optional_bounds(card).items():
            known = bounds.get(name, (low, high))
            bounds[name] = (min(low, known[0]), max(high, known[1]))
    for side in ("width", "height"):
        bounds[side] = (min(c.min_side for c in cards), max(c.max_side for c in cards))
    fields = {name: _field(name, bounds) for name in VideoFields.model_fields}
    fields["upscale"] = _upscale(refinements)
    step = math.gcd(*(card.side_multiple for card in cards))
    for side in ("width", "height"):
        fields[side]["multipleOf"] = step
    return fields


def _upscale(refinements: Refinements) -> Schema:
    description = str(VideoFields.model_fields["upscale"].description)
    if refinements.problem:
        return whole(f"{description}. None here: {refinements.problem}", minimum=1, maximum=1)
    names = [one.name for one in refinements.upscalers]
    most = max(one.factor for one in refinements.upscalers)
    return {"description": description, "anyOf": [whole(minimum=1, maximum=most), text(enum=names)]}


def _field(name: str, bounds: Mapping[str, tuple[float, float]]) -> Schema:
    description = str(VideoFields.model_fields[name].description)
    if name in bounds:
        low, high = bounds[name]
        kind = number if name in ("seconds", "guidance_scale", "noise_aug_strength") else whole
        return kind(description, minimum=low, maximum=high)
    match name:
        case "prompt":
            bound = {"minLength": 1, "maxLength": MAX_PROMPT_CHARACTERS, "pattern": PROMPT}
            return text(description, **bound, examples=[EXAMPLE["prompt"]])
        case "negative_prompt":
            return text(description, maxLength=MAX_PROMPT_CHARACTERS, pattern=TEXT)
        case "size":
            return text(description, pattern=SIZE, examples=["512x512"])
        case "resolution":
            return text(description, examples=["720p"])
        case "aspect_ratio":
            return text(description, pattern=ASPECT, examples=["16:9"])
        case "generate_audio":
            return flag(description)
        case "extra_params":
            return words({}, description)
        case _:
            return text(description)


def beside_schemas() -> dict[str, Schema]:
    """The schemas of what a body may hold that does not shape the video: metadata, priority and webhook."""
    kept = text(maxLength=MAX_METADATA_VALUE, pattern=TEXT)
    return {
        "metadata": words(
            kept,
            "Names and values of the client's own, kept with the video",
            maxProperties=MAX_METADATA,
            propertyNames={"maxLength": MAX_METADATA_NAME, "pattern": TEXT},
        ),
        "priority": whole(
            "The order among the caller's own waiting videos: a lower one comes first",
            minimum=PRIORITIES[0],
            maximum=PRIORITIES[-1],
        ),
        "webhook": text("An http or https URL that is told when the video has ended", pattern=r"^https?://"),
    }


def body_fields(names: Vocabulary, schemas: Mapping[str, Schema], special: Mapping[str, Schema]) -> dict[str, Schema]:
    """The schemas of a dialect's fields, by the dialect's names: first those that we have, too, then the others.

    `schemas`: those of our fields. `special` comes before them: the fields that only the dialect has, and those of ours
    that it writes in another form.
    """
    order = [*VideoFields.model_fields]

    def place(name: str) -> tuple[int, str]:
        own = names.renamed.get(name, name)
        return (order.index(own) if own in order else len(order) + (name in names.tolerated), name)

    found: dict[str, Schema] = {}
    for name in sorted(names.known(), key=place):
        if name in special:
            found[name] = special[name]
        elif name in names.tolerated:
            found[name] = {"description": "Accepted because some clients send it, and ignored"}
        else:
            found[name] = schemas[names.renamed.get(name, name)]
    return found


def json_body(fields: Mapping[str, Schema], required: Sequence[str] = ("prompt",)) -> Schema:
    """A JSON object with these fields and no others. A field that is not `required` may be null: it is absent then."""
    properties = {name: schema if name in required else nullable(schema) for name, schema in fields.items()}
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def form_body(fields: Mapping[str, Schema], files: Mapping[str, str] | None = None) -> Schema:
    """A form with these fields and no others. `files`: the descriptions of fields that may be files, by name."""
    properties = {name: _in_form(schema) for name, schema in fields.items()}
    for name, description in (files or {}).items():
        properties[name] = text(description, format="binary")
    return {"type": "object", "properties": properties, "required": ["prompt"], "additionalProperties": False}


def _in_form(schema: Schema) -> Schema:
    """The schema of a field in a form: an object is sent as JSON text, and a field of any type as text."""
    if "type" not in schema and "anyOf" not in schema:
        return text(schema["description"])
    if schema.get("type") != "object":
        return schema
    return text(f"{schema.get('description', '')}; the text of a JSON object", contentMediaType="application/json")


def content(**bodies: Mapping[str, Any]) -> dict[str, Any]:
    """A request body: its media type object for each of `json`, `form` (urlencoded) and `multipart`."""
    types = {
        "json": "application/json",
        "multipart": "multipart/form-data",
        "form": "application/x-www-form-urlencoded",
    }
    return {"required": True, "content": {types[kind]: dict(body) for kind, body in bodies.items()}}
