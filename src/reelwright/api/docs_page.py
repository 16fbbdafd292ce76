"""The API's document at `/openapi.json`, and Swagger UI over it at `/docs`.

Swagger UI comes from the package `fastapi-swagger`, of which only the two static files are used.
"""

from __future__ import annotations

import html
import json
import time
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from reelwright.api.addresses import prefix
from reelwright.api.page import Sheet, make_sheet, send_sheet
from reelwright.errors import NotFound

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""Swagger UI draws its icons from data URIs and shows what it has downloaded."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reelwright API</title>
<link rel="icon" href="PREFIX/favicon.ico" type="image/svg+xml">
<link rel="stylesheet" href="PREFIX/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="PREFIX/docs/swagger-ui-bundle.js"></script>
<script src="PREFIX/docs/start.js"></script>
</body>
</html>
"""
_START = """// The API key is the page's, of this tab or of this device; Swagger UI keeps it no longer than itself.
const key = sessionStorage.getItem("reelwright.key") || localStorage.getItem("reelwright.key");
const ui = SwaggerUIBundle({
  url: new URL("../openapi.json", document.currentScript.src).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
  syntaxHighlight: false,
  onComplete: () => key && ui.preauthorizeApiKey("bearer", key),
});
"""


PREFIXES = 8
"""A proxy has one path prefix, or a few. A trusted one may be any peer: what is kept for them is bounded."""


def docs_router(document: Callable[[bool], Mapping[str, Any]], keyed: Callable[[], bool]) -> APIRouter:
    """`document` makes the OpenAPI document, without `servers`, of a server that asks for keys or does not; it is asked
    once for each, when somebody wants it. `keyed`: whether keys are asked for now."""
    router = APIRouter(include_in_schema=False)
    whole = cache(document)
    files, started = cache(_files), time.time()

    @lru_cache(PREFIXES)
    def described(before: str, keyed: bool) -> Sheet:
        told = {**whole(keyed), "servers": [{"url": before or "/"}]}
        return make_sheet("application/json", json.dumps(told, ensure_ascii=False, separators=(",", ":")), started)

    @lru_cache(PREFIXES)
    def page(before: str) -> Sheet:
        return make_sheet("text/html", _PAGE.replace("PREFIX", html.escape(before)), started)

    async def openapi(request: Request) -> Response:
        return send_sheet(request, await run_in_threadpool(described, prefix(request), keyed()), immutable=False)

    async def docs(request: Request) -> Response:
        return send_sheet(request, page(prefix(request)), immutable=False, policy=POLICY)

    async def file(request: Request, name: str) -> Response:
        if name not in files():
            raise NotFound("Route not found")
        return send_sheet(request, files()[name], immutable=False, policy=POLICY)

    for path, endpoint in (("/openapi.json", openapi), ("/docs", docs), ("/docs/{name}", file)):
        router.add_api_route(path, endpoint, methods=["GET", "HEAD"])
    return router


def _files() -> dict[str, Sheet]:
    with resources.as_file(resources.files("fastapi_swagger") / "resources") as folder:
        script, style = folder / "swagger-ui-bundle.js", folder / "swagger-ui.css"
        modified = max(script.stat().st_mtime, style.stat().st_mtime)
        return {
            script.name: make_sheet("text/javascript", script.read_text("utf-8"), modified),
            style.name: make_sheet("text/css", style.read_text("utf-8"), modified),
            "start.js": make_sheet("text/javascript", _START, modified),
        }
