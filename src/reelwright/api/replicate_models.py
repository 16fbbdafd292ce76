"""Replicate's routes beside predictions and files: models and their versions, the account, the webhooks' secret.

A model here is a card; it has one version, whose id is a digest of its name. The version's `openapi_schema` tells the
clients which inputs there are (LangChain takes the first one for the prompt) and that the output is one file.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.clock import iso_milliseconds
from reelwright.engines.catalog import Catalog
from reelwright.engines.engine import Card
from reelwright.errors import BadRequest, NotFound
from reelwright.video import MAX_SEED, Task

_WORDS: Mapping[str, tuple[str, str]] = {
    "negative_prompt": ("string", "What the video should not show"),
    "num_inference_steps": ("integer", "Number of denoising steps"),
    "guidance_scale": ("number", "How closely to follow the prompt"),
    "motion_bucket_id": ("integer", "How much motion there is, 1–255"),
    "noise_aug_strength": ("number", "Noise added to the image, 0–1"),
    "generate_audio": ("boolean", "Whether the video has sound"),
}


class ReplicateModels:
    """Answers requests about models, and finds the model that a `version` means."""

    def __init__(self, *, catalog: Catalog, started: datetime, secret: Callable[[str], str]) -> None:
        """`started`: when the server was started, which is told as the time at which its models were created.
        `secret` returns the secret that signs the webhooks of an owner."""
        self._catalog = catalog
        self._started = started
        self._secret = secret

    def model_of(self, version: str) -> str | None:
        """The model that a `version` means, None for the configured engine.

        It is a version's id, an alias, a model's name, `owner/name` or `owner/name:anything`. Raises `BadRequest`.
        """
        name = self._catalog.aliases.get(version, version).partition(":")[0]
        for card in self._catalog.cards():
            if name == version_id(path_of(card.model)):
                return card.model
        try:
            return self._catalog.named(name if "/" in name else f"reelwright/{name}")
        except BadRequest as error:
            raise BadRequest(error.message, code=error.code, field="version") from None

    def named(self, path: str) -> str | None:
        """The model that an `owner/name` in a path means, None for the configured engine. Raises `NotFound`."""
        try:
            return self._catalog.named(path)
        except BadRequest as error:
            raise NotFound(error.message, field="model") from None

    def card(self, path: str) -> Card:
        """The card of the model `owner/name`. Raises `NotFound`."""
        return self._card(self.named(path))

    def facts(self, card: Card, base_url: str) -> dict[str, Any]:
        """Replicate's model object."""
        path = path_of(card.model)
        owner, _, name = path.partition("/")
        return {
            "url": f"{base_url}v1/models/{path}",
            "owner": owner,
            "name": name,
            "description": card.description,
            "visibility": "public",
            "is_official": False,
            "github_url": None,
            "paper_url": None,
            "license_url": None,
            "run_count": 0,
            "cover_image_url": None,
            "default_example": None,
            "latest_version": self._version(card),
        }

    async def versions(self, owner: str, name: str) -> Response:
        """The model's one version."""
        version = self._version(self.card(f"{owner}/{name}"))
        return JSONResponse({"previous": None, "next": None, "results": [version]})

    async def version(self, owner: str, name: str, version: str) -> Response:
        """A version of the model, by its id or by another value that the `version` of a prediction may have."""
        card = self.card(f"{owner}/{name}")
        try:
            named = self._card(self.model_of(version))
        except BadRequest:
            named = None
        if named is not card:
            raise NotFound(f"The model {path_of(card.model)} has no version {version[:80]!r}", field="version")
        return JSONResponse({**self._version(card), "id": version})

    async def account(self, request: Request) -> Response:
        """Whose key this is."""
        owner = request.state.owner or "reelwright"
        return JSONResponse({"type": "user", "username": owner, "name": owner, "github_url": None, "avatar_url": None})

    async def webhook_secret(self, request: Request) -> Response:
        """The secret with which receivers verify this key's webhooks. It cannot forge webhooks of other keys."""
        key = await asyncio.to_thread(self._secret, request.state.owner)
        return JSONResponse({"key": key}, headers={"Cache-Control": "no-store"})

    async def absent(self, request: Request) -> Response:
        """Answers 404 to requests for what Replicate has and a single server has no use for."""
        what = request.scope["path"].split("/")[2]
        raise NotFound(f"This server has no {what}. Name one of GET /v1/models, in predictions, too.")

    def _card(self, model: str | None) -> Card:
        default = self._catalog.default_card
        return next((card for card in self._catalog.cards() if card.model == model), default)

    def _version(self, card: Card) -> dict[str, Any]:
        return {
            "id": version_id(path_of(card.model)),
            "created_at": iso_milliseconds(self._started),
            "cog_version": "0",
            "openapi_schema": _schema(card),
        }


def replicate_models_router(calls: ReplicateModels) -> APIRouter:
    """Include it before `/v1/models/{model}`: that route's names may have slashes, so it would match these paths."""
    router = APIRouter(tags=["replicate"])
    router.add_api_route("/v1/models/{owner}/{name}/versions", calls.versions, methods=["GET"])
    router.add_api_route("/v1/models/{owner}/{name}/versions/{version}", calls.version, methods=["GET"])
    router.add_api_route("/v1/account", calls.account, methods=["GET"])
    router.add_api_route("/v1/webhooks/default/secret", calls.webhook_secret, methods=["GET"])
    every = ["GET", "POST", "PATCH", "DELETE"]
    for what in ("deployments", "trainings", "collections", "hardware"):
        for path in (f"/v1/{what}", f"/v1/{what}/{{rest:path}}"):
            router.add_api_route(path, calls.absent, methods=every, include_in_schema=False)
    return router


def path_of(model: str) -> str:
    """The model's `owner/name`."""
    return model if "/" in model else f"reelwright/{model}"


def version_id(path: str) -> str:
    """The id of the one version of the model `path` (`owner/name`): 64 hex digits, as at Replicate."""
    return hashlib.sha256(f"reelwright version of {path}".encode()).hexdigest()


def _schema(card: Card) -> dict[str, Any]:
    """The part of a Cog model's OpenAPI document that describes what goes in and out."""
    properties = _properties(card)
    for order, value in enumerate(properties.values()):
        value["x-order"] = order
    required = ["prompt"] if Task.TEXT_TO_VIDEO in card.tasks else ["prompt", "image"]
    return {
        "openapi": "3.0.2",
        "info": {"title": card.title, "version": "0.1.0"},
        "paths": {},
        "components": {
            "schemas": {
                "Input": {"title": "Input", "type": "object", "required": required, "properties": properties},
                "Output": {"title": "Output", "type": "string", "format": "uri"},
            }
        },
    }


def _properties(card: Card) -> dict[str, dict[str, Any]]:
    """The inputs that change what this model makes."""
    properties = {"prompt": _property("Prompt", "string", "What the video shows")}
    if Task.IMAGE_TO_VIDEO in card.tasks:
        properties["image"] = _property("Image", "string", "The first frame: PNG, JPEG or WebP", format="uri")
    if "last_image" in card.honours:
        properties["last_image"] = _property(
            "Last Image", "string", "The last frame, in the same formats", format="uri"
        )
    sides = {"minimum": card.min_side, "maximum": card.max_side, "multipleOf": card.side_multiple}
    fastest = min(card.max_fps, 60)
    properties |= {
        "num_frames": _property(
            "Num Frames",
            "integer",
            "Number of frames",
            default=card.default_frames,
            minimum=card.min_frames,
            maximum=card.max_frames,
        ),
        "duration": _property("Duration", "number", "Length in seconds, instead of num_frames"),
        "fps": _property("Fps", "integer", "Frames a second", default=card.default_fps, minimum=1, maximum=fastest),
        "width": _property("Width", "integer", "Width in pixels", default=card.default_width, **sides),
        "height": _property("Height", "integer", "Height in pixels", default=card.default_height, **sides),
        "resolution": _property("Resolution", "string", 'The size in words, "720p", or in pixels, "1280x720"'),
        "aspect_ratio": _property("Aspect Ratio", "string", 'The shape, "16:9"'),
        "seed": _property("Seed", "integer", "Drawn and reported when absent", minimum=0, maximum=MAX_SEED),
    }
    for name, (kind, description) in _WORDS.items():
        if name in card.honours:
            properties[name] = _property(name.replace("_", " ").title(), kind, description)
    return properties


def _property(title: str, kind: str, description: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "type": kind, "description": description, **more}
