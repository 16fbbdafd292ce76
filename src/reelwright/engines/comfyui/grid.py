"""Which sizes and lengths the model behind a graph makes: ComfyUI itself does not check the steps of its inputs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from reelwright.engines.comfyui.sidecar import Limits

_STEPS = (
    # Wan 2.2 5B: its VAE makes one latent pixel of 16x16, and its transformer one token of 2x2 of those.
    (re.compile(r"^Wan22ImageToVideoLatent$"), 32, 4),
    (re.compile(r"^(Empty)?LTXV|^LTXVImgToVideo"), 32, 8),
    (re.compile(r"Mochi"), 16, 6),
    (re.compile(r"Cosmos"), 16, 8),
    (re.compile(r"^(Wan|Empty(Hunyuan|Wan)|Hunyuan|HyVideo|TextEncodeHunyuan)"), 16, 4),
)
"""By class of a node: the multiple of the sides in pixels, and the step of the frames (each plus one)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Sides are multiples of `side_multiple` pixels, lengths `first_frames` plus multiples of `frames_step`."""

    side_multiple: int = 8
    first_frames: int = 1
    frames_step: int = 1
    most_frames: int | None = None

    def nearest_frames(self, asked: int) -> int:
        """The length on the grid that is nearest; of two the longer one."""
        steps = max(0, (asked - self.first_frames + self.frames_step // 2) // self.frames_step)
        if self.most_frames is not None:
            steps = min(steps, max(0, (self.most_frames - self.first_frames) // self.frames_step))
        return self.first_frames + steps * self.frames_step

    def longest(self, most: int) -> int:
        """The greatest length on the grid that is no more than `most`."""
        return self.first_frames + max(0, most - self.first_frames) // self.frames_step * self.frames_step


def grid_of(kinds: Iterable[str], limits: Limits) -> Grid:
    """The grid of a graph of these classes: what its sidecar says, else the coarsest that one of them asks for."""
    known = [(side, step) for kind in kinds for pattern, side, step in _STEPS if pattern.search(kind)]
    step = limits.frames_step or max((step for _, step in known), default=1)
    return Grid(
        side_multiple=limits.side_multiple or max((side for side, _ in known), default=8),
        first_frames=limits.min_frames or 1,
        frames_step=step,
        most_frames=limits.max_frames,
    )
