"""The messages between the server and an engine's child process: the whole coupling of the two.

One JSON object a line over a Unix socket pair, no pickle. A `Generate` is accompanied by the file descriptor of its
frame buffer (SCM_RIGHTS). Bytes travel as base64.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwright.engines.engine import RenderJob
from reelwright.media.probe import Probe
from reelwright.video import Failure

# --- server → child ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Build the named engine with these options and load it. Answered by `Loaded`, or `Failed` without a video.

    `trace`: a traceparent, the span that the child's spans are parts of.
    """

    engine: str
    options: Mapping[str, Any]
    trace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generate:
    """Start a job. The descriptor of its frame buffer comes along."""

    job: RenderJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    video_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The checkpoint with that serial number is durable."""

    video_id: str
    serial: int


# --- child → server ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    video_id: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The job is at something that no progress measures, in words (`loading the weights`); None: no more."""

    video_id: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """The job moves, though no unit of its progress is finished."""

    video_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    video_id: str
    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    video_id: str
    serial: int
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The clip is ready: in the frame buffer (`path` None; the first `num_frames` frames), or the file at `path`.

    `probe` is what the child found when it decoded the file, `sha256` its hash once it was fsynced, if it did that.
    `sound` is the file of the sound that goes with the frames, of `sound_rate` samples a second.
    """

    video_id: str
    fps: float
    num_frames: int
    path: str | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    probe: Probe | None = None
    sha256: str | None = None
    sound: str | None = None
    sound_rate: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The engine's own state after a job, for `/health`."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A job failed, or (with `video_id` None) the engine could not be loaded.

    `ends`: the process can be used no more and ends after it.
    """

    video_id: str | None
    failure: Failure
    ends: bool = False


_KINDS = (Load, Generate, Cancel, Saved, Loaded, Progress, Stage, Alive, Preview, Checkpoint, Done, State, Failed)
Message = (
    Load | Generate | Cancel | Saved | Loaded | Progress | Stage | Alive | Preview | Checkpoint | Done | State | Failed
)
_BY_NAME: dict[str, type[Message]] = {kind.__name__.lower(): kind for kind in _KINDS}


def encode(message: Message) -> bytes:
    """One line of JSON, newline included."""
    body: dict[str, Any] = {"type": type(message).__name__.lower()}
    for name in (f.name for f in dataclasses.fields(message)):
        value = getattr(message, name)
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode("ascii")
        elif isinstance(value, RenderJob):
            value = value.to_json()
        elif isinstance(value, Failure | Probe):
            value = dataclasses.asdict(value)
        body[name] = value
    return json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """The message in one line. Raises ValueError for anything else."""
    body = json.loads(line)
    try:
        kind = _BY_NAME[body.pop("type")]
        if kind is Preview:
            body["data"] = base64.b64decode(body["data"])
        elif kind is Generate:
            body["job"] = RenderJob.from_json(body["job"])
        elif kind is Done and body.get("probe"):
            body["probe"] = Probe(**body["probe"])
        elif kind is Failed:
            body["failure"] = Failure(**body["failure"])
        return kind(**body)
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"not a message: {line[:80]!r}") from error
