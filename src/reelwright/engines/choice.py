"""Which engines this machine can offer, and which one is the default, with the reason in words.

Looks only at names, files and settings: no heavy library is imported, nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from reelwright.engines.catalog import Catalog, Offer
from reelwright.engines.child import Spec
from reelwright.engines.comfyui import card as comfyui_card
from reelwright.engines.comfyui.engine import TOKEN_VARIABLE as COMFYUI_TOKEN_VARIABLE
from reelwright.engines.comfyui.library import read_library
from reelwright.engines.comfyui.options import Options as ComfyUIOptions
from reelwright.engines.huggingface import card as huggingface_card
from reelwright.engines.huggingface.access import HOMES, TOKEN_VARIABLE, VARIABLES, Access, lack
from reelwright.engines.huggingface.engine import ENDPOINT_TOKEN_VARIABLE
from reelwright.engines.huggingface.options import Options as HuggingFaceOptions
from reelwright.engines.installed import installed_engines
from reelwright.engines.local import card as local_card
from reelwright.engines.local import devices
from reelwright.engines.local.devices import View, ask_torch
from reelwright.engines.local.inventory import Inventory
from reelwright.engines.local.options import Options as LocalOptions
from reelwright.engines.local.share import Gpus, count_gpus, groups_of, shares
from reelwright.engines.openai import card as openai_card
from reelwright.engines.openai.engine import TOKEN_VARIABLE as UPSTREAM_TOKEN_VARIABLE
from reelwright.engines.openai.options import Options as OpenAIOptions
from reelwright.engines.openai.options import is_private
from reelwright.engines.sketch.card import CARD as SKETCH_CARD
from reelwright.engines.sketch.card import checked as checked_sketch
from reelwright.errors import ConfigurationError

LOCAL_CANCEL_GRACE_S = 60.0
"""A cancelled job ends between two blocks of its network; what may take longer is to load weights or to compile, which
the next job gains by."""
ONE_HEAP = {"MALLOC_ARENA_MAX": "1"}
"""glibc: threads that take turns at one interpreter need no heap each, and one heap stays in the cache."""
CONFIGURED_UPSTREAMS = {"comfyui": "REELWRIGHT_COMFYUI_URL is set", "openai": "REELWRIGHT_UPSTREAM_URL is set"}
"""Engines that somebody has to have set up on purpose, and how that is told; the first that can work is chosen."""

_WORKFLOWS_COME_FROM = "In ComfyUI, choose “Workflow → Export (API)” and put that file there"


def offer_engines(
    wanted: str,
    *,
    token: str | None,
    endpoint_token: str | None,
    provider_keys: Mapping[str, str | None] = MappingProxyType({}),
    options: Mapping[str, Mapping[str, Any]],
    secrets: Mapping[str, str | None] = MappingProxyType({}),
    aliases: Mapping[str, str],
    memory_mb: int | None,
    children: int | None = None,
    ask: Callable[[], View | None] = ask_torch,
) -> Catalog:
    """All engines as this server offers them, those of other installed packages too; `wanted` is an engine's name or
    `auto`, which takes none of those.

    `options` are by engine name, and so are `secrets`, the upstreams' tokens; `provider_keys` by their variables
    (`huggingface.access`); `children`: how many child processes each engine has; None: one, and of `local` one a GPU,
    which are counted by `ask` where there may be several. Raises `ConfigurationError` for an unknown engine or option,
    and where the wanted engine has no model at all.
    """
    offers = {
        "comfyui": _comfyui(options.get("comfyui", {}), secrets.get("comfyui")),
        "huggingface": _huggingface(options.get("huggingface", {}), Access.of(token, provider_keys), endpoint_token),
        "local": _local(options.get("local", {}), memory_mb, children, ask),
        "openai": _openai(options.get("openai", {}), secrets.get("openai")),
        "sketch": Offer(
            spec=Spec(engine="sketch", options=checked_sketch(options.get("sketch", {})), memory_mb=memory_mb),
            cards=(SKETCH_CARD,),
        ),
    }
    offers |= installed_engines(options, frozenset(offers), memory_mb)
    if unknown := sorted(set(options) - set(offers)):
        raise ConfigurationError(f"REELWRIGHT_ENGINE_OPTIONS names an unknown engine: {unknown[0]!r}.")
    if wanted == "auto":
        default, reason = choose(offers)
    elif wanted in offers:
        default, reason = wanted, "; ".join(["chosen in the settings", *_bill(wanted, offers[wanted])])
    else:
        raise ConfigurationError(
            f"REELWRIGHT_ENGINE={wanted!r} is not an engine. Use auto, {', '.join(sorted(offers))}."
        )
    if not offers[default].cards:
        raise ConfigurationError(f"REELWRIGHT_ENGINE={default} has no model. {offers[default].problem}")
    return Catalog(offers=offers, default=default, reason=reason, aliases=aliases)


def choose(offers: Mapping[str, Offer]) -> tuple[str, str]:
    """The default engine and why. What somebody has set up on purpose comes first; a token comes after what costs
    nothing, because it may be there only to fetch weights.
    """
    for name, reason in CONFIGURED_UPSTREAMS.items():
        if not offers[name].problem:
            return name, "; ".join([reason, *_bill(name, offers[name])])
    default, reason = _choose_among_the_rest(offers)
    broken = [offers[name] for name in CONFIGURED_UPSTREAMS if _addresses(offers[name])]
    return default, ". ".join([reason, *(f"Not {one.spec.engine}: {one.problem}" for one in broken)])


def _addresses(offer: Offer) -> Sequence[Any]:
    """Where it is to be found, as somebody has set it up."""
    addresses: Sequence[Any] = offer.spec.options.get("urls") or offer.spec.options.get("upstreams") or ()
    return addresses


def _bill(name: str, offer: Offer) -> tuple[str, ...]:
    """What a server that somebody else may run could cost."""
    if name == "openai" and any(not is_private(one.url) for one in OpenAIOptions.parse(offer.spec.options).upstreams):
        return ("its host may bill you for it",)
    return ("a provider may bill you for each video",) if any(card.paid for card in offer.cards) else ()


def _choose_among_the_rest(offers: Mapping[str, Offer]) -> tuple[str, str]:
    huggingface, wrong = offers["huggingface"], None
    if huggingface.spec.options.get("endpoint_url"):
        return "huggingface", "an endpoint is configured; its host may bill you for it"
    if not offers["local"].trouble:
        machine, torch = devices.look(), devices.installed_torch()
        wrong = devices.wrong_build(machine, torch) if machine.gpu and torch else None
        if machine.gpu and not wrong:
            return "local", "torch, a GPU and the weights are here"
    if not huggingface.problem:
        return "huggingface", _who_pays(huggingface)
    if wrong:
        return "sketch", f"procedural drawing, no AI. {wrong}"
    return "sketch", "no HF_TOKEN, and no GPU with weights: procedural drawing, no AI"


def _who_pays(huggingface: Offer) -> str:
    names = [name for name in (TOKEN_VARIABLE, *VARIABLES) if name in huggingface.spec.environment]
    told = "is set; each video is billed to its account"
    if len(names) > 1:
        told = "are set; each video is billed to one of their accounts"
    return f"{' and '.join(names)} {told}"


def _comfyui(options: Mapping[str, Any], token: str | None) -> Offer:
    """Every usable workflow is a model; no ComfyUI is asked."""
    parsed = ComfyUIOptions.parse(options)
    library = read_library(parsed.workflows)
    problem = None
    if not parsed.urls:
        problem = "No ComfyUI is configured. Set REELWRIGHT_COMFYUI_URL"
    elif not library.workflows:
        where = ", ".join(str(place) for place in parsed.workflows)
        problem = f"No workflow in {where} (REELWRIGHT_COMFYUI_WORKFLOWS) can be used. "
        problem += library.problems[0].message if library.problems else _WORKFLOWS_COME_FROM
    own = {COMFYUI_TOKEN_VARIABLE: token} if token else {}
    return Offer(
        spec=Spec(engine="comfyui", options=options, environment=ONE_HEAP | own, upstream=True),
        cards=tuple(comfyui_card.card_of(workflow) for workflow in library.workflows.values()),
        slots=parsed.slots,
        problem=problem,
        children=1,  # more of them would give each ComfyUI more jobs than it is to have
    )


def _huggingface(options: Mapping[str, Any], access: Access, endpoint_token: str | None) -> Offer:
    parsed = HuggingFaceOptions.parse(options, access)
    keys = {HOMES[provider].variable: key for provider, key in access.keys.items()}
    tokens = {TOKEN_VARIABLE: access.token, ENDPOINT_TOKEN_VARIABLE: endpoint_token, **keys}
    own = {name: value for name, value in tokens.items() if value}
    return Offer(
        spec=Spec(engine="huggingface", options=options, environment=ONE_HEAP | own, upstream=True),
        cards=huggingface_card.cards(options, access),
        slots=parsed.slots,
        problem=_huggingface_problem(parsed, access),
    )


def _huggingface_problem(options: HuggingFaceOptions, access: Access) -> str | None:
    if options.lost:
        return lack(route.provider for route in options.left_out)
    if access or options.endpoint_url:
        return None
    return next(iter(access.flaws.values()), "Server configuration error: HF_TOKEN is not set")


def _openai(options: Mapping[str, Any], token: str | None) -> Offer:
    """The cards are configured, or one says what little is known; no upstream is asked."""
    parsed = OpenAIOptions.parse(options)
    problem = None
    if not parsed.upstreams:
        problem = "No upstream is configured. Set REELWRIGHT_UPSTREAM_URL to a server that speaks /v1/videos"
    own = {UPSTREAM_TOKEN_VARIABLE: token} if token else {}
    return Offer(
        spec=Spec(engine="openai", options=options, environment=ONE_HEAP | own, upstream=True),
        cards=openai_card.cards(options),
        slots=parsed.slots,
        problem=problem,
        children=1,  # which knows all jobs that are at the upstreams
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
        empty="The local engine has no weights yet: `reelwright pull svd` fetches some, or name a folder that has them",
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
