"""The engines that these settings and this machine offer: for the server, and for whoever asks before there is one."""

from __future__ import annotations

from reelwright.engines.catalog import Catalog
from reelwright.engines.choice import offer_engines
from reelwright.settings import Settings


def offered(settings: Settings) -> Catalog:
    """Raises `ConfigurationError` for an engine or an option that there is not."""
    return offer_engines(
        settings.engine,
        token=settings.hf_token,
        endpoint_token=settings.endpoint_token,
        options=settings.engine_options,
        aliases=settings.model_aliases,
        memory_mb=settings.engine_memory_mb,
        children=settings.workers,
    )
