"""The cards of the configured models. Pure data, without any network: an upstream may start later than this server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwright.engines.engine import Card
from reelwright.engines.openai.models import to_card
from reelwright.engines.openai.options import ENGINE, Options


def cards(options: Mapping[str, Any]) -> tuple[Card, ...]:
    """One card per configured model, the default first. Raises `ConfigurationError` for options that make no sense."""
    configured = Options.parse(options)
    hosts = [one.name for one in configured.upstreams]
    served_by = "a server that speaks /v1/videos" if len(hosts) < 2 else f"{len(hosts)} servers that speak /v1/videos"
    return tuple(to_card(model, ENGINE, served_by) for model in configured.models)
