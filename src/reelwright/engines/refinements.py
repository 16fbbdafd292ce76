"""What this server can do to the clip of any engine: multiply its frame rate, and enlarge its frames.

By data only: the checks of a request and the list of upscaling models. The work is done by `refiner.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.errors import ConfigurationError, EngineError, invalid
from reelwright.media.probe import MAX_PIXELS, MAX_SIDE
from reelwright.store.files import sha256_of
from reelwright.video import Draft, Enlargement

MOST_INTERPOLATION = 8
MOST_UPSCALE = 8
MAX_PIXEL_FRAMES = 600_000_000
"""Width × height × frames of the finished clip: it is held in memory, 3 bytes a pixel, until it is encoded."""

WEIGHTS = ".safetensors"
FOREIGN_WEIGHTS = frozenset({".pth", ".pt", ".ckpt", ".bin", ".onnx"})
"""Weights in forms that are not read: most are pickles, which can run code."""

_FACTOR = re.compile(rf"(?<![0-9])([2-{MOST_UPSCALE}])x|x([2-{MOST_UPSCALE}])(?![0-9])", re.IGNORECASE)
_ASKED_FACTOR = re.compile(r"x?([0-9]{1,3})(\.0)?x?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upscaler:
    """An upscaling model: its file's name without the ending, its factor each way, and the file's SHA-256 (hex)."""

    name: str
    factor: int
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinements:
    """`problem`: why nothing can be enlarged here, and what would help; None when it can. `passed_over`: files of the
    folder that are not offered, each with the reason."""

    upscalers: tuple[Upscaler, ...] = ()
    passed_over: tuple[str, ...] = ()
    problem: str | None = "This server has no upscaling models. Set REELWRIGHT_UPSCALERS_DIR to a folder with some."

    def resolve(self, draft: Draft, *, width: int, height: int, num_frames: int) -> tuple[int, Enlargement | None]:
        """The factor of the frame rate, and how the frames are enlarged. The numbers are those of the engine's clip.

        Raises `BadRequest` that names the field, the value and the bound.
        """
        interpolate = 1 if draft.interpolate is None else draft.interpolate
        if not 1 <= interpolate <= MOST_INTERPOLATION:
            raise invalid(
                "interpolate",
                interpolate,
                f"Must be between 1 and {MOST_INTERPOLATION}: the frame rate is multiplied by it.",
            )
        upscale = self._enlargement(draft.upscale)
        factor = upscale.factor if upscale else 1
        long, pixels = max(width, height) * factor, width * height * factor**2
        if upscale and (long > MAX_SIDE or pixels > MAX_PIXELS):
            raise invalid(
                "upscale",
                draft.upscale,
                f"That is {width * factor}x{height * factor}; at most {MAX_SIDE} pixels a side and {MAX_PIXELS:,} in "
                "all are made. Ask for a smaller factor or a smaller video.",
            )
        total = pixels * num_frames * interpolate
        if (upscale or interpolate > 1) and total > MAX_PIXEL_FRAMES:
            field, value = ("upscale", draft.upscale) if upscale else ("interpolate", interpolate)
            raise invalid(
                field,
                value,
                f"{num_frames * interpolate} frames of {width * factor}x{height * factor} are {total:,} pixels; at "
                f"most {MAX_PIXEL_FRAMES:,} are made. Ask for a smaller factor or a shorter video.",
            )
        return interpolate, upscale

    def to_json(self) -> Mapping[str, Any]:
        """What a client may ask for, for the cards: with every model the same."""
        return {
            "interpolate": {"min": 1, "max": MOST_INTERPOLATION},
            "upscale": [{"name": one.name, "factor": one.factor} for one in self.upscalers],
            "max_pixel_frames": MAX_PIXEL_FRAMES,
        }

    def weights(self, wanted: Enlargement) -> Path:
        """The file of that upscaling model on this machine. Raises `EngineError` where it is not that very file."""
        for one in self.upscalers:
            if (one.name, one.sha256) == (wanted.model, wanted.sha256):
                return one.path
        raise EngineError(
            f"The upscaling model {wanted.model} is missing on the machine that made the video, or another file there."
        )

    def _enlargement(self, asked: int | str | None) -> Enlargement | None:
        if asked is None or asked == "":
            return None
        number = _ASKED_FACTOR.fullmatch(str(asked).strip())
        factor = int(number[1]) if number else None
        if factor == 1:
            return None
        if self.problem:
            raise invalid("upscale", asked, self.problem)
        if factor is None:
            return self._named(str(asked))
        # One that does just that, else the one that does the least more.
        fitting = sorted((one for one in self.upscalers if one.factor >= factor > 1), key=lambda one: one.factor)
        if not fitting:
            known = sorted({one.factor for one in self.upscalers})
            raise invalid(
                "upscale", asked, f"The upscaling models here enlarge up to {known[-1]} times; the least is 2."
            )
        return _by(fitting[0], factor)

    def _named(self, name: str) -> Enlargement:
        for one in self.upscalers:
            if name.removesuffix(WEIGHTS) == one.name:
                return _by(one, one.factor)
        known = ", ".join(one.name for one in self.upscalers)
        raise invalid("upscale", name, f"This server has {known}; or send a factor, for example 2.")


def _by(upscaler: Upscaler, factor: int) -> Enlargement:
    return Enlargement(model=upscaler.name, sha256=upscaler.sha256, own_factor=upscaler.factor, factor=factor)


def look_for_upscalers(folder: Path | None, lacking: str | None) -> Refinements:
    """The upscaling models in that folder, by name. `lacking`: what is missing to run them, if something is.

    Raises `ConfigurationError` when the folder cannot be read.
    """
    if folder is None:
        return Refinements()
    passed_over = []
    found = []
    try:
        for path in sorted(folder.expanduser().iterdir()):
            if path.suffix in FOREIGN_WEIGHTS:
                passed_over.append(f"{path.name} is no .safetensors file and may run code when it is read; convert it")
            elif path.suffix == WEIGHTS and (factor := factor_of(path.stem)):
                found.append(Upscaler(name=path.stem, factor=factor, path=path.absolute(), sha256=sha256_of(path)))
            elif path.suffix == WEIGHTS:
                passed_over.append(f"the name of {path.name} does not say its factor; rename it, as 4x-{path.name}")
    except OSError as error:
        raise ConfigurationError(
            f"REELWRIGHT_UPSCALERS_DIR={str(folder)!r} cannot be read ({error.strerror}). Name a folder of yours."
        ) from None
    problem = lacking
    if not found:
        problem = (
            "This server has no upscaling models: its folder has no .safetensors file whose name says the factor, "
            "as 4x-name.safetensors does."
        )
    return Refinements(upscalers=tuple(found), passed_over=tuple(passed_over), problem=problem)


def factor_of(name: str) -> int | None:
    """How many times larger an upscaling model makes a picture, as its file's name says it: 4x-…, …_x4plus."""
    match = _FACTOR.search(name)
    return int(match[1] or match[2]) if match else None
