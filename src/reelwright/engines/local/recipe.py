"""A recipe: how a family of video models is loaded and asked, as data. Nothing here imports torch.

A recipe names the diffusers classes and the weights, the numbers a request gets when it leaves them out, which request
fields the pipeline honours and under which argument, how large its components are and what a run takes beside them,
and what it may promise (resuming to the same bits, batching). The code that runs a recipe knows no family by name.

Licence notes are pointers: the model's page has the terms that count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reelwright.video import Task

GIB = 1024**3


class Placement(StrEnum):
    """Where the weights are while a job runs, from the fastest to the leanest.

    `RESIDENT`: all on the device. `MODEL`: one component at a time on the device, the rest in main memory.
    `GROUPED`: a few layers at a time, the next ones on their way while these work (diffusers' group offloading).
    `LEAN`: for a machine without a GPU: only the pipeline at work is in memory.
    """

    RESIDENT = "resident"
    MODEL = "model"
    GROUPED = "grouped"
    LEAN = "lean"


class LatentSpace(StrEnum):
    """How a pipeline's latents relate to its VAE's: times a factor, standardised per channel, or both."""

    SCALED = "scaled"
    STANDARDISED = "standardised"
    STANDARDISED_SCALED = "standardised_scaled"


class LatentAxes(StrEnum):
    """The order of a pipeline's latents: frames before channels, channels before frames, or packed to tokens."""

    FRAMES_FIRST = "bfchw"
    CHANNELS_FIRST = "bcfhw"
    PACKED = "packed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A placement, and how frames are decoded there: `decode_chunk` at a time, or in tiles of each frame.

    Both change the result within rounding. What a tier takes of the memory is computed in footprint.py.
    """

    placement: Placement
    decode_chunk: int | None = None
    tiled_decode: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The most that a run holds on the device beside the weights, in bytes: `fixed`, + `pixel` for each pixel of a
    frame, + `volume` for each pixel of each frame.

    Measured in the recipe's own dtypes by benchmarks/local/peaks.py, which follows every tensor of the real
    configuration without computing any.
    """

    fixed: int = 0
    pixel: float = 0.0
    volume: float = 0.0

    def at(self, pixels: int, frames: int) -> int:
        """Bytes for `frames` frames of `pixels` pixels each."""
        return round(self.fixed + pixels * (self.pixel + self.volume * frames))


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRule:
    """A pipeline makes only counts of the form `step` × k + `offset` (k ≥ 0)."""

    step: int = 1
    offset: int = 0

    def at_least(self, frames: int) -> int:
        """The smallest count the pipeline makes that is not below `frames`; the first `frames` of it are kept."""
        above = max(0, frames - self.offset)
        return max(1, -(-above // self.step) * self.step + self.offset)


class Expert(StrEnum):
    """Which denoisers an adapter acts on, where a model has one for the noisy steps and one for the others."""

    BOTH = "both"
    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """How the scheduler of a run differs from the one that lies with the weights.

    `kind`: a scheduler class of diffusers, None for the repository's own. `changes`: of its settings. `shifts`: pairs
    (pixels of a frame, flow shift), by size; a frame of up to so many pixels has that shift, a larger one the last.
    """

    kind: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    shifts: tuple[tuple[int, float], ...] = ()

    def shift(self, pixels: int) -> float | None:
        """The flow shift for frames of `pixels` pixels, None where the scheduler's own stays."""
        return next(
            (shift for most, shift in self.shifts if pixels <= most), self.shifts[-1][1] if self.shifts else None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A LoRA that a model always has on: `file` (a path inside it) of the Hub repository or folder `repo`."""

    repo: str
    file: str
    weight: float = 1.0
    expert: Expert = Expert.BOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One task of a recipe. `arguments` maps a request's field to the pipeline's argument; `fixed` are always passed.

    An argument with a dot is a setting of a component (`guider.guidance_scale`), changed for the run. `keyframes`: the
    pipeline takes its images as frames of a video (`video`, the others grey) and a mask that is white where it paints.
    `closes`: it cannot do without a last image, so the first one stands in and the video comes back to it.
    `via_image`: the pipeline itself starts from an image, so a text first becomes one (see `ImageRecipe`).
    """

    task: Task
    pipeline: str
    arguments: Mapping[str, str]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    keyframes: bool = False
    closes: bool = False
    via_image: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe:
    """A text → image stage. `repo` is a Hub id or a folder; `prompt_tokens` is how much of a prompt it reads.

    `parameters` and `decode` are as in `Recipe`.
    """

    name: str
    pipeline: str
    repo: str
    dtype: str
    steps: int
    guidance: float
    license: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    decode: Work = Work()
    prompt_tokens: int = 77
    honours_negative_prompt: bool = False
    loras: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A component that lives in a repository of its own (AnimateDiff's motion adapter).

    `instead`: it takes the place of the one that lies with the weights.
    """

    name: str
    model: str
    repo: str
    instead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One family. Sizes in pixels (`max_pixels` bounds width × height), `tiers` from the fastest to the leanest.

    `parameters`: millions of them by component, known without the files. `denoise` and `decode`: what these two take
    beside the weights; a tile of a frame has `tile` pixels a side. `component_dtypes` override `dtype`; without a GPU
    everything is float32.

    `negative_prompt` and `guidance_2` (of the expert for the last steps) are the model's own; they stand where a
    request names none. `sizes`: the only ones that it makes, if not all. `left_out`: of `steps` and `guidance`, what is
    left to the pipeline's own default where neither a request nor the model's settings name it.

    `resumes`: a job killed in the middle goes on from its last checkpoint and ends with the same bits. `batches`: how
    many requests one denoising run may carry. `decodes_apart`: the pipeline has a `decode_latents` that takes frames
    and a chunk length, so that each request of a run is decoded for itself. `levers`: the speed levers that act on this
    pipeline (see speed.py). `latent_axes` None: no previews. `prompt_tokens` is how much of a prompt the pipeline
    reads, by its tokenizer's count; None: it reads no prompt, or nobody knows. `sound_rate`: where the pipeline says
    how many samples a second its output's `audio` has, as a path of attributes; None: it makes no sound.
    """

    name: str
    title: str
    description: str
    repo: str
    variants: tuple[Variant, ...]
    dtype: str
    license: str
    parameters: Mapping[str, float]
    denoise: Work
    decode: Work
    tile: int = 256
    tiers: tuple[Tier, ...]
    width: int
    height: int
    frames: int
    fps: int
    steps: int
    guidance: float
    guidance_2: float | None = None
    negative_prompt: str | None = None
    sampler: Sampler = Sampler()
    adapters: tuple[Adapter, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    left_out: frozenset[str] = frozenset()
    max_side: int
    max_pixels: int
    max_frames: int
    side_multiple: int
    min_side: int = 64
    min_frames: int = 1
    max_steps: int = 100
    prompt_tokens: int | None = None
    sound_rate: str | None = None
    frame_rule: FrameRule = FrameRule()
    component_dtypes: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    latent_space: LatentSpace = LatentSpace.SCALED
    latent_axes: LatentAxes | None = LatentAxes.CHANNELS_FIRST
    resumes: bool
    batches: int = 1
    decodes_apart: bool = False
    loras: bool = False
    levers: frozenset[str] = frozenset()

    def variant(self, task: Task) -> Variant | None:
        return next((variant for variant in self.variants if variant.task is task), None)
