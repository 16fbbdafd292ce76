"""The words of the house: `Draft`, `VideoSpec`, `Video` and what belongs to them.

Plain immutable values without any I/O. This module knows nothing of HTTP, databases or engines.

A `Draft` is what a client asked for, with gaps. The catalog checks it against an engine's card and fills the gaps: the
result is a `VideoSpec`, which holds everything that shapes a video. A `Video` is one spec's life: its state, its times,
its file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

MAX_PROMPT_CHARACTERS = 32_000
MAX_SEED = 2**63 - 1

LATER_FIELDS = ("generate_audio", "last_image", "extends", "interpolate", "upscale")
"""Fields of a spec that the first version did not know."""


class Task(StrEnum):
    """What kind of input becomes a video."""

    TEXT_TO_VIDEO = "text-to-video"
    IMAGE_TO_VIDEO = "image-to-video"


class Status(StrEnum):
    """The four states of a video. A cancelled one is `failed` with the error code `cancelled`."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def terminal(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An input image that was checked and stored: its SHA-256 (hex) names the stored bytes."""

    sha256: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Enlargement:
    """How the finished frames are enlarged: `factor` times each way, by the upscaling model in the file `model`.

    `own_factor` is the model's; where it is the larger one, what the model makes is reduced. `sha256` (hex) is that of
    the file, so that another file of that name makes another video.
    """

    model: str
    sha256: str
    own_factor: int
    factor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a client asked for. `None` means: the server's or the engine's own default.

    Units: sizes in pixels, `seconds` in seconds, `fps` in frames a second. `resolution` is the shorter side ("720p"),
    `aspect_ratio` is width : height; both count where no width and height are given. `default_size` (width, height) is
    the dialect's own, in place of the card's. `params` are engine-specific extras, passed on to engines whose card
    takes them. `last_image` is the picture that the video ends with; `generate_audio` asks for sound, or for none.
    `interpolate` multiplies the frame rate of the finished clip; `upscale` enlarges its frames: by a factor, or with
    the upscaling model of that name.
    """

    prompt: str
    engine: str | None = None
    model: str | None = None
    width: int | None = None
    height: int | None = None
    resolution: int | None = None
    aspect_ratio: tuple[int, int] | None = None
    default_size: tuple[int, int] | None = None
    num_frames: int | None = None
    seconds: float | None = None
    fps: int | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    motion_bucket_id: int | None = None
    noise_aug_strength: float | None = None
    generate_audio: bool | None = None
    image: Image | None = None
    last_image: Image | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    interpolate: int | None = None
    upscale: int | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The finished file that a video goes on from: its SHA-256 (hex), and what was found in it.

    Sizes in pixels, `fps` in frames a second. `video_id` is None where the file was sent.
    """

    sha256: str
    width: int
    height: int
    num_frames: int
    fps: float
    video_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """A field that the client sent and that did not shape the video, and why: `reason` ends the sentence."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field} was not used: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSpec:
    """Everything that shapes a video, complete and checked against the engine's card.

    `seed` is always set; `seed_given` tells whether the client chose it (then an equal spec may be answered with an
    existing video). `unused` are the fields that the client sent and that the engine's card cannot honour.

    Width, height, `num_frames` and `fps` are the engine's. After it the frame rate is multiplied by `interpolate`, and
    `upscale` enlarges the frames: `final_…` is what the file then has.

    With `extends` the engine makes `num_frames` from `image`, which is the last frame of that file, and the finished
    video is the file with all but the first of them behind it.
    """

    prompt: str
    engine: str
    model: str
    task: Task
    width: int
    height: int
    num_frames: int
    fps: int
    seed: int
    seed_given: bool = False
    negative_prompt: str | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    motion_bucket_id: int | None = None
    noise_aug_strength: float | None = None
    generate_audio: bool | None = None
    image: Image | None = None
    last_image: Image | None = None
    extends: Source | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    interpolate: int = 1
    upscale: Enlargement | None = None
    unused: tuple[Unused, ...] = ()

    @property
    def total_frames(self) -> int:
        """Of the finished video."""
        return self.num_frames + (self.extends.num_frames - 1 if self.extends else 0)

    @property
    def seconds(self) -> float:
        """Of what the engine makes."""
        return self.num_frames / self.fps

    @property
    def total_seconds(self) -> float:
        """Of the finished video."""
        return self.total_frames / self.extends.fps if self.extends else self.seconds

    @property
    def refined(self) -> bool:
        """Whether something is done to the engine's clip before it is stored."""
        return self.interpolate > 1 or self.upscale is not None

    @property
    def final_fps(self) -> int:
        return self.fps * self.interpolate

    @property
    def final_frames(self) -> int:
        return self.total_frames * self.interpolate

    @property
    def pixel_frames(self) -> int:
        """Width × height × frames of what is made for it, as it is in the file."""
        width, height = self.final_size
        return width * height * self.num_frames * self.interpolate

    @property
    def final_size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        factor = self.upscale.factor if self.upscale else 1
        return self.width * factor, self.height * factor

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping; `from_json` turns it back into an equal spec."""
        # Not `asdict`, which copies every value by itself.
        values = {name: getattr(self, name) for name in self.__slots__}
        # What came later is told only where it is used: a program of before can then read the rest.
        later = {name: value for name in LATER_FIELDS if (value := values.pop(name)) not in (None, 1) or value is True}
        told = {name: value if isinstance(value, int) else dataclasses.asdict(value) for name, value in later.items()}
        return (
            values
            | {
                "image": dataclasses.asdict(self.image) if self.image else None,
                "unused": [dataclasses.asdict(one) for one in self.unused],
            }
            | told
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        values = dict(data)
        values["task"] = Task(values["task"])
        # Rows of the first version hold the names only.
        named = [{"field": name, "reason": "the model cannot do it."} for name in values.pop("dropped", ())]
        values["unused"] = tuple(Unused(**one) for one in values.get("unused", named))
        for name, kind in (("image", Image), ("last_image", Image), ("extends", Source), ("upscale", Enlargement)):
            if values.get(name) is not None:
                values[name] = kind(**values[name])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Somebody who wants to be told about a video: where, and of which events.

    `dialect` names the form of the message; `base_url` is the server's own address as the client knows it.
    """

    url: str
    dialect: str
    events: tuple[str, ...]
    base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a video failed, as it is stored and told. `code` is one of `errors.Code`; `retry_after` is in seconds.

    `field` names the request's field that was at fault, if one was.
    """

    code: str
    message: str
    details: str | None = None
    retry_after: float | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """The finished file: its key in the store, its size in bytes, its SHA-256 (hex) and what the probe measured."""

    key: str
    size: int
    sha256: str
    width: int
    height: int
    num_frames: int
    fps: float
    codec: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """One video and its life. All times are aware UTC; `progress` is 0–100 and measured; `position` is its place among
    those that wait for the same engine, from 1, while it waits.

    `trace` names the span of its submission (a W3C `traceparent`), if there are traces. `asked` (JSON) is what the
    client sent, for a dialect that shows it again. `stage`: what its engine does now that no progress measures, such as
    `loading the weights`. `resumable`: it has failed, and a new video can go on from what it had done; `resumed_from`:
    this one does, from that one's. `key` is the id of the API key that asked for it, empty where none was;
    `most_running`: as many videos of that key may be made at one time, None: any number.
    """

    id: str
    owner: str
    status: Status
    spec: VideoSpec
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    progress: int = 0
    position: int | None = None
    attempt: int = 0
    file: MadeFile | None = None
    failure: Failure | None = None
    made_with: Mapping[str, Any] = field(default_factory=dict)
    remixed_from: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    trace: str | None = None
    asked: Mapping[str, Any] | None = None
    stage: str | None = None
    resumed_from: str | None = None
    resumable: bool = False
    key: str = ""
    most_running: int | None = None

    @property
    def generation_seconds(self) -> float | None:
        """Seconds from the first frame's start to the finished file, once there is one."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()
