"""Blocks that are left out at steps where they would change little, by cache-dit (https://github.com/vipshop/cache-dit).

The first block is computed at every step. Where its residual is close to that of the last whole step, the blocks after
it are not computed: their last residual is added again ("DBCache", F1B0; also known as first-block cache).
"""

from __future__ import annotations

import logging
from typing import Any

THRESHOLD = 0.12
"""The relative change of the first residual up to which the others are taken as they were."""

WARM_UP_STEPS = 8
"""Computed whole at the beginning, where the picture takes shape."""

IN_A_ROW = 3
"""So many steps may be left out one after the other."""


class BlockCache:
    """The caches of a pipeline's denoisers; they live as long as these."""

    def __init__(self, parts: list[Any]) -> None:
        logging.getLogger("CACHE_DIT").setLevel(logging.ERROR)
        import cache_dit

        self._parts = parts
        for part in parts:
            # Of a model alone: of a pipeline, cache-dit would change the class for every other one of its kind.
            cache_dit.enable_cache(part, cache_config=_configuration(1, separate=False), attention_backend="native")

    def begin(self, pipe: Any, steps: int, guidance: float) -> None:
        """A run of so many steps: nothing of the one before is kept, also where that was broken off."""
        import cache_dit
        from cache_dit.caching.block_adapters import BlockAdapterRegister

        # Some pipelines call the model twice a step, with and without the prompt: each has a cache of its own.
        separate = guidance > 1 and bool(BlockAdapterRegister.has_separate_cfg(pipe))
        for part in self._parts:
            cache_dit.refresh_context(part, cache_config=_configuration(steps, separate=separate))


def _configuration(steps: int, *, separate: bool) -> Any:
    from cache_dit import DBCacheConfig

    return DBCacheConfig(
        Fn_compute_blocks=1,
        Bn_compute_blocks=0,
        max_warmup_steps=WARM_UP_STEPS,
        max_continuous_cached_steps=IN_A_ROW,
        residual_diff_threshold=THRESHOLD,
        num_inference_steps=steps,
        enable_separate_cfg=separate,
    )
