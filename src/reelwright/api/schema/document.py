"""Makes the OpenAPI document from the routes, the operations that describe them, and the models' cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from reelwright.api.schema import admin, audit, huggingface, native, openai, openrouter, replicate, server
from reelwright.api.schema import keys as key_routes
from reelwright.api.schema.answers import HEADERS
from reelwright.api.schema.bodies import field_schemas
from reelwright.api.schema.operations import Operation, error_answers
from reelwright.api.scopes import scopes_for
from reelwright.engines.catalog import Catalog
from reelwright.store.keys import Scope

DESCRIPTION = """A video-generation server: a prompt goes in, an MP4 comes out.

`videos` is OpenAI's Videos API with more; `native` answers with the file itself; the others are what existing clients
of other services speak. All lead to the same videos."""

TAGS = {
    "videos": "OpenAI's Videos API, also without `/v1`",
    "native": "One request, one file",
    "huggingface": "What a dedicated endpoint of Hugging Face answers",
    "replicate": "Replicate's predictions, files and models",
    "openrouter": "OpenRouter's video API",
    "keys": "API keys, what each may have and has used",
    "admin": "Everybody's jobs, for admins",
    "server": "Health and metrics",
}
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, where there are any"},
    "xApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "api-key", "description": "As Azure's clients send it"},
}


def document(api: FastAPI, catalog: Catalog, *, keys: bool) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes, with the bounds of the usable models.

    `keys`: whether the server asks for API keys. `servers` is missing: `docs_page` adds it to each answer.
    """
    described = operations()
    paths: dict[str, Any] = {}
    for route in iter_route_contexts(api.routes):
        if isinstance(route.original_route, APIRoute):
            path, description = route.original_route.path_format, route.original_route.description
            for method in sorted(route.original_route.methods or ()):
                if operation := described.get((path, method.lower())):
                    told = operation.describe(method, description)
                    paths.setdefault(path, {})[method.lower()] = {"security": _security(method, path, keys), **told}
    fields = field_schemas(catalog.cards(), catalog.refinements)
    voices = {operation.voice.name: operation.voice for operation in described.values()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": api.title,
            "version": api.version,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [*({name: []} for name in SECURITY), *([] if keys else [{}])],
        "paths": paths,
        "webhooks": openai.webhooks(),
        "components": {
            "schemas": {
                **openai.schemas(fields),
                **native.schemas(fields),
                **huggingface.schemas(fields),
                **openrouter.schemas(fields),
                **replicate.schemas(fields),
                **key_routes.schemas(),
                **audit.schemas(),
                **admin.schemas(),
                **server.schemas(),
            },
            "responses": error_answers(voices.values()),
            "headers": {**HEADERS},
            "securitySchemes": SECURITY,
        },
    }


def _security(method: str, path: str, keys: bool) -> list[dict[str, list[str]]]:
    """The `security` of an operation, a list of alternatives: each scope that is enough, with each way to send a key.

    An empty alternative says that no key is needed.
    """
    scopes = scopes_for(method, path)
    wanted = [{name: [scope.value]} for scope in sorted(scopes) for name in SECURITY]
    return [*wanted, *([] if keys or scopes == {Scope.ADMIN} else [{}])]


def operations() -> Mapping[tuple[str, str], Operation]:
    """All operations, by path and method."""
    return {
        **openai.operations(),
        **native.operations(),
        **huggingface.operations(),
        **openrouter.operations(),
        **replicate.operations(),
        **key_routes.operations(),
        **audit.operations(),
        **admin.operations(),
        **server.operations(),
    }
