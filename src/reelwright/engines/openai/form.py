"""A request as `/v1/videos` takes it: as JSON or as multipart form data."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.engines.openai.models import PARAMS
from reelwright.engines.openai.options import Body
from reelwright.video import VideoSpec

_OPTIONAL = (
    "negative_prompt",
    "num_inference_steps",
    "guidance_scale",
    "motion_bucket_id",
    "noise_aug_strength",
    "generate_audio",
)
"""Fields that have the same name everywhere where there is such a field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An input image: the file, and its media type."""

    path: Path
    media_type: str

    @property
    def file_name(self) -> str:
        """The name is the same at every try: a server that recognises a request by its key compares the whole body."""
        return f"image.{self.media_type.rpartition('/')[2]}"

    def data_uri(self) -> str:
        return f"data:{self.media_type};base64,{base64.b64encode(self.path.read_bytes()).decode('ascii')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The content of a create (`POST /v1/videos`). `fields`: JSON values; `pictures`: by the name of their field."""

    fields: Mapping[str, Any]
    pictures: Mapping[str, Picture]

    def content(self, body: Body) -> dict[str, Any]:
        """The keyword arguments of a POST in that form, multipart unless it is JSON."""
        if body is Body.JSON:
            return {"json": dict(self.fields) | {name: one.data_uri() for name, one in self.pictures.items()}}
        parts: list[tuple[str, Any]] = [(name, (None, _text(value))) for name, value in self.fields.items()]
        for name, one in self.pictures.items():
            parts.append((name, (one.file_name, one.path.read_bytes(), one.media_type)))
        return {"files": parts}


def form_of(spec: VideoSpec, model: str | None, image: Path | None, last_image: Path | None) -> Form:
    """`model` is the server's name of it; None: it is left out.

    `size`, `num_frames` and `fps` are always sent, `seconds` only when they are whole: vLLM-Omni refuses others.
    """
    fields: dict[str, Any] = {"prompt": spec.prompt}
    if model is not None:
        fields["model"] = model
    fields |= {"size": f"{spec.width}x{spec.height}", "num_frames": spec.num_frames, "fps": spec.fps}
    if spec.seconds == int(spec.seconds):
        fields["seconds"] = str(int(spec.seconds))
    fields["seed"] = spec.seed
    for name in _OPTIONAL:
        if (value := getattr(spec, name)) is not None:
            fields[name] = value
    fields |= {name: value for name, value in spec.params.items() if name in PARAMS}
    if further := {name: value for name, value in spec.params.items() if name not in PARAMS}:
        fields["extra_params"] = json.dumps(further, sort_keys=True, separators=(",", ":"))
    pictures: dict[str, Picture] = {}
    if image is not None and spec.image is not None:
        pictures["input_reference"] = Picture(path=image, media_type=spec.image.media_type)
    if last_image is not None and spec.last_image is not None:
        pictures["last_image"] = Picture(path=last_image, media_type=spec.last_image.media_type)
    return Form(fields=fields, pictures=pictures)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
