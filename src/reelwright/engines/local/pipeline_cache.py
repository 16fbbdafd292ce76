"""The warm pipelines: loaded once, kept while there is room and somebody uses them.

The pipelines of one model share its components, so text and image requests load nothing twice. What is needed goes
onto the device; what is in its way there goes into main memory, and only what finds no room there either is dropped,
to be read from disk again. Room is made before anything is loaded: a swap never holds two models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwright.engines.local import footprint, memory, pipeline, quantization, speed, tensors, weights
from reelwright.engines.local.footprint import Footprint, Kind, Needs
from reelwright.engines.local.memory import Device
from reelwright.engines.local.options import Model, Options
from reelwright.engines.local.pipeline import Loaded
from reelwright.engines.local.plan import Plan
from reelwright.engines.local.ranks import Ranks
from reelwright.engines.local.recipe import GIB, ImageRecipe, Placement, Recipe, Tier
from reelwright.engines.local.weights import Weights
from reelwright.errors import Code, EngineError


@dataclass(slots=True, kw_only=True)
class _Kept:
    """The pipelines of one model's weights, by class. `rests` bytes of them stay on the device, `size` are all.

    `placed`: the tier and the class by which they were brought to their place last; None: in main memory.
    """

    size: int
    pipes: dict[str, Loaded] = field(default_factory=dict)
    placed: tuple[Tier, str] | None = None
    rests: int = 0

    @property
    def grouped(self) -> bool:
        return self.placed is not None and self.placed[0].placement is Placement.GROUPED


class PipelineCache:
    """Used by one thread."""

    def __init__(self, device: Device, options: Options, ranks: Ranks | None = None) -> None:
        self._device = device
        self._options = options
        self._ranks = ranks
        self._warm: dict[str, _Kept] = {}
        """Least recently used first."""
        self._known: dict[tuple[str, str], Needs] = {}
        self._loads = 0

    def tier(self, plan: Plan) -> Tier:
        """The placement that the options name, else the fastest that the free memory allows for this size.

        Raises EngineError when the placement that was asked for does not exist here, or main memory is too small.
        """
        return self._tier(plan, self._needs_of(plan.model), plan.model.name, plan.frames)

    def leaner(self, plan: Plan, tier: Tier) -> Tier | None:
        """The next one that takes less of the device; None when there is none, or a placement was asked for."""
        possible = self._needs_of(plan.model).possible(self._device.kind, self._options.placement)
        after = possible[possible.index(tier) + 1 :]
        return after[0] if after else None

    def video(self, plan: Plan, tier: Tier) -> Loaded:
        """The video pipeline, in its place. Its speed levers are on."""
        model, class_name = plan.model, plan.variant.pipeline
        needs = self._needs_of(model)
        takes = needs.takes(tier, self._device.kind, plan.spec.width, plan.spec.height, plan.frames)

        def load(kept: _Kept) -> Loaded:
            first = next(iter(kept.pipes.values()), None)
            loaded = pipeline.load_video(
                model,
                class_name,
                self._device,
                tier,
                self._options,
                pipeline.modules(first.pipe) if first else {},
            )
            if first is not None:
                loaded.speedup = first.speedup
            else:
                chosen = speed.names(model.recipe, self._options, self._device, tier.placement)
                loaded.speedup = speed.switch_on(loaded.pipe, chosen, self._options.attention)
                if self._options.quantization == "layerwise":  # after the levers, which replace layers
                    quantization.cast_layerwise(loaded.pipe, self._device.dtype(model.recipe.dtype))
            return loaded

        if self._ranks is not None:
            self._ranks.prepare(model, class_name)
        loaded = self._ready(f"video {model.name}", class_name, tier, takes, sum(needs.sizes.values()), load)
        if self._ranks is not None:
            self._ranks.split(loaded.pipe)
        return loaded

    def image(self, plan: Plan, video: Tier) -> Loaded:
        """The text → image pipeline of the plan's model, which has one, in its place: no faster one than the video's,
        which may be lean because memory ran out.
        """
        recipe, name = plan.model.image, plan.model.name
        assert recipe is not None
        needs = self._needs(recipe, self._weights_of(name, recipe.repo, None, recipe.dtype))
        order = list(Placement)
        tier = self._tier(plan, needs, recipe.name, 1)
        if order.index(tier.placement) < order.index(video.placement):
            tier = next(one for one in needs.tiers if one.placement is video.placement)
        takes = needs.takes(tier, self._device.kind, plan.spec.width, plan.spec.height, 1)

        def load(_: _Kept) -> Loaded:
            return pipeline.load_image(name, recipe, self._device, tier)

        return self._ready(f"image {recipe.repo}", recipe.pipeline, tier, takes, sum(needs.sizes.values()), load)

    def state(self) -> Mapping[str, Any]:
        """The warm models and where their weights are, and how often weights were read from disk."""
        warm = {name: kept.placed[0].placement if kept.placed else "parked" for name, kept in list(self._warm.items())}
        return {"warm": warm, "loads": self._loads}

    def clear(self) -> None:
        """Let everything go and give the memory back."""
        self._warm.clear()
        if self._ranks is not None:
            self._ranks.drop()
        memory.give_back(self._device.torch_device)

    # --- which tier ---------------------------------------------------------------------------------------------------

    def _tier(self, plan: Plan, needs: Needs, name: str, frames: int) -> Tier:
        wanted, kind = self._options.placement, self._device.kind
        possible = needs.possible(kind, wanted)
        if not possible:
            has = ", ".join(dict.fromkeys(tier.placement for tier in needs.possible(kind)))
            here = self._device.describe()
            message = f"Local engine option placement: {str(wanted)!r} does not exist on {here}; {name!r} takes {has}."
            raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
        width, height = plan.spec.width, plan.spec.height
        room = self._device.room(self._held())
        tier = needs.choose(room, width, height, frames, wanted=wanted)
        if tier is None:
            least = min(needs.takes(one, kind, width, height, frames).main for one in possible)
            message = (
                f"Model {name!r} takes {least / GIB:.1f} GiB of main memory at {width}x{height}; "
                f"{room.main / GIB:.1f} GiB are free. Free some, or take a smaller model."
            )
            raise EngineError(message, code=Code.OUT_OF_MEMORY)
        return tier

    def _needs_of(self, model: Model) -> Needs:
        return self._needs(model.recipe, self._weights_of(model.name, model.source, model.revision, model.recipe.dtype))

    def _weights_of(self, name: str, source: str, revision: str | None, dtype: str) -> Weights:
        half = str(self._device.dtype(dtype)) == "torch.float16"
        return weights.pipeline_weights(name, source, revision, half=half)

    def _needs(self, recipe: Recipe | ImageRecipe, found: Weights) -> Needs:
        key = (str(found.folder), found.revision)
        if key not in self._known:
            loaded = {name: count * self._bytes(recipe, name) for name, count in tensors.elements(found.files).items()}
            self._known[key] = footprint.needs(recipe, self._device.kind, loaded)
        return self._known[key]

    def _bytes(self, recipe: Recipe | ImageRecipe, component: str) -> int:
        """Of one number of a component, as it is loaded here."""
        if isinstance(recipe, Recipe) and component in quantization.quantised(self._options.quantization):
            return 1
        return footprint.component_bytes(recipe, component, plain=self._device.kind is Kind.CPU)

    # --- making room --------------------------------------------------------------------------------------------------

    def _ready(
        self, key: str, class_name: str, tier: Tier, takes: Footprint, size: int, load: Callable[[_Kept], Loaded]
    ) -> Loaded:
        kept = self._warm.pop(key, None)
        if kept is not None and kept.grouped and kept.placed != (tier, class_name):
            kept = None  # its layers are tied to where they are
            memory.give_back(self._device.torch_device)
        self._make_room(tier, takes)
        kept = kept or _Kept(size=size)
        if class_name not in kept.pipes:
            kept.pipes[class_name] = self._load(kept, load)
        loaded = kept.pipes[class_name]
        if kept.placed != (tier, class_name):
            pipeline.place(loaded.pipe, self._device, tier)
            kept.placed = (tier, class_name)
        kept.rests = takes.rests
        self._warm[key] = kept
        return loaded

    def _load(self, kept: _Kept, load: Callable[[_Kept], Loaded]) -> Loaded:
        """One more try with an empty pipelines when memory runs out while loading."""
        self._loads += not kept.pipes
        try:
            return load(kept)
        except Exception as error:
            if not (memory.ran_out(error) and self._warm):
                raise
        self.clear()
        return load(kept)

    def _make_room(self, tier: Tier, takes: Footprint) -> None:
        """Of the others, as many as are in the way go off the device, and as many as main memory cannot hold go."""
        if tier.placement is Placement.LEAN:
            dropped = bool(self._warm)
            self._warm.clear()
        else:
            room = self._device.room(self._held())
            for kept in list(self._warm.values()):
                if sum(other.rests for other in self._warm.values()) + takes.device <= room.device:
                    break
                self._park(kept)
            dropped = self._drop_surplus(room.main - takes.main)
        if dropped:
            memory.give_back(self._device.torch_device)

    def _park(self, kept: _Kept) -> None:
        """Off the device. A machine with one memory has nowhere else: there it is dropped with the surplus."""
        if self._device.kind is not Kind.CARD or not kept.rests:
            return
        for loaded in kept.pipes.values():
            pipeline.park(loaded.pipe)
        kept.placed, kept.rests = None, 0
        memory.give_back(self._device.torch_device)

    def _drop_surplus(self, main: int) -> bool:
        """Drop pipelines, least recently used first, until the others fit into `main` bytes of main memory."""
        dropped = False
        while self._warm and self._held() > main:
            del self._warm[next(iter(self._warm))]
            dropped = True
        return dropped

    def _held(self) -> int:
        """Bytes of main memory that the warm pipelines take; those that rest on a card take none."""
        card = self._device.kind is Kind.CARD
        return sum(kept.size for kept in self._warm.values() if not (card and kept.rests))
