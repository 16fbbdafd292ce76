"""Which engines this machine can offer, and which one is the default, with the reason in words.

Looks only at names, files and settings: no heavy library is imported, nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from typing import Any

from reelwright.engines.catalog import Catalog, Offer
from reelwright.engines.child import Spec
from reelwright.engines.huggingface import card as huggingface_card
from reelwright.engines.huggingface.engine import ENDPOINT_TOKEN_VARIABLE, TOKEN_VARIABLE
from reelwright.engines.huggingface.options import Options as HuggingFaceOptions
from reelwright.engines.local import card as local_card
from reelwright.engines.local import devices
from reelwright.engines.local.devices import View, ask_torch
from reelwright.engines.local.inventory import Inventory
from reelwright.engines.local.options import Options as LocalOptions
from reelwright.engines.local.share import Gpus, count_gpus, groups_of, shares
from reelwright.engines.sketch.card import CARD as SKETCH_CARD
from reelwright.errors import ConfigurationError

LOCAL_CANCEL_GRACE_S = 60.0
"""A cancelled job ends between two blocks of its network; what may take longer is to load weights or to compile, which
the next job gains by."""
ONE_HEAP = {"MALLOC_ARENA_MAX": "1"}
"""glibc: threads that take turns at one interpreter need no heap each, and one heap stays in the cache."""


def offer_engines(
    wanted: str,
    *,
    token: str | None,
    endpoint_token: str | None,
    options: Mapping[str, Mapping[str, Any]],
    aliases: Mapping[str, str],
    memory_mb: int | None,
    children: int | None = None,
    ask: Callable[[], View | None] = ask_torch,
) -> Catalog:
    """All engines as this server offers them; `wanted` is an engine's name or `auto`.

    `options` are by engine name; `children`: how many child processes each engine has; None: one, and of `local` one a
    GPU, which are counted by `ask` where there may be several. Raises `ConfigurationError` for
    an unknown engine or option.
    """
    unknown = sorted(set(options) - {"sketch", "huggingface", "local"})
    if unknown:
        raise ConfigurationError(f"REELWRIGHT_ENGINE_OPTIONS names an unknown engine: {unknown[0]!r}.")
    offers = {
        "huggingface": _huggingface(options.get("huggingface", {}), token, endpoint_token),
        "local": _local(options.get("local", {}), memory_mb, children, ask),
        "sketch": Offer(
            spec=Spec(engine="sketch", options=options.get("sketch", {}), memory_mb=memory_mb), cards=(SKETCH_CARD,)
        ),
    }
    if wanted == "auto":
        default, reason = _choose(offers, token)
    elif wanted in offers:
        default, reason = wanted, "chosen in the settings"
    else:
        raise ConfigurationError(
            f"REELWRIGHT_ENGINE={wanted!r} is not an engine. Use auto, {', '.join(sorted(offers))}."
        )
    return Catalog(offers=offers, default=default, reason=reason, aliases=aliases)


def _choose(offers: Mapping[str, Offer], token: str | None) -> tuple[str, str]:
    if not offers["huggingface"].problem:
        return "huggingface", "HF_TOKEN is set" if token else "an endpoint is configured"
    if not offers["local"].trouble:
        machine, torch = devices.look(), devices.installed_torch()
        if machine.gpu and torch and (wrong := devices.wrong_build(machine, torch)):
            return "sketch", f"procedural drawing, no AI. {wrong}"
        if machine.gpu:
            return "local", "torch, a GPU and the weights are here"
    return "sketch", "no HF_TOKEN, and no GPU with weights: procedural drawing, no AI"


def _huggingface(options: Mapping[str, Any], token: str | None, endpoint_token: str | None) -> Offer:
    parsed = HuggingFaceOptions.parse(options)
    problem = None
    if not token and not parsed.endpoint_url:
        problem = "Server configuration error: HF_TOKEN is not set"
    tokens = {TOKEN_VARIABLE: token, ENDPOINT_TOKEN_VARIABLE: endpoint_token}
    own = {name: value for name, value in tokens.items() if value}
    return Offer(
        spec=Spec(engine="huggingface", options=options, environment=ONE_HEAP | own, upstream=True),
        cards=huggingface_card.cards(options),
        slots=parsed.slots,
        problem=problem,
    )


def _local(
    options: Mapping[str, Any], memory_mb: int | None, children: int | None, ask: Callable[[], View | None]
) -> Offer:
    parsed = LocalOptions.parse(options)
    problem = _local_problem()
    gpus = Gpus() if problem or parsed.device != "auto" else count_gpus(devices.look(), os.environ, ask)
    each = parsed.gpus_per_video
    number = len(groups_of(gpus.names, each)) if children is None else max(1, children)
    return Offer(
        spec=Spec(
            engine="local",
            options=options,
            memory_mb=memory_mb,
            shares=shares(number, parsed.device, os.environ, gpus, each),
            cancel_grace_s=LOCAL_CANCEL_GRACE_S,
        ),
        cards=local_card.cards(options),
        slots=parsed.slots,
        problem=problem,
        children=number,
        lack=Inventory(parsed.models).lack,
        empty="The local engine has no weights yet: `reelwright pull svd` fetches some, or name a folder",
    )


def _local_problem() -> str | None:
    missing = [name for name in ("torch", "diffusers") if importlib.util.find_spec(name) is None]
    if missing:
        return f"The local engine needs {' and '.join(missing)}: pip install 'reelwright[local]'"
    return None


def upscaling_lacks() -> str | None:
    """What upscaling models need and this machine does not have, with the remedy."""
    needed = ("torch", "spandrel", "einops", "psutil", "safetensors")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    return f"Upscaling needs {' and '.join(missing)} on this server: pip install 'reelwright[upscale]'"
