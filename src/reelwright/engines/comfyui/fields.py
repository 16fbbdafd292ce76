"""The fields of a request that a workflow may take, and the names that people give them in graphs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

TEXT_FIELDS = ("prompt", "negative_prompt")
IMAGE_FIELDS = ("image", "last_image")
NUMBER_FIELDS = (
    "seed",
    "width",
    "height",
    "num_frames",
    "fps",
    "seconds",
    "num_inference_steps",
    "guidance_scale",
)
FIELDS = TEXT_FIELDS + NUMBER_FIELDS + IMAGE_FIELDS
WHOLE_FIELDS = frozenset({"seed", "width", "height", "num_frames", "num_inference_steps"})
"""Those whose values are whole numbers."""

ENCODER_TEXTS = ("text", "prompt", "user_prompt", "clip_l", "clip_g", "t5xxl", "text_g", "text_l", "llama", "bert")
"""Inputs of text encoders that hold the prompt."""
LENGTHS = ("length", "num_frames", "video_frames", "frames", "frame_count")
"""Inputs that hold a number of frames."""

INPUTS = {
    "prompt": ("value", "string", "positive_prompt", *ENCODER_TEXTS),
    "negative_prompt": ("value", "string", "negative_prompt", *ENCODER_TEXTS),
    "seed": ("seed", "noise_seed", "value"),
    "width": ("width", "value"),
    "height": ("height", "value"),
    "num_frames": (*LENGTHS, "amount", "batch_size", "value"),
    "fps": ("fps", "frame_rate", "value"),
    "seconds": ("seconds", "duration", "value"),
    "num_inference_steps": ("steps", "value"),
    "guidance_scale": ("cfg", "guidance", "guidance_scale", "cfg_scale", "value"),
    "image": ("image",),
    "last_image": ("image",),
}
"""Which inputs of a node that is named after a field may hold that field; of numbers and pictures the first counts."""

_NAMES = {
    "prompt": ("positive", "positive prompt", "text prompt"),
    "negative_prompt": ("negative", "negative prompt"),
    "seed": ("noise seed", "random seed"),
    "width": (),
    "height": (),
    "num_frames": ("frames", "number of frames", "frame count", "length", "video frames"),
    "fps": ("frame rate", "frames per second"),
    "seconds": ("duration", "duration (seconds)"),
    "num_inference_steps": ("steps", "sampling steps"),
    "guidance_scale": ("cfg", "cfg scale", "guidance"),
    "image": ("start image", "first image", "input image", "first frame", "start frame"),
    "last_image": ("end image", "last frame", "end frame"),
}


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


_FIELDS = {_plain(name): field for field, names in _NAMES.items() for name in (field, *names)}
_FIELDS |= {name.replace(" ", ""): field for name, field in _FIELDS.items()}


def field_named(name: str) -> str | None:
    """The field that people mean by this name."""
    return _FIELDS.get(_plain(name))


class Rule(StrEnum):
    """How a field's place was found; an earlier rule overrules a later one."""

    SIDECAR = "sidecar"
    TITLE = "title"
    PLACEHOLDER = "placeholder"
    DETECTED = "detected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One input of one node that a field is written to. `low` and `high` are the least and the greatest value that
    ComfyUI takes there, where they are known. `template`: its text holds the field's placeholder.
    """

    node: str
    input: str
    low: float | None = None
    high: float | None = None
    template: bool = False

    def __str__(self) -> str:
        return f"{self.node}.{self.input}"


def place_of(written: str) -> tuple[str, str]:
    """Node and input of `id.input`, cut at the first dot: ids may hold colons, inputs may hold dots."""
    node, _, name = written.partition(".")
    return node, name


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that the workflow honours: where it is written, how that was found, and the value in the file itself.

    `own` is None where the file holds a placeholder without a default, and for texts that nobody has to give.
    """

    name: str
    targets: tuple[Target, ...]
    rule: Rule
    own: str | int | float | None = None

    @property
    def low(self) -> float | None:
        """The least value that all its places take."""
        return max((target.low for target in self.targets if target.low is not None), default=None)

    @property
    def high(self) -> float | None:
        """The greatest value that all its places take."""
        return min((target.high for target in self.targets if target.high is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that whoever offers the workflow should know. `field`: the field that is not honoured for it."""

    field: str | None
    why: str
