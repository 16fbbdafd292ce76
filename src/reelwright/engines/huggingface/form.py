"""Describes, as data, which parameters each provider takes for a model, and translates a request into them.

The providers do not agree on names: one wants frames, another seconds; one pixels, another a resolution and an aspect
ratio. A `Form` describes one of them; `fill` translates a request and says what had to be adjusted, so that the record
of a video tells what was really asked for. Sources: the providers' own API pages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwright.engines.huggingface.options import ENDPOINT, Route
from reelwright.video import Task, VideoSpec

MAX_SEED = 2**31 - 1
"""Providers take signed 32-bit seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One provider's names and bounds; a name that is None is not taken.

    Exactly one of `frames` (a number of frames) and `duration` (whole seconds) tells how long the video is, if any.
    `resolutions` maps a name to its short side in pixels; `aspects` are ratios as "W:H"; `sizes` are fixed pairs.
    """

    frames: str | None = None
    min_frames: int = 1
    max_frames: int = 300
    duration: str | None = None
    durations: tuple[int, ...] = ()
    duration_as_text: bool = False
    fps: str | None = None
    min_fps: int = 1
    max_fps: int = 60
    resolutions: Mapping[str, int] = field(default_factory=dict)
    aspects: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    pixels: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    """The request's other fields, and what the provider calls them."""


_PLAIN = {name: name for name in ("negative_prompt", "num_inference_steps", "guidance_scale")}
_WIDE = ("16:9", "9:16", "1:1")

FAL_WAN = Form(
    frames="num_frames",
    min_frames=17,
    max_frames=161,
    fps="frames_per_second",
    min_fps=4,
    resolutions={"480p": 480, "580p": 580, "720p": 720},
    aspects=_WIDE,
    names=_PLAIN,
)
FAL_WAN_5B = Form(
    frames="num_frames",
    min_frames=17,
    max_frames=161,
    fps="frames_per_second",
    min_fps=4,
    resolutions={"580p": 580, "720p": 720},
    aspects=_WIDE,
    names=_PLAIN,
)
REPLICATE_WAN = Form(
    frames="num_frames",
    min_frames=81,
    max_frames=121,
    fps="frames_per_second",
    min_fps=5,
    max_fps=30,
    resolutions={"480p": 480, "720p": 720},
    aspects=("16:9", "9:16"),
)
WAVESPEED_WAN = Form(
    duration="duration",
    durations=(5, 8),
    sizes=((832, 480), (480, 832), (1280, 720), (720, 1280)),
    names={"negative_prompt": "negative_prompt"},
)
TOGETHER = Form(
    duration="seconds",
    durations=tuple(range(1, 11)),
    duration_as_text=True,
    fps="fps",
    pixels=True,
    # The hub's client renames `num_inference_steps` for this provider.
    names=_PLAIN,
)
GENERIC = Form(frames="num_frames", names=_PLAIN)
DEDICATED = Form(
    frames="num_frames",
    max_frames=600,
    fps="fps",
    pixels=True,
    names=_PLAIN | {name: name for name in ("motion_bucket_id", "noise_aug_strength")},
)


def form_for(route: Route) -> Form:
    """The form of a route; models that nobody described get the fields that the hub documents for every provider."""
    wan = "wan" in route.model.lower()
    match route.provider:
        case "fal-ai" if wan:
            return FAL_WAN_5B if "5b" in route.model.lower() else FAL_WAN
        case "replicate" if wan:
            return REPLICATE_WAN
        case "wavespeed":
            return WAVESPEED_WAN
        case "together":
            return TOGETHER
        case "endpoint":
            return DEDICATED
    return GENERIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The provider's parameters, and the request's fields that had to be changed: name → [asked, sent]."""

    parameters: Mapping[str, Any]
    adjusted: Mapping[str, list[Any]]


def fill(route: Route, spec: VideoSpec) -> Filled:
    """Translate `spec` into the parameters of the route's provider. Prompt and image are not among them."""
    form = form_for(route)
    sent: dict[str, Any] = {}
    adjusted: dict[str, list[Any]] = {}
    for name, theirs in form.names.items():
        if (value := getattr(spec, name)) is not None:
            sent[theirs] = value
    sent["seed"] = spec.seed if route.provider == ENDPOINT else spec.seed % (MAX_SEED + 1)
    _note(adjusted, "seed", spec.seed, sent["seed"])
    _fill_length(form, spec, sent, adjusted)
    _fill_size(form, spec, sent, adjusted)
    return Filled(parameters=sent, adjusted=adjusted)


def _fill_length(form: Form, spec: VideoSpec, sent: dict[str, Any], adjusted: dict[str, list[Any]]) -> None:
    if form.frames:
        sent[form.frames] = min(max(spec.num_frames, form.min_frames), form.max_frames)
        _note(adjusted, "num_frames", spec.num_frames, sent[form.frames])
    if form.duration:
        wanted = math.ceil(spec.seconds)
        seconds = next((s for s in form.durations if s >= wanted), form.durations[-1])
        sent[form.duration] = str(seconds) if form.duration_as_text else seconds
        _note(adjusted, "seconds", spec.seconds, seconds)
    if form.fps:
        sent[form.fps] = min(max(spec.fps, form.min_fps), form.max_fps)
        _note(adjusted, "fps", spec.fps, sent[form.fps])
    elif not form.frames:
        adjusted["fps"] = [spec.fps, None]


def _fill_size(form: Form, spec: VideoSpec, sent: dict[str, Any], adjusted: dict[str, list[Any]]) -> None:
    asked = f"{spec.width}x{spec.height}"
    if form.pixels:
        sent["width"], sent["height"] = spec.width, spec.height
        return
    if form.sizes:
        width, height = _nearest_size(form.sizes, spec)
        sent["size"] = f"{width}*{height}"
        _note(adjusted, "size", asked, f"{width}x{height}")
    elif form.resolutions:
        short = min(spec.width, spec.height)
        sent["resolution"] = min(form.resolutions, key=lambda name: abs(form.resolutions[name] - short))
        # An image gives its own shape: providers then take the aspect from it.
        if spec.task is Task.TEXT_TO_VIDEO:
            sent["aspect_ratio"] = min(form.aspects, key=lambda aspect: _skew(_ratio(aspect), spec))
        shape = f" {sent['aspect_ratio']}" if "aspect_ratio" in sent else ""
        adjusted["size"] = [asked, f"{sent['resolution']}{shape}"]
    else:
        adjusted["size"] = [asked, None]


def _note(adjusted: dict[str, list[Any]], name: str, asked: Any, sent: Any) -> None:
    if asked != sent:
        adjusted[name] = [asked, sent]


def _ratio(aspect: str) -> float:
    width, height = aspect.split(":")
    return int(width) / int(height)


def _skew(ratio: float, spec: VideoSpec) -> float:
    """How far an aspect ratio is from the one that was asked for; 0 when it is the same, for portrait and landscape
    alike."""
    return abs(math.log(ratio * spec.height / spec.width))


def _nearest_size(sizes: tuple[tuple[int, int], ...], spec: VideoSpec) -> tuple[int, int]:
    area = spec.width * spec.height
    return min(sizes, key=lambda size: (round(_skew(size[0] / size[1], spec), 2), abs(size[0] * size[1] - area)))
