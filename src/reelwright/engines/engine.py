"""What an engine is: a card that says what it can do, and sync code that runs in a child process.

An engine knows nothing of HTTP, queues or databases. It gets a `RenderJob` and a `Report`, and leaves a clip: either
frames written into the job's shared frame buffer, or one encoded file where its `clip` says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from reelwright.media.clip import NO_FRAMES, Clip, FrameBuffer
from reelwright.store.files import CLIP
from reelwright.tracing import NO_SPAN, Span
from reelwright.video import Task, VideoSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What one model of one engine can do, as data. The API sees cards, never engines.

    Sizes are in pixels a side; `sizes` are the only ones (width, height) of a model that makes few. `max_pixel_frames`
    bounds width × height × frames. `honours` lists the optional request fields that change the result
    (`negative_prompt`, `num_inference_steps`, `guidance_scale`, `motion_bucket_id`, `noise_aug_strength`, `image`,
    `last_image`, `generate_audio`, `seed`); others a client sends are dropped and named in the video's record.
    `ends_alone`: it takes a last image without a first one, too.
    `params` are the names in `extra_params` that the engine reads. `prompt_tokens` is how much of a prompt the model
    reads, in tokens (about 4 letters of English each); what comes after them changes nothing. None: all of it, or the
    engine does not know.
    `paid`: somebody else makes the videos and charges for each; None: the engine does not know.
    `initial_checkpoint`: the first checkpoint that a job of this model saves, if it is the same for every job. It is
    stored with the job's row, which saves the engine one wait for a commit.
    """

    engine: str
    model: str
    title: str
    description: str
    generative_ai: bool
    tasks: tuple[Task, ...]
    honours: frozenset[str]
    sizes: tuple[tuple[int, int], ...] = ()
    min_side: int = 64
    max_side: int = 1920
    side_multiple: int = 8
    min_frames: int = 1
    max_frames: int = 600
    max_fps: int = 60
    max_pixel_frames: int
    default_width: int = 512
    default_height: int = 512
    default_frames: int = 24
    default_fps: int = 12
    default_steps: int | None = None
    max_steps: int = 200
    deterministic: bool
    resumes: bool
    ends_alone: bool = False
    license: str | None = None
    paid: bool | None = False
    prompt_tokens: int | None = None
    params: frozenset[str] = frozenset()
    initial_checkpoint: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderJob:
    """One attempt at one video: what to render, and where its files may lie. The server makes it, the messages carry
    it into the engine's process, and the engine gets it.

    `scratch` is a folder of this job's own, which the engine makes when it needs it; it outlives a crash on this
    machine. `image_path` is the checked input image, `last_image_path` the one that the video ends with. `checkpoint`
    is the state that an earlier attempt saved last, or None; `initial_checkpoint_stored`: the card's
    `initial_checkpoint` was stored together with the row.

    `seconds_left` is the limit of the whole job, counted from now; infinite where there is none. `silence_s`: the
    server ends the job when it has heard no sign of progress for so long; None: it waits for ever. `trace` names the
    span (a W3C traceparent) that the spans of the engine's process are parts of.

    Two fields belong to one process and do not cross. `frames` is the shared buffer of shape (num_frames, height,
    width, 3), uint8, sRGB; it has no room before the engine's process has the job. `span` is the trace of `generate`:
    an engine may divide it into its own stages.
    """

    video_id: str
    attempt: int
    spec: VideoSpec
    scratch: Path
    image_path: Path | None = None
    last_image_path: Path | None = None
    checkpoint: Mapping[str, Any] | None = None
    initial_checkpoint_stored: bool = False
    seconds_left: float = math.inf
    silence_s: float | None = None
    trace: str | None = None
    frames: FrameBuffer = NO_FRAMES
    span: Span = NO_SPAN

    @property
    def clip(self) -> Path:
        """Where an encoded clip may be written, also one that has arrived in part; it outlives a crash, too.

        Not in the folder: making and removing one for each job costs more than writing a small file.
        """
        return self.scratch.with_name(self.scratch.name + CLIP)

    @property
    def sound(self) -> Path:
        """Where the clip's sound is written (`Sound.write`), if it has any."""
        return self.scratch / "sound.npy"

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads in the engine's process; paths are as they are, so they have to be absolute."""
        return {
            "video_id": self.video_id,
            "attempt": self.attempt,
            "spec": self.spec.to_json(),
            "scratch": str(self.scratch),
            "image_path": str(self.image_path) if self.image_path else None,
            "last_image_path": str(self.last_image_path) if self.last_image_path else None,
            "checkpoint": self.checkpoint,
            "initial_checkpoint_stored": self.initial_checkpoint_stored,
            "seconds_left": None if math.isinf(self.seconds_left) else self.seconds_left,
            "silence_s": self.silence_s,
            "trace": self.trace,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RenderJob:
        """Raises KeyError, TypeError or ValueError for what `to_json` has not made."""
        seconds_left = value["seconds_left"]
        return cls(
            video_id=value["video_id"],
            attempt=value["attempt"],
            spec=VideoSpec.from_json(value["spec"]),
            scratch=Path(value["scratch"]),
            image_path=Path(value["image_path"]) if value["image_path"] else None,
            last_image_path=Path(value["last_image_path"]) if value["last_image_path"] else None,
            checkpoint=value["checkpoint"],
            initial_checkpoint_stored=value["initial_checkpoint_stored"],
            seconds_left=math.inf if seconds_left is None else seconds_left,
            silence_s=value["silence_s"],
            trace=value["trace"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What `generate` returns: the clip, and the facts that shaped it (model revision, provider, steps, versions)."""

    clip: Clip
    facts: Mapping[str, Any] = field(default_factory=dict)


class Report(Protocol):
    """How a running job talks back. Every method raises `errors.Cancelled` once the job has been cancelled."""

    def progress(self, done: int, total: int) -> None:
        """`done` of `total` measured units of work (steps, frames) are finished."""
        ...

    def stage(self, name: str | None) -> None:
        """What the job is at now and no progress measures, for whoever waits (`loading the weights`); None: no more.

        It ends with the next unit of progress, too. While it lasts the job counts as alive as long as the process works
        or reads.
        """
        ...

    def moved(self) -> None:
        """Something was done that is no unit of progress: a part of a step, some bytes of a file. Cheap: call it
        often."""
        ...

    def preview(self, data: bytes, media_type: str) -> None:
        """A small picture (WebP, JPEG) of how far it is."""
        ...

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        """Save `state` (JSON) with the job; returns only when it is durable. A later attempt gets it back.

        A `file` in it names a file of the scratch folder that belongs to it; it is saved and comes back, too, wherever
        the later attempt runs.
        """
        ...

    def wait(self, seconds: float) -> None:
        """Sleep, but end at once with `Cancelled` when the job is cancelled."""
        ...


class Engine(Protocol):
    """Sync code in a child process. Constructed with its options; imports heavy libraries in `load`, not before."""

    def load(self) -> Mapping[str, Any]:
        """Load what generation needs, once. Returns facts for the record (library versions, device)."""
        ...

    def generate(self, job: RenderJob, report: Report) -> Made:
        """Make the clip. Called from a thread of its own. Raises `errors.EngineError` with a clear message."""
        ...

    def state(self) -> Mapping[str, Any]:
        """What `/health` should show of the engine's inside (small, JSON); asked for after every job."""
        ...
