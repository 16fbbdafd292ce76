"""`GET /v1/models`: what this server can make videos with, each with its card.

OpenAI's clients and Replicate's ask at the same addresses, so an answer is both at once: OpenAI's list is Replicate's
page, and a model has the facts of both.
"""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api import openai, replicate
from reelwright.api.addresses import base_url
from reelwright.api.errors import Dialect
from reelwright.api.replicate_models import ReplicateModels
from reelwright.api.schema.openai_objects import INITIAL_CHECKPOINT
from reelwright.engines.catalog import RETIRED_MODEL, Catalog, Lack
from reelwright.engines.engine import Card
from reelwright.errors import Code, NotFound, ReelwrightError


def models_router(catalog: Catalog, created: int, others: ReplicateModels) -> APIRouter:
    """`created`: seconds since the epoch, for the field of that name. `others`: Replicate's."""
    router = APIRouter(tags=["openai"])

    def told(card: Card, request: Request) -> dict[str, Any]:
        own = _model(card, created, catalog.lack(card), default=card is catalog.default_card) | {
            "refinements": catalog.refinements.to_json()
        }
        return {**own, **others.facts(card, base_url(request))}

    @router.get("/v1/models")
    async def models(request: Request) -> Response:
        """All usable models, the default first, and those whose weights are not here last."""
        found = [told(card, request) for card in catalog.cards()]
        return JSONResponse({"object": "list", "data": found, "previous": None, "next": None, "results": found})

    @router.get("/v1/models/{model:path}")
    async def model(request: Request, model: str) -> Response:
        """One model, by its name, an alias (OpenAI's own names too), its engine's name or as `owner/name`."""
        wanted = catalog.aliases.get(model, model)
        for card in catalog.cards():
            if wanted in (card.model, card.engine) or RETIRED_MODEL.fullmatch(wanted):
                return JSONResponse(told(card, request))
        if "/" in model:
            return JSONResponse(told(others.card(model), request))
        raise NotFound(f"There is no model {model[:120]!r} here", code=Code.NOT_FOUND, field="model")

    return router


def _model(card: Card, created: int, lack: Lack | None, *, default: bool) -> dict[str, Any]:
    facts = dataclasses.asdict(card)
    facts[INITIAL_CHECKPOINT] = facts.pop("initial_checkpoint")
    values = {
        **facts,
        "ready": lack is None,
        "lacks": lack.why if lack else None,
        "pull": lack.pull if lack else None,
        "honours": sorted(card.honours),
        "params": sorted(card.params),
        "tasks": list(card.tasks),
    }
    return {
        "id": card.model,
        "object": "model",
        "created": created,
        "owned_by": card.engine,
        "default": default,
        "card": values,
    }


def _render(_request: Request, error: ReelwrightError, _now: datetime) -> Response:
    told = replicate.problem(error)
    return JSONResponse({**told, "error": openai.error_object(error)}, told["status"])


MODELS = Dialect(paths=re.compile(r"/v1/models/[^/]+/[^/]+"), render=_render)
"""A model's path of two parts, where clients of both dialects ask: its errors are in both forms, too."""
