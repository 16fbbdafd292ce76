"""Engines that other installed packages bring: their entry points in the group `reelwright.engines`.

An entry point's name is the engine's name, and it names a function: from the options that the user has set for that
engine it makes the `Offer`. It is called in the server, so it imports nothing heavy; the engine's class, which the
offer's spec names, is imported in the engine's own process only.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from reelwright.engines.catalog import Offer
from reelwright.engines.child import Spec
from reelwright.errors import ConfigurationError

GROUP = "reelwright.engines"

_log = logging.getLogger(__name__)


def installed_engines(
    options: Mapping[str, Mapping[str, Any]], taken: Collection[str], memory_mb: int | None
) -> dict[str, Offer]:
    """The offers by the engines' names. `options` are by engine name, too; `taken`: names that are somebody else's.

    An engine that cannot be offered is there with its `problem`: it keeps no server from starting that does not need
    it. Raises `ConfigurationError` where two packages claim one name, and what an engine says of a wrong option.
    """
    offers: dict[str, Offer] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        if point.name in taken or point.name in offers:
            raise ConfigurationError(
                f"The package {_package(point)} brings an engine named {point.name!r}, but there is one of that name. "
                "Uninstall one of them."
            )
        offers[point.name] = _offer(point, options.get(point.name, {}), memory_mb)
    return offers


def _offer(point: EntryPoint, options: Mapping[str, Any], memory_mb: int | None) -> Offer:
    try:
        offer: Offer = point.load()(options)
        problem = _flaw(point.name, offer)
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - somebody else's code, and what it raises is told
        _log.warning("the engine %s cannot be offered", point.name, exc_info=True)
        problem = f"{type(error).__name__}: {error}"
    if problem is None:
        spec = offer.spec
        limit = memory_mb if spec.memory_mb is None and not spec.upstream else spec.memory_mb
        return replace(offer, spec=replace(spec, memory_mb=limit))
    told = f"The engine {point.name!r} of the package {_package(point)} cannot be used. {problem}"
    return Offer(spec=Spec(engine=point.name, options=options), cards=(), problem=told)


def _flaw(name: str, offer: object) -> str | None:
    """Why that is no offer of this engine; None: it is one."""
    if not isinstance(offer, Offer):
        return f"Its entry point must return an Offer, not {type(offer).__name__}."
    if not offer.cards and not offer.problem:
        return "Its offer has no card, and no problem that would say why."
    if other := next((card.engine for card in offer.cards if card.engine != name), None):
        return f"One of its cards is of the engine {other!r}."
    return None


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.module
