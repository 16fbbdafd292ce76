"""What the server tells, as plain immutable values: videos, pages of videos, models, events. No I/O."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, Literal, TypedDict, TypeVar

Status = Literal["queued", "in_progress", "completed", "failed"]
Variant = Literal["video", "poster", "thumbnail", "spritesheet", "gif", "webp", "webm"]
"""The MP4 itself, a still of it, or the same moving pictures in another format."""

BY_SUFFIX: Mapping[str, Variant] = {
    ".mp4": "video",
    ".webm": "webm",
    ".gif": "gif",
    ".webp": "webp",
    ".jpg": "poster",
    ".jpeg": "poster",
}
"""What a file of that name is to hold."""


Shape = Literal["landscape", "portrait", "square"]


class Beside(TypedDict, total=False):
    """What may be said of a job beside its video: `priority` runs from -10 (sooner) to 10; `metadata` is kept with the
    video; `webhook` is the http(s) URL that is told of its end."""

    priority: int
    metadata: Mapping[str, str]
    webhook: str


class Fields(Beside, total=False):
    """What `generate` takes beside the prompt. What is left out is the server's default.

    `size` is "WIDTHxHEIGHT" in pixels, or `resolution` the shorter side ("720p") and `aspect_ratio` the shape ("16:9");
    `seconds` is the length; `image` and `last_image`, which the video begins and ends with, are a file's path, its
    bytes, a data URI or an https URL; `generate_audio` asks for sound, or for none; `extra_params` go to the
    engine. `interpolate` multiplies the frame rate of the finished clip; `upscale` enlarges its frames, by a factor or
    with the upscaling model of that name.
    """

    size: str
    width: int
    height: int
    resolution: str
    aspect_ratio: str
    seconds: float
    num_frames: int
    fps: int
    seed: int
    negative_prompt: str
    num_inference_steps: int
    guidance_scale: float
    motion_bucket_id: int
    noise_aug_strength: float
    image: Path | bytes | str
    last_image: Path | bytes | str
    generate_audio: bool
    interpolate: int
    upscale: int | str
    engine: str
    model: str
    extra_params: Mapping[str, Any]


def variant_for(path: Path | str) -> Variant:
    """The variant that the name's ending asks for; the MP4 where it has none. Raises ValueError for another ending."""
    suffix = Path(path).suffix
    if suffix and suffix.lower() not in BY_SUFFIX:
        possible = ", ".join(BY_SUFFIX)
        raise ValueError(f"{str(path)!r} ends in {suffix}. Possible are {possible}; or name the variant.")
    return BY_SUFFIX[suffix.lower()] if suffix else "video"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a video failed: a stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """A video as the server last told it. Times are aware UTC; `raw` is the server's whole object.

    `stage`: what is done with it now that no progress measures, such as `loading the weights`. `resumable`: it has
    failed, and `resume` goes on from what it had done.
    """

    id: str
    status: Status
    progress: int = 0
    prompt: str | None = None
    model: str | None = None
    engine: str | None = None
    width: int | None = None
    height: int | None = None
    num_frames: int | None = None
    fps: int | None = None
    seed: int | None = None
    queue_position: int | None = None
    stage: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    error: Failure | None = None
    resumable: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def finished(self) -> bool:
        return self.status in ("completed", "failed")

    @property
    def shape(self) -> str:
        """The finished file's size, frames and frame rate, in words."""
        size = self.raw.get("final_size") or f"{self.width}x{self.height}"
        frames = self.raw.get("final_frames") or self.num_frames
        return f"{size.replace('x', '×')}, {frames} frames at {self.raw.get('final_fps') or self.fps} a second"


AnyVideo = TypeVar("AnyVideo", bound=VideoFacts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[AnyVideo]):
    """One page of a list; pass `last_id` as `after` for the next one while `has_more`."""

    videos: tuple[AnyVideo, ...]
    has_more: bool
    last_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model the server can use, and its card: what it can do, as the server tells it. `refinements`: what the server
    can do to its finished clips."""

    id: str
    default: bool
    card: Mapping[str, Any]
    refinements: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A link that shows a video without a key. Times are aware UTC."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One server-sent event: `progress`, `preview`, `completed` or `failed`. `id` resumes a broken stream."""

    kind: str
    id: str
    data: Mapping[str, Any]

    @property
    def picture(self) -> bytes | None:
        """The picture of a `preview`: WebP or JPEG."""
        image = self.data.get("image")
        if self.kind != "preview" or not isinstance(image, str):
            return None
        return base64.b64decode(image.partition(",")[2])


_PLAIN = ("prompt", "model", "engine", "width", "height", "num_frames", "fps", "seed", "queue_position", "stage")
_TIMES = ("created_at", "started_at", "completed_at", "expires_at")


def video_facts(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `VideoFacts` out of the server's video object."""
    error = body.get("error")
    return {
        "id": body["id"],
        "status": body["status"],
        "progress": body.get("progress") or 0,
        **{name: body.get(name) for name in _PLAIN},
        **{name: None if body.get(name) is None else time_of(body[name]) for name in _TIMES},
        "resumable": body.get("resumable") is True,
        "error": Failure(code=str(error.get("code")), message=str(error.get("message"))) if error else None,
        "raw": body,
    }


def time_of(seconds: float) -> datetime:
    """Aware UTC, out of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)
