"""The engines that these settings and this machine offer: for the server, and for whoever asks before there is one."""

from __future__ import annotations

import dataclasses

from reelwright.engines.catalog import Catalog, lacks_nothing
from reelwright.engines.choice import offer_engines, upscaling_lacks
from reelwright.engines.local.devices import ask_torch
from reelwright.engines.refinements import look_for_upscalers
from reelwright.settings import Settings


def offered(settings: Settings, *, gpus: bool = True) -> Catalog:
    """The engines. `gpus` false: those need not be counted, which takes seconds where there are several.

    Raises `ConfigurationError` for an engine or an option that there is not.

    Where this process makes no videos itself, what the chosen engine and its models lack on this machine is of no
    account.
    """
    catalog = offer_engines(
        settings.engine,
        token=settings.hf_token,
        endpoint_token=settings.endpoint_token,
        options=settings.engine_options,
        aliases=settings.model_aliases,
        memory_mb=settings.engine_memory_mb,
        children=settings.workers,
        ask=ask_torch if gpus and settings.workers != 0 else lambda: None,
    )
    refinements = look_for_upscalers(settings.upscalers_dir, upscaling_lacks())
    catalog = dataclasses.replace(catalog, refinements=refinements)
    if settings.workers != 0:
        return catalog
    chosen = dataclasses.replace(catalog.offers[catalog.default], problem=None, lack=lacks_nothing)
    return dataclasses.replace(catalog, offers={**catalog.offers, catalog.default: chosen})
