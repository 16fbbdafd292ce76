"""The warm pipelines: loaded once, kept while there is room and somebody uses them."""

from __future__ import annotations

from collections.abc import Callable

from reelwright.engines.local import memory, pipeline, speed
from reelwright.engines.local.card import fitting, tiers
from reelwright.engines.local.memory import Device
from reelwright.engines.local.options import Model, Options
from reelwright.engines.local.pipeline import Loaded
from reelwright.engines.local.recipe import Placement, Recipe, Tier

# Of the device's memory, what weights may take: the rest is for the work itself.
_FOR_WEIGHTS = 0.7

_Key = tuple[str, ...]


class Stock:
    """Used by one thread. Least recently used pipelines go first when another needs the room."""

    def __init__(self, device: Device, options: Options) -> None:
        self._device = device
        self._options = options
        self._warm: dict[_Key, Loaded] = {}

    def first_tier(self, recipe: Recipe) -> Tier:
        """The placement that the options name, else the fastest that the device's memory allows, else the leanest."""
        possible = tiers(recipe, accelerator=self._device.accelerator)
        wanted = self._options.placement or fitting(recipe, self._device.memory, accelerator=self._device.accelerator)
        return next((tier for tier in possible if tier.placement is wanted), possible[-1])

    def leaner_tier(self, recipe: Recipe, tier: Tier) -> Tier | None:
        possible = tiers(recipe, accelerator=self._device.accelerator)
        after = possible[possible.index(tier) + 1 :]
        return after[0] if after else None

    def video(self, model: Model, class_name: str, tier: Tier) -> Loaded:
        """The video pipeline, loaded if it is not warm. Its speed levers are on."""

        def load() -> Loaded:
            loaded = pipeline.load_video(
                model, class_name, self._device, tier, previews=self._options.preview_seconds > 0
            )
            chosen = speed.names(model.recipe, self._options, self._device, tier.placement)
            loaded.speedup = speed.switch_on(loaded.pipe, chosen)
            return loaded

        return self._get(
            ("video", model.name, class_name, tier.placement), load, alone=tier.placement is Placement.LEAN
        )

    def image(self, model: Model, tier: Tier) -> Loaded:
        """The text → image pipeline of `model`, which has one."""
        recipe = model.image
        assert recipe is not None

        def load() -> Loaded:
            return pipeline.load_image(model.name, recipe, self._device, tier.placement)

        return self._get(("image", recipe.repo, tier.placement), load, alone=tier.placement is Placement.LEAN)

    def clear(self) -> None:
        """Let everything go and give the memory back."""
        self._warm.clear()
        memory.give_back(self._device.torch_device)

    def _get(self, key: _Key, load: Callable[[], Loaded], *, alone: bool) -> Loaded:
        found = self._warm.pop(key, None)
        if alone and self._warm:
            self.clear()
        if found is None:
            found = self._load(load)
        self._warm[key] = found
        self._drop_surplus(key)
        return found

    def _load(self, load: Callable[[], Loaded]) -> Loaded:
        """One more try with an empty stock when memory runs out while loading."""
        try:
            return load()
        except Exception as error:
            if not (memory.ran_out(error) and self._warm):
                raise
        self.clear()
        return load()

    def _drop_surplus(self, keep: _Key) -> None:
        dropped = False
        for key in [key for key in self._warm if key != keep]:
            if sum(loaded.size for loaded in self._warm.values()) <= _FOR_WEIGHTS * self._device.memory:
                break
            del self._warm[key]
            dropped = True
        if dropped:
            memory.give_back(self._device.torch_device)
