"""What a video is, for all other modules: `Draft`, `VideoSpec`, `Video` and their parts.

They are immutable values without any I/O. This module knows nothing of HTTP, databases or engines.

A `Draft` is what a client asked for; fields that it left open are None. The catalog checks it against an engine's card
and completes it: the result is a `VideoSpec`, which holds everything that shapes a video. A `Video` is a spec together
with what became of it: status, times, file.
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
"""Fields of a spec that the first version did not have. `to_json` writes them only where they are set."""


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
    """How the finished frames are enlarged: to `factor` times width and height, by the upscaling model in the file
    `model`.

    `own_factor`: by how much the model itself enlarges; where that is more than `factor`, its result is reduced.
    `sha256` (hex) is the file's: with another file of the same name the spec, and so the video, is another one.
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

    Width, height, `num_frames` and `fps` are those of the engine's clip. What is done to the clip before it is stored:
    `interpolate` multiplies its frame rate, and `upscale` enlarges its frames. `final_…` are the values of the stored
    file.

    With `extends`, `image` is the last frame of that file, and the engine makes `num_frames` that begin with it. The
    finished video is that file, followed by all of these frames but the first.
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
        """The number of frames of the finished video, before interpolation."""
        return self.num_frames + (self.extends.num_frames - 1 if self.extends else 0)

    @property
    def seconds(self) -> float:
        """The length of the engine's clip."""
        return self.num_frames / self.fps

    @property
    def total_seconds(self) -> float:
        """The length of the finished video."""
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
        """Width × height × frames of what is made for this spec, after refining; without the file that it extends."""
        width, height = self.final_size
        return width * height * self.num_frames * self.interpolate

    @property
    def final_size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        factor = self.upscale.factor if self.upscale else 1
        return self.width * factor, self.height * factor

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping; `from_json` turns it back into an equal spec."""
        # `asdict` of the whole would be slower: it copies every value.
        values = {name: getattr(self, name) for name in self.__slots__}
        # Later fields are written only where they are set, so that an earlier version can read all other specs.
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
        # The first version stored only the names of the fields that it left out, as `dropped`.
        named = [{"field": name, "reason": "the model cannot do it."} for name in values.pop("dropped", ())]
        values["unused"] = tuple(Unused(**one) for one in values.get("unused", named))
        for name, kind in (("image", Image), ("last_image", Image), ("extends", Source), ("upscale", Enlargement)):
            if values.get(name) is not None:
                values[name] = kind(**values[name])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A client's wish to be told about a video: at which URL, of which events.

    `dialect` names the form of the message; `base_url` is the server's own address as the client knows it.
    """

    url: str
    dialect: str
    events: tuple[str, ...]
    base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a video failed, as the row and the API have it. `code` is one of `errors.Code`; `retry_after` is in seconds.

    `field`: the field of the request that caused it, if one did.
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
    """One video: its spec, and what became of it until now.

    All times are in UTC and have their time zone. `progress`: 0–100, measured. `position`: while the video waits, its
    place in the queue of its engine, from 1. `stage`: what its engine does while there is no progress to measure, such
    as `loading the weights`. `trace`: the span of its submission (a W3C `traceparent`), if there are traces. `asked`
    (JSON): what the client sent, for a dialect whose answers repeat it.

    `resumable`: the video has failed, and a new one can continue from its last checkpoint. `resumed_from`: the id of
    the video that this one continues. `key`: the id of the API key that asked for it, empty if none did;
    `most_running`: how many videos of that key may be made at the same time, None: any number.
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
        """Seconds from the start of the work to its end; None before that."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()
