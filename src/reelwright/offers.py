"""The engines that these settings and this machine offer, for the server and for commands that ask before one runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from reelwright.engines.catalog import Catalog, lacks_nothing
from reelwright.engines.choice import offer_engines, upscaling_lacks
from reelwright.engines.local.devices import ask_torch
from reelwright.engines.refinements import look_for_upscalers
from reelwright.settings import Settings


def offered(settings: Settings, *, gpus: bool = True) -> Catalog:
    """The engines. `gpus` False: do not count the GPUs, which takes seconds where there are several.

    Raises `ConfigurationError` for an engine or an option that there is not.

    Where this process makes no videos itself (`REELWRIGHT_WORKERS=0`), it is not checked whether the chosen engine can
    work on this machine.
    """
    catalog = offer_engines(
        settings.engine,
        token=settings.hf_token,
        endpoint_token=settings.endpoint_token,
        provider_keys=settings.provider_keys,
        options=_options(settings),
        secrets={"comfyui": settings.comfyui_token, "openai": settings.upstream_token},
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


def _options(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """The engines' options; those with a setting of their own are from there, unless they stand among the options."""
    comfyui: dict[str, Any] = {"workflows": str(settings.comfyui_workflows)}
    if settings.comfyui_url:
        comfyui["urls"] = list(settings.comfyui_url)
    openai: dict[str, Any] = {}
    if settings.upstream_url:
        openai["upstreams"] = [{"url": url, "model": settings.upstream_model} for url in settings.upstream_url]
    given = settings.engine_options
    return {
        **given,
        "comfyui": comfyui | given.get("comfyui", {}),
        "openai": openai | given.get("openai", {}),
    }
