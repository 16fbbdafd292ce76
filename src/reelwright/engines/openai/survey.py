"""Finds out what is at an address, for `reelwright doctor`, by questions that cost the server nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.engines.openai.options import Upstream
from reelwright.engines.upstream.outcomes import reason_of

if TYPE_CHECKING:
    import httpx2

SECONDS = 5.0
SHOWN_MODELS = 5
_KINDS = {"vllm": "vLLM-Omni", "vllm-omni": "vLLM-Omni", "sglang": "SGLang"}
"""By `owned_by` of the models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`detail` says what is there; `remedy` the next step where it is not usable (`ok` false), or not as good as it
    could be."""

    ok: bool
    detail: str
    remedy: str | None = None


def found_at(upstream: Upstream, headers: Mapping[str, str], wanted: str | None, *, seconds: float = SECONDS) -> Found:
    """Ask the server for its models and its newest video. `wanted`: the model's name there, if one is sent.

    Raises nothing for a server that is away or answers nonsense.
    """
    import httpx2

    try:
        with httpx2.Client(headers=dict(headers), timeout=seconds) as client:
            models = client.get(f"{upstream.url}/v1/models")
            videos = client.get(f"{upstream.url}/v1/videos?limit=1")
    except httpx2.HTTPError as error:
        told = f"{upstream.name} does not answer ({reason_of(error)})"
        return Found(ok=False, detail=told, remedy="Start it, or correct REELWRIGHT_UPSTREAM_URL")
    if trouble := _trouble(upstream.name, videos):
        return trouble
    listed = _models(models)
    names = [str(model["id"]) for model in listed]
    detail = f"{upstream.name} is {_kind(listed)}"
    if names:
        detail += f" with {', '.join(names[:SHOWN_MODELS])}{' …' if len(names) > SHOWN_MODELS else ''}"
    if wanted and names and wanted not in names:
        remedy = "Correct REELWRIGHT_UPSTREAM_MODEL (or the engine's option `models`)"
        return Found(ok=False, detail=f"{detail}; it does not list {wanted}", remedy=remedy)
    if not videos.is_success:
        # LiteLLM's answer to a list without a model.
        detail += "; it lists no videos, so a create that breaks off ends as unknown_outcome"
    return Found(ok=True, detail=detail)


def _trouble(name: str, videos: httpx2.Response) -> Found | None:
    match videos.status_code:
        case 401 | 403:
            remedy = "Set REELWRIGHT_UPSTREAM_TOKEN to a token that it accepts"
            return Found(ok=False, detail=f"{name} does not accept the token", remedy=remedy)
        case 404:
            remedy = "Give the address of the server itself; of vLLM-Omni and SGLang one that serves a video model"
            return Found(ok=False, detail=f"{name} does not speak /v1/videos", remedy=remedy)
        case status if status >= 500:
            return Found(ok=False, detail=f"{name} answers {status}", remedy="Look into its log")
    return None


def _models(response: httpx2.Response) -> list[dict[str, Any]]:
    try:
        body = json.loads(response.text)
    except ValueError:
        return []
    data = body.get("data") if isinstance(body, dict) else None
    return [one for one in data if isinstance(one, dict) and "id" in one] if isinstance(data, list) else []


def _kind(models: list[dict[str, Any]]) -> str:
    if any(isinstance(model.get("card"), dict) for model in models):
        return "a Reelwright"
    kinds = [_KINDS[owner] for model in models if (owner := str(model.get("owned_by")).lower()) in _KINDS]
    return kinds[0] if kinds else "a server of /v1/videos"
