"""What a placement takes of a machine's memory, and which placement a run gets. Nothing here imports torch.

What a run takes is computed from bytes: those of the weights as they are loaded (read from the files, or known from the
recipe before they are here), and of the work for the size that was asked for (`recipe.Work`). It is compared with the
memory that is free, not with a card's round name: a "12 GB" card reports 11.76 GiB, and a desktop takes part of that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reelwright.engines.local.recipe import GIB, ImageRecipe, Placement, Recipe, Tier, Work
from reelwright.engines.local.recipes import TIERS

MARGIN = 400 * 1024**2
MARGIN_SHARE = 0.04
"""What stays free of a device: the larger of the two."""

SPARE = 1.15
"""Kernels' own workspaces, and memory that lies between what is in use, on top of the work."""

STREAMED = GIB
"""The layers that lie on the device at a time when a few of them are there."""

WORDS = {
    Placement.RESIDENT: "whole",
    Placement.MODEL: "by component",
    Placement.GROUPED: "by layers",
    Placement.LEAN: "lean",
}
"""What a placement is called before people."""

_BYTES = {"float16": 2, "bfloat16": 2, "float32": 4}


class Kind(StrEnum):
    """How a machine's memory is made: a card with memory of its own, one memory for both (Apple), or no GPU."""

    CARD = "card"
    UNIFIED = "unified"
    CPU = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Bytes that weights and work may take on the device and in main memory (the same ones but for a card)."""

    kind: Kind
    device: int
    main: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Bytes on the device while a run is at its largest, and in main memory. `rests`: what stays on the device after
    it.
    """

    device: int
    main: int
    rests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one pipeline takes: bytes by component as loaded, and its work, in any size."""

    sizes: Mapping[str, int]
    denoise: Work
    decode: Work
    tile: int
    tiers: tuple[Tier, ...]
    scale: float = 1.0
    """How much wider the numbers are than those that the work was measured with."""

    def possible(self, kind: Kind, wanted: Placement | None = None) -> tuple[Tier, ...]:
        """The tiers that exist on such a machine, fastest first; of the wanted placement only, if one is wanted."""
        if kind is Kind.CARD:
            found = [tier for tier in self.tiers if tier.placement is not Placement.LEAN]
        else:
            # Moving weights between main memory and itself gains nothing.
            lean = next(tier for tier in self.tiers if tier.placement is Placement.LEAN)
            last = dataclasses.replace(lean, placement=Placement.RESIDENT) if kind is Kind.UNIFIED else lean
            found = [self.tiers[0], last]
        return tuple(tier for tier in found if wanted is None or tier.placement is wanted)

    def takes(self, tier: Tier, kind: Kind, width: int, height: int, frames: int) -> Footprint:
        """The footprint of a run that makes `frames` frames of that size in pixels."""
        denoise = self._work(self.denoise, width * height, frames)
        pixels = min(width, self.tile) * min(height, self.tile) if tier.tiled_decode else width * height
        decode = self._work(self.decode, pixels, min(frames, tier.decode_chunk or frames))
        weights, largest = sum(self.sizes.values()), max(self.sizes.values(), default=0)
        if kind is not Kind.CARD:
            whole = weights + max(denoise, decode)
            return Footprint(device=whole, main=whole, rests=weights)
        match tier.placement:
            case Placement.RESIDENT:
                return Footprint(device=weights + max(denoise, decode), main=largest, rests=weights)
            case Placement.MODEL:
                alone = [size + self._beside(name, denoise, decode) for name, size in self.sizes.items()]
                return Footprint(device=max(alone, default=max(denoise, decode)), main=weights, rests=0)
            case _:
                return Footprint(device=STREAMED + max(denoise, decode), main=weights, rests=0)

    def choose(
        self, room: Room, width: int, height: int, frames: int, *, wanted: Placement | None = None
    ) -> Tier | None:
        """The fastest tier that fits, of the wanted placement if one is wanted.

        Where none fits the device, the leanest is tried all the same: the figures are estimates, and running out of
        memory there harms one job. In main memory it would end the process: then it is None.
        """
        able = [
            (tier, takes)
            for tier in self.possible(room.kind, wanted)
            if (takes := self.takes(tier, room.kind, width, height, frames)).main <= room.main
        ]
        fitting = (tier for tier, takes in able if takes.device <= room.device)
        return next(fitting, able[-1][0] if able else None)

    def _work(self, work: Work, pixels: int, frames: int) -> int:
        return round(work.at(pixels, frames) * self.scale * SPARE)

    @staticmethod
    def _beside(component: str, denoise: int, decode: int) -> int:
        """The work that is done while a component is on the device. Encoders read a few hundred tokens."""
        if component.startswith("vae"):
            return decode
        return denoise if component.startswith(("transformer", "unet", "motion")) else MARGIN // 2


def needs(recipe: Recipe | ImageRecipe, kind: Kind, sizes: Mapping[str, int] | None = None) -> Needs:
    """`sizes`: bytes by component as loaded; None: as the recipe knows them, for the numbers that the machine uses."""
    plain = kind is Kind.CPU
    if sizes is None:
        sizes = {
            name: round(millions * 1e6) * component_bytes(recipe, name, plain=plain)
            for name, millions in recipe.parameters.items()
        }
    scale = 4 / _BYTES[recipe.dtype] if plain else 1.0
    if isinstance(recipe, ImageRecipe):
        return Needs(sizes=sizes, denoise=recipe.decode, decode=recipe.decode, tile=512, tiers=TIERS, scale=scale)
    return Needs(
        sizes=sizes,
        denoise=recipe.denoise,
        decode=recipe.decode,
        tile=recipe.tile,
        tiers=recipe.tiers,
        scale=scale,
    )


def outlook(recipe: Recipe, room: Room) -> tuple[str, str]:
    """Where the weights of a recipe will be on such a machine for a video of its default size, and how much they take
    of what; both in words, for people.
    """
    if not recipe.parameters:
        return "found out when loaded", ""
    asked, size = needs(recipe, room.kind), (recipe.width, recipe.height, recipe.frames)
    tier = asked.choose(room, *size)
    if tier is None:
        least = min(asked.takes(one, room.kind, *size).main for one in asked.possible(room.kind))
        return "too large for main memory", f"{least / GIB:.0f} of {room.main / GIB:.0f} GiB"
    takes = asked.takes(tier, room.kind, *size)
    where = "in main memory" if room.kind is Kind.CPU else "on the GPU"
    return f"{WORDS[tier.placement]} {where}", f"{takes.device / GIB:.0f} of {room.device / GIB:.0f} GiB"


def component_bytes(recipe: Recipe | ImageRecipe, component: str, *, plain: bool) -> int:
    """Bytes of one number of a component. `plain`: a machine without a GPU, where all are float32."""
    named = recipe.component_dtypes if isinstance(recipe, Recipe) else {}
    return 4 if plain else _BYTES[named.get(component, recipe.dtype)]


def usable(free: int) -> int:
    """Of the bytes that are free on a device, those that may be planned with."""
    return max(0, free - max(MARGIN, round(free * MARGIN_SHARE)))
