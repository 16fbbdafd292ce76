"""`GET /v1/models`: what this server can make videos with, each with its card."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from reelwright.engines.catalog import RETIRED_MODEL, Catalog
from reelwright.engines.engine import Card
from reelwright.errors import Code, NotFound


def models_router(catalog: Catalog, created: int) -> APIRouter:
    """`created`: seconds since the epoch, for the field of that name."""
    router = APIRouter(tags=["openai"])

    @router.get("/v1/models")
    async def models() -> Response:
        """All usable models, the default first."""
        data = [_model(card, created, default=card is catalog.default_card) for card in catalog.cards()]
        return JSONResponse({"object": "list", "data": data})

    @router.get("/v1/models/{model:path}")
    async def model(model: str) -> Response:
        """One model, by its name, an alias (OpenAI's own names too) or its engine's name."""
        wanted = catalog.aliases.get(model, model)
        for card in catalog.cards():
            if wanted in (card.model, card.engine) or RETIRED_MODEL.fullmatch(wanted):
                return JSONResponse(_model(card, created, default=card is catalog.default_card))
        raise NotFound(f"There is no model {model[:120]!r} here", code=Code.NOT_FOUND, field="model")

    return router


def _model(card: Card, created: int, *, default: bool) -> dict[str, Any]:
    values = {**dataclasses.asdict(card), "honours": sorted(card.honours), "tasks": list(card.tasks)}
    return {
        "id": card.model,
        "object": "model",
        "created": created,
        "owned_by": card.engine,
        "default": default,
        "card": values,
    }
